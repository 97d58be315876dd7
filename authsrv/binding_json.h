/* binding_json -- a binding and its history as operators read them
 *
 * No trigger key, no token ever appears. OWNERSHIP the results are the caller's. THREADS any. SEE
 * design.md 5
 */
#ifndef HATO_AUTHSRV_BINDING_JSON_H
#define HATO_AUTHSRV_BINDING_JSON_H

#include <jansson.h>

#include "db/db.h"

/* The state is that at now_us. */
json_t *binding_json_write(const struct binding_found *f, int64_t now_us);
json_t *history_json_write(const struct history_row *row);

#endif
