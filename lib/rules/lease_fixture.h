/* lease_fixture -- a small world for the tests of the rules: three subscribers, what a feed says,
 * who holds an address */
#ifndef HATO_LIB_RULES_LEASE_FIXTURE_H
#define HATO_LIB_RULES_LEASE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/rules/memory_store.h"

#define S           INT64_C(1000000)
#define EPOCH       (INT64_C(1700000000) * S)
#define NOBODY      0
#define ALICE       1
#define BOB         2
#define CAROL       3
#define QUARANTINED -1

static const struct lease_limits limits = {.max_skew_us = 5 * S, .lag_us = 30 * S};

static inline struct memory_store world(void)
{
	struct memory_store m = {.subscriber_count = 3};

	for (int i = 0; i < 3; i++) {
		snprintf(m.subscribers[i].msisdn, MSISDN_MAX, "81900000000%d", i + 1);
		snprintf(m.subscribers[i].imsi, IMSI_MAX, "44010000000000%d", i + 1);
	}
	return m;
}

static inline struct key key_v4(const char *ip)
{
	struct addr a;
	struct key k;

	assert_int_equal(addr_parse(ip, &a), 0);
	assert_int_equal(key_of_addr(REALM_DEFAULT, &a, &k), 0);
	return k;
}

static inline void add_key(struct lease_event *ev, const char *ip)
{
	if (!ip)
		return;
	if (strchr(ip, '/'))
		assert_int_equal(key_of_prefix(REALM_DEFAULT, ip, &ev->keys[ev->key_count]), 0);
	else
		ev->keys[ev->key_count] = key_v4(ip);
	ev->key_count++;
}

/* What a feed says. who: a subscriber, 0 nobody named, 9 one that we do not know, 12 Alice's number
 * with Bob's IMSI. */
struct said {
	enum lease_kind kind;
	const char *ip, *ip6, *nas, *session;
	int who;
	double at;      /* event time, seconds after EPOCH */
	double arrives; /* 0: at event time */
	int delay, lease, batch;
};

static inline struct lease_event event_of(const struct said *say)
{
	struct lease_event ev = {.kind = say->kind, .batch = say->batch};

	snprintf(ev.realm, sizeof ev.realm, "%s", REALM_DEFAULT);
	snprintf(ev.nas_id, sizeof ev.nas_id, "%s", say->nas ? say->nas : "pgw1");
	snprintf(ev.session_id, sizeof ev.session_id, "%s", say->session ? say->session : "");
	if (say->who == 12) {
		strcpy(ev.msisdn, "819000000001");
		strcpy(ev.imsi, "440100000000002");
	} else if (say->who == 9) {
		strcpy(ev.msisdn, "819099999999");
	} else if (say->who) {
		snprintf(ev.msisdn, MSISDN_MAX, "81900000000%d", say->who);
	}
	add_key(&ev, say->ip);
	add_key(&ev, say->ip6);
	ev.time_us = EPOCH + (int64_t)(say->at * (double)S);
	ev.received_us =
		say->arrives > 0 ? EPOCH + (int64_t)(say->arrives * (double)S) : ev.time_us;
	ev.delay_us = say->delay * S;
	ev.lease_us = say->lease * S;
	return ev;
}

static inline struct lease_outcome tell(struct memory_store *m, struct said say)
{
	struct lease_store port = memory_store_port(m);
	struct lease_event ev = event_of(&say);
	struct lease_outcome out;

	assert_int_equal(lease_apply(&port, &limits, &ev, &out), 0);
	return out;
}

static inline int holder(const struct memory_store *m, const char *ip)
{
	struct key k = key_v4(ip);
	const struct binding *b = memory_store_binding(m, &k);

	if (!b || b->state == KEY_FREE)
		return NOBODY;
	return b->state == KEY_QUARANTINED ? QUARANTINED : (int)b->subscriber;
}

#define X "10.0.0.1"
#define Y "10.0.0.2"

#endif
