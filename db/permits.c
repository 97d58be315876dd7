#include "db/permits.h"

#include "db/notification.h"
#include "lib/clock.h"
#include "lib/err.h"

/* Whoever waits for longer is looked at in between: what he chose may have changed while nobody was
 * there to hear of it. */
#define LOOK_AGAIN_US (6 * 3600 * CLOCK_S)

static int read_spent(struct engine *e, int64_t subscriber, struct notify_spent *spent)
{
	struct query q;

	query_begin(&q, e, STMT_TOLD_GET);
	query_int(&q, subscriber);
	while (query_next(&q)) {
		int64_t bearer = query_get_int(&q), full_us = query_get_int(&q);

		*(bearer == BEARER_UDP ? &spent->udp_us : &spent->sms_us) = full_us;
	}
	return query_end(&q);
}

static int put_spent(struct engine *e, int64_t subscriber, enum bearer bearer, int64_t full_us)
{
	struct query q;

	query_begin(&q, e, STMT_TOLD_PUT);
	query_int(&q, subscriber);
	query_int(&q, bearer);
	query_int(&q, full_us);
	return query_run(&q);
}

static uint32_t rate_of(const struct notify_rates *rates, enum bearer bearer)
{
	return bearer == BEARER_UDP ? rates->udp_per_hour : rates->sms_per_hour;
}

static int64_t spent_of(const struct notify_spent *spent, enum bearer bearer)
{
	return bearer == BEARER_UDP ? spent->udp_us : spent->sms_us;
}

static int64_t sooner(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

int permits_get(struct engine *e, const struct schedule *s, const struct outbox_row *row,
		const char *msisdn, int64_t now_us, struct permits *out)
{
	struct permits p = {.form = SMS_FORM_PUSH};
	struct notification n;
	bool is_own;
	int err = notification_read(e, row->subscriber, &n, &is_own);

	if (err)
		return err;
	p.rates = notify_rates_of(&n, &s->rates);
	if (p.rates.udp_per_hour || p.rates.sms_per_hour)
		err = read_spent(e, row->subscriber, &p.spent);
	if (err)
		return err;
	struct notify_permits from = notify_permits(&n, &p.rates, &p.spent, now_us);
	p.udp.from_us = sooner(from.udp_us, now_us + LOOK_AGAIN_US);
	p.sms.from_us = sooner(from.sms_us, now_us + LOOK_AGAIN_US);
	if (n.mode == NOTIFY_TEXT) {
		p.udp.from_us = SCHEDULE_NEVER;
		p.form = SMS_FORM_TEXT;
		p.sms.is_once = true;
	}
	if (!*msisdn)
		p.sms.from_us = SCHEDULE_NEVER;
	*out = p;
	return 0;
}

int permits_spend(struct engine *e, const struct permits *p, int64_t subscriber, enum bearer bearer,
		  int64_t now_us)
{
	uint32_t per_hour = rate_of(&p->rates, bearer);

	if (!per_hour)
		return 0;
	return put_spent(e, subscriber, bearer,
			 notify_rate_spend(per_hour, spent_of(&p->spent, bearer), now_us));
}

int permits_give_back(struct engine *e, const struct schedule *s, int64_t subscriber,
		      enum bearer bearer)
{
	struct notify_spent spent = {0, 0};
	struct notification n;
	bool is_own;
	int err = notification_read(e, subscriber, &n, &is_own);

	if (err)
		return err;
	struct notify_rates rates = notify_rates_of(&n, &s->rates);
	uint32_t per_hour = rate_of(&rates, bearer);
	if (!per_hour)
		return 0;
	err = read_spent(e, subscriber, &spent);
	int64_t full_us = spent_of(&spent, bearer);
	if (err || !full_us)
		return err;
	return put_spent(e, subscriber, bearer, notify_rate_give_back(per_hour, full_us));
}
