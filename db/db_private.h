/* db_private -- what the rooms of db/ share: the store, its ports, and writes on their way
 *
 * A write is a struct that begins with struct write and carries copies of its arguments and room
 * for its results. write_submit queues it at its file's writer; run() works in the group's
 * transaction on the writer's thread; done() is called on the port's loop after the commit, and the
 * struct is freed after it. run() may be called again when its group had to be undone: it starts
 * from its arguments each time, and what it says of results counts only for the last time.
 */
#ifndef HATO_DB_PRIVATE_H
#define HATO_DB_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "db/engine.h"
#include "lib/seal.h"

#define MINUTE_US (60 * INT64_C(1000000))
#define HOUR_US   (60 * MINUTE_US)
#define DAY_US    (24 * HOUR_US)

#define CHANGE_KEEP_US   (10 * MINUTE_US) /* binding-rules 5 */
#define ENDED_KEEP_US    DAY_US           /* binding-rules 1: ended sessions */
#define IDLE_SESSION_US  (7 * DAY_US)     /* a superseded session that never ended */
#define SEND_LOG_KEEP_US DAY_US           /* binding-rules 6 */
#define SMS_KEEP_US      (8 * DAY_US)     /* an accepted one: longer than any validity */
#define ORPHAN_US        HOUR_US          /* a body that no mail_accept named */
#define SWEEP_BUDGET_US  5000             /* of one piece of sweeping inside a commit group */
#define WRITE_LAZY_US    20000            /* see write_submit_lazily */
#define ON_OFF_PIECE     1000 /* sessions that a NAS's On/Off ends in one commit group */

struct write {
	struct write *next;
	struct db_port *port;
	size_t bytes; /* what it adds to a group */
	/* What done() hears. run() may set it and return 0: then what it wrote stays. */
	int err;
	/* E_*: what it wrote is undone, err is set to it. */
	int (*run)(struct write *w, struct engine *e);
	void (*done)(struct write *w);
};

struct writer {
	struct db *db;
	enum db_file file;
	pthread_t thread;
	/* Protects first, last, started, stopping, hurried, due_us. Held for a few instructions,
	 * alone. */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct write *first, *last;
	bool started, stopping;
	bool hurried;           /* somebody waits for one of them */
	int64_t due_us;         /* when nobody does: the first of them has waited long enough */
	_Atomic size_t waiting; /* submitted, not yet completed */
	_Atomic uint64_t commits, operations;
	_Atomic uint64_t wal_bytes;
	_Atomic int64_t last_group_us, worst_group_us;
};

struct checkpointer;
struct feed;
struct trigger_out;
struct trigger_sight;

struct db {
	char *dir, *hint_dir, *daemon;
	bool has_secret;
	uint8_t secret[SECRET_KEY_BYTES];
	struct db_options options; /* its pointers are the fields above */
	struct writer writers[DB_FILES];
	struct checkpointer *checkpointer;
	struct feed *feed;
	/* Protects ports. */
	pthread_mutex_t lock;
	struct db_port *ports; /* also closed ones: a task of theirs may still be on a loop */
	/* Who sends what a mail's commit logged (prompt.h). The lock protects prompt and
	 * prompt_arg, and is held while it runs. */
	pthread_mutex_t prompt_lock;
	void (*prompt)(void *arg, struct trigger_sight *, const struct trigger_out *, size_t n);
	void *prompt_arg;
	_Atomic bool is_prompting;
	/* Where the sweep of old sessions stands. The writer's thread only. */
	int64_t session_cursor;
};

struct db_port {
	struct db_port *next;
	struct db *db;
	struct loop *loop;
	struct engine *readers[DB_FILES]; /* opened at the first read; the loop's thread */
	uint8_t *piece;                   /* BODY_PIECE_MAX octets for message_read; made at need */

	/* Completions. `lock` protects what follows; held for a few instructions, alone. */
	pthread_mutex_t lock;
	pthread_cond_t drained;
	struct loop_task task; /* on the loop while `posted` */
	bool posted, closed;
	struct write *done_first, *done_last;
	size_t in_flight; /* submitted, not yet in the done list */

	/* A writer's own: completions of the group that just ended, per file. */
	struct write *staged_first[DB_FILES], *staged_last[DB_FILES];
	struct db_port *staged_next[DB_FILES];

	/* Watching the feed: the loop's thread. */
	struct {
		change_fn *fn;
		void *arg;
		int64_t seq;
	} watches[DB_FILES];
	struct loop_task watch_task; /* on the loop while watch_due is not 0 */
	_Atomic unsigned watch_due;  /* files to read on in, a bit each; set under `lock` */
	unsigned watching;           /* files likewise; under `lock` */

	struct resync_job *resyncs;  /* that still look; the loop's thread */
	struct queue_flight *flight; /* what was taken from the queue; made at need; likewise */
};

/* writer.c */
int writer_init(struct writer *writer, struct db *db, enum db_file file);
void writer_fini(struct writer *writer); /* completes what waits */
/* A zeroed struct of `size` octets whose head is a struct write; null: no memory. */
void *write_new(size_t size, size_t bytes, int (*run)(struct write *, struct engine *),
		void (*done)(struct write *));
void write_submit(struct db_port *port, enum db_file file, void *write);
/* For what nobody waits for: it stays in its place in the queue, but may lie there for
 * WRITE_LAZY_US until others came, since a group costs the writer, the disk and every reader's
 * pages. */
void write_submit_lazily(struct db_port *port, enum db_file file, void *write);

/* port.c */
/* The port's connection; null (and *err) if it cannot be opened. */
struct engine *port_reader(struct db_port *port, enum db_file file, int *err);
void port_fail(struct db_port *port, struct write *w, int err); /* completes without running */
void port_stage(struct db_port *port, enum db_file file, struct write *w, struct db_port **touched);
void port_flush(struct db_port *port, enum db_file file);

/* resync.c */
void resync_abandon(struct db_port *port); /* those that still look hear E_CLOSED */

/* checkpoint.c */
int checkpointer_open(struct db *db, struct checkpointer **out);
void checkpointer_close(struct checkpointer *c);
void checkpoint_after_commit(struct checkpointer *c, enum db_file file, uint64_t wal_bytes);

#endif
