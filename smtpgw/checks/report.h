/* report -- the trace field that says what was found out about a mail
 *
 * Pure: findings in, Authentication-Results out. Results that nobody looked for are not there.
 *
 *     spf=... smtp.mailfrom=...       the envelope's sender; postmaster@HELO for the null path
 *     spf=... smtp.helo=...
 *     x-spf-from=... header.from=...  SPF of the header From's domain, the carriers' way; no
 *                                     registered method, so nobody takes it for the two above
 *     dkim=... reason=... header.d=... header.s=...
 *                                     of each signature; dkim=none if there is none
 *     dmarc=... header.from=... policy.dmarc=...
 *                                     what the domain asks for, after sp= and pct=
 *     iprev=... policy.iprev=...      does the client's name lead back to its address
 *
 * Below it the warning of a lookalike, `X-Hato-Warning: lookalike from=arnazon.com of=amazon.com`
 * (of= is only told to the one recipient whose correspondent it is), and what rspamd said:
 * X-Spamd-Result, and X-Spam: Yes if it wants the mail marked.
 *
 * OWNERSHIP  the buffer is the caller's. THREADS any
 * SEE        RFC 8601 2.7.2 (SPF), 2.7.1 (DKIM), 2.7.3 (iprev), 4.1
 */
#ifndef HATO_SMTPGW_CHECKS_REPORT_H
#define HATO_SMTPGW_CHECKS_REPORT_H

#include "smtpgw/checks/findings.h"

/* The octets of the field, CRLF included; 0: there is nothing to say. */
size_t report_write(const struct findings *f, const char *hostname, char *buf, size_t size);

#endif
