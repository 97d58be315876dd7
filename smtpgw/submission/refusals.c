#include "smtpgw/submission/refusals.h"

#include "lib/metrics.h"

static const struct refusal refusals[IDENTITY_VERDICTS] = {
#define SUBMISSION_REFUSAL(id, its_level, its_code, its_enhanced, its_word, its_text)              \
	[IDENTITY_##id] = {its_word, its_enhanced, its_text, its_level, its_code},
#include "smtpgw/submission/refusals.def"
};

static struct metric counted[IDENTITY_VERDICTS] = {
#define SUBMISSION_REFUSAL(id, its_level, its_code, its_enhanced, its_word, its_text)              \
	[IDENTITY_##id] = {.name = "hato_smtpgw_login_refused_total{why=\"" its_word "\"}",        \
			   .help = "logins at a submission port that were refused, by cause",      \
			   .kind = METRIC_COUNTER},
#include "smtpgw/submission/refusals.def"
};

void refusals_register(void)
{
	for (int v = IDENTITY_GOOD + 1; v < IDENTITY_VERDICTS; v++)
		metric_register(&counted[v]);
}

const struct refusal *refusal_of(enum identity_verdict verdict)
{
	return &refusals[verdict];
}

void refusal_count(enum identity_verdict verdict)
{
	metric_add(&counted[verdict], 1);
}
