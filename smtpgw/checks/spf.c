#include "smtpgw/checks/spf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/dns.h"
#include "lib/err.h"
#include "lib/idn.h"
#include "lib/rules/spf.h"
#include "smtpgw/counters.h"

/* A worker's. */
struct spf_shared {
	const struct inspector *in;
	bool refuses;
};

/* One of the three. */
struct lookup {
	struct check_job *job;
	struct spf *spf; /* null: not begun, or over */
	struct dns_question *question;
	struct finding_spf *finding;
	enum inspection_stage stage; /* that waits for it */
	bool is_asking; /* in dns_ask: an answer that comes at once is taken by advance() */
};

struct spf_own {
	struct lookup helo, mail_from, from;
};

/* ---- one look-up ---- */

static enum authres_result result_of(enum spf_result r)
{
	static const enum authres_result results[SPF_RESULTS] = {
		[SPF_NONE] = AUTHRES_NONE,           [SPF_NEUTRAL] = AUTHRES_NEUTRAL,
		[SPF_PASS] = AUTHRES_PASS,           [SPF_FAIL] = AUTHRES_FAIL,
		[SPF_SOFTFAIL] = AUTHRES_SOFTFAIL,   [SPF_TEMPERROR] = AUTHRES_TEMPERROR,
		[SPF_PERMERROR] = AUTHRES_PERMERROR,
	};

	return results[r];
}

static void forget(struct lookup *l)
{
	dns_cancel(l->question);
	l->question = NULL;
	spf_free(l->spf);
	l->spf = NULL;
}

/* Then the job may be gone. */
static void conclude_lookup(struct lookup *l)
{
	l->finding->result = result_of(spf_result(l->spf));
	snprintf(l->finding->explanation, sizeof l->finding->explanation, "%s",
		 spf_explanation(l->spf));
	forget(l);
	check_release(l->job, l->stage);
}

/* What lib/dns says, in the rules' words. */
static void tell(struct spf *spf, const struct dns_answer *a, enum spf_type type)
{
	const char *names[DNS_RECORDS_MAX];
	struct spf_text texts[DNS_RECORDS_MAX];
	struct spf_answer out = {.outcome = a->outcome == DNS_FOUND       ? SPF_FOUND
					    : a->outcome == DNS_TEMPORARY ? SPF_UNKNOWN
									  : SPF_EMPTY,
				 .addresses = a->addresses,
				 .names = names,
				 .texts = texts};

	out.count = out.outcome != SPF_FOUND     ? 0
		    : a->count < DNS_RECORDS_MAX ? a->count
						 : DNS_RECORDS_MAX;
	for (size_t i = 0; i < out.count; i++) {
		if (type == SPF_MX)
			names[i] = a->mx[i].host;
		else if (type == SPF_PTR)
			names[i] = a->names[i];
		else if (type == SPF_TXT)
			texts[i] = (struct spf_text){a->texts[i].octets, a->texts[i].length};
	}
	spf_answer(spf, &out);
}

static void advance(struct lookup *l);

static void on_answer(void *arg, const struct dns_answer *answer)
{
	struct lookup *l = arg;

	l->question = NULL;
	tell(l->spf, answer, spf_ask(l->spf)->type);
	if (!l->is_asking)
		advance(l);
}

/* Asks until an answer has to be waited for, or it is done. */
static void advance(struct lookup *l)
{
	static const enum dns_type types[] = {[SPF_A] = DNS_A,
					      [SPF_AAAA] = DNS_AAAA,
					      [SPF_MX] = DNS_MX,
					      [SPF_TXT] = DNS_TXT,
					      [SPF_PTR] = DNS_PTR};
	const struct spf_shared *shared = l->job->shared;
	const struct spf_ask *ask;

	l->is_asking = true;
	while ((ask = spf_ask(l->spf)) && !l->question)
		l->question = dns_ask(shared->in->dns, ask->name, types[ask->type],
				      check_deadline_us(l->job), on_answer, l);
	l->is_asking = false;
	if (!ask)
		conclude_lookup(l);
}

/* local null: the domain's postmaster. */
static void begin_lookup(struct lookup *l, const char *local, const char *domain)
{
	const struct spf_shared *shared = l->job->shared;
	const struct findings *f = check_findings(l->job);
	char ascii[FINDINGS_DOMAIN_MAX + 1];
	const struct spf_question question = {
		.client = f->client,
		.domain = ascii,
		.sender_local = local,
		.sender_domain = ascii,
		.helo = f->helo,
		.receiver = shared->in->conf->smtpgw_hostname,
		.time_s = clock_now_s(),
	};

	if (idn_to_ascii(domain, ascii, sizeof ascii) != 0)
		ascii[0] = '\0'; /* no name that could be asked for: it has no record */
	snprintf(l->finding->domain, sizeof l->finding->domain, "%s", ascii);
	l->finding->result = AUTHRES_TEMPERROR; /* until it is known */
	if (spf_begin(&question, &l->spf) != 0)
		return;
	check_hold(l->job, l->stage);
	advance(l);
}

/* ---- the mail ---- */

static int spf_open(const struct inspector *in, void **shared)
{
	struct spf_shared *s = calloc(1, sizeof *s);

	if (!s)
		return E_NOMEM;
	s->in = in;
	s->refuses = strcmp(in->conf->smtpgw_spf_fail, "refuse") == 0;
	*shared = s;
	return 0;
}

static struct lookup lookup_of(struct check_job *job, struct finding_spf *finding,
			       enum inspection_stage stage)
{
	return (struct lookup){.job = job, .finding = finding, .stage = stage};
}

static bool spf_job_begin(struct check_job *job)
{
	const struct spf_shared *shared = job->shared;
	struct spf_own *own = job->own;
	struct findings *f = check_findings(job);
	enum inspection_stage stage = shared->refuses ? INSPECTION_RCPT : INSPECTION_CONTENT;

	if (!check_is_outside(job) || strcmp(shared->in->conf->smtpgw_dns_servers, "none") == 0)
		return false;
	own->helo = lookup_of(job, &f->spf_helo, stage);
	own->mail_from = lookup_of(job, &f->spf_mail_from, stage);
	own->from = lookup_of(job, &f->spf_from, INSPECTION_CONTENT);
	begin_lookup(&own->helo, NULL, f->helo);
	if (!mailaddr_is_null(&f->reverse_path))
		begin_lookup(&own->mail_from, f->reverse_path.local, f->reverse_path.domain);
	return true;
}

static void spf_job_header(struct check_job *job)
{
	struct spf_own *own = job->own;
	const struct findings *f = check_findings(job);

	if (f->from_count > 0)
		begin_lookup(&own->from, f->from.local, f->from.domain);
}

static void count(enum authres_result result)
{
	static const enum counter counters[AUTHRES_RESULTS] = {
		[AUTHRES_NONE] = COUNT_SPF_NONE,
		[AUTHRES_PASS] = COUNT_SPF_PASS,
		[AUTHRES_FAIL] = COUNT_SPF_FAIL,
		[AUTHRES_SOFTFAIL] = COUNT_SPF_SOFTFAIL,
		[AUTHRES_NEUTRAL] = COUNT_SPF_NEUTRAL,
		[AUTHRES_TEMPERROR] = COUNT_SPF_TEMPERROR,
		[AUTHRES_PERMERROR] = COUNT_SPF_PERMERROR,
	};

	if (counters[result]) /* SPF knows no other result */
		counter_add(counters[result], 1);
}

/* What is not known is `temperror` already. */
static void spf_job_expire(struct check_job *job)
{
	struct spf_own *own = job->own;

	forget(&own->helo);
	forget(&own->mail_from);
	forget(&own->from);
}

static void spf_job_end(struct check_job *job)
{
	const struct findings *f = check_findings(job);

	spf_job_expire(job);
	count(mailaddr_is_null(&f->reverse_path) ? f->spf_helo.result : f->spf_mail_from.result);
}

/* The null path is HELO's postmaster. */
static void complete_null_path(struct findings *f)
{
	if (mailaddr_is_null(&f->reverse_path))
		f->spf_mail_from = f->spf_helo;
}

static void spf_job_conclude(struct check_job *job)
{
	complete_null_path(check_findings(job));
}

static void refuse(struct ruling *out, const struct finding_spf *spf, const char *what)
{
	const char *why = spf->explanation;

	ruling_refuse(out, 550, "5.7.23", "SPF: %s %.200s may not come from this address%s%.120s",
		      what, spf->domain, *why ? ": " : "", why);
}

static void spf_job_rule(struct check_job *job, enum inspection_stage stage, struct ruling *out)
{
	const struct spf_shared *shared = job->shared;
	const struct findings *f = check_findings(job);

	(void)stage;
	if (!shared->refuses)
		return;
	if (f->spf_mail_from.result == AUTHRES_FAIL)
		refuse(out, &f->spf_mail_from, "mail of");
	else if (f->spf_helo.result == AUTHRES_FAIL)
		refuse(out, &f->spf_helo, "HELO");
}

const struct check check_spf = {
	.name = "spf",
	.size = sizeof(struct spf_own),
	.open = spf_open,
	.close = free,
	.begin = spf_job_begin,
	.header = spf_job_header,
	.expire = spf_job_expire,
	.conclude = spf_job_conclude,
	.rule = spf_job_rule,
	.end = spf_job_end,
};
