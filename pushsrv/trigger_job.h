/* trigger_job -- one mailbox on its way to a datagram: the steps of triggers.h, and the pool's
 * insides that they use
 *
 * Between triggers.c (pool, timers, who is looked at) and trigger_job.c (the steps) only. A read
 * may complete before its call returns, so a step's call to the store is the last thing it does.
 */
#ifndef HATO_PUSHSRV_TRIGGER_JOB_H
#define HATO_PUSHSRV_TRIGGER_JOB_H

#include "pushsrv/recent.h"
#include "pushsrv/triggers.h"

#define TARGETS_MAX                                                                                \
	8 /* bindings that one trigger goes to: an address family or two in each realm */

/* One mailbox at work. */
struct job {
	struct triggers *all;
	int64_t subscriber; /* 0: a free slot */
	enum schedule_cause cause;
	bool is_again; /* looked at meanwhile, because: */
	enum schedule_cause again_cause;
	bool is_scanned; /* found by its time: if it must wait, its time must be moved */
	void (*stuck)(struct job *j); /* the step that the store refused; null: none */

	struct outbox_row row;
	char mailbox[ADDRESS_MAX];
	struct target {
		struct key key;
		uint32_t generation;
	} targets[TARGETS_MAX];
	size_t target_count, at;
	bool is_behind, is_frozen, is_full, is_refused; /* why a target got nothing */
	struct trigger_sent sent[TARGETS_MAX];
	size_t sent_count, recorded;
	int64_t postpone_us;
};

struct triggers {
	struct triggers_options with;
	struct schedule schedule;
	struct recent *recent;
	struct loop_timer *window_timer, *stuck_timer;
	uint32_t application_id;
	bool is_signed, is_stopping;
	uint8_t tid;
	size_t busy;
	int64_t refusal_told_us;
	struct job jobs[TRIGGERS_AT_ONCE];
};

/* From the row on, read anew. */
void job_begin(struct job *j);
/* The row is there. */
void job_consider(struct job *j);

/* triggers.c: the job is over, or begins anew if it was looked at meanwhile. */
void job_finish(struct job *j);
/* triggers.c: the store refused: the same step again in a while. */
void job_stuck(struct job *j, void (*step)(struct job *j));

/* triggers.c: mail waits for the end of a window: be there then. */
void triggers_set_window(struct triggers *t);

#endif
