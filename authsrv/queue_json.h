/* queue_json -- what waits to go out, and what is suppressed, as JSON
 *
 * A mail: {"id", "sender" (MSISDN; null: ours), "from" (reverse-path), "to" (the first recipient),
 * "recipients" (that are left), "lane", "size", "received", "held", "next" (null: held),
 * "attempts", "last"}; with its recipients "waiting": [{"id", "to", "lane", "next", "attempts",
 * "warned", "tried", "last"}]. "last": {"code", "enhanced", "text", "remote"} of the last attempt,
 * null before it. Nothing of what the mail says.
 *
 * OWNERSHIP  the results are the caller's. THREADS any
 * TRUST      texts may be what a stranger's server said: what is not UTF-8 becomes '?'
 * SEE        db/queue.h; docs/queue.md
 */
#ifndef HATO_AUTHSRV_QUEUE_JSON_H
#define HATO_AUTHSRV_QUEUE_JSON_H

#include <jansson.h>

#include "db/queue.h"

json_t *queue_mail_json_write(const struct queue_mail *m);
json_t *queue_waiting_json_write(const struct queue_waiting *list, size_t n);
json_t *suppression_json_write(const struct suppression *list, size_t n);

/* "NEXT.MAIL" or "MAIL": where a page ends. False: it is none. */
#define QUEUE_PLACE_MAX 44
const char *queue_place_write(const struct queue_place *place, char text[QUEUE_PLACE_MAX]);
bool queue_place_read(const char *text, struct queue_place *place);

#endif
