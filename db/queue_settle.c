/* What became of recipients, and what follows from it, in one transaction. */
#include <stdalign.h>
#include <stdlib.h>

#include "db/queue_flight.h"
#include "db/queue_rows.h"
#include "lib/err.h"

struct settle_write {
	struct write write;
	db_done *done;
	void *arg;
	struct queue_settlement what;
	alignas(max_align_t) uint8_t copies[];
};

/* ---- in the transaction ---- */

/* *lane: where it was. E_NOT_FOUND: it waits no more. */
static int settle_one(struct engine *e, const struct queue_settlement *s,
		      const struct queue_outcome *o, int64_t *lane)
{
	bool is_deferred = o->fate == QUEUE_DEFERRED;
	struct query q;

	query_begin(&q, e, is_deferred ? STMT_QUEUE_RECIPIENT_DEFER : STMT_QUEUE_RECIPIENT_DELETE);
	query_int(&q, s->mail);
	query_int(&q, o->recipient);
	if (is_deferred) {
		query_int(&q, o->next_us);
		query_int(&q, o->is_warned);
		query_int(&q, s->now_us);
		queue_reply_bind(&q, &o->reply);
	}
	return query_run_int(&q, lane);
}

/* Lanes are looked at again when all of them are settled; most often there is one. */
struct settled {
	int64_t *lanes;
	size_t count; /* recipients that were there */
	size_t gone;  /* of them */
};

static int settle_all(struct engine *e, const struct queue_settlement *s, struct settled *all)
{
	for (size_t i = 0; i < s->count; i++) {
		int64_t lane;
		int err = settle_one(e, s, &s->outcomes[i], &lane);
		if (err == E_NOT_FOUND)
			continue;
		if (err)
			return err;
		all->lanes[all->count++] = lane;
		if (s->outcomes[i].fate != QUEUE_DEFERRED)
			all->gone++;
	}
	return 0;
}

static int refresh_lanes(struct engine *e, const struct settled *all)
{
	int err = 0;

	for (size_t i = 0; !err && i < all->count; i++) {
		if (i == 0 || all->lanes[i] != all->lanes[i - 1])
			err = queue_lane_refresh(e, all->lanes[i]);
	}
	return err;
}

static int follow(struct engine *e, const struct queue_settlement *s)
{
	int64_t mail;
	int err = 0;

	for (size_t i = 0; !err && i < s->notice_count; i++)
		err = queue_mail_store(e, &s->notices[i], &mail);
	for (size_t i = 0; !err && i < s->suppression_count; i++)
		err = suppression_row_put(e, &s->suppressions[i]);
	return err;
}

static int run_settle(struct write *write, struct engine *e)
{
	const struct settle_write *w = (struct settle_write *)write;
	const struct queue_settlement *s = &w->what;
	struct settled all = {.lanes = malloc((s->count + 1) * sizeof *all.lanes)};
	int err = all.lanes ? settle_all(e, s, &all) : E_NOMEM;

	if (!err && !all.count)
		err = E_NOT_FOUND;
	if (!err)
		err = refresh_lanes(e, &all);
	if (!err)
		err = queue_mail_lessen(e, s->mail, all.gone);
	if (!err)
		err = follow(e, s);
	free(all.lanes);
	return err;
}

/* ---- around it ---- */

static void settle_done(struct write *write)
{
	struct settle_write *w = (struct settle_write *)write;
	struct queue_flight *flight = write->port->flight;

	if (flight && (!write->err || write->err == E_NOT_FOUND)) {
		for (size_t i = 0; i < w->what.count; i++)
			queue_flight_remove(flight, w->what.mail, w->what.outcomes[i].recipient);
	}
	if (w->done)
		w->done(w->arg, write->err);
}

static void settlement_pack(struct packer *p, const struct queue_settlement *from,
			    struct queue_settlement *to)
{
	struct queue_outcome *outcomes = pack_room(p, from->count * sizeof *outcomes);
	struct queue_new *notices = pack_room(p, from->notice_count * sizeof *notices);
	struct suppression *suppressions =
		pack_room(p, from->suppression_count * sizeof *suppressions);

	*to = *from;
	to->outcomes = outcomes;
	to->notices = notices;
	to->suppressions = suppressions;
	for (size_t i = 0; i < from->count; i++) {
		struct queue_outcome o = from->outcomes[i];
		queue_reply_pack(p, &from->outcomes[i].reply, &o.reply);
		if (outcomes)
			outcomes[i] = o;
	}
	for (size_t i = 0; i < from->notice_count; i++) {
		struct queue_new scratch;
		queue_new_pack(p, &from->notices[i], notices ? &notices[i] : &scratch);
	}
	for (size_t i = 0; i < from->suppression_count; i++) {
		struct suppression scratch;
		suppression_pack(p, &from->suppressions[i],
				 suppressions ? &suppressions[i] : &scratch);
	}
}

void queue_settle(struct db_port *port, const struct queue_settlement *s, db_done *done, void *arg)
{
	struct packer measure = {.at = NULL};
	struct queue_settlement scratch;
	int err = 0;

	for (size_t i = 0; i < s->notice_count; i++)
		err = err ? err : queue_new_judge(&s->notices[i]);
	settlement_pack(&measure, s, &scratch);
	struct settle_write *w =
		err ? NULL : write_new(sizeof *w + measure.n, 0, run_settle, settle_done);
	if (!w) {
		done(arg, err ? err : E_NOMEM);
		return;
	}
	w->done = done;
	w->arg = arg;
	settlement_pack(&(struct packer){.at = w->copies}, s, &w->what);
	write_submit(port, DB_QUEUE, w);
}
