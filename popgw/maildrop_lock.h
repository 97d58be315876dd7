/* maildrop_lock -- one session a maildrop (RFC 1939 4: "exclusive-access lock"), over all workers
 * of popgw
 *
 * popgw is one process on one machine, so the lock lives in its memory and costs no commit. A lock
 * knows through which binding it was opened: (subscriber, key, generation). A login that finds the
 * maildrop locked asks the store whether that still is a committed binding of the subscriber. If
 * not, the phone has moved and the holder is a ghost: the login takes the lock over and the ghost
 * is told, on its own loop, to end without deleting. So a phone that changed its address is never
 * `[IN-USE]` to itself.
 *
 * LIFE       none --take--> held --release--> none
 *                           held --taken over by another--> lost --release (after `lost` ran)-->
 * none OWNERSHIP  a lock is embedded in its session. A lost one has its task queued on the
 * session's loop: the session lives on until `lost.run` was called (maildrop_lock_release says so).
 * THREADS    any; one mutex over the table, held for a few instructions. It is the one lock that
 * the workers share. SEE        binding-rules 5
 */
#ifndef HATO_POPGW_MAILDROP_LOCK_H
#define HATO_POPGW_MAILDROP_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/key.h"
#include "lib/loop.h"

struct maildrop_locks;

struct maildrop_lock {
	/* Filled by the session before take. */
	int64_t subscriber;
	struct key key;
	uint32_t generation;
	uint64_t conn;         /* for logs */
	struct loop *loop;     /* where `lost` runs */
	struct loop_task lost; /* run: another session has the maildrop now */
	/* The table's own. */
	enum { MAILDROP_NONE, MAILDROP_HELD, MAILDROP_LOST } state;
	uint64_t ticket; /* of this taking; never used twice */
	struct maildrop_lock *next;
};

/* Who was in the way: a copy, since the holder may be gone by now. */
struct maildrop_holder {
	struct key key;
	uint32_t generation;
	uint64_t conn;
	uint64_t ticket;
};

struct maildrop_locks *maildrop_locks_new(void); /* null: no memory */
void maildrop_locks_free(struct maildrop_locks *locks);
size_t maildrop_locks_held(struct maildrop_locks *locks);

/* 0, or E_BUSY with *holder filled. */
int maildrop_lock_take(struct maildrop_locks *locks, struct maildrop_lock *lock,
		       struct maildrop_holder *holder);

/* From the holder that `take` named, if it is still the one; a maildrop that became free is taken
 * as well. *evicted tells whether somebody was told. E_BUSY: another one holds it by now. */
int maildrop_lock_take_over(struct maildrop_locks *locks, struct maildrop_lock *lock,
			    uint64_t ticket, bool *evicted);

/* Gives it back; a lock that was never taken or was given back already is left alone. False: it was
 * lost, and `lost` has run or will run. */
bool maildrop_lock_release(struct maildrop_locks *locks, struct maildrop_lock *lock);

#endif
