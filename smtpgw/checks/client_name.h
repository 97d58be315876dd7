/* client_name -- does the client's address have a name that leads back to it?
 *
 * Asked only if smtpgw.reverse_dns says so: `mark` writes iprev into Authentication-Results,
 * `refuse` answers 550 5.7.25 at RCPT to who has none. The first NAMES_MAX names count; when DNS
 * does not answer it is `temperror`, and the mail goes on.
 *
 * SEE RFC 8601 2.7.3 and 3 (iprev), RFC 7372 3.3 (5.7.25)
 */
#ifndef HATO_SMTPGW_CHECKS_CLIENT_NAME_H
#define HATO_SMTPGW_CHECKS_CLIENT_NAME_H

#include "smtpgw/checks/inspection.h"

extern const struct check check_client_name;

#endif
