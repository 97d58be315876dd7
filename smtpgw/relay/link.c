#include "smtpgw/relay/link.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "smtpgw/counters.h"

struct link {
	const struct link_settings *settings;
	struct client_settings speaks;
	struct client client;
	struct conn *conn;
	struct loop_timer *timer;
	const struct link_ops *ops;
	void *arg;
	struct job *job; /* null: none */
	bool is_connected, is_up, wants_content;
	bool is_closing; /* the conn is on its way down */
	char host[DNS_NAME_MAX];
	char remote[JOB_REMOTE_MAX];
};

/* ---- waiting ---- */

static void watch(struct link *l)
{
	enum client_wait what = client_waits_for(&l->client);

	if (l->is_closing)
		loop_timer_stop(l->timer);
	else if (!l->is_connected || l->client.state == CLIENT_SECURING)
		loop_timer_set(l->timer, l->settings->connect_us);
	else if (what == CLIENT_WAIT_NOTHING)
		loop_timer_set(l->timer, l->settings->idle_us);
	else
		loop_timer_set(l->timer, l->settings->wait_us[what]);
}

/* Nothing can be said or heard any more. */
static void cut(struct link *l, const char *enhanced, const char *text)
{
	if (l->is_closing)
		return;
	l->is_closing = true;
	conn_abort(l->conn);
	client_broken(&l->client, enhanced, text);
	watch(l);
}

static void on_silence(void *arg)
{
	struct link *l = arg;

	if (link_is_ready(l))
		link_close(l);
	else
		cut(l, "4.4.1", l->is_connected ? "no answer in time" : "nobody answers there");
}

void link_abort(struct link *l)
{
	cut(l, "4.4.2", "we are shutting down");
}

/* ---- content ---- */

/* In one piece, which is one chunk. */
static void bring_with_top(struct link *l, const uint8_t *octets, size_t n, bool is_last)
{
	const struct job *j = l->job;
	uint8_t *piece = malloc(j->envelope.top + n);

	if (!piece) {
		cut(l, "4.3.0", "out of memory");
		return;
	}
	memcpy(piece, j->top, j->envelope.top);
	memcpy(piece + j->envelope.top, octets, n);
	client_content(&l->client, piece, j->envelope.top + n, is_last);
	free(piece);
}

static void bring(void *arg, int err, const uint8_t *octets, size_t n)
{
	struct link *l = arg;
	struct job *j = l->job;

	if (err) {
		cut(l, "4.3.0", "the mail could not be read from the queue");
		return;
	}
	bool is_first = j->offset == 0;
	j->offset += n;
	bool is_last = n == 0 || j->offset >= j->envelope.size;
	if (is_first && j->envelope.top > 0)
		bring_with_top(l, octets, n, is_last);
	else
		client_content(&l->client, octets, n, is_last);
}

static void feed(struct link *l)
{
	struct job *j = l->job;

	if (!l->wants_content || l->client.state != CLIENT_CONTENT)
		return;
	if (j->offset == 0 && conn_waiting(l->conn) > 0) {
		/* An answer to content that has not been sent. */
		cut(l, "4.5.0", "the other host answers what was not asked");
		return;
	}
	if (j->offset == 0 && j->piece)
		bring(l, 0, j->piece, j->piece_n);
	else
		queue_octets(l->settings->port, j->mail, j->offset, bring, l);
	watch(l);
}

static void on_drained(void *arg)
{
	feed(arg);
}

/* ---- what the client asks for ---- */

static void op_write(void *arg, const void *octets, size_t n)
{
	struct link *l = arg;

	if (!l->is_closing)
		conn_write(l->conn, octets, n);
}

static void op_start_tls(void *arg)
{
	struct link *l = arg;
	bool is_verified = l->speaks.tls == CLIENT_TLS_REQUIRED;

	conn_start_client_tls_with(
		l->conn, is_verified ? l->settings->verified : l->settings->anybody, l->host);
}

static void op_ready(void *arg)
{
	struct link *l = arg;

	l->is_up = true;
	counter_add(COUNT_RELAY_OPENED, 1);
	l->ops->ready(l->arg, l);
}

static void op_content(void *arg)
{
	((struct link *)arg)->wants_content = true;
}

static void op_done(void *arg)
{
	struct link *l = arg;
	struct job *j = l->job;

	l->job = NULL;
	l->wants_content = false;
	snprintf(j->remote, sizeof j->remote, "%s", l->remote);
	if (l->client.mails >= l->settings->mails_max)
		client_quit(&l->client);
	l->ops->done(l->arg, l, j);
}

static void op_ended(void *arg)
{
	struct link *l = arg;

	if (l->is_closing)
		return;
	l->is_closing = true;
	conn_close(l->conn);
}

static const struct client_ops client_ops = {
	.write = op_write,
	.start_tls = op_start_tls,
	.ready = op_ready,
	.content = op_content,
	.done = op_done,
	.ended = op_ended,
};

/* ---- what the host says ---- */

static void on_input(void *arg)
{
	struct link *l = arg;
	char *line;
	size_t n;

	while (!l->is_closing) {
		int err = conn_line(l->conn, CLIENT_LINE_MAX, &line, &n, NULL);
		if (err == E_AGAIN)
			break;
		if (err) {
			cut(l, "4.5.0", "a line of the answer is too long");
			return;
		}
		client_line(&l->client, line, n);
		feed(l);
	}
	watch(l);
}

static void on_connected(void *arg)
{
	struct link *l = arg;

	l->is_connected = true;
	watch(l);
}

static void on_secured(void *arg)
{
	struct link *l = arg;

	counter_add(COUNT_RELAY_TLS, 1);
	client_secured(&l->client);
	watch(l);
}

static void tell_end(struct link *l, enum conn_end why)
{
	if (!l->is_connected) {
		client_broken(&l->client, "4.4.1", "nobody answers there");
		l->client.failure.stage = RELAY_STAGE_CONNECT;
	} else if (why == CONN_END_TLS) {
		client_broken(&l->client, "4.7.5", "the handshake of TLS failed");
	} else {
		client_broken(&l->client, "4.4.2", "the connection was lost");
	}
}

static void on_closed(void *arg, enum conn_end why)
{
	struct link *l = arg;

	l->conn = NULL;
	if (l->job)
		counter_add(COUNT_RELAY_LOST, 1);
	l->is_closing = true;
	tell_end(l, why);
	if (!l->is_up)
		counter_add(COUNT_RELAY_FAILED_HOSTS, 1);
	counter_add(COUNT_RELAY_CONNECTIONS, -1);
	l->ops->closed(l->arg, l);
	loop_timer_free(l->timer);
	free(l);
}

static const struct conn_ops conn_ops = {
	.input = on_input,
	.drained = on_drained,
	.connected = on_connected,
	.secured = on_secured,
	.closed = on_closed,
};

/* ---- the owner's calls ---- */

int link_open(const struct link_settings *settings, const struct route_target *to,
	      enum client_tls tls, const struct link_ops *ops, void *arg, struct link **out)
{
	static const struct addr none;
	char text[ADDR_TEXT_MAX];
	bool has_source = !addr_equal(&settings->source, &none);
	struct link *l = calloc(1, sizeof *l);

	if (!l)
		return E_NOMEM;
	l->settings = settings;
	l->speaks = (struct client_settings){.hostname = settings->hostname, .tls = tls};
	l->ops = ops;
	l->arg = arg;
	snprintf(l->host, sizeof l->host, "%s", to->host);
	snprintf(l->remote, sizeof l->remote, "%s [%s]", to->host, addr_format(&to->addr, text));
	client_init(&l->client, &l->speaks, &client_ops, l);
	l->timer = loop_timer_new(settings->loop, on_silence, l);
	int err = l->timer
			  ? conn_connect_from(settings->loop, has_source ? &settings->source : NULL,
					      &to->addr, to->port, &conn_ops, l, &l->conn)
			  : E_NOMEM;
	if (err) {
		loop_timer_free(l->timer);
		free(l);
		return err;
	}
	counter_add(COUNT_RELAY_CONNECTIONS, 1);
	watch(l);
	*out = l;
	return 0;
}

void link_send(struct link *l, struct job *j)
{
	assert(link_is_ready(l));
	l->job = j;
	j->offset = 0;
	job_seal(j, l->settings->seals, l->client.offers & CLIENT_DSN);
	if (client_mail(&l->client, &j->envelope) != 0) {
		struct relay_answer a = {.stage = RELAY_STAGE_ROUTE,
					 .enhanced = "5.1.3",
					 .text = "an address that cannot be sent"};
		job_answer_rest(j, &a);
		op_done(l);
	}
	watch(l);
}

void link_close(struct link *l)
{
	if (l->is_closing)
		return;
	if (l->client.state < CLIENT_READY)
		cut(l, "4.4.2", "we are shutting down");
	else
		client_quit(&l->client);
	watch(l);
}

bool link_is_ready(const struct link *l)
{
	return l->client.state == CLIENT_READY && !l->is_closing && !l->client.is_closing;
}

bool link_was_ready(const struct link *l)
{
	return l->is_up;
}

bool link_is_final(const struct link *l)
{
	return l->client.state == CLIENT_FINAL;
}

uint32_t link_mails(const struct link *l)
{
	return l->client.mails;
}

const char *link_remote(const struct link *l)
{
	return l->remote;
}

const struct relay_answer *link_failure(const struct link *l)
{
	return &l->client.failure;
}
