#include "smtpgw/checks/traps.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "db/greylist.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "smtpgw/checks/clients.h"
#include "smtpgw/checks/trap_list.h"
#include "smtpgw/counters.h"

struct traps {
	struct db_port *port;
	struct clients clients;
	struct trap_list list;
	uint32_t hits; /* so many block */
	int64_t keep_us;
	uint64_t rows_max;
};

struct traps_job {
	bool is_blocked;
	bool is_trap, is_for_postmaster; /* the recipient asked for last */
};

/* ---- the worker's part ---- */

static void traps_close(void *shared)
{
	struct traps *t = shared;

	trap_list_fini(&t->list);
	free(t);
}

static int traps_open(const struct inspector *in, void **shared)
{
	const struct conf *c = in->conf;
	const char *bad;

	if (!*c->smtpgw_traps)
		return 0;
	struct traps *t = calloc(1, sizeof *t);
	if (!t)
		return E_NOMEM;
	t->port = in->port;
	t->hits = (uint32_t)c->smtpgw_traps_hits;
	t->keep_us = c->smtpgw_traps_keep * CLOCK_S;
	t->rows_max = (uint64_t)c->smtpgw_traps_rows;
	int err = clients_read(c, &t->clients);
	if (!err)
		err = trap_list_read(c->smtpgw_traps, &t->list, &bad);
	if (err)
		traps_close(t);
	else
		*shared = t;
	return err;
}

/* ---- a mail's part ---- */

static void on_found(void *arg, int err, const struct trap_client *c)
{
	struct check_job *job = arg;
	const struct traps *t = job->shared;
	struct traps_job *own = job->own;

	own->is_blocked = !err && c->hits >= t->hits;
}

static bool traps_begin(struct check_job *job)
{
	const struct traps *t = job->shared;
	const struct findings *f = check_findings(job);

	if (!t || clients_are_exempt(&t->clients, &f->client))
		return false;
	trap_find(t->port, &f->client, clock_now_us(), on_found, job); /* before it returns */
	return true;
}

static void on_hit(void *arg, int err, const struct trap_client *c)
{
	char ip[ADDR_TEXT_MAX];

	(void)arg;
	if (!err)
		log_event(LOG_INFO, "trap-hit", LOG_TEXT("client", addr_format(&c->client, ip)),
			  LOG_INT("hits", c->hits), LOG_END);
}

static void traps_recipient(struct check_job *job, const struct mailaddr *to)
{
	struct traps *t = job->shared;
	struct traps_job *own = job->own;

	own->is_for_postmaster = strcasecmp(to->local, "postmaster") == 0;
	own->is_trap = trap_list_has(&t->list, to);
	if (!own->is_trap)
		return;
	counter_add(COUNT_TRAP_HITS, 1);
	const struct trap_hit hit = {.client = check_findings(job)->client,
				     .now_us = clock_now_us(),
				     .keep_us = t->keep_us,
				     .rows_max = t->rows_max};
	trap_hit(t->port, &hit, on_hit, NULL);
}

static void traps_rule(struct check_job *job, enum inspection_stage stage, struct ruling *out)
{
	const struct traps_job *own = job->own;
	char ip[ADDR_TEXT_MAX];

	if (stage != INSPECTION_RCPT || own->is_for_postmaster)
		return;
	if (own->is_blocked) {
		counter_add(COUNT_TRAP_BLOCKED, 1);
		ruling_refuse(out, 550, "5.7.1", "[%s] sent mail to addresses that nobody has",
			      addr_format(&check_findings(job)->client, ip));
	} else if (own->is_trap) {
		ruling_refuse(out, 550, "5.1.1", "nobody has this address");
	}
}

const struct check check_traps = {
	.name = "traps",
	.size = sizeof(struct traps_job),
	.open = traps_open,
	.close = traps_close,
	.begin = traps_begin,
	.recipient = traps_recipient,
	.rule = traps_rule,
};
