#include "smtpgw/checks/returned.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/err.h"
#include "lib/log.h"
#include "smtpgw/checks/returned_report.h"
#include "smtpgw/counters.h"

#define FIRST_ROOM 8192

struct returned {
	const struct conf *conf;
	struct db_port *port;
	struct return_seal *seal;
	size_t mails; /* that are held now */
};

/* What is on its way to the disk. Outlives a mail whose session has ended. */
struct noting {
	struct check_job *job; /* null: nobody waits any more */
	size_t left;
};

struct returned_job {
	struct noting *noting;
	uint8_t *octets;
	size_t n, room;
	bool is_held, is_report, is_dropped;
	size_t recipients;
	int64_t to; /* the subscriber; 0: nobody's address */
};

/* ---- the worker's part ---- */

static void returned_close(void *shared)
{
	struct returned *w = shared;

	return_seal_free(w->seal);
	free(w);
}

static int returned_open(const struct inspector *in, void **shared)
{
	char error[256], *why = error;
	struct returned *w = calloc(1, sizeof *w);

	if (!w)
		return E_NOMEM;
	w->conf = in->conf;
	w->port = in->port;
	int err = return_seal_open(in->conf, &w->seal, error);
	if (err)
		log_event(LOG_ERROR, "return-key", LOG_TEXT("why", why), LOG_END);
	if (err || !w->seal || in->conf->smtpgw_suppression_seconds == 0)
		returned_close(w);
	else
		*shared = w;
	return err;
}

/* ---- the mail as it comes ---- */

static void drop(struct check_job *job)
{
	struct returned *w = job->shared;
	struct returned_job *own = job->own;

	free(own->octets);
	own->octets = NULL;
	own->is_dropped = true;
	w->mails -= own->is_held;
	own->is_held = false;
}

static bool returned_begin(struct check_job *job)
{
	return job->shared && mailaddr_is_null(&check_findings(job)->reverse_path);
}

static void on_subscriber(void *arg, int err, const struct subscriber *s)
{
	struct returned_job *own = arg;

	if (!err)
		own->to = s->id;
}

static void returned_recipient(struct check_job *job, const struct mailaddr *to)
{
	const struct returned *w = job->shared;
	struct returned_job *own = job->own;
	char folded[MAILADDR_TEXT_MAX + 1];

	if (own->recipients++ == 0)
		subscriber_by_address(w->port, mailaddr_folded(to, folded), on_subscriber, own);
}

static void returned_field(struct check_job *job, const struct header_field *field)
{
	static const char report[] = "multipart/report";
	struct returned_job *own = job->own;

	if (header_is(field, "Content-Type"))
		own->is_report = field->value_len >= sizeof report - 1 &&
				 strncasecmp(field->value, report, sizeof report - 1) == 0;
}

static void returned_header(struct check_job *job)
{
	const struct returned_job *own = job->own;

	if (!own->is_report || own->recipients != 1 || own->to == 0)
		drop(job);
}

/* One more whose octets are held, if there is room for it. */
static bool hold(struct returned *w, struct returned_job *own)
{
	if (own->is_held)
		return true;
	if (w->mails >= (size_t)w->conf->smtpgw_return_mails) {
		counter_add(COUNT_RETURNED_PASSED, 1);
		return false;
	}
	w->mails++;
	own->is_held = true;
	return true;
}

static bool make_room(struct returned_job *own, size_t n, size_t most)
{
	size_t room = own->room ? own->room : FIRST_ROOM;

	while (room < own->n + n)
		room *= 2;
	if (room > most)
		room = most;
	if (room == own->room)
		return true;
	uint8_t *octets = realloc(own->octets, room);
	if (octets) {
		own->octets = octets;
		own->room = room;
	}
	return octets != NULL;
}

static void returned_octets(struct check_job *job, const uint8_t *octets, size_t n)
{
	struct returned *w = job->shared;
	struct returned_job *own = job->own;
	size_t most = (size_t)w->conf->smtpgw_return_octets;

	if (own->is_dropped)
		return;
	if (n > most - own->n)
		n = most - own->n;
	if (n == 0)
		return;
	if (!hold(w, own) || !make_room(own, n, most)) {
		drop(job);
		return;
	}
	memcpy(own->octets + own->n, octets, n);
	own->n += n;
}

/* ---- what it proves ---- */

static void on_noted(void *arg, int err)
{
	struct noting *k = arg;

	if (!err)
		counter_add(COUNT_RETURNED_DEAD, 1);
	else if (err != E_EXISTS)
		counter_add(COUNT_RETURNED_STORE_ERRORS, 1);
	if (--k->left > 0)
		return;
	struct check_job *job = k->job;
	free(k);
	if (!job)
		return;
	((struct returned_job *)job->own)->noting = NULL;
	check_release(job, INSPECTION_CONTENT);
}

static void note(struct check_job *job, const struct returned_report *report)
{
	const struct returned *w = job->shared;
	struct returned_job *own = job->own;
	int64_t now_us = clock_now_us();
	struct noting *k = calloc(1, sizeof *k);

	if (!k) {
		counter_add(COUNT_RETURNED_STORE_ERRORS, 1);
		return;
	}
	*k = (struct noting){job, report->count};
	own->noting = k;
	check_hold(job, INSPECTION_CONTENT);
	for (size_t i = 0; i < report->count; i++) {
		const struct returned_address *dead = &report->dead[i];
		const struct suppression s = {
			.sender = own->to,
			.address = dead->address,
			.reason = {dead->code, dead->enhanced, dead->text, dead->remote},
			.since_us = now_us,
			.expires_us = now_us + w->conf->smtpgw_suppression_seconds * CLOCK_S};
		log_event(LOG_INFO, "returned-dead", LOG_TEXT("id", check_mail_id(job)),
			  LOG_INT("mail", report->mail), LOG_TEXT("to", dead->address),
			  LOG_TEXT("enhanced", dead->enhanced), LOG_END);
		suppression_note(w->port, &s, on_noted, k);
	}
}

static void tell(const struct check_job *job, const struct returned_report *report)
{
	bool is_suspect = report->verdict == RETURNED_FORGED || report->verdict == RETURNED_FOREIGN;

	if (report->verdict == RETURNED_UNSEALED)
		return;
	if (is_suspect || report->verdict == RETURNED_EXPIRED)
		counter_add(COUNT_RETURNED_UNPROVED, 1);
	log_event(is_suspect ? LOG_WARN : LOG_INFO, "returned", LOG_TEXT("id", check_mail_id(job)),
		  LOG_TEXT("verdict", returned_verdict_word(report->verdict)),
		  LOG_INT("mail", report->mail), LOG_END);
}

static void returned_complete(struct check_job *job)
{
	const struct returned *w = job->shared;
	struct returned_job *own = job->own;
	const struct returned_rules rules = {
		.seal = w->seal,
		.to = own->to,
		.now_s = clock_now_s(),
		.valid_s = w->conf->smtpgw_return_seconds,
		.recipients_max = (size_t)w->conf->smtpgw_return_recipients,
	};

	if (!own->octets)
		return;
	struct returned_report *report = malloc(sizeof *report);
	if (report && returned_report_read(&rules, own->octets, own->n, report) == 0) {
		tell(job, report);
		if (report->verdict == RETURNED_DEAD)
			note(job, report);
	}
	free(report);
	drop(job);
}

/* The entry is made all the same. */
static void returned_expire(struct check_job *job)
{
	struct returned_job *own = job->own;

	if (own->noting)
		own->noting->job = NULL;
	own->noting = NULL;
}

static void returned_end(struct check_job *job)
{
	returned_expire(job);
	drop(job);
}

const struct check check_returned = {
	.name = "returned",
	.size = sizeof(struct returned_job),
	.open = returned_open,
	.close = returned_close,
	.begin = returned_begin,
	.recipient = returned_recipient,
	.field = returned_field,
	.header = returned_header,
	.octets = returned_octets,
	.complete = returned_complete,
	.expire = returned_expire,
	.end = returned_end,
};
