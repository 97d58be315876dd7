#include "db/queue_rows.h"

#include <stdlib.h>
#include <string.h>

#include "db/feed.h"
#include "db/mail.h"
#include "lib/err.h"

#define SHELF_BLOCK 16000

/* ---- texts ---- */

struct shelf_block {
	struct shelf_block *next;
	size_t used, size;
	char text[];
};

static char *shelf_room(struct shelf *s, size_t n)
{
	struct shelf_block *b = s->blocks;

	if (!b || b->size - b->used < n) {
		size_t size = n > SHELF_BLOCK ? n : SHELF_BLOCK;
		b = malloc(sizeof *b + size);
		if (!b)
			return NULL;
		*b = (struct shelf_block){.next = s->blocks, .size = size};
		s->blocks = b;
	}
	b->used += n;
	return b->text + b->used - n;
}

const char *shelf_text(struct shelf *s, struct query *q)
{
	size_t n;
	const void *from = query_get_blob(q, &n);

	if (!n)
		return "";
	char *to = shelf_room(s, n + 1);
	if (!to) {
		s->err = E_NOMEM;
		return "";
	}
	memcpy(to, from, n);
	to[n] = '\0';
	return to;
}

void shelf_free(struct shelf *s)
{
	while (s->blocks) {
		struct shelf_block *b = s->blocks;
		s->blocks = b->next;
		free(b);
	}
}

/* ---- lanes ---- */

static int lane_row(struct engine *e, const char *name, int64_t *lane, int64_t *next_us)
{
	struct query q;

	query_begin(&q, e, STMT_QUEUE_LANE_BY_NAME);
	query_text(&q, name);
	int err = query_first(&q);
	if (!err) {
		*lane = query_get_int(&q);
		*next_us = query_get_int(&q);
	}
	query_end(&q);
	return err;
}

int queue_lane_find(struct engine *e, const char *name, int64_t *lane)
{
	int64_t next_us;

	return lane_row(e, name, lane, &next_us);
}

static int make_lane(struct engine *e, const char *name, int64_t next_us, int64_t *lane)
{
	struct query q;

	query_begin(&q, e, STMT_QUEUE_LANE_INSERT);
	query_text(&q, name);
	query_int(&q, next_us);
	int err = query_run(&q);
	if (!err)
		*lane = engine_inserted(e);
	return err;
}

static int set_lane_next(struct engine *e, int64_t lane, int64_t next_us)
{
	struct query q;

	query_begin(&q, e, STMT_QUEUE_LANE_SET_NEXT);
	query_int(&q, lane);
	query_int(&q, next_us);
	return query_run(&q);
}

int queue_lane_due(struct engine *e, const char *name, int64_t next_us, int64_t *lane)
{
	int64_t first_us;
	int err = lane_row(e, name, lane, &first_us);

	if (err == E_NOT_FOUND)
		return make_lane(e, name, next_us, lane);
	return err || next_us >= first_us ? err : set_lane_next(e, *lane, next_us);
}

static int lane_int(struct engine *e, enum statement id, int64_t lane, int64_t *value)
{
	struct query q;

	query_begin(&q, e, id);
	query_int(&q, lane);
	return query_run_int(&q, value);
}

static int lane_run(struct engine *e, enum statement id, int64_t lane)
{
	struct query q;

	query_begin(&q, e, id);
	query_int(&q, lane);
	return query_run(&q);
}

/* All that is in it is held, or nothing is: then it goes, unless it is held itself. */
static int refresh_idle(struct engine *e, int64_t lane)
{
	int64_t one;
	int err = lane_int(e, STMT_QUEUE_LANE_ANY, lane, &one);

	if (err == E_NOT_FOUND)
		err = lane_run(e, STMT_QUEUE_LANE_DELETE, lane);
	return err ? err : lane_run(e, STMT_QUEUE_LANE_REST, lane);
}

int queue_lane_refresh(struct engine *e, int64_t lane)
{
	int64_t next_us;
	int err = lane_int(e, STMT_QUEUE_LANE_FIRST, lane, &next_us);

	if (err == E_NOT_FOUND)
		return refresh_idle(e, lane);
	return err ? err : set_lane_next(e, lane, next_us);
}

int queue_lanes_refresh(struct query *q, size_t *rows)
{
	int64_t last = 0;
	int err = 0;

	*rows = 0;
	while (!err && query_next(q)) {
		int64_t lane = query_get_int(q);
		if (lane != last)
			err = queue_lane_refresh(q->engine, lane);
		last = lane;
		++*rows;
	}
	int failed = query_end(q);
	return err ? err : failed;
}

int queue_tell(struct engine *e, int64_t lane)
{
	return feed_append(e, &(struct change){.kind = CHANGE_QUEUE, .former = lane});
}

/* ---- mails and recipients ---- */

static int delete_mail(struct engine *e, int64_t mail)
{
	struct query q;

	query_begin(&q, e, STMT_QUEUE_MAIL_DELETE);
	query_int(&q, mail);
	int err = query_run(&q);
	return err ? err : body_drop(e, mail);
}

int queue_mail_lessen(struct engine *e, int64_t mail, size_t recipients)
{
	struct query q;
	int64_t left;

	if (!recipients)
		return 0;
	query_begin(&q, e, STMT_QUEUE_MAIL_LEFT);
	query_int(&q, mail);
	int err = query_run_int(&q, &left);
	if (err)
		return err;
	if (left <= (int64_t)recipients)
		return delete_mail(e, mail);
	query_begin(&q, e, STMT_QUEUE_MAIL_SET_LEFT);
	query_int(&q, mail);
	query_int(&q, left - (int64_t)recipients);
	return query_run(&q);
}

void queue_reply_bind(struct query *q, const struct queue_reply *r)
{
	query_int(q, r->code);
	query_text(q, r->enhanced);
	query_text(q, r->text);
	query_text(q, r->remote);
}

void queue_reply_read(struct query *q, struct shelf *s, struct queue_reply *r)
{
	r->code = (int)query_get_int(q);
	r->enhanced = shelf_text(s, q);
	r->text = shelf_text(s, q);
	r->remote = shelf_text(s, q);
}

void queue_recipient_read(struct query *q, struct shelf *s, struct queue_recipient *r)
{
	r->id = (uint32_t)query_get_int(q);
	r->address = shelf_text(s, q);
	r->canonical = shelf_text(s, q);
	r->notify = (unsigned)query_get_int(q);
	r->orcpt = shelf_text(s, q);
	r->attempts = (uint32_t)query_get_int(q);
	r->is_warned = query_get_int(q) != 0;
	r->next_us = query_get_int(q);
	r->tried_us = query_get_int(q);
	queue_reply_read(q, s, &r->last);
}
