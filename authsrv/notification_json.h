/* notification_json -- how a subscriber is told of his mail, as JSON
 *
 *     {"mode": "push" | "text" | "off",
 *      "replace": bool, "sender": bool,                    of a text
 *      "quiet": {"from": "22:00", "to": "07:00", "zone": "Asia/Tokyo", "udp": "wait" | "go"},
 *      "udp_per_hour": n, "sms_per_hour": n}               0: no limit
 *
 * Only `mode` must be there; what is absent or null is the default. A member of another name is
 * refused: a setting that is misspelt would be one that is not kept.
 *
 * OWNERSHIP values; the writer's result is the caller's. TRUST any JSON. THREADS any
 * SEE       lib/rules/notify.h, lib/zone_file.h (what a zone is called)
 */
#ifndef HATO_AUTHSRV_NOTIFICATION_JSON_H
#define HATO_AUTHSRV_NOTIFICATION_JSON_H

#include <jansson.h>

#include "lib/rules/notify.h"

/* Null and *out filled, or what is wrong (static). */
const char *notification_json_read(const json_t *body, struct notification *out);
/* With "default": whether the subscriber never chose. */
json_t *notification_json_write(const struct notification *n, bool is_own);

#endif
