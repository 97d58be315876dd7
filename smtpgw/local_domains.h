/* local_domains -- the domains whose mail is ours: smtpgw.local_domains
 *
 * Names are compared as lib/wire/mailaddr keeps them: ASCII letters in lower case, no final dot. A
 * subdomain is another domain.
 *
 * OWNERSHIP  local_domains_free frees all. THREADS read-only after local_domains_new
 */
#ifndef HATO_SMTPGW_LOCAL_DOMAINS_H
#define HATO_SMTPGW_LOCAL_DOMAINS_H

#include <stdbool.h>

struct local_domains;

/* text: names, separated by commas and spaces. E_SYNTAX: none, or one that cannot be a domain (then
 * *bad, in `text`, begins with it; else *bad is ""). E_NOMEM. */
int local_domains_new(const char *text, struct local_domains **out, const char **bad);
void local_domains_free(struct local_domains *l);

bool local_domains_has(const struct local_domains *l, const char *domain);
/* The first one named: where `postmaster` without a domain lives (RFC 5321 4.5.1). */
const char *local_domains_first(const struct local_domains *l);

#endif
