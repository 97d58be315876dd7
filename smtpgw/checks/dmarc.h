/* dmarc -- asks each domain in the header From what it says about mails that it does not stand by
 *
 * The driver of lib/rules/dmarc over lib/dns: policies are asked for when the header has ended;
 * when all is known, what SPF and DKIM found is judged (this check stands behind them in the
 * table).
 *
 * Several From domains: each is judged (DMARC_AUTHORS_MAX of them), and the mail is worth as much
 * as the worst: a fail with the strictest policy first, pass only if all of them pass. A From
 * without an address, or with more domains than that, is `permerror`: nobody's policy.
 *
 * Policy (smtpgw.dmarc_reject = refuse): 550 5.7.26 at the end of the content for a fail whose
 * domain asks for p=reject. Quarantine is the door's business, and the reader's: it is marked.
 *
 * SEE RFC 7489 6.6.1 (several From), 6.6.2, 10.3; RFC 7372 3.4 (5.7.26)
 */
#ifndef HATO_SMTPGW_CHECKS_DMARC_H
#define HATO_SMTPGW_CHECKS_DMARC_H

#include "smtpgw/checks/inspection.h"

#define DMARC_AUTHORS_MAX 4

extern const struct check check_dmarc;

#endif
