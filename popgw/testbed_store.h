/* testbed_store -- for popgw's *_test.c only: a store that obeys the test
 *
 * The store's functions that popgw calls are defined here, so the linker takes nothing from db/. A
 * test sets bindings and mail, may let any operation fail (bed.fail) or hold its completion back
 * (bed.hold, bed_release), and reads what was asked for. What a test does to it and the program
 * above it: testbed.h, the only one to include this.
 */
#ifndef HATO_POPGW_TESTBED_STORE_H
#define HATO_POPGW_TESTBED_STORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "db/pop_login.h"
#include "lib/err.h"
#include "lib/keyring.h"
#include "popgw/session.h"

#define BED_BINDINGS 8
#define BED_MESSAGES 128
#define BED_HELD     64
#define COUNT(a)     (sizeof(a) / sizeof((a)[0]))

enum bed_op {
	OP_FIND,
	OP_CHECK,
	OP_SUBSCRIBER,
	OP_OF_SUBSCRIBER,
	OP_QUARANTINE,
	OP_OPEN,
	OP_READ,
	OP_UPDATE,
	OPS
};

struct bed_call {
	enum bed_op op;
	struct addr addr;
	int64_t subscriber;
	struct key key;
	uint64_t offset;
	uint32_t uid;
	void *done; /* the callback, by op */
	void *arg;
};

struct bed_message {
	uint32_t uid;
	char *prefix, *body;
	size_t body_size;
	bool has_dot_lines, gone;
};

static struct bed {
	/* What is stored. */
	struct binding bindings[BED_BINDINGS];
	size_t binding_count;
	struct bed_message messages[BED_MESSAGES]; /* subscriber 5's */
	size_t message_count;
	/* What the store is told to do. */
	int fail[OPS];
	bool hold[OPS];
	/* What it was asked. */
	int calls[OPS];
	struct bed_call held[BED_HELD];
	size_t held_count;
	size_t updates, deleted_count, read_count;
	uint32_t deleted[BED_MESSAGES], read[BED_MESSAGES], listed_uid;
	int quarantines;
	struct pop_login recorded;
	/* The program. */
	char dir[64];
	uint16_t port;
	struct conf *conf;
	struct popgw popgw;
	struct loop *loop;
	struct worker *worker;
	struct keyring *ring;
	change_fn *watcher;
	void *watcher_arg;
} bed;

static inline struct binding *bed_binding_at(const struct addr *a)
{
	for (size_t i = 0; i < bed.binding_count; i++)
		if (key_covers(&bed.bindings[i].key, a))
			return &bed.bindings[i];
	return NULL;
}

static inline const char *bed_msisdn(int64_t subscriber)
{
	static char text[MSISDN_MAX];

	snprintf(text, sizeof(text), "81900000%04d", (int)subscriber);
	return text;
}

static inline void bed_answer_find(const struct bed_call *c)
{
	struct binding *b = bed_binding_at(&c->addr);
	struct binding_found found = {0};
	int err = bed.fail[OP_FIND] ? bed.fail[OP_FIND] : b ? 0 : E_NOT_FOUND;

	if (b) {
		found.b = *b;
		snprintf(found.msisdn, sizeof(found.msisdn), "%s", bed_msisdn(b->subscriber));
	}
	((binding_got *)c->done)(c->arg, err, err ? NULL : &found);
}

static inline void bed_answer_check(const struct bed_call *c)
{
	struct binding *b = bed_binding_at(&c->addr);
	int err = bed.fail[OP_CHECK] ? bed.fail[OP_CHECK] : b ? 0 : E_NOT_FOUND;

	((binding_checked *)c->done)(c->arg, err, err ? NULL : b, false);
}

static inline void bed_answer_subscriber(const struct bed_call *c)
{
	struct subscriber s = {.id = c->subscriber, .address_count = 2};

	snprintf(s.msisdn, sizeof(s.msisdn), "%s", bed_msisdn(c->subscriber));
	snprintf(s.addresses[0].canonical, ADDRESS_MAX, "u%d@hato.example", (int)c->subscriber);
	snprintf(s.addresses[1].canonical, ADDRESS_MAX, "alias%d@hato.example", (int)c->subscriber);
	((subscriber_got *)c->done)(c->arg, bed.fail[OP_SUBSCRIBER],
				    bed.fail[OP_SUBSCRIBER] ? NULL : &s);
}

static inline void bed_answer_of_subscriber(const struct bed_call *c)
{
	struct binding_found found[2] = {0};
	size_t n = 0;

	for (size_t i = 0; i < bed.binding_count && n < 2; i++)
		if (bed.bindings[i].subscriber == c->subscriber)
			found[n++].b = bed.bindings[i];
	((binding_list_got *)c->done)(c->arg, bed.fail[OP_OF_SUBSCRIBER], found, n);
}

static inline void bed_answer_quarantine(const struct bed_call *c)
{
	struct binding *b = bed_binding_at(&c->key.addr);

	if (!bed.fail[OP_QUARANTINE] && b) {
		binding_quarantine_apply(b, QUARANTINE_TOKEN_OF_OTHER);
		bed.quarantines++;
	}
	((db_done *)c->done)(c->arg, bed.fail[OP_QUARANTINE]);
}

static inline void bed_answer_open(const struct bed_call *c)
{
	struct maildrop *drop = calloc(1, sizeof(*drop) + BED_MESSAGES * sizeof(drop->messages[0]));

	if (!drop || bed.fail[OP_OPEN]) {
		free(drop);
		((maildrop_opened *)c->done)(c->arg, bed.fail[OP_OPEN], NULL);
		return;
	}
	drop->subscriber = c->subscriber;
	drop->uidvalidity = 77;
	for (size_t i = 0; c->subscriber == 5 && i < bed.message_count; i++) {
		const struct bed_message *m = &bed.messages[i];
		drop->messages[drop->count++] =
			(struct maildrop_message){.uid = m->uid,
						  .prefix_size = (uint32_t)strlen(m->prefix),
						  .body_size = m->body_size,
						  .has_dot_lines = m->has_dot_lines};
	}
	((maildrop_opened *)c->done)(c->arg, 0, drop);
}

static inline void bed_answer_read(const struct bed_call *c)
{
	static uint8_t whole[4 << 20];
	const struct bed_message *m = NULL;

	for (size_t i = 0; i < bed.message_count; i++)
		if (bed.messages[i].uid == c->uid && !bed.messages[i].gone)
			m = &bed.messages[i];
	int err = bed.fail[OP_READ] ? bed.fail[OP_READ] : m ? 0 : E_NOT_FOUND;
	size_t n = 0;
	if (!err) {
		size_t prefix = strlen(m->prefix);
		memcpy(whole, m->prefix, prefix);
		memcpy(whole + prefix, m->body, m->body_size);
		n = prefix + m->body_size - (size_t)c->offset;
		n = n < BODY_PIECE_MAX ? n : BODY_PIECE_MAX;
	}
	((message_octets *)c->done)(c->arg, err, whole + c->offset, n);
}

static inline void bed_answer_update(const struct bed_call *c)
{
	((db_done *)c->done)(c->arg, bed.fail[OP_UPDATE]);
}

static void (*const bed_answers[OPS])(const struct bed_call *) = {
	[OP_FIND] = bed_answer_find,
	[OP_CHECK] = bed_answer_check,
	[OP_SUBSCRIBER] = bed_answer_subscriber,
	[OP_OF_SUBSCRIBER] = bed_answer_of_subscriber,
	[OP_QUARANTINE] = bed_answer_quarantine,
	[OP_OPEN] = bed_answer_open,
	[OP_READ] = bed_answer_read,
	[OP_UPDATE] = bed_answer_update,
};

static inline void bed_call(struct bed_call c)
{
	bed.calls[c.op]++;
	if (!bed.hold[c.op]) {
		bed_answers[c.op](&c);
		return;
	}
	assert_true(bed.held_count < BED_HELD);
	bed.held[bed.held_count++] = c;
}

/* Answers what is held back, the oldest first; new operations may be held meanwhile. */
static inline void bed_release(void)
{
	struct bed_call held[BED_HELD];
	size_t n = bed.held_count;

	memcpy(held, bed.held, sizeof(held));
	bed.held_count = 0;
	for (size_t i = 0; i < n; i++)
		bed_answers[held[i].op](&held[i]);
}

void binding_find_caller(struct db_port *port, const char *realm, const struct addr *source,
			 uint16_t p, binding_got *done, void *arg)
{
	(void)port;
	(void)p;
	assert_string_equal(realm, REALM_DEFAULT);
	bed_call((struct bed_call){
		.op = OP_FIND, .addr = *source, .done = (void *)done, .arg = arg});
}

void binding_check(struct db_port *port, const char *realm, const struct addr *source, uint16_t p,
		   struct binding_told *seen, binding_checked *done, void *arg)
{
	(void)port;
	(void)seen;
	(void)p;
	assert_string_equal(realm, REALM_DEFAULT);
	bed_call((struct bed_call){
		.op = OP_CHECK, .addr = *source, .done = (void *)done, .arg = arg});
}

void binding_of_subscriber(struct db_port *port, const char *realm, int64_t subscriber,
			   binding_list_got *done, void *arg)
{
	(void)port;
	assert_string_equal(realm, REALM_DEFAULT);
	bed_call((struct bed_call){.op = OP_OF_SUBSCRIBER,
				   .subscriber = subscriber,
				   .done = (void *)done,
				   .arg = arg});
}

void binding_quarantine(struct db_port *port, const struct key *key, uint32_t generation,
			enum quarantine_reason reason, const char *evidence, db_done *done,
			void *arg)
{
	(void)port;
	(void)generation;
	assert_int_equal(reason, QUARANTINE_TOKEN_OF_OTHER);
	assert_non_null(evidence);
	bed_call((struct bed_call){
		.op = OP_QUARANTINE, .key = *key, .done = (void *)done, .arg = arg});
}

void subscriber_by_id(struct db_port *port, int64_t id, subscriber_got *done, void *arg)
{
	(void)port;
	bed_call((struct bed_call){
		.op = OP_SUBSCRIBER, .subscriber = id, .done = (void *)done, .arg = arg});
}

void maildrop_open(struct db_port *port, int64_t subscriber, size_t max_messages,
		   maildrop_opened *done, void *arg)
{
	(void)port;
	assert_true(max_messages > 0);
	bed_call((struct bed_call){
		.op = OP_OPEN, .subscriber = subscriber, .done = (void *)done, .arg = arg});
}

void maildrop_free(struct maildrop *drop)
{
	free(drop);
}

void message_read(struct db_port *port, int64_t subscriber, const struct maildrop_message *m,
		  uint64_t offset, message_octets *done, void *arg)
{
	(void)port;
	assert_int_equal(subscriber, 5);
	bed_call((struct bed_call){
		.op = OP_READ, .uid = m->uid, .offset = offset, .done = (void *)done, .arg = arg});
}

void pop_login_put(struct db_port *port, const char *realm, const struct addr *source,
		   const struct pop_login *login, db_done *done, void *arg)
{
	(void)port, (void)realm, (void)source;
	bed.recorded = *login;
	done(arg, 0);
}

void maildrop_update(struct db_port *port, const struct maildrop_update *u, db_done *done,
		     void *arg)
{
	(void)port;
	assert_int_equal(u->via.subscriber, 5);
	bed.updates++;
	bed.deleted_count = u->deleted_count;
	bed.read_count = u->read_count;
	bed.listed_uid = u->listed_uid;
	memcpy(bed.deleted, u->deleted, u->deleted_count * sizeof(u->deleted[0]));
	memcpy(bed.read, u->read, u->read_count * sizeof(u->read[0]));
	bed_call((struct bed_call){.op = OP_UPDATE, .done = (void *)done, .arg = arg});
}

int db_port_open(struct db *db, struct loop *loop, struct db_port **out)
{
	(void)db;
	(void)loop;
	*out = (struct db_port *)&bed;
	return 0;
}

void db_port_close(struct db_port *port)
{
	(void)port;
}

int db_watch(struct db_port *port, enum db_file file, change_fn *fn, void *arg)
{
	(void)port;
	assert_int_equal(file, DB_BINDINGS);
	bed.watcher = fn;
	bed.watcher_arg = arg;
	return 0;
}

#endif
