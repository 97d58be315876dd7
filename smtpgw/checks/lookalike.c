#include "smtpgw/checks/lookalike.h"

#include <stdio.h>

#include "db/correspondent.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "smtpgw/counters.h"

struct lookalike_own {
	size_t count;
	size_t recipients; /* asked for, those behind the last reader too */
	int64_t readers[LOOKALIKE_READERS_MAX];
};

static int lookalike_open(const struct inspector *in, void **shared)
{
	*shared = (void *)in;
	return 0;
}

static bool lookalike_begin(struct check_job *job)
{
	const struct inspector *in = job->shared;

	return in->port && in->conf->smtpgw_correspondents > 0 && check_is_outside(job);
}

static void on_subscriber(void *arg, int err, const struct subscriber *s)
{
	struct lookalike_own *own = arg;

	if (!err && own->count < LOOKALIKE_READERS_MAX)
		own->readers[own->count++] = s->id;
}

static void lookalike_recipient(struct check_job *job, const struct mailaddr *to)
{
	const struct inspector *in = job->shared;
	struct lookalike_own *own = job->own;
	char folded[MAILADDR_TEXT_MAX + 1];

	own->recipients++;
	if (own->count < LOOKALIKE_READERS_MAX)
		subscriber_by_address(in->port, mailaddr_folded(to, folded), on_subscriber, own);
}

static void on_imitated(void *arg, int err, const char *imitated)
{
	struct findings *f = arg;

	if (!err && f->lookalike[0] == '\0')
		snprintf(f->lookalike, sizeof f->lookalike, "%s", imitated);
}

/* What could not be kept is heard of again with the next mail. */
static void on_noted(void *arg, int err)
{
	(void)arg;
	(void)err;
}

static void note(const struct inspector *in, int64_t subscriber, const char *domain)
{
	const struct correspondents c = {.subscriber = subscriber,
					 .domains = {domain},
					 .count = 1,
					 .now_us = clock_now_us(),
					 .most = in->conf->smtpgw_correspondents};

	correspondent_note(in->port, &c, on_noted, NULL);
}

static void lookalike_conclude(struct check_job *job)
{
	const struct inspector *in = job->shared;
	const struct lookalike_own *own = job->own;
	struct findings *f = check_findings(job);

	if (f->from_count == 0)
		return;
	for (size_t i = 0; i < own->count; i++)
		correspondent_imitated(in->port, own->readers[i], f->from.domain, on_imitated, f);
	f->is_lookalike_told = own->recipients == 1;
	if (f->lookalike[0] != '\0')
		counter_add(COUNT_LOOKALIKES, 1);
	for (size_t i = 0; i < own->count; i++)
		if (f->lookalike[0] == '\0' && f->dmarc.result == AUTHRES_PASS)
			note(in, own->readers[i], f->from.domain);
}

const struct check check_lookalike = {
	.name = "lookalike",
	.size = sizeof(struct lookalike_own),
	.open = lookalike_open,
	.begin = lookalike_begin,
	.recipient = lookalike_recipient,
	.conclude = lookalike_conclude,
};
