#include "smtpgw/checks/report.h"

#include <stdio.h>

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

size_t report_write(const struct findings *f, const char *hostname, char *buf, size_t size)
{
	char ip[ADDR_TEXT_MAX];
	struct authres a;

	authres_begin(&a, hostname, buf, size);
	write_spf(&a, f);
	authres_add(&a, "iprev", f->iprev);
	authres_property(&a, "policy.iprev", addr_format(&f->client, ip));
	return authres_end(&a);
}
