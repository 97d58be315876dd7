/* filter_json -- which mail a subscriber takes, as JSON
 *
 *     {"from": "anyone" | "carriers" | "listed",
 *      "forged": "off" | "low" | "middle" | "high" | "header",
 *      "urls": bool, "max_size": octets,                       true: taken
 *      "receipts": bool,                                       true: requests for them are passed
 *      "allow": ["taro@b.example", "b.example", "@b.example"], "allow_to": [...], "deny": [...]}
 *
 * All of them may be absent or null, which is the default: everything is taken. A member of another
 * name is refused: a setting that is misspelt would be one that is not kept.
 *
 * OWNERSHIP  the reader's filter is one block, the caller's to free(); the writer's result is the
 *            caller's. TRUST any JSON. THREADS any
 * SEE        lib/rules/filter.h
 */
#ifndef HATO_AUTHSRV_FILTER_JSON_H
#define HATO_AUTHSRV_FILTER_JSON_H

#include <jansson.h>

#include "lib/rules/filter.h"

#define FILTER_WRONG_MAX 480

/* Each list has at most so many entries. E_SYNTAX: what is wrong is in `wrong`; E_NOMEM. */
int filter_json_read(const json_t *body, size_t entries_max, struct filter **out,
		     char wrong[FILTER_WRONG_MAX]);
/* With "default": whether the subscriber never chose. */
json_t *filter_json_write(const struct filter *f, bool is_own);

#endif
