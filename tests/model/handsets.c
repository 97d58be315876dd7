/* Handsets and operators, in the reference model: binding-rules 2. */
#include "tests/model/facts.h"

static enum key_state state_at(const struct model_view *v, int64_t now_us)
{
	bool expired = v->expires_us && v->expires_us <= now_us;

	return expired && v->state != KEY_QUARANTINED ? KEY_FREE : v->state;
}

void model_claim(struct model *m, int key, int subscriber, int64_t now_us)
{
	struct model_view v = model_look(m, key);
	enum key_state s = state_at(&v, now_us);

	if (s != KEY_UNCONFIRMED && s != KEY_CONFIRMED)
		return;
	ADD(m, FACT_STATE, .key = key,
	    .name = subscriber == v.subscriber ? KEY_CONFIRMED : KEY_CONTESTED);
}

void model_prove(struct model *m, int key, int subscriber, int64_t sqn, int64_t now_us)
{
	struct model_view v = model_look(m, key);
	enum key_state s = state_at(&v, now_us);

	if (s == KEY_FREE)
		return;
	if (subscriber != v.subscriber) {
		model_quarantine(m, key);
		return;
	}
	if (sqn <= v.proved_sqn)
		return;
	if (s == KEY_QUARANTINED) {
		if (!v.session || (v.expires_us && v.expires_us <= now_us))
			return;
		ADD(m, FACT_GENERATION, .key = key);
	}
	ADD(m, FACT_STATE, .key = key, .name = KEY_CONFIRMED);
	ADD(m, FACT_PROVED, .key = key, .time_us = sqn);
}

void model_refresh(struct model *m, int key, int64_t now_us)
{
	struct model_view v = model_look(m, key);
	enum key_state s = state_at(&v, now_us);

	if (s == KEY_CONFIRMED || s == KEY_CONTESTED)
		ADD(m, FACT_STATE, .key = key, .name = KEY_CONFIRMED);
}

void model_quarantine(struct model *m, int key)
{
	enum key_state s = model_look(m, key).state;

	if (s != KEY_FREE && s != KEY_QUARANTINED)
		ADD(m, FACT_STATE, .key = key, .name = KEY_QUARANTINED);
}

void model_release(struct model *m, int key)
{
	struct model_view v = model_look(m, key);

	if (v.state != KEY_QUARANTINED)
		return;
	ADD(m, FACT_GENERATION, .key = key);
	ADD(m, FACT_STATE, .key = key, .name = KEY_UNCONFIRMED);
	if (!v.subscriber || !v.session)
		ADD(m, FACT_FREED, .key = key);
}

void model_restart(struct model *m, int key)
{
	struct model_view v = model_look(m, key);

	if (v.state == KEY_FREE)
		return;
	ADD(m, FACT_GENERATION, .key = key);
	if (v.state != KEY_QUARANTINED)
		ADD(m, FACT_STATE, .key = key, .name = KEY_UNCONFIRMED);
}

void model_sweep(struct model *m, int64_t now_us)
{
	for (int k = 0; k < m->key_count; k++) {
		struct model_view v = model_look(m, k);
		if (v.state != KEY_FREE && state_at(&v, now_us) == KEY_FREE)
			ADD(m, FACT_FREED, .key = k);
	}
}

void model_remove(struct model *m, int realm, int subscriber, int64_t now_us)
{
	int session = model_chosen(m, realm, subscriber);

	if (session)
		facts_end_session(m, session, now_us, 0);
}
