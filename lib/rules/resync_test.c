/* A NAS's whole list: each rule by an example, and random histories in front of random lists. */
#include <stdlib.h>

#include "lib/rules/lease_fixture.h"
#include "lib/rules/resync.h"

#define Z     "10.0.0.3"
#define LIST  100 /* the moment of the usual list, seconds after EPOCH */
#define LINES 8

struct line {
	const char *ip, *ip6, *session;
	int who;
	double started;
	int lease;
};

struct told {
	struct resync_report report;
	struct resync_entry entries[LINES];
	struct resync_index index[LINES];
	struct resync_list list;
	int rc;
};

static void add_line_key(struct resync_entry *e, const char *ip)
{
	struct lease_event ev = {0};

	add_key(&ev, ip);
	if (!ip)
		return;
	e->keys[e->key_count++] = (struct resync_key){ev.keys[0].addr, ev.keys[0].plen,
						      ev.keys[0].port_first, ev.keys[0].port_last};
}

static void write_list(struct told *t, const char *nas, double at, const struct line *lines,
		       size_t n)
{
	*t = (struct told){0};
	t->list = (struct resync_list){.time_us = EPOCH + (int64_t)(at * (double)S),
				       .received_us = EPOCH + (int64_t)((at + 1) * (double)S),
				       .entries = t->entries,
				       .count = n,
				       .index = t->index};
	snprintf(t->list.realm, REALM_MAX, "%s", REALM_DEFAULT);
	snprintf(t->list.nas_id, NAS_ID_MAX, "%s", nas);
	for (size_t i = 0; i < n; i++) {
		struct resync_entry *e = &t->entries[i];
		struct lease_event who = event_of(&(struct said){.who = lines[i].who});
		e->session_id = lines[i].session ? lines[i].session : "";
		memcpy(e->msisdn, who.msisdn, sizeof e->msisdn);
		memcpy(e->imsi, who.imsi, sizeof e->imsi);
		if (lines[i].started > 0)
			e->started_us = EPOCH + (int64_t)(lines[i].started * (double)S);
		e->lease_us = lines[i].lease * S;
		add_line_key(e, lines[i].ip);
		add_line_key(e, lines[i].ip6);
	}
}

static void apply(struct memory_store *m, struct told *t)
{
	struct lease_store port = memory_store_port(m);

	t->rc = resync_apply(&port, &limits, &t->list, &t->report);
}

static struct told list(struct memory_store *m, double at, const struct line *lines, size_t n)
{
	static struct told t;

	write_list(&t, "pgw1", at, lines, n);
	apply(m, &t);
	return t;
}
#define LISTED(m, at, ...)                                                                         \
	list(m, at, (const struct line[]){__VA_ARGS__},                                            \
	     sizeof((const struct line[]){__VA_ARGS__}) / sizeof(struct line))

static const struct binding *row(const struct memory_store *m, const char *ip)
{
	struct key k = key_v4(ip);

	return memory_store_binding(m, &k);
}

static void test_it_corrects(void **state)
{
	(void)state;
	struct memory_store m = world();

	tell(&m, (struct said){LEASE_START, X, .session = "a", .who = ALICE, .at = 10});
	tell(&m, (struct said){LEASE_START, Y, .session = "b", .who = BOB, .at = 11});
	uint32_t alices = row(&m, X)->generation;
	/* Alice has hers still, Bob's session is over, Carol has come to Y unseen. */
	struct told t = LISTED(&m, LIST, {X, .session = "a", .who = ALICE, .started = 10},
			       {Y, .session = "c", .who = CAROL, .started = 50},
			       {Z, .session = "u", .who = 9}, {.session = "no-key", .who = BOB});
	assert_int_equal(t.rc, 0);
	assert_int_equal(holder(&m, X), ALICE);
	assert_int_equal(row(&m, X)->generation, alices);
	assert_int_equal(holder(&m, Y), CAROL);
	assert_int_equal(row(&m, Y)->state, KEY_UNCONFIRMED);
	assert_int_equal(holder(&m, Z), NOBODY);
	assert_int_equal(t.report.fates[RESYNC_KEPT], 1);
	assert_int_equal(t.report.fates[RESYNC_ADDED], 1);
	assert_int_equal(t.report.fates[RESYNC_REFUSED], 2);
	assert_string_equal(t.entries[2].problem, "unknown-subscriber");
	assert_int_equal(t.report.ended, 1);
	assert_string_equal(t.report.ended_first[0].session_id, "b");
	assert_int_equal(t.report.ended_first[0].key_count, 1);
}

/* The torn table of 2011: everybody one address on. */
static void test_a_shifted_table(void **state)
{
	(void)state;
	struct memory_store m = world();

	tell(&m, (struct said){LEASE_START, X, .session = "a", .who = ALICE, .at = 10});
	tell(&m, (struct said){LEASE_START, Y, .session = "b", .who = BOB, .at = 11});
	tell(&m, (struct said){LEASE_START, Z, .session = "c", .who = CAROL, .at = 12});
	uint32_t before = row(&m, X)->generation;
	struct told t = LISTED(&m, LIST, {Y, .session = "a", .who = ALICE, .started = 10},
			       {Z, .session = "b", .who = BOB, .started = 11},
			       {X, .session = "c", .who = CAROL, .started = 12});
	assert_int_equal(holder(&m, Y), ALICE);
	assert_int_equal(holder(&m, Z), BOB);
	assert_int_equal(holder(&m, X), CAROL);
	assert_true(row(&m, X)->generation > before);
	assert_int_equal(t.report.fates[RESYNC_MOVED], 3);
	assert_int_equal(t.report.ended, 0);
}

static void test_newer_events_stay(void **state)
{
	(void)state;
	struct memory_store m = world();

	tell(&m, (struct said){LEASE_START, X, .session = "a", .who = ALICE, .at = 10});
	tell(&m, (struct said){LEASE_START, X, .session = "b", .who = BOB, .at = LIST + 5});
	tell(&m, (struct said){LEASE_START, Y, .session = "c", .who = CAROL, .at = 20});
	tell(&m, (struct said){LEASE_STOP, .session = "c", .at = LIST + 6});
	struct told t = LISTED(&m, LIST, {X, .session = "a", .who = ALICE, .started = 10},
			       {Y, .session = "c", .who = CAROL, .started = 20});
	assert_int_equal(holder(&m, X), BOB);
	assert_int_equal(holder(&m, Y), NOBODY);
	assert_int_equal(t.report.fates[RESYNC_REFUSED], 2);
	assert_string_equal(t.entries[0].problem, "stale");
	assert_string_equal(t.entries[1].problem, "stale");
}

static void test_older_events_come_too_late(void **state)
{
	(void)state;
	struct memory_store m = world();

	LISTED(&m, LIST, {X, .session = "a", .who = ALICE, .started = 10});
	/* A Start that was held back: the list knows nothing of it, whatever its time says. */
	struct lease_outcome out = tell(&m, (struct said){LEASE_START, X, .session = "b",
							  .who = BOB, .at = 50, .arrives = 120});
	assert_int_equal(out.result, LEASE_STALE);
	assert_int_equal(holder(&m, X), ALICE);
	tell(&m,
	     (struct said){LEASE_START, Y, .session = "b", .who = BOB, .at = 50, .arrives = 120});
	assert_int_equal(holder(&m, Y), NOBODY);
	tell(&m,
	     (struct said){LEASE_UPDATE, Y, .session = "b", .who = BOB, .at = 60, .arrives = 120});
	assert_int_equal(holder(&m, Y), NOBODY);
	tell(&m, (struct said){LEASE_NAS_ON, .at = 70, .arrives = 120});
	assert_int_equal(holder(&m, X), ALICE);
	/* Another list, or an older one. */
	struct told t = LISTED(&m, LIST - 1, {Y, .session = "b", .who = BOB});
	assert_int_equal(t.rc, E_CONFLICT);
	assert_int_equal(holder(&m, X), ALICE);
	/* Its own Stop, however late, ends it; what begins now wins. */
	tell(&m, (struct said){LEASE_STOP, .session = "a", .at = 99, .arrives = 121});
	assert_int_equal(holder(&m, X), NOBODY);
	tell(&m, (struct said){LEASE_START, X, .session = "b2", .who = BOB, .at = 122});
	assert_int_equal(holder(&m, X), BOB);
	tell(&m, (struct said){LEASE_NAS_OFF, .at = 130});
	assert_int_equal(LISTED(&m, 125, {X, .session = "b2", .who = BOB}).rc, E_CONFLICT);
	assert_int_equal(holder(&m, X), NOBODY);
}

static void test_quarantine_and_doubt_end(void **state)
{
	(void)state;
	struct memory_store m = world();

	tell(&m, (struct said){LEASE_START, X, .session = "a", .who = ALICE, .at = 10});
	tell(&m, (struct said){LEASE_START, Y, .session = "b", .who = BOB, .at = 11});
	tell(&m, (struct said){LEASE_START, Z, .session = "c", .who = CAROL, .at = 12});
	for (size_t i = 0; i < 2; i++)
		binding_quarantine_apply(&m.bindings[i], QUARANTINE_MISDIRECTED);
	m.bindings[2].state = KEY_CONTESTED;
	uint32_t alices = row(&m, X)->generation, bobs = row(&m, Y)->generation;
	struct told t = LISTED(&m, LIST, {X, .session = "a", .who = ALICE, .started = 10},
			       {Z, .session = "c", .who = CAROL, .started = 12});
	assert_int_equal(row(&m, X)->state, KEY_UNCONFIRMED);
	assert_true(row(&m, X)->generation > alices);
	assert_int_equal(row(&m, Y)->state, KEY_FREE);
	assert_true(row(&m, Y)->generation > bobs);
	assert_int_equal(row(&m, Z)->state, KEY_UNCONFIRMED);
	assert_int_equal(t.report.released, 3);
	assert_int_equal(t.report.fates[RESYNC_KEPT], 2);
}

static void test_behind_ends(void **state)
{
	(void)state;
	struct memory_store m = world();

	/* A Start that was held back for a minute: the feed lags. */
	tell(&m, (struct said){LEASE_START, X, .session = "a", .who = ALICE, .at = 10,
			       .arrives = 70, .delay = 60});
	assert_int_equal(m.nases[0].behind_us, EPOCH + 70 * S);
	/* A list from before we knew says nothing of what was missed after it. */
	struct told t = LISTED(&m, 60, {X, .session = "a", .who = ALICE, .started = 10});
	assert_true(t.report.behind);
	assert_true(lease_is_behind(&m.nases[0], row(&m, X)));
	t = LISTED(&m, LIST, {X, .session = "a", .who = ALICE, .started = 10});
	assert_false(t.report.behind);
	assert_false(lease_is_behind(&m.nases[0], row(&m, X)));
}

static void test_two_nases(void **state)
{
	(void)state;
	struct memory_store m = world();

	tell(&m,
	     (struct said){LEASE_START, X, .nas = "pgw2", .session = "a", .who = ALICE, .at = 60});
	tell(&m,
	     (struct said){LEASE_START, Y, .nas = "pgw2", .session = "b", .who = BOB, .at = 20});
	struct told t = LISTED(&m, LIST, {X, .session = "c", .who = CAROL, .started = 10},
			       {Y, .session = "c2", .who = CAROL, .started = 80},
			       {Z, .session = "a0", .who = ALICE, .started = 5});
	/* Alice came to X later than Carol had; Carol to Y later than Bob; Alice has a newer one.
	 */
	assert_int_equal(holder(&m, X), ALICE);
	assert_int_equal(holder(&m, Y), CAROL);
	assert_int_equal(holder(&m, Z), NOBODY);
	assert_int_equal(t.report.ended, 0);
	assert_int_equal(t.report.fates[RESYNC_REFUSED], 2);
	/* An empty list is a list. */
	t = list(&m, LIST + 1, NULL, 0);
	assert_int_equal(t.report.ended, 1);
	assert_int_equal(holder(&m, X), ALICE);
	assert_int_equal(holder(&m, Y), NOBODY);
}

static void test_a_list_that_contradicts_itself(void **state)
{
	(void)state;
	struct memory_store m = world();
	struct told t = LISTED(&m, LIST, {X, .session = "a", .who = ALICE, .started = 10},
			       {X, .session = "b", .who = BOB, .started = 20},
			       {Y, .session = "c", .who = CAROL, .started = 30},
			       {Y, .session = "b2", .who = BOB, .started = 30},
			       {Z, .session = "c", .who = CAROL, .started = 30});
	assert_int_equal(holder(&m, X), BOB); /* he came later; Alice's Stop is lost */
	assert_int_equal(holder(&m, Y), QUARANTINED);
	assert_int_equal(t.report.fates[RESYNC_REFUSED], 4);
	m = world();
	t = LISTED(&m, LIST, {X, .session = "ab", .who = 12});
	assert_int_equal(holder(&m, X), QUARANTINED);
	assert_int_equal(t.report.fates[RESYNC_REFUSED], 1);
}

static void test_dual_stack_and_lease(void **state)
{
	(void)state;
	struct memory_store m = world();

	tell(&m, (struct said){LEASE_START, X, "2001:db8:1::/64", .session = "a", .who = ALICE,
			       .at = 10, .lease = 3600});
	struct told t = LISTED(
		&m, LIST,
		{X, "2001:db8:1::/64", .session = "a", .who = ALICE, .started = 10, .lease = 7200});
	assert_int_equal(t.report.fates[RESYNC_KEPT], 1);
	assert_int_equal(row(&m, X)->expires_us, EPOCH + (LIST + 7200) * S);
	/* Listed with one family, it has one. */
	t = LISTED(&m, LIST + 1, {X, .session = "a", .who = ALICE, .started = 10});
	assert_int_equal(row(&m, X)->expires_us, 0);
	assert_int_equal(m.bindings[1].state, KEY_FREE);
	/* The name is another's now. */
	t = LISTED(&m, LIST + 2, {X, .session = "a", .who = BOB, .started = 10});
	assert_int_equal(holder(&m, X), BOB);
}

static void test_a_clock_ahead(void **state)
{
	(void)state;
	struct memory_store m = world();
	struct told t;

	tell(&m, (struct said){LEASE_START, X, .session = "a", .who = ALICE, .at = 50});
	write_list(&t, "pgw1", 1e9, NULL, 0);
	t.list.received_us = EPOCH + LIST * S;
	apply(&m, &t);
	assert_true(t.report.time_replaced);
	assert_int_equal(t.report.time_us, EPOCH + LIST * S);
	assert_int_equal(holder(&m, X), NOBODY);
	tell(&m, (struct said){LEASE_START, X, .session = "b", .who = BOB, .at = LIST + 1});
	assert_int_equal(holder(&m, X), BOB);
}

/* ---- any history, any list ---- */

static const char *const ips[] = {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"};
static const char *const names[] = {"s0", "s1", "s2", "s3", "s4", "s5"};
static const char *const nases[] = {"pgw1", "pgw2"};

static unsigned dice(unsigned sides)
{
	return (unsigned)random() % sides;
}

static struct said random_said(double now)
{
	static const enum lease_kind kinds[] = {LEASE_START,  LEASE_START,  LEASE_START, LEASE_STOP,
						LEASE_UPDATE, LEASE_UPDATE, LEASE_NAS_ON};
	struct said say = {.kind = kinds[dice(dice(3) ? 6 : 7)],
			   .nas = nases[dice(4) == 0],
			   .session = names[dice(6)],
			   .ip = ips[dice(4)],
			   .who = (int)(dice(12)  ? 1 + dice(3)
					: dice(2) ? 9
						  : 12),
			   .at = now - dice(20),
			   .arrives = now,
			   .delay = dice(10) ? 0 : (int)dice(50)};

	if (say.kind == LEASE_NAS_ON || dice(8) == 0)
		say.ip = say.kind == LEASE_STOP || say.kind == LEASE_NAS_ON ? NULL : say.ip;
	return say;
}

static void random_doubt(struct memory_store *m)
{
	for (size_t i = 0; i < m->binding_count; i++) {
		struct binding *b = &m->bindings[i];
		if (b->state != KEY_FREE && !dice(4))
			binding_quarantine_apply(b, QUARANTINE_OPERATOR);
		else if (b->state == KEY_UNCONFIRMED && !dice(3))
			b->state = dice(2) ? KEY_CONFIRMED : KEY_CONTESTED;
	}
}

/* A NAS's honest list: an address has one session, a subscriber too. */
static size_t random_list(struct line lines[LINES], double at)
{
	unsigned ip = dice(4), name = dice(6), who = dice(3);
	size_t n = dice(4);

	for (size_t i = 0; i < n; i++)
		lines[i] = (struct line){.ip = ips[(ip + i) % 4],
					 .session = names[(name + i) % 6],
					 .who = (int)(1 + (who + i) % 3),
					 .started = dice(4) ? at - dice(30) : 0};
	return n;
}

static const struct line *line_of(const struct line *lines, size_t n, const struct key *k)
{
	for (size_t i = 0; i < n; i++) {
		struct key own = key_v4(lines[i].ip);
		if (key_equal(&own, k))
			return &lines[i];
	}
	return NULL;
}

/* Whoever holds a key by this NAS's word now is on the list with that key, or newer than it. */
static void check_holders(const struct memory_store *m, const struct told *t,
			  const struct line *lines, size_t n)
{
	for (size_t i = 0; i < m->binding_count; i++) {
		const struct binding *b = &m->bindings[i];
		if (b->state == KEY_FREE || !b->session)
			continue;
		const struct session_row *s = &m->sessions[b->session - 1];
		const struct line *l = line_of(lines, n, &b->key);
		if (strcmp(s->nas_id, "pgw1") != 0 || s->started_us >= t->report.time_us ||
		    b->watermark_us > t->report.time_us)
			continue;
		assert_non_null(l);
		assert_string_equal(l->session, s->session_id);
		assert_int_equal(l->who, b->subscriber);
		assert_true(s->active && !s->ended_us);
		assert_true(b->state == KEY_UNCONFIRMED || b->state == KEY_CONFIRMED);
	}
}

/* Its Start came once more, since the list. */
static bool began_again(const struct memory_store *m, const struct told *t,
			const struct session_row *s)
{
	for (size_t i = 0; i < m->binding_count; i++)
		if (m->bindings[i].session == s->id &&
		    m->bindings[i].watermark_us > t->report.time_us)
			return true;
	return false;
}

/* Whoever is on the list has what it says, or was refused for a reason that shows. */
static void check_lines(const struct memory_store *m, const struct told *t,
			const struct line *lines, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct resync_entry *e = &t->entries[i];
		const struct binding *b = row(m, lines[i].ip);
		if (e->fate != RESYNC_REFUSED) {
			assert_int_equal(holder(m, lines[i].ip), lines[i].who);
			assert_string_equal(m->sessions[b->session - 1].nas_id, "pgw1");
			continue;
		}
		bool newer_key = b && (b->watermark_us > t->report.time_us ||
				       (b->session && m->sessions[b->session - 1].started_us >=
							      t->report.time_us));
		bool elsewhere = false, ended = false;
		for (size_t j = 0; j < m->session_count; j++) {
			const struct session_row *s = &m->sessions[j];
			bool own = !strcmp(s->nas_id, "pgw1");
			elsewhere |= !own && (s->active || (b && b->session == s->id));
			newer_key |= own && s->active &&
				     (s->started_us >= t->report.time_us || began_again(m, t, s));
			ended |= own && !strcmp(s->session_id, lines[i].session) &&
				 (s->ended_us >= t->report.time_us ||
				  s->started_us >= t->report.time_us);
		}
		assert_true(newer_key || elsewhere || ended);
	}
}

static void assert_same(const struct memory_store *x, const struct memory_store *y)
{
	assert_int_equal(x->binding_count, y->binding_count);
	assert_int_equal(x->session_count, y->session_count);
	for (size_t i = 0; i < x->binding_count; i++) {
		const struct binding *a = &x->bindings[i], *b = &y->bindings[i];
		assert_true(key_equal(&a->key, &b->key));
		assert_int_equal(a->state, b->state);
		assert_int_equal(a->generation, b->generation);
		assert_int_equal(a->session, b->session);
		assert_int_equal(a->subscriber, b->subscriber);
		assert_int_equal(a->watermark_us, b->watermark_us);
		assert_int_equal(a->expires_us, b->expires_us);
		assert_int_equal(a->rival, b->rival);
	}
	for (size_t i = 0; i < x->session_count; i++) {
		const struct session_row *a = &x->sessions[i], *b = &y->sessions[i];
		assert_int_equal(a->subscriber, b->subscriber);
		assert_int_equal(a->started_us, b->started_us);
		assert_int_equal(a->ended_us, b->ended_us);
		assert_int_equal(a->active, b->active);
	}
}

static void check_again(const struct memory_store *m, const struct told *first,
			const struct line *lines, size_t n)
{
	struct memory_store again = *m, looked = *m;
	struct lease_store port = memory_store_port(&looked);
	struct told t;

	write_list(&t, "pgw1", 0, lines, n);
	t.list.time_us = first->report.time_us;
	t.list.received_us = first->list.received_us;
	apply(&again, &t);
	assert_int_equal(t.rc, 0);
	assert_int_equal(t.report.ended, 0);
	assert_int_equal(t.report.fates[RESYNC_ADDED] + t.report.fates[RESYNC_MOVED], 0);
	assert_same(&again, m);
	/* Looked at before, nothing is left to do. */
	assert_int_equal(resync_look(&port, &limits, &t.list, 0, n), 0);
	for (size_t i = 0; i < n; i++)
		assert_true(t.entries[i].settled || first->entries[i].fate == RESYNC_REFUSED);
	apply(&looked, &t);
	assert_same(&looked, m);
}

static void check_looking_first(const struct memory_store *before, const struct memory_store *m,
				const struct line *lines, size_t n, double at)
{
	struct memory_store looked = *before;
	struct lease_store port = memory_store_port(&looked);
	struct told t;

	write_list(&t, "pgw1", at, lines, n);
	resync_look(&port, &limits, &t.list, 0, n);
	apply(&looked, &t);
	assert_same(&looked, m);
}

static void one_round(void)
{
	struct memory_store m = world(), before;
	struct line lines[LINES];
	struct told t;
	double now = 100;

	for (unsigned i = 0, events = dice(25); i < events; i++)
		tell(&m, random_said(now += dice(4)));
	random_doubt(&m);
	double at = now - dice(15);
	size_t n = random_list(lines, at);
	before = m;
	write_list(&t, "pgw1", at, lines, n);
	apply(&m, &t);
	if (t.rc) {
		assert_int_equal(t.rc, E_CONFLICT);
		assert_true(m.nases[0].on_us > t.list.time_us || m.nases[1].on_us > t.list.time_us);
		assert_same(&m, &before);
		return;
	}
	check_holders(&m, &t, lines, n);
	check_lines(&m, &t, lines, n);
	check_looking_first(&before, &m, lines, n, at);
	check_again(&m, &t, lines, n);
	/* Whatever older news of the NAS comes in later gives nobody anything. */
	for (int i = 0; i < 6; i++) {
		struct said say = random_said(at - 0.5);
		say.nas = "pgw1";
		say.arrives = now + 30;
		struct memory_store after = m;
		tell(&after, say);
		check_holders(&after, &t, lines, n);
	}
}

static void test_any_history(void **state)
{
	(void)state;
	const char *seed = getenv("RESYNC_SEED"), *rounds = getenv("RESYNC_ROUNDS");

	srandom(seed ? (unsigned)atol(seed) : 1);
	for (long i = 0; i < (rounds ? atol(rounds) : 3000); i++)
		one_round();
}

/* Between the look and the list the NAS began anew, and not all of its sessions have ended yet:
 * what was seen is over all the same. */
static void test_a_nas_that_began_anew_since_the_look(void **state)
{
	(void)state;
	struct lease_limits by_one = limits;
	struct memory_store m = world();
	struct lease_store port = memory_store_port(&m);
	struct lease_event off = event_of(&(struct said){LEASE_NAS_OFF, .at = 90});
	struct lease_outcome out;
	struct told t;

	by_one.ends_max = 1;
	tell(&m, (struct said){LEASE_START, X, .session = "a", .who = ALICE, .at = 10});
	tell(&m, (struct said){LEASE_START, Y, .session = "b", .who = BOB, .at = 11});
	uint32_t bobs = row(&m, Y)->generation;
	write_list(&t, "pgw1", LIST,
		   (const struct line[]){{Y, .session = "b", .who = BOB, .started = 95}}, 1);
	assert_int_equal(resync_look(&port, &limits, &t.list, 0, 1), 0);
	assert_true(t.entries[0].settled);
	assert_int_equal(lease_apply(&port, &by_one, &off, &out), 0);
	assert_int_equal(holder(&m, Y), BOB);
	apply(&m, &t);
	assert_int_equal(t.rc, 0);
	assert_true(row(&m, Y)->generation > bobs);
	while (out.unfinished)
		assert_int_equal(lease_go_on(&port, &by_one, &off, &out), 0);
	assert_int_equal(holder(&m, Y), BOB);
	assert_int_equal(holder(&m, X), NOBODY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_corrects),
		cmocka_unit_test(test_a_shifted_table),
		cmocka_unit_test(test_newer_events_stay),
		cmocka_unit_test(test_older_events_come_too_late),
		cmocka_unit_test(test_quarantine_and_doubt_end),
		cmocka_unit_test(test_behind_ends),
		cmocka_unit_test(test_two_nases),
		cmocka_unit_test(test_a_list_that_contradicts_itself),
		cmocka_unit_test(test_dual_stack_and_lease),
		cmocka_unit_test(test_a_clock_ahead),
		cmocka_unit_test(test_any_history),
		cmocka_unit_test(test_a_nas_that_began_anew_since_the_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
