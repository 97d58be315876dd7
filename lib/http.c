#include "lib/http.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/acceptor.h"
#include "lib/err.h"
#include "lib/http_private.h"
#include "lib/listener.h"
#include "lib/log.h"

#define HEADERS_MAX 16384 /* of a request, all of them; libmicrohttpd's memory per connection */
#define DRAIN_MAX                                                                                  \
	4194304 /* of a body that is refused: a client seldom listens before it has said all */
#define BODY_FIRST     4096
#define CLOSE_ROUNDS   64
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

#define REFUSAL_BODY                                                                               \
	"{\"type\":\"urn:hato:problem:overloaded\",\"title\":\"Overloaded\",\"status\":503,"       \
	"\"detail\":\"too many connections\"}"

static const char REFUSAL[] = "HTTP/1.1 503 Service Unavailable\r\n"
			      "Content-Type: application/problem+json\r\n"
			      "Content-Length: 104\r\n"
			      "Retry-After: 2\r\n"
			      "Connection: close\r\n"
			      "\r\n" REFUSAL_BODY;
_Static_assert(sizeof REFUSAL_BODY - 1 == 104, "Content-Length of REFUSAL");

struct http_server {
	struct loop *loop;
	struct http_options options;
	struct acceptor *acceptor;
	struct admission *admission, *own_admission;
	struct MHD_Daemon *mhd;
	struct event *readable, *kick;
	struct loop_timer *timeout;
	struct http_socket *sockets;
	struct http_request *waiting; /* suspended */
	bool closing;
};

/* ---- libmicrohttpd's turn ---- */

static void server_run(struct http_server *s)
{
	MHD_UNSIGNED_LONG_LONG ms;

	MHD_run(s->mhd);
	if (MHD_get_timeout(s->mhd, &ms) == MHD_YES)
		loop_timer_set(s->timeout, (int64_t)ms * 1000);
	else
		loop_timer_stop(s->timeout);
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	server_run(arg);
}

static void on_timeout(void *arg)
{
	server_run(arg);
}

static void server_kick(struct http_server *s)
{
	event_active(s->kick, EV_READ, 0);
}

__attribute__((format(printf, 2, 0))) static void on_mhd_log(void *arg, const char *format,
							     va_list args)
{
	char text[256], *said = text;

	(void)arg;
	if (!log_wants(LOG_DEBUG))
		return;
	vsnprintf(text, sizeof text, format, args);
	text[strcspn(text, "\n")] = '\0';
	log_event(LOG_DEBUG, "http", LOG_TEXT("said", said), LOG_END);
}

/* ---- connections ---- */

static void socket_free(struct http_server *s, struct http_socket *k)
{
	*k->at = k->next;
	if (k->next)
		k->next->at = k->at;
	admission_leave(s->admission, &k->peer);
	free(k);
}

static struct http_socket *socket_find(struct http_server *s, int fd)
{
	struct http_socket *k = s->sockets;

	while (k && (k->started || k->fd != fd))
		k = k->next;
	return k;
}

static void refuse(struct http_server *s, int fd)
{
	if (!s->options.certificate_pem)
		send(fd, REFUSAL, sizeof REFUSAL - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	shutdown(fd, SHUT_WR);
	close(fd);
}

static void on_accepted(void *arg, int fd, const struct conn_peer *peer, const struct sockaddr *sa,
			socklen_t sa_len)
{
	struct http_server *s = arg;
	struct http_socket *k;

	if (!admission_enter(s->admission, peer)) {
		refuse(s, fd);
		return;
	}
	k = calloc(1, sizeof *k);
	if (!k) {
		admission_leave(s->admission, peer);
		close(fd);
		return;
	}
	k->fd = fd;
	k->peer = *peer;
	k->next = s->sockets;
	k->at = &s->sockets;
	if (k->next)
		k->next->at = &k->next;
	s->sockets = k;
	if (MHD_add_connection(s->mhd, fd, sa, sa_len) != MHD_YES)
		socket_free(s, k); /* fd is closed */
	else
		server_kick(s);
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode what)
{
	struct http_server *s = arg;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		const union MHD_ConnectionInfo *info =
			MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
		struct http_socket *k = socket_find(s, info->connect_fd);

		assert(k);
		k->started = true;
		*context = k;
	} else if (*context) {
		socket_free(s, *context);
		*context = NULL;
	}
}

/* ---- a request ---- */

/* libmicrohttpd shows the target as it was sent only here, before anything else of a request. */
static void *on_target(void *arg, const char *target, struct MHD_Connection *connection)
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

static void request_wake(struct http_request *r)
{
	*r->at = r->next;
	if (r->next)
		r->next->at = r->at;
	r->suspended = false;
	MHD_resume_connection(r->connection);
	server_kick(r->server);
}

void http_server_answer(struct http_request *r)
{
	if (!r->connection)
		http_request_free(r);
	else if (r->suspended)
		request_wake(r);
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
	       declared_length(r) > r->server->options.max_body + DRAIN_MAX;
}

static enum MHD_Result request_begin(struct http_request *r, struct MHD_Connection *connection,
				     const char *method)
{
	const struct http_options *o = &r->server->options;

	r->begun = true;
	request_describe(r, connection, method);
	if (http_target_parse(r->target, &r->parts)) {
		http_problem(r, 400, "malformed", "request target", 0);
	} else if (o->guard && o->guard(o->arg, r)) {
		r->handed = true;
	} else {
		request_route(r);
		if (!r->answered && declared_length(r) > o->max_body)
			http_problem(r, 413, "too-large", NULL, 0);
	}
	return r->answered && body_is_unwanted(r) ? request_answer(r) : MHD_YES;
}

static void request_drop_body(struct http_request *r)
{
	free(r->body);
	r->body = NULL;
	r->body_length = r->body_size = 0;
}

/* With room for a NUL behind it. */
static bool body_append(struct http_request *r, const char *octets, size_t n)
{
	size_t need = r->body_length + n + 1, size = r->body_size ? r->body_size : BODY_FIRST;

	while (size < need)
		size *= 2;
	if (size != r->body_size) {
		char *grown = realloc(r->body, size);

		if (!grown)
			return false;
		r->body = grown;
		r->body_size = size;
	}
	memcpy(r->body + r->body_length, octets, n);
	r->body_length += n;
	r->body[r->body_length] = '\0';
	return true;
}

static enum MHD_Result request_take(struct http_request *r, const char *octets, size_t n)
{
	size_t max = r->server->options.max_body;

	if (!r->answered && !r->handed) {
		if (r->body_length + n <= max)
			return body_append(r, octets, n) ? MHD_YES : MHD_NO;
		r->dropped = r->body_length;
		request_drop_body(r);
		http_problem(r, 413, "too-large", NULL, 0);
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

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
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

static void on_completed(void *arg, struct MHD_Connection *connection, void **context,
			 enum MHD_RequestTerminationCode why)
{
	struct http_request *r = *context;

	(void)arg;
	(void)connection;
	(void)why;
	*context = NULL;
	if (!r)
		return;
	r->connection = NULL;
	if (!r->handed || r->answered)
		http_request_free(r);
}

/* ---- opening and closing ---- */

static struct MHD_Daemon *mhd_start(struct http_server *s)
{
	const struct http_options *o = &s->options;
	bool tls = o->certificate_pem && o->key_pem;
	struct MHD_OptionItem tls_options[] = {
		{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)o->certificate_pem},
		{MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)o->key_pem},
		{MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES},
		{MHD_OPTION_END, 0, NULL}};
	struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
	unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET |
			 MHD_USE_ERROR_LOG | (tls ? MHD_USE_TLS : 0U);

	return MHD_start_daemon(flags, 0, NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER,
				on_mhd_log, NULL, MHD_OPTION_CONNECTION_LIMIT,
				(unsigned)o->max_connections + 16, MHD_OPTION_CONNECTION_TIMEOUT,
				(unsigned)o->idle_s, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
				(size_t)HEADERS_MAX, MHD_OPTION_URI_LOG_CALLBACK, on_target, s,
				MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
				MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
				MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY,
				tls ? tls_options : none, MHD_OPTION_END);
}

static int server_start(struct http_server *s)
{
	const union MHD_DaemonInfo *info;

	s->mhd = mhd_start(s);
	if (!s->mhd)
		return E_IO;
	info = MHD_get_daemon_info(s->mhd, MHD_DAEMON_INFO_EPOLL_FD);
	if (!info)
		return E_IO;
	s->timeout = loop_timer_new(s->loop, on_timeout, s);
	s->kick = event_new(loop_base(s->loop), -1, 0, on_readable, s);
	s->readable =
		event_new(loop_base(s->loop), info->epoll_fd, EV_READ | EV_PERSIST, on_readable, s);
	if (!s->timeout || !s->kick || !s->readable || event_add(s->readable, NULL))
		return E_NOMEM;
	return 0;
}

static int server_admission(struct http_server *s)
{
	const struct http_options *o = &s->options;

	s->admission = o->admission;
	if (s->admission)
		return 0;
	s->own_admission = admission_new(o->max_connections, o->max_connections_per_address);
	s->admission = s->own_admission;
	return s->admission ? 0 : E_NOMEM;
}

int http_server_open(struct loop *loop, const struct http_options *options,
		     struct http_server **out)
{
	struct http_server *s = calloc(1, sizeof *s);
	int rc;

	if (!s)
		return E_NOMEM;
	s->loop = loop;
	s->options = *options;
	struct acceptor_options a = {.addr = options->addr,
				     .port = options->port,
				     .unix_path = options->unix_path,
				     .accepted = on_accepted,
				     .arg = s};
	rc = server_admission(s);
	if (!rc)
		rc = server_start(s);
	if (!rc)
		rc = acceptor_open(loop, &a, &s->acceptor);
	if (rc)
		http_server_close(s);
	else
		*out = s;
	return rc;
}

/* What waits is answered for its handler, which still owns the request and will answer into the
 * void. */
static void answer_waiting(struct http_server *s)
{
	static const char TEXT[] =
		"{\"type\":\"urn:hato:problem:overloaded\",\"title\":\"Overloaded\","
		"\"status\":503,\"detail\":\"shutting down\"}";

	while (s->waiting) {
		struct http_request *r = s->waiting;

		r->status = 503;
		r->response = MHD_create_response_from_buffer(
			sizeof TEXT - 1, (void *)(uintptr_t)TEXT, MHD_RESPMEM_PERSISTENT);
		if (r->response) {
			MHD_add_response_header(r->response, MHD_HTTP_HEADER_CONTENT_TYPE,
						"application/problem+json");
			MHD_add_response_header(r->response, MHD_HTTP_HEADER_RETRY_AFTER, "2");
		}
		request_wake(r);
	}
}

static void mhd_stop(struct http_server *s)
{
	MHD_UNSIGNED_LONG_LONG ms = 0;

	s->closing = true;
	answer_waiting(s);
	for (int i = 0; i < CLOSE_ROUNDS; i++) {
		MHD_run(s->mhd);
		if (MHD_get_timeout(s->mhd, &ms) != MHD_YES || ms)
			break;
	}
	answer_waiting(s);
	MHD_stop_daemon(s->mhd);
}

void http_server_close(struct http_server *s)
{
	if (!s)
		return;
	acceptor_close(s->acceptor);
	if (s->mhd)
		mhd_stop(s);
	while (s->sockets)
		socket_free(s, s->sockets);
	if (s->readable)
		event_free(s->readable);
	if (s->kick)
		event_free(s->kick);
	loop_timer_free(s->timeout);
	admission_free(s->own_admission);
	free(s);
}

uint16_t http_server_port(const struct http_server *s)
{
	return acceptor_port(s->acceptor);
}
