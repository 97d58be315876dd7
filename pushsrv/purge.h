/* purge -- mail that nobody can read any more, and the daily broom
 *
 * A removed subscriber's mail is deleted: at start, and whenever authsrv removes somebody. Once a
 * second a bounded piece of what is old goes (mail_sweep): bodies that no mail names, send log,
 * tombstones.
 *
 * THREADS    one loop's.
 * OWNERSHIP  loop and port are borrowed; close the port before purge_free.
 */
#ifndef HATO_PUSHSRV_PURGE_H
#define HATO_PUSHSRV_PURGE_H

#include "db/db.h"

struct purge;

int purge_new(struct loop *loop, struct db_port *port, struct purge **out);
void purge_free(struct purge *p);
/* Nothing new is begun. */
void purge_stop(struct purge *p);

/* Somebody was removed, or we start. */
void purge_gone(struct purge *p);

#endif
