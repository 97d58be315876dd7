/* POP3 sessions from memory: three clients, two subscribers, a store that answers late, fails, or
 * moves a binding at any moment. The connection, the loop, the token and the store are played here;
 * popgw's own code runs whole.
 *
 * Input is a script of two-octet headed steps: an opcode (what, and which client) and a length or a
 * choice. What must hold: nothing is written to a session after the store said that its binding is
 * gone, nor between a command and the answer to its check; mail of S goes only to S; deletions are
 * asked for only by QUIT, once; one session holds a maildrop; at the end nothing is left. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/pop_login.h"
#include "tests/fuzz/popgw_stage.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- token: "T", subscriber, generation, then anything ---- */

int token_open(struct keyring *ring, const char *text, size_t len, const struct key *k,
	       int64_t now_s, struct token *out)
{
	(void)ring;
	(void)k;
	(void)now_s;
	if (len < 3 || text[0] != 'T')
		return E_AUTH;
	*out = (struct token){.subscriber = text[1] - '0', .generation = (uint32_t)(text[2] - '0')};
	return len > 3 && text[3] == 'X' ? E_EXPIRED : 0;
}

/* ---- store ---- */

static struct conn *conn_at(const struct addr *a)
{
	for (int i = 0; i < CLIENTS; i++)
		if (addr_equal(&play.conns[i].peer.addr, a))
			return &play.conns[i];
	abort();
}

static struct binding *binding_at(const struct addr *a)
{
	return &play.bindings[conn_at(a) - play.conns];
}

static void answer_check(const struct call *c, int err)
{
	const struct binding *b = binding_at(&c->addr);
	struct conn *to = conn_at(&c->addr);
	const struct session *s = to->session;

	if (to->open && s == c->arg && !err && s->state == POP_TRANSACTION &&
	    !binding_opens_mail(b, s->who.subscriber, s->who.generation, 1))
		to->is_gone = true;
	((binding_checked *)c->done)(c->arg, err, err ? NULL : b, false);
	must(!to->is_gone || !to->open || to->aborted);
}

static void answer_open(const struct call *c, int err)
{
	struct maildrop *drop =
		err ? NULL : calloc(1, sizeof(*drop) + MESSAGES * sizeof(drop->messages[0]));

	must(err || drop);
	if (drop) {
		drop->subscriber = c->subscriber;
		drop->count = MESSAGES;
		for (uint32_t i = 0; i < MESSAGES; i++)
			drop->messages[i] = (struct maildrop_message){.uid = i + 1,
								      .prefix_size = 4,
								      .body_size = i * BODY,
								      .has_dot_lines = i % 2};
	}
	((maildrop_opened *)c->done)(c->arg, err, drop);
}

static void answer_read(const struct call *c, int err)
{
	uint8_t octets[4 + MESSAGES * BODY];
	size_t n = 4 + (c->uid - 1) * BODY;

	for (size_t i = 0; i < n; i++)
		octets[i] = i % 7 == 5   ? '\r'
			    : i % 7 == 6 ? '\n'
			    : i % 7      ? (uint8_t)('0' + c->subscriber)
			    : i % 14     ? '.'
					 : 2;
	must(c->offset <= n);
	((message_octets *)c->done)(c->arg, err, octets + c->offset, n - (size_t)c->offset);
}

static void answer(const struct call *c)
{
	struct binding_found found[CLIENTS] = {0};
	struct subscriber owner = {.id = c->subscriber};
	size_t n = 0;
	int err = play.fail;

	play.fail = 0;
	switch (c->op) {
	case OP_FIND:
		found[0].b = *binding_at(&c->addr);
		((binding_got *)c->done)(c->arg, err, err ? NULL : found);
		break;
	case OP_CHECK:
		answer_check(c, err);
		break;
	case OP_SUBSCRIBER:
		snprintf(owner.msisdn, sizeof(owner.msisdn), "%d", (int)c->subscriber);
		((subscriber_got *)c->done)(c->arg, err, err ? NULL : &owner);
		break;
	case OP_OF:
		for (int i = 0; i < CLIENTS && n < 2; i++)
			if (play.bindings[i].subscriber == c->subscriber)
				found[n++].b = play.bindings[i];
		((binding_list_got *)c->done)(c->arg, err, found, n);
		break;
	case OP_QUARANTINE:
		if (!err)
			binding_quarantine_apply(binding_at(&c->addr), QUARANTINE_TOKEN_OF_OTHER);
		((db_done *)c->done)(c->arg, err);
		break;
	case OP_OPEN:
		answer_open(c, err);
		break;
	case OP_READ:
		answer_read(c, err);
		break;
	case OP_UPDATE:
		((db_done *)c->done)(c->arg, err);
		break;
	}
}

static void call(struct call c)
{
	if (play.holding && play.held_count < HELD_MAX)
		play.held[play.held_count++] = c;
	else
		answer(&c);
}

static void release(void)
{
	struct call c = play.held[0];

	if (!play.held_count)
		return;
	memmove(play.held, play.held + 1, --play.held_count * sizeof(c));
	answer(&c);
}

void binding_find_caller(struct db_port *port, const char *realm, const struct addr *source,
			 uint16_t p, binding_got *done, void *arg)
{
	(void)port;
	(void)realm;
	(void)p;
	call((struct call){.op = OP_FIND, .addr = *source, .done = (void *)done, .arg = arg});
}

void binding_check(struct db_port *port, const char *realm, const struct addr *source, uint16_t p,
		   struct binding_told *seen, binding_checked *done, void *arg)
{
	(void)port;
	(void)seen;
	(void)realm;
	(void)p;
	call((struct call){.op = OP_CHECK, .addr = *source, .done = (void *)done, .arg = arg});
}

void binding_of_subscriber(struct db_port *port, const char *realm, int64_t subscriber,
			   binding_list_got *done, void *arg)
{
	(void)port;
	(void)realm;
	call((struct call){
		.op = OP_OF, .subscriber = subscriber, .done = (void *)done, .arg = arg});
}

void binding_quarantine(struct db_port *port, const struct key *key, uint32_t generation,
			enum quarantine_reason reason, const char *evidence, db_done *done,
			void *arg)
{
	(void)port;
	(void)generation;
	(void)reason;
	(void)evidence;
	call((struct call){
		.op = OP_QUARANTINE, .addr = key->addr, .done = (void *)done, .arg = arg});
}

void subscriber_by_id(struct db_port *port, int64_t id, subscriber_got *done, void *arg)
{
	(void)port;
	call((struct call){
		.op = OP_SUBSCRIBER, .subscriber = id, .done = (void *)done, .arg = arg});
}

void maildrop_open(struct db_port *port, int64_t subscriber, size_t max, maildrop_opened *done,
		   void *arg)
{
	(void)port;
	(void)max;
	call((struct call){
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
	call((struct call){.op = OP_READ,
			   .subscriber = subscriber,
			   .uid = m->uid,
			   .offset = offset,
			   .done = (void *)done,
			   .arg = arg});
}

void pop_login_put(struct db_port *port, const char *realm, const struct addr *source,
		   const struct pop_login *login, db_done *done, void *arg)
{
	(void)port, (void)realm, (void)source, (void)login;
	done(arg, 0);
}

void maildrop_update(struct db_port *port, const struct maildrop_update *u, db_done *done,
		     void *arg)
{
	const struct session *s = arg;

	(void)port;
	must(u->via.subscriber == s->who.subscriber && u->via.generation == s->who.generation);
	must(u->deleted_count + u->read_count <= 2 * MESSAGES && u->listed_uid <= MESSAGES);
	if (u->deleted_count)
		must(s->state == POP_UPDATE && s->has_lock && s->command.verb == POP3_QUIT);
	call((struct call){.op = OP_UPDATE, .done = (void *)done, .arg = arg});
}

/* ---- the script ---- */

static void run_tasks(void)
{
	while (play.first) {
		struct loop_task *task = play.first;

		play.first = task->next;
		if (!play.first)
			play.last = &play.first;
		task->run(task);
	}
}

static void one_holder_each(void)
{
	int holders[SUBSCRIBERS + 10] = {0};

	for (const struct session *s = play.worker.sessions; s; s = s->next)
		if (s->has_lock && s->lock.state == MAILDROP_HELD &&
		    s->who.subscriber < SUBSCRIBERS + 10)
			must(++holders[s->who.subscriber] == 1);
}

static void turn(struct conn *c)
{
	if (c->open && !c->closing && !c->paused && (c->in.n || c->input_due)) {
		c->input_due = false;
		c->ops->input(c->session);
	}
	if (c->open && c->closing) {
		c->open = false;
		c->ops->closed(c->session, c->aborted ? CONN_END_ABORT : CONN_END_LOCAL);
	}
	one_holder_each();
}

static void connect_client(struct conn *c)
{
	struct conn_peer peer = c->peer;

	*c = (struct conn){.peer = peer, .open = true, .id = ++play.ids};
	session_accept(&play.worker, "default", c);
}

static void feed(struct conn *c, const uint8_t *octets, size_t n)
{
	if (n > INPUT_MAX - c->in.n)
		n = INPUT_MAX - c->in.n;
	memcpy(c->in.octets + c->in.n, octets, n);
	c->in.n += n;
}

static void move(struct conn *c, uint8_t how)
{
	struct binding *b = &play.bindings[c - play.conns];

	b->generation += how >> 6;
	b->subscriber = how & 3;
	b->state = (enum key_state)((how >> 2 & 7) % KEY_STATES);
	for (struct session *s = play.worker.sessions; s && how & 32; s = s->next)
		if (s->conn == c)
			session_recheck(s);
}

static void fire_timers(void)
{
	for (struct loop_timer *t = play.timers; t; t = t->next)
		if (t->set) {
			t->set = false;
			t->fn(t->arg);
			return;
		}
}

enum step {
	STEP_FEED,
	STEP_CONNECT,
	STEP_DROP,
	STEP_HOLD,
	STEP_RELEASE,
	STEP_FAIL,
	STEP_MOVE,
	STEP_SENT,
	STEP_TIMER,
	STEP_TASKS,
	STEPS
};

static void step(enum step what, struct conn *c, uint8_t choice)
{
	static const int errors[] = {E_IO, E_BUSY, E_NOT_FOUND, E_CONFLICT, E_CLOSED};

	switch (what) {
	case STEP_CONNECT:
		if (!c->open)
			connect_client(c);
		break;
	case STEP_DROP:
		if (c->open) {
			c->open = false;
			c->ops->closed(c->session, CONN_END_PEER);
		}
		break;
	case STEP_HOLD:
		play.holding = choice & 1;
		break;
	case STEP_RELEASE:
		release();
		break;
	case STEP_FAIL:
		play.fail = errors[choice % 5];
		break;
	case STEP_MOVE:
		move(c, choice);
		break;
	case STEP_SENT:
		if (c->open && !c->closing && c->unsent) {
			c->unsent = 0;
			c->ops->drained(c->session);
		}
		if (c->open && !c->closing && c->tls && c->session->securing)
			c->ops->secured(c->session);
		break;
	case STEP_TIMER:
		if (choice & 1)
			fire_timers();
		else if (c->open && !c->closing)
			c->ops->timed_out(c->session, choice & 2 ? CONN_END_TOTAL : CONN_END_IDLE);
		break;
	case STEP_TASKS:
		run_tasks();
		break;
	case STEP_FEED:
	case STEPS:
		break;
	}
}

static void open_play(uint8_t settings)
{
	memset(&play, 0, sizeof(play));
	play.last = &play.first;
	play.popgw.conf = &play.conf;
	play.popgw.locks = maildrop_locks_new();
	play.popgw.login_ids = LOGIN_ID_BOTH;
	must(play.popgw.locks != NULL);
	play.conf.popgw_max_line = 2000;
	play.conf.popgw_max_errors = 20;
	play.conf.popgw_max_messages = 10;
	play.conf.popgw_auth_requires_tls = settings & 1;
	play.conf.realm_count = 1;
	strcpy(play.conf.realms[0].name, "default");
	play.conf.realms[0].submission_port = 1587;
	play.conf.realms[0].submission_pop_s = settings & 2 ? 300 : 0;
	play.worker.popgw = &play.popgw;
	for (int i = 0; i < CLIENTS; i++) {
		struct binding *b = &play.bindings[i];
		struct addr *a = &play.conns[i].peer.addr;
		char text[16];

		snprintf(text, sizeof(text), "127.0.0.%d", i + 1);
		must(addr_parse(text, a) == 0 && key_of_addr("default", a, &b->key) == 0);
		b->subscriber = 1 + i % SUBSCRIBERS;
		b->generation = 1;
		b->state = KEY_CONFIRMED;
	}
}

static void close_play(void)
{
	play.holding = false;
	for (int i = 0; i < CLIENTS; i++)
		step(STEP_DROP, &play.conns[i], 0);
	for (int left = 1000; left && (play.held_count || play.first); left--) {
		release();
		run_tasks();
	}
	must(!play.worker.sessions && !play.timers);
	must(maildrop_locks_held(play.popgw.locks) == 0);
	maildrop_locks_free(play.popgw.locks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	open_play(data[0]);
	for (int i = 0; i < CLIENTS; i++)
		connect_client(&play.conns[i]);
	for (size_t at = 1; at + 2 <= size;) {
		enum step what = (enum step)(data[at] / 4 % STEPS);
		struct conn *c = &play.conns[data[at] % 4 % CLIENTS];
		uint8_t choice = data[at + 1];

		at += 2;
		if (what == STEP_FEED) {
			size_t n = choice < size - at ? choice : size - at;
			if (c->open)
				feed(c, data + at, n);
			at += n;
		} else {
			step(what, c, choice);
		}
		for (int i = 0; i < CLIENTS; i++)
			turn(&play.conns[i]);
	}
	close_play();
	return 0;
}
