/* lookalike -- does the domain in From only look like one that a recipient corresponds with?
 *
 * Each recipient's subscriber is looked up; when all is known, From's domain is compared with the
 * domains he corresponds with (db/correspondent), in the store, not on the net. What imitates one
 * gets a finding and a warning in the mail; of a mail with several recipients the warning does not
 * tell which domain it was, since that is one recipient's own affair. A mail that passed DMARC and
 * imitates nobody makes its domain one that its recipients correspond with.
 *
 * Refuses nothing: the door does, if its subscriber wants it. Of LOOKALIKE_READERS_MAX recipients
 * the correspondents are looked at.
 *
 * SEE lib/rules/lookalike.h
 */
#ifndef HATO_SMTPGW_CHECKS_LOOKALIKE_H
#define HATO_SMTPGW_CHECKS_LOOKALIKE_H

#include "smtpgw/checks/inspection.h"

#define LOOKALIKE_READERS_MAX 16

extern const struct check check_lookalike;

#endif
