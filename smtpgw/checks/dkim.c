#include "smtpgw/checks/dkim.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/dkim.h"
#include "lib/dns.h"

static_assert(FINDINGS_DKIM_MAX >= DKIM_SIGNATURES_MAX, "each signature has its finding");

/* The key of one signature. */
struct key_ask {
	struct check_job *job;
	size_t index;
	struct dns_question *question;
};

struct dkim_own {
	struct dkim *dkim;
	struct key_ask asks[DKIM_SIGNATURES_MAX];
};

static int dkim_open(const struct inspector *in, void **shared)
{
	*shared = (void *)in;
	return 0;
}

static bool dkim_job_begin(struct check_job *job)
{
	const struct inspector *in = job->shared;
	struct dkim_own *own = job->own;
	const struct dkim_limits limits = {(size_t)in->conf->smtpgw_dkim_signatures,
					   (size_t)in->conf->smtpgw_dkim_header};

	return limits.signatures > 0 && check_is_outside(job) &&
	       strcmp(in->conf->smtpgw_dns_servers, "none") != 0 &&
	       dkim_new(&limits, clock_now_s(), &own->dkim) == 0;
}

static void dkim_job_field(struct check_job *job, const struct header_field *field)
{
	struct dkim_own *own = job->own;

	dkim_field(own->dkim, field);
}

static void on_key(void *arg, const struct dns_answer *a)
{
	struct key_ask *ask = arg;
	struct dkim_own *own = ask->job->own;
	struct dkim_text texts[DKIM_RECORDS_MAX];
	size_t count = a->outcome != DNS_FOUND       ? 0
		       : a->count < DKIM_RECORDS_MAX ? a->count
						     : DKIM_RECORDS_MAX;

	ask->question = NULL;
	for (size_t i = 0; i < count; i++)
		texts[i] = (struct dkim_text){a->texts[i].octets, a->texts[i].length};
	if (a->outcome != DNS_TEMPORARY)
		dkim_key(own->dkim, ask->index, texts, count);
	check_release(ask->job, INSPECTION_CONTENT);
}

static void dkim_job_header(struct check_job *job)
{
	const struct inspector *in = job->shared;
	struct dkim_own *own = job->own;
	char name[DNS_NAME_MAX];

	dkim_header_end(own->dkim);
	for (size_t i = 0; i < dkim_count(own->dkim); i++) {
		if (!dkim_ask(own->dkim, i, name))
			continue;
		struct key_ask *ask = &own->asks[i];
		*ask = (struct key_ask){.job = job, .index = i};
		check_hold(job, INSPECTION_CONTENT);
		struct dns_question *q =
			dns_ask(in->dns, name, DNS_TXT, check_deadline_us(job), on_key, ask);
		if (q)
			ask->question = q;
	}
}

static void dkim_job_body(struct check_job *job, const uint8_t *octets, size_t n)
{
	struct dkim_own *own = job->own;

	dkim_body(own->dkim, octets, n);
}

static void dkim_job_expire(struct check_job *job)
{
	struct dkim_own *own = job->own;

	for (size_t i = 0; i < DKIM_SIGNATURES_MAX; i++) {
		dns_cancel(own->asks[i].question);
		own->asks[i].question = NULL;
	}
}

static void dkim_job_conclude(struct check_job *job)
{
	struct findings *f = check_findings(job);
	struct dkim_own *own = job->own;

	dkim_finish(own->dkim);
	f->dkim[0].result = AUTHRES_NONE;
	f->dkim_count = dkim_count(own->dkim);
	for (size_t i = 0; i < f->dkim_count; i++) {
		struct dkim_result r = dkim_result(own->dkim, i);
		struct finding_dkim *out = &f->dkim[i];
		out->result = r.result;
		snprintf(out->domain, sizeof out->domain, "%s", r.domain);
		snprintf(out->selector, sizeof out->selector, "%s", r.selector);
		snprintf(out->reason, sizeof out->reason, "%s", r.reason);
	}
}

static void dkim_job_end(struct check_job *job)
{
	struct dkim_own *own = job->own;

	dkim_job_expire(job);
	dkim_free(own->dkim);
}

const struct check check_dkim = {
	.name = "dkim",
	.size = sizeof(struct dkim_own),
	.open = dkim_open,
	.begin = dkim_job_begin,
	.field = dkim_job_field,
	.header = dkim_job_header,
	.body = dkim_job_body,
	.expire = dkim_job_expire,
	.conclude = dkim_job_conclude,
	.end = dkim_job_end,
};
