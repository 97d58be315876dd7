#include "handset-sim/trigger_tally.h"

#include <stdlib.h>

#include "lib/err.h"

#define SECOND_US INT64_C(1000000)

struct news {
	int64_t timestamp_s, first_us;
	uint32_t heard[BEARERS];
	uint32_t leases;   /* of the phone, when it was heard first */
	uint32_t deaths;   /* of pushsrv, likewise */
	uint32_t repeated; /* by the network */
	bool is_over[BEARERS];
	uint8_t tids[256 / 8]; /* heard by SMS */
};

struct tallied_phone {
	struct news *news;
	size_t count, room;
	uint32_t mails, leases, reads;
	uint32_t heard[BEARERS];
	int64_t first_mail_us;
	bool is_dense[BEARERS];
};

int trigger_tally_init(struct trigger_tally *t, uint32_t phones)
{
	*t = (struct trigger_tally){.phone_count = phones};
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

void trigger_tally_mail(struct trigger_tally *t, uint32_t phone, int64_t now_us)
{
	if (t->phones[phone].mails++ == 0)
		t->phones[phone].first_mail_us = now_us;
}

void trigger_tally_lease(struct trigger_tally *t, uint32_t phone)
{
	t->phones[phone].leases++;
}

void trigger_tally_read(struct trigger_tally *t, uint32_t phone)
{
	t->phones[phone].reads++;
}

void trigger_tally_death(struct trigger_tally *t)
{
	t->deaths++;
}

/* ---- what is allowed ---- */

/* The first one, and one for each gap that fits. */
static int64_t allowed_after(const struct trigger_gaps *g, int64_t elapsed_us)
{
	int64_t n = 1;

	for (size_t i = 0; i < g->count; i++) {
		if (elapsed_us < g->us[i])
			return n;
		elapsed_us -= g->us[i];
		n++;
	}
	if (g->repeats_last && g->count)
		n += elapsed_us / g->us[g->count - 1];
	return n;
}

static int64_t least_apart(const struct trigger_gaps *g)
{
	int64_t least = g->coalesce_us;

	for (size_t i = 0; i < g->count; i++)
		if (g->us[i] < least)
			least = g->us[i];
	return least;
}

static void judge_news(const struct trigger_tally *t, const struct tallied_phone *p, struct news *n,
		       enum bearer by, int64_t now_us)
{
	int64_t stamped_us = n->timestamp_s * SECOND_US - t->limits.clock_ahead_us;
	int64_t elapsed_us = now_us - stamped_us + TALLY_SLACK_US;

	if (elapsed_us < now_us - n->first_us)
		elapsed_us = now_us - n->first_us;
	int64_t allowed = allowed_after(&t->limits.by[by], elapsed_us);
	if (by == BEARER_UDP)
		allowed = allowed * (1 + (int64_t)(p->leases - n->leases)) +
			  (int64_t)(t->deaths - n->deaths);
	if (n->heard[by] > allowed)
		n->is_over[by] = true;
}

static void judge_phone(const struct trigger_tally *t, struct tallied_phone *p, enum bearer by,
			int64_t now_us)
{
	const struct trigger_gaps *g = &t->limits.by[by];
	int64_t elapsed_us = now_us - p->first_mail_us;

	if (!g->coalesce_us)
		return;
	int64_t allowed = 1 + (int64_t)p->reads + elapsed_us / least_apart(g);
	if (by == BEARER_UDP)
		allowed += p->leases + t->deaths;
	if (p->heard[by] > allowed)
		p->is_dense[by] = true;
}

/* ---- what was heard ---- */

/* The newest are asked for most. Null: no memory. */
static struct news *news_of(struct trigger_tally *t, struct tallied_phone *p, int64_t timestamp_s,
			    int64_t now_us)
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
	*n = (struct news){.timestamp_s = timestamp_s,
			   .first_us = now_us,
			   .leases = p->leases,
			   .deaths = t->deaths};
	return n;
}

static bool is_networks_repeat(struct news *n, uint8_t tid)
{
	uint8_t bit = (uint8_t)(1 << tid % 8);
	bool is_known = n->tids[tid / 8] & bit;

	n->tids[tid / 8] |= bit;
	return is_known;
}

void trigger_tally_heard(struct trigger_tally *t, uint32_t phone, enum bearer by,
			 int64_t timestamp_s, uint8_t tid, int64_t now_us)
{
	struct tallied_phone *p = &t->phones[phone];
	struct news *n = news_of(t, p, timestamp_s, now_us);

	if (!n)
		return;
	if (by == BEARER_SMS && is_networks_repeat(n, tid)) {
		n->repeated++;
		return;
	}
	n->heard[by]++;
	p->heard[by]++;
	judge_news(t, p, n, by, now_us);
	judge_phone(t, p, by, now_us);
}

/* ---- the verdict ---- */

static void add_phone(const struct tallied_phone *p, struct trigger_verdict *v)
{
	for (int by = 0; by < BEARERS; by++) {
		v->heard[by] += p->heard[by];
		v->too_dense[by] += p->is_dense[by];
		for (size_t i = 0; i < p->count; i++) {
			v->over[by] += p->news[i].is_over[by];
			if (p->news[i].heard[by] > v->most[by])
				v->most[by] = p->news[i].heard[by];
		}
	}
	for (size_t i = 0; i < p->count; i++)
		v->repeated_by_network += p->news[i].repeated;
	v->news += p->count;
	v->over_mails += p->count > p->mails;
}

void trigger_tally_judge(const struct trigger_tally *t, struct trigger_verdict *out)
{
	struct trigger_verdict v = {0};

	for (uint32_t i = 0; i < t->phone_count; i++)
		add_phone(&t->phones[i], &v);
	v.is_clean = !t->is_short && !v.over_mails;
	for (int by = 0; by < BEARERS; by++)
		v.is_clean = v.is_clean && !v.over[by] && !v.too_dense[by];
	*out = v;
}
