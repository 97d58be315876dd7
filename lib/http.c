#include "lib/http.h"

#include <assert.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/acceptor.h"
#include "lib/err.h"
#include "lib/http_private.h"
#include "lib/listener.h"
#include "lib/log.h"

#define HEADERS_MAX    16384 /* of a request, all of them; libmicrohttpd's memory per connection */
#define CLOSE_ROUNDS   64
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"

#define REFUSAL_BODY                                                                               \
	"{\"type\":\"urn:hato:problem:overloaded\",\"title\":\"Overloaded\",\"status\":503,"       \
	"\"detail\":\"too many connections\"}"

#define REFUSAL                                                                                    \
	"HTTP/1.1 503 Service Unavailable\r\n"                                                     \
	"Content-Type: application/problem+json\r\n"                                               \
	"Content-Length: %zu\r\n"                                                                  \
	"Retry-After: %lld\r\n"                                                                    \
	"Connection: close\r\n"                                                                    \
	"\r\n" REFUSAL_BODY
#define RETRY_AFTER_S 2

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

void http_server_kick(struct http_server *s)
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
	const struct http_options *o = &s->options;
	long long later = o->retry_after ? (long long)o->retry_after(o->arg) : RETRY_AFTER_S;
	char text[sizeof REFUSAL + 64];
	int n = snprintf(text, sizeof text, REFUSAL, sizeof REFUSAL_BODY - 1, later);

	if (!o->certificate_pem)
		send(fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT);
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
		http_server_kick(s);
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

	return MHD_start_daemon(
		flags, 0, NULL, NULL, http_on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_mhd_log,
		NULL, MHD_OPTION_CONNECTION_LIMIT, (unsigned)o->max_connections + 16,
		MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)o->idle_s,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADERS_MAX,
		MHD_OPTION_URI_LOG_CALLBACK, http_on_target, s, MHD_OPTION_NOTIFY_COMPLETED,
		http_on_completed, NULL, MHD_OPTION_NOTIFY_CONNECTION, on_connection, s,
		MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, tls ? tls_options : none,
		MHD_OPTION_END);
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
	if (s->options.urgent && s->kick && s->readable) {
		event_priority_set(s->kick, LOOP_URGENT);
		event_priority_set(s->readable, LOOP_URGENT);
	}
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
				     .device = options->device,
				     .unix_path = options->unix_path,
				     .urgent = options->urgent,
				     .balancers = options->balancers,
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
		http_request_wake(r);
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
	if (s->readable) /* before its descriptor is closed, and perhaps another thread's */
		event_free(s->readable);
	if (s->mhd)
		mhd_stop(s);
	while (s->sockets)
		socket_free(s, s->sockets);
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
