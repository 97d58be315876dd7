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

/* The mailbox says how many there are; one that came between the two reads makes it grow. */
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

static int read_drop(struct engine *e, int64_t subscriber, size_t limit, struct maildrop **out)
{
	struct mailbox box = {.uidvalidity = 1, .uidnext = 1};
	int err = mailbox_get(e, subscriber, &box);

	if (err && err != E_NOT_FOUND)
		return err;
	size_t room = box.messages < limit ? box.messages : limit;
	struct maildrop *drop = grow(NULL, room);
	if (!drop)
		return E_NOMEM;
	*drop = (struct maildrop){
		.subscriber = subscriber, .uidvalidity = box.uidvalidity, .uidnext = box.uidnext};
	err = box.id ? read_messages(e, box.id, limit, room, &drop) : 0;
	if (err)
		free(drop);
	else
		*out = drop;
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
	memcpy(r->out + r->n, p, n);
	r->n += n;
	r->offset += n;
}

/* The row must be there still: it is what says that the body is this subscriber's. */
static int read_prefix(struct reading *r, int64_t subscriber, const struct maildrop_message *m)
{
	struct query q;
	size_t n;

	query_begin(&q, r->engine, STMT_MESSAGE_PREFIX);
	query_int(&q, subscriber);
	query_text(&q, MAILBOX_NAME);
	query_int(&q, m->uid);
	query_int(&q, m->body);
	int err = query_first(&q);
	if (!err) {
		const uint8_t *prefix = query_get_blob(&q, &n);
		if (r->offset < n)
			take(r, prefix + r->offset, n - (size_t)r->offset);
	}
	query_end(&q);
	return err;
}

static int read_chunk(struct reading *r, int64_t body, uint64_t start)
{
	size_t n = 0;
	int err = body_read_chunk(r->engine, body, start, r->n == 0, r->out + r->n,
				  BODY_PIECE_MAX - r->n, &n);

	r->n += n;
	r->offset += n;
	return err;
}

static int read_octets(struct reading *r, int64_t subscriber, const struct maildrop_message *m)
{
	int err = read_prefix(r, subscriber, m);

	while (!err && r->n < BODY_PIECE_MAX && r->offset >= m->prefix_size &&
	       r->offset - m->prefix_size < m->body_size)
		err = read_chunk(r, m->body, r->offset - m->prefix_size);
	/* What is missing between two statements of this call was deleted between them. */
	return err == E_NOT_FOUND && r->n ? 0 : err;
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
	size_t deleted_count, read_count;
	uint32_t uids[]; /* deleted, then read */
};

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
	int err = access_check(e, &w->via, now_us, &opens);

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
