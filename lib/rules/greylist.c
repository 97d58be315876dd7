#include "lib/rules/greylist.h"

#include <stddef.h>

#define DAY_US (INT64_C(86400) * 1000000)

static bool is_known(const struct greylist_row *known, int64_t now_us)
{
	return known && known->expires_us > now_us;
}

/* Whoever comes daily costs one write a day. */
static bool is_fresh(const struct greylist_row *known, const struct greylist_rules *rules,
		     int64_t now_us)
{
	int64_t slack_us = rules->keep_us < 2 * DAY_US ? rules->keep_us / 2 : DAY_US;

	return known->expires_us > now_us + rules->keep_us - slack_us;
}

void greylist_judge(const struct greylist_row *known, const struct greylist_rules *rules,
		    int64_t now_us, struct greylist_verdict *out)
{
	*out = (struct greylist_verdict){.answer = GREYLIST_WAIT, .wait_us = rules->delay_us};
	if (!is_known(known, now_us)) {
		out->row = (struct greylist_row){now_us, now_us + rules->window_us, false};
		return;
	}
	out->row = *known;
	int64_t left_us = known->first_us + rules->delay_us - now_us;
	if (!known->has_passed && left_us > 0) {
		out->wait_us = left_us < rules->delay_us ? left_us : rules->delay_us;
		out->is_stored = true;
		return;
	}
	out->answer = GREYLIST_PASS;
	out->wait_us = 0;
	out->is_first_pass = !known->has_passed;
	out->is_stored = known->has_passed && is_fresh(known, rules, now_us);
	out->row.has_passed = true;
	out->row.expires_us = now_us + rules->keep_us;
}
