/* door -- the listening sockets of a process: one a worker on a TCP port, one for all on a unix
 * path
 *
 * The workers of a process share a port by SO_REUSEPORT, but a second process must not slip in
 * beside them unseen. So the first worker binds alone and only then lets others in, and the process
 * remembers which doors are its own. Used by lib/acceptor. THREADS any
 */
#ifndef HATO_LIB_DOOR_H
#define HATO_LIB_DOOR_H

#include "lib/addr.h"

#define DOOR_BACKLOG 4096

struct door;

/* Where a door is. */
struct door_place {
	struct addr addr;
	uint16_t port;      /* 0: the kernel's choice */
	const char *device; /* the one network device that connections come by and answers leave by;
			       null or "": any. On two devices one address and port are two doors */
	const char *unix_path; /* instead of all that; null: none */
};

/* Listening, not blocking, closed on exec. *fd is the door's until door_close, *bound its port.
 * E_EXISTS: somebody else listens there; E_NOT_FOUND: no such device; E_RANGE: a path or a device's
 * name that is too long; E_IO, E_NOMEM. */
int door_open(const struct door_place *place, struct door **out, int *fd, uint16_t *bound);
/* The last user of a unix path removes the path. */
void door_close(struct door *d, int fd);

#endif
