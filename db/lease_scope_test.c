/* The rules over SQLite and the rules over plain arrays (lib/rules/memory_store): random feeds told
 * to both, event for event the same outcome, and the same bindings in the end. LEASE_SEED and
 * LEASE_ROUNDS in the environment. */
#include "db/db_testing.h"
#include "lib/rules/memory_store.h"

#define EVENTS      40
#define ROUNDS      150
#define SUBSCRIBERS 4
#define BASE_US     (INT64_C(1700000000) * SECOND_US)

static const char *const keys[] = {"10.0.0.1",
				   "10.0.0.2",
				   "10.0.0.3",
				   "2001:db8:1:1::/64",
				   "2001:db8:1::/48",
				   "2001:db8:2:2::/64",
				   "2001:db8:3:100::/56",
				   "2001:db8:3:1ff::/64",
				   "2001:db8:3:101::/64",
				   "2001:db8:3::/48"};
#define KEYS (sizeof keys / sizeof *keys)

static unsigned dice(unsigned sides)
{
	return (unsigned)random() % sides;
}

static void name_realm(struct lease_event *ev, const char *realm)
{
	snprintf(ev->realm, sizeof ev->realm, "%s", realm);
	for (size_t i = 0; i < ev->key_count; i++)
		snprintf(ev->keys[i].realm, sizeof ev->keys[i].realm, "%s", realm);
}

static struct lease_event random_event(const char *realm, int64_t now_us)
{
	static const enum lease_kind kinds[] = {LEASE_START,  LEASE_START,  LEASE_START,
						LEASE_UPDATE, LEASE_STOP,   LEASE_UPDATE,
						LEASE_NAS_ON, LEASE_NAS_OFF};
	enum lease_kind kind = kinds[dice(dice(4) ? 6 : 8)];
	bool with_session = dice(5) != 0;
	char session[16];
	int who =
		(int)dice(SUBSCRIBERS + 2); /* 0: nobody named; one more than there are: unknown */

	snprintf(session, sizeof session, "s%u", dice(9));
	struct lease_event ev = an_event(kind, NULL, who, with_session ? session : "", now_us);
	snprintf(ev.nas_id, sizeof ev.nas_id, "nas-%u", dice(2));
	if (kind != LEASE_NAS_ON && kind != LEASE_NAS_OFF && dice(8)) {
		ev.keys[ev.key_count++] = key_at(keys[dice(KEYS)]);
		struct key second = key_at(keys[dice(KEYS)]);
		if (!dice(4) && addr_is_v4(&second.addr) != addr_is_v4(&ev.keys[0].addr))
			ev.keys[ev.key_count++] = second;
	}
	if (!dice(3) && who)
		snprintf(ev.imsi, IMSI_MAX, "440100%09u",
			 dice(6) ? (unsigned)who : dice(SUBSCRIBERS + 2));
	ev.unreadable = !dice(30);
	ev.bearer = dice(3) ? 0 : 1 + dice(3);
	ev.last_bearer = !dice(6);
	ev.time_us = dice(12) ? now_us - (int64_t)dice(20) * SECOND_US : 0;
	ev.received_us = now_us + (dice(10) ? 0 : -(int64_t)dice(20) * SECOND_US);
	ev.delay_us = dice(8) ? 0 : (int64_t)dice(60) * SECOND_US;
	ev.lease_us = dice(3) ? 0 : (int64_t)dice(1000) * SECOND_US;
	ev.batch = dice(3) ? 0 : 1 + dice(3);
	name_realm(&ev, realm);
	return ev;
}

static struct memory_store world(void)
{
	struct memory_store m = {.subscriber_count = SUBSCRIBERS};

	for (unsigned i = 0; i < SUBSCRIBERS; i++) {
		snprintf(m.subscribers[i].msisdn, MSISDN_MAX, "8190%08u", i + 1);
		snprintf(m.subscribers[i].imsi, IMSI_MAX, "440100%09u", i + 1);
	}
	return m;
}

static void assert_same_outcome(const struct lease_outcome *a, const struct lease_outcome *b)
{
	assert_int_equal(a->result, b->result);
	assert_string_equal(a->problem ? a->problem : "", b->problem ? b->problem : "");
	assert_string_equal(a->detail ? a->detail : "", b->detail ? b->detail : "");
	assert_int_equal(a->subscriber, b->subscriber);
	assert_int_equal(a->generation, b->generation);
	assert_int_equal(a->time_us, b->time_us);
	assert_int_equal(a->time_replaced, b->time_replaced);
}

/* The last row of a key's history tells how it stands. */
static void assert_history(struct bench_store *s, const struct binding *b, struct heard *h)
{
	*h = (struct heard){.s = s};
	binding_history(s->port, &b->key, &(struct history_question){.limit = 1}, on_history, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(h->n, 1);
	assert_int_equal(h->history[0].generation, b->generation);
}

static void assert_same_binding(struct bench_store *s, const struct binding *want, struct heard *h)
{
	struct addr source = want->key.addr;

	source.bytes[15] |= addr_is_v4(&source) ? 0 : 1;
	*h = (struct heard){.s = s};
	binding_find(s->port, want->key.realm, &source, 4711, on_found, h);
	int err = wait_for(h);
	const struct binding *got = &h->found.b;
	/* A free key may lie inside another's prefix. */
	if (want->state == KEY_FREE) {
		assert_true(err == E_NOT_FOUND || !key_equal(&got->key, &want->key));
		return;
	}
	assert_int_equal(err, 0);
	assert_true(key_equal(&got->key, &want->key));
	assert_int_equal(got->state, want->state);
	assert_int_equal(got->generation, want->generation);
	assert_int_equal(got->subscriber, want->subscriber);
	assert_int_equal(got->watermark_us, want->watermark_us);
	assert_int_equal(got->watermark_batch, want->watermark_batch);
	assert_int_equal(got->started_us, want->started_us);
	assert_int_equal(got->expires_us, want->expires_us);
	assert_int_equal(got->renewed_us, want->renewed_us);
	assert_int_equal(got->confirmed_us, want->confirmed_us);
	assert_int_equal(got->reason, want->reason);
	assert_int_equal(got->rival != 0, want->rival != 0);
	assert_int_equal(got->rival_us, want->rival_us);
	assert_int_equal(got->session != 0, want->session != 0);
}

/* What a subscriber's active session holds, by both. */
static void assert_same_holdings(struct bench_store *s, const struct memory_store *m,
				 const char *realm, struct heard *h)
{
	for (int id = 1; id <= SUBSCRIBERS; id++) {
		size_t n = 0;
		for (size_t i = 0; i < m->binding_count; i++) {
			const struct binding *b = &m->bindings[i];
			const struct session_row *row =
				&m->sessions[b->session ? b->session - 1 : 0];
			n += b->subscriber == id && b->session && row->active &&
			     row->subscriber == id;
		}
		*h = (struct heard){.s = s};
		binding_of_subscriber(s->port, realm, id, on_list, h);
		assert_int_equal(wait_for(h), 0);
		assert_int_equal(h->n, n);
	}
}

static void show(const struct lease_event *ev, const struct lease_outcome *stored,
		 const struct lease_outcome *plain)
{
	char a[2][KEY_TEXT_MAX] = {"", ""};

	for (size_t i = 0; i < ev->key_count; i++)
		key_format(&ev->keys[i], a[i]);
	print_message(
		"%s %s %s nas %s session %s msisdn %s imsi %s time %lld received %lld delay %lld"
		" batch %lld: %s %s, plain %s %s\n",
		lease_kind_name(ev->kind), a[0], a[1], ev->nas_id, ev->session_id, ev->msisdn,
		ev->imsi, (long long)((ev->time_us - BASE_US) / SECOND_US),
		(long long)((ev->received_us - BASE_US) / SECOND_US),
		(long long)(ev->delay_us / SECOND_US), (long long)ev->batch,
		lease_result_name(stored->result), stored->problem ? stored->problem : "",
		lease_result_name(plain->result), plain->problem ? plain->problem : "");
}

static void one_round(struct bench_store *s, int round, struct heard *h)
{
	struct memory_store m = world();
	struct lease_store port = memory_store_port(&m);
	struct lease_event events[EVENTS];
	struct lease_outcome out = {0};
	struct lease_limits at_once = s->options.lease;
	int64_t now_us = BASE_US;
	char realm[REALM_MAX];

	at_once.ends_max = 0;
	snprintf(realm, sizeof realm, "realm-%d", round);
	for (int i = 0; i < EVENTS; i++) {
		now_us += (int64_t)dice(10) * SECOND_US;
		events[i] = random_event(realm, now_us);
	}
	*h = (struct heard){.s = s};
	binding_apply(s->port, events, EVENTS, on_applied, h);
	assert_int_equal(wait_for(h), 0);
	for (int i = 0; i < EVENTS; i++) {
		assert_int_equal(lease_apply(&port, &at_once, &events[i], &out), 0);
		assert_false(h->outcomes[i].unfinished);
		if (h->outcomes[i].result != out.result)
			show(&events[i], &h->outcomes[i], &out);
		assert_same_outcome(&h->outcomes[i], &out);
	}
	for (size_t i = 0; i < m.binding_count; i++) {
		assert_same_binding(s, &m.bindings[i], h);
		assert_history(s, &m.bindings[i], h);
	}
	assert_same_holdings(s, &m, realm, h);
}

static void test_random_feeds(void **state)
{
	struct bench_store *s = *state;
	struct heard *h = malloc(sizeof *h);
	const char *seed = getenv("LEASE_SEED"), *rounds = getenv("LEASE_ROUNDS");
	unsigned number = seed ? (unsigned)atoi(seed) : (unsigned)getpid();

	print_message("LEASE_SEED=%u\n", number);
	srandom(number);
	for (int i = 1; i <= SUBSCRIBERS; i++)
		assert_int_equal(make_subscriber(s, i), i);
	for (int i = 0; i < (rounds ? atoi(rounds) : ROUNDS); i++) {
		if (i == ROUNDS / 2) { /* from here each session that an On/Off ends is a commit */
			s->options.lease.ends_max = 1;
			reopen_store(s);
		}
		one_round(s, i, h);
	}
	free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_random_feeds)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
