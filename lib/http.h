/* http -- an HTTP server on a worker's loop (libmicrohttpd), for JSON APIs
 *
 * Each worker runs its own daemon on its own SO_REUSEPORT socket inside its libevent loop (external
 * epoll), so a handler and the completion of its database operation run on the same thread. A
 * handler may answer at once or later: the request stays suspended until its reply. The caller's
 * address is the socket's, or what a believed balancer's PROXY header says before the first request
 * (lib/balancers); no header of HTTP can change it.
 *
 * ERRORS     as RFC 9457 application/problem+json, type urn:hato:problem:NAME (http_problem)
 * LIMITS     a body's size (413, drained first so that the client reads the answer), all bodies of
 *            a server together (64 MiB, then 503), headers (16 KiB), connections (503), idle time
 * OWNERSHIP  a request is the handler's until its reply, also when the client or the server is gone
 *            by then (http_header knows nothing any more, the rest stays): the reply is then
 *            nobody's. Texts of the request live as long as it.
 * THREADS    one loop's thread
 * SEE        RFC 9110, 9112, 9457; design.md 5
 */
#ifndef HATO_LIB_HTTP_H
#define HATO_LIB_HTTP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/loop.h"

struct admission;
struct http_server;
struct http_request;

#define HTTP_PARAMS_MAX 4

/* One row of a route table. Path segments in braces are parameters: "/v1/bindings/{ip}/history".
 * A handler sees the body whole. HEAD is GET's row. */
struct http_route {
	const char *method;
	const char *path;
	void (*handle)(void *arg, struct http_request *r);
};

struct http_options {
	struct addr addr;
	uint16_t port;
	const char *device;          /* of the network; null or "": any */
	const char *unix_path;       /* instead of addr, port and device */
	const char *certificate_pem; /* PEM texts: HTTPS (GnuTLS) */
	const char *key_pem;
	size_t max_body, max_connections, max_connections_per_address;
	struct admission *admission; /* of lib/listener, shared by the workers; null: the server's
					own, of the two numbers above */
	const struct balancers *balancers; /* believed with a PROXY header; null: nobody */
	int64_t idle_s;
	const struct http_route *routes; /* ends with a null method */
	/* Runs before routing, and before the body is there; true: it has answered. For
	 * authorization and for the handset side's header rules; may be null. */
	bool (*guard)(void *arg, struct http_request *r);
	/* How large this request's body may be, if not max_body: asked when it is routed. May be
	 * null. */
	size_t (*body_limit)(void *arg, const struct http_request *r);
	/* Retry-After of a connection that is one too many; null: 2 s. */
	int64_t (*retry_after)(void *arg);
	bool urgent; /* its requests go before the loop's other work */
	void *arg;
	const char *realm; /* kept for handlers: http_realm */
};

int http_server_open(struct loop *loop, const struct http_options *options,
		     struct http_server **out); /* E_EXISTS, E_NOT_FOUND: no such device, E_IO */
/* Stops accepting; unanswered requests must be answered first (or get 503: their handlers may still
 * answer, into the void); then frees. Not from inside a handler. */
void http_server_close(struct http_server *s);
/* The port bound, also when options said 0. 0: a unix socket. */
uint16_t http_server_port(const struct http_server *s);

const char *http_method(const struct http_request *r);
const char *http_path(const struct http_request *r); /* as sent, without the query */
/* Of the path, percent-decoded. */
const char *http_param(const struct http_request *r, const char *name);
const char *http_query(const struct http_request *r, const char *name); /* null: absent */
const char *http_header(const struct http_request *r, const char *name);
const char *http_body(const struct http_request *r, size_t *length); /* NUL-terminated too */
const struct addr *http_peer(const struct http_request *r, uint16_t *port);
const struct addr *http_local(const struct http_request *r);
bool http_is_tls(const struct http_request *r);
const char *http_realm(const struct http_request *r);

/* A note of the handler's own, kept with the request (the guard leaves whom it let in). */
void http_set_note(struct http_request *r, const void *note);
const void *http_note(const struct http_request *r);

/* Each request is answered exactly once, now or later, on the same thread; `r` is gone after it.
 * Headers are added before. */
void http_add_header(struct http_request *r, const char *name, const char *value);
/* body: stolen; null: empty. */
void http_reply_json(struct http_request *r, unsigned status, json_t *body);
/* The same, written already; text: from malloc, stolen; null: empty. */
void http_reply_json_text(struct http_request *r, unsigned status, char *text);
void http_reply_text(struct http_request *r, unsigned status, const char *type, const char *body,
		     size_t length);
/* retry_after_s 0: none. title is derived from the name. */
void http_problem(struct http_request *r, unsigned status, const char *name, const char *detail,
		  int64_t retry_after_s);

#endif
