#include "smtpgw/checks/dnsbl.h"

#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "db/db.h"
#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/err.h"
#include "smtpgw/checks/clients.h"
#include "smtpgw/checks/dnsbl_zones.h"
#include "smtpgw/counters.h"

#define OWN_MAX 64

struct dnsbl {
	struct dnsbl_zones *zones;
	const struct conf *conf;
	struct dns *dns;
	struct db_port *port;
	struct clients clients;
	struct addr own[OWN_MAX]; /* of this machine, as of the start */
	size_t own_count;
};

struct lookup {
	struct check_job *job;
	struct dnsbl_zone *zone;
	struct dns_question *address, *text; /* under way */
	bool is_listed;
	char name[DNS_NAME_MAX];
	char reason[FINDINGS_TEXT_MAX + 1];
};

struct dnsbl_job {
	struct lookup *lookups; /* one for each zone */
	size_t count;
	bool is_for_postmaster; /* the recipient asked for last */
};

/* ---- the worker's part ---- */

static void learn_own(struct dnsbl *d)
{
	struct ifaddrs *all;

	if (getifaddrs(&all) != 0)
		return;
	for (const struct ifaddrs *i = all; i && d->own_count < OWN_MAX; i = i->ifa_next)
		if (i->ifa_addr &&
		    addr_from_sockaddr(i->ifa_addr, &d->own[d->own_count], NULL) == 0)
			d->own_count++;
	freeifaddrs(all);
}

static void dnsbl_close(void *shared)
{
	struct dnsbl *d = shared;

	dnsbl_zones_close(d->zones);
	free(d);
}

static int dnsbl_open(const struct inspector *in, void **shared)
{
	if (!*in->conf->smtpgw_dnsbl)
		return 0;
	struct dnsbl *d = calloc(1, sizeof *d);
	if (!d)
		return E_NOMEM;
	d->conf = in->conf;
	d->dns = in->dns;
	d->port = in->port;
	learn_own(d);
	int err = clients_read(in->conf, &d->clients);
	if (!err)
		err = dnsbl_zones_open(in->loop, in->dns, in->conf->smtpgw_dnsbl, in->is_first,
				       &d->zones);
	if (err)
		dnsbl_close(d);
	else
		*shared = d;
	return err;
}

/* ---- about whom ---- */

static void on_holder(void *arg, int err, const struct binding_found *found, size_t n)
{
	(void)found;
	if ((err && err != E_NOT_FOUND) || n > 0)
		*(bool *)arg = true;
}

/* Also when the store does not say: then it is nobody's business. */
static bool is_subscribers(const struct dnsbl *d, const struct addr *client)
{
	bool is_held = false;

	for (size_t i = 0; i < d->conf->realm_count && !is_held; i++)
		binding_sharing(d->port, d->conf->realms[i].name, client, 1, on_holder, &is_held);
	return is_held;
}

static bool is_own(const struct dnsbl *d, const struct addr *client)
{
	for (size_t i = 0; i < d->own_count; i++)
		if (addr_equal(&d->own[i], client))
			return true;
	return false;
}

static bool may_ask(const struct check_job *job, const struct dnsbl *d, const struct addr *client)
{
	if (!check_is_outside(job) || (!d->conf->smtpgw_checks_private && is_own(d, client)))
		return false;
	return !clients_are_exempt(&d->clients, client) && !is_subscribers(d, client);
}

/* ---- a mail's part ---- */

/* A reason goes into a reply: printable ASCII. */
static void copy_reason(char out[FINDINGS_TEXT_MAX + 1], const struct dns_text *t)
{
	size_t n = t->length < FINDINGS_TEXT_MAX ? t->length : FINDINGS_TEXT_MAX;

	for (size_t i = 0; i < n; i++)
		out[i] = t->octets[i];
	for (size_t i = 0; i < n; i++)
		if (out[i] < ' ' || out[i] > '~')
			out[i] = '?';
	out[n] = '\0';
}

static void on_text(void *arg, const struct dns_answer *a)
{
	struct lookup *l = arg;

	l->text = NULL;
	if (a->outcome == DNS_FOUND)
		copy_reason(l->reason, &a->texts[0]);
	check_release(l->job, INSPECTION_RCPT);
}

/* Of a list of bad senders it is asked why: the sender is told. */
static void on_address(void *arg, const struct dns_answer *a)
{
	struct lookup *l = arg;

	l->address = NULL;
	l->is_listed = dnsbl_zone_heard(l->zone, a) == DNSBL_LISTED;
	if (l->is_listed)
		counter_add(COUNT_DNSBL_LISTED, 1);
	if (l->is_listed && l->zone->list.score > 0) {
		const struct dnsbl *d = l->job->shared;
		check_hold(l->job, INSPECTION_RCPT);
		l->text = dns_ask(d->dns, l->name, DNS_TXT, check_deadline_us(l->job), on_text, l);
	}
	check_release(l->job, INSPECTION_RCPT);
}

static void ask(struct check_job *job, struct lookup *l, struct dnsbl_zone *z)
{
	const struct dnsbl *d = job->shared;

	*l = (struct lookup){.job = job, .zone = z};
	if (!dnsbl_zone_is_asked(z, clock_mono_us()) ||
	    dns_name_of(&check_findings(job)->client, z->list.zone, l->name) != 0)
		return;
	check_hold(job, INSPECTION_RCPT);
	l->address = dns_ask(d->dns, l->name, DNS_A, check_deadline_us(job), on_address, l);
}

static bool dnsbl_begin(struct check_job *job)
{
	struct dnsbl *d = job->shared;
	struct dnsbl_job *own = job->own;

	if (!d || !may_ask(job, d, &check_findings(job)->client))
		return false;
	own->lookups = calloc(d->zones->count, sizeof *own->lookups);
	if (!own->lookups)
		return false;
	own->count = d->zones->count;
	for (size_t i = 0; i < own->count; i++)
		ask(job, &own->lookups[i], &d->zones->zone[i]);
	return true;
}

static void cancel(struct dnsbl_job *own)
{
	for (size_t i = 0; i < own->count; i++) {
		dns_cancel(own->lookups[i].address);
		dns_cancel(own->lookups[i].text);
		own->lookups[i].address = own->lookups[i].text = NULL;
	}
}

/* Who is not heard in time is not heard: that counts against the list, too. */
static void dnsbl_expire(struct check_job *job)
{
	static const struct dns_answer late = {.outcome = DNS_TEMPORARY};
	struct dnsbl_job *own = job->own;

	for (size_t i = 0; i < own->count; i++)
		if (own->lookups[i].address)
			dnsbl_zone_heard(own->lookups[i].zone, &late);
	cancel(own);
}

static void write_findings(struct check_job *job)
{
	struct findings *f = check_findings(job);
	const struct dnsbl_job *own = job->own;

	f->score = 0;
	f->list_count = 0;
	for (size_t i = 0; i < own->count; i++) {
		const struct lookup *l = &own->lookups[i];
		if (!l->is_listed)
			continue;
		f->score += l->zone->list.score;
		if (f->list_count == FINDINGS_LISTS_MAX)
			continue;
		struct finding_list *kept = &f->lists[f->list_count++];
		kept->score = l->zone->list.score;
		memcpy(kept->zone, l->zone->list.zone, sizeof l->zone->list.zone);
		memcpy(kept->reason, l->reason, sizeof kept->reason);
	}
}

static void dnsbl_recipient(struct check_job *job, const struct mailaddr *to)
{
	struct dnsbl_job *own = job->own;

	own->is_for_postmaster = strcasecmp(to->local, "postmaster") == 0;
}

/* The one that weighs most is named. */
static const struct finding_list *worst(const struct findings *f)
{
	const struct finding_list *w = NULL;

	for (size_t i = 0; i < f->list_count; i++)
		if (!w || f->lists[i].score > w->score)
			w = &f->lists[i];
	return w;
}

static void dnsbl_rule(struct check_job *job, enum inspection_stage stage, struct ruling *out)
{
	const struct dnsbl *d = job->shared;
	const struct dnsbl_job *own = job->own;
	struct findings *f = check_findings(job);
	char ip[ADDR_TEXT_MAX];

	write_findings(job);
	if (stage != INSPECTION_RCPT || own->is_for_postmaster || !d->conf->smtpgw_dnsbl_reject ||
	    f->score < d->conf->smtpgw_dnsbl_reject)
		return;
	const struct finding_list *w = worst(f);
	ruling_refuse(out, 550, "5.7.1", "[%s] is listed by %s%s%s", addr_format(&f->client, ip),
		      w->zone, *w->reason ? ": " : "", w->reason);
}

static void dnsbl_end(struct check_job *job)
{
	struct dnsbl_job *own = job->own;

	cancel(own);
	free(own->lookups);
}

const struct check check_dnsbl = {
	.name = "dnsbl",
	.size = sizeof(struct dnsbl_job),
	.open = dnsbl_open,
	.close = dnsbl_close,
	.begin = dnsbl_begin,
	.recipient = dnsbl_recipient,
	.expire = dnsbl_expire,
	.rule = dnsbl_rule,
	.end = dnsbl_end,
};
