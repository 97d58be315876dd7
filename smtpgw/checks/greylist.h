/* greylist -- strangers are asked to come again (smtpgw.greylist): real senders do, much spam does
 * not
 *
 * At each RCPT the triplet (network of the client, reverse-path, recipient) is looked up in
 * queue.db. Who is on lists of good senders (a negative score) need not wait, nor who writes to the
 * postmaster. A store that cannot be asked lets the mail in.
 * THREADS    a worker's loop
 */
#ifndef HATO_SMTPGW_CHECKS_GREYLIST_H
#define HATO_SMTPGW_CHECKS_GREYLIST_H

#include "smtpgw/checks/inspection.h"

extern const struct check check_greylist;

#endif
