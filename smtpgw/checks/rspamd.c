#include "smtpgw/checks/rspamd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/greylist.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/err.h"
#include "lib/http_client.h"
#include "lib/log.h"
#include "smtpgw/checks/rspamd_reply.h"
#include "smtpgw/counters.h"

#define ANSWER_MAX     262144 /* of rspamd: symbols and all */
#define RECIPIENTS_MAX 32     /* that it is told of */
#define FIELDS_MAX     (RECIPIENTS_MAX + 8)
#define ROOM_FIRST     16384

struct rspamd {
	struct http_client *client;
	struct db_port *port;
	const struct conf *conf;
	size_t mails; /* that are kept or asked about */
};

/* Outlives its mail, as the store's answer may. */
struct question {
	struct check_job *job; /* null: nobody is interested any more */
};

struct rspamd_job {
	bool is_skipped; /* too large, or one too many */
	bool is_counted; /* in rspamd.mails */
	uint8_t *octets;
	size_t n, room;
	size_t recipient_count;
	char *recipients[RECIPIENTS_MAX];
	struct http_call *call;
	struct question *question;
	bool has_reply;
	struct rspamd_reply reply;
	int64_t wait_us; /* greylisted */
};

/* ---- the worker's part ---- */

static void rspamd_close(void *shared)
{
	struct rspamd *r = shared;

	http_client_close(r->client);
	free(r);
}

static int rspamd_open(const struct inspector *in, void **shared)
{
	struct http_url url;

	if (!*in->conf->smtpgw_rspamd_url)
		return 0;
	int err = http_url_parse(in->conf->smtpgw_rspamd_url, &url);
	struct rspamd *r = err ? NULL : calloc(1, sizeof *r);
	if (!r)
		return err ? err : E_NOMEM;
	if (strcmp(url.path, "/") == 0)
		strcpy(url.path, "/checkv2");
	r->port = in->port;
	r->conf = in->conf;
	err = http_client_open(in->loop, &url, in->conf->smtpgw_rspamd_timeout * 1000, ANSWER_MAX,
			       &r->client);
	if (err)
		free(r);
	else
		*shared = r;
	return err;
}

/* ---- what it is shown ---- */

static bool rspamd_begin(struct check_job *job)
{
	return job->shared != NULL;
}

static void rspamd_recipient(struct check_job *job, const struct mailaddr *to)
{
	struct rspamd_job *own = job->own;
	char text[MAILADDR_TEXT_MAX + 1];

	if (own->recipient_count == RECIPIENTS_MAX)
		return;
	char *copy = strdup(mailaddr_format(to, text));
	if (copy)
		own->recipients[own->recipient_count++] = copy;
}

static void drop(struct check_job *job)
{
	struct rspamd *r = job->shared;
	struct rspamd_job *own = job->own;

	free(own->octets);
	own->octets = NULL;
	own->n = own->room = 0;
	r->mails -= own->is_counted;
	own->is_counted = false;
}

static void skip(struct check_job *job)
{
	struct rspamd_job *own = job->own;

	drop(job);
	own->is_skipped = true;
	counter_add(COUNT_RSPAMD_SKIPPED, 1);
}

static bool make_room(struct rspamd_job *own, size_t n)
{
	size_t room = own->room ? own->room : ROOM_FIRST;

	while (room < own->n + n)
		room *= 2;
	if (room == own->room)
		return true;
	uint8_t *more = realloc(own->octets, room);
	if (!more)
		return false;
	own->octets = more;
	own->room = room;
	return true;
}

static void rspamd_octets(struct check_job *job, const uint8_t *octets, size_t n)
{
	struct rspamd *r = job->shared;
	struct rspamd_job *own = job->own;

	if (own->is_skipped)
		return;
	if (!own->is_counted && r->mails < (size_t)r->conf->smtpgw_rspamd_mails) {
		own->is_counted = true;
		r->mails++;
	}
	if (!own->is_counted || n > (size_t)r->conf->smtpgw_rspamd_size - own->n ||
	    !make_room(own, n)) {
		skip(job);
		return;
	}
	memcpy(own->octets + own->n, octets, n);
	own->n += n;
}

/* ---- what it says ---- */

static void write_findings(struct check_job *job)
{
	struct findings *f = check_findings(job);
	const struct rspamd_job *own = job->own;

	snprintf(f->rspamd_action, sizeof f->rspamd_action, "%s", own->reply.word);
	f->rspamd_score = own->reply.score;
	f->is_spam = own->reply.action == RSPAMD_MARK;
}

static void on_verdict(void *arg, int err, const struct greylist_verdict *v)
{
	struct question *q = arg;
	struct check_job *job = q->job;

	free(q);
	if (!job)
		return;
	struct rspamd_job *own = job->own;
	own->question = NULL;
	if (!err && v->answer == GREYLIST_WAIT)
		own->wait_us = v->wait_us;
	check_release(job, INSPECTION_CONTENT);
}

/* Holds the content's ruling for the store's answer. */
static void ask_greylist(struct check_job *job)
{
	const struct rspamd *r = job->shared;
	const struct conf *c = r->conf;
	struct rspamd_job *own = job->own;
	const struct findings *f = check_findings(job);
	char from[MAILADDR_TEXT_MAX + 1], whom[MAILADDR_TEXT_MAX + sizeof "rspamd "];
	const struct greylist_rules rules = {.delay_us = c->smtpgw_greylist_delay * CLOCK_S,
					     .window_us = c->smtpgw_greylist_window * CLOCK_S,
					     .keep_us = c->smtpgw_greylist_keep * 86400 * CLOCK_S};
	struct question *q = calloc(1, sizeof *q);

	if (!q)
		return;
	snprintf(whom, sizeof whom, "rspamd %s", own->recipient_count ? own->recipients[0] : "");
	const struct greylist_triplet t = {.client = f->client,
					   .reverse_path = mailaddr_folded(&f->reverse_path, from),
					   .recipient = whom};
	q->job = job;
	own->question = q;
	check_hold(job, INSPECTION_CONTENT);
	greylist_ask(r->port, &t, &rules, (uint64_t)c->smtpgw_greylist_rows, clock_now_us(),
		     on_verdict, q);
}

static void on_answer(void *arg, int status, const char *body, size_t n)
{
	struct check_job *job = arg;
	struct rspamd_job *own = job->own;

	own->call = NULL;
	own->has_reply = status == 200 && rspamd_reply_read(body, n, &own->reply) == 0;
	counter_add(own->has_reply ? COUNT_RSPAMD_MAILS : COUNT_RSPAMD_FAILED, 1);
	if (own->has_reply)
		write_findings(job);
	else
		log_event(LOG_WARN, "rspamd-failed", LOG_TEXT("id", check_mail_id(job)),
			  LOG_INT("status", status), LOG_END);
	drop(job);
	if (own->has_reply && own->reply.action == RSPAMD_GREYLIST)
		ask_greylist(job);
	check_release(job, INSPECTION_CONTENT);
}

static void rspamd_complete(struct check_job *job)
{
	struct rspamd *r = job->shared;
	struct rspamd_job *own = job->own;
	const struct findings *f = check_findings(job);
	struct http_field fields[FIELDS_MAX];
	char ip[ADDR_TEXT_MAX], from[MAILADDR_TEXT_MAX + 1];
	size_t n = 0;

	if (own->is_skipped)
		return;
	fields[n++] = (struct http_field){"Ip", addr_format(&f->client, ip)};
	fields[n++] = (struct http_field){"Helo", f->helo};
	fields[n++] = (struct http_field){"From", mailaddr_format(&f->reverse_path, from)};
	fields[n++] = (struct http_field){"Queue-Id", check_mail_id(job)};
	fields[n++] = (struct http_field){"MTA-Name", r->conf->smtpgw_hostname};
	if (own->recipient_count)
		fields[n++] = (struct http_field){"Deliver-To", own->recipients[0]};
	for (size_t i = 0; i < own->recipient_count; i++)
		fields[n++] = (struct http_field){"Rcpt", own->recipients[i]};
	check_hold(job, INSPECTION_CONTENT);
	own->call = http_call_post(r->client, fields, n, own->octets ? (void *)own->octets : "",
				   own->n, on_answer, job);
}

/* ---- what becomes of it ---- */

static void rspamd_expire(struct check_job *job)
{
	struct rspamd_job *own = job->own;

	if (own->call)
		counter_add(COUNT_RSPAMD_FAILED, 1);
	http_call_cancel(own->call);
	own->call = NULL;
	if (own->question)
		own->question->job = NULL;
	own->question = NULL;
	drop(job);
}

static void rspamd_rule(struct check_job *job, enum inspection_stage stage, struct ruling *out)
{
	const struct rspamd_job *own = job->own;
	const struct rspamd_reply *reply = &own->reply;

	if (stage != INSPECTION_CONTENT || !own->has_reply)
		return;
	if (reply->action == RSPAMD_REJECT)
		ruling_refuse(out, 550, "5.7.1", "%s",
			      *reply->text ? reply->text : "this looks like spam");
	else if (reply->action == RSPAMD_SOFT_REJECT)
		ruling_refuse(out, 451, "4.7.1", "%s",
			      *reply->text ? reply->text : "not now, come again later");
	else if (own->wait_us)
		ruling_refuse(out, 451, "4.7.1", "come again in %lld s",
			      (long long)((own->wait_us + CLOCK_S - 1) / CLOCK_S));
}

static void rspamd_end(struct check_job *job)
{
	struct rspamd_job *own = job->own;

	http_call_cancel(own->call);
	if (own->question)
		own->question->job = NULL;
	drop(job);
	for (size_t i = 0; i < own->recipient_count; i++)
		free(own->recipients[i]);
}

const struct check check_rspamd = {
	.name = "rspamd",
	.size = sizeof(struct rspamd_job),
	.open = rspamd_open,
	.close = rspamd_close,
	.begin = rspamd_begin,
	.recipient = rspamd_recipient,
	.octets = rspamd_octets,
	.complete = rspamd_complete,
	.expire = rspamd_expire,
	.rule = rspamd_rule,
	.end = rspamd_end,
};
