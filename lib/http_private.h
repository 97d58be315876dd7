/* http_private -- the inside of the HTTP server: for http.c (the server and its connections),
 * http_exchange.c (a request and its reply as libmicrohttpd sees them) and http_request.c (as
 * handlers see them)
 *
 * A request is libmicrohttpd's from its first line to the `completed` callback, and the handler's
 * from the moment it is handed over to its reply. It is freed when both have let go: the client may
 * leave first, or the server, and a late reply is then nobody's. While only the handler holds it,
 * libmicrohttpd has the connection suspended.
 *
 * THREADS  one loop's thread
 */
#ifndef HATO_LIB_HTTP_PRIVATE_H
#define HATO_LIB_HTTP_PRIVATE_H

#include <microhttpd.h>

#include "lib/acceptor.h"
#include "lib/http_route.h"

/* A connection, as long as libmicrohttpd has its descriptor. */
struct http_socket {
	struct http_socket *next, **at;
	struct conn_peer peer;
	int fd;
	bool started; /* libmicrohttpd said so */
};

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
	size_t body_octets;           /* room taken by bodies */
	bool closing;
};

struct http_header {
	struct http_header *next;
	char *name, *value;
};

struct http_request {
	struct http_server *server;
	struct MHD_Connection *connection; /* null: the client or the server is gone */
	struct http_request *next, **at;   /* among those that are suspended */
	char *target, *path;
	char method[24];
	struct http_target parts;
	struct http_match match;
	char *body;
	size_t body_length, body_size, dropped;
	size_t body_max;
	const void *note;
	struct http_header *headers; /* of the reply to come */
	struct MHD_Response *response;
	unsigned status;
	bool begun;  /* the headers were seen */
	bool handed; /* the guard or the handler has it; it owes us an answer unless `answered` */
	bool suspended;
	bool answered;
	bool tls;
	const char *realm;
	struct conn_peer peer; /* a copy: the connection may go first */
};

/* libmicrohttpd's callbacks: the target is there; the headers, a piece of the body, all of it, or
 * it is not suspended any more; it is over. */
void *http_on_target(void *server, const char *target, struct MHD_Connection *connection);
enum MHD_Result http_on_request(void *server, struct MHD_Connection *connection, const char *url,
				const char *method, const char *version, const char *octets,
				size_t *n, void **context);
void http_on_completed(void *server, struct MHD_Connection *connection, void **context,
		       enum MHD_RequestTerminationCode why);

void http_server_kick(struct http_server *s); /* libmicrohttpd has something to do */
void http_request_wake(struct http_request *r);
void http_request_free(struct http_request *r);
/* The reply is there: lets libmicrohttpd have it. */
void http_server_answer(struct http_request *r);

#endif
