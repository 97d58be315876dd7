/* agenda -- what is to be done when: a heap of fixed-size entries, soonest first
 *
 * An entry is a struct whose first member is its time (int64_t, monotonic microseconds). Entries
 * are copied in and out. OWNERSHIP agenda_free frees all. THREADS one
 */
#ifndef HATO_HANDSET_SIM_AGENDA_H
#define HATO_HANDSET_SIM_AGENDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agenda {
	uint8_t *entries;
	size_t entry_size, count, room;
};

void agenda_init(struct agenda *a, size_t entry_size);
void agenda_free(struct agenda *a);
/* E_NOMEM. */
int agenda_add(struct agenda *a, const void *entry);
/* The soonest, if it is due. */
bool agenda_take(struct agenda *a, int64_t now_us, void *entry);
/* INT64_MAX: nothing. */
int64_t agenda_next_us(const struct agenda *a);

#endif
