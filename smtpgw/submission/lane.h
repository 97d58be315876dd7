/* lane -- in which lane of the queue a recipient's mail waits
 *
 * "" for our own domains; else his domain as DNS has it: A-labels in lower case (an IDN is
 * converted, lib/idn). Pure; any thread. ERRORS E_SYNTAX: no such name can be looked up. E_NOMEM.
 */
#ifndef HATO_SMTPGW_SUBMISSION_LANE_H
#define HATO_SMTPGW_SUBMISSION_LANE_H

#include "db/queue.h"
#include "lib/wire/mailaddr.h"
#include "smtpgw/local_domains.h"

int lane_of(const struct local_domains *ours, const struct mailaddr *to, char lane[QUEUE_LANE_MAX]);

#endif
