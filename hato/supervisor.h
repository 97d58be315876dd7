/* supervisor -- starts the daemons, knows which are ready, starts again what dies, stops them all
 *
 * Each daemon is a child process: PROGRAM --config DIR/hato.conf --set ...; it writes "ready" to
 * HATO_READY_FD once it serves. A child that dies after it was ready is started again (at once,
 * then with a doubling pause up to 5 s) and the fact is logged; one that dies before the system was
 * ever ready is a failed start. A child does not outlive us (PR_SET_PDEATHSIG). THREADS the main
 * loop's
 */
#ifndef HATO_HATO_SUPERVISOR_H
#define HATO_HATO_SUPERVISOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "lib/conf.h"
#include "lib/loop.h"

struct supervisor;

struct supervisor_ops {
	void (*all_ready)(void *arg);           /* once, the first time */
	void (*stopped)(void *arg, int status); /* all children are gone; 0, or the status of the
						   one that failed to start */
};

struct daemon_view {
	const char *name;
	pid_t pid; /* 0: not running */
	bool ready;
	unsigned restarts;
};

/* programs: folder of the binaries. sets are borrowed for the supervisor's life. */
int supervisor_new(struct loop *loop, const struct conf *c, const char *programs,
		   const char *const *sets, size_t set_count, const struct supervisor_ops *ops,
		   void *arg, struct supervisor **out);
int supervisor_start(struct supervisor *s);                      /* E_NOT_FOUND: no program there */
void supervisor_stop(struct supervisor *s, int64_t patience_us); /* SIGTERM, then SIGKILL */
void supervisor_reap(struct supervisor *s);                      /* call it on SIGCHLD */
size_t supervisor_view(const struct supervisor *s, struct daemon_view *out, size_t max);
void supervisor_free(struct supervisor *s);

#endif
