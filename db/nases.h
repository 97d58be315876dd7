/* nases -- the rows of the NASes, each read once a group
 *
 * Nearly every event of a group names a NAS that another one of it named. A NAS's id and name never
 * change and its row never goes, so who reads sessions asks here for the name instead of joining.
 * What else the row says is kept as long as the writer's transaction lasts: whoever writes to the
 * table by another way than nas_row_put() calls nas_rows_forget(). THREADS, ERRORS as engine.h.
 */
#ifndef HATO_DB_NASES_H
#define HATO_DB_NASES_H

#include "db/engine.h"

/* E_NOT_FOUND: never heard of. */
int nas_row_get(struct engine *e, const char *realm, const char *nas_id, struct nas_row *out);
int nas_row_put(struct engine *e, const struct nas_row *nas);
int nas_row_id(struct engine *e, const char *realm, const char *nas_id, int64_t *id);
int nas_row_name(struct engine *e, int64_t id, char nas_id[NAS_ID_MAX]);

void nas_rows_forget(struct engine *e);

#endif
