/* db_testing -- what the tests of db/ share: a store in a directory of its own, and calls that wait
 * for their completion
 *
 * Each wrapper submits, runs the loop until the callback came, checks that it came once, and
 * returns its err.
 */
#ifndef HATO_DB_TESTING_H
#define HATO_DB_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "db/outbox.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"

#define SECOND_US INT64_C(1000000)
#define DAY_US_   (86400 * SECOND_US)

struct bench_store {
	char dir[256], run[300];
	struct db_options options;
	struct db *db;
	struct loop *loop;
	struct db_port *port;
};

/* What a callback left. */
struct heard {
	struct bench_store *s;
	int calls, err;
	int64_t id;
	bool created, behind;
	enum claim_answer answer;
	struct binding binding;
	struct binding_found found;
	struct subscriber subscriber;
	struct lease_outcome outcomes[64];
	int errs[64];
	size_t n;
	struct maildrop *drop;
	uint8_t *octets;
	struct outbox_row row;
	struct trigger_out out[64];
	size_t rows;
	int64_t next_us;
	uint32_t generation;
	struct history_row history[64];
	struct mailbox_info info;
	struct binding_found list[64];
};

static inline int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void remove_tree(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void store_dir(struct bench_store *s)
{
	const char *tmp = getenv("TMPDIR");

	memset(s, 0, sizeof *s);
	snprintf(s->dir, sizeof s->dir, "%s/hato-db-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(s->dir));
	snprintf(s->run, sizeof s->run, "%s/run", s->dir);
}

static inline void store_open(struct bench_store *s)
{
	static const uint8_t secret[64] = {7, 1, 1};

	log_level_set("error");
	s->options.dir = s->dir;
	s->options.secret_key = secret;
	if (!s->options.daemon)
		s->options.daemon = "test";
	s->options.lease.max_skew_us = 5 * SECOND_US;
	s->options.lease.lag_us = 30 * SECOND_US;
	assert_int_equal(db_open(&s->options, &s->db), 0);
	assert_int_equal(loop_new(&s->loop), 0);
	assert_int_equal(db_port_open(s->db, s->loop, &s->port), 0);
}

static inline void store_close(struct bench_store *s)
{
	db_port_close(s->port);
	db_close(s->db);
	loop_free(s->loop);
	s->port = NULL;
	s->db = NULL;
}

static inline int setup_store(void **state)
{
	struct bench_store *s = malloc(sizeof *s);

	store_dir(s);
	store_open(s);
	*state = s;
	return 0;
}

static inline int teardown_store(void **state)
{
	struct bench_store *s = *state;

	if (s->db)
		store_close(s);
	remove_tree(s->dir);
	free(s);
	return 0;
}

static inline void reopen_store(struct bench_store *s)
{
	store_close(s);
	store_open(s);
}

/* ---- waiting ---- */

static inline void heard_one(struct heard *h, int err)
{
	h->calls++;
	h->err = err;
	loop_stop(h->s->loop);
}

static inline int wait_for(struct heard *h)
{
	while (!h->calls)
		loop_run(h->s->loop);
	assert_int_equal(h->calls, 1);
	return h->err;
}

static inline void on_done(void *arg, int err)
{
	heard_one(arg, err);
}

static inline void on_put(void *arg, int err, int64_t id, bool created)
{
	struct heard *h = arg;

	h->id = id;
	h->created = created;
	heard_one(h, err);
}

static inline void on_subscriber(void *arg, int err, const struct subscriber *s)
{
	struct heard *h = arg;

	if (s)
		h->subscriber = *s;
	heard_one(h, err);
}

static inline void on_applied(void *arg, int err, const struct lease_outcome *out, size_t n)
{
	struct heard *h = arg;

	h->n = n;
	for (size_t i = 0; i < n && i < 64; i++)
		h->outcomes[i] = out[i];
	heard_one(h, err);
}

static inline void on_checked(void *arg, int err, const struct binding *b, bool behind)
{
	struct heard *h = arg;

	if (b)
		h->binding = *b;
	h->behind = behind;
	heard_one(h, err);
}

static inline void on_found(void *arg, int err, const struct binding_found *f)
{
	struct heard *h = arg;

	if (f)
		h->found = *f;
	heard_one(h, err);
}

static inline void on_list(void *arg, int err, const struct binding_found *f, size_t n)
{
	struct heard *h = arg;

	h->n = n;
	for (size_t i = 0; i < n && i < 64; i++)
		h->list[i] = f[i];
	heard_one(h, err);
}

static inline void on_claimed(void *arg, int err, enum claim_answer answer,
			      const struct binding *now)
{
	struct heard *h = arg;

	h->answer = answer;
	if (now)
		h->binding = *now;
	heard_one(h, err);
}

static inline void on_accepted(void *arg, int err, const int *errs, size_t n)
{
	struct heard *h = arg;

	h->n = n;
	for (size_t i = 0; i < n && i < 64; i++)
		h->errs[i] = errs[i];
	heard_one(h, err);
}

static inline void on_drop(void *arg, int err, struct maildrop *drop)
{
	struct heard *h = arg;

	h->drop = drop;
	heard_one(h, err);
}

static inline void on_octets(void *arg, int err, const uint8_t *octets, size_t n)
{
	struct heard *h = arg;

	h->n = n;
	h->octets = realloc(h->octets, n + 1);
	if (n)
		memcpy(h->octets, octets, n);
	heard_one(h, err);
}

static inline void on_row(void *arg, int err, const struct outbox_row *r)
{
	struct heard *h = arg;

	if (r)
		h->row = *r;
	heard_one(h, err);
}

static inline void on_taken(void *arg, int err, const struct trigger_taken *t)
{
	struct heard *h = arg;

	if (t) {
		h->n = t->count;
		h->rows = t->rows;
		h->next_us = t->next_us;
		for (size_t i = 0; i < t->count && i < 64; i++)
			h->out[i] = t->out[i];
	}
	heard_one(h, err);
}

static inline void on_recipient(void *arg, int err, int64_t subscriber)
{
	struct heard *h = arg;

	h->id = subscriber;
	heard_one(h, err);
}

static inline void on_send_log(void *arg, int err, int64_t subscriber, uint32_t generation)
{
	struct heard *h = arg;

	h->id = subscriber;
	h->generation = generation;
	heard_one(h, err);
}

static inline void on_history(void *arg, int err, const struct history_row *r, size_t n)
{
	struct heard *h = arg;

	h->n = n;
	for (size_t i = 0; i < n && i < 64; i++)
		h->history[i] = r[i];
	heard_one(h, err);
}

static inline void on_info(void *arg, int err, const struct mailbox_info *i)
{
	struct heard *h = arg;

	if (i)
		h->info = *i;
	heard_one(h, err);
}

static inline void on_purged(void *arg, int err, uint64_t messages)
{
	struct heard *h = arg;

	h->n = messages;
	heard_one(h, err);
}

static inline void on_body(void *arg, int err, int64_t body)
{
	struct heard *h = arg;

	h->id = body;
	heard_one(h, err);
}

#define TEST(name)   cmocka_unit_test_setup_teardown(name, setup_store, teardown_store)
#define HEARD(store) (&(struct heard){.s = (store)})

/* ---- scenes ---- */

static inline struct subscriber_put a_subscriber(const char *msisdn, const char *imsi)
{
	struct subscriber_put put = {0};

	snprintf(put.subscriber.msisdn, MSISDN_MAX, "%s", msisdn);
	snprintf(put.subscriber.imsi, IMSI_MAX, "%s", imsi);
	put.subscriber.address_count = 1;
	snprintf(put.subscriber.addresses[0].shown, ADDRESS_MAX, "U%s@Hato.example", msisdn);
	snprintf(put.subscriber.addresses[0].canonical, ADDRESS_MAX, "u%s@hato.example", msisdn);
	return put;
}

static inline int put_subscriber(struct bench_store *s, const struct subscriber_put *put,
				 int64_t *id)
{
	struct heard *h = HEARD(s);

	subscriber_put(s->port, put, on_put, h);
	int err = wait_for(h);
	if (id)
		*id = h->id;
	return err;
}

/* 090000000NN with IMSI 44010000000NNN. */
static inline int64_t make_subscriber(struct bench_store *s, int n)
{
	char msisdn[MSISDN_MAX], imsi[IMSI_MAX];
	int64_t id = 0;

	snprintf(msisdn, sizeof msisdn, "8190%08u", (unsigned)n % 100000000u);
	snprintf(imsi, sizeof imsi, "440100%09u", (unsigned)n % 1000000000u);
	struct subscriber_put put = a_subscriber(msisdn, imsi);
	assert_int_equal(put_subscriber(s, &put, &id), 0);
	return id;
}

static inline struct key key_at(const char *ip)
{
	struct key k = {.plen = 0};
	struct addr a;

	if (strchr(ip, '/'))
		assert_int_equal(key_of_prefix(REALM_DEFAULT, ip, &k), 0);
	else if (!addr_parse(ip, &a))
		assert_int_equal(key_of_addr(REALM_DEFAULT, &a, &k), 0);
	else
		fail();
	return k;
}

static inline struct lease_event an_event(enum lease_kind kind, const char *ip, int subscriber,
					  const char *session, int64_t time_us)
{
	struct lease_event ev = {.kind = kind, .time_us = time_us, .received_us = time_us};

	snprintf(ev.realm, sizeof ev.realm, "%s", REALM_DEFAULT);
	snprintf(ev.nas_id, sizeof ev.nas_id, "nas-1");
	snprintf(ev.feeder, sizeof ev.feeder, "feeder-1");
	snprintf(ev.session_id, sizeof ev.session_id, "%s", session);
	if (subscriber)
		snprintf(ev.msisdn, sizeof ev.msisdn, "8190%08u",
			 (unsigned)subscriber % 100000000u);
	if (ip) {
		ev.keys[0] = key_at(ip);
		ev.key_count = 1;
	}
	return ev;
}

static inline struct lease_outcome apply(struct bench_store *s, struct lease_event ev)
{
	struct heard *h = HEARD(s);

	binding_apply(s->port, &ev, 1, on_applied, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(h->n, 1);
	return h->outcomes[0];
}

static inline int check(struct bench_store *s, const char *ip, struct binding *b)
{
	struct heard *h = HEARD(s);
	struct addr a;

	assert_int_equal(addr_parse(ip, &a), 0);
	binding_check(s->port, REALM_DEFAULT, &a, 4711, &(struct binding_told){0}, on_checked, h);
	int err = wait_for(h);
	if (!err && b)
		*b = h->binding;
	return err;
}

static inline enum claim_answer claim(struct bench_store *s, const char *ip, uint32_t generation,
				      int64_t subscriber, struct binding *now)
{
	struct heard *h = HEARD(s);
	struct key k = key_at(ip);

	binding_claim(s->port, &k, generation, subscriber, &k.addr, on_claimed, h);
	assert_int_equal(wait_for(h), 0);
	if (now)
		*now = h->binding;
	return h->answer;
}

static inline int accept_mail(struct bench_store *s, int64_t subscriber, const char *body,
			      int64_t received_us)
{
	struct heard *h = HEARD(s);
	struct mail_recipient r = {subscriber, "Return-Path: <>\r\n", 17};
	struct mail_accept a = {.recipients = &r,
				.recipient_count = 1,
				.reverse_path = "",
				.octets = (const uint8_t *)body,
				.size = strlen(body),
				.received_us = received_us};

	mail_accept(s->port, &a, on_accepted, h);
	int err = wait_for(h);
	return err ? err : h->errs[0];
}

static inline struct maildrop *open_drop(struct bench_store *s, int64_t subscriber)
{
	struct heard *h = HEARD(s);

	maildrop_open(s->port, subscriber, 1000, on_drop, h);
	assert_int_equal(wait_for(h), 0);
	return h->drop;
}

static inline int get_outbox_row(struct bench_store *s, int64_t subscriber, struct outbox_row *row)
{
	struct heard *h = HEARD(s);

	outbox_get(s->port, subscriber, on_row, h);
	int err = wait_for(h);
	if (!err)
		*row = h->row;
	return err;
}

#endif
