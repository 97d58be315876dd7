/* dnsbl -- is the client on lists of bad (or good) senders? smtpgw.dnsbl names them, with scores
 *
 * Asked about at MAIL; at RCPT the sum of the scores decides (smtpgw.dnsbl_reject). What is not
 * known in time is not listed. Nobody is asked about addresses that are not public, exempt, our
 * own, or a subscriber's: whoever runs a list need not learn who our subscribers are. The
 * postmaster may be written to all the same (RFC 5321 4.5.1).
 *
 * SEE        RFC 5782; lib/rules/dnsbl (what the setting says), dnsbl_zones (whether a list works)
 * THREADS    a worker's loop
 */
#ifndef HATO_SMTPGW_CHECKS_DNSBL_H
#define HATO_SMTPGW_CHECKS_DNSBL_H

#include "smtpgw/checks/inspection.h"

extern const struct check check_dnsbl;

#endif
