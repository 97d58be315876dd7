#include "smtpgw/checks/dmarc.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lib/conf.h"
#include "lib/digest.h"
#include "lib/dns.h"
#include "lib/idn.h"
#include "lib/rules/dmarc.h"
#include "lib/wire/smtp/address_list.h"

static_assert(FINDINGS_DKIM_MAX <= DMARC_EVIDENCE_MAX, "all signatures are evidence");

/* One domain of From. */
struct author {
	struct check_job *job;
	struct dmarc dmarc;
	struct dns_question *question;
	bool is_asking; /* in dns_ask: an answer that comes at once is taken by ask() */
};

struct dmarc_own {
	size_t count;
	bool is_unclear; /* too many authors, or some that are no addresses */
	struct author authors[DMARC_AUTHORS_MAX];
};

static int dmarc_open(const struct inspector *in, void **shared)
{
	*shared = (void *)in;
	return 0;
}

static bool dmarc_job_begin(struct check_job *job)
{
	const struct inspector *in = job->shared;

	return in->conf->smtpgw_dkim_signatures > 0 && check_is_outside(job) &&
	       strcmp(in->conf->smtpgw_dns_servers, "none") != 0;
}

/* ---- who ---- */

static void add_author(struct check_job *job, const char *domain)
{
	struct dmarc_own *own = job->own;
	char ascii[FINDINGS_DOMAIN_MAX + 1];

	if (idn_to_ascii(domain, ascii, sizeof ascii) != 0) {
		own->is_unclear = true;
		return;
	}
	for (size_t i = 0; i < own->count; i++)
		if (strcmp(own->authors[i].dmarc.domain, ascii) == 0)
			return;
	if (own->count == DMARC_AUTHORS_MAX) {
		own->is_unclear = true;
		return;
	}
	struct author *a = &own->authors[own->count++];
	a->job = job;
	dmarc_begin(&a->dmarc, ascii);
}

static void dmarc_job_field(struct check_job *job, const struct header_field *field)
{
	struct dmarc_own *own = job->own;
	struct address_list list;
	struct address_item item;

	if (!header_is(field, "From"))
		return;
	if (field->is_cut)
		own->is_unclear = true;
	address_list_init(&list, field->value, field->value_len, ADDRESS_LIST_JAPANESE);
	while (address_list_next(&list, &item)) {
		if (item.kind == ADDRESS_MAILBOX)
			add_author(job, item.address.domain);
		else if (item.kind == ADDRESS_JUNK)
			own->is_unclear = true;
	}
}

/* ---- what they publish ---- */

static void ask(struct author *a);

static void on_policy(void *arg, const struct dns_answer *answer)
{
	struct author *a = arg;
	struct dmarc_text texts[DNS_RECORDS_MAX];
	size_t count = 0;

	a->question = NULL;
	if (answer->outcome == DNS_FOUND)
		for (; count < answer->count && count < DNS_RECORDS_MAX; count++)
			texts[count] = (struct dmarc_text){answer->texts[count].octets,
							   answer->texts[count].length};
	dmarc_answer(&a->dmarc,
		     answer->outcome == DNS_TEMPORARY ? DMARC_UNKNOWN
		     : count > 0                      ? DMARC_FOUND
						      : DMARC_EMPTY,
		     texts, count);
	if (!a->is_asking)
		ask(a);
}

/* Then the job may be gone. */
static void ask(struct author *a)
{
	const struct inspector *in = a->job->shared;
	char name[DNS_NAME_MAX];
	bool wants;

	a->is_asking = true;
	while ((wants = dmarc_ask(&a->dmarc, name)) && !a->question)
		a->question =
			dns_ask(in->dns, name, DNS_TXT, check_deadline_us(a->job), on_policy, a);
	a->is_asking = false;
	if (!wants)
		check_release(a->job, INSPECTION_CONTENT);
}

static void dmarc_job_header(struct check_job *job)
{
	struct dmarc_own *own = job->own;

	for (size_t i = 0; i < own->count; i++) {
		check_hold(job, INSPECTION_CONTENT);
		ask(&own->authors[i]);
	}
}

static void dmarc_job_end(struct check_job *job)
{
	struct dmarc_own *own = job->own;

	for (size_t i = 0; i < own->count; i++) {
		dns_cancel(own->authors[i].question);
		own->authors[i].question = NULL;
	}
}

/* ---- what it comes to ---- */

static struct dmarc_evidence evidence_of(const struct findings *f)
{
	struct dmarc_evidence e = {.spf = f->spf_mail_from.result,
				   .spf_domain = f->spf_mail_from.domain,
				   .is_dkim_unknown = f->dkim[0].result == AUTHRES_UNCHECKED,
				   .dkim_count = f->dkim_count};

	for (size_t i = 0; i < f->dkim_count; i++) {
		e.dkim[i].result = f->dkim[i].result;
		e.dkim[i].domain = f->dkim[i].domain;
	}
	return e;
}

/* How bad a verdict is; the worst of all authors counts. */
static int badness(const struct dmarc_verdict *v)
{
	switch (v->result) {
	case AUTHRES_PASS:
		return 1;
	case AUTHRES_NONE:
		return 2;
	case AUTHRES_PERMERROR:
		return 3;
	case AUTHRES_TEMPERROR:
		return 4;
	default:
		return 5 + (int)v->policy;
	}
}

static enum finding_policy policy_of(enum dmarc_policy p)
{
	return p == DMARC_REJECT       ? FINDING_POLICY_REJECT
	       : p == DMARC_QUARANTINE ? FINDING_POLICY_QUARANTINE
				       : FINDING_POLICY_NONE;
}

static void keep(struct finding_dmarc *out, const struct author *a, const struct dmarc_verdict *v)
{
	out->result = v->result;
	out->policy = policy_of(v->policy);
	out->is_spf_aligned = v->is_spf_aligned;
	out->is_dkim_aligned = v->is_dkim_aligned;
	snprintf(out->domain, sizeof out->domain, "%s", a->dmarc.domain);
}

/* The mails that pct= is about are drawn by lot; without chance all of them. */
static unsigned draw(void)
{
	uint8_t octet[2];

	return random_bytes(octet, sizeof octet) == 0
		       ? (unsigned)(octet[0] << 8 | octet[1]) % DMARC_SAMPLES
		       : 0;
}

static void dmarc_job_conclude(struct check_job *job)
{
	struct dmarc_own *own = job->own;
	struct findings *f = check_findings(job);
	struct dmarc_evidence e = evidence_of(f);
	unsigned sample = draw();
	int worst = 0;

	for (size_t i = 0; i < own->count; i++) {
		struct dmarc_verdict v = dmarc_judge(&own->authors[i].dmarc, &e, sample);
		if (badness(&v) <= worst)
			continue;
		worst = badness(&v);
		keep(&f->dmarc, &own->authors[i], &v);
	}
	if (own->count == 0 || (own->is_unclear && f->dmarc.result != AUTHRES_FAIL))
		f->dmarc.result = AUTHRES_PERMERROR;
}

static void dmarc_job_rule(struct check_job *job, enum inspection_stage stage, struct ruling *out)
{
	const struct inspector *in = job->shared;
	const struct finding_dmarc *d = &check_findings(job)->dmarc;

	if (stage == INSPECTION_CONTENT && d->result == AUTHRES_FAIL &&
	    d->policy == FINDING_POLICY_REJECT &&
	    strcmp(in->conf->smtpgw_dmarc_reject, "refuse") == 0)
		ruling_refuse(out, 550, "5.7.26",
			      "DMARC: %.200s asks to refuse what it has neither signed nor sent",
			      d->domain);
}

const struct check check_dmarc = {
	.name = "dmarc",
	.size = sizeof(struct dmarc_own),
	.open = dmarc_open,
	.begin = dmarc_job_begin,
	.field = dmarc_job_field,
	.header = dmarc_job_header,
	.expire = dmarc_job_end, /* what is not known is `temperror` */
	.conclude = dmarc_job_conclude,
	.rule = dmarc_job_rule,
	.end = dmarc_job_end,
};
