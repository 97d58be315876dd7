#include "handset-sim/http_channel.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/conn.h"
#include "lib/err.h"

#define ANSWER_MAX    (16 * 1024 * 1024)
#define CALL_LIMIT_S  30
#define HEAD_LINE_MAX 8192

/* A connection outlives its channel by the time that conn needs to close it: it is an object of its
 * own. */
struct link {
	struct http_channel *channel; /* null: given up */
	struct conn *conn;
};

struct http_channel {
	struct loop *loop;
	struct http_target target;
	int64_t limit_s;   /* of a call */
	struct link *link; /* null: none */
	http_answered *done;
	void *arg;
	char *request;
	size_t request_length;
	bool retried; /* a kept connection may have died since: once more on a new one */
	/* the answer on its way */
	bool in_body, close_after;
	unsigned status, retry_after_s;
	char *body;
	size_t wanted, have;
};

static const struct conn_ops link_ops;

static void link_drop(struct http_channel *ch)
{
	if (!ch->link)
		return;
	ch->link->channel = NULL;
	conn_abort(ch->link->conn);
	ch->link = NULL;
}

static void finish(struct http_channel *ch, unsigned status)
{
	http_answered *done = ch->done;
	json_t *answer = ch->have ? json_loadb(ch->body, ch->have, JSON_DECODE_ANY, NULL) : NULL;

	if (ch->close_after || !status)
		link_drop(ch);
	free(ch->request);
	free(ch->body);
	ch->request = ch->body = NULL;
	ch->done = NULL;
	ch->in_body = false;
	ch->have = ch->wanted = 0;
	done(ch->arg, status, answer); /* may free the channel */
	json_decref(answer);
}

static void send_request(struct http_channel *ch)
{
	ch->in_body = ch->close_after = false;
	ch->status = ch->retry_after_s = 0;
	ch->wanted = ch->have = 0;
	if (!ch->link) {
		struct link *l = calloc(1, sizeof *l);
		if (l &&
		    conn_connect_from(ch->loop, ch->target.from_given ? &ch->target.from : NULL,
				      &ch->target.to, ch->target.port, &link_ops, l, &l->conn)) {
			free(l);
			l = NULL;
		}
		ch->link = l;
		if (!l)
			return;
		l->channel = ch;
		if (ch->target.tls)
			return; /* `connected`, then `secured` sends */
	}
	conn_set_total(ch->link->conn, ch->limit_s);
	conn_write(ch->link->conn, ch->request, ch->request_length);
}

static void on_connected(void *session)
{
	struct link *l = session;

	if (l->channel && l->channel->target.tls)
		conn_start_client_tls(l->conn, l->channel->target.tls);
}

static void on_secured(void *session)
{
	struct link *l = session;

	if (l->channel && l->channel->request)
		conn_write(l->conn, l->channel->request, l->channel->request_length);
}

/* False: wait for more. */
static bool read_head(struct http_channel *ch)
{
	char *line;
	size_t n;
	bool bare;

	while (conn_line(ch->link->conn, HEAD_LINE_MAX, &line, &n, &bare) == 0) {
		if (!n) {
			ch->in_body = true;
			ch->body = malloc(ch->wanted + 1);
			return ch->body != NULL;
		}
		if (!strncmp(line, "HTTP/1.", 7) && n > 11)
			ch->status = (unsigned)atoi(line + 9);
		else if (!strncasecmp(line, "Content-Length:", 15))
			ch->wanted = strtoull(line + 15, NULL, 10);
		else if (!strncasecmp(line, "Retry-After:", 12))
			ch->retry_after_s = (unsigned)strtoul(line + 12, NULL, 10);
		else if (!strncasecmp(line, "Connection:", 11) && strcasestr(line + 11, "close"))
			ch->close_after = true;
		if (ch->wanted > ANSWER_MAX)
			ch->wanted = ANSWER_MAX;
	}
	return false;
}

static void on_input(void *session)
{
	struct link *l = session;
	struct http_channel *ch = l->channel;
	size_t n;

	if (!ch || !ch->done) {
		conn_abort(l->conn);
		return;
	}
	if (!ch->in_body && !read_head(ch))
		return;
	while (ch->have < ch->wanted) {
		const uint8_t *octets = conn_peek(l->conn, ch->wanted - ch->have, &n);
		if (!n)
			return;
		memcpy(ch->body + ch->have, octets, n);
		ch->have += n;
		conn_take(l->conn, n);
	}
	conn_set_total(l->conn, 0);
	finish(ch, ch->status);
}

static void on_closed(void *session, enum conn_end why)
{
	struct link *l = session;
	struct http_channel *ch = l->channel;

	(void)why;
	free(l);
	if (!ch)
		return;
	ch->link = NULL;
	if (!ch->done)
		return;
	if (!ch->retried && !ch->status) {
		ch->retried = true;
		send_request(ch);
		if (ch->link)
			return;
	}
	finish(ch, 0);
}

static const struct conn_ops link_ops = {
	.input = on_input, .connected = on_connected, .secured = on_secured, .closed = on_closed};

int http_channel_new(struct loop *loop, const struct http_target *target, struct http_channel **out)
{
	struct http_channel *ch = calloc(1, sizeof *ch);

	if (!ch)
		return E_NOMEM;
	ch->loop = loop;
	ch->target = *target;
	ch->limit_s = CALL_LIMIT_S;
	*out = ch;
	return 0;
}

void http_channel_free(struct http_channel *ch)
{
	if (!ch)
		return;
	link_drop(ch);
	free(ch->request);
	free(ch->body);
	free(ch);
}

unsigned http_channel_retry_after_s(const struct http_channel *ch)
{
	return ch->retry_after_s;
}

void http_channel_set_limit(struct http_channel *ch, int64_t limit_s)
{
	ch->limit_s = limit_s;
}

bool http_channel_is_busy(const struct http_channel *ch)
{
	return ch->done != NULL;
}

static void call_text(struct http_channel *ch, const char *method, const char *path,
		      const char *bearer, const char *text, http_answered *done, void *arg)
{
	char *request = NULL;
	int n = asprintf(
		&request,
		"%s %s HTTP/1.1\r\nHost: localhost\r\n%s%s%s%sContent-Length: %zu\r\n\r\n%s",
		method, path, bearer ? "Authorization: Bearer " : "", bearer ? bearer : "",
		bearer ? "\r\n" : "", text ? "Content-Type: application/json\r\n" : "",
		text ? strlen(text) : 0, text ? text : "");

	ch->request = n < 0 ? NULL : request;
	ch->request_length = n < 0 ? 0 : (size_t)n;
	ch->done = done;
	ch->arg = arg;
	ch->retried = ch->link == NULL; /* a new connection gets one try */
	send_request(ch);
	if (!ch->link) {
		/* No socket to be had. The caller hears it at once: there is nothing to wait for.
		 */
		finish(ch, 0);
	}
}

void http_channel_call(struct http_channel *ch, const char *method, const char *path,
		       const char *bearer, const json_t *body, http_answered *done, void *arg)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;

	call_text(ch, method, path, bearer, text, done, arg);
	free(text);
}

void http_channel_post(struct http_channel *ch, const char *path, const char *bearer,
		       const char *text, http_answered *done, void *arg)
{
	call_text(ch, "POST", path, bearer, text, done, arg);
}
