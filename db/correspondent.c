#include "db/correspondent.h"

#include <string.h>

#include "db/db_private.h"
#include "lib/err.h"
#include "lib/rules/lookalike.h"

#define FRESH_US INT64_C(86400000000) /* so long a row need not be written again */

/* ---- noting ---- */

struct note {
	struct write write;
	db_done *done;
	void *arg;
	int64_t subscriber, now_us, most;
	size_t count;
	struct lookalike rows[CORRESPONDENT_NOTE_MAX];
};

static int put(struct engine *e, const struct note *n, const struct lookalike *row)
{
	struct query q;

	query_begin(&q, e, STMT_CORRESPONDENT_PUT);
	query_int(&q, n->subscriber);
	query_text(&q, row->skeleton);
	query_text(&q, row->domain);
	query_int(&q, n->now_us);
	return query_run(&q);
}

static int run_note(struct write *write, struct engine *e)
{
	const struct note *n = (const struct note *)write;
	struct query q;
	int err = 0;

	for (size_t i = 0; i < n->count && !err; i++)
		err = put(e, n, &n->rows[i]);
	if (err)
		return err;
	query_begin(&q, e, STMT_CORRESPONDENT_EVICT);
	query_int(&q, n->subscriber);
	query_int(&q, n->most);
	return query_run(&q);
}

static void note_done(struct write *write)
{
	struct note *n = (struct note *)write;

	n->done(n->arg, write->err);
}

/* 0: it was heard of lately; E_NOT_FOUND: to be written. */
static int look(struct engine *e, int64_t subscriber, const struct lookalike *row, int64_t since_us)
{
	struct query q;

	query_begin(&q, e, STMT_CORRESPONDENT_GET);
	query_int(&q, subscriber);
	query_text(&q, row->skeleton);
	query_text(&q, row->domain);
	query_int(&q, since_us);
	int err = query_first(&q);
	int end = query_end(&q);
	return err ? err : end;
}

/* Those of the domains that have to be written. */
static int gather(struct engine *e, const struct correspondents *c,
		  struct lookalike rows[CORRESPONDENT_NOTE_MAX], size_t *count)
{
	*count = 0;
	for (size_t i = 0; i < c->count && i < CORRESPONDENT_NOTE_MAX; i++) {
		struct lookalike *row = &rows[*count];
		if (lookalike_of(c->domains[i], row) != 0)
			continue;
		int err = look(e, c->subscriber, row, c->now_us - FRESH_US);
		if (err == E_NOT_FOUND)
			++*count;
		else if (err)
			return err;
	}
	return 0;
}

void correspondent_note(struct db_port *port, const struct correspondents *c, db_done *done,
			void *arg)
{
	struct lookalike rows[CORRESPONDENT_NOTE_MAX];
	struct note *n = NULL;
	size_t count = 0;
	int err = 0;
	struct engine *e = c->most > 0 ? port_reader(port, DB_QUEUE, &err) : NULL;

	if (e) {
		err = gather(e, c, rows, &count);
		engine_assert_idle(e);
	}
	if (!err && count > 0 && !(n = write_new(sizeof *n, 0, run_note, note_done)))
		err = E_NOMEM;
	if (!n) {
		done(arg, err);
		return;
	}
	memcpy(n->rows, rows, count * sizeof *rows);
	n->count = count;
	n->done = done;
	n->arg = arg;
	n->subscriber = c->subscriber;
	n->now_us = c->now_us;
	n->most = c->most;
	write_submit(port, DB_QUEUE, n);
}

/* ---- comparing ---- */

static int find(struct engine *e, int64_t subscriber, const struct lookalike *who,
		char imitated[DNS_NAME_MAX])
{
	char domain[DNS_NAME_MAX];
	bool is_known = false;
	struct query q;

	imitated[0] = '\0';
	query_begin(&q, e, STMT_CORRESPONDENT_ALIKE);
	query_int(&q, subscriber);
	query_text(&q, who->skeleton);
	while (!is_known && query_next(&q)) {
		query_get_text(&q, domain, sizeof domain);
		is_known = strcmp(domain, who->domain) == 0;
		if (imitated[0] == '\0')
			memcpy(imitated, domain, sizeof domain);
	}
	int err = query_end(&q);
	return err ? err : is_known || imitated[0] == '\0' ? E_NOT_FOUND : 0;
}

void correspondent_imitated(struct db_port *port, int64_t subscriber, const char *domain,
			    correspondent_got *got, void *arg)
{
	char imitated[DNS_NAME_MAX];
	struct lookalike who;
	struct engine *e = NULL;
	int err = lookalike_of(domain, &who);

	if (err)
		err = E_NOT_FOUND;
	else
		e = port_reader(port, DB_QUEUE, &err);
	if (e) {
		err = find(e, subscriber, &who, imitated);
		engine_assert_idle(e);
	}
	got(arg, err, err ? NULL : imitated);
}
