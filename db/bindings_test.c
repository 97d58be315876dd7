/* The address directory: finding, overlapping, claims, quarantine, expiry, silence, history. */
#include <sqlite3.h>

#include "db/bindings.h"
#include "db/db_testing.h"

static void confirm(struct bench_store *s, const char *ip, int64_t id, struct binding *b)
{
	assert_int_equal(check(s, ip, b), 0);
	assert_int_equal(claim(s, ip, b->generation, id, b), CLAIM_ACCEPTED);
}

static int64_t attach(struct bench_store *s, const char *ip, int n, struct binding *b)
{
	char session[32];
	int64_t id = make_subscriber(s, n);

	snprintf(session, sizeof session, "session-%d", n);
	assert_int_equal(apply(s, an_event(LEASE_START, ip, n, session, clock_now_us())).result,
			 LEASE_APPLIED);
	confirm(s, ip, id, b);
	return id;
}

static int find(struct bench_store *s, const char *realm, const char *ip, uint16_t port,
		struct binding_found *out)
{
	struct heard *h = malloc(sizeof *h);
	struct addr a;

	*h = (struct heard){.s = s};
	assert_int_equal(addr_parse(ip, &a), 0);
	binding_find(s->port, realm, &a, port, on_found, h);
	int err = wait_for(h);
	if (!err && out)
		*out = h->found;
	free(h);
	return err;
}

static void test_find(void **state)
{
	struct bench_store *s = *state;
	struct binding b = {0};
	struct binding_found f = {0};
	int64_t id = attach(s, "10.0.0.1", 1, &b);

	assert_int_equal(find(s, REALM_DEFAULT, "10.0.0.1", 1, &f), 0);
	assert_int_equal(f.b.subscriber, id);
	assert_string_equal(f.msisdn, "819000000001");
	assert_string_equal(f.imsi, "440100000000001");
	assert_string_equal(f.nas_id, "nas-1");
	assert_string_equal(f.session_id, "session-1");
	assert_false(f.has_sim_key);
	assert_false(f.behind);
	assert_int_equal(find(s, REALM_DEFAULT, "::ffff:10.0.0.1", 1, &f),
			 0); /* the same address */
	assert_int_equal(find(s, REALM_DEFAULT, "10.0.0.2", 1, &f), E_NOT_FOUND);
	assert_int_equal(find(s, "other", "10.0.0.1", 1, &f), E_NOT_FOUND);
	/* A Stop, and nobody holds it; the generation stays. */
	apply(s, an_event(LEASE_STOP, "10.0.0.1", 1, "session-1", clock_now_us()));
	assert_int_equal(find(s, REALM_DEFAULT, "10.0.0.1", 1, &f), E_NOT_FOUND);
	make_subscriber(s, 2);
	apply(s, an_event(LEASE_START, "10.0.0.1", 2, "session-2", clock_now_us()));
	assert_int_equal(find(s, REALM_DEFAULT, "10.0.0.1", 1, &f), 0);
	assert_true(f.b.generation > b.generation);
}

static void on_owner(void *arg, int err, const struct binding_found *f,
		     const struct subscriber *owner)
{
	struct heard *h = arg;

	if (!err) {
		h->found = *f;
		h->subscriber = *owner;
	}
	heard_one(h, err);
}

static int find_owner(struct bench_store *s, const char *ip, struct binding_found *f,
		      struct subscriber *owner)
{
	struct heard *h = HEARD(s);
	struct addr a;

	assert_int_equal(addr_parse(ip, &a), 0);
	binding_find_owner(s->port, REALM_DEFAULT, &a, 99, on_owner, h);
	int err = wait_for(h);
	*f = h->found;
	*owner = h->subscriber;
	return err;
}

/* What a token tells of its holder, with what a decision needs, at one moment. */
static void test_find_owner(void **state)
{
	struct bench_store *s = *state;
	struct subscriber_put put = a_subscriber("819000000001", "440100000000001");
	struct binding b = {0};
	struct binding_found f;
	struct subscriber owner;
	int64_t id = attach(s, "10.0.0.1", 1, &b);

	assert_int_equal(find_owner(s, "10.0.0.1", &f, &owner), 0);
	assert_int_equal(f.b.subscriber, id);
	assert_string_equal(f.nas_id, "nas-1");
	assert_int_equal(owner.id, id);
	assert_string_equal(owner.msisdn, "819000000001");
	assert_string_equal(owner.imsi, "440100000000001");
	assert_false(owner.has_sim_key);
	assert_int_equal(owner.address_count, 1);
	assert_string_equal(owner.addresses[0].shown, "U819000000001@Hato.example");
	put.subscriber.address_count = SUBSCRIBER_ADDRESSES;
	for (int i = 1; i < SUBSCRIBER_ADDRESSES; i++) {
		snprintf(put.subscriber.addresses[i].shown, ADDRESS_MAX, "N%d@Hato.example", i);
		snprintf(put.subscriber.addresses[i].canonical, ADDRESS_MAX, "n%d@hato.example", i);
	}
	assert_int_equal(put_subscriber(s, &put, &id), 0);
	assert_int_equal(find_owner(s, "10.0.0.1", &f, &owner), 0);
	assert_int_equal(owner.address_count, SUBSCRIBER_ADDRESSES);
	assert_string_equal(owner.addresses[0].shown, "U819000000001@Hato.example");
	assert_string_equal(owner.addresses[15].shown, "N15@Hato.example");
	/* It moves: another's names, or nobody's. */
	make_subscriber(s, 2);
	apply(s, an_event(LEASE_START, "10.0.0.1", 2, "session-2", clock_now_us()));
	assert_int_equal(find_owner(s, "10.0.0.1", &f, &owner), 0);
	assert_string_equal(owner.msisdn, "819000000002");
	assert_int_equal(owner.address_count, 1);
	assert_string_equal(owner.addresses[0].shown, "U819000000002@Hato.example");
	assert_int_equal(find_owner(s, "10.0.0.2", &f, &owner), E_NOT_FOUND);
}

/* A length of prefix that came since the last look, which knew of none. */
static void test_find_owner_of_new_length(void **state)
{
	struct bench_store *s = *state;
	struct binding_found f;
	struct subscriber owner;

	make_subscriber(s, 1);
	assert_int_equal(find(s, REALM_DEFAULT, "2001:db8:2::9", 99, &f), E_NOT_FOUND);
	apply(s, an_event(LEASE_START, "2001:db8:2::/48", 1, "session-1", clock_now_us()));
	assert_int_equal(find_owner(s, "2001:db8:2:ffff::9", &f, &owner), 0);
	assert_string_equal(owner.msisdn, "819000000001");
}

/* Keys of several prefix lengths and port blocks; each address and port finds its own. */
static void test_find_prefixes(void **state)
{
	struct bench_store *s = *state;
	struct binding_found f = {0};
	static const char *const keys[] = {"2001:db8:1:2::/64", "2001:db8:2::/48",
					   "2001:db8:3:100::/56", "::/64"};
	static const struct {
		const char *ip;
		int holder; /* 0: nobody */
	} cases[] = {
		{"2001:db8:1:2::1", 1},
		{"2001:db8:1:2:ffff:ffff:ffff:ffff", 1},
		{"2001:db8:1:3::1", 0},
		{"2001:db8:1:1:ffff::", 0},
		{"2001:db8:2::", 2},
		{"2001:db8:2:ffff::9", 2},
		{"2001:db8:3:100::1", 3},
		{"2001:db8:3:1ff::1", 3},
		{"2001:db8:3:200::1", 0},
		{"2001:db8:3:ff::1", 0},
		{"::1", 4},
		{"0.0.0.9", 0},
		{"10.0.0.1", 5},
	};

	for (int i = 0; i < 4; i++) {
		char session[16];
		make_subscriber(s, i + 1);
		snprintf(session, sizeof session, "s%d", i);
		assert_int_equal(
			apply(s, an_event(LEASE_START, keys[i], i + 1, session, clock_now_us()))
				.result,
			LEASE_APPLIED);
	}
	make_subscriber(s, 5);
	apply(s, an_event(LEASE_START, "10.0.0.1", 5, "s5", clock_now_us()));
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int err = find(s, REALM_DEFAULT, cases[i].ip, 99, &f);
		assert_int_equal(err, cases[i].holder ? 0 : E_NOT_FOUND);
		if (cases[i].holder)
			assert_int_equal(f.msisdn[11] - '0', cases[i].holder);
	}
}

static void test_port_blocks(void **state)
{
	struct bench_store *s = *state;
	struct binding_found f = {0};
	static const struct {
		uint16_t port;
		int holder;
	} cases[] = {{1023, 0}, {1024, 1}, {2047, 1}, {2048, 2}, {3071, 2}, {3072, 0}, {65535, 3}};

	for (int i = 0; i < 3; i++) {
		char session[16];
		make_subscriber(s, i + 1);
		snprintf(session, sizeof session, "s%d", i);
		struct lease_event ev =
			an_event(LEASE_START, "10.0.0.1", i + 1, session, clock_now_us());
		ev.keys[0].port_first = (uint16_t)(i == 2 ? 60000 : 1024 + 1024 * i);
		ev.keys[0].port_last = (uint16_t)(i == 2 ? 65535 : 2047 + 1024 * i);
		assert_int_equal(apply(s, ev).result, LEASE_APPLIED);
	}
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int err = find(s, REALM_DEFAULT, "10.0.0.1", cases[i].port, &f);
		assert_int_equal(err, cases[i].holder ? 0 : E_NOT_FOUND);
		if (cases[i].holder)
			assert_int_equal(f.msisdn[11] - '0', cases[i].holder);
	}
}

static struct lease_event block_event(int number, const char *session, const char *ports,
				      int64_t time_us)
{
	struct lease_event ev = an_event(LEASE_START, "10.0.0.1", number, session, time_us);

	assert_int_equal(key_set_ports(&ev.keys[0], ports), 0);
	return ev;
}

static int64_t holder_of_port(struct bench_store *s, uint16_t port)
{
	struct binding_found f = {0};

	return find(s, REALM_DEFAULT, "10.0.0.1", port, &f) ? 0 : f.b.subscriber;
}

/* What a new block overlaps is evicted, whole; what it only touches stays. Then the whole address,
 * and a block of it again. */
static void test_blocks_that_overlap(void **state)
{
	struct bench_store *s = *state;
	int64_t now_us = clock_now_us(), id[6];

	for (int i = 1; i < 6; i++)
		id[i] = make_subscriber(s, i);
	apply(s, block_event(1, "s1", "1024-2047", now_us));
	apply(s, block_event(2, "s2", "2048-3071", now_us + 1));
	apply(s, block_event(3, "s3", "3072-4095", now_us + 2));
	apply(s, block_event(4, "s4", "2000-2100", now_us + 3));
	assert_int_equal(holder_of_port(s, 1024), 0);
	assert_int_equal(holder_of_port(s, 1999), 0);
	assert_int_equal(holder_of_port(s, 2000), id[4]);
	assert_int_equal(holder_of_port(s, 2100), id[4]);
	assert_int_equal(holder_of_port(s, 2101), 0);
	assert_int_equal(holder_of_port(s, 3072), id[3]);
	/* Older than who holds a part of it: it comes too late. */
	assert_int_equal(apply(s, block_event(1, "s0", "1024-2047", now_us + 2)).result,
			 LEASE_STALE);
	assert_int_equal(holder_of_port(s, 2000), id[4]);
	apply(s, an_event(LEASE_START, "10.0.0.1", 5, "s5", now_us + 4));
	assert_int_equal(holder_of_port(s, 2000), id[5]);
	assert_int_equal(holder_of_port(s, 3072), id[5]);
	apply(s, block_event(1, "s6", "1024-2047", now_us + 5));
	assert_int_equal(holder_of_port(s, 1024), id[1]);
	assert_int_equal(holder_of_port(s, 3072), 0);
}

/* A Start on a wider, narrower or block-sharing key evicts whoever overlaps it: never two active.
 */
static void test_overlaps(void **state)
{
	struct bench_store *s = *state;
	static const struct {
		const char *old, *new;
		bool evicts;
	} cases[] = {
		{"2001:db8:1:1::/64", "2001:db8:1::/48", true},
		{"2001:db8:2::/48", "2001:db8:2:ff::/64", true},
		{"2001:db8:3:100::/56", "2001:db8:3:180::/60", true},
		{"2001:db8:4::/64", "2001:db8:4:1::/64", false},
		{"2001:db8:5::/56", "2001:db8:5:100::/56", false},
	};

	for (int i = 0; i < (int)(sizeof cases / sizeof *cases); i++) {
		char session[2][16], old[64], new[64];
		int64_t now_us = clock_now_us();
		int64_t newcomer;
		struct binding b = {0};

		make_subscriber(s, 2 * i + 1);
		newcomer = make_subscriber(s, 2 * i + 2);
		snprintf(session[0], 16, "old-%d", i);
		snprintf(session[1], 16, "new-%d", i);
		apply(s, an_event(LEASE_START, cases[i].old, 2 * i + 1, session[0], now_us));
		apply(s, an_event(LEASE_START, cases[i].new, 2 * i + 2, session[1], now_us + 1));
		snprintf(old, sizeof old, "%.*s1", (int)strcspn(cases[i].old, "/"), cases[i].old);
		snprintf(new, sizeof new, "%.*s1", (int)strcspn(cases[i].new, "/"), cases[i].new);
		assert_int_equal(check(s, new, &b), 0);
		assert_int_equal(b.subscriber, newcomer);
		int err = check(s, old, &b);
		if (!cases[i].evicts)
			assert_true(err == 0 && b.subscriber != newcomer);
		else
			assert_true(err == E_NOT_FOUND || b.subscriber == newcomer);
	}
}

static void test_claims(void **state)
{
	struct bench_store *s = *state;
	struct binding b = {0}, again = {0};
	struct heard *h;
	int64_t id = make_subscriber(s, 1), other = make_subscriber(s, 2);
	struct key k = key_at("10.0.0.1");
	static const uint8_t none[TRIGGER_KEY_BYTES];

	apply(s, an_event(LEASE_START, "10.0.0.1", 1, "s1", clock_now_us()));
	check(s, "10.0.0.1", &b);
	assert_memory_equal(b.trigger_key, none, sizeof none);

	/* The generation moved, or there never was one. */
	h = HEARD(s);
	binding_claim(s->port, &k, b.generation + 1, id, &k.addr, on_claimed, h);
	assert_int_equal(wait_for(h), E_CONFLICT);
	k = key_at("10.0.0.99");
	h = HEARD(s);
	binding_claim(s->port, &k, 1, id, &k.addr, on_claimed, h);
	assert_int_equal(wait_for(h), E_CONFLICT);

	/* Confirmed: a trigger key, the same for every later claim of the generation. */
	assert_int_equal(claim(s, "10.0.0.1", b.generation, id, &b), CLAIM_ACCEPTED);
	assert_memory_not_equal(b.trigger_key, none, sizeof none);
	assert_int_equal(claim(s, "10.0.0.1", b.generation, id, &again), CLAIM_ACCEPTED);
	assert_memory_equal(b.trigger_key, again.trigger_key, sizeof none);
	check(s, "10.0.0.1", &again);
	assert_memory_equal(b.trigger_key, again.trigger_key, sizeof none);

	/* Contested by another's word; ended by a refresh. */
	assert_int_equal(claim(s, "10.0.0.1", b.generation, other, &b), CLAIM_MISMATCH);
	assert_int_equal(b.state, KEY_CONTESTED);
	assert_int_equal(claim(s, "10.0.0.1", b.generation, id, &b), CLAIM_CONTESTED);
	k = key_at("10.0.0.1");
	h = HEARD(s);
	binding_refresh(s->port, &k, b.generation, DAY_US_, &k.addr, on_claimed, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(h->answer, CLAIM_ACCEPTED);
	assert_int_equal(h->binding.state, KEY_CONFIRMED);
	h = HEARD(s);
	binding_refresh(s->port, &k, b.generation, 0, &k.addr, on_claimed,
			h); /* the claim is too old */
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(h->answer, CLAIM_STALE);

	/* All tokens end: another generation, another trigger key. */
	h = HEARD(s);
	binding_end_tokens(s->port, &k, b.generation, on_done, h);
	assert_int_equal(wait_for(h), 0);
	h = HEARD(s);
	binding_end_tokens(s->port, &k, b.generation, on_done, h);
	assert_int_equal(wait_for(h), E_CONFLICT);
	check(s, "10.0.0.1", &again);
	assert_int_equal(again.state, KEY_UNCONFIRMED);
	assert_int_equal(again.generation, b.generation + 1);
	assert_int_equal(claim(s, "10.0.0.1", again.generation, id, &again), CLAIM_ACCEPTED);
	assert_memory_not_equal(b.trigger_key, again.trigger_key, sizeof none);
}

static int quarantine(struct bench_store *s, const char *ip, uint32_t generation)
{
	struct heard *h = HEARD(s);
	struct key k = key_at(ip);

	binding_quarantine(s->port, &k, generation, QUARANTINE_TOKEN_OF_OTHER,
			   "a token of 7 was shown", on_done, h);
	return wait_for(h);
}

static int release(struct bench_store *s, const char *ip)
{
	struct heard *h = HEARD(s);
	struct key k = key_at(ip);

	binding_release(s->port, &k, "operator-1", on_done, h);
	return wait_for(h);
}

static void test_quarantine(void **state)
{
	struct bench_store *s = *state;
	struct binding b = {0}, after = {0};
	struct heard *h;

	attach(s, "10.0.0.1", 1, &b);
	assert_int_equal(quarantine(s, "10.0.0.1", b.generation + 1), E_CONFLICT);
	assert_int_equal(release(s, "10.0.0.1"), E_NOT_FOUND);
	assert_int_equal(quarantine(s, "10.0.0.1", b.generation), 0);
	assert_int_equal(quarantine(s, "10.0.0.1", b.generation), 0); /* once more is no news */
	check(s, "10.0.0.1", &after);
	assert_int_equal(after.state, KEY_QUARANTINED);
	assert_int_equal(after.reason, QUARANTINE_TOKEN_OF_OTHER);

	h = malloc(sizeof *h);
	*h = (struct heard){.s = s};
	binding_quarantined(s->port, REALM_DEFAULT, "", 10, on_list, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(h->n, 1);
	assert_string_equal(h->list[0].msisdn, "819000000001");
	free(h);

	assert_int_equal(release(s, "10.0.0.1"), 0);
	check(s, "10.0.0.1", &after);
	assert_int_equal(after.state, KEY_UNCONFIRMED);
	assert_true(after.generation > b.generation);
	assert_int_equal(release(s, "10.0.0.1"), E_NOT_FOUND);
	assert_int_equal(release(s, "10.0.0.77"), E_NOT_FOUND);
}

static void test_quarantine_pages(void **state)
{
	struct bench_store *s = *state;
	struct heard *h = malloc(sizeof *h);
	char after[KEY_TEXT_MAX] = "";
	size_t seen = 0;

	for (int i = 1; i <= 9; i++) {
		char ip[40];
		struct binding b = {0};
		snprintf(ip, sizeof ip, i > 6 ? "2001:db8:%d::/64" : "10.0.%d.1", i);
		make_subscriber(s, i);
		char session[16];
		snprintf(session, sizeof session, "s%d", i);
		apply(s, an_event(LEASE_START, ip, i, session, clock_now_us()));
		if (i > 6)
			snprintf(ip, sizeof ip, "2001:db8:%d::1", i);
		check(s, ip, &b);
		if (i > 6)
			snprintf(ip, sizeof ip, "2001:db8:%d::/64", i);
		assert_int_equal(quarantine(s, ip, b.generation), 0);
	}
	do {
		*h = (struct heard){.s = s};
		binding_quarantined(s->port, REALM_DEFAULT, after, 4, on_list, h);
		assert_int_equal(wait_for(h), 0);
		seen += h->n;
		if (h->n)
			key_format(&h->list[h->n - 1].b.key, after);
	} while (h->n);
	assert_int_equal(seen, 9);
	*h = (struct heard){.s = s};
	binding_quarantined(s->port, "other", "", 4, on_list, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(h->n, 0);
	*h = (struct heard){.s = s};
	binding_quarantined(s->port, REALM_DEFAULT, "not a key", 4, on_list, h);
	assert_int_equal(wait_for(h), E_SYNTAX);
	free(h);
}

static void test_of_subscriber(void **state)
{
	struct bench_store *s = *state;
	struct heard *h = malloc(sizeof *h);
	int64_t id = make_subscriber(s, 1);
	struct lease_event ev = an_event(LEASE_START, "10.0.0.1", 1, "s1", clock_now_us());

	ev.keys[1] = key_at("2001:db8:1:1::/64");
	ev.key_count = 2;
	assert_int_equal(apply(s, ev).result, LEASE_APPLIED);
	ev = an_event(LEASE_START, "10.0.0.1", 1, "s1", clock_now_us());
	snprintf(ev.realm, sizeof ev.realm, "other");
	snprintf(ev.keys[0].realm, sizeof ev.keys[0].realm, "other");
	assert_int_equal(apply(s, ev).result, LEASE_APPLIED);

	static const struct {
		const char *realm;
		size_t n;
	} cases[] = {{REALM_DEFAULT, 2}, {"other", 1}, {"", 3}, {"third", 0}};
	for (size_t i = 0; i < 4; i++) {
		*h = (struct heard){.s = s};
		binding_of_subscriber(s->port, cases[i].realm, id, on_list, h);
		assert_int_equal(wait_for(h), 0);
		assert_int_equal(h->n, cases[i].n);
	}
	free(h);
}

static void sweep(struct bench_store *s, int64_t now_us)
{
	struct heard *h = HEARD(s);

	bindings_sweep(s->port, now_us, on_done, h);
	assert_int_equal(wait_for(h), 0);
}

static void test_expiry(void **state)
{
	struct bench_store *s = *state;
	int64_t now_us = clock_now_us();
	struct lease_event ev = an_event(LEASE_START, "10.0.0.1", 1, "s1", now_us);
	struct binding b = {0};

	make_subscriber(s, 1);
	ev.lease_us = 600 * SECOND_US;
	apply(s, ev);
	sweep(s, now_us + 599 * SECOND_US);
	assert_int_equal(check(s, "10.0.0.1", &b), 0);
	assert_int_equal(binding_state_at(&b, now_us + 601 * SECOND_US), KEY_FREE);
	sweep(s, now_us + 601 * SECOND_US);
	assert_int_equal(check(s, "10.0.0.1", &b), E_NOT_FOUND);
	/* The session lives: its renewal binds again. */
	ev = an_event(LEASE_UPDATE, "10.0.0.1", 1, "s1", now_us + 2);
	ev.lease_us = 600 * SECOND_US;
	assert_int_equal(apply(s, ev).result, LEASE_APPLIED);
	assert_int_equal(check(s, "10.0.0.1", &b), 0);
}

static void on_count(void *arg, int err, const struct history_row *r, size_t n)
{
	on_history(arg, err, r, n);
}

static size_t history(struct bench_store *s, const char *ip, int64_t at_us, size_t limit,
		      struct heard *h)
{
	struct key k = key_at(ip);

	*h = (struct heard){.s = s};
	binding_history(s->port, &k, &(struct history_question){.limit = limit, .at_us = at_us},
			on_count, h);
	assert_int_equal(wait_for(h), 0);
	return h->n;
}

/* A page begins where the last one ended, also between rows of one arrival. */
static void check_pages(struct bench_store *s, struct heard *h)
{
	struct key k = key_at("10.0.0.1");
	struct history_question ask = {.limit = 2, .is_page = true, .after_us = INT64_MIN};
	size_t rows = 0;

	do {
		*h = (struct heard){.s = s};
		binding_history(s->port, &k, &ask, on_history, h);
		assert_int_equal(wait_for(h), 0);
		for (size_t i = 0; i < h->n; i++) {
			assert_true(h->history[i].id > ask.after_id);
			ask.after_id = h->history[i].id;
		}
		rows += h->n;
	} while (h->n);
	assert_int_equal(rows, 6);
}

static void check_history(struct bench_store *s, struct heard *h, int64_t t0)
{
	assert_int_equal(history(s, "10.0.0.1", 0, 60, h), 6);
	static const char *const events[] = {"start", "confirmed",   "start",
					     "start", "quarantined", "released"};
	static const char *const outcomes[] = {"applied", "claim",          "applied",
					       "stale",   "token-of-other", "token-of-other"};
	for (int i = 0; i < 6; i++) {
		assert_string_equal(h->history[i].event, events[i]);
		assert_string_equal(h->history[i].outcome, outcomes[i]);
		assert_true(h->history[i].commit > 0);
		assert_true(i == 0 || h->history[i].commit >= h->history[i - 1].commit);
		assert_true(i == 0 || h->history[i].generation >= h->history[i - 1].generation);
	}
	assert_string_equal(h->history[0].msisdn, "819000000001");
	assert_string_equal(h->history[0].feeder, "feeder-1");
	assert_string_equal(h->history[1].feeder, "test");
	assert_string_equal(h->history[2].msisdn, "819000000002");
	assert_string_equal(h->history[5].feeder, "operator-1");

	/* Who held it then? */
	assert_int_equal(history(s, "10.0.0.1", t0 + 5, 60, h), 6);
	assert_string_equal(h->history[0].msisdn, "819000000001");
	assert_int_equal(history(s, "10.0.0.1", t0 + 15, 60, h), 4);
	assert_string_equal(h->history[0].msisdn, "819000000002");
	assert_int_equal(history(s, "10.0.0.1", t0 - 5, 60, h), 0); /* nobody yet */
	check_pages(s, h);
	assert_int_equal(history(s, "10.0.0.1", t0 + 5, 2, h), 2);
	assert_string_equal(h->history[0].event, "start");
	assert_int_equal(history(s, "10.0.0.1", 0, 2, h), 2); /* the newest */
	assert_string_equal(h->history[1].event, "released");
	assert_int_equal(history(s, "10.0.0.2", 0, 60, h), 0);
}

/* Who held port N of the address then? Blocks differ from time to time; what it never lay in is not
 * its history. */
static void test_history_of_a_port(void **state)
{
	struct bench_store *s = *state;
	struct heard *h = malloc(sizeof *h);
	int64_t t0 = clock_now_us();
	struct key k = key_at("10.0.0.1");

	for (int i = 1; i < 4; i++)
		make_subscriber(s, i);
	apply(s, block_event(1, "s1", "1024-2047", t0));
	apply(s, block_event(2, "s2", "2048-3071", t0 + 10));
	apply(s, block_event(3, "s3", "1500-2500", t0 + 20));
	k.port_first = k.port_last = 1600;
	*h = (struct heard){.s = s};
	binding_history(s->port, &k, &(struct history_question){.limit = 60, .at_us = t0 + 5},
			on_count, h);
	assert_int_equal(wait_for(h), 0);
	assert_string_equal(h->history[0].msisdn, "819000000001");
	assert_int_equal(h->history[0].key.port_first, 1024);
	*h = (struct heard){.s = s};
	binding_history(s->port, &k, &(struct history_question){.limit = 60, .at_us = t0 + 25},
			on_count, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(h->n, 1);
	assert_string_equal(h->history[0].msisdn, "819000000003");
	assert_int_equal(h->history[0].key.port_last, 2500);
	k.port_first = k.port_last = 5000;
	*h = (struct heard){.s = s};
	binding_history(s->port, &k, &(struct history_question){.limit = 60, .at_us = 0}, on_count,
			h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(h->n, 0);
	assert_true(history(s, "10.0.0.1", 0, 60, h) >= 3); /* all who share it */
	free(h);
}

/* The answer is the same before, during and after the index caught up. */
static void test_history(void **state)
{
	struct bench_store *s = *state;
	struct heard *h = malloc(sizeof *h);
	int64_t t0 = clock_now_us();
	struct binding b = {0};
	int64_t id = make_subscriber(s, 1);

	make_subscriber(s, 2);
	apply(s, an_event(LEASE_START, "10.0.0.1", 1, "s1", t0));
	confirm(s, "10.0.0.1", id, &b);
	sweep(s, t0);
	apply(s, an_event(LEASE_START, "10.0.0.1", 2, "s2", t0 + 10));
	apply(s, an_event(LEASE_START, "10.0.0.1", 1, "s3", t0 + 5)); /* too late */
	check(s, "10.0.0.1", &b);
	quarantine(s, "10.0.0.1", b.generation);
	release(s, "10.0.0.1");
	check_history(s, h, t0);
	sweep(s, t0);
	check_history(s, h, t0);
	reopen_store(s);
	check_history(s, h, t0);
	/* And forgotten when its time is over. */
	sweep(s, t0 + 91 * DAY_US_);
	assert_true(history(s, "10.0.0.1", 0, 60, h) <= 1); /* the newest row stays */
	free(h);
}

/* As if so many events had come meanwhile. */
static void skip_events(struct bench_store *s, int n)
{
	char path[512], sql[512];
	sqlite3 *db;

	snprintf(path, sizeof path, "%s/bindings.db", s->dir);
	snprintf(sql, sizeof sql,
		 "INSERT INTO lease_event (id, commit_no, received_us, time_us, event, outcome,"
		 " realm, plen, port_first, port_last, generation, decides, msisdn, imsi,"
		 " session_id, nas_id, feeder, evidence) SELECT id + %d, commit_no, received_us,"
		 " time_us, event, outcome, realm, 0, 0, 0, 0, 0, '', '', '', '', '', ''"
		 " FROM lease_event ORDER BY id DESC LIMIT 1",
		 n);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* The index is in runs of 65,536 events; a question looks into all of them, and at the tail. */
static void test_history_in_runs(void **state)
{
	struct bench_store *s = *state;
	struct heard *h = malloc(sizeof *h);
	int64_t t0 = clock_now_us();

	for (int i = 0; i < 4; i++) {
		char session[16];
		make_subscriber(s, i + 1);
		snprintf(session, sizeof session, "s%d", i);
		apply(s, an_event(LEASE_START, "10.0.0.1", i + 1, session, t0 + i));
		if (i < 3) {
			sweep(s, t0);
			skip_events(s, 70000);
		}
	}
	assert_int_equal(history(s, "10.0.0.1", 0, 60, h), 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(h->history[i].time_us, t0 + i);
	assert_int_equal(history(s, "10.0.0.1", t0 + 1, 60, h), 3);
	free(h);
}

/* A key loses its holder by an event that names another key, or none: its own history says so. */
static void test_history_of_others(void **state)
{
	struct bench_store *s = *state;
	struct heard *h = malloc(sizeof *h);
	int64_t t0 = clock_now_us();

	make_subscriber(s, 1);
	make_subscriber(s, 2);
	apply(s, an_event(LEASE_START, "10.0.0.1", 1, "s1", t0));
	apply(s, an_event(LEASE_START, "10.0.0.2", 1, "s2", t0 + 10)); /* he moved */
	assert_int_equal(history(s, "10.0.0.1", 0, 60, h), 2);
	assert_string_equal(h->history[1].event, "ended");
	assert_string_equal(h->history[1].outcome, "replaced");
	apply(s, an_event(LEASE_START, "10.0.0.3", 2, "s3", t0 + 10));
	apply(s, an_event(LEASE_NAS_OFF, NULL, 0, "", t0 + 20));
	assert_int_equal(history(s, "10.0.0.3", 0, 60, h), 2);
	assert_string_equal(h->history[1].event, "nas-off");
	assert_int_equal(history(s, "10.0.0.2", 0, 60, h), 2);
	assert_int_equal(h->history[1].time_us, t0 + 20);
	/* A Stop without an address. */
	apply(s, an_event(LEASE_START, "10.0.0.4", 2, "s4", t0 + 30));
	apply(s, an_event(LEASE_STOP, NULL, 2, "s4", t0 + 40));
	assert_int_equal(history(s, "10.0.0.4", 0, 60, h), 2);
	assert_string_equal(h->history[1].event, "stop");
	free(h);
}

static void heartbeat(struct bench_store *s,
		      void (*beat)(struct db_port *, int64_t, db_done *, void *), int64_t now_us)
{
	struct heard *h = HEARD(s);

	beat(s->port, now_us, on_done, h);
	assert_int_equal(wait_for(h), 0);
}

static bool is_behind(struct bench_store *s, const char *ip)
{
	struct heard *h = HEARD(s);
	struct addr a;

	addr_parse(ip, &a);
	binding_check(s->port, REALM_DEFAULT, &a, 1, &(struct binding_told){0}, on_checked, h);
	assert_int_equal(wait_for(h), 0);
	return h->behind;
}

static void test_silent_feed(void **state)
{
	struct bench_store *s = *state;
	int64_t now_us = clock_now_us();

	make_subscriber(s, 1);
	make_subscriber(s, 2);
	heartbeat(s, feed_started, now_us);
	apply(s, an_event(LEASE_START, "10.0.0.1", 1, "s1", now_us));
	apply(s, an_event(LEASE_START, "10.0.0.2", 2, "s2", now_us));
	heartbeat(s, feed_heartbeat, now_us + 10 * SECOND_US);
	heartbeat(s, feed_started, now_us + 39 * SECOND_US);
	assert_false(is_behind(s, "10.0.0.1")); /* 29 s: feeds repeat longer than that */
	heartbeat(s, feed_started, now_us + 70 * SECOND_US);
	assert_true(is_behind(s, "10.0.0.1"));
	assert_true(is_behind(s, "10.0.0.2"));
	/* Binding by binding, until its own update renews it. */
	apply(s, an_event(LEASE_UPDATE, "10.0.0.1", 1, "s1", now_us + 71 * SECOND_US));
	assert_false(is_behind(s, "10.0.0.1"));
	assert_true(is_behind(s, "10.0.0.2"));
	struct binding_found f = {0};
	assert_int_equal(find(s, REALM_DEFAULT, "10.0.0.2", 1, &f), 0);
	assert_true(f.behind);
}

/* A listener whose queue ran over does not know whose datagram was lost: all of the realm may be.
 */
static void test_lost_events(void **state)
{
	struct bench_store *s = *state;
	struct heard *h = HEARD(s);
	struct lease_event other = an_event(LEASE_START, "10.0.0.2", 2, "s2", clock_now_us());
	int64_t now_us = clock_now_us();

	make_subscriber(s, 1);
	make_subscriber(s, 2);
	apply(s, an_event(LEASE_START, "10.0.0.1", 1, "s1", now_us));
	snprintf(other.nas_id, sizeof other.nas_id, "another");
	apply(s, other);
	feed_behind(s->port, REALM_DEFAULT, "another", now_us + SECOND_US, on_done, h);
	assert_int_equal(wait_for(h), 0);
	assert_false(is_behind(s, "10.0.0.1"));
	assert_true(is_behind(s, "10.0.0.2"));
	h = HEARD(s);
	feed_behind(s->port, "elsewhere", NULL, now_us + SECOND_US, on_done, h);
	assert_int_equal(wait_for(h), 0);
	assert_false(is_behind(s, "10.0.0.1"));
	h = HEARD(s);
	feed_behind(s->port, REALM_DEFAULT, NULL, now_us + SECOND_US, on_done, h);
	assert_int_equal(wait_for(h), 0);
	assert_true(is_behind(s, "10.0.0.1"));
	apply(s, an_event(LEASE_UPDATE, "10.0.0.1", 1, "s1", now_us + 2 * SECOND_US));
	assert_false(is_behind(s, "10.0.0.1"));
	assert_true(is_behind(s, "10.0.0.2"));
}

static void test_old_sessions(void **state)
{
	struct bench_store *s = *state;
	int64_t now_us = clock_now_us();
	struct binding b = {0};

	make_subscriber(s, 1);
	make_subscriber(s, 2);
	apply(s, an_event(LEASE_START, "10.0.0.1", 1, "s1", now_us));
	apply(s, an_event(LEASE_STOP, "10.0.0.1", 1, "s1", now_us + 1));
	apply(s, an_event(LEASE_START, "10.0.0.2", 2, "s2", now_us));
	/* Remembered for a day: its late Start is stale. After that it is forgotten; who is active
	 * never is. */
	sweep(s, now_us + DAY_US_ / 2);
	assert_int_equal(apply(s, an_event(LEASE_START, "10.0.0.3", 1, "s1", now_us)).result,
			 LEASE_STALE);
	sweep(s, now_us + 9 * DAY_US_);
	assert_int_equal(apply(s, an_event(LEASE_START, "10.0.0.3", 1, "s1", now_us)).result,
			 LEASE_APPLIED);
	assert_int_equal(check(s, "10.0.0.2", &b), 0);
	assert_int_equal(apply(s, an_event(LEASE_UPDATE, "10.0.0.2", 2, "s2", now_us + 5)).result,
			 LEASE_APPLIED);
}

static void test_batch(void **state)
{
	struct bench_store *s = *state;
	struct lease_event events[40];
	struct heard *h = HEARD(s);

	for (int i = 0; i < 40; i++) {
		char ip[32], session[16];
		snprintf(ip, sizeof ip, "10.1.0.%d", i + 1);
		snprintf(session, sizeof session, "s%d", i);
		if (i % 2)
			make_subscriber(s, i + 1);
		events[i] = an_event(LEASE_START, ip, i + 1, session, clock_now_us());
		events[i].batch = 77;
	}
	binding_apply(s->port, events, 40, on_applied, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(h->n, 40);
	for (int i = 0; i < 40; i++) {
		assert_int_equal(h->outcomes[i].result, i % 2 ? LEASE_APPLIED : LEASE_ERROR);
		if (i % 2 == 0)
			assert_string_equal(h->outcomes[i].problem, "unknown-subscriber");
	}
	h = HEARD(s);
	binding_apply(s->port, events, 0, on_applied, h);
	assert_int_equal(wait_for(h), 0);
}

/* Who does an event mean? Either name alone, both of one person; two persons' are a contradiction.
 */
static void test_identities(void **state)
{
	struct bench_store *s = *state;
	static const struct {
		const char *msisdn, *imsi;
		enum lease_result result;
		int holder;
	} cases[] = {
		{"819000000001", "", LEASE_APPLIED, 1},
		{"", "440100000000002", LEASE_APPLIED, 2},
		{"819000000001", "440100000000001", LEASE_APPLIED, 1},
		{"819000000001", "440100000000002", LEASE_QUARANTINED, 0},
		{"819000000001", "440100000000099", LEASE_QUARANTINED, 0},
		{"819000000099", "440100000000001", LEASE_QUARANTINED, 0},
		{"819000000099", "440100000000099", LEASE_ERROR, 0},
		{"", "", LEASE_ERROR, 0},
	};
	int64_t ids[3] = {0, make_subscriber(s, 1), make_subscriber(s, 2)};
	int64_t now_us = clock_now_us();

	for (int i = 0; i < (int)(sizeof cases / sizeof *cases); i++) {
		char ip[32], session[16];
		struct binding b = {0};
		snprintf(ip, sizeof ip, "10.0.1.%d", i + 1);
		snprintf(session, sizeof session, "s%d", i);
		struct lease_event ev = an_event(LEASE_START, ip, 0, session, now_us + i);
		snprintf(ev.msisdn, sizeof ev.msisdn, "%s", cases[i].msisdn);
		snprintf(ev.imsi, sizeof ev.imsi, "%s", cases[i].imsi);
		assert_int_equal(apply(s, ev).result, cases[i].result);
		int err = check(s, ip, &b);
		assert_int_equal(err, cases[i].result == LEASE_ERROR ? E_NOT_FOUND : 0);
		assert_int_equal(b.subscriber, ids[cases[i].holder]);
	}
}

/* The schema holds what the rules promise, whoever writes. */
static void test_constraints(void **state)
{
	struct bench_store *s = *state;
	struct binding b = {0};
	char path[512];
	sqlite3 *db;
	static const char *const refused[] = {
		"UPDATE binding SET generation = 4294967296",
		"DELETE FROM binding",
		"INSERT INTO binding SELECT * FROM binding",
		"UPDATE binding SET addr = x'00'",
		"INSERT INTO current_session SELECT subscriber, realm, session + 1 FROM "
		"current_session",
		"INSERT INTO session (nas, session_id, epoch, realm, subscriber, started_us, "
		"normalised_us, renewed_us,"
		" ended_us) SELECT nas, session_id, epoch, realm, subscriber, 1, 1, 1, 1 FROM "
		"session",
		"INSERT INTO subscriber (msisdn) SELECT msisdn FROM subscriber",
		"INSERT INTO subscriber (msisdn, imsi) SELECT 'x', imsi FROM subscriber",
		"INSERT INTO subscriber (msisdn, k) VALUES ('y', x'00')",
		"INSERT INTO address SELECT canonical, subscriber, 9, shown FROM address",
		"INSERT INTO subscriber (msisdn) VALUES (x'00')", /* STRICT */
	};

	attach(s, "10.0.0.1", 1, &b);
	store_close(s);
	snprintf(path, sizeof path, "%s/bindings.db", s->dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		int rc = sqlite3_exec(db, refused[i], NULL, NULL, NULL);
		if (rc != SQLITE_CONSTRAINT)
			print_error("accepted: %s\n", refused[i]);
		assert_int_equal(rc, SQLITE_CONSTRAINT);
	}
	sqlite3_close(db);
	store_open(s);
}

/* Two statements write a binding, and neither makes a generation less. */
static void test_generation_grows(void **state)
{
	struct bench_store *s = *state;
	struct binding before = {0};
	struct engine *e;

	attach(s, "10.0.0.1", 1, &before);
	assert_int_equal(engine_open(s->dir, DB_BINDINGS, ENGINE_WRITER, &e), 0);
	for (int expires = 0; expires < 2; expires++) {
		struct binding after = before;
		after.generation--;
		after.expires_us += expires; /* the one that is not written in place */
		assert_int_equal(engine_begin(e), 0);
		assert_int_equal(binding_row_put(e, &before, &after), E_CONFLICT);
		after.generation += 2;
		assert_int_equal(binding_row_put(e, &before, &after), 0);
		engine_rollback(e);
	}
	engine_close(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_find),
		TEST(test_find_owner),
		TEST(test_find_owner_of_new_length),
		TEST(test_find_prefixes),
		TEST(test_port_blocks),
		TEST(test_blocks_that_overlap),
		TEST(test_history_of_a_port),
		TEST(test_overlaps),
		TEST(test_claims),
		TEST(test_quarantine),
		TEST(test_quarantine_pages),
		TEST(test_of_subscriber),
		TEST(test_expiry),
		TEST(test_history),
		TEST(test_history_in_runs),
		TEST(test_history_of_others),
		TEST(test_silent_feed),
		TEST(test_lost_events),
		TEST(test_old_sessions),
		TEST(test_batch),
		TEST(test_constraints),
		TEST(test_generation_grows),
		TEST(test_identities),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
