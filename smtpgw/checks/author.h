/* author -- who a mail says that it is from, and what it asks of its reader, as its header tells
 *
 * The addresses of From (all fields of that name; the first address is kept, all are counted) and
 * whether a receipt is asked for. It stands first in the table, so that the checks behind it find
 * the author when the header has ended. Asks nobody, refuses nothing.
 *
 * SEE RFC 5322 3.6.2, RFC 8098 2.1
 */
#ifndef HATO_SMTPGW_CHECKS_AUTHOR_H
#define HATO_SMTPGW_CHECKS_AUTHOR_H

#include "smtpgw/checks/inspection.h"

extern const struct check check_author;

#endif
