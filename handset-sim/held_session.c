#include "handset-sim/held_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/conn.h"
#include "lib/err.h"
#include "lib/wire/smtp/data.h"

#define LINE_LIMIT    4096
#define MESSAGE_LIMIT (64 * 1024 * 1024)

enum held_state { L_GREETING, L_USER, L_PASS, L_STAT, L_HOLDS, L_RETR, L_MESSAGE };

struct held_session {
	struct held_request r;
	struct conn *conn;
	enum held_state state;
	char token[64];
	unsigned count, at;
	bool freed, has_read, goes_on;
	struct smtp_data data;
	uint8_t *message;
	size_t length, size;
};

static void retrieve(struct held_session *l)
{
	if (l->at == l->count) {
		conn_close(l->conn);
		return;
	}
	l->state = L_RETR;
	conn_printf(l->conn, "RETR %u\r\n", ++l->at);
}

static void on_line(struct held_session *l, const char *line)
{
	if (line[0] != '+') {
		conn_close(l->conn);
		return;
	}
	switch (l->state) {
	case L_GREETING:
		conn_printf(l->conn, "USER %s\r\n", l->token);
		l->state = L_USER;
		return;
	case L_USER:
		conn_printf(l->conn, "PASS x\r\n");
		l->state = L_PASS;
		return;
	case L_PASS:
		conn_printf(l->conn, "STAT\r\n");
		l->state = L_STAT;
		return;
	case L_STAT:
		l->count = (unsigned)strtoul(line + 3, NULL, 10);
		l->state = L_HOLDS;
		l->r.holds(l->r.arg, l->count);
		if (l->goes_on)
			retrieve(l);
		return;
	case L_RETR:
		l->state = L_MESSAGE;
		l->length = 0;
		smtp_data_init(&l->data, MESSAGE_LIMIT);
		return;
	case L_HOLDS:
	case L_MESSAGE:
		return;
	}
}

static void keep(void *arg, const uint8_t *run, size_t n)
{
	struct held_session *l = arg;

	if (l->length + n > l->size) {
		size_t size = 2 * (l->length + n);
		uint8_t *grown = size > MESSAGE_LIMIT ? NULL : realloc(l->message, size);
		if (!grown)
			return;
		l->message = grown;
		l->size = size;
	}
	memcpy(l->message + l->length, run, n);
	l->length += n;
}

/* False: wait for more. */
static bool read_message(struct held_session *l)
{
	size_t n, used;
	const uint8_t *octets = conn_peek(l->conn, 65536, &n);

	if (!n)
		return false;
	int done = smtp_data_feed(&l->data, octets, n, &used, keep, l);
	conn_take(l->conn, used);
	if (done) {
		l->has_read = true;
		l->r.message(l->r.arg, l->message, l->length);
		retrieve(l);
	}
	return true;
}

static void on_input(void *session)
{
	struct held_session *l = session;
	char *line;
	size_t n;
	bool bare;

	while (!l->freed) {
		if (l->state == L_MESSAGE) {
			if (!read_message(l))
				return;
		} else if (conn_line(l->conn, LINE_LIMIT, &line, &n, &bare)) {
			return;
		} else {
			on_line(l, line);
		}
	}
}

static void on_closed(void *session, enum conn_end why)
{
	struct held_session *l = session;

	(void)why;
	l->conn = NULL;
	if (!l->freed && l->state == L_MESSAGE && l->length) { /* a part is too much, too */
		l->has_read = true;
		l->r.message(l->r.arg, l->message, l->length);
	}
	if (!l->freed)
		l->r.ended(l->r.arg, !l->has_read);
	free(l->message);
	free(l);
}

static const struct conn_ops held_ops = {.input = on_input, .closed = on_closed};

int held_session_start(struct loop *loop, const struct held_request *r, struct held_session **out)
{
	struct held_session *l = calloc(1, sizeof *l);

	if (!l)
		return E_NOMEM;
	l->r = *r;
	snprintf(l->token, sizeof l->token, "%s", r->token);
	int rc = conn_connect_from(loop, &r->from, &r->to, r->port, &held_ops, l, &l->conn);
	if (rc) {
		free(l);
		return rc;
	}
	*out = l;
	return 0;
}

void held_session_read(struct held_session *l)
{
	if (l->state == L_HOLDS && !l->goes_on)
		retrieve(l);
	l->goes_on = true;
}

void held_session_free(struct held_session *l)
{
	if (!l)
		return;
	l->freed = true;
	conn_abort(l->conn);
}
