/* queue_flight -- which recipients a port has taken and not settled yet
 *
 * A set in memory, as large as what is on its way now: it keeps two jobs of one process from having
 * the same recipient. What it forgets is due again.
 *
 * OWNERSHIP  free accepts null. THREADS the port's loop
 */
#ifndef HATO_DB_QUEUE_FLIGHT_H
#define HATO_DB_QUEUE_FLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue_flight;
struct queue_flight *queue_flight_new(void);
void queue_flight_free(struct queue_flight *f);
int queue_flight_add(struct queue_flight *f, int64_t mail, uint32_t recipient); /* E_NOMEM */
bool queue_flight_has(const struct queue_flight *f, int64_t mail, uint32_t recipient);
void queue_flight_remove(struct queue_flight *f, int64_t mail, uint32_t recipient);
/* All of a mail. Looks at everything in the set. */
void queue_flight_remove_mail(struct queue_flight *f, int64_t mail);
size_t queue_flight_count(const struct queue_flight *f);

#endif
