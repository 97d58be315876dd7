/* Bodies: stored once, counted, in chunks of at most BODY_PIECE_MAX; in mail.db, and in queue.db.
 */
#include <stdlib.h>
#include <string.h>

#include "db/mail.h"
#include "lib/clock.h"
#include "lib/err.h"

#define DROP_NOW_PIECES 1 /* a body of so many chunks is deleted in the commit that drops it */

static int put_chunk(struct engine *e, int64_t body, uint32_t piece, uint64_t start,
		     const uint8_t *octets, size_t n)
{
	struct query q;

	query_begin(&q, e, STMT_CHUNK_INSERT);
	query_int(&q, body * BODY_PIECES_MAX + piece);
	query_int(&q, (int64_t)start);
	query_blob(&q, octets, n);
	return query_run(&q);
}

static int insert_body(struct engine *e, size_t refs, size_t pieces, size_t size, int64_t now_us,
		       int64_t *body)
{
	struct query q;

	query_begin(&q, e, STMT_BODY_INSERT);
	query_int(&q, (int64_t)refs);
	query_int(&q, (int64_t)pieces);
	query_int(&q, (int64_t)size);
	query_int(&q, now_us);
	int err = query_run(&q);
	if (!err)
		*body = engine_inserted(e);
	return err;
}

int body_put(struct engine *e, const uint8_t *octets, size_t n, size_t refs, int64_t now_us,
	     int64_t *body)
{
	size_t pieces = (n + BODY_PIECE_MAX - 1) / BODY_PIECE_MAX;

	if (pieces > BODY_PIECES_MAX)
		return E_TOO_LARGE;
	int err = insert_body(e, refs, pieces, n, now_us, body);
	for (size_t i = 0; !err && i < pieces; i++) {
		size_t start = i * BODY_PIECE_MAX;
		size_t len = n - start < BODY_PIECE_MAX ? n - start : BODY_PIECE_MAX;
		err = put_chunk(e, *body, (uint32_t)i, start, octets + start, len);
	}
	return err;
}

struct body_row {
	int64_t refs, pieces, size;
};

static int get_body(struct engine *e, int64_t body, struct body_row *row)
{
	struct query q;

	query_begin(&q, e, STMT_BODY_GET);
	query_int(&q, body);
	int err = query_first(&q);
	if (!err) {
		row->refs = query_get_int(&q);
		row->pieces = query_get_int(&q);
		row->size = query_get_int(&q);
	}
	query_end(&q);
	return err;
}

static int put_body(struct engine *e, int64_t body, const struct body_row *row, int64_t touched_us)
{
	struct query q;

	query_begin(&q, e, STMT_BODY_UPDATE);
	query_int(&q, body);
	query_int(&q, row->refs);
	query_int(&q, row->pieces);
	query_int(&q, row->size);
	query_int(&q, touched_us);
	return query_run(&q);
}

int body_take(struct engine *e, int64_t body, uint64_t size, size_t refs)
{
	struct body_row row;
	int err = get_body(e, body, &row);

	if (err)
		return err;
	if (row.refs != 0 || (uint64_t)row.size != size)
		return E_CONFLICT;
	row.refs = (int64_t)refs;
	return put_body(e, body, &row, clock_now_us());
}

/* ---- body_append ---- */

struct append_write {
	struct write write;
	body_stored *done;
	void *arg;
	int64_t asked; /* 0: a new body */
	int64_t body;
	uint32_t piece;
	size_t n;
	uint8_t octets[];
};

static int run_append(struct write *write, struct engine *e)
{
	struct append_write *w = (struct append_write *)write;
	struct body_row row = {0};
	int64_t now_us = clock_now_us();
	int err;

	w->body = w->asked;
	if (!w->asked) {
		err = w->piece ? E_CONFLICT : insert_body(e, 0, 0, 0, now_us, &w->body);
	} else {
		err = get_body(e, w->asked, &row);
		if (!err && (row.refs || row.pieces != w->piece))
			err = E_CONFLICT;
	}
	if (!err)
		err = put_chunk(e, w->body, w->piece, (uint64_t)row.size, w->octets, w->n);
	row.pieces++;
	row.size += (int64_t)w->n;
	return err ? err : put_body(e, w->body, &row, now_us);
}

static void append_done(struct write *write)
{
	struct append_write *w = (struct append_write *)write;

	if (w->done)
		w->done(w->arg, write->err, write->err ? 0 : w->body);
}

void body_append_in(struct db_port *port, enum db_file file, int64_t body, uint32_t piece,
		    const uint8_t *octets, size_t n, body_stored *done, void *arg)
{
	bool fits = n <= BODY_PIECE_MAX && piece < BODY_PIECES_MAX;
	struct append_write *w = fits ? write_new(sizeof *w + n, 0, run_append, append_done) : NULL;

	if (!w) {
		done(arg, fits ? E_NOMEM : E_TOO_LARGE, 0);
		return;
	}
	w->done = done;
	w->arg = arg;
	w->asked = body;
	w->piece = piece;
	w->n = n;
	memcpy(w->octets, octets, n);
	write_submit(port, file, w);
}

void body_append(struct db_port *port, int64_t body, uint32_t piece, const uint8_t *octets,
		 size_t n, body_stored *done, void *arg)
{
	body_append_in(port, DB_MAIL, body, piece, octets, n, done, arg);
}

/* ---- reading ---- */

int body_read_chunk(struct engine *e, int64_t body, uint64_t start, bool is_first, uint8_t *out,
		    size_t room, size_t *n)
{
	struct query q;

	query_begin(&q, e, STMT_CHUNK_AT);
	query_int(&q, body * BODY_PIECES_MAX);
	query_int(&q, (int64_t)start);
	int err = query_first(&q);
	if (!err) {
		uint64_t skip = start - (uint64_t)query_get_int(&q);
		size_t size = (size_t)query_get_int(&q);
		if (skip >= size || (!is_first && size - skip > room)) {
			err = E_NOT_FOUND;
		} else {
			const uint8_t *octets = query_get_blob(&q, &size);
			size -= (size_t)skip;
			*n = size < room ? size : room;
			memcpy(out, octets + skip, *n);
		}
	}
	query_end(&q);
	return err;
}

/* ---- the end of a body ---- */

static int delete_body(struct engine *e, int64_t body)
{
	struct query q;

	query_begin(&q, e, STMT_BODY_DELETE);
	query_int(&q, body);
	return query_run(&q);
}

/* The last `limit` chunks of a body; *gone: how many went. */
static int delete_chunks(struct engine *e, int64_t body, size_t limit, size_t *gone)
{
	struct query q;

	query_begin(&q, e, STMT_CHUNK_DELETE);
	query_int(&q, body * BODY_PIECES_MAX);
	query_int(&q, (int64_t)limit);
	int err = query_run(&q);
	*gone = err ? 0 : (size_t)engine_affected(e);
	return err;
}

int body_drop(struct engine *e, int64_t body)
{
	struct body_row row;
	size_t gone;
	int err = get_body(e, body, &row);

	if (err)
		return err == E_NOT_FOUND ? 0 : err;
	row.refs--;
	if (row.refs > 0 || row.pieces > DROP_NOW_PIECES)
		return put_body(e, body, &row, 0);
	err = delete_chunks(e, body, BODY_PIECES_MAX, &gone);
	return err ? err : delete_body(e, body);
}

/* touched_us 0: dropped; older than ORPHAN_US: nobody will name it any more. */
int body_sweep(struct engine *e, int64_t now_us, size_t limit, bool *more)
{
	struct query q;
	int64_t body;
	size_t gone;

	*more = false;
	query_begin(&q, e, STMT_BODY_UNUSED);
	query_int(&q, now_us - ORPHAN_US);
	int err = query_run_int(&q, &body);
	if (err)
		return err == E_NOT_FOUND ? 0 : err;
	*more = true;
	err = delete_chunks(e, body, limit, &gone);
	return err || gone == limit ? err : delete_body(e, body);
}
