#include "lib/rules/dmarc.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/err.h"
#include "lib/public_suffix.h"
#include "lib/wire/smtp/tag_list.h"

#define PREFIX "_dmarc."

/* ---- records ---- */

static bool is_version(const struct tag_list *l)
{
	return l->count > 0 && tag_list_find(l, "v") == l->tags && l->tags[0].value_len == 6 &&
	       memcmp(l->tags[0].value, "DMARC1", 6) == 0;
}

bool dmarc_record_is(const char *text, size_t n)
{
	const char *semicolon = memchr(text, ';', n);
	struct tag_list l;

	return tag_list_read(text, semicolon ? (size_t)(semicolon - text) : n, &l) == 0 &&
	       is_version(&l);
}

static bool read_policy(const struct tag *t, enum dmarc_policy *out)
{
	if (tag_is(t, "none"))
		*out = DMARC_NONE;
	else if (tag_is(t, "quarantine"))
		*out = DMARC_QUARANTINE;
	else if (tag_is(t, "reject"))
		*out = DMARC_REJECT;
	else
		return false;
	return true;
}

/* Somebody wants reports: a record without a policy is then one that only looks (RFC 7489 6.6.3).
 */
static bool wants_reports(const struct tag *rua)
{
	return rua && rua->value_len > strlen("mailto:") &&
	       strncasecmp(rua->value, "mailto:", strlen("mailto:")) == 0;
}

int dmarc_record_read(const char *text, size_t n, struct dmarc_record *out)
{
	struct dmarc_record r = {.percent = 100};
	struct tag_list l;
	uint64_t percent;

	if (tag_list_read(text, n, &l) != 0 || !is_version(&l))
		return E_SYNTAX;
	const struct tag *sp = tag_list_find(&l, "sp"), *pct = tag_list_find(&l, "pct");
	bool good = read_policy(tag_list_find(&l, "p"), &r.policy);
	r.subdomain_policy = r.policy;
	if (!good || (sp && !read_policy(sp, &r.subdomain_policy))) {
		if (!wants_reports(tag_list_find(&l, "rua")))
			return E_SYNTAX;
		r.policy = r.subdomain_policy = DMARC_NONE;
	}
	r.is_dkim_strict = tag_is(tag_list_find(&l, "adkim"), "s");
	r.is_spf_strict = tag_is(tag_list_find(&l, "aspf"), "s");
	if (pct && tag_number(pct, &percent) == 0 && percent <= 100)
		r.percent = (unsigned)percent;
	*out = r;
	return 0;
}

/* ---- finding it ---- */

static const char *organisation_of(const struct dmarc *d)
{
	return d->domain + d->organisation;
}

static void know(struct dmarc *d, enum authres_result obstacle)
{
	d->stage = DMARC_KNOWN;
	d->obstacle = obstacle;
}

/* Can a policy be published at this name? */
static bool has_room(const char *domain)
{
	return strlen(PREFIX) + strlen(domain) < DNS_NAME_MAX;
}

void dmarc_begin(struct dmarc *d, const char *domain)
{
	*d = (struct dmarc){.stage = DMARC_ASKS_DOMAIN};
	if (dns_name(domain, d->domain) != 0 || d->domain[0] == '\0' || d->domain[0] == '[') {
		d->domain[0] = '\0';
		know(d, AUTHRES_NONE);
	}
	d->organisation = (size_t)(public_suffix_organisation(d->domain) - d->domain);
	if (d->stage != DMARC_KNOWN && !has_room(d->domain))
		d->stage = DMARC_ASKS_ORGANISATION;
	if (!has_room(organisation_of(d)))
		know(d, AUTHRES_NONE);
}

bool dmarc_ask(const struct dmarc *d, char name[DNS_NAME_MAX])
{
	const char *where = d->stage == DMARC_ASKS_DOMAIN ? d->domain : organisation_of(d);

	if (d->stage == DMARC_KNOWN)
		return false;
	return snprintf(name, DNS_NAME_MAX, PREFIX "%s", where) < DNS_NAME_MAX;
}

static void read_record(struct dmarc *d, const struct dmarc_text *text)
{
	d->is_inherited = d->stage == DMARC_ASKS_ORGANISATION;
	know(d, dmarc_record_read(text->octets, text->length, &d->record) == 0 ? AUTHRES_UNCHECKED
									       : AUTHRES_PERMERROR);
}

void dmarc_answer(struct dmarc *d, enum dmarc_outcome outcome, const struct dmarc_text *texts,
		  size_t count)
{
	const struct dmarc_text *found = NULL;
	size_t records = 0;

	if (outcome == DMARC_UNKNOWN) {
		know(d, AUTHRES_TEMPERROR);
		return;
	}
	for (size_t i = 0; outcome == DMARC_FOUND && i < count; i++) {
		if (!dmarc_record_is(texts[i].octets, texts[i].length))
			continue;
		found = &texts[i];
		records++;
	}
	if (records > 1)
		know(d, AUTHRES_PERMERROR);
	else if (records == 1)
		read_record(d, found);
	else if (d->stage == DMARC_ASKS_DOMAIN && d->organisation > 0)
		d->stage = DMARC_ASKS_ORGANISATION;
	else
		know(d, AUTHRES_NONE);
}

/* ---- judging ---- */

static bool is_aligned(const struct dmarc *d, const char *domain, bool is_strict)
{
	if (strcasecmp(domain, d->domain) == 0)
		return true;
	return !is_strict &&
	       strcasecmp(public_suffix_organisation(domain), organisation_of(d)) == 0;
}

static enum dmarc_policy policy_for(const struct dmarc *d, unsigned sample)
{
	enum dmarc_policy p = d->is_inherited ? d->record.subdomain_policy : d->record.policy;

	if (sample >= d->record.percent && p != DMARC_NONE)
		p--; /* RFC 7489 6.6.4: those that are not meant get the next milder one */
	return p;
}

struct dmarc_verdict dmarc_judge(const struct dmarc *d, const struct dmarc_evidence *e,
				 unsigned sample)
{
	struct dmarc_verdict v = {.result = d->obstacle};
	bool may_yet_pass = e->is_dkim_unknown;

	if (d->stage != DMARC_KNOWN)
		v.result = AUTHRES_TEMPERROR;
	if (v.result != AUTHRES_UNCHECKED)
		return v;
	if (is_aligned(d, e->spf_domain, d->record.is_spf_strict)) {
		v.is_spf_aligned = e->spf == AUTHRES_PASS;
		may_yet_pass |= e->spf == AUTHRES_TEMPERROR;
	}
	for (size_t i = 0; i < e->dkim_count; i++) {
		if (!is_aligned(d, e->dkim[i].domain, d->record.is_dkim_strict))
			continue;
		v.is_dkim_aligned |= e->dkim[i].result == AUTHRES_PASS;
		may_yet_pass |= e->dkim[i].result == AUTHRES_TEMPERROR;
	}
	v.policy = policy_for(d, sample);
	v.result = v.is_spf_aligned || v.is_dkim_aligned ? AUTHRES_PASS
		   : may_yet_pass                        ? AUTHRES_TEMPERROR
							 : AUTHRES_FAIL;
	return v;
}
