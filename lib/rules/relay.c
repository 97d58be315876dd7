#include "lib/rules/relay.h"

#include <string.h>

#define SPREAD_PARTS 1000 /* of a tenth of the gap */

static bool is_of_the_mail(enum relay_stage stage)
{
	return stage >= RELAY_STAGE_MAIL;
}

/* RFC 821 had 552 for it, and some still say so (RFC 5321 4.5.3.1.10). A code of its own for a full
 * mailbox or a large mail (5.2.2, 5.3.4) tells that it is none. */
static bool is_too_many(const struct relay_answer *a)
{
	return a->stage == RELAY_STAGE_RCPT && a->code == 552 &&
	       (!*a->enhanced || strcmp(a->enhanced, "5.5.3") == 0);
}

enum relay_fate relay_judge(const struct relay_answer *a)
{
	if (a->code == 0)
		return a->enhanced[0] == '5'   ? RELAY_FAILED
		       : a->enhanced[0] == '2' ? RELAY_DELIVERED
					       : RELAY_DEFERRED;
	if (!is_of_the_mail(a->stage) || is_too_many(a))
		return RELAY_DEFERRED;
	if (a->code / 100 == 2)
		return RELAY_DELIVERED;
	return a->code / 100 == 5 ? RELAY_FAILED : RELAY_DEFERRED;
}

const char *relay_enhanced(const struct relay_answer *a)
{
	static const char *const plain[] = {
		[RELAY_DELIVERED] = "2.0.0", [RELAY_DEFERRED] = "4.0.0", [RELAY_FAILED] = "5.0.0"};

	return *a->enhanced ? a->enhanced : plain[relay_judge(a)];
}

/* Knuth's multiplicative hash: neighbours are far apart. */
static int64_t spread(int64_t mail_id, uint32_t attempts, int64_t gap_us)
{
	uint64_t h = ((uint64_t)mail_id + attempts) * UINT64_C(11400714819323198485);

	return gap_us / 10 / SPREAD_PARTS * (int64_t)((h >> 32) % SPREAD_PARTS);
}

bool relay_next(const struct relay_schedule *s, int64_t received_us, uint32_t attempts,
		int64_t mail_id, int64_t now_us, int64_t *next_us)
{
	size_t last = s->retry.count - 1;
	size_t which = attempts > 0 ? attempts - 1 : 0;
	int64_t gap_us = s->retry.us[which < last ? which : last];
	int64_t at_us = now_us + gap_us - spread(mail_id, attempts, gap_us);
	int64_t end_us = received_us + s->give_up_us;
	int64_t warn_us = received_us + s->warn_us;

	if (now_us >= end_us)
		return false;
	if (s->warn_us > 0 && now_us < warn_us && at_us > warn_us)
		at_us = warn_us;
	*next_us = at_us < end_us ? at_us : end_us;
	return true;
}

/* ---- who is told ---- */

/* Without NOTIFY: failures and a delay. */
static enum relay_notice wanted(unsigned notify, unsigned flag, enum relay_notice notice)
{
	const unsigned unsaid = SMTP_NOTIFY_FAILURE | SMTP_NOTIFY_DELAY;

	return (notify ? notify : unsaid) & flag ? notice : RELAY_NO_NOTICE;
}

enum relay_notice relay_notice(const struct relay_schedule *s, const struct relay_course *c)
{
	if (!c->has_sender)
		return RELAY_NO_NOTICE;
	if (c->fate == RELAY_FAILED || c->is_expired)
		return wanted(c->notify, SMTP_NOTIFY_FAILURE, RELAY_NOTICE_FAILED);
	if (c->fate == RELAY_DEFERRED) {
		if (c->is_warned || s->warn_us == 0 || c->waited_us < s->warn_us)
			return RELAY_NO_NOTICE;
		return wanted(c->notify, SMTP_NOTIFY_DELAY, RELAY_NOTICE_DELAYED);
	}
	if (!c->is_final && c->passes_notify)
		return RELAY_NO_NOTICE;
	return wanted(c->notify, SMTP_NOTIFY_SUCCESS,
		      c->is_final ? RELAY_NOTICE_DELIVERED : RELAY_NOTICE_RELAYED);
}

/* ---- who is not to be tried again ---- */

#define REPEATED_CODE  "5.2.1"
#define REPEATED_TIMES 2

enum relay_suppression relay_suppression(const struct relay_answer *a)
{
	static const char *const dead[] = {"5.1.1", "5.1.2", "5.1.10"};

	if (relay_judge(a) != RELAY_FAILED ||
	    (a->stage != RELAY_STAGE_RCPT && a->stage != RELAY_STAGE_ROUTE))
		return RELAY_SUPPRESS_NOT;
	for (size_t i = 0; i < sizeof dead / sizeof *dead; i++)
		if (strcmp(a->enhanced, dead[i]) == 0)
			return RELAY_SUPPRESS;
	return strcmp(a->enhanced, REPEATED_CODE) == 0 ? RELAY_SUPPRESS_REPEATED
						       : RELAY_SUPPRESS_NOT;
}

bool relay_suppresses(const char *enhanced, uint32_t count)
{
	return strcmp(enhanced, REPEATED_CODE) != 0 || count >= REPEATED_TIMES;
}
