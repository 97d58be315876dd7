/* POP3 sessions from memory: three clients, two subscribers, a store that answers late, fails, or
 * moves a binding at any moment. The connection, the loop, the token and the store are played here;
 * popgw's own code runs whole.
 *
 * Input is a script of two-octet headed steps: an opcode (what, and which client) and a length or a
 * choice. What must hold: nothing is written to a session after the store said that its binding is
 * gone, nor between a command and the answer to its check; mail of S goes only to S; deletions are
 * asked for only by QUIT, once; one session holds a maildrop; at the end nothing is left. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "popgw/session.h"

#define CLIENTS     3
#define SUBSCRIBERS 2
#define HELD_MAX    64
#define INPUT_MAX   4096
#define MESSAGES    3
#define BODY        300

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* ---- what is played ---- */

struct conn {
	const struct conn_ops *ops;
	struct session *session;
	struct conn_peer peer;
	struct line {
		char octets[INPUT_MAX];
		size_t n;
	} in;
	char line[INPUT_MAX];
	size_t unsent;
	bool open, closing, aborted, paused, tls, input_due;
	bool is_gone; /* the store said: its binding is another's now */
	unsigned updates;
	uint64_t id;
};

struct loop_timer {
	void (*fn)(void *arg);
	void *arg;
	bool set;
	struct loop_timer *next;
};

enum op { OP_FIND, OP_CHECK, OP_SUBSCRIBER, OP_OF, OP_QUARANTINE, OP_OPEN, OP_READ, OP_UPDATE };

struct call {
	enum op op;
	struct addr addr;
	int64_t subscriber;
	uint64_t offset;
	uint32_t uid;
	bool deletes;
	void *done, *arg;
};

static struct play {
	struct worker worker;
	struct popgw popgw;
	struct conf conf;
	struct conn conns[CLIENTS];
	struct binding bindings[CLIENTS]; /* of each client's address */
	struct call held[HELD_MAX];
	size_t held_count;
	struct loop_task *first, **last;
	struct loop_timer *timers;
	bool holding;
	int fail; /* the next answer */
	uint64_t ids;
} play;

/* ---- connection ---- */

const struct conn_peer *conn_peer(const struct conn *c)
{
	return &c->peer;
}

uint64_t conn_id(const struct conn *c)
{
	return c->id;
}

bool conn_is_tls(const struct conn *c)
{
	return c->tls;
}

void conn_attach(struct conn *c, const struct conn_ops *ops, void *session)
{
	c->ops = ops;
	c->session = session;
}

int conn_line(struct conn *c, size_t limit, char **line, size_t *length, bool *bare_lf)
{
	const char *end = memchr(c->in.octets, '\n', c->in.n);

	if (!end)
		return E_AGAIN;
	size_t whole = (size_t)(end - c->in.octets) + 1, n = whole - 1;
	memcpy(c->line, c->in.octets, whole);
	memmove(c->in.octets, end + 1, c->in.n - whole);
	c->in.n -= whole;
	if (n && c->line[n - 1] == '\r')
		n--;
	if (n > limit)
		return E_TOO_LARGE;
	c->line[n] = '\0';
	*line = c->line;
	*length = n;
	*bare_lf = false;
	return 0;
}

/* Mail is made of its owner's digit, prefixed by a mark that is nowhere else. */
void conn_write(struct conn *c, const void *octets, size_t n)
{
	const char *text = octets;

	must(c->open && !c->is_gone);
	for (size_t i = 0; i + 1 < n; i++)
		if (text[i] == '\x02')
			must(c->session->state == POP_TRANSACTION &&
			     text[i + 1] == '0' + c->session->who.subscriber);
	if (!c->closing)
		c->unsent += n;
}

void conn_printf(struct conn *c, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	int n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	must(n >= 0 && (size_t)n < sizeof(text));
	conn_write(c, text, (size_t)n);
}

size_t conn_unsent(const struct conn *c)
{
	return c->unsent;
}

void conn_pause(struct conn *c)
{
	c->paused = true;
}

void conn_resume(struct conn *c)
{
	must(c->paused);
	c->paused = false;
	c->input_due = true;
}

void conn_start_tls(struct conn *c, struct tls_server *tls)
{
	(void)tls;
	must(!c->tls);
	c->in.n = 0;
	c->tls = true;
}

void conn_set_idle(struct conn *c, int64_t idle_s)
{
	(void)c;
	(void)idle_s;
}

void conn_set_total(struct conn *c, int64_t total_s)
{
	(void)c;
	(void)total_s;
}

void conn_close(struct conn *c)
{
	c->closing = true;
}

void conn_abort(struct conn *c)
{
	c->closing = c->aborted = true;
}

/* ---- loop ---- */

void loop_post(struct loop *loop, struct loop_task *task)
{
	(void)loop;
	task->next = NULL;
	*play.last = task;
	play.last = &task->next;
}

struct loop_timer *loop_timer_new(struct loop *loop, void (*fn)(void *arg), void *arg)
{
	struct loop_timer *t = calloc(1, sizeof(*t));

	(void)loop;
	must(t != NULL);
	*t = (struct loop_timer){.fn = fn, .arg = arg, .next = play.timers};
	play.timers = t;
	return t;
}

void loop_timer_set(struct loop_timer *t, int64_t in_us)
{
	must(in_us > 0);
	t->set = true;
}

void loop_timer_stop(struct loop_timer *t)
{
	t->set = false;
}

void loop_timer_free(struct loop_timer *t)
{
	struct loop_timer **at = &play.timers;

	if (!t)
		return;
	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	free(t);
}

/* ---- what the worker needs beside, and nobody calls ---- */

int listener_open(struct loop *loop, const struct listener_options *options, struct listener **out)
{
	(void)loop;
	(void)options;
	(void)out;
	abort();
}

void listener_close(struct listener *l)
{
	(void)l;
	abort();
}

struct connections *connections_new(void)
{
	abort();
}

void connections_free(struct connections *all)
{
	(void)all;
	abort();
}

size_t connections_count(const struct connections *all)
{
	(void)all;
	abort();
}

void connections_close_all(struct connections *all, void (*ended)(void *arg), void *arg)
{
	(void)all;
	(void)ended;
	(void)arg;
	abort();
}

void daemon_fail(struct daemon *d, const char *format, ...)
{
	(void)d;
	(void)format;
	abort();
}

void daemon_worker_idle(struct daemon *d, unsigned index)
{
	(void)d;
	(void)index;
	abort();
}

int db_port_open(struct db *db, struct loop *loop, struct db_port **out)
{
	(void)db;
	(void)loop;
	(void)out;
	abort();
}

void db_port_close(struct db_port *port)
{
	(void)port;
	abort();
}

int db_watch(struct db_port *port, enum db_file file, change_fn *fn, void *arg)
{
	(void)port;
	(void)file;
	(void)fn;
	(void)arg;
	abort();
}

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

void binding_find(struct db_port *port, const char *realm, const struct addr *source, uint16_t p,
		  binding_got *done, void *arg)
{
	(void)port;
	(void)realm;
	(void)p;
	call((struct call){.op = OP_FIND, .addr = *source, .done = (void *)done, .arg = arg});
}

void binding_check(struct db_port *port, const char *realm, const struct addr *source, uint16_t p,
		   binding_checked *done, void *arg)
{
	(void)port;
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
	play.worker.popgw = &play.popgw;
	log_level_set("error");
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
