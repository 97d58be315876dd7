/* radius -- RADIUS accounting as a lease feed
 *
 * One worker listens. A datagram from a client that proves itself becomes a lease event, goes to
 * the store with the worker's other lease events, and is answered after its commit; what the store
 * could not keep is not answered, and the NAS asks again. Many requests are on their way at once,
 * but no more than authsrv.radius_in_flight: while there are as many nothing is read, the kernel's
 * queue fills, and what does not fit there is dropped by it, which costs nothing here.
 *
 * What may have been lost (dropped by the kernel, refused by the store, late by more than
 * authsrv.lag from receipt to commit) makes the realm's NASes `behind`: which NAS a dropped
 * datagram was of, nobody knows.
 *
 * What is none of ours is dropped silently: counted by reason, logged once a source and minute.
 *
 * OWNERSHIP  radius_close after the worker's port is closed: completions come until then
 * THREADS    its worker's. SEE docs/radius.md, RFC 2866, binding rules 3
 */
#ifndef HATO_AUTHSRV_RADIUS_H
#define HATO_AUTHSRV_RADIUS_H

#include "authsrv/server.h"

struct radius;

/* E_EXISTS: the port is taken. */
int radius_open(struct worker *w, struct radius **out);
/* Reads no more; what is on its way is still answered. */
void radius_stop(struct radius *r);
void radius_close(struct radius *r);
/* Once a second. */
void radius_second(struct radius *r);
/* A key came into quarantine. */
void radius_quarantined(struct radius *r, const struct change *change);

#endif
