#include "popgw/counters.h"

#include <stddef.h>

static const struct {
	const char *word;
	bool cuts;
} closes[] = {
#define POP_CLOSE(id, cut, word, text) [CLOSE_##id] = {word, cut},
#include "popgw/close_reasons.def"
};

static const struct {
	const char *word, *answer;
	enum log_level level;
} refusals[] = {
	[REFUSAL_NONE] = {"none", "", LOG_DEBUG},
#define POP_REFUSAL(id, level, word, answer) [REFUSAL_##id] = {word, answer, level},
#include "popgw/refusals.def"
};

static struct metric close_metrics[] = {
#define POP_CLOSE(id, cut, word, text)                                                             \
	[CLOSE_##id] = {.name = "hato_popgw_closed_total{reason=\"" word "\"}",                    \
			.help = "Sessions that ended, by reason",                                  \
			.kind = METRIC_COUNTER},
#include "popgw/close_reasons.def"
};

static struct metric refusal_metrics[] = {
	[REFUSAL_NONE] = {0},
#define POP_REFUSAL(id, level, word, answer)                                                       \
	[REFUSAL_##id] = {.name = "hato_popgw_refused_total{why=\"" word "\"}",                    \
			  .help = "Logins that were refused, by cause",                            \
			  .kind = METRIC_COUNTER},
#include "popgw/refusals.def"
};

static struct metric counters[COUNTERS] = {
	[COUNT_SESSIONS] = {.name = "hato_popgw_sessions",
			    .help = "Sessions that are open",
			    .kind = METRIC_GAUGE},
	[COUNT_LOGINS] = {.name = "hato_popgw_logins_total",
			  .help = "Logins that opened a maildrop",
			  .kind = METRIC_COUNTER},
	[COUNT_RETRIEVED] = {.name = "hato_popgw_retrieved_total",
			     .help = "Messages that went out whole",
			     .kind = METRIC_COUNTER},
	[COUNT_OCTETS] = {.name = "hato_popgw_retrieved_octets_total",
			  .help = "Octets of messages, by RETR and TOP",
			  .kind = METRIC_COUNTER},
	[COUNT_DELETED] = {.name = "hato_popgw_deleted_total",
			   .help = "Messages deleted at QUIT",
			   .kind = METRIC_COUNTER},
	[COUNT_TAKEOVERS] = {.name = "hato_popgw_takeovers_total",
			     .help = "Maildrops taken over from a session whose binding is gone",
			     .kind = METRIC_COUNTER},
	[COUNT_QUARANTINES] = {.name = "hato_popgw_quarantines_total",
			       .help = "Keys that popgw put into quarantine",
			       .kind = METRIC_COUNTER},
};

static struct metric balanced[BALANCED_OUTCOMES] = BALANCED_METRICS("popgw");

struct metric *counters_balanced(void)
{
	return balanced;
}

void counters_register(void)
{
	for (int i = 0; i < BALANCED_OUTCOMES; i++)
		metric_register(&balanced[i]);
	for (int i = 0; i < CLOSE_REASONS; i++)
		metric_register(&close_metrics[i]);
	for (int i = REFUSAL_NONE + 1; i < REFUSALS; i++)
		metric_register(&refusal_metrics[i]);
	for (int i = 0; i < COUNTERS; i++)
		metric_register(&counters[i]);
}

void count(enum counter what, int64_t n)
{
	metric_add(&counters[what], n);
}

void count_close(enum close_reason reason)
{
	metric_add(&close_metrics[reason], 1);
}

void count_refusal(enum refusal why)
{
	metric_add(&refusal_metrics[why], 1);
}

const char *close_word(enum close_reason reason)
{
	return closes[reason].word;
}

bool close_cuts(enum close_reason reason)
{
	return closes[reason].cuts;
}

const char *refusal_word(enum refusal why)
{
	return refusals[why].word;
}

const char *refusal_answer(enum refusal why)
{
	return refusals[why].answer;
}

enum log_level refusal_level(enum refusal why)
{
	return refusals[why].level;
}
