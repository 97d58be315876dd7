/* air -- where triggers arrive: UDP on the trigger port, one socket for all phones' addresses or
 * one each
 *
 * One socket on the wildcard address learns by IP_PKTINFO to which address a datagram came; with a
 * socket for each the phone binds its own. `heard` is called for every datagram with the address it
 * came to. THREADS the loop's
 */
#ifndef HATO_HANDSET_SIM_AIR_H
#define HATO_HANDSET_SIM_AIR_H

#include <stdbool.h>

#include "lib/addr.h"
#include "lib/loop.h"

struct air;
typedef void air_heard(void *arg, const struct addr *to, const uint8_t *datagram, size_t n);

/* E_EXISTS: the port is taken. */
int air_open(struct loop *loop, uint16_t port, bool one_socket, air_heard *heard, void *arg,
	     struct air **out);
void air_close(struct air *a);

/* A phone listens at its address, or leaves it. With one socket for all there is nothing to do. */
struct air_ear;
int air_listen(struct air *a, const struct addr *at, struct air_ear **out);
void air_leave(struct air_ear *ear);

#endif
