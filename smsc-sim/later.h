/* later -- things to do at a time: what faults hold back
 *
 * A binary heap of tasks that lie in their owners' structs; tasks of the same time run in the order
 * in which they were put in.
 *
 * OWNERSHIP  a task is its owner's, who takes it out before freeing it. later_fini frees the heap
 *            alone. THREADS one. ERRORS E_NOMEM
 */
#ifndef HATO_SMSC_SIM_LATER_H
#define HATO_SMSC_SIM_LATER_H

#include <stddef.h>
#include <stdint.h>

struct later_task {
	int64_t at_us;
	uint64_t order;
	size_t place; /* 0: not in */
	void (*run)(struct later_task *task);
};

struct later {
	struct later_task **heap; /* [1..count] */
	size_t count, size;
	uint64_t order;
};

int later_init(struct later *l);
void later_fini(struct later *l);
int later_put(struct later *l, struct later_task *task, int64_t at_us);
void later_take(struct later *l, struct later_task *task);
int64_t later_next_us(const struct later *l); /* INT64_MAX: none */
/* The first one whose time has come, taken out; null: none. */
struct later_task *later_due(struct later *l, int64_t now_us);

#endif
