/* daemon -- what every program of Hato does the same: arguments, configuration, workers, signals,
 * readiness, admin HTTP
 *
 * One main thread (signals, admin HTTP) and N workers. The program gives a row of functions;
 * daemon_main does the rest: PROGRAM --config FILE [--set section.key=value]... [--check-config]
 * [--help] Exit status 0 clean stop, 1 it failed (port in use, database), 2 usage or configuration.
 * SIGTERM and SIGINT: stop accepting, let what is in flight complete, leave within 5 s. The soft
 * limit of open files is raised to the hard one. When HATO_READY_FD is set, a line "ready" is
 * written there once all workers serve. Admin HTTP (/metrics /healthz /readyz): on
 * run/<daemon>.admin (unix socket) always, and on <daemon>.admin_port if set.
 */
#ifndef HATO_LIB_DAEMON_H
#define HATO_LIB_DAEMON_H

#include "lib/conf.h"
#include "lib/loop.h"

struct daemon;

struct daemon_program {
	const char *name;    /* section in the configuration too */
	const char *summary; /* one line for --help */
	/* Main thread, before the workers: open what is shared (db, TLS, admission). *shared is
	 * handed to the rest. */
	int (*start)(struct daemon *d, void **shared);
	/* On each worker's thread, before its loop runs. index 0..count-1. */
	int (*worker_start)(struct daemon *d, void *shared, struct loop *loop, unsigned index,
			    void **worker);
	/* Worker's thread: stop accepting, close connections; call daemon_worker_idle(d, index)
	 * when nothing is in flight (or be cut after 4 s). */
	void (*worker_stop)(struct daemon *d, void *worker, unsigned index);
	/* Worker's thread, after its loop ended. */
	void (*worker_free)(void *worker);
	/* Main thread, after the workers. */
	void (*stop)(void *shared);
	int64_t (*workers)(const struct conf *c); /* the setting: 0 = one per core */
	int64_t (*admin_port)(const struct conf *c);
};

int daemon_main(const struct daemon_program *program, int argc, char **argv);

const struct conf *daemon_conf(const struct daemon *d);
/* For start functions that fail: one clear line for the person, exit status 1. */
void daemon_fail(struct daemon *d, const char *format, ...) __attribute__((format(printf, 2, 3)));
void daemon_worker_idle(struct daemon *d, unsigned index);

#endif
