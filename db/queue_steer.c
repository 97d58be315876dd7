/* The operator's hand: a mail, or a lane, is tried at once, held, released, dropped. */
#include <string.h>

#include "db/queue_rows.h"
#include "lib/err.h"

#define PIECE 500 /* recipients of a lane in one transaction */

struct steer_write {
	struct write write;
	queue_steered *done;
	void *arg;
	struct queue_steer what;
	uint64_t mails; /* of the pieces before this one */
	uint64_t now_mails;
	bool more;
	char lane[QUEUE_LANE_MAX];
};

/* ---- a mail ---- */

/* E_NOT_FOUND. */
static int mail_left(struct engine *e, int64_t mail, int64_t *left)
{
	struct query q;

	query_begin(&q, e, STMT_QUEUE_MAIL_LEFT);
	query_int(&q, mail);
	return query_run_int(&q, left);
}

/* All its recipients, and their lanes. */
static int move_all(struct engine *e, enum queue_act act, int64_t mail, int64_t now_us)
{
	static const enum statement of_act[] = {[QUEUE_RETRY] = STMT_QUEUE_RETRY_OF_MAIL,
						[QUEUE_HOLD] = STMT_QUEUE_HOLD_OF_MAIL,
						[QUEUE_RELEASE] = STMT_QUEUE_RELEASE_OF_MAIL,
						[QUEUE_DROP] = STMT_QUEUE_DROP_OF_MAIL};
	struct query q;
	size_t rows;

	query_begin(&q, e, of_act[act]);
	query_int(&q, mail);
	if (act == QUEUE_RETRY || act == QUEUE_RELEASE)
		query_int(&q, now_us);
	return queue_lanes_refresh(&q, &rows);
}

static int set_held(struct engine *e, enum statement id, int64_t what, bool is_held)
{
	struct query q;

	query_begin(&q, e, id);
	query_int(&q, what);
	query_int(&q, is_held);
	return query_run(&q);
}

static int steer_mail(struct engine *e, struct steer_write *w)
{
	const struct queue_steer *s = &w->what;
	int64_t left;
	int err = mail_left(e, s->mail, &left);

	if (!err)
		err = move_all(e, s->act, s->mail, s->now_us);
	if (!err && (s->act == QUEUE_HOLD || s->act == QUEUE_RELEASE))
		err = set_held(e, STMT_QUEUE_MAIL_HOLD, s->mail, s->act == QUEUE_HOLD);
	if (!err && s->act == QUEUE_DROP)
		err = queue_mail_lessen(e, s->mail, (size_t)left);
	w->now_mails = 1;
	return err ? err : queue_tell(e, 0);
}

/* ---- a lane ---- */

struct member {
	int64_t mail;
	uint32_t number;
};

/* The next ones that are to be worked on. */
static int read_piece(struct engine *e, const struct queue_steer *s, int64_t lane,
		      struct member *out, size_t *n)
{
	bool is_retry = s->act == QUEUE_RETRY;
	struct query q;

	query_begin(&q, e, is_retry ? STMT_QUEUE_LATER : STMT_QUEUE_IN_LANE);
	query_int(&q, lane);
	if (is_retry)
		query_int(&q, s->now_us);
	query_int(&q, PIECE);
	for (*n = 0; *n < PIECE && query_next(&q); ++*n) {
		out[*n].mail = query_get_int(&q);
		out[*n].number = (uint32_t)query_get_int(&q);
	}
	return query_end(&q);
}

static int move_one(struct engine *e, const struct queue_steer *s, const struct member *m)
{
	bool is_retry = s->act == QUEUE_RETRY;
	struct query q;
	int64_t lane;

	query_begin(&q, e, is_retry ? STMT_QUEUE_RECIPIENT_RETRY : STMT_QUEUE_RECIPIENT_DELETE);
	query_int(&q, m->mail);
	query_int(&q, m->number);
	if (is_retry)
		query_int(&q, s->now_us);
	int err = query_run_int(&q, &lane);
	return err || is_retry ? err : queue_mail_lessen(e, m->mail, 1);
}

static int steer_piece(struct engine *e, struct steer_write *w, int64_t lane)
{
	struct member all[PIECE];
	size_t n = 0;
	int err = read_piece(e, &w->what, lane, all, &n);

	for (size_t i = 0; !err && i < n; i++) {
		err = move_one(e, &w->what, &all[i]);
		if (i == 0 || all[i].mail != all[i - 1].mail)
			w->now_mails++;
	}
	w->more = n == PIECE;
	return err ? err : queue_lane_refresh(e, lane);
}

/* Also one that nothing is in yet. */
static int hold_lane(struct engine *e, struct steer_write *w)
{
	int64_t lane;
	int err = queue_lane_due(e, w->lane, INT64_MAX, &lane);

	if (!err)
		err = set_held(e, STMT_QUEUE_LANE_HOLD, lane, true);
	return err ? err : queue_lane_refresh(e, lane);
}

static int steer_lane(struct engine *e, struct steer_write *w)
{
	int64_t lane;

	if (w->what.act == QUEUE_HOLD)
		return hold_lane(e, w);
	int err = queue_lane_find(e, w->lane, &lane);
	if (err)
		return err;
	if (w->what.act == QUEUE_RELEASE) {
		err = set_held(e, STMT_QUEUE_LANE_HOLD, lane, false);
		if (!err)
			err = queue_lane_refresh(e, lane);
	} else {
		err = steer_piece(e, w, lane);
	}
	return err ? err : queue_tell(e, lane);
}

/* ---- around it ---- */

static int run_steer(struct write *write, struct engine *e)
{
	struct steer_write *w = (struct steer_write *)write;

	w->now_mails = 0;
	w->more = false;
	return w->what.mail ? steer_mail(e, w) : steer_lane(e, w);
}

static void submit(struct db_port *port, const struct queue_steer *what, uint64_t mails,
		   queue_steered *done, void *arg);

static void steer_done(struct write *write)
{
	struct steer_write *w = (struct steer_write *)write;
	uint64_t mails = w->mails + w->now_mails;

	/* The last piece may have emptied it. */
	if (write->err == E_NOT_FOUND && w->mails)
		w->done(w->arg, 0, w->mails);
	else if (write->err || !w->more)
		w->done(w->arg, write->err, write->err ? w->mails : mails);
	else
		submit(write->port, &w->what, mails, w->done, w->arg);
}

static void submit(struct db_port *port, const struct queue_steer *what, uint64_t mails,
		   queue_steered *done, void *arg)
{
	bool fits = what->mail || strlen(what->lane) < QUEUE_LANE_MAX;
	struct steer_write *w = fits ? write_new(sizeof *w, 0, run_steer, steer_done) : NULL;

	if (!w) {
		done(arg, fits ? E_NOMEM : E_NOT_FOUND, mails);
		return;
	}
	w->done = done;
	w->arg = arg;
	w->mails = mails;
	w->what = *what;
	if (!what->mail) {
		strcpy(w->lane, what->lane);
		w->what.lane = w->lane;
	}
	write_submit(port, DB_QUEUE, w);
}

void queue_steer(struct db_port *port, const struct queue_steer *what, queue_steered *done,
		 void *arg)
{
	submit(port, what, 0, done, arg);
}
