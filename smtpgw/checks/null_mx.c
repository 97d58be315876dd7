#include "smtpgw/checks/null_mx.h"

#include <string.h>

#include "lib/conf.h"
#include "lib/dns.h"

struct null_mx {
	struct check_job *job;
	struct dns_question *question;
};

static bool is_null_mx(const struct dns_answer *a)
{
	return a->outcome == DNS_FOUND && a->count == 1 && strcmp(a->mx[0].host, "") == 0;
}

static void on_mx(void *arg, const struct dns_answer *a)
{
	struct null_mx *n = arg;

	n->question = NULL;
	check_findings(n->job)->is_sender_null_mx = is_null_mx(a);
	check_release(n->job, INSPECTION_RCPT);
}

static int null_mx_open(const struct inspector *in, void **shared)
{
	*shared = (void *)in;
	return 0;
}

static bool null_mx_begin(struct check_job *job)
{
	const struct inspector *in = job->shared;
	const struct findings *f = check_findings(job);
	struct null_mx *n = job->own;

	if (!check_is_outside(job) || !in->conf->smtpgw_refuse_null_mx ||
	    mailaddr_is_null(&f->reverse_path) || strcmp(in->conf->smtpgw_dns_servers, "none") == 0)
		return false;
	n->job = job;
	check_hold(job, INSPECTION_RCPT);
	struct dns_question *q =
		dns_ask(in->dns, f->reverse_path.domain, DNS_MX, check_deadline_us(job), on_mx, n);
	if (q)
		n->question = q;
	return true;
}

static void null_mx_end(struct check_job *job)
{
	struct null_mx *n = job->own;

	dns_cancel(n->question);
	n->question = NULL;
}

static void null_mx_rule(struct check_job *job, enum inspection_stage stage, struct ruling *out)
{
	const struct findings *f = check_findings(job);

	(void)stage;
	if (f->is_sender_null_mx)
		ruling_refuse(out, 550, "5.7.27", "%.255s takes no mail, so it sends none",
			      f->reverse_path.domain);
}

const struct check check_null_mx = {
	.name = "null-mx",
	.size = sizeof(struct null_mx),
	.open = null_mx_open,
	.begin = null_mx_begin,
	.expire = null_mx_end,
	.rule = null_mx_rule,
	.end = null_mx_end,
};
