/* What is due, in groups: whose it is, where his phone is bound, what the schedule says, the send
 * log, the next time: one transaction for many rows. */
#include "db/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "db/bindings.h"
#include "db/freezes.h"
#include "db/mail.h"
#include "db/permits.h"
#include "lib/clock.h"
#include "lib/err.h"

#define TAKE_MAX 4096 /* rows of one group */

/* ---- what is known of a subscriber, as of the transaction's start ---- */

struct circumstances {
	struct schedule_facts rules;
	char msisdn[MSISDN_MAX];
	char mailbox[EMN_MAILBOX_MAX + 1];
	struct permits permits;
	struct target {
		struct key key;
		uint32_t generation;
		struct binding_seen seen;
	} targets[TRIGGER_TARGETS_MAX];
	size_t count, no_host;
	int64_t commit; /* of the bindings, that all this is as of */
};

static void read_name(struct query *q, struct circumstances *c)
{
	char shown[ADDRESS_MAX];

	query_get_text(q, c->msisdn, sizeof c->msisdn);
	query_get_text(q, shown, sizeof shown);
	size_t n = strlen(shown);
	if (n == 0 || n > EMN_MAILBOX_MAX)
		return;
	memcpy(c->mailbox, shown, n + 1);
	c->rules.has_owner = true;
}

static int read_freeze(struct engine *e, int64_t subscriber, struct circumstances *c)
{
	int64_t frozen = 0;
	struct query q;

	query_begin(&q, e, STMT_FREEZE_OF_SUBSCRIBER);
	query_int(&q, subscriber);
	int err = query_run_int(&q, &frozen);
	c->rules.is_frozen = frozen != 0;
	return err;
}

/* Reads TARGET_COLUMNS: a binding as far as the schedule needs it. */
static void read_held(struct query *q, struct binding *b)
{
	size_t n;

	*b = (struct binding){.generation = 0};
	query_get_key(q, &b->key);
	b->state = (enum key_state)query_get_int(q);
	b->generation = (uint32_t)query_get_int(q);
	b->subscriber = query_get_int(q);
	b->session = query_get_int(q);
	b->expires_us = query_get_int(q);
	b->renewed_us = query_get_int(q);
	const void *host = query_get_blob(q, &n);
	if (n == sizeof b->host.bytes)
		memcpy(b->host.bytes, host, n);
	const void *trigger_key = query_get_blob(q, &n);
	if (n == sizeof b->trigger_key)
		memcpy(b->trigger_key, trigger_key, n);
}

static struct target target_of(const struct binding *b, int64_t commit)
{
	struct target t = {.key = b->key,
			   .generation = b->generation,
			   .seen = {.commit = commit,
				    .state = b->state,
				    .expires_us = b->expires_us,
				    .host = b->host}};

	memcpy(t.seen.trigger_key, b->trigger_key, sizeof t.seen.trigger_key);
	return t;
}

/* What one binding means for the next step. */
static void judge(const struct schedule *s, const struct binding *b, bool behind, int64_t now_us,
		  struct circumstances *c)
{
	uint16_t port = schedule_port(s, b->key.realm);
	bool is_reachable = port && port >= b->key.port_first && port <= b->key.port_last;

	if (b->frozen) {
		c->rules.is_held_back = true;
	} else if (!is_reachable) {
		return;
	} else if (binding_state_at(b, now_us) == KEY_UNCONFIRMED) {
		if (b->renewed_us > c->rules.hopeful_us)
			c->rules.hopeful_us = b->renewed_us;
	} else if (!binding_allows(b, USE_UDP_TRIGGER, now_us)) {
		return;
	} else if (!binding_host(b)) {
		c->no_host++;
	} else if (behind) {
		c->rules.is_held_back = true;
		c->rules.hopeful_us = now_us;
	} else if (c->count < TRIGGER_TARGETS_MAX) {
		c->targets[c->count++] = target_of(b, c->commit);
		c->rules.has_target = true;
	}
}

/* The owner, and the bindings that he holds. */
static int read_owner(struct engine *e, int64_t subscriber, struct circumstances *c,
		      struct binding *held, size_t *n)
{
	struct query q;
	bool has_v6 = false;

	query_begin(&q, e, STMT_TRIGGER_OWNER);
	query_int(&q, subscriber);
	while (*n < TRIGGER_TARGETS_MAX && query_next(&q)) {
		read_name(&q, c);
		has_v6 |= query_get_int(&q) != 0;
		read_held(&q, &held[*n]);
		if (held[*n].subscriber == subscriber)
			(*n)++;
	}
	int err = query_end(&q);
	if (err || !has_v6)
		return err;
	query_begin(&q, e, STMT_TRIGGER_TARGETS_V6);
	query_int(&q, subscriber);
	while (*n < TRIGGER_TARGETS_MAX && query_next(&q)) {
		read_held(&q, &held[*n]);
		if (held[*n].subscriber == subscriber)
			(*n)++;
	}
	return query_end(&q);
}

static int look_round(struct engine *e, const struct schedule *s, const struct binding_doubts *d,
		      const struct outbox_row *row, int64_t now_us, struct circumstances *c)
{
	struct binding held[TRIGGER_TARGETS_MAX];
	size_t n = 0;
	int err = read_owner(e, row->subscriber, c, held, &n);

	if (err || !c->rules.has_owner)
		return err;
	if (d->any & CONTAINED_FREEZE)
		err = read_freeze(e, row->subscriber, c);
	for (size_t i = 0; !err && i < n; i++) {
		bool behind;
		err = binding_doubt(e, d, &held[i], &behind);
		if (!err)
			judge(s, &held[i], behind, now_us, c);
	}
	if (!err)
		err = permits_get(e, s, row, c->msisdn, now_us, &c->permits);
	if (err)
		return err;
	c->rules.udp = c->permits.udp;
	c->rules.sms = c->permits.sms;
	return 0;
}

/* ---- one row's step ---- */

/* What a step left to send. */
struct sendings {
	struct trigger_out *out;
	size_t count;
	size_t sms_room;
	size_t waiting, no_host;
	int64_t log; /* the newest id of the send log */
	struct binding_doubts doubts;
	int64_t commit; /* the newest one of the bindings that this transaction sees */
};

static int begin_sendings(struct engine *e, struct sendings *to)
{
	struct query q;

	query_begin(&q, e, STMT_SEND_LOG_NEWEST);
	int err = query_run_int(&q, &to->log);
	if (!err)
		err = bindings_commit(e, &to->commit);
	return err ? err : binding_doubts_read(e, &to->doubts);
}

static int log_out(struct engine *e, struct trigger_out *out)
{
	static const struct key none;
	const struct key *k = out->bearer == BEARER_UDP ? &out->key : &none;
	struct query q;

	query_begin(&q, e, STMT_SEND_LOG_PUT);
	query_int(&q, out->log);
	query_int(&q, out->logged_us);
	query_int(&q, out->timestamp_s);
	query_int(&q, out->tid);
	query_key(&q, k);
	query_int(&q, out->bearer == BEARER_UDP ? out->generation : 0);
	query_int(&q, out->subscriber);
	query_int(&q, out->covered_uid);
	query_text(&q, out->bearer == BEARER_UDP ? "" : out->msisdn);
	int err = query_run(&q);
	if (err || out->bearer != BEARER_UDP) /* an SMS goes through no binding */
		return err;
	const struct access_via via = {out->key, out->generation, out->subscriber};
	return access_append(e, &via, ACCESS_TRIGGERED, &out->covered_uid, 1, out->logged_us);
}

static void fill(struct trigger_out *out, enum bearer bearer, const struct outbox_row *row,
		 const struct circumstances *c, int64_t now_us)
{
	*out = (struct trigger_out){
		.bearer = bearer,
		.subscriber = row->subscriber,
		.form = c->permits.form,
		.timestamp_s = row->timestamp_s,
		.covered_uid = row->covered_uid,
		.attempts = bearer == BEARER_UDP ? row->attempts : row->sms_attempts,
		.mailed_us = row->mailed_us,
		.logged_us = now_us,
		.next_us = row->next_us,
	};
	memcpy(out->msisdn, c->msisdn, sizeof out->msisdn);
	memcpy(out->mailbox, c->mailbox, sizeof out->mailbox);
}

static int log_all(struct engine *e, enum bearer bearer, const struct outbox_row *row,
		   const struct circumstances *c, int64_t now_us, struct sendings *to)
{
	size_t n = bearer == BEARER_UDP ? c->count : 1;
	int err = 0;

	for (size_t i = 0; !err && i < n; i++) {
		struct trigger_out *out = &to->out[to->count];
		fill(out, bearer, row, c, now_us);
		out->log = ++to->log;
		out->tid = (uint8_t)(out->log & 0xff);
		if (i < c->count) {
			out->key = c->targets[i].key;
			out->generation = c->targets[i].generation;
			out->seen = c->targets[i].seen;
		}
		err = log_out(e, out);
		to->count++;
	}
	return err ? err : permits_spend(e, &c->permits, row->subscriber, bearer, now_us);
}

/* News: a timestamp that covers all of it. */
static int renew(struct engine *e, struct outbox_row *row)
{
	struct mailbox box;
	int err = mailbox_get(e, row->subscriber, &box);

	if (err)
		return err;
	row->timestamp_s = outbox_timestamp(&box, row->mailed_us);
	row->covered_uid = row->newest_uid;
	return mailbox_put(e, &box);
}

/* `to` has room for TRIGGER_TARGETS_MAX. */
static int step(struct engine *e, const struct schedule *s, struct outbox_row *row, int64_t now_us,
		struct sendings *to, enum schedule_verdict *verdict)
{
	struct circumstances c = {.commit = to->commit};
	const struct outbox_row before = *row;
	int err = look_round(e, s, &to->doubts, row, now_us, &c);

	if (err)
		return err;
	bool news = row->newest_uid > row->covered_uid;
	to->no_host += c.no_host;
	*verdict = schedule_step(s, &c.rules, to->sms_room > 0, now_us, row);
	if (*verdict == SCHEDULE_WAIT) {
		to->waiting++;
		return row->next_us == before.next_us && row->bearer == before.bearer &&
				       row->waiting_us == before.waiting_us
			       ? 0
			       : outbox_row_put(e, row);
	}
	if (news)
		err = renew(e, row);
	if (!err)
		err = log_all(e, *verdict == SCHEDULE_UDP ? BEARER_UDP : BEARER_SMS, row, &c,
			      now_us, to);
	if (*verdict == SCHEDULE_SMS)
		to->sms_room--;
	return err ? err : outbox_row_put(e, row);
}

int outbox_send_first(struct engine *e, const struct schedule *s, struct outbox_row *row,
		      struct trigger_out *out, size_t *n)
{
	struct sendings to = {.out = out};
	struct circumstances c = {.count = 0};
	struct outbox_row after = *row;
	int64_t now_us = clock_now_us();

	if (s->realm_count == 0)
		return 0;
	int err = begin_sendings(e, &to);
	if (!err)
		err = look_round(e, s, &to.doubts, row, now_us, &c);
	/* Whatever else it comes to, the trigger thread sees to it: the row is due. */
	if (err || schedule_step(s, &c.rules, false, now_us, &after) != SCHEDULE_UDP)
		return err;
	err = log_all(e, BEARER_UDP, &after, &c, now_us, &to);
	*n = to.count;
	*row = after;
	return err ? err : outbox_row_put(e, row);
}

/* ---- a group ---- */

struct take_write {
	struct write write;
	triggers_taken *done;
	void *arg;
	struct trigger_take take;
	size_t max; /* of out[] */
	struct trigger_out *out;
	struct outbox_row *rows;
	struct trigger_taken taken;
	int64_t woken[];
};

static int wake(struct take_write *w, struct engine *e, struct sendings *to)
{
	enum schedule_verdict verdict;
	int err = 0;

	for (size_t i = 0; !err && i < w->take.woken_count; i++) {
		struct outbox_row row;
		err = outbox_row_get(e, w->woken[i], &row);
		if (err == E_NOT_FOUND) {
			err = 0; /* read meanwhile */
			continue;
		}
		if (err)
			break;
		schedule_wake(w->take.now_us, &row);
		if (to->count + TRIGGER_TARGETS_MAX > w->max) {
			err = outbox_row_put(e, &row); /* due: the next group's */
			continue;
		}
		err = step(e, &w->write.port->db->options.schedule, &row, w->take.now_us, to,
			   &verdict);
		/* Whatever was decided, it is awake. */
		if (!err && verdict == SCHEDULE_WAIT)
			err = outbox_row_put(e, &row);
	}
	return err;
}

static int read_due(struct take_write *w, struct engine *e, size_t *n)
{
	struct query q;

	*n = 0;
	query_begin(&q, e, STMT_OUTBOX_DUE);
	query_int(&q, w->take.bearer);
	query_int(&q, w->take.now_us);
	query_int(&q, (int64_t)w->take.limit);
	while (*n < w->take.limit && query_next(&q))
		outbox_read(&q, &w->rows[(*n)++]);
	return query_end(&q);
}

static int read_next(struct engine *e, enum bearer queue, int64_t *next_us)
{
	struct query q;

	query_begin(&q, e, STMT_OUTBOX_NEXT);
	query_int(&q, queue);
	int err = query_run_int(&q, next_us);
	return err == E_NOT_FOUND ? 0 : err;
}

static int run_take(struct write *write, struct engine *e)
{
	struct take_write *w = (struct take_write *)write;
	const struct schedule *s = &w->write.port->db->options.schedule;
	struct sendings to = {.out = w->out, .sms_room = w->take.sms_room};
	enum schedule_verdict verdict;
	size_t n, i;

	int err = begin_sendings(e, &to);
	if (!err)
		err = wake(w, e, &to);
	if (!err)
		err = read_due(w, e, &n);
	for (i = 0; !err && i < n && to.count + TRIGGER_TARGETS_MAX <= w->max; i++) {
		/* Short messages that find no room stay where they are. */
		if (w->take.bearer == BEARER_SMS && s->sms && to.sms_room == 0)
			break;
		err = step(e, s, &w->rows[i], w->take.now_us, &to, &verdict);
	}
	if (err)
		return err;
	w->taken = (struct trigger_taken){.out = w->out,
					  .count = to.count,
					  .rows = i,
					  .waiting = to.waiting,
					  .no_host = to.no_host,
					  .next_us = INT64_MAX,
					  .sms_next_us = INT64_MAX};
	if (w->take.heard)
		err = outbox_heard(e, w->take.heard);
	if (!err)
		err = read_next(e, w->take.bearer, &w->taken.next_us);
	return err ? err : read_next(e, BEARER_SMS, &w->taken.sms_next_us);
}

static void take_done(struct write *write)
{
	struct take_write *w = (struct take_write *)write;

	w->done(w->arg, write->err, write->err ? NULL : &w->taken);
	free(w->out);
	free(w->rows);
}

void triggers_take(struct db_port *port, const struct trigger_take *take, triggers_taken *done,
		   void *arg)
{
	size_t limit = take->limit < TAKE_MAX ? take->limit : TAKE_MAX;
	struct take_write *w =
		write_new(sizeof *w + take->woken_count * sizeof *w->woken, 0, run_take, take_done);
	struct trigger_out *out = NULL;
	struct outbox_row *rows = malloc((limit + 1) * sizeof *rows);
	size_t max = limit + take->woken_count + TRIGGER_TARGETS_MAX;

	if (w && rows)
		out = malloc(max * sizeof *out);
	if (!out) {
		free(w);
		free(rows);
		done(arg, E_NOMEM, NULL);
		return;
	}
	w->done = done;
	w->arg = arg;
	w->take = *take;
	w->take.limit = limit;
	w->max = max;
	w->out = out;
	w->rows = rows;
	if (take->woken_count)
		memcpy(w->woken, take->woken, take->woken_count * sizeof *w->woken);
	write_submit(port, DB_MAIL, w);
}

/* ---- what the mail's own transaction logged ---- */

static int read_logged(struct engine *e, int64_t log, struct trigger_out *out)
{
	struct query q;

	*out = (struct trigger_out){.log = log, .tid = (uint8_t)(log & 0xff), .attempts = 1};
	query_begin(&q, e, STMT_SEND_LOG_GET);
	query_int(&q, log);
	int err = query_first(&q);
	if (!err) {
		out->timestamp_s = query_get_int(&q);
		query_get_key(&q, &out->key);
		out->generation = (uint32_t)query_get_int(&q);
		out->subscriber = query_get_int(&q);
		out->covered_uid = (uint32_t)query_get_int(&q);
		query_get_text(&q, out->msisdn, sizeof out->msisdn);
		out->bearer = *out->msisdn ? BEARER_SMS : BEARER_UDP;
		out->mailed_us = out->logged_us = query_get_int(&q);
	}
	query_end(&q);
	return err;
}

static int read_name_of(struct engine *e, int64_t subscriber, struct circumstances *c)
{
	struct query q;

	query_begin(&q, e, STMT_TRIGGER_NAME);
	query_int(&q, subscriber);
	if (query_next(&q))
		read_name(&q, c);
	return query_end(&q);
}

void trigger_logged(struct db_port *port, int64_t first, size_t n, trigger_logged_got *got,
		    void *arg)
{
	struct trigger_out out[TRIGGER_TARGETS_MAX];
	struct circumstances c = {.count = 0};
	struct outbox_row row;
	int err;
	struct engine *e = port_reader(port, DB_MAIL, &err);

	if (n > TRIGGER_TARGETS_MAX)
		n = TRIGGER_TARGETS_MAX;
	for (size_t i = 0; !err && i < n; i++)
		err = read_logged(e, first + (int64_t)i, &out[i]);
	if (!err && n && !outbox_row_get(e, out[0].subscriber, &row)) {
		out[0].mailed_us = row.mailed_us;
		out[0].next_us = row.next_us;
	}
	if (!err)
		e = port_reader(port, DB_BINDINGS, &err);
	if (!err && n)
		err = read_name_of(e, out[0].subscriber, &c);
	if (!err && !c.rules.has_owner)
		err = E_NOT_FOUND;
	for (size_t i = 0; !err && i < n; i++)
		memcpy(out[i].mailbox, c.mailbox, sizeof c.mailbox);
	got(arg, err, out, err ? 0 : n);
}
