/* clients -- the senders' hosts that an operator trusts: smtpgw.checks_exempt
 *
 * No list is asked about them, they are not asked to come again, and no trap catches them.
 * OWNERSHIP  values. THREADS read-only after clients_read
 */
#ifndef HATO_SMTPGW_CHECKS_CLIENTS_H
#define HATO_SMTPGW_CHECKS_CLIENTS_H

#include "lib/addr_range.h"
#include "lib/balancers.h"
#include "lib/conf.h"

#define CLIENTS_EXEMPT_MAX BALANCERS_MAX /* what lib/conf lets in */

struct clients {
	struct addr_range exempt[CLIENTS_EXEMPT_MAX];
	size_t count;
};

/* E_SYNTAX, E_RANGE, E_TOO_LARGE: those of addr_ranges_parse. */
int clients_read(const struct conf *c, struct clients *out);
bool clients_are_exempt(const struct clients *c, const struct addr *client);

#endif
