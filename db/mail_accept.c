/* Mail comes in: whose is it, is there room, and the one transaction that makes it his and wakes
 * the trigger. */
#include <stdlib.h>
#include <string.h>

#include "db/feed.h"
#include "db/handed_over.h"
#include "db/mail.h"
#include "db/prompt.h"
#include "lib/err.h"

#define FIRST_RECIPIENTS 16 /* a mail to more does not keep the others waiting for its triggers */

/* ---- RCPT ---- */

/* E_CONFLICT: the subscriber is frozen, and his mail with him. */
static int owner_of(struct engine *e, const char *canonical, int64_t *subscriber)
{
	struct query q;

	query_begin(&q, e, STMT_RECIPIENT);
	query_text(&q, canonical);
	int err = query_first(&q);
	if (!err) {
		*subscriber = query_get_int(&q);
		if (query_get_int(&q))
			err = E_CONFLICT;
	}
	int end = query_end(&q);
	engine_assert_idle(e);
	return err ? err : end;
}

static bool is_over(const struct mailbox *box, uint64_t size, uint64_t quota_bytes)
{
	return quota_bytes && (size > quota_bytes || box->bytes > quota_bytes - size);
}

static int has_room(struct engine *e, int64_t subscriber, uint64_t size, uint64_t quota_bytes)
{
	struct mailbox box = {0};
	int err = mailbox_get(e, subscriber, &box);

	engine_assert_idle(e);
	if (err && err != E_NOT_FOUND)
		return err;
	/* Of unknown size: full is full. */
	return is_over(&box, size ? size : 1, quota_bytes) ? E_FULL : 0;
}

void recipient_check(struct db_port *port, const char *canonical, uint64_t size,
		     uint64_t quota_bytes, recipient_got *got, void *arg)
{
	int64_t subscriber = 0;
	int err;
	struct engine *e = port_reader(port, DB_BINDINGS, &err);

	if (e)
		err = owner_of(e, canonical, &subscriber);
	if (!err) {
		e = port_reader(port, DB_MAIL, &err);
		if (e)
			err = has_room(e, subscriber, size, quota_bytes);
	}
	got(arg, err, err == 0 || err == E_FULL ? subscriber : 0);
}

/* ---- mail_accept ---- */

struct accept_recipient {
	int64_t subscriber;
	const uint8_t *prefix;
	size_t prefix_size;
	bool has_it; /* this mail, by its xid */
};

struct accept_write {
	struct write write;
	mail_accepted *done;
	void *arg;
	size_t count;
	bool all_or_none;
	bool has_dot_lines;
	const char *reverse_path;
	const char *xid;       /* "" none */
	const uint8_t *octets; /* null: body */
	int64_t body;
	uint64_t size, quota_bytes;
	int64_t received_us;
	struct mailbox box; /* of the recipient that was judged last; id 0: to be made */
	int *errs;
	struct accept_recipient
		recipients[]; /* and behind them: errs, octets, prefixes, reverse path, xid */
};

static int subscriber_exists(struct engine *e, int64_t subscriber)
{
	struct query q;
	int64_t one;

	query_begin(&q, e, STMT_SUBSCRIBER_EXISTS);
	query_int(&q, subscriber);
	return query_run_int(&q, &one);
}

/* E_NOT_FOUND and E_FULL are the recipient's; another E_* is the whole's. */
static int judge_recipient(struct engine *e, struct accept_write *w, size_t i)
{
	struct accept_recipient *r = &w->recipients[i];
	int err = subscriber_exists(e, r->subscriber);

	w->box = (struct mailbox){.uidnext = 1};
	if (!err && *w->xid)
		err = handed_over_find(e, w->xid, r->subscriber, &r->has_it);
	if (err || r->has_it)
		return err;
	err = mailbox_get(e, r->subscriber, &w->box);
	if (err && err != E_NOT_FOUND)
		return err;
	return is_over(&w->box, w->size + r->prefix_size, w->quota_bytes) ||
			       w->box.uidnext == UINT32_MAX
		       ? E_FULL
		       : 0;
}

static int put_message(struct engine *e, const struct accept_write *w,
		       const struct accept_recipient *r, const struct mailbox *box, uint32_t uid,
		       int64_t body)
{
	struct query q;

	query_begin(&q, e, STMT_MESSAGE_INSERT);
	query_int(&q, box->id);
	query_int(&q, uid);
	query_int(&q, box->modseq);
	query_int(&q, body);
	query_int(&q, (int64_t)w->size);
	query_int(&q, w->has_dot_lines);
	query_int(&q, w->received_us);
	query_blob(&q, r->prefix, r->prefix_size);
	query_text(&q, w->reverse_path);
	return query_run(&q);
}

/* The row of the outbox, and, for the first mail of a mailbox, the datagram's way into the send
 * log: it may leave after this commit. */
static int wake_trigger(struct engine *e, const struct accept_write *w, struct mailbox *box,
			uint32_t uid)
{
	const struct schedule *s = &w->write.port->db->options.schedule;
	struct change change = {.kind = CHANGE_MAIL, .subscriber = box->subscriber};
	struct trigger_out out[TRIGGER_TARGETS_MAX];
	struct outbox_row row;
	enum outbox_raised how = OUTBOX_MOVED;
	size_t n = 0;
	int err = outbox_raise(e, s, box, uid, w->received_us, &row, &how);

	if (!err && how == OUTBOX_MADE && w->count <= FIRST_RECIPIENTS)
		err = outbox_send_first(e, s, &row, out, &n);
	if (n && prompt_keep(w->write.port->db, e, out, n)) {
		change.former = row.next_us;
	} else if (n) {
		change.former = out[0].log;
		change.generation = (uint32_t)n;
	} else if (how == OUTBOX_JOINED) {
		change.former = CHANGE_MAIL_JOINED;
	}
	return err ? err : feed_append(e, &change);
}

static int store_for(struct engine *e, const struct accept_write *w,
		     const struct accept_recipient *r, int64_t body)
{
	struct mailbox box = w->box;
	int err = 0;

	if (w->count > 1 || !box.id)
		err = mailbox_make(e, r->subscriber, w->received_us, &box);
	if (err)
		return err;
	uint32_t uid = box.uidnext++;
	box.modseq++;
	box.messages++;
	box.bytes += w->size + r->prefix_size;
	err = put_message(e, w, r, &box, uid, body);
	if (!err)
		err = wake_trigger(e, w, &box, uid);
	if (!err && *w->xid)
		err = handed_over_put(e, w->xid, r->subscriber, w->received_us);
	return err ? err : mailbox_put(e, &box);
}

static int store(struct engine *e, const struct accept_write *w, size_t refs)
{
	int64_t body = w->body;
	int err = w->octets ? body_put(e, w->octets, w->size, refs, w->received_us, &body)
			    : body_take(e, body, w->size, refs);

	for (size_t i = 0; !err && i < w->count; i++) {
		if (!w->errs[i] && !w->recipients[i].has_it)
			err = store_for(e, w, &w->recipients[i], body);
	}
	return err;
}

static int run_accept(struct write *write, struct engine *e)
{
	struct accept_write *w = (struct accept_write *)write;
	size_t accepted = 0, stored = 0;

	for (size_t i = 0; i < w->count; i++) {
		w->errs[i] = judge_recipient(e, w, i);
		if (w->errs[i] && w->errs[i] != E_NOT_FOUND && w->errs[i] != E_FULL)
			return w->errs[i];
		accepted += !w->errs[i];
		stored += !w->errs[i] && !w->recipients[i].has_it;
	}
	if (!stored || (w->all_or_none && accepted < w->count))
		return 0;
	return store(e, w, stored);
}

static void accept_done(struct write *write)
{
	struct accept_write *w = (struct accept_write *)write;

	if (w->done)
		w->done(w->arg, write->err, write->err ? NULL : w->errs, write->err ? 0 : w->count);
}

static size_t copied_bytes(const struct mail_accept *a)
{
	size_t n = a->recipient_count * (sizeof(struct accept_recipient) + sizeof(int));

	for (size_t i = 0; i < a->recipient_count; i++)
		n += a->recipients[i].prefix_size;
	return n + (a->octets ? a->size : 0) + strlen(a->reverse_path) + 1 +
	       (a->xid ? strlen(a->xid) : 0) + 1;
}

static uint8_t *copy_in(uint8_t **at, const void *p, size_t n)
{
	uint8_t *copy = *at;

	if (n)
		memcpy(copy, p, n);
	*at += n;
	return copy;
}

static void copy_arguments(struct accept_write *w, const struct mail_accept *a)
{
	uint8_t *at = (uint8_t *)&w->recipients[a->recipient_count];

	w->count = a->recipient_count;
	w->all_or_none = a->all_or_none;
	w->has_dot_lines = a->has_dot_lines;
	w->body = a->body;
	w->size = a->size;
	w->quota_bytes = a->quota_bytes;
	w->received_us = a->received_us;
	w->errs = (int *)(void *)at;
	at += w->count * sizeof *w->errs;
	w->octets = a->octets ? copy_in(&at, a->octets, a->size) : NULL;
	for (size_t i = 0; i < w->count; i++) {
		const struct mail_recipient *r = &a->recipients[i];
		w->recipients[i] =
			(struct accept_recipient){.subscriber = r->subscriber,
						  .prefix = copy_in(&at, r->prefix, r->prefix_size),
						  .prefix_size = r->prefix_size};
	}
	w->reverse_path = (char *)copy_in(&at, a->reverse_path, strlen(a->reverse_path) + 1);
	const char *xid = a->xid ? a->xid : "";
	w->xid = (char *)copy_in(&at, xid, strlen(xid) + 1);
}

void mail_accept(struct db_port *port, const struct mail_accept *a, mail_accepted *done, void *arg)
{
	struct accept_write *w = write_new(sizeof *w + copied_bytes(a), 0, run_accept, accept_done);

	if (!w) {
		done(arg, E_NOMEM, NULL, 0);
		return;
	}
	w->done = done;
	w->arg = arg;
	copy_arguments(w, a);
	write_submit(port, DB_MAIL, w);
}
