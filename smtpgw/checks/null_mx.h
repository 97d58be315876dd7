/* null_mx -- does the sender's domain say that it takes no mail?
 *
 * Such a domain cannot be answered and hears of no bounce. Asked only with smtpgw.refuse_null_mx:
 * 550 5.7.27 at RCPT. Not of the null path; and when DNS does not answer the mail goes on.
 *
 * SEE RFC 7505 4.2, 5.2 (5.7.27)
 */
#ifndef HATO_SMTPGW_CHECKS_NULL_MX_H
#define HATO_SMTPGW_CHECKS_NULL_MX_H

#include "smtpgw/checks/inspection.h"

extern const struct check check_null_mx;

#endif
