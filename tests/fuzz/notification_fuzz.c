/* Any body of PUT /v1/subscribers/{msisdn}/notification. What is taken is within its bounds, reads
 * back from what is shown of it, and says when its quiet hours end. */
#include <stdlib.h>
#include <string.h>

#include "authsrv/json_field.h"
#include "authsrv/notification_json.h"

#define NOW_US (INT64_C(1767605416) * 1000000)
#define DAY_US (INT64_C(86400) * 1000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_rate(int32_t per_hour)
{
	must(per_hour == NOTIFY_RATE_DEFAULT || (per_hour >= 0 && per_hour <= NOTIFY_PER_HOUR_MAX));
}

static void check_bounds(const struct notification *n)
{
	const struct notify_quiet *q = &n->quiet;

	must(*notify_mode_name(n->mode) != '?');
	check_rate(n->udp_per_hour);
	check_rate(n->sms_per_hour);
	must(q->from_min < NOTIFY_DAY_MINUTES && q->to_min < NOTIFY_DAY_MINUTES);
	must(memchr(q->zone, 0, sizeof q->zone) && memchr(q->rule_text, 0, sizeof q->rule_text));
	int64_t until_us = notify_quiet_until(q, NOW_US);
	must(until_us >= NOW_US && until_us < NOW_US + 2 * DAY_US);
	must(notify_quiet_until(q, until_us) == until_us);
}

static void check_same(const struct notification *a, const struct notification *b)
{
	const struct notify_quiet *q = &a->quiet, *r = &b->quiet;

	must(a->mode == b->mode && a->replaces == b->replaces &&
	     a->hides_sender == b->hides_sender);
	must(a->udp_per_hour == b->udp_per_hour && a->sms_per_hour == b->sms_per_hour);
	must(q->from_min == r->from_min && q->to_min == r->to_min);
	must(q->lets_udp_through == r->lets_udp_through && !strcmp(q->zone, r->zone) &&
	     !strcmp(q->rule_text, r->rule_text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *body = body_read((const char *)data, size);
	struct notification n, again;

	if (!body)
		return 0;
	const char *wrong = notification_json_read(body, &n);
	json_decref(body);
	if (wrong) {
		must(*wrong);
		return 0;
	}
	check_bounds(&n);
	json_t *shown = notification_json_write(&n, true);
	must(shown && !json_object_del(shown, "default"));
	must(!notification_json_read(shown, &again));
	json_decref(shown);
	check_same(&n, &again);
	return 0;
}
