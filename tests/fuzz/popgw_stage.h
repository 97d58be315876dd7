/* popgw_stage -- what popgw_fuzz.c plays under popgw: connections, the loop, the log; and what the
 * worker links but nobody calls here
 *
 * Nothing happens by itself: what was written waits in `unsent`, what was posted in a queue, timers
 * until the script fires one. The definitions stand in front of libhato's, so the linker takes none
 * of those.
 */
#ifndef HATO_TESTS_FUZZ_POPGW_STAGE_H
#define HATO_TESTS_FUZZ_POPGW_STAGE_H

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/daemon_open.h"
#include "lib/err.h"
#include "popgw/session.h"

#define CLIENTS     3
#define SUBSCRIBERS 2
#define HELD_MAX    64
#define INPUT_MAX   4096
#define MESSAGES    3
#define BODY        300

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

/* ---- log ---- */

bool log_wants(enum log_level level)
{
	(void)level;
	return false;
}

void log_fields(enum log_level level, const char *event, const struct log_field *fields)
{
	(void)level;
	(void)event;
	(void)fields;
}

/* ---- what the worker needs beside, and nobody calls ---- */

int daemon_open_listener(struct daemon *d, struct loop *loop, const char *what,
			 const struct listener_options *options, struct listener **out)
{
	(void)d;
	(void)loop;
	(void)what;
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

#endif
