/* testbed -- the steps of a trigger over a store that obeys the test: it answers when and what it
 * is told to, so that the world can move between any two steps. For triggers_test.c.
 */
#ifndef HATO_PUSHSRV_TESTBED_H
#define HATO_PUSHSRV_TESTBED_H

#include "pushsrv/triggers.h"

#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/wire/trigger.h"
#include "pushsrv/counters.h"

#define ALICE 1
#define BOB   2
#define PLACE "127.3.0.1"

/* ---- the store ---- */

static struct store {
	int get_err, record_err, postpone_err, wake_err, list_err;
	bool holds_get, holds_renew, holds_record; /* the answer waits for the test */
	struct outbox_row row;                     /* of ALICE; nobody else has one */
	struct binding listed,
		committed; /* what the list says, and what is true when asked again */
	bool behind;

	outbox_row_got *renewed;
	void *renew_arg;
	db_done *recorded;
	void *record_arg;
	unsigned gets, renews, records, postpones, wakes;
	int64_t postponed_us;
	struct trigger_sent sent;
	struct {
		outbox_row_got *got;
		void *arg;
	} waiting[2 * TRIGGERS_AT_ONCE];
	size_t waiting_count;
} store;

void outbox_get(struct db_port *port, int64_t subscriber, outbox_row_got *got, void *arg)
{
	(void)port;
	store.gets++;
	if (store.holds_get) {
		store.waiting[store.waiting_count].got = got;
		store.waiting[store.waiting_count++].arg = arg;
	} else if (store.get_err) {
		got(arg, store.get_err, NULL);
	} else if (subscriber == ALICE) {
		got(arg, 0, &store.row);
	} else {
		got(arg, E_NOT_FOUND, NULL);
	}
}

static void renew_now(void)
{
	outbox_row_got *got = store.renewed;

	store.renewed = NULL;
	store.row.covered_uid = store.row.newest_uid;
	store.row.timestamp_s++;
	store.row.attempts = 0;
	got(store.renew_arg, 0, &store.row);
}

void outbox_renew(struct db_port *port, int64_t subscriber, outbox_row_got *got, void *arg)
{
	(void)port;
	assert_int_equal(subscriber, ALICE);
	store.renews++;
	store.renewed = got;
	store.renew_arg = arg;
	if (!store.holds_renew)
		renew_now();
}

static void record_now(void)
{
	db_done *done = store.recorded;

	store.recorded = NULL;
	if (!store.record_err) {
		store.row.attempts = store.sent.attempts;
		store.row.next_us = store.sent.next_us;
	}
	done(store.record_arg, store.record_err);
}

void trigger_record(struct db_port *port, const struct trigger_sent *sent, db_done *done, void *arg)
{
	(void)port;
	store.records++;
	store.sent = *sent;
	store.recorded = done;
	store.record_arg = arg;
	if (!store.holds_record)
		record_now();
}

void trigger_postpone(struct db_port *port, int64_t subscriber, int64_t next_us, db_done *done,
		      void *arg)
{
	(void)port;
	assert_int_equal(subscriber, ALICE);
	store.postpones++;
	if (!store.postpone_err)
		store.postponed_us = store.row.next_us = next_us;
	done(arg, store.postpone_err);
}

void trigger_wake(struct db_port *port, int64_t subscriber, int64_t now_us, db_done *done,
		  void *arg)
{
	(void)port;
	(void)subscriber;
	(void)now_us;
	store.wakes++;
	done(arg, store.wake_err);
}

void subscriber_by_id(struct db_port *port, int64_t id, subscriber_got *got, void *arg)
{
	struct subscriber s = {.id = id, .address_count = 1};

	(void)port;
	strcpy(s.addresses[0].shown, "alice@hato.example");
	got(arg, 0, &s);
}

void binding_of_subscriber(struct db_port *port, const char *realm, int64_t subscriber,
			   binding_list_got *got, void *arg)
{
	const struct binding_found found = {.b = store.listed};

	(void)port;
	(void)subscriber;
	assert_string_equal(realm, "");
	got(arg, store.list_err, &found, store.listed.subscriber ? 1 : 0);
}

void binding_check(struct db_port *port, const char *realm, const struct addr *source,
		   uint16_t source_port, binding_checked *got, void *arg)
{
	(void)port;
	(void)source_port;
	assert_string_equal(realm, REALM_DEFAULT);
	if (addr_equal(source, &store.committed.key.addr))
		got(arg, 0, &store.committed, store.behind);
	else
		got(arg, E_NOT_FOUND, NULL, false);
}

/* What other parts of pushsrv ask for: not here. Defined so that the real store stays out of the
 * program. */
int db_port_open(struct db *d, struct loop *l, struct db_port **o)
{
	(void)d, (void)l, (void)o;
	fail();
	return 0;
}

void db_port_close(struct db_port *p)
{
	(void)p;
	fail();
}

int db_watch(struct db_port *p, enum db_file f, change_fn *fn, void *arg)
{
	(void)p, (void)f, (void)fn, (void)arg;
	fail();
	return 0;
}

void outbox_due(struct db_port *p, int64_t now, size_t n, outbox_got *got, void *arg)
{
	(void)p, (void)now, (void)n, (void)got, (void)arg;
	fail();
}

void outbox_after(struct db_port *p, int64_t after, size_t n, outbox_got *got, void *arg)
{
	(void)p, (void)after, (void)n, (void)got, (void)arg;
	fail();
}

void recipient_check(struct db_port *p, const char *a, uint64_t size, uint64_t quota,
		     recipient_got *got, void *arg)
{
	(void)p, (void)a, (void)size, (void)quota, (void)got, (void)arg;
	fail();
}

void body_append(struct db_port *p, int64_t body, uint32_t piece, const uint8_t *octets, size_t n,
		 body_stored *got, void *arg)
{
	(void)p, (void)body, (void)piece, (void)octets, (void)n, (void)got, (void)arg;
	fail();
}

void mail_accept(struct db_port *p, const struct mail_accept *m, mail_accepted *got, void *arg)
{
	(void)p, (void)m, (void)got, (void)arg;
	fail();
}

void mail_purge_gone(struct db_port *p, mail_purged *got, void *arg)
{
	(void)p, (void)got, (void)arg;
	fail();
}

void mail_sweep(struct db_port *p, int64_t now, db_done *got, void *arg)
{
	(void)p, (void)now, (void)got, (void)arg;
	fail();
}

/* ---- the scene ---- */

struct scene {
	struct loop *loop;
	struct loop_timer *tick;
	struct conf *conf;
	struct bearer_udp *bearer;
	struct triggers *t;
	int phones;
	int64_t due_us;
	unsigned rooms, losses;
};

static void due(void *arg, int64_t at_us)
{
	struct scene *s = arg;

	if (at_us < s->due_us)
		s->due_us = at_us;
}

static void room(void *arg)
{
	((struct scene *)arg)->rooms++;
}

static void lost(void *arg)
{
	((struct scene *)arg)->losses++;
}

static void ticked(void *arg)
{
	loop_stop(((struct scene *)arg)->loop);
}

static void pass(struct scene *s, int64_t us)
{
	loop_timer_set(s->tick, us);
	loop_run(s->loop);
}

static struct binding binding_at(const char *ip, int64_t subscriber, uint32_t generation)
{
	struct binding b = {.state = KEY_CONFIRMED,
			    .generation = generation,
			    .subscriber = subscriber,
			    .session = 1,
			    .confirmed_us = clock_now_us()};
	struct addr a;

	assert_int_equal(addr_parse(ip, &a), 0);
	assert_int_equal(key_of_addr(REALM_DEFAULT, &a, &b.key), 0);
	memset(b.trigger_key, (int)generation, sizeof b.trigger_key);
	return b;
}

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof *s);
	struct sockaddr_in name = {.sin_family = AF_INET};
	socklen_t size = sizeof name;
	char port[64], error[256];
	const char *sets[] = {"pushsrv.trigger_source_port=0", port, "pushsrv.retry=5,7",
			      "pushsrv.coalesce=300"};

	log_level_set("error");
	assert_non_null(s);
	s->phones = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	assert_int_equal(bind(s->phones, (struct sockaddr *)&name, size), 0);
	assert_int_equal(getsockname(s->phones, (struct sockaddr *)&name, &size), 0);
	snprintf(port, sizeof port, "pushsrv.trigger_port=%u", ntohs(name.sin_port));
	assert_int_equal(conf_load(NULL, "/", sets, 4, &s->conf, error), 0);
	assert_int_equal(loop_new(&s->loop), 0);
	s->tick = loop_timer_new(s->loop, ticked, s);
	assert_int_equal(bearer_udp_open(s->conf, &s->bearer, error), 0);
	s->due_us = INT64_MAX;
	const struct triggers_options with = {.loop = s->loop,
					      .conf = s->conf,
					      .bearer = s->bearer,
					      .due = due,
					      .room = room,
					      .lost = lost,
					      .arg = s};
	assert_int_equal(triggers_new(&with, &s->t), 0);
	store = (struct store){.row = {.subscriber = ALICE,
				       .newest_uid = 1,
				       .covered_uid = 1,
				       .timestamp_s = clock_now_s(),
				       .next_us = clock_now_us(),
				       .mailed_us = clock_now_us()},
			       .listed = binding_at(PLACE, ALICE, 3)};
	store.committed = store.listed;
	*state = s;
	return 0;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	triggers_free(s->t);
	bearer_udp_close(s->bearer);
	loop_timer_free(s->tick);
	loop_free(s->loop);
	conf_free(s->conf);
	close(s->phones);
	free(s);
	return 0;
}

/* A send over the loopback is there when sendto returns. */
static unsigned datagrams(struct scene *s)
{
	uint8_t octets[256];
	unsigned n = 0;

	while (recv(s->phones, octets, sizeof octets, 0) > 0)
		n++;
	return n;
}

static void mail_comes(void)
{
	store.row.newest_uid++;
	store.row.next_us = store.row.mailed_us = clock_now_us();
}

#endif
