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

	if (now_us >= end_us)
		return false;
	*next_us = at_us < end_us ? at_us : end_us;
	return true;
}
