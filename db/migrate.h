/* migrate -- makes a database file, or brings it to our schema
 *
 * Each file counts its migrations in PRAGMA user_version and says whose it is by PRAGMA
 * application_id. A migration is a transaction. The write ticket is held, so that daemons which
 * start together do it once. ERRORS  E_RANGE: made by a newer program, or no file of ours. E_IO.
 */
#ifndef HATO_DB_MIGRATE_H
#define HATO_DB_MIGRATE_H

#include "db/engine.h"

int migrate(const char *dir, enum db_file file, struct engine *e);

#endif
