/* http_channel -- one HTTP/1.1 connection to the system, one call after the other
 *
 * From a phone's own address (handset API) or from the network's (network API); kept alive between
 * calls, made anew when it was closed. OWNERSHIP the channel is the caller's; the answer is
 * borrowed for the callback. `done` comes exactly once a call, never inside http_channel_call;
 * after http_channel_free it does not come any more. THREADS the loop's
 */
#ifndef HATO_HANDSET_SIM_HTTP_CHANNEL_H
#define HATO_HANDSET_SIM_HTTP_CHANNEL_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/addr.h"
#include "lib/loop.h"
#include "lib/tls.h"

struct http_channel;

struct http_target {
	struct addr to;
	uint16_t port;
	struct tls_client *tls; /* null: plain */
	bool from_given;
	struct addr from;
};

/* status 0: no answer (connection refused or cut); answer null if there is none. */
typedef void http_answered(void *arg, unsigned status, const json_t *answer);

int http_channel_new(struct loop *loop, const struct http_target *target,
		     struct http_channel **out);
void http_channel_free(struct http_channel *ch);
/* Of the answer that `done` was called with last, or is just being called with; 0: none. */
unsigned http_channel_retry_after_s(const struct http_channel *ch);
/* How long a call may take; 30 s unless said. */
void http_channel_set_limit(struct http_channel *ch, int64_t limit_s);
bool http_channel_is_busy(const struct http_channel *ch);
/* One call at a time. bearer and body may be null. */
void http_channel_call(struct http_channel *ch, const char *method, const char *path,
		       const char *bearer, const json_t *body, http_answered *done, void *arg);
/* POST of a body that is JSON text already, copied. */
void http_channel_post(struct http_channel *ch, const char *path, const char *bearer,
		       const char *text, http_answered *done, void *arg);

#endif
