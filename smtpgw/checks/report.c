#include "smtpgw/checks/report.h"

#include <stdio.h>
#include <string.h>

#include "lib/idn.h"

#define WARNING_FIELD "X-Hato-Warning"

static void write_spf(struct authres *a, const struct findings *f)
{
	char path[MAILADDR_TEXT_MAX + 1];
	char postmaster[SMTP_HELO_MAX + sizeof "postmaster@"];

	snprintf(postmaster, sizeof postmaster, "postmaster@%s", f->helo);
	authres_add(a, "spf", f->spf_mail_from.result);
	authres_property(a, "smtp.mailfrom",
			 mailaddr_is_null(&f->reverse_path)
				 ? postmaster
				 : mailaddr_canonical(&f->reverse_path, path));
	authres_add(a, "spf", f->spf_helo.result);
	authres_property(a, "smtp.helo", f->helo);
	authres_add(a, "x-spf-from", f->spf_from.result);
	authres_property(a, "header.from", f->spf_from.domain);
}

static void write_dkim(struct authres *a, const struct findings *f)
{
	for (size_t i = 0; i == 0 || i < f->dkim_count; i++) {
		authres_add(a, "dkim", f->dkim[i].result);
		authres_property(a, "reason", f->dkim[i].reason);
		authres_property(a, "header.d", f->dkim[i].domain);
		authres_property(a, "header.s", f->dkim[i].selector);
	}
}

static void write_dmarc(struct authres *a, const struct finding_dmarc *d)
{
	static const char *const policies[] = {[FINDING_POLICY_NONE] = "none",
					       [FINDING_POLICY_QUARANTINE] = "quarantine",
					       [FINDING_POLICY_REJECT] = "reject"};

	authres_add(a, "dmarc", d->result);
	authres_property(a, "header.from", d->domain);
	if (d->result == AUTHRES_PASS || d->result == AUTHRES_FAIL)
		authres_property(a, "policy.dmarc", policies[d->policy]);
}

/* After the results: n octets are written. */
static size_t write_spam(const struct findings *f, char *buf, size_t size, size_t n)
{
	char text[128];
	int more = snprintf(text, sizeof text, "%sX-Spamd-Result: %s; score=%.2f\r\n",
			    f->is_spam ? "X-Spam: Yes\r\n" : "", f->rspamd_action, f->rspamd_score);

	if (!*f->rspamd_action || more <= 0 || (size_t)more >= sizeof text ||
	    (size_t)more >= size - n)
		return n;
	memcpy(buf + n, text, (size_t)more + 1);
	return n + (size_t)more;
}

/* Domains are such as an address had, so there is nothing in them that a field may not hold but
 * letters, which are asked for as A-labels. */
static size_t write_warning(const struct findings *f, char *buf, size_t size, size_t n)
{
	char text[3 * FINDINGS_DOMAIN_MAX], from[FINDINGS_DOMAIN_MAX + 1];

	if (!*f->lookalike || idn_to_ascii(f->from.domain, from, sizeof from) != 0)
		return n;
	int more = snprintf(text, sizeof text, WARNING_FIELD ": lookalike from=%s%s%s\r\n", from,
			    f->is_lookalike_told ? " of=" : "",
			    f->is_lookalike_told ? f->lookalike : "");
	if (more <= 0 || (size_t)more >= sizeof text || (size_t)more >= size - n)
		return n;
	memcpy(buf + n, text, (size_t)more + 1);
	return n + (size_t)more;
}

size_t report_write(const struct findings *f, const char *hostname, char *buf, size_t size)
{
	char ip[ADDR_TEXT_MAX];
	struct authres a;

	authres_begin(&a, hostname, buf, size);
	write_spf(&a, f);
	write_dkim(&a, f);
	write_dmarc(&a, &f->dmarc);
	authres_add(&a, "iprev", f->iprev);
	authres_property(&a, "policy.iprev", addr_format(&f->client, ip));
	return write_spam(f, buf, size, write_warning(f, buf, size, authres_end(&a)));
}
