#include "smtpgw/checks/greylist.h"

#include <stdlib.h>
#include <strings.h>

#include "db/greylist.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "smtpgw/checks/clients.h"
#include "smtpgw/counters.h"

#define STATS_US (10 * CLOCK_S)

struct greylist {
	struct db_port *port;
	struct clients clients;
	struct greylist_rules rules;
	uint64_t rows_max;
	struct loop_timer *timer; /* for the gauges; null but for the first worker */
};

/* Outlives a mail whose session has ended: the store still answers. */
struct question {
	struct check_job *job; /* null: nobody is interested any more */
};

struct greylist_job {
	struct question *question;
	int64_t wait_us; /* of the recipient asked for last; 0: let in */
};

/* ---- the worker's part ---- */

static void on_stats(void *arg, int err, const struct greylist_stats *stats)
{
	(void)arg;
	if (err)
		return;
	counter_set(COUNT_GREYLIST_ROWS, (int64_t)stats->triplets);
	counter_set(COUNT_TRAP_CLIENTS, (int64_t)stats->clients);
}

static void on_time(void *arg)
{
	struct greylist *g = arg;

	greylist_stats(g->port, on_stats, g);
	loop_timer_set(g->timer, STATS_US);
}

static void greylist_close(void *shared)
{
	struct greylist *g = shared;

	loop_timer_free(g->timer);
	free(g);
}

static int greylist_open(const struct inspector *in, void **shared)
{
	const struct conf *c = in->conf;

	if (!c->smtpgw_greylist)
		return 0;
	struct greylist *g = calloc(1, sizeof *g);
	if (!g)
		return E_NOMEM;
	g->port = in->port;
	g->rules = (struct greylist_rules){.delay_us = c->smtpgw_greylist_delay * CLOCK_S,
					   .window_us = c->smtpgw_greylist_window * CLOCK_S,
					   .keep_us = c->smtpgw_greylist_keep * 86400 * CLOCK_S};
	g->rows_max = (uint64_t)c->smtpgw_greylist_rows;
	int err = clients_read(c, &g->clients);
	if (!err && in->is_first && !(g->timer = loop_timer_new(in->loop, on_time, g)))
		err = E_NOMEM;
	if (err) {
		greylist_close(g);
		return err;
	}
	if (g->timer)
		on_time(g);
	*shared = g;
	return 0;
}

/* ---- a mail's part ---- */

static bool greylist_begin(struct check_job *job)
{
	const struct greylist *g = job->shared;

	return g && !clients_are_exempt(&g->clients, &check_findings(job)->client);
}

static void on_verdict(void *arg, int err, const struct greylist_verdict *v)
{
	struct question *q = arg;
	struct check_job *job = q->job;

	free(q);
	if (!job)
		return;
	struct greylist_job *own = job->own;
	own->question = NULL;
	if (!err && v->answer == GREYLIST_WAIT)
		own->wait_us = v->wait_us;
	if (!err && v->is_first_pass)
		counter_add(COUNT_GREYLIST_CAME_AGAIN, 1);
	check_release(job, INSPECTION_RCPT);
}

static void greylist_recipient(struct check_job *job, const struct mailaddr *to)
{
	const struct greylist *g = job->shared;
	struct greylist_job *own = job->own;
	char from[MAILADDR_TEXT_MAX + 1], whom[MAILADDR_TEXT_MAX + 1];
	const struct findings *f = check_findings(job);

	own->wait_us = 0;
	if (strcasecmp(to->local, "postmaster") == 0)
		return;
	struct question *q = calloc(1, sizeof *q);
	if (!q)
		return;
	q->job = job;
	own->question = q;
	const struct greylist_triplet t = {.client = f->client,
					   .reverse_path = mailaddr_folded(&f->reverse_path, from),
					   .recipient = mailaddr_folded(to, whom)};
	check_hold(job, INSPECTION_RCPT);
	greylist_ask(g->port, &t, &g->rules, g->rows_max, clock_now_us(), on_verdict, q);
}

static void let_go(struct check_job *job)
{
	struct greylist_job *own = job->own;

	if (own->question)
		own->question->job = NULL;
	own->question = NULL;
}

static void greylist_rule(struct check_job *job, enum inspection_stage stage, struct ruling *out)
{
	const struct greylist_job *own = job->own;

	if (stage != INSPECTION_RCPT || own->wait_us == 0 || check_findings(job)->score < 0)
		return;
	counter_add(COUNT_GREYLISTED, 1);
	ruling_refuse(out, 451, "4.7.1", "we do not know you yet, come again in %lld s",
		      (long long)((own->wait_us + CLOCK_S - 1) / CLOCK_S));
}

const struct check check_greylist = {
	.name = "greylist",
	.size = sizeof(struct greylist_job),
	.open = greylist_open,
	.close = greylist_close,
	.begin = greylist_begin,
	.recipient = greylist_recipient,
	.expire = let_go,
	.rule = greylist_rule,
	.end = let_go,
};
