#include "tests/model/judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/rules/memory_store.h"

#define SECOND  INT64_C(1000000)
#define BASE_US (INT64_C(1700000000) * SECOND)

static const struct lease_limits limits = {
	.max_skew_us = 5 * SECOND, .lag_us = 30 * SECOND, .max_age_us = 30 * 86400 * SECOND};

/* What was heard of a key, whatever came of it. */
struct testimony {
	bool is_start;
	int key, who;
	int64_t time_us;
};

struct court {
	struct memory_store store;
	struct model model;
	struct {
		uint32_t generation;
		int subscriber;
	} seen[MODEL_KEYS];
	struct testimony heard[2 * HISTORY_STEPS]; /* a step is at most two */
	int heard_count;
	struct {
		int nas, name;
	} stopped[HISTORY_STEPS];
	int stopped_count;
	char complaint[COMPLAINT_MAX];
};

static struct key keys[MODEL_KEYS];

struct court *court_new(void)
{
	for (int k = 0; k < net_key_count; k++)
		keys[k] = net_key(k);
	return calloc(1, sizeof(struct court));
}

void court_free(struct court *c)
{
	free(c);
}

/* What is in use; the rest is of earlier histories. */
void court_fork(struct court *to, const struct court *from)
{
	const struct memory_store *m = &from->store;

	memcpy(to->store.nases, m->nases, m->nas_count * sizeof *m->nases);
	memcpy(to->store.bindings, m->bindings, m->binding_count * sizeof *m->bindings);
	memcpy(to->store.sessions, m->sessions, m->session_count * sizeof *m->sessions);
	memcpy(to->store.subscribers, m->subscribers, sizeof m->subscribers);
	to->store.subscriber_count = m->subscriber_count;
	to->store.nas_count = m->nas_count;
	to->store.binding_count = m->binding_count;
	to->store.session_count = m->session_count;
	memcpy(&to->model, &from->model, offsetof(struct model, facts));
	memcpy(to->model.facts, from->model.facts,
	       (size_t)from->model.fact_count * sizeof *from->model.facts);
	memcpy(to->seen, from->seen, sizeof to->seen);
	memcpy(to->heard, from->heard, sizeof to->heard);
	memcpy(to->stopped, from->stopped, sizeof to->stopped);
	to->heard_count = from->heard_count;
	to->stopped_count = from->stopped_count;
}

void court_begin(struct court *c)
{
	struct memory_store *m = &c->store;

	m->nas_count = m->binding_count = m->session_count = m->device_count = 0;
	if (m->subscriber_count == 0)
		for (int i = 0; i < NET_SUBSCRIBERS; i++) {
			snprintf(m->subscribers[i].msisdn, MSISDN_MAX, "81900000000%d", i + 1);
			snprintf(m->subscribers[i].imsi, IMSI_MAX, "44010000000000%d", i + 1);
		}
	m->subscriber_count = NET_SUBSCRIBERS;
	model_init(&c->model, net_keys, net_key_count, &limits);
	memset(c->seen, 0, sizeof c->seen);
	c->heard_count = c->stopped_count = 0;
}

/* ---- the same event for lib/rules ---- */

static void name_subscriber(struct lease_event *ev, int who)
{
	if (who == WHO_UNREADABLE) {
		ev->unreadable = true;
	} else if (who == WHO_TWO) {
		memcpy(ev->msisdn, "819000000001", 13);
		memcpy(ev->imsi, "440100000000002", 16);
	} else if (who == WHO_STRANGER) {
		memcpy(ev->msisdn, "819099999999", 13);
	} else if (who) {
		memcpy(ev->msisdn, "819000000000", 13);
		ev->msisdn[11] = (char)('0' + who);
	}
}

static void short_name(char *out, char letter, int number)
{
	out[0] = letter;
	out[1] = (char)('0' + number / 100);
	out[2] = (char)('0' + number / 10 % 10);
	out[3] = (char)('0' + number % 10);
	out[4] = '\0';
}

static void event_for_rules(const struct model_event *m, struct lease_event *ev)
{
	*ev = (struct lease_event){.kind = m->kind,
				   .key_count = (size_t)m->key_count,
				   .time_us = m->time_us,
				   .delay_us = m->delay_us,
				   .received_us = m->received_us,
				   .lease_us = m->lease_us,
				   .batch = m->batch};
	memcpy(ev->realm, m->realm ? "realm-1" : "realm-0", 8);
	/* the two realms' NASes have the same names */
	short_name(ev->nas_id, 'n', m->nas % 2);
	if (m->name)
		short_name(ev->session_id, 's', m->name);
	for (int i = 0; i < m->key_count; i++)
		ev->keys[i] = keys[m->keys[i]];
	name_subscriber(ev, m->who);
}

/* ---- what was heard ---- */

static bool overlaps(int a, int b)
{
	const struct model_key *x = &net_keys[a], *y = &net_keys[b];

	return x->realm == y->realm && x->family == y->family && x->first <= y->last &&
	       y->first <= x->last && x->port_first <= y->port_last &&
	       y->port_first <= x->port_last;
}

static int64_t newest_of_others(const struct court *c, int k, int64_t subscriber)
{
	int64_t others = INT64_MIN;

	for (int i = 0; i < c->heard_count; i++) {
		const struct testimony *t = &c->heard[i];
		if (t->who != subscriber && t->is_start && overlaps(t->key, k) &&
		    t->time_us > others)
			others = t->time_us;
	}
	return others;
}

/* Out of quarantine by the bound SIM's proof or by the operator: stronger than what was heard so
 * far. */
static void testify_for_holder(struct court *c, int k, const struct binding *b)
{
	if (b->subscriber && c->heard_count < 2 * HISTORY_STEPS)
		c->heard[c->heard_count++] =
			(struct testimony){.key = k,
					   .who = (int)b->subscriber,
					   .time_us = newest_of_others(c, k, b->subscriber)};
}

/* ---- handsets and operators ---- */

static void change_key(struct court *c, const struct step *s)
{
	struct lease_store port = memory_store_port(&c->store);
	const struct binding *row = memory_store_binding(&c->store, &keys[s->key]);
	struct binding b;

	if (!row)
		return;
	b = *row;
	switch (s->kind) {
	case STEP_CLAIM:
		binding_claim_bare(&b, s->who, s->now_us);
		model_claim(&c->model, s->key, s->who, s->now_us);
		break;
	case STEP_PROOF:
		binding_claim_proof(&b, s->who, s->sqn, s->now_us);
		model_prove(&c->model, s->key, s->who, s->sqn, s->now_us);
		break;
	case STEP_REFRESH:
		binding_renew(&b, s->now_us, INT64_MAX / 2);
		model_refresh(&c->model, s->key, s->now_us);
		break;
	case STEP_QUARANTINE:
		binding_quarantine_apply(&b, QUARANTINE_OPERATOR);
		model_quarantine(&c->model, s->key);
		break;
	case STEP_RELEASE:
		binding_release_apply(&b);
		model_release(&c->model, s->key);
		break;
	default:
		binding_restart(&b);
		model_restart(&c->model, s->key);
		break;
	}
	if (row->state == KEY_QUARANTINED && b.state != KEY_QUARANTINED)
		testify_for_holder(c, s->key, &b);
	port.binding_put(port.ctx, &b);
}

static void sweep(struct court *c, int64_t now_us)
{
	for (size_t i = 0; i < c->store.binding_count; i++) {
		struct binding *b = &c->store.bindings[i];
		if (b->state != KEY_FREE && binding_state_at(b, now_us) == KEY_FREE)
			binding_free_apply(b);
	}
	model_sweep(&c->model, now_us);
}

static void remove_session(struct court *c, const struct step *s)
{
	struct lease_store port = memory_store_port(&c->store);
	struct session_row row;

	if (!port.session_active(port.ctx, s->realm ? "realm-1" : "realm-0", s->who, &row))
		lease_end_session(&port, &row, s->now_us);
	model_remove(&c->model, s->realm, s->who, s->now_us);
}

/* ---- complaints ---- */

#define COMPLAIN(c, ...) (snprintf((c)->complaint, COMPLAINT_MAX, __VA_ARGS__), (c)->complaint)

/* "realm-0 10.0.0.1" */
static const char *key_name(int k, char out[KEY_TEXT_MAX + 16])
{
	char text[KEY_TEXT_MAX];

	snprintf(out, KEY_TEXT_MAX + 16, "realm-%d %s", net_keys[k].realm,
		 key_format(&keys[k], text));
	return out;
}

/* what, number: whose session, for the complaint. */
static const char *compare_session(struct court *c, const char *what, int number, int64_t row,
				   int session)
{
	char nas_id[5], name_text[5];
	int nas, name;

	if ((row != 0) != (session != 0))
		return COMPLAIN(c, "%s %d: %s by the rules, %s by the model", what, number,
				row ? "some session" : "none", session ? "some session" : "none");
	if (!row)
		return NULL;
	const struct session_row *s = &c->store.sessions[row - 1];
	model_session_name(&c->model, session, &nas, &name);
	short_name(nas_id, 'n', nas % 2);
	short_name(name_text, 's', name);
	if (strcmp(nas_id, s->nas_id) || (name < 1000 && strcmp(name_text, s->session_id)) ||
	    (name >= 1000 && strncmp(s->session_id, "derived:", 8)) || s->ended_us)
		return COMPLAIN(c, "%s %d: %s/%s by the rules, %s/%s by the model", what, number,
				s->nas_id, s->session_id, nas_id, name_text);
	return NULL;
}

static const char *compare_key(struct court *c, int k, const struct binding *b,
			       const struct model_view *view)
{
	static const struct binding never = {.watermark_us = INT64_MIN};
	struct model_view v = *view;
	char what[KEY_TEXT_MAX + 16];

	b = b ? b : &never;
	if (b->state != v.state || b->subscriber != v.subscriber)
		return COMPLAIN(c, "%s: %s of %d by the rules, %s of %d by the model",
				key_name(k, what), key_state_name(b->state), (int)b->subscriber,
				key_state_name(v.state), v.subscriber);
	if (b->watermark_us != v.watermark_us || b->watermark_batch != v.watermark_batch)
		return COMPLAIN(c,
				"%s: watermark %lld (batch %lld) by the rules, %lld (%lld) by"
				" the model",
				key_name(k, what), (long long)(b->watermark_us - BASE_US),
				(long long)b->watermark_batch,
				(long long)(v.watermark_us - BASE_US),
				(long long)v.watermark_batch);
	if (b->expires_us != v.expires_us || b->proved_sqn != v.proved_sqn ||
	    (b->rival != 0) != (v.rival != 0))
		return COMPLAIN(c, "%s: expiry, proof or rival differ", key_name(k, what));
	return compare_session(c, "holder of key", k, b->session, v.session);
}

/* A key's generation never lessens, and is never of two subscribers. */
static const char *check_generation(struct court *c, int k, const struct binding *b)
{
	uint32_t before = c->seen[k].generation;
	bool held = b->state != KEY_FREE && b->subscriber;

	if (b->generation < before)
		return COMPLAIN(c, "key %d: generation %u after %u", k, b->generation, before);
	if (held && b->generation == before && c->seen[k].subscriber &&
	    c->seen[k].subscriber != b->subscriber)
		return COMPLAIN(c, "generation %u of key %d is %d's and %d's", before, k,
				c->seen[k].subscriber, (int)b->subscriber);
	if (b->generation != before)
		c->seen[k].subscriber = 0;
	c->seen[k].generation = b->generation;
	if (held)
		c->seen[k].subscriber = (int)b->subscriber;
	return NULL;
}

/* The fault of 2011, from what was said alone: a newer Start of another was heard, and nothing of
 * the holder's since. */
static const char *check_newest(struct court *c, int k, const struct binding *b)
{
	int64_t his = INT64_MIN;

	if (b->state == KEY_FREE || b->state == KEY_QUARANTINED)
		return NULL;
	for (int i = 0; i < c->heard_count; i++) {
		const struct testimony *t = &c->heard[i];
		if (t->who == b->subscriber && t->key == k && t->time_us > his)
			his = t->time_us;
	}
	if (newest_of_others(c, k, b->subscriber) <= his)
		return NULL;
	return COMPLAIN(c, "key %d answers %d, and a newer Start of another was heard", k,
			(int)b->subscriber);
}

/* A Stop that was applied, of a name that is nobody else's. */
static const char *check_stopped(struct court *c, const struct history *h, int k,
				 const struct binding *b)
{
	int nas, name;
	struct model_view v = {0};

	if (h->is_perfect)
		v = model_look(&c->model, k);
	if (!v.session)
		return NULL;
	model_session_name(&c->model, v.session, &nas, &name);
	for (int i = 0; i < c->stopped_count; i++)
		if (c->stopped[i].nas == nas && c->stopped[i].name == name)
			return COMPLAIN(c, "key %d answers %d, whose session was stopped", k,
					(int)b->subscriber);
	return NULL;
}

static const char *check_all(struct court *c, const struct history *h, const struct step *s)
{
	const char *bad = NULL;
	struct model_view views[MODEL_KEYS];

	model_look_all(&c->model, views);
	for (int k = 0; !bad && k < net_key_count; k++) {
		const struct binding *b = memory_store_binding(&c->store, &keys[k]);
		bad = compare_key(c, k, b, &views[k]);
		if (!bad && b)
			bad = check_generation(c, k, b);
		if (!bad && b)
			bad = check_newest(c, k, b);
		if (!bad && b)
			bad = check_stopped(c, h, k, b);
		int holder = b && b->state != KEY_FREE ? (int)b->subscriber : 0;
		if (!bad && h->is_perfect && holder != s->holders[k])
			bad = COMPLAIN(c, "key %d answers %d, and %d holds it", k, holder,
				       s->holders[k]);
	}
	struct lease_store port = memory_store_port(&c->store);
	for (int realm = 0; !bad && realm < NET_REALMS; realm++)
		for (int who = 1; !bad && who <= NET_SUBSCRIBERS; who++) {
			struct session_row row = {.id = 0};
			port.session_active(port.ctx, realm ? "realm-1" : "realm-0", who, &row);
			bad = compare_session(c, "session of", who, row.id,
					      model_chosen(&c->model, realm, who));
		}
	return bad;
}

/* ---- a step ---- */

static void testify(struct court *c, const struct model_event *ev, const struct lease_outcome *out)
{
	if (ev->kind == LEASE_STOP && out->result == LEASE_APPLIED) {
		c->stopped[c->stopped_count].nas = ev->nas;
		c->stopped[c->stopped_count++].name = ev->name;
	}
	for (int i = 0; i < ev->key_count && ev->kind <= LEASE_UPDATE; i++)
		c->heard[c->heard_count++] = (struct testimony){.is_start = ev->kind == LEASE_START,
								.key = ev->keys[i],
								.who = (int)out->subscriber,
								.time_us = out->time_us};
}

static const char *tell(struct court *c, const struct model_event *ev)
{
	struct lease_store port = memory_store_port(&c->store);
	struct lease_event event;
	struct lease_outcome out;

	event_for_rules(ev, &event);
	int rc = lease_apply(&port, &limits, &event, &out);
	enum lease_result expected = model_hear(&c->model, ev);
	testify(c, ev, &out);
	if (rc)
		return COMPLAIN(c, "the store said %d", rc);
	if (out.result != expected)
		return COMPLAIN(c, "%s by the rules (%s), %s by the model",
				lease_result_name(out.result), out.detail ? out.detail : "",
				lease_result_name(expected));
	return NULL;
}

const char *court_step(struct court *c, const struct history *h, const struct step *s)
{
	const char *bad = NULL;

	switch (s->kind) {
	case STEP_EVENT:
		bad = tell(c, &s->ev);
		break;
	case STEP_SWEEP:
		sweep(c, s->now_us);
		break;
	case STEP_REMOVE:
		remove_session(c, s);
		break;
	default:
		change_key(c, s);
		break;
	}
	return bad ? bad : check_all(c, h, s);
}

bool court_judge(struct court *c, const struct history *h, char complaint[COMPLAINT_MAX], int *step)
{
	court_begin(c);
	for (*step = 0; *step < h->step_count; ++*step) {
		const char *bad = court_step(c, h, &h->steps[*step]);
		if (bad) {
			snprintf(complaint, COMPLAINT_MAX, "%s", bad);
			return false;
		}
	}
	return true;
}

/* What remains fails, and without any one of its steps it does not. A perfect history with a step
 * less is not perfect, so that only what holds of all may be asked of it. */
void court_minimise(struct court *c, struct history *h)
{
	char complaint[COMPLAINT_MAX];
	struct history less;
	int step;

	less = *h;
	less.is_perfect = false;
	if (court_judge(c, &less, complaint, &step)) {
		court_judge(c, h, complaint, &step);
		h->step_count = step + 1;
		return;
	}
	h->is_perfect = false;
	h->step_count = step + 1;
	for (int i = h->step_count - 1; i >= 0; i--) {
		less = *h;
		memmove(&less.steps[i], &less.steps[i + 1],
			(size_t)(less.step_count - i - 1) * sizeof *less.steps);
		less.step_count--;
		if (!court_judge(c, &less, complaint, &step))
			*h = less;
	}
}
