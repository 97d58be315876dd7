#include "authsrv/feed_line.h"

#include <string.h>

#include "lib/err.h"

static void line_move(struct feed_line *line);

static size_t piece_of(const struct feed *f)
{
	size_t left = f->count - f->done;

	return left < FEED_PIECE ? left : FEED_PIECE;
}

static void leave(struct feed *f, int err)
{
	f->line->waiting -= f->count - f->done;
	f->complete(f, err);
}

static void append(struct feed_line *line, struct feed *f)
{
	f->next = NULL;
	if (line->last)
		line->last->next = f;
	else
		line->first = f;
	line->last = f;
}

static void on_applied(void *arg, int err, const struct lease_outcome *out, size_t n)
{
	struct feed *f = arg;
	struct feed_line *line = f->line;

	line->in_store -= piece_of(f);
	if (!err) {
		memcpy(f->outcomes + f->done, out, n * sizeof *out);
		f->done += n;
		line->waiting -= n;
	}
	if (!err && f->done < f->count && line->stopped)
		err = E_CLOSED;
	if (err || f->done == f->count)
		leave(f, err);
	else
		append(line, f);
	line_move(line);
}

/* A piece may complete before binding_apply returns: then this loop, not another one inside it,
 * goes on. */
static void line_move(struct feed_line *line)
{
	if (line->moving)
		return;
	line->moving = true;
	while (line->first &&
	       (!line->in_store || line->in_store + piece_of(line->first) <= FEED_IN_STORE)) {
		struct feed *f = line->first;
		size_t n = piece_of(f);

		line->first = f->next;
		if (!line->first)
			line->last = NULL;
		line->in_store += n;
		binding_apply(line->port, f->events + f->done, n, on_applied, f);
	}
	line->moving = false;
}

void feed_line_join(struct feed_line *line, struct feed *f)
{
	f->line = line;
	f->done = 0;
	line->waiting += f->count;
	if (!f->count) {
		leave(f, 0);
	} else if (line->stopped) {
		leave(f, E_CLOSED);
	} else if (line->waiting > FEED_WAITING_MAX) {
		leave(f, E_BUSY);
	} else {
		append(line, f);
		line_move(line);
	}
}

void feed_line_stop(struct feed_line *line)
{
	struct feed *f = line->first;

	line->stopped = true;
	line->first = line->last = NULL;
	while (f) {
		struct feed *next = f->next;
		leave(f, E_CLOSED);
		f = next;
	}
}
