#include "lib/http_client.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"

#define ANSWER_HEAD_MAX 16384

struct http_call {
	struct http_client *client;
	struct http_call *next, **link;
	struct evhttp_connection *connection;
	http_answered *answered; /* null: it was */
	void *arg;
	bool *is_gone; /* for http_call_post, which has not returned yet; may be null */
};

struct http_client {
	struct loop *loop;
	struct http_url url;
	char host[ADDR_TEXT_MAX];
	int64_t timeout_us;
	size_t answer_max;
	struct http_call *calls;
	struct loop_timer *timer; /* what was answered goes in the loop's next turn */
};

/* ---- the client ---- */

static void free_call(struct http_call *call)
{
	*call->link = call->next;
	if (call->next)
		call->next->link = call->link;
	if (call->is_gone)
		*call->is_gone = true;
	if (call->connection)
		evhttp_connection_free(call->connection);
	free(call);
}

/* libevent goes on with a connection after its callback: those are freed here. */
static void on_time(void *arg)
{
	struct http_client *c = arg;
	struct http_call *next;

	for (struct http_call *call = c->calls; call; call = next) {
		next = call->next;
		if (!call->answered)
			free_call(call);
	}
}

int http_client_open(struct loop *loop, const struct http_url *url, int64_t timeout_us,
		     size_t answer_max, struct http_client **out)
{
	struct http_client *c = calloc(1, sizeof *c);

	if (!c)
		return E_NOMEM;
	c->timer = loop_timer_new(loop, on_time, c);
	if (!c->timer) {
		free(c);
		return E_NOMEM;
	}
	c->loop = loop;
	c->url = *url;
	c->timeout_us = timeout_us;
	c->answer_max = answer_max;
	addr_format(&url->addr, c->host);
	*out = c;
	return 0;
}

void http_client_close(struct http_client *c)
{
	if (!c)
		return;
	while (c->calls)
		free_call(c->calls);
	loop_timer_free(c->timer);
	free(c);
}

/* ---- a question ---- */

static void on_done(struct evhttp_request *r, void *arg)
{
	struct http_call *call = arg;
	http_answered *answered = call->answered;
	void *asker = call->arg;
	int status = r ? evhttp_request_get_response_code(r) : 0;
	struct evbuffer *in = status ? evhttp_request_get_input_buffer(r) : NULL;
	size_t n = in ? evbuffer_get_length(in) : 0;
	const char *body = n ? (const char *)evbuffer_pullup(in, -1) : "";

	call->answered = NULL;
	if (call->is_gone)
		*call->is_gone = true;
	call->is_gone = NULL;
	loop_timer_set(call->client->timer, 0);
	if (answered)
		answered(asker, body ? status : 0, body ? body : "", body ? n : 0);
}

static struct evhttp_request *make_request(const struct http_client *c, struct http_call *call,
					   const struct http_field *fields, size_t field_count,
					   const void *body, size_t n)
{
	struct evhttp_request *r = evhttp_request_new(on_done, call);

	if (!r)
		return NULL;
	struct evkeyvalq *head = evhttp_request_get_output_headers(r);
	int err = evhttp_add_header(head, "Host", c->host);
	err |= evhttp_add_header(head, "Connection", "close");
	for (size_t i = 0; i < field_count; i++)
		err |= evhttp_add_header(head, fields[i].name, fields[i].value);
	err |= evbuffer_add(evhttp_request_get_output_buffer(r), body, n);
	if (err) {
		evhttp_request_free(r);
		return NULL;
	}
	return r;
}

static struct evhttp_connection *make_connection(const struct http_client *c)
{
	struct evhttp_connection *e =
		evhttp_connection_base_new(loop_base(c->loop), NULL, c->host, c->url.port);
	const struct timeval tv = {.tv_sec = (time_t)(c->timeout_us / CLOCK_S),
				   .tv_usec = (suseconds_t)(c->timeout_us % CLOCK_S)};

	if (!e)
		return NULL;
	evhttp_connection_set_timeout_tv(e, &tv);
	evhttp_connection_set_max_headers_size(e, ANSWER_HEAD_MAX);
	evhttp_connection_set_max_body_size(e, (ev_ssize_t)c->answer_max);
	return e;
}

struct http_call *http_call_post(struct http_client *c, const struct http_field *fields,
				 size_t field_count, const void *body, size_t n,
				 http_answered *answered, void *arg)
{
	struct http_call *call = calloc(1, sizeof *call);
	bool is_gone = false;

	if (!call) {
		answered(arg, 0, "", 0);
		return NULL;
	}
	*call = (struct http_call){.client = c,
				   .next = c->calls,
				   .link = &c->calls,
				   .answered = answered,
				   .arg = arg,
				   .is_gone = &is_gone};
	if (c->calls)
		c->calls->link = &call->next;
	c->calls = call;
	call->connection = make_connection(c);
	struct evhttp_request *r =
		call->connection ? make_request(c, call, fields, field_count, body, n) : NULL;
	if (!r || evhttp_make_request(call->connection, r, EVHTTP_REQ_POST, c->url.path) != 0) {
		if (is_gone)
			return NULL;
		free_call(call);
		answered(arg, 0, "", 0);
		return NULL;
	}
	if (is_gone)
		return NULL;
	call->is_gone = NULL;
	return call;
}

void http_call_cancel(struct http_call *call)
{
	if (call)
		free_call(call);
}
