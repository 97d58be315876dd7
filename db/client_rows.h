/* client_rows -- what greylist and traps share: a client's network, and tables that stay bounded
 *
 * Private to db/. OWNERSHIP values. THREADS an engine's
 */
#ifndef HATO_DB_CLIENT_ROWS_H
#define HATO_DB_CLIENT_ROWS_H

#include "db/db_private.h"
#include "db/greylist.h"

/* Prefix lengths in the 16-octet form. */
#define CLIENT_PLEN_V4  128
#define CLIENT_PLEN_V6  64
#define TRIPLET_PLEN_V4 120

struct addr client_network(const struct addr *a, uint8_t plen_v4);
int client_totals(struct engine *e, struct greylist_stats *out);
/* What is over `most` of `count` rows goes, by this statement, which takes how many. */
int client_evict(struct engine *e, enum statement evict, uint64_t count, uint64_t most);

#endif
