/* http_client -- small questions by HTTP to one server, on the loop: POST, and what it answers
 *
 * For services beside us (rspamd). One connection a question, closed with its answer; the server is
 * an address, so nothing is looked up. What does not come in time, is too long or is no HTTP is no
 * answer (status 0).
 *
 * OWNERSHIP  http_client_close frees all; questions in flight are not answered then. A call is the
 *            caller's handle until its answer or http_call_cancel.
 * THREADS    one loop's
 * ERRORS     E_NOMEM; of a question: status 0
 * TRUST      answers: libevent reads them, within answer_max
 * SEE        RFC 9112
 */
#ifndef HATO_LIB_HTTP_CLIENT_H
#define HATO_LIB_HTTP_CLIENT_H

#include "lib/http_url.h"
#include "lib/loop.h"

struct http_client;
struct http_call;

int http_client_open(struct loop *loop, const struct http_url *url, int64_t timeout_us,
		     size_t answer_max, struct http_client **out);
void http_client_close(struct http_client *c);

struct http_field {
	const char *name, *value; /* no control characters: the question fails then */
};
/* status 0: no answer. `body` is borrowed for the call. */
typedef void http_answered(void *arg, int status, const char *body, size_t n);
/* Exactly one answer, unless it is cancelled. The body is copied. Null: it was answered already. */
struct http_call *http_call_post(struct http_client *c, const struct http_field *fields,
				 size_t field_count, const void *body, size_t n,
				 http_answered *answered, void *arg);
/* Null is nothing. */
void http_call_cancel(struct http_call *call);

#endif
