#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/err.h"
#include "lib/http_private.h"

/* Of a body that is refused: a client seldom listens before it has said all. */
#define DRAIN_MAX 4194304
/* Of all bodies of a server that are on their way or not yet answered. */
#define BODIES_MAX 67108864
#define BODY_FIRST 4096

/* libmicrohttpd shows the target as it was sent only here, before anything else of a request. */
void *http_on_target(void *arg, const char *target, struct MHD_Connection *connection)
{
	struct http_server *s = arg;
	struct http_request *r = calloc(1, sizeof *r);

	(void)connection;
	if (!r)
		return NULL;
	r->server = s;
	r->target = strdup(target);
	r->path = strdup(target);
	if (!r->target || !r->path) {
		http_request_free(r);
		return NULL;
	}
	return r;
}

static enum MHD_Result request_answer(struct http_request *r)
{
	return r->response ? MHD_queue_response(r->connection, r->status, r->response) : MHD_NO;
}

static void request_suspend(struct http_request *r)
{
	struct http_server *s = r->server;

	r->suspended = true;
	r->next = s->waiting;
	r->at = &s->waiting;
	if (r->next)
		r->next->at = &r->next;
	s->waiting = r;
	MHD_suspend_connection(r->connection);
}

void http_request_wake(struct http_request *r)
{
	*r->at = r->next;
	if (r->next)
		r->next->at = r->at;
	r->suspended = false;
	MHD_resume_connection(r->connection);
	http_server_kick(r->server);
}

void http_server_answer(struct http_request *r)
{
	if (!r->connection)
		http_request_free(r);
	else if (r->suspended)
		http_request_wake(r);
}

static void request_describe(struct http_request *r, struct MHD_Connection *connection,
			     const char *method)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	const struct http_socket *k = info->socket_context;
	const char *path = http_target_path(r->path);

	r->connection = connection;
	r->peer = k->peer;
	r->tls = r->server->options.certificate_pem != NULL;
	r->realm = r->server->options.realm;
	snprintf(r->method, sizeof r->method, "%s", method);
	if (path)
		memmove(r->path, path, strlen(path) + 1);
	r->path[strcspn(r->path, "?")] = '\0';
}

static void request_route(struct http_request *r)
{
	char allow[64];
	int rc = http_route_find(r->server->options.routes, r->method, &r->parts, &r->match, allow);

	if (rc == E_NOT_FOUND) {
		http_problem(r, 404, "not-found", NULL, 0);
	} else if (rc) {
		http_add_header(r, MHD_HTTP_HEADER_ALLOW, allow);
		http_problem(r, 405, "method-not-allowed", NULL, 0);
	}
}

/* 0: none declared. libmicrohttpd has refused what is no number. */
static uint64_t declared_length(const struct http_request *r)
{
	const char *text = http_header(r, MHD_HTTP_HEADER_CONTENT_LENGTH);

	return text ? strtoull(text, NULL, 10) : 0;
}

/* The client waits with its body, or it would take too long to hear it. */
static bool body_is_unwanted(const struct http_request *r)
{
	const char *expect = http_header(r, MHD_HTTP_HEADER_EXPECT);

	return (expect && strcasecmp(expect, "100-continue") == 0) ||
	       declared_length(r) > r->body_max + DRAIN_MAX;
}

/* Fields of which a request has one at most (RFC 9110 5.3, RFC 9112 3.2 and 6.3). */
static const char *const single_fields[] = {
	MHD_HTTP_HEADER_HOST,          MHD_HTTP_HEADER_CONTENT_LENGTH, MHD_HTTP_HEADER_CONTENT_TYPE,
	MHD_HTTP_HEADER_AUTHORIZATION, MHD_HTTP_HEADER_ORIGIN,
};
#define SINGLE_FIELDS (sizeof single_fields / sizeof *single_fields)

struct field_tally {
	unsigned seen[SINGLE_FIELDS];
	bool doubled;
};

static enum MHD_Result tally_field(void *arg, enum MHD_ValueKind kind, const char *name,
				   const char *value)
{
	struct field_tally *t = arg;

	(void)kind;
	(void)value;
	for (size_t i = 0; i < SINGLE_FIELDS; i++)
		if (!strcasecmp(name, single_fields[i]) && t->seen[i]++)
			t->doubled = true;
	return MHD_YES;
}

/* Two of them would be read in one way by us and in another by who stands before us. */
static bool has_doubled_field(struct MHD_Connection *connection)
{
	struct field_tally t = {.doubled = false};

	MHD_get_connection_values(connection, MHD_HEADER_KIND, tally_field, &t);
	return t.doubled;
}

static enum MHD_Result request_begin(struct http_request *r, struct MHD_Connection *connection,
				     const char *method)
{
	const struct http_options *o = &r->server->options;

	r->begun = true;
	r->body_max = o->max_body;
	request_describe(r, connection, method);
	if (http_target_parse(r->target, &r->parts)) {
		http_problem(r, 400, "malformed", "request target", 0);
	} else if (has_doubled_field(connection)) {
		http_add_header(r, MHD_HTTP_HEADER_CONNECTION, "close");
		http_problem(r, 400, "malformed", "a header field that must be one is two", 0);
	} else if (o->guard && o->guard(o->arg, r)) {
		r->handed = true;
	} else {
		request_route(r);
		if (!r->answered && o->body_limit)
			r->body_max = o->body_limit(o->arg, r);
		if (!r->answered && declared_length(r) > r->body_max)
			http_problem(r, 413, "too-large", NULL, 0);
	}
	return r->answered && body_is_unwanted(r) ? request_answer(r) : MHD_YES;
}

static void request_drop_body(struct http_request *r)
{
	r->server->body_octets -= r->body_size;
	free(r->body);
	r->body = NULL;
	r->body_length = r->body_size = 0;
}

static bool body_grow(struct http_request *r, size_t size)
{
	struct http_server *s = r->server;
	size_t others = s->body_octets - r->body_size;
	char *grown;

	if (others && others + size > BODIES_MAX)
		return false;
	grown = realloc(r->body, size);
	if (!grown)
		return false;
	s->body_octets = others + size;
	r->body = grown;
	r->body_size = size;
	return true;
}

/* With room for a NUL behind it. */
static bool body_append(struct http_request *r, const char *octets, size_t n)
{
	size_t need = r->body_length + n + 1, size = r->body_size ? r->body_size : BODY_FIRST;

	while (size < need)
		size *= 2;
	if (size != r->body_size && !body_grow(r, size))
		return false;
	memcpy(r->body + r->body_length, octets, n);
	r->body_length += n;
	r->body[r->body_length] = '\0';
	return true;
}

/* Refused: the rest is heard and thrown away. */
static void request_refuse_body(struct http_request *r, bool too_large)
{
	r->dropped = r->body_length;
	request_drop_body(r);
	if (too_large)
		http_problem(r, 413, "too-large", NULL, 0);
	else
		http_problem(r, 503, "overloaded", "too much is being said at once", 1);
}

static enum MHD_Result request_take(struct http_request *r, const char *octets, size_t n)
{
	size_t max = r->body_max;

	if (!r->answered && !r->handed) {
		bool fits = r->body_length + n <= max;

		if (fits && body_append(r, octets, n))
			return MHD_YES;
		request_refuse_body(r, !fits);
	}
	r->dropped += n;
	return r->dropped > max + DRAIN_MAX ? MHD_NO : MHD_YES;
}

/* Called when all of the request is there, and again when it was suspended and is not any more. */
static enum MHD_Result request_complete(struct http_request *r)
{
	struct http_server *s = r->server;

	if (!r->response && !r->handed && s->closing)
		http_problem(r, 503, "overloaded", "shutting down", 2);
	if (!r->answered && !r->handed) {
		r->handed = true;
		r->match.route->handle(s->options.arg, r);
	}
	if (r->answered || r->response)
		return request_answer(r);
	request_suspend(r);
	return MHD_YES;
}

enum MHD_Result http_on_request(void *arg, struct MHD_Connection *connection, const char *url,
				const char *method, const char *version, const char *octets,
				size_t *n, void **context)
{
	struct http_request *r = *context;
	enum MHD_Result result;

	(void)arg;
	(void)url;
	(void)version;
	if (!r)
		return MHD_NO;
	if (!r->begun)
		return request_begin(r, connection, method);
	if (!*n)
		return request_complete(r);
	result = request_take(r, octets, *n);
	*n = 0;
	return result;
}

void http_on_completed(void *arg, struct MHD_Connection *connection, void **context,
		       enum MHD_RequestTerminationCode why)
{
	struct http_request *r = *context;

	(void)arg;
	(void)connection;
	(void)why;
	*context = NULL;
	if (!r)
		return;
	r->server->body_octets -= r->body_size;
	r->connection = NULL;
	if (!r->handed || r->answered)
		http_request_free(r);
}
