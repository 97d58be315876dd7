/* testbed -- the trigger thread's parts over a store that obeys the test: it answers when and what
 * it is told to, so that the world can move between any two steps. For triggers_test.c and
 * prompt_test.c.
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

#include "db/handed_over.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/wire/push/trigger.h"
#include "pushsrv/counters.h"
#include "pushsrv/outgoing.h"

#define ALICE 1
#define BOB   2
#define PLACE "127.3.0.1"

/* ---- the store ---- */

static struct store {
	int take_err, check_err, get_err, look_err;
	bool holds_take; /* the answer waits for the test */
	struct outbox_row row;
	struct binding committed; /* what is true when it is asked again */
	bool behind;

	/* What the next takes of the UDP queue bring. */
	struct trigger_out out[OUTGOING_MAX];
	size_t count, rows;
	int64_t next_us;

	struct {
		struct trigger_take what;
		int64_t woken[TRIGGERS_WOKEN_MAX];
		triggers_taken *done;
		void *arg;
	} held[4];
	size_t held_count;
	unsigned takes, sms_takes, gets, unsents;
	struct trigger_take last;
	int64_t woken[4096];
	size_t woken_count;
	struct trigger_unsent unsent;
	trigger_prompt *prompt;
	void *prompt_arg;
} store;

static void answer(const struct trigger_take *what, triggers_taken *done, void *arg)
{
	struct trigger_taken taken = {.out = store.out,
				      .count = store.count,
				      .rows = store.rows,
				      .next_us = store.next_us,
				      .sms_next_us = INT64_MAX};

	if (store.take_err) {
		done(arg, store.take_err, NULL);
		return;
	}
	for (size_t i = 0; i < what->woken_count; i++)
		store.woken[store.woken_count++] = what->woken[i];
	store.count = store.rows = 0;
	store.next_us = INT64_MAX;
	done(arg, 0, &taken);
}

void triggers_take(struct db_port *port, const struct trigger_take *what, triggers_taken *done,
		   void *arg)
{
	(void)port;
	if (what->bearer == BEARER_SMS) {
		store.sms_takes++;
		done(arg, 0,
		     &(struct trigger_taken){.next_us = INT64_MAX, .sms_next_us = INT64_MAX});
		return;
	}
	store.takes++;
	store.last = *what;
	if (!store.holds_take) {
		answer(what, done, arg);
		return;
	}
	assert_in_range(store.held_count, 0, 3);
	store.held[store.held_count].what = *what;
	if (what->woken_count)
		memcpy(store.held[store.held_count].woken, what->woken,
		       what->woken_count * sizeof *what->woken);
	store.held[store.held_count].what.woken = store.held[store.held_count].woken;
	store.held[store.held_count].done = done;
	store.held[store.held_count++].arg = arg;
}

/* The oldest one that waits is answered. */
static inline void take_now(void)
{
	struct trigger_take what = store.held[0].what;
	triggers_taken *done = store.held[0].done;
	void *arg = store.held[0].arg;
	static int64_t woken[TRIGGERS_WOKEN_MAX];

	memcpy(woken, store.held[0].woken, sizeof woken);
	what.woken = woken;
	store.held_count--;
	memmove(&store.held[0], &store.held[1], store.held_count * sizeof store.held[0]);
	answer(&what, done, arg);
}

int binding_check_all(struct db_port *port, const struct key *const *keys, size_t n,
		      binding_checked *checked, void *arg)
{
	(void)port;
	if (store.check_err)
		return store.check_err;
	for (size_t i = 0; i < n; i++) {
		struct binding b = store.committed;
		if (key_equal(keys[i], &b.key))
			checked(arg, 0, &b, store.behind);
		else
			checked(arg, E_NOT_FOUND, NULL, false);
	}
	return 0;
}

int triggers_check(struct db_port *port, const struct trigger_out *list, size_t n,
		   binding_checked *checked, void *arg)
{
	int err = 0;

	for (size_t i = 0; !err && i < n; i++) {
		const struct key *key = &list[i].key;
		err = binding_check_all(port, &key, 1, checked, arg);
	}
	return err;
}

int trigger_sight_check(struct trigger_sight *sight, const struct trigger_out *list, size_t n,
			binding_checked *checked, void *arg)
{
	(void)sight;
	return triggers_check(NULL, list, n, checked, arg);
}

void triggers_prompt(struct db *db, trigger_prompt *prompt, void *arg)
{
	(void)db;
	store.prompt = prompt;
	store.prompt_arg = arg;
}

void triggers_unsent(struct db_port *port, const struct trigger_unsent *list, size_t n,
		     db_done *done, void *arg)
{
	(void)port;
	store.unsents += (unsigned)n;
	store.unsent = list[0];
	done(arg, 0);
}

void trigger_logged(struct db_port *port, int64_t first, size_t n, trigger_logged_got *got,
		    void *arg)
{
	(void)port;
	assert_int_equal(first, store.out[0].log);
	got(arg, 0, store.out, n);
}

void outbox_get(struct db_port *port, int64_t subscriber, outbox_row_got *got, void *arg)
{
	(void)port;
	store.gets++;
	if (store.get_err)
		got(arg, store.get_err, NULL);
	else if (subscriber == ALICE || subscriber >= 1000)
		got(arg, 0, &store.row);
	else
		got(arg, E_NOT_FOUND, NULL);
}

void outbox_look(struct db_port *port, int64_t subscriber, int64_t now_us, db_done *done, void *arg)
{
	(void)port;
	(void)subscriber;
	(void)now_us;
	done(arg, store.look_err);
}

/* What other parts of pushsrv ask for: not here. Defined so that the real store stays out of the
 * program. */
#define NOT_HERE(type, name, ...)                                                                  \
	type name(__VA_ARGS__)                                                                     \
	{                                                                                          \
		fail();                                                                            \
		abort();                                                                           \
	}
#define U(n) n __attribute__((unused))
NOT_HERE(int, db_port_open, struct db *U(a), struct loop *U(b), struct db_port **U(c))
NOT_HERE(void, db_port_close, struct db_port *U(a))
NOT_HERE(int, db_watch, struct db_port *U(a), enum db_file U(b), change_fn *U(c), void *U(d))
NOT_HERE(int64_t, db_watched, const struct db_port *U(a), enum db_file U(b))
NOT_HERE(int, bindings_heard, struct db_port *U(a), int64_t *U(b))
NOT_HERE(void, outbox_missed_since, struct db_port *U(a), int64_t U(b), int64_t U(c), size_t U(d),
	 int64_t U(e), outbox_missed_got *U(f), void *U(g))
NOT_HERE(void, outbox_missed, struct db_port *U(a), int64_t U(b), size_t U(c), int64_t U(d),
	 outbox_missed_got *U(e), void *U(f))
NOT_HERE(void, triggers_all_left, struct db_port *U(a), int64_t U(b), db_done *U(c), void *U(d))
NOT_HERE(void, triggers_doubt, struct db_port *U(a), size_t U(b), int64_t U(c), int64_t U(d),
	 db_done *U(e), void *U(f))
NOT_HERE(void, recipient_check, struct db_port *U(a), const char *U(b), uint64_t U(c),
	 uint64_t U(d), recipient_got *U(e), void *U(f))
NOT_HERE(void, body_append, struct db_port *U(a), int64_t U(b), uint32_t U(c), const uint8_t *U(d),
	 size_t U(e), body_stored *U(f), void *U(g))
NOT_HERE(void, mail_accept, struct db_port *U(a), const struct mail_accept *U(b),
	 mail_accepted *U(c), void *U(d))
NOT_HERE(bool, handed_over_has, struct db_port *U(a), const char *U(b), int64_t U(c))
NOT_HERE(void, mail_purge_gone, struct db_port *U(a), mail_purged *U(b), void *U(c))
NOT_HERE(void, mail_sweep, struct db_port *U(a), int64_t U(b), db_done *U(c), void *U(d))
NOT_HERE(int, notice_get, struct db_port *U(a), int64_t U(b), uint32_t U(c), struct notice *U(d))
NOT_HERE(int, sms_check, struct db_port *U(a), const struct trigger_out *U(b))
NOT_HERE(void, sms_accepted, struct db_port *U(a), const struct sms_accepted *U(b), db_done *U(c),
	 void *U(d))
NOT_HERE(void, sms_failed, struct db_port *U(a), int64_t U(b), int64_t U(c), db_done *U(d),
	 void *U(e))
NOT_HERE(void, sms_receipt, struct db_port *U(a), const char *U(b), const char *U(c),
	 enum sms_state U(d), sms_receipt_done *U(e), void *U(f))

/* ---- the scene ---- */

struct scene {
	struct loop *loop;
	struct loop_timer *tick;
	struct conf *conf;
	struct bearer_udp *bearer;
	struct triggers *t;
	int phones;
	unsigned losses;
};

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

static struct trigger_out a_sending(int64_t log)
{
	struct trigger_out out = {.log = log,
				  .bearer = BEARER_UDP,
				  .subscriber = ALICE,
				  .key = store.committed.key,
				  .generation = store.committed.generation,
				  .tid = (uint8_t)log,
				  .timestamp_s = clock_now_s(),
				  .covered_uid = 1,
				  .attempts = 1,
				  .mailed_us = clock_now_us(),
				  .next_us = clock_now_us() + 5 * CLOCK_S};

	strcpy(out.mailbox, "alice@hato.example");
	return out;
}

/* The next take of the UDP queue brings n sendings. */
static void is_due(size_t n)
{
	for (size_t i = 0; i < n; i++)
		store.out[i] = a_sending((int64_t)i + 1);
	store.count = store.rows = n;
}

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof *s);
	struct sockaddr_in name = {.sin_family = AF_INET};
	socklen_t size = sizeof name;
	int buffer = 4 << 20;
	char port[64], error[256];
	const char *sets[] = {"pushsrv.trigger_source_port=0", port, "pushsrv.sms=off"};

	log_level_set("error");
	assert_non_null(s);
	s->phones = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	setsockopt(s->phones, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
	assert_int_equal(bind(s->phones, (struct sockaddr *)&name, size), 0);
	assert_int_equal(getsockname(s->phones, (struct sockaddr *)&name, &size), 0);
	snprintf(port, sizeof port, "pushsrv.trigger_port=%u", ntohs(name.sin_port));
	assert_int_equal(conf_load(NULL, "/", sets, 3, &s->conf, error), 0);
	assert_int_equal(loop_new(&s->loop), 0);
	s->tick = loop_timer_new(s->loop, ticked, s);
	assert_int_equal(bearer_udp_open(s->conf, &s->bearer, error), 0);
	const struct triggers_options with = {
		.loop = s->loop, .conf = s->conf, .bearer = s->bearer, .lost = lost, .arg = s};
	assert_int_equal(triggers_new(&with, &s->t), 0);
	memset(&store, 0, sizeof store);
	store.next_us = INT64_MAX;
	store.row = (struct outbox_row){
		.subscriber = ALICE, .newest_uid = 1, .covered_uid = 1, .next_us = INT64_MAX};
	store.committed = binding_at(PLACE, ALICE, 3);
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

/* A send over the loopback is there when sendmmsg returns. */
static unsigned datagrams(struct scene *s)
{
	uint8_t octets[256];
	unsigned n = 0;

	while (recv(s->phones, octets, sizeof octets, 0) > 0)
		n++;
	return n;
}

#endif
