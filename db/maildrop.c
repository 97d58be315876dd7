/* The maildrop as popgw sees it: a list, octets, and the one transaction at QUIT. */
#include <stdlib.h>
#include <string.h>

#include "db/feed.h"
#include "db/mail.h"
#include "lib/clock.h"
#include "lib/err.h"

/* ---- the list ---- */

static struct maildrop *grow(struct maildrop *drop, size_t room)
{
	return realloc(drop, sizeof *drop + room * sizeof *drop->messages);
}

static void read_message(struct query *q, struct maildrop_message *m)
{
	m->uid = (uint32_t)query_get_int(q);
	m->prefix_size = (uint32_t)query_get_int(q);
	m->body_size = (uint64_t)query_get_int(q);
	m->body = query_get_int(q);
	m->has_dot_lines = query_get_int(q) != 0;
}

/* The mailbox says how many there are, of the same moment. */
static int read_messages(struct engine *e, int64_t mailbox, size_t limit, size_t room,
			 struct maildrop **drop)
{
	struct query q;
	int err = 0;

	query_begin(&q, e, STMT_MESSAGE_LIST);
	query_int(&q, mailbox);
	query_int(&q, (int64_t)limit);
	while (!err && query_next(&q)) {
		if ((*drop)->count == room) {
			room = room * 2 + 8;
			struct maildrop *larger = grow(*drop, room);
			if (larger)
				*drop = larger;
			else
				err = E_NOMEM;
		}
		if (!err)
			read_message(&q, &(*drop)->messages[(*drop)->count++]);
	}
	int failed = query_end(&q);
	return err ? err : failed;
}

static int read_into(struct engine *e, const struct mailbox *box, size_t limit,
		     struct maildrop **out)
{
	size_t room = box->messages < limit ? box->messages : limit;
	struct maildrop *drop = grow(NULL, room);

	if (!drop)
		return E_NOMEM;
	*drop = (struct maildrop){.subscriber = box->subscriber,
				  .uidvalidity = box->uidvalidity,
				  .uidnext = box->uidnext};
	int err = box->messages ? read_messages(e, box->id, limit, room, &drop) : 0;
	if (err)
		free(drop);
	else
		*out = drop;
	return err;
}

static int read_drop(struct engine *e, int64_t subscriber, size_t limit, struct maildrop **out)
{
	struct mailbox box = {.subscriber = subscriber, .uidvalidity = 1, .uidnext = 1};
	struct query q;
	int err = mailbox_look(e, subscriber, &box, &q);

	if (!err || err == E_NOT_FOUND)
		err = read_into(e, &box, limit, out);
	query_end(&q);
	return err;
}

void maildrop_open(struct db_port *port, int64_t subscriber, size_t max_messages,
		   maildrop_opened *opened, void *arg)
{
	struct maildrop *drop = NULL;
	int err;
	struct engine *e = port_reader(port, DB_MAIL, &err);

	if (max_messages > INT32_MAX)
		max_messages = INT32_MAX;
	if (e) {
		err = read_drop(e, subscriber, max_messages, &drop);
		engine_assert_idle(e);
	}
	opened(arg, err, drop);
}

void maildrop_free(struct maildrop *drop)
{
	free(drop);
}

/* ---- octets ---- */

struct reading {
	struct engine *engine;
	uint8_t *out;
	size_t n;
	uint64_t offset; /* of the next octet, in the message */
};

static void take(struct reading *r, const uint8_t *p, size_t n)
{
	if (n > BODY_PIECE_MAX - r->n)
		n = BODY_PIECE_MAX - r->n;
	if (n)
		memcpy(r->out + r->n, p, n); /* an empty blob has no address */
	r->n += n;
	r->offset += n;
}

/* The row must be there still: it is what says that the body is this subscriber's. */
static void ask_message(struct query *q, enum statement id, const struct reading *r,
			int64_t subscriber, const struct maildrop_message *m)
{
	query_begin(q, r->engine, id);
	query_int(q, subscriber);
	query_text(q, MAILBOX_NAME);
	query_int(q, m->uid);
	query_int(q, m->body);
}

static void take_prefix(struct reading *r, struct query *q)
{
	size_t n;
	const uint8_t *prefix = query_get_blob(q, &n);

	if (r->offset < n)
		take(r, prefix + r->offset, n - (size_t)r->offset);
}

/* A small mail whole, which most are, by one statement: its prefix and its body's first chunk. */
static int read_beginning(struct reading *r, int64_t subscriber, const struct maildrop_message *m)
{
	struct query q;
	size_t n;

	ask_message(&q, STMT_MESSAGE_BEGINNING, r, subscriber, m);
	int err = query_first(&q);
	if (!err) {
		take_prefix(r, &q);
		const uint8_t *chunk = query_get_blob(&q, &n);
		if (n <= BODY_PIECE_MAX - r->n)
			take(r, chunk, n);
	}
	query_end(&q);
	return err;
}

static int read_chunks(struct reading *r, const struct maildrop_message *m)
{
	int err = 0;

	while (!err && r->n < BODY_PIECE_MAX && r->offset >= m->prefix_size &&
	       r->offset - m->prefix_size < m->body_size) {
		size_t n = 0;
		err = body_read_chunk(r->engine, m->body, r->offset - m->prefix_size, r->n == 0,
				      r->out + r->n, BODY_PIECE_MAX - r->n, &n);
		r->n += n;
		r->offset += n;
	}
	/* A chunk that does not fit is left to the next call. */
	return err == E_NOT_FOUND && r->n ? 0 : err;
}

/* The row stays open while its chunks are read: one moment, and one transaction. */
static int read_octets(struct reading *r, int64_t subscriber, const struct maildrop_message *m)
{
	struct query q;

	if (r->offset == 0)
		return read_beginning(r, subscriber, m);
	ask_message(&q, STMT_MESSAGE_PREFIX, r, subscriber, m);
	int err = query_first(&q);
	if (!err) {
		take_prefix(r, &q);
		err = read_chunks(r, m);
	}
	query_end(&q);
	return err;
}

void message_read(struct db_port *port, int64_t subscriber, const struct maildrop_message *m,
		  uint64_t offset, message_octets *read, void *arg)
{
	int err;
	struct reading r = {.offset = offset};

	r.engine = port_reader(port, DB_MAIL, &err);
	if (!err && !port->piece && !(port->piece = malloc(BODY_PIECE_MAX)))
		err = E_NOMEM;
	if (!err) {
		r.out = port->piece;
		err = read_octets(&r, subscriber, m);
		engine_assert_idle(r.engine);
	}
	read(arg, err, err ? NULL : r.out, err ? 0 : r.n);
}

/* ---- QUIT ---- */

struct update_write {
	struct write write;
	db_done *done;
	void *arg;
	struct access_via via;
	uint32_t listed_uid;
	bool has_seen;
	struct binding seen; /* as the bindings had it when `mark` was taken */
	struct view_mark mark;
	size_t deleted_count, read_count;
	uint32_t uids[]; /* deleted, then read */
};

/* A deletion looks at the row in any case. */
static int check_via(struct engine *e, const struct update_write *w, int64_t now_us, bool *opens)
{
	if (!w->has_seen || w->deleted_count || !engine_bindings_are_at(e, &w->mark))
		return access_check(e, &w->via, now_us, opens);
	*opens = binding_opens_mail(&w->seen, w->via.subscriber, w->via.generation, now_us);
	return 0;
}

static int delete_all(struct engine *e, const struct update_write *w, int64_t now_us)
{
	struct mailbox box;
	int err = mailbox_get(e, w->via.subscriber, &box);

	if (err)
		return err == E_NOT_FOUND ? 0 : err;
	for (size_t i = 0; i < w->deleted_count; i++) {
		err = message_delete(e, &box, w->uids[i], now_us);
		if (err && err != E_NOT_FOUND) /* another session of his was quicker */
			return err;
	}
	err = mailbox_put(e, &box);
	if (!err)
		err = access_append(e, &w->via, ACCESS_DELETED, w->uids, w->deleted_count, now_us);
	return err;
}

/* What was read was read, also by a session whose binding is gone: that record is wanted most. */
static int run_update(struct write *write, struct engine *e)
{
	struct update_write *w = (struct update_write *)write;
	int64_t now_us = clock_now_us();
	bool opens;
	int err = check_via(e, w, now_us, &opens);

	if (!err && w->read_count)
		err = access_append(e, &w->via, ACCESS_READ, w->uids + w->deleted_count,
				    w->read_count, now_us);
	if (err || !opens) {
		write->err = E_CONFLICT;
		return err;
	}
	if (w->deleted_count)
		err = delete_all(e, w, now_us);
	if (!err && w->listed_uid)
		err = outbox_clear(e, w->via.subscriber, w->listed_uid);
	if (err || !w->deleted_count)
		return err;
	return feed_append(
		e, &(struct change){.kind = CHANGE_SESSION, .subscriber = w->via.subscriber});
}

static void update_done(struct write *write)
{
	struct update_write *w = (struct update_write *)write;

	if (w->done)
		w->done(w->arg, write->err);
}

/* What was told last, if it is what would be told now. */
static void keep_seen(struct db_port *port, const struct binding_told *seen, struct update_write *w)
{
	struct engine *e = port->readers[DB_BINDINGS];

	if (!seen || !seen->view || !e || engine_view(e) != seen->view ||
	    !key_equal(&seen->b.key, &w->via.key))
		return;
	w->has_seen = true;
	w->seen = seen->b;
	w->mark = e->mark;
}

void maildrop_update(struct db_port *port, const struct maildrop_update *u, db_done *done,
		     void *arg)
{
	size_t n = u->deleted_count + u->read_count;
	struct update_write *w =
		write_new(sizeof *w + n * sizeof *w->uids, n * 200, run_update, update_done);

	if (!w) {
		done(arg, E_NOMEM);
		return;
	}
	w->done = done;
	w->arg = arg;
	w->via = u->via;
	keep_seen(port, u->seen, w);
	w->listed_uid = u->listed_uid;
	w->deleted_count = u->deleted_count;
	w->read_count = u->read_count;
	if (u->deleted_count)
		memcpy(w->uids, u->deleted, u->deleted_count * sizeof *w->uids);
	if (u->read_count)
		memcpy(w->uids + u->deleted_count, u->read, u->read_count * sizeof *w->uids);
	if (u->deleted_count)
		write_submit(port, DB_MAIL, w);
	else
		write_submit_lazily(port, DB_MAIL, w);
}
