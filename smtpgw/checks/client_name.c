#include "smtpgw/checks/client_name.h"

#include <stdio.h>
#include <string.h>

#include "lib/conf.h"
#include "lib/dns.h"
#include "lib/wire/dns/name.h"

#define NAMES_MAX 5

struct client_name {
	struct check_job *job;
	struct dns_question *question;
	char names[NAMES_MAX][DNS_NAME_MAX];
	size_t count, at;
	bool was_unanswered; /* one of the names: what it says is not known */
};

static const struct conf *conf_of(const struct check_job *job)
{
	return ((const struct inspector *)job->shared)->conf;
}

static enum inspection_stage stage_of(const struct check_job *job)
{
	return strcmp(conf_of(job)->smtpgw_reverse_dns, "refuse") == 0 ? INSPECTION_RCPT
								       : INSPECTION_CONTENT;
}

/* Then the job may be gone. */
static void finish(struct client_name *c, enum authres_result result)
{
	check_findings(c->job)->iprev = result;
	check_release(c->job, stage_of(c->job));
}

static void ask(struct client_name *c, const char *name, enum dns_type type, dns_answered *answered)
{
	const struct inspector *in = c->job->shared;
	struct dns_question *q =
		dns_ask(in->dns, name, type, check_deadline_us(c->job), answered, c);

	if (q)
		c->question = q;
}

static void ask_next(struct client_name *c);

static bool is_among(const struct dns_answer *a, const struct addr *client)
{
	for (size_t i = 0; a->outcome == DNS_FOUND && i < a->count; i++)
		if (addr_equal(&a->addresses[i], client))
			return true;
	return false;
}

static void on_addresses(void *arg, const struct dns_answer *a)
{
	struct client_name *c = arg;
	struct findings *f = check_findings(c->job);

	c->question = NULL;
	c->was_unanswered |= a->outcome == DNS_TEMPORARY;
	if (!is_among(a, &f->client)) {
		c->at++;
		ask_next(c);
		return;
	}
	snprintf(f->rdns, sizeof f->rdns, "%s", c->names[c->at]);
	finish(c, AUTHRES_PASS);
}

/* At most NAMES_MAX deep, should all answers come at once. */
static void ask_next(struct client_name *c)
{
	bool is_v4 = addr_is_v4(&check_findings(c->job)->client);

	if (c->at < c->count)
		ask(c, c->names[c->at], is_v4 ? DNS_A : DNS_AAAA, on_addresses);
	else
		finish(c, c->was_unanswered ? AUTHRES_TEMPERROR : AUTHRES_FAIL);
}

static void on_names(void *arg, const struct dns_answer *a)
{
	struct client_name *c = arg;

	c->question = NULL;
	c->was_unanswered = a->outcome == DNS_TEMPORARY;
	if (a->outcome == DNS_FOUND)
		c->count = a->count < NAMES_MAX ? a->count : NAMES_MAX;
	for (size_t i = 0; i < c->count; i++)
		snprintf(c->names[i], sizeof c->names[i], "%s", a->names[i]);
	ask_next(c);
}

static int client_name_open(const struct inspector *in, void **shared)
{
	*shared = (void *)in;
	return 0;
}

static bool client_name_begin(struct check_job *job)
{
	const struct conf *conf = conf_of(job);
	struct client_name *c = job->own;
	char name[DNS_NAME_MAX];

	if (!check_is_outside(job) || strcmp(conf->smtpgw_reverse_dns, "off") == 0 ||
	    strcmp(conf->smtpgw_dns_servers, "none") == 0)
		return false;
	c->job = job;
	check_findings(job)->iprev = AUTHRES_TEMPERROR; /* until it is known */
	dns_name_of(&check_findings(job)->client, NULL, name);
	check_hold(job, stage_of(job));
	ask(c, name, DNS_PTR, on_names);
	return true;
}

static void client_name_end(struct check_job *job)
{
	struct client_name *c = job->own;

	dns_cancel(c->question);
	c->question = NULL;
}

static void client_name_rule(struct check_job *job, enum inspection_stage stage, struct ruling *out)
{
	(void)stage;
	if (check_findings(job)->iprev == AUTHRES_FAIL && stage_of(job) == INSPECTION_RCPT)
		ruling_refuse(out, 550, "5.7.25", "your address has no name that leads back to it");
}

const struct check check_client_name = {
	.name = "reverse-dns",
	.size = sizeof(struct client_name),
	.open = client_name_open,
	.begin = client_name_begin,
	.expire = client_name_end,
	.rule = client_name_rule,
	.end = client_name_end,
};
