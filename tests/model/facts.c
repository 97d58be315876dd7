#include "tests/model/facts.h"

#include <assert.h>

#define NAS_SPAN 2 /* NASes of a realm: 0 and 1 are realm 0's, 2 and 3 realm 1's */

/* ---- the list ---- */

void facts_add(struct model *m, struct fact f)
{
	assert(m->fact_count < MODEL_FACTS);
	m->facts[m->fact_count++] = f;
}

static const struct fact *facts_end_of_list(const struct model *m)
{
	return m->facts + m->fact_count;
}

/* ---- what it says of a key ---- */

static const struct model_view nobody = {.watermark_us = NEVER};

static void believe(struct model_view *v, const struct fact *f)
{
	switch (f->kind) {
	case FACT_MARK:
		if (f->time_us >= v->watermark_us) {
			v->watermark_us = f->time_us;
			v->watermark_batch = f->more_us;
		}
		break;
	case FACT_GIVEN:
		v->state = KEY_UNCONFIRMED;
		v->session = f->session;
		v->subscriber = f->subscriber;
		v->expires_us = f->time_us;
		v->rival = 0;
		v->proved_sqn = 0;
		v->generation++;
		break;
	case FACT_EVICTED:
		v->generation++;
		v->state = KEY_FREE;
		v->session = v->subscriber = v->rival = 0;
		v->expires_us = v->proved_sqn = 0;
		break;
	case FACT_FREED:
		v->session = v->rival = 0;
		v->expires_us = 0;
		if (v->state != KEY_QUARANTINED) {
			v->state = KEY_FREE;
			v->subscriber = 0;
			v->proved_sqn = 0;
		}
		break;
	case FACT_STATE:
		v->state = (enum key_state)f->name;
		if (v->state != KEY_CONTESTED)
			v->rival = 0;
		break;
	case FACT_RENEWED:
		v->rival = 0;
		v->expires_us = f->time_us ? f->time_us : v->expires_us;
		break;
	case FACT_RIVAL:
		v->rival = f->session;
		v->rival_us = f->time_us;
		break;
	case FACT_GENERATION:
		v->generation++;
		v->rival = 0;
		v->proved_sqn = 0;
		break;
	case FACT_PROVED:
		v->proved_sqn = f->time_us;
		break;
	default:
		break;
	}
}

struct model_view model_look(const struct model *m, int key)
{
	struct model_view v = nobody;

	for (const struct fact *f = m->facts; f < facts_end_of_list(m); f++)
		if (f->key == key)
			believe(&v, f);
	return v;
}

void model_look_all(const struct model *m, struct model_view views[])
{
	for (int k = 0; k < m->key_count; k++)
		views[k] = nobody;
	for (const struct fact *f = m->facts; f < facts_end_of_list(m); f++)
		if (f->key >= 0)
			believe(&views[f->key], f);
}

bool facts_overlap(const struct model *m, int a, int b)
{
	const struct model_key *x = &m->keys[a], *y = &m->keys[b];

	return x->realm == y->realm && x->family == y->family && x->first <= y->last &&
	       y->first <= x->last && x->port_first <= y->port_last &&
	       y->port_first <= x->port_last;
}

/* ---- what it says of a session ---- */

const struct fact *facts_beginning(const struct model *m, int session)
{
	for (const struct fact *f = m->facts; f < facts_end_of_list(m); f++)
		if (f->kind == FACT_BEGAN && f->session == session)
			return f;
	return NULL;
}

int64_t facts_end_of(const struct model *m, int session) /* 0: it goes on */
{
	int64_t end = 0;

	for (const struct fact *f = m->facts; f < facts_end_of_list(m); f++)
		if (f->kind == FACT_ENDED && f->session == session)
			end = f->time_us;
	return end;
}

int facts_subscriber_of(const struct model *m, int session)
{
	int who = 0;

	for (const struct fact *f = m->facts; f < facts_end_of_list(m); f++)
		if (f->session == session && (f->kind == FACT_BEGAN || f->kind == FACT_NAMED))
			who = f->subscriber;
	return who;
}

bool facts_is_chosen(const struct model *m, int session)
{
	bool chosen = false;

	for (const struct fact *f = m->facts; f < facts_end_of_list(m); f++)
		if (f->session == session && (f->kind == FACT_CHOSEN || f->kind == FACT_DROPPED))
			chosen = f->kind == FACT_CHOSEN;
	return chosen;
}

int model_chosen(const struct model *m, int realm, int subscriber)
{
	bool chosen[MODEL_SESSIONS] = {false};
	int found = 0;

	for (const struct fact *f = m->facts; f < facts_end_of_list(m); f++)
		if (f->kind == FACT_CHOSEN || f->kind == FACT_DROPPED)
			chosen[f->session] = f->kind == FACT_CHOSEN;
	for (const struct fact *f = m->facts; f < facts_end_of_list(m); f++)
		if (f->kind == FACT_BEGAN && f->nas / NAS_SPAN == realm && chosen[f->session] &&
		    facts_subscriber_of(m, f->session) == subscriber)
			found = f->session;
	return found;
}

void model_session_name(const struct model *m, int session, int *nas, int *name)
{
	const struct fact *f = facts_beginning(m, session);

	*nas = f->nas;
	*name = f->name;
}

/* The last one of that name. */
int facts_session_named(const struct model *m, int nas, int name)
{
	int found = 0;

	for (const struct fact *f = m->facts; f < facts_end_of_list(m); f++)
		if (f->kind == FACT_BEGAN && f->nas == nas && f->name == name)
			found = f->session;
	return found;
}

/* ---- what it says of a NAS ---- */

int64_t facts_nas_began(const struct model *m, int nas)
{
	int64_t at = NEVER;

	for (const struct fact *f = m->facts; f < facts_end_of_list(m); f++)
		if (f->kind == FACT_NAS_BEGAN && f->nas == nas)
			at = f->time_us;
	return at;
}

bool facts_nas_clock(const struct model *m, int nas, int64_t *offset_us)
{
	bool known = false;

	*offset_us = 0;
	for (const struct fact *f = m->facts; f < facts_end_of_list(m); f++)
		if (f->nas == nas && (f->kind == FACT_CLOCK || f->kind == FACT_CLOCK_UNSEEN)) {
			known = f->kind == FACT_CLOCK;
			*offset_us = f->time_us;
		}
	return known;
}

/* ---- what happens to keys and sessions ---- */

void facts_mark(struct model *m, int key, int64_t time_us, int64_t batch)
{
	ADD(m, FACT_MARK, .key = key, .time_us = time_us, .more_us = batch);
}

void facts_mark_newer(struct model *m, int key, int64_t time_us, int64_t batch)
{
	if (time_us > model_look(m, key).watermark_us)
		facts_mark(m, key, time_us, batch);
}

void facts_free_keys_of(struct model *m, int session, int64_t time_us, int64_t batch)
{
	for (int k = 0; k < m->key_count; k++)
		if (session && model_look(m, k).session == session) {
			ADD(m, FACT_FREED, .key = k);
			facts_mark_newer(m, k, time_us, batch);
		}
}

void facts_end_session(struct model *m, int session, int64_t time_us, int64_t batch)
{
	int64_t began = facts_beginning(m, session)->time_us,
		end = time_us > began ? time_us : began;

	ADD(m, FACT_ENDED, .key = -1, .session = session, .time_us = end);
	ADD(m, FACT_DROPPED, .key = -1, .session = session);
	facts_free_keys_of(m, session, end, batch);
}
