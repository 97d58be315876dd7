/* traps -- addresses that nobody ever had (smtpgw.traps): who writes to them guesses, or bought a
 * list
 *
 * A trap is refused in the words of an address that nobody has, and remembered: not accepted and
 * dropped, for 250 is a promise here, and the sender who only mistyped must hear of it; and in the
 * same words, so that a trap cannot be told from a dead address. A client that was caught
 * smtpgw.traps_hits times is on the local blocklist, and refused, until smtpgw.traps_keep has gone
 * by since its last time. A postmaster may still be asked.
 * THREADS    a worker's loop
 */
#ifndef HATO_SMTPGW_CHECKS_TRAPS_H
#define HATO_SMTPGW_CHECKS_TRAPS_H

#include "smtpgw/checks/inspection.h"

extern const struct check check_traps;

#endif
