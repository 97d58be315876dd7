#include "handset-sim/trigger_tally.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

struct news {
	int64_t timestamp_s;
	int64_t last_us; /* by UDP */
	uint32_t heard[BEARERS];
	uint32_t leases, last_leases; /* of the phone: at the first trigger, at the last datagram */
	uint32_t repeated;            /* by the network */
	uint32_t too_close;
	uint8_t tids[256 / 8]; /* heard by SMS */
};

struct tallied_phone {
	struct news *news;
	size_t count, room;
	uint32_t mails, leases;
};

int trigger_tally_init(struct trigger_tally *t, uint32_t phones,
		       const struct trigger_limits *limits)
{
	*t = (struct trigger_tally){.limits = *limits, .phone_count = phones};
	t->phones = calloc(phones, sizeof *t->phones);
	return t->phones ? 0 : E_NOMEM;
}

void trigger_tally_free(struct trigger_tally *t)
{
	for (uint32_t i = 0; t->phones && i < t->phone_count; i++)
		free(t->phones[i].news);
	free(t->phones);
	t->phones = NULL;
}

void trigger_tally_mail(struct trigger_tally *t, uint32_t phone)
{
	t->phones[phone].mails++;
}

void trigger_tally_lease(struct trigger_tally *t, uint32_t phone)
{
	t->phones[phone].leases++;
}

/* The newest are asked for most. Null: no memory. */
static struct news *news_of(struct trigger_tally *t, struct tallied_phone *p, int64_t timestamp_s)
{
	for (size_t i = p->count; i-- > 0;)
		if (p->news[i].timestamp_s == timestamp_s)
			return &p->news[i];
	if (p->count == p->room) {
		size_t room = p->room ? 2 * p->room : 4;
		struct news *grown = realloc(p->news, room * sizeof *grown);
		if (!grown) {
			t->is_short = true;
			return NULL;
		}
		p->news = grown;
		p->room = room;
	}
	struct news *n = &p->news[p->count++];
	*n = (struct news){.timestamp_s = timestamp_s, .leases = p->leases};
	return n;
}

static void heard_by_udp(const struct trigger_tally *t, struct news *n, uint32_t leases,
			 int64_t now_us)
{
	if (n->heard[BEARER_UDP] && leases == n->last_leases &&
	    now_us - n->last_us < t->limits.apart_us)
		n->too_close++;
	n->last_us = now_us;
	n->last_leases = leases;
	n->heard[BEARER_UDP]++;
}

static void heard_by_sms(struct news *n, uint8_t tid)
{
	uint8_t bit = (uint8_t)(1 << tid % 8);

	if (n->tids[tid / 8] & bit)
		n->repeated++;
	else
		n->heard[BEARER_SMS]++;
	n->tids[tid / 8] |= bit;
}

void trigger_tally_heard(struct trigger_tally *t, uint32_t phone, enum bearer by,
			 int64_t timestamp_s, uint8_t tid, int64_t now_us)
{
	struct tallied_phone *p = &t->phones[phone];
	struct news *n = news_of(t, p, timestamp_s);

	if (n && by == BEARER_UDP)
		heard_by_udp(t, n, p->leases, now_us);
	else if (n)
		heard_by_sms(n, tid);
}

static void judge_news(const struct trigger_tally *t, const struct tallied_phone *p,
		       const struct news *n, struct trigger_verdict *v)
{
	uint32_t leases = p->leases - n->leases;

	for (int by = 0; by < BEARERS; by++) {
		v->heard[by] += n->heard[by];
		if (n->heard[by] > v->most[by])
			v->most[by] = n->heard[by];
	}
	v->over[BEARER_UDP] += n->heard[BEARER_UDP] > t->limits.most[BEARER_UDP] + leases;
	v->over[BEARER_SMS] += n->heard[BEARER_SMS] > t->limits.most[BEARER_SMS];
	v->too_close += n->too_close;
	v->repeated_by_network += n->repeated;
	v->news++;
}

void trigger_tally_judge(const struct trigger_tally *t, struct trigger_verdict *out)
{
	struct trigger_verdict v = {0};

	for (uint32_t i = 0; i < t->phone_count; i++) {
		const struct tallied_phone *p = &t->phones[i];
		for (size_t j = 0; j < p->count; j++)
			judge_news(t, p, &p->news[j], &v);
		v.over_mails += p->count > p->mails;
	}
	v.is_clean = !t->is_short && !v.over[BEARER_UDP] && !v.over[BEARER_SMS] && !v.too_close &&
		     !v.over_mails;
	*out = v;
}
