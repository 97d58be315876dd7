/* holder -- a handset that shows its token: is it this caller's, of the committed binding?
 *
 * Finds the binding of the caller's address, opens the token with the key as it is stored, and
 * compares generation and subscriber with the committed row. A token for this key and generation
 * that names another subscriber is hard evidence: the binding is quarantined (binding rules 2).
 * Whoever does not pass has been answered and the call has ended; for the others `next` runs, with
 * `found` as committed and `token` opened, and may run holder_check again when a compare-and-set is
 * lost. OWNERSHIP a struct holder begins a handler's own struct and is a struct call (server.h)
 */
#ifndef HATO_AUTHSRV_HOLDER_H
#define HATO_AUTHSRV_HOLDER_H

#include "authsrv/server.h"
#include "lib/token.h"

#define HOLDER_TRIES_MAX 4

struct holder {
	struct call call;
	struct binding_found found;
	struct token token;
	unsigned tries;
	void (*next)(struct holder *h);
};

void holder_check(struct holder *h);
/* E_CONFLICT of the store: the binding moved meanwhile. Looks again, or says later. */
void holder_again(struct holder *h);

#endif
