/* http_client -- one HTTP request to a daemon of ours, on a loop
 *
 * For the administrator's commands (network API, TCP) and for the console (the daemons' admin
 * sockets, unix). HTTP/1.1 with Connection: close; the answer ends with its Content-Length or with
 * the connection. Not a general client: it talks to lib/http. OWNERSHIP the request struct is
 * borrowed for the call; the answer for the callback. `done` comes exactly once, never before
 *           http_fetch returns 0. LIMITS answers of 64 MiB, `timeout_s` for all of it.
 */
#ifndef HATO_HATO_HTTP_CLIENT_H
#define HATO_HATO_HTTP_CLIENT_H

#include "lib/addr.h"
#include "lib/loop.h"

struct http_fetch {
	const char *unix_path; /* or: */
	struct addr addr;
	uint16_t port;
	const char *method, *target;
	const char *bearer; /* null: none */
	const char *body;   /* JSON text, or null */
	int64_t timeout_s;
};

/* err: E_CLOSED no connection or cut off, E_SYNTAX no HTTP, E_TOO_LARGE. status and body only with
 * err 0. */
typedef void http_fetched(void *arg, int err, unsigned status, const char *body, size_t length);
int http_fetch(struct loop *loop, const struct http_fetch *request, http_fetched *done, void *arg);

/* Waits for it: for a command that does one thing after the other. The caller frees *body. */
int http_fetch_wait(const struct http_fetch *request, unsigned *status, char **body);

#endif
