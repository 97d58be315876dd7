/* dkim -- checks the signatures of a mail (lib/dkim) and asks DNS for their keys
 *
 * The keys are asked for when the header has ended, while the body still comes in, so that mostly
 * nobody waits. What is not answered in the inspection's time is `temperror`. Each signature's
 * result stands in the findings; a mail without one has `none` in the first place, and the count 0.
 *
 * Refuses nothing: a broken signature is worth as much as none (RFC 6376 6.1). DMARC judges.
 *
 * SEE lib/dkim.h; RFC 6376 6
 */
#ifndef HATO_SMTPGW_CHECKS_DKIM_H
#define HATO_SMTPGW_CHECKS_DKIM_H

#include "smtpgw/checks/inspection.h"

extern const struct check check_dkim;

#endif
