/* spf -- asks SPF about a mail's three senders: HELO, MAIL FROM, and the header From
 *
 * The driver of lib/rules/spf over lib/dns. HELO and MAIL FROM are begun at MAIL; the header From's
 * domain, which Japanese carriers judge by, when the header has gone by. The first From address
 * counts. All end within the inspection's time; what was not answered is `temperror`.
 *
 * Policy (smtpgw.spf_fail = refuse): 550 5.7.23 at RCPT if HELO's or MAIL FROM's domain says fail.
 * A header From is never refused here: the subscriber's own door does that, and DMARC.
 *
 * The null path has no domain of its own: its result is that of postmaster@HELO, which is asked
 * once.
 *
 * SEE RFC 7208 2.3, 2.4, 2.6.7, 8.4; RFC 7372 3.2 (5.7.23)
 */
#ifndef HATO_SMTPGW_CHECKS_SPF_H
#define HATO_SMTPGW_CHECKS_SPF_H

#include "smtpgw/checks/inspection.h"

extern const struct check check_spf;

#endif
