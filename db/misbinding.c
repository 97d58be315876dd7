/* What went through bindings that later proved wrong: doubts from the history of bindings.db,
 * joined here with the access record of mail.db by key and generation. binding-rules 9. */
#include <stdlib.h>
#include <string.h>

#include "db/bindings.h"
#include "db/mail.h"
#include "db/containment.h"
#include "lib/err.h"

#define LATE_US   INT64_C(5000000)        /* as the index says: less is the clocks' uncertainty */
#define RECORD_US (60 * INT64_C(1000000)) /* an access is recorded this much after it, at most */
#define ROWS_MAX  1000
#define UIDS_MAX  1000 /* of one access that are told */

static const char *const why_names[MISBINDING_WHYS] = {
	[MISBINDING_EVIDENCE] = "evidence",
	[MISBINDING_LATE] = "late-start",
	[MISBINDING_STALE] = "stale-start",
	[MISBINDING_REPLACED] = "replaced",
};

const char *misbinding_why_name(enum misbinding_why w)
{
	return w < MISBINDING_WHYS ? why_names[w] : "?";
}

/* A row of the history, and which accesses it puts in doubt. */
struct doubt {
	struct misbinding said; /* the fields that tell of the history */
	bool decides;
	int64_t from_us, to_us;
	uint32_t first, last; /* generations */
	int64_t holder;       /* whose accesses are none of it; 0: nobody's */
};

struct report {
	struct engine *bindings, *mail;
	const struct misbinding_query *query;
	struct misbinding *rows;
	size_t n, limit;
};

/* ---- doubts ---- */

static void read_doubt(struct query *q, struct doubt *d)
{
	struct misbinding *s = &d->said;

	memset(d, 0, sizeof *d);
	s->doubt = query_get_int(q);
	query_get_text(q, s->event, sizeof s->event);
	query_get_text(q, s->outcome, sizeof s->outcome);
	query_get_key(q, &s->key);
	s->generation = (uint32_t)query_get_int(q);
	d->decides = query_get_int(q) != 0;
	query_get_text(q, s->holder_msisdn, sizeof s->holder_msisdn);
	query_get_text(q, s->holder_imsi, sizeof s->holder_imsi);
	query_get_text(q, s->session_id, sizeof s->session_id);
	query_get_text(q, s->nas_id, sizeof s->nas_id);
	query_get_text(q, s->evidence, sizeof s->evidence);
	s->time_us = query_get_int(q);
	s->received_us = query_get_int(q);
}

static int read_doubts(const struct report *r, int64_t from, int64_t since_us, struct doubt *list,
		       size_t *n)
{
	struct query q;

	*n = 0;
	query_begin(&q, r->bindings, STMT_DOUBTS_FROM);
	query_int(&q, from);
	query_text(&q, r->query->realm);
	query_int(&q, since_us);
	query_int(&q, MISBINDING_DOUBTS);
	while (*n < MISBINDING_DOUBTS && query_next(&q))
		read_doubt(&q, &list[(*n)++]);
	return query_end(&q);
}

static int arrival(struct engine *e, int64_t id, int64_t *at_us)
{
	struct query q;

	query_begin(&q, e, STMT_HISTORY_ARRIVAL);
	query_int(&q, id);
	return query_run_int(&q, at_us);
}

/* The first row that arrived at `since_us` or later, give or take: rows come nearly in that order.
 */
static int first_since(struct engine *e, int64_t since_us, int64_t *out)
{
	int64_t low = 0, high = 0, at_us;
	struct query q;

	query_begin(&q, e, STMT_HISTORY_LAST);
	int err = query_run_int(&q, &high);
	while (!err && low < high) {
		int64_t middle = low + (high - low) / 2;
		err = arrival(e, middle, &at_us);
		if (err)
			break;
		if (at_us < since_us - RECORD_US)
			low = middle + 1;
		else
			high = middle;
	}
	*out = low;
	return err == E_NOT_FOUND ? 0 : err;
}

static bool is_reason(const char *outcome)
{
	for (int reason = QUARANTINE_NONE + 1; reason < QUARANTINE_REASONS; reason++)
		if (!strcmp(outcome, quarantine_reason_name((enum quarantine_reason)reason)))
			return true;
	return false;
}

static int find_holder(struct engine *e, const struct misbinding *s, int64_t *id)
{
	bool by_number = *s->holder_msisdn != '\0';
	struct query q;

	*id = 0;
	if (!by_number && !*s->holder_imsi)
		return 0;
	query_begin(&q, e, by_number ? STMT_SUBSCRIBER_ID_BY_MSISDN : STMT_SUBSCRIBER_ID_BY_IMSI);
	query_text(&q, by_number ? s->holder_msisdn : s->holder_imsi);
	int err = query_run_int(&q, id);
	return err == E_NOT_FOUND ? 0 : err;
}

/* Between which times of our clock the event may have been. What is measured of a NAS's clock may
 * be its feed's delay as well: so the report takes the wider one, and rather says too much. */
static int widen(struct engine *e, const struct misbinding *s, int64_t *first_us, int64_t *last_us)
{
	struct query q;
	int64_t offset_us = 0;

	query_begin(&q, e, STMT_NAS_OFFSET);
	query_text(&q, s->key.realm);
	query_text(&q, s->nas_id);
	int err = query_run_int(&q, &offset_us);
	*first_us = s->time_us + (offset_us < 0 ? offset_us : 0);
	*last_us = s->time_us + (offset_us > 0 ? offset_us : 0);
	return err == E_NOT_FOUND ? 0 : err;
}

/* The row that decided a key before another one. */
struct decider {
	int64_t id, received_us;
	char event[24], outcome[64];
	uint32_t generation;
};

static int decider_before(struct engine *e, const struct key *k, int64_t id, struct decider *d)
{
	struct query q;

	query_begin(&q, e, STMT_HISTORY_BEFORE);
	query_key(&q, k);
	query_int(&q, id);
	int err = query_first(&q);
	if (!err) {
		d->id = query_get_int(&q);
		query_get_text(&q, d->event, sizeof d->event);
		query_get_text(&q, d->outcome, sizeof d->outcome);
		d->generation = (uint32_t)query_get_int(&q);
		d->received_us = query_get_int(&q);
	}
	query_end(&q);
	return err;
}

/* Whom the row took the key from, by a generation of its own; 0: from nobody. A resynchronisation
 * ends the one before it binds the other. */
static int replaced_generation(struct engine *e, const struct misbinding *s, uint32_t *out)
{
	static const char *const binds[] = {"start", "update", "resync"};
	struct decider d = {0};
	int err = decider_before(e, &s->key, s->doubt, &d);

	*out = 0;
	if (!err && !strcmp(d.event, "resync") && !strcmp(d.outcome, "ended") &&
	    d.received_us == s->received_us)
		err = decider_before(e, &s->key, d.id, &d);
	for (size_t i = 0; !err && i < sizeof binds / sizeof *binds; i++)
		if (!strcmp(d.event, binds[i]) && strcmp(d.outcome, "ended") != 0)
			*out = d.generation;
	return err == E_NOT_FOUND ? 0 : err;
}

static int next_change(struct engine *e, const struct misbinding *s, int64_t *at_us)
{
	struct query q;

	query_begin(&q, e, STMT_HISTORY_NEXT_TIME);
	query_key(&q, &s->key);
	query_int(&q, s->time_us);
	return query_run_int(&q, at_us);
}

static int weigh_stale(struct engine *e, struct doubt *d, int64_t first_us, int64_t last_us)
{
	int64_t next_us = 0;
	int err = next_change(e, &d->said, &next_us);

	d->said.why = MISBINDING_STALE;
	d->from_us = first_us;
	d->to_us = next_us ? next_us + (last_us - d->said.time_us) : d->said.received_us;
	d->last = UINT32_MAX;
	return err;
}

static int weigh_replaced(struct engine *e, struct doubt *d)
{
	int err = replaced_generation(e, &d->said, &d->first);

	d->said.why = MISBINDING_REPLACED;
	d->last = d->first;
	d->to_us = d->first ? d->said.received_us + RECORD_US : 0;
	return err;
}

/* Which accesses: by time, generation, and whose. An empty time: none. */
static int weigh(struct engine *e, struct doubt *d)
{
	struct misbinding *s = &d->said;
	int64_t first_us, last_us;
	int err;

	if (is_reason(s->outcome)) {
		s->why = MISBINDING_EVIDENCE;
		d->first = d->last = s->generation;
		d->to_us = s->received_us + RECORD_US;
		return 0;
	}
	err = find_holder(e, s, &d->holder);
	if (!err)
		err = widen(e, s, &first_us, &last_us);
	if (err)
		return err;
	bool is_start = !strcmp(s->event, "start");
	if (is_start && !d->decides)
		return weigh_stale(e, d, first_us, last_us);
	if (!is_start && d->decides && strcmp(s->outcome, "ended") != 0)
		return weigh_replaced(e, d);
	if (!is_start || s->received_us - first_us <= LATE_US || s->generation == 0)
		return 0;
	s->why = MISBINDING_LATE;
	d->from_us = first_us;
	d->to_us = s->received_us;
	d->last = s->generation - 1;
	return 0;
}

/* ---- accesses ---- */

/* Packed uids -> a copy of its own; of very many the first. */
static int copy_uids(const uint8_t *packed, size_t n, struct misbinding *m)
{
	size_t count = n / 4 < UIDS_MAX ? n / 4 : UIDS_MAX;
	uint32_t *uids = malloc((count + 1) * sizeof *uids);

	if (!uids)
		return E_NOMEM;
	for (size_t i = 0; i < count; i++, packed += 4)
		uids[i] = (uint32_t)packed[0] << 24 | (uint32_t)packed[1] << 16 |
			  (uint32_t)packed[2] << 8 | packed[3];
	m->uids = uids;
	m->uid_count = count;
	return 0;
}

static int read_access(struct query *q, const struct doubt *d, struct misbinding *m)
{
	size_t n;

	*m = d->said;
	m->access = query_get_int(q);
	m->at_us = query_get_int(q);
	query_get_text(q, m->what, sizeof m->what);
	m->generation = (uint32_t)query_get_int(q);
	m->subscriber = query_get_int(q);
	const uint8_t *packed = query_get_blob(q, &n);
	return copy_uids(packed, n, m);
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static int read_accesses(struct report *r, const struct doubt *d, int64_t after)
{
	int64_t to_us = d->to_us < r->query->until_us ? d->to_us : r->query->until_us;
	struct query q;
	int err = 0;

	query_begin(&q, r->mail, STMT_ACCESS_OF_KEY);
	query_key(&q, &d->said.key);
	query_int(&q, after);
	query_int(&q, later(d->from_us, r->query->since_us));
	query_int(&q, to_us);
	query_int(&q, d->first);
	query_int(&q, d->last);
	query_int(&q, d->holder);
	query_int(&q, (int64_t)(r->limit - r->n));
	while (!err && r->n < r->limit && query_next(&q)) {
		err = read_access(&q, d, &r->rows[r->n]);
		r->n += !err;
	}
	int failed = query_end(&q);
	return err ? err : failed;
}

static int name_subscribers(struct report *r)
{
	for (size_t i = 0; i < r->n; i++) {
		struct misbinding *m = &r->rows[i];
		struct query q;
		query_begin(&q, r->bindings, STMT_SUBSCRIBER_BY_ID);
		query_int(&q, m->subscriber);
		int err = query_first(&q);
		if (!err) {
			query_get_int(&q);
			query_get_text(&q, m->msisdn, sizeof m->msisdn);
			query_get_text(&q, m->imsi, sizeof m->imsi);
		}
		query_end(&q);
		if (err && err != E_NOT_FOUND)
			return err;
	}
	return 0;
}

/* ---- the report ---- */

/* Through the doubts from where it stands. *more: *next is where to go on. */
static int look(struct report *r, struct doubt *doubts, struct misbinding_place *next, bool *more)
{
	const struct misbinding_place *after = &r->query->after;
	int64_t from = after->doubt;
	size_t n = 0;
	int err = from ? 0 : first_since(r->bindings, r->query->since_us, &from);

	*more = false;
	if (!err)
		err = read_doubts(r, from, r->query->since_us - RECORD_US, doubts, &n);
	for (size_t i = 0; !err && i < n && r->n < r->limit; i++) {
		struct doubt *d = &doubts[i];
		int64_t passed = d->said.doubt == after->doubt ? after->access : 0;
		err = weigh(r->bindings, d);
		if (!err && d->from_us < d->to_us)
			err = read_accesses(r, d, passed);
	}
	if (err || (n < MISBINDING_DOUBTS && r->n < r->limit))
		return err;
	*more = true;
	if (r->n == r->limit) /* there may be more of the last one's */
		*next = (struct misbinding_place){r->rows[r->n - 1].doubt,
						  r->rows[r->n - 1].access};
	else
		*next = (struct misbinding_place){doubts[n - 1].said.doubt + 1, 0};
	return 0;
}

static int make_report(struct report *r, struct misbinding_place *next, bool *more)
{
	struct doubt *doubts = malloc(MISBINDING_DOUBTS * sizeof *doubts);

	if (!doubts || !r->rows) {
		free(doubts);
		return E_NOMEM;
	}
	int err = look(r, doubts, next, more);
	free(doubts);
	return err ? err : name_subscribers(r);
}

void misbinding_report(struct db_port *port, const struct misbinding_query *query,
		       misbinding_got *got, void *arg)
{
	struct report r = {.query = query, .limit = query->limit};
	struct misbinding_place next;
	bool more = false;
	int err;

	if (r.limit > ROWS_MAX)
		r.limit = ROWS_MAX;
	if (r.limit < 1)
		r.limit = 1;
	r.bindings = port_reader(port, DB_BINDINGS, &err);
	if (!err)
		r.mail = port_reader(port, DB_MAIL, &err);
	if (!err) {
		r.rows = calloc(r.limit, sizeof *r.rows);
		err = make_report(&r, &next, &more);
		engine_assert_idle(r.bindings);
		engine_assert_idle(r.mail);
	}
	got(arg, err, r.rows, err ? 0 : r.n, !err && more ? &next : NULL);
	for (size_t i = 0; i < r.n; i++)
		free((void *)r.rows[i].uids);
	free(r.rows);
}

/* ---- the steps of containment ---- */

static void read_step(struct query *q, struct containment_step *s)
{
	size_t n;

	memset(s, 0, sizeof *s);
	s->id = query_get_int(q);
	query_get_text(q, s->event, sizeof s->event);
	query_get_text(q, s->outcome, sizeof s->outcome);
	query_get_text(q, s->realm, sizeof s->realm);
	const void *addr = query_get_blob(q, &n);
	if (n == sizeof s->prefix.base.bytes)
		memcpy(s->prefix.base.bytes, addr, n);
	s->prefix.plen = (uint8_t)query_get_int(q);
	query_get_text(q, s->msisdn, sizeof s->msisdn);
	query_get_text(q, s->imsi, sizeof s->imsi);
	query_get_text(q, s->nas_id, sizeof s->nas_id);
	query_get_text(q, s->feeder, sizeof s->feeder);
	query_get_text(q, s->evidence, sizeof s->evidence);
	s->time_us = query_get_int(q);
}

void containment_steps(struct db_port *port, const char *realm, int64_t before, size_t limit,
		       containment_steps_got *got, void *arg)
{
	struct query q;
	size_t n = 0;
	int err;
	struct engine *e = port_reader(port, DB_BINDINGS, &err);

	if (limit > ROWS_MAX)
		limit = ROWS_MAX;
	struct containment_step *list = malloc((limit ? limit : 1) * sizeof *list);
	if (!list)
		err = E_NOMEM;
	if (!err) {
		query_begin(&q, e, STMT_STEPS_BEFORE);
		query_text(&q, realm);
		query_int(&q, before ? before : INT64_MAX);
		query_int(&q, (int64_t)limit);
		while (n < limit && query_next(&q))
			read_step(&q, &list[n++]);
		err = query_end(&q);
		engine_assert_idle(e);
	}
	got(arg, err, list, err ? 0 : n);
	free(list);
}
