/* radius_steer -- the kernel's program that tells clients from strangers
 *
 * Pure: address ranges in, instructions of classic BPF out. The program returns 0 for a source
 * inside a range and 1 for any other: the index of the socket in its SO_REUSEPORT group.
 */
#ifndef HATO_AUTHSRV_RADIUS_STEER_H
#define HATO_AUTHSRV_RADIUS_STEER_H

#include <linux/filter.h>

#include "authsrv/radius/clients.h"

#define RADIUS_STEER_CLIENTS   0
#define RADIUS_STEER_STRANGERS 1
/* A head of 6 (with the tail), and 13 for a range of IPv6. */
#define RADIUS_STEER_MAX (8 + 13 * RADIUS_RANGES_MAX)

/* Returns the number of instructions. */
size_t radius_steer(const struct radius_clients *clients,
		    struct sock_filter program[RADIUS_STEER_MAX]);

#endif
