/* freeze_json -- a freeze as JSON: what an operator asks for, and what is in force
 *
 * TRUST any JSON THREADS any
 */
#ifndef HATO_AUTHSRV_FREEZE_JSON_H
#define HATO_AUTHSRV_FREEZE_JSON_H

#include <jansson.h>

#include "db/containment.h"

/* {"msisdn"|"imsi"|"nas_id"|"prefix", "realm", "reason", "mail": "defer"|"accept"}: exactly one of
 * the first four. f->realm is "" if it is not said. Null, or what is wrong with it. */
const char *freeze_json_read(const json_t *body, struct freeze *f);

json_t *freeze_json_write(const struct freeze *f);

#endif
