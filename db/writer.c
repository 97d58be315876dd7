/* Each file has a writer: a thread, a queue, a connection. It takes what came while the last commit
 * ran, as far as the group's bounds allow, runs it in one transaction under the write ticket, and
 * completes it after COMMIT returned.
 *
 * Operations do not get a savepoint each: it would cost a copy of every page they touch. When one
 * fails after it had written, the group is undone and run again with savepoints (GROUP_CAREFUL);
 * when the engine itself fails for lack of space, each alone, so that what frees space gets
 * through. */
#include <assert.h>
#include <stdlib.h>

#include "db/db_private.h"
#include "db/feed.h"
#include "db/prompt.h"
#include "db/ticket.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"

/* No operation begins later than this in its group. Mail's groups see the bindings as of their
 * start, so they are short; those of the bindings may be longer, since each page that two events
 * share is written once. */
static const int64_t group_time_us[DB_FILES] = {
	[DB_BINDINGS] = 30000, [DB_MAIL] = 15000, [DB_SMSC] = 15000, [DB_QUEUE] = 15000};

enum group_mode { GROUP_PLAIN, GROUP_CAREFUL };
enum group_end { GROUP_COMMITTED, GROUP_AGAIN_CAREFULLY, GROUP_AGAIN_SINGLY, GROUP_FAILED };

/* The writer's thread's own things. */
struct desk {
	struct writer *writer;
	struct engine *engine; /* null until the first group, and after it could not be opened */
	struct ticket ticket;
};

/* A run of operations, linked by next; `end` is the first one not in it. */
struct group {
	struct write *first, *end;
	size_t count;
};

/* ---- one group ---- */

static int open_desk(struct desk *desk)
{
	struct db *db = desk->writer->db;
	int err;

	if (desk->engine)
		return 0;
	if (desk->ticket.fd < 0) {
		err = ticket_open(db->dir, desk->writer->file, &desk->ticket);
		if (err)
			return err;
	}
	return engine_open(db->dir, desk->writer->file, ENGINE_WRITER, &desk->engine);
}

static int run_one(struct write *w, struct engine *e, enum group_mode mode)
{
	size_t prompts = e->prompt_count;
	int err = 0;

	w->err = 0;
	if (mode == GROUP_CAREFUL)
		err = engine_savepoint(e);
	if (!err)
		err = w->run(w, e);
	if (err)
		w->err = err;
	if (mode == GROUP_CAREFUL) {
		if (err) {
			engine_undo(e);
			e->prompt_count = prompts;
		} else {
			err = engine_release(e);
		}
	}
	return err;
}

static enum group_end failure(const struct engine *e, const struct group *group)
{
	return e->full && group->count > 1 ? GROUP_AGAIN_SINGLY : GROUP_FAILED;
}

/* Runs operations from group->first on, until a bound is met; sets group->end. */
static enum group_end run_group(struct desk *desk, struct group *group, enum group_mode mode)
{
	const struct db_options *o = &desk->writer->db->options;
	struct engine *e = desk->engine;
	int64_t begun_us = clock_mono_us();
	size_t bytes = 0;
	struct write *w = group->first;

	group->count = 0;
	for (; w && w != group->end; w = w->next) {
		if (group->count &&
		    (group->count >= o->group_max || bytes + w->bytes > o->group_bytes ||
		     clock_mono_us() - begun_us > group_time_us[e->file]))
			break;
		int64_t before = engine_changes(e);
		int err = run_one(w, e, mode);
		group->count++;
		bytes += w->bytes;
		if (!engine_in_transaction(e)) {
			group->end = w->next;
			return failure(e, group);
		}
		if (err && mode == GROUP_PLAIN && engine_changes(e) != before) {
			group->end = w->next;
			return GROUP_AGAIN_CAREFULLY;
		}
	}
	group->end = w;
	return GROUP_COMMITTED;
}

static enum group_end commit_group(struct desk *desk, struct group *group, enum group_mode mode)
{
	struct engine *e = desk->engine;
	enum group_end end;

	if (engine_begin(e))
		return GROUP_FAILED;
	e->careful = mode == GROUP_CAREFUL;
	end = run_group(desk, group, mode);
	if (end == GROUP_COMMITTED && engine_commit(e))
		end = failure(e, group);
	if (end == GROUP_COMMITTED)
		prompt_committed(desk->writer->db, e);
	else
		engine_rollback(e);
	return end;
}

static void fail_group(struct group *group, int err)
{
	group->count = 0;
	for (struct write *w = group->first; w != group->end; w = w->next, group->count++)
		w->err = err;
}

/* Nothing of the group is promised unless its commit is on disk. */
static void settle_group(struct desk *desk, struct group *group)
{
	enum group_end end = commit_group(desk, group, GROUP_PLAIN);

	if (end == GROUP_AGAIN_CAREFULLY)
		end = commit_group(desk, group, GROUP_CAREFUL);
	if (end == GROUP_COMMITTED)
		return;
	if (end != GROUP_AGAIN_SINGLY) {
		fail_group(group, E_IO);
		return;
	}
	for (struct write *w = group->first; w != group->end; w = w->next) {
		struct group single = {.first = w, .end = w->next};
		if (commit_group(desk, &single, GROUP_CAREFUL) != GROUP_COMMITTED)
			w->err = E_IO;
	}
}

/* ---- completion ---- */

static void count_group(struct writer *writer, const struct engine *e, size_t count,
			int64_t took_us)
{
	writer->commits++;
	writer->operations += count;
	writer->waiting -= count;
	writer->last_group_us = took_us;
	if (took_us > writer->worst_group_us)
		writer->worst_group_us = took_us;
	if (e)
		writer->wal_bytes = e->wal_bytes;
}

static void complete(struct writer *writer, struct write *first, const struct write *end)
{
	struct db_port *touched = NULL;

	for (struct write *w = first; w != end;) {
		struct write *next = w->next;
		port_stage(w->port, writer->file, w, &touched);
		w = next;
	}
	while (touched) {
		struct db_port *next = touched->staged_next[writer->file];
		port_flush(touched, writer->file);
		touched = next;
	}
}

/* One group from the head of `first`; returns what is left. Our own hear of it before the ticket is
 * released: another process's writer that waits for it would have the processor at once, for the
 * whole of its group. Those who wait for a reply first: a mail's datagram has left already. */
static struct write *work(struct desk *desk, struct write *first)
{
	struct writer *writer = desk->writer;
	struct group group = {.first = first};
	int64_t begun_us = clock_mono_us();
	bool changed = false;
	int err = open_desk(desk);

	if (!err)
		err = ticket_take(&desk->ticket);
	if (err) {
		log_event(LOG_ERROR, "store-not-writable",
			  LOG_TEXT("file", db_file_name(writer->file)),
			  LOG_TEXT("error", err_text(err)), LOG_END);
		fail_group(&group, E_IO);
	} else {
		desk->engine->changed = false;
		settle_group(desk, &group);
		changed = desk->engine->changed;
	}
	count_group(writer, desk->engine, group.count, clock_mono_us() - begun_us);
	complete(writer, first, group.end);
	if (changed)
		feed_committed(writer->db->feed, writer->file);
	if (!err)
		ticket_release(&desk->ticket);
	if (changed)
		feed_tell(writer->db->feed, writer->file);
	if (!err)
		checkpoint_after_commit(writer->db->checkpointer, writer->file,
					desk->engine->wal_bytes);
	return group.end;
}

/* ---- the thread and its queue ---- */

/* Is it time to begin? */
static bool is_due(const struct writer *writer)
{
	return writer->stopping || writer->hurried ||
	       (writer->first && clock_mono_us() >= writer->due_us);
}

static void wait_until_due(struct writer *writer)
{
	struct timespec until = {.tv_sec = (time_t)(writer->due_us / CLOCK_S),
				 .tv_nsec = (long)(writer->due_us % CLOCK_S) * 1000};

	if (writer->first)
		pthread_cond_timedwait(&writer->wake, &writer->lock, &until);
	else
		pthread_cond_wait(&writer->wake, &writer->lock);
}

/* All that waits; null: it is time to stop, and nothing waits. */
static struct write *take_all(struct writer *writer)
{
	pthread_mutex_lock(&writer->lock);
	while (!is_due(writer))
		wait_until_due(writer);
	struct write *first = writer->first;
	writer->first = writer->last = NULL;
	writer->hurried = false;
	pthread_mutex_unlock(&writer->lock);
	return first;
}

static void *writer_main(void *arg)
{
	struct writer *writer = arg;
	struct desk desk = {.writer = writer, .ticket = {.fd = -1}};
	struct write *first;

	while ((first = take_all(writer))) {
		while (first)
			first = work(&desk, first);
	}
	engine_close(desk.engine);
	ticket_close(&desk.ticket);
	return NULL;
}

int writer_init(struct writer *writer, struct db *db, enum db_file file)
{
	writer->db = db;
	writer->file = file;
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&writer->lock, NULL);
	pthread_cond_init(&writer->wake, &attr);
	pthread_condattr_destroy(&attr);
	return 0;
}

void writer_fini(struct writer *writer)
{
	pthread_mutex_lock(&writer->lock);
	writer->stopping = true;
	bool started = writer->started;
	pthread_cond_signal(&writer->wake);
	pthread_mutex_unlock(&writer->lock);
	if (started)
		pthread_join(writer->thread, NULL);
	pthread_mutex_destroy(&writer->lock);
	pthread_cond_destroy(&writer->wake);
}

void *write_new(size_t size, size_t bytes, int (*run)(struct write *, struct engine *),
		void (*done)(struct write *))
{
	struct write *w = calloc(1, size);

	if (!w)
		return NULL;
	w->bytes = bytes + size;
	w->run = run;
	w->done = done;
	return w;
}

/* The thread starts with the first write: a process that only reads a file has no writer of it. */
static int enqueue(struct writer *writer, struct write *w, bool is_lazy)
{
	int err = 0;

	pthread_mutex_lock(&writer->lock);
	if (!writer->started) {
		writer->started = pthread_create(&writer->thread, NULL, writer_main, writer) == 0;
		err = writer->started ? 0 : E_IO;
	}
	if (!err && writer->waiting >= writer->db->options.queue_max)
		err = E_BUSY;
	if (!err) {
		bool was_hurried = writer->hurried, was_empty = !writer->first;
		w->next = NULL;
		if (was_empty)
			writer->first = w;
		else
			writer->last->next = w;
		writer->last = w;
		writer->waiting++;
		if (was_empty)
			writer->due_us = clock_mono_us() + WRITE_LAZY_US;
		if (!is_lazy || writer->waiting >= writer->db->options.group_max)
			writer->hurried = true;
		if (was_empty || was_hurried != writer->hurried)
			pthread_cond_signal(&writer->wake);
	}
	pthread_mutex_unlock(&writer->lock);
	return err;
}

static void submit(struct db_port *port, enum db_file file, struct write *w, bool is_lazy)
{
	w->port = port;
	pthread_mutex_lock(&port->lock);
	bool closed = port->closed;
	port->in_flight++;
	pthread_mutex_unlock(&port->lock);
	int err = closed ? E_CLOSED : enqueue(&port->db->writers[file], w, is_lazy);
	if (err)
		port_fail(port, w, err);
}

void write_submit(struct db_port *port, enum db_file file, void *write)
{
	submit(port, file, write, false);
}

void write_submit_lazily(struct db_port *port, enum db_file file, void *write)
{
	submit(port, file, write, true);
}
