/* proxy_wait -- connections of balancers that have not yet said whom they speak for
 *
 * Reads the PROXY header, and not one octet behind it, so that what comes next (a ClientHello, a
 * request) is there for who takes the socket over. Used by lib/acceptor.
 *
 * LIMITS     balancers.wait_ms a header, balancers.max_waiting connections; what is over, or is no
 *            header, is closed, counted, and said once a second at most
 * OWNERSHIP  a descriptor is ours from proxy_wait_add until `told`
 * THREADS    one loop's thread
 */
#ifndef HATO_LIB_PROXY_WAIT_H
#define HATO_LIB_PROXY_WAIT_H

#include "lib/balancers.h"
#include "lib/conn.h"

struct proxy_wait;

/* `peer` is whom the balancer names; of a nameless one (health check) it is 0.0.0.0, which is
 * nobody's: is_nameless. */
typedef void proxy_told(void *arg, int fd, const struct conn_peer *peer);

int proxy_wait_new(struct loop *loop, const struct balancers *balancers, proxy_told *told,
		   void *arg, struct proxy_wait **out); /* E_NOMEM */
void proxy_wait_free(struct proxy_wait *w);             /* closes what waits; may be null */
/* `peer`: the balancer, as the kernel says. */
void proxy_wait_add(struct proxy_wait *w, int fd, const struct conn_peer *peer);

#endif
