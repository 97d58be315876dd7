#include "lib/rules/notify.h"

#include <string.h>

#include "lib/err.h"

#define SECOND_US INT64_C(1000000)
#define HOUR_US   (3600 * SECOND_US)
#define DAY_S     86400
#define LOOKS_MAX 4 /* from now over changes of the offset: two a day would be too many */

static const char *const mode_names[] = {
	[NOTIFY_PUSH] = "push", [NOTIFY_TEXT] = "text", [NOTIFY_OFF] = "off"};

#define MODES (sizeof mode_names / sizeof mode_names[0])

const char *notify_mode_name(enum notify_mode mode)
{
	return (size_t)mode < MODES ? mode_names[mode] : "?";
}

int notify_mode_parse(const char *name, enum notify_mode *out)
{
	for (size_t i = 0; i < MODES; i++) {
		if (strcmp(mode_names[i], name) == 0) {
			*out = (enum notify_mode)i;
			return 0;
		}
	}
	return E_SYNTAX;
}

struct notification notify_default(void)
{
	return (struct notification){.mode = NOTIFY_PUSH,
				     .udp_per_hour = NOTIFY_RATE_DEFAULT,
				     .sms_per_hour = NOTIFY_RATE_DEFAULT};
}

/* ---- quiet hours ---- */

static int32_t second_of_day(int64_t local_s)
{
	return (int32_t)((local_s % DAY_S + DAY_S) % DAY_S);
}

static bool is_quiet_at(const struct notify_quiet *q, int32_t second)
{
	int32_t from = q->from_min * 60, to = q->to_min * 60;

	return from < to ? second >= from && second < to : second >= from || second < to;
}

/* The clock may be put forward over the end, or back before it: so it is looked at again at each
 * change of the offset that comes first. */
int64_t notify_quiet_until(const struct notify_quiet *q, int64_t now_us)
{
	int64_t at = now_us / SECOND_US;

	if (q->from_min == q->to_min)
		return now_us;
	for (int i = 0; i < LOOKS_MAX; i++) {
		int32_t second = second_of_day(at + zone_offset_s(&q->rule, at));

		if (!is_quiet_at(q, second))
			break;
		int64_t end = at + (q->to_min * 60 - second + DAY_S) % DAY_S;
		int64_t change = zone_next_change(&q->rule, at);
		if (end < change)
			return end * SECOND_US;
		at = change;
	}
	return at * SECOND_US > now_us ? at * SECOND_US : now_us;
}

/* ---- rates ---- */

/* Nothing is spent for longer than an hour: a clock that was set back, or a limit that was lower
 * before, must not keep anybody waiting. */
static int64_t bounded(int64_t spent_us, int64_t now_us)
{
	return spent_us > now_us + HOUR_US ? now_us + HOUR_US : spent_us;
}

int64_t notify_rate_from(uint32_t per_hour, int64_t spent_us, int64_t now_us)
{
	if (per_hour == 0)
		return 0;
	int64_t from_us = bounded(spent_us, now_us) - HOUR_US + HOUR_US / per_hour;
	return from_us > now_us ? from_us : 0;
}

int64_t notify_rate_spend(uint32_t per_hour, int64_t spent_us, int64_t now_us)
{
	if (per_hour == 0)
		return 0;
	spent_us = bounded(spent_us, now_us);
	return (spent_us > now_us ? spent_us : now_us) + HOUR_US / per_hour;
}

int64_t notify_rate_give_back(uint32_t per_hour, int64_t spent_us)
{
	return per_hour == 0 ? 0 : spent_us - HOUR_US / per_hour;
}

static uint32_t rate_of(int32_t own, uint32_t otherwise)
{
	return own == NOTIFY_RATE_DEFAULT ? otherwise : (uint32_t)own;
}

struct notify_rates notify_rates_of(const struct notification *n,
				    const struct notify_rates *defaults)
{
	return (struct notify_rates){
		.udp_per_hour = rate_of(n->udp_per_hour, defaults->udp_per_hour),
		.sms_per_hour = rate_of(n->sms_per_hour, defaults->sms_per_hour),
	};
}

/* ---- together ---- */

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

struct notify_permits notify_permits(const struct notification *n, const struct notify_rates *rates,
				     const struct notify_spent *spent, int64_t now_us)
{
	struct notify_permits p = {NOTIFY_NEVER, NOTIFY_NEVER};

	if (n->mode == NOTIFY_OFF)
		return p;
	int64_t quiet_us = notify_quiet_until(&n->quiet, now_us);
	if (quiet_us == now_us)
		quiet_us = 0;
	p.sms_us = later(quiet_us, notify_rate_from(rates->sms_per_hour, spent->sms_us, now_us));
	if (n->mode == NOTIFY_PUSH)
		p.udp_us = later(n->quiet.lets_udp_through ? 0 : quiet_us,
				 notify_rate_from(rates->udp_per_hour, spent->udp_us, now_us));
	return p;
}
