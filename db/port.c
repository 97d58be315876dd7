/* A port: a loop's end of the store. Its read connections, and the completions that wait for its
 * loop. */
#include <assert.h>
#include <stdlib.h>

#include "db/db_private.h"
#include "db/feed.h"
#include "db/queue_flight.h"
#include "lib/err.h"

/* ---- completions ---- */

/* Runs and frees all that is done now. */
static void drain(struct db_port *port)
{
	pthread_mutex_lock(&port->lock);
	struct write *w = port->done_first;
	port->done_first = port->done_last = NULL;
	pthread_mutex_unlock(&port->lock);

	while (w) {
		struct write *next = w->next;
		w->done(w);
		free(w);
		w = next;
	}
}

static void run_task(struct loop_task *task)
{
	struct db_port *port = (struct db_port *)((char *)task - offsetof(struct db_port, task));

	pthread_mutex_lock(&port->lock);
	port->posted = false;
	pthread_mutex_unlock(&port->lock);
	drain(port);
}

static void append_done(struct db_port *port, struct write *first, struct write *last, size_t count)
{
	last->next = NULL;
	pthread_mutex_lock(&port->lock);
	if (port->done_last)
		port->done_last->next = first;
	else
		port->done_first = first;
	port->done_last = last;
	port->in_flight -= count;
	bool post = !port->posted && !port->closed;
	if (post)
		port->posted = true;
	/* Posted under the lock: a port that closes finds the task either posted or never to be. */
	if (post)
		loop_post(port->loop, &port->task);
	pthread_cond_signal(&port->drained);
	pthread_mutex_unlock(&port->lock);
}

void port_fail(struct db_port *port, struct write *w, int err)
{
	w->err = err;
	append_done(port, w, w, 1);
}

void port_stage(struct db_port *port, enum db_file file, struct write *w, struct db_port **touched)
{
	w->next = NULL;
	if (port->staged_last[file]) {
		port->staged_last[file]->next = w;
	} else {
		port->staged_first[file] = w;
		port->staged_next[file] = *touched;
		*touched = port;
	}
	port->staged_last[file] = w;
}

void port_flush(struct db_port *port, enum db_file file)
{
	struct write *first = port->staged_first[file], *last = port->staged_last[file];
	size_t count = 0;

	for (struct write *w = first; w; w = w->next)
		count++;
	port->staged_first[file] = port->staged_last[file] = NULL;
	append_done(port, first, last, count);
}

/* ---- readers ---- */

struct engine *port_reader(struct db_port *port, enum db_file file, int *err)
{
	*err = 0;
	if (!port->readers[file])
		*err = engine_open(port->db->dir, file, ENGINE_READER, &port->readers[file]);
	return port->readers[file];
}

/* ---- opening and closing ---- */

int db_port_open(struct db *db, struct loop *loop, struct db_port **out)
{
	struct db_port *port = calloc(1, sizeof *port);

	if (!port)
		return E_NOMEM;
	port->db = db;
	port->loop = loop;
	port->task.run = run_task;
	pthread_mutex_init(&port->lock, NULL);
	pthread_cond_init(&port->drained, NULL);
	pthread_mutex_lock(&db->lock);
	port->next = db->ports;
	db->ports = port;
	pthread_mutex_unlock(&db->lock);
	*out = port;
	return 0;
}

/* What is in flight completes here, with its true outcome; what its callbacks submit now, with
 * E_CLOSED. The struct stays until db_close: a task of it may be on the loop still. */
void db_port_close(struct db_port *port)
{
	if (!port)
		return;
	resync_abandon(port);
	pthread_mutex_lock(&port->lock);
	assert(!port->closed);
	port->closed = true;
	port->watching = 0;
	for (;;) {
		if (port->done_first) {
			pthread_mutex_unlock(&port->lock);
			drain(port);
			pthread_mutex_lock(&port->lock);
		} else if (port->in_flight) {
			pthread_cond_wait(&port->drained, &port->lock);
		} else {
			break;
		}
	}
	pthread_mutex_unlock(&port->lock);
	for (int i = 0; i < DB_FILES; i++) {
		engine_close(port->readers[i]);
		port->readers[i] = NULL;
	}
	free(port->piece);
	port->piece = NULL;
	queue_flight_free(port->flight);
	port->flight = NULL;
}
