/* The write-ahead log is copied into the file by us, off the commit path: a checkpoint inside
 * COMMIT quadrupled its p99. A passive one, beside the writers, after each piece of the log; when
 * the log is long, a short one under the write ticket, so that the log begins
 * anew. Several processes may do so: who comes second finds little to do. */
#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>

#include "db/db_private.h"
#include "db/ticket.h"
#include "lib/err.h"

#define MB             (UINT64_C(1) << 20)
#define SHORT_BYTES    (1 * MB) /* as much as may be left for the one under the ticket */
#define PASSIVE_ROUNDS 3        /* before it is taken anyway; and at once when the log is long */
#define AGAIN_BYTES    (4 * MB) /* after which it is tried again where a reader was in its way */
#define READERS_MS     20 /* how long the short one waits for a read to end: reads last a call */

/* Bindings change again and again: the longer the log, the more of their pages are copied once for
 * many changes. Where a million of them change at random, a log of 32 MB made the disk write 50 KB
 * an event, this one 9. A mail's body is written once, but the pages around it again by the next
 * mails, and those of one that is fetched and deleted soon are not worth copying at all. */
static const struct {
	uint64_t checkpoint; /* a passive one after so much */
	uint64_t restart;    /* the log begins anew */
	uint64_t longest;    /* the writers are quicker than we are and have to wait */
} limits[DB_FILES] = {
	[DB_BINDINGS] = {128 * MB, 128 * MB, 192 * MB},
	[DB_MAIL] = {32 * MB, 32 * MB, 48 * MB},
	[DB_SMSC] = {4 * MB, 8 * MB, 12 * MB},
	[DB_QUEUE] = {4 * MB, 8 * MB, 12 * MB},
};

struct checkpointer {
	struct db *db;
	pthread_t thread;
	/* Protects frames, done, wanted, started, stopping. */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool started, stopping;
	bool wanted[DB_FILES];
	uint64_t seen[DB_FILES]; /* length of the log when it was last looked at */
	/* The thread's own. */
	struct engine *engines[DB_FILES];
	struct ticket tickets[DB_FILES];
};

static int checkpoint(struct engine *e, int mode, int *frames, int *copied)
{
	*frames = *copied = -1;
	return sqlite3_wal_checkpoint_v2(e->sql, "main", mode, frames, copied);
}

static uint64_t bytes_of(const struct engine *e, int frames)
{
	return frames > 0 ? (uint64_t)frames * e->frame_bytes : 0;
}

static int prepare(struct checkpointer *c, enum db_file file)
{
	int err = 0;

	if (c->tickets[file].fd < 0)
		err = ticket_open(c->db->dir, file, &c->tickets[file]);
	if (!err && !c->engines[file]) {
		err = engine_open(c->db->dir, file, ENGINE_KEEPER, &c->engines[file]);
		if (!err)
			sqlite3_busy_timeout(c->engines[file]->sql, READERS_MS);
	}
	return err;
}

/* What the log's length is compared with from now on. One that could not begin anew is not left for
 * as long again as it has become already. */
static uint64_t seen_of(enum db_file file, uint64_t bytes)
{
	return bytes >= limits[file].restart ? bytes + AGAIN_BYTES - limits[file].checkpoint
					     : bytes;
}

/* Most is copied before the ticket is taken; what is left is what came meanwhile. A reader in the
 * way makes it fail: the next commits come back. */
static void run(struct checkpointer *c, enum db_file file)
{
	int frames = 0, copied = 0;

	if (prepare(c, file))
		return;
	struct engine *e = c->engines[file];
	for (int i = 0; i < PASSIVE_ROUNDS; i++) {
		checkpoint(e, SQLITE_CHECKPOINT_PASSIVE, &frames, &copied);
		if (bytes_of(e, frames - copied) < SHORT_BYTES ||
		    bytes_of(e, frames) >= limits[file].longest)
			break;
	}
	if (bytes_of(e, frames) >= limits[file].restart && !ticket_take(&c->tickets[file])) {
		if (checkpoint(e, SQLITE_CHECKPOINT_RESTART, &frames, &copied) == SQLITE_OK)
			frames = 0;
		ticket_release(&c->tickets[file]);
	}
	pthread_mutex_lock(&c->lock);
	c->seen[file] = seen_of(file, bytes_of(e, frames));
	pthread_mutex_unlock(&c->lock);
}

static void *checkpointer_main(void *arg)
{
	struct checkpointer *c = arg;

	pthread_mutex_lock(&c->lock);
	while (!c->stopping) {
		int file = 0;
		while (file < DB_FILES && !c->wanted[file])
			file++;
		if (file == DB_FILES) {
			pthread_cond_wait(&c->wake, &c->lock);
			continue;
		}
		c->wanted[file] = false;
		pthread_mutex_unlock(&c->lock);
		run(c, (enum db_file)file);
		pthread_mutex_lock(&c->lock);
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

void checkpoint_after_commit(struct checkpointer *c, enum db_file file, uint64_t wal_bytes)
{
	pthread_mutex_lock(&c->lock);
	if (wal_bytes < c->seen[file]) /* the log began anew */
		c->seen[file] = 0;
	if (wal_bytes >= c->seen[file] + limits[file].checkpoint && !c->wanted[file]) {
		if (!c->started)
			c->started = pthread_create(&c->thread, NULL, checkpointer_main, c) == 0;
		c->wanted[file] = c->started;
		pthread_cond_signal(&c->wake);
	}
	pthread_mutex_unlock(&c->lock);
}

int checkpointer_open(struct db *db, struct checkpointer **out)
{
	struct checkpointer *c = calloc(1, sizeof *c);

	if (!c)
		return E_NOMEM;
	c->db = db;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->wake, NULL);
	for (int i = 0; i < DB_FILES; i++)
		c->tickets[i].fd = -1;
	*out = c;
	return 0;
}

void checkpointer_close(struct checkpointer *c)
{
	if (!c)
		return;
	pthread_mutex_lock(&c->lock);
	c->stopping = true;
	pthread_cond_signal(&c->wake);
	pthread_mutex_unlock(&c->lock);
	if (c->started)
		pthread_join(c->thread, NULL);
	for (int i = 0; i < DB_FILES; i++) {
		engine_close(c->engines[i]);
		ticket_close(&c->tickets[i]);
	}
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->wake);
	free(c);
}
