/* delivery -- a message's way from being accepted to being final
 *
 *     delivery_add -> (on disk) -> delivery_start -> its destination:
 *         an account's numbers        -> notices, by deliver_sm
 *         smsc-sim.sink               -> delivered at once
 *         else an inbox, by the radio -> attempt -> outcome -> final, or the next attempt later
 *     final -> spool's history, receipt to its sender, status report to a phone that asked
 *
 * One attempt a phone at a time. A phone that comes (attach, memory available) starts all attempts
 * that wait for it.
 *
 * OWNERSHIP  delivery_add takes the message, unless it fails. THREADS the loop's
 * SEE        message.h (states), SMPP 3.4 2.10, TS 23.040 3
 */
#ifndef HATO_SMSC_SIM_DELIVERY_H
#define HATO_SMSC_SIM_DELIVERY_H

#include "smsc-sim/smsc.h"

/* 0: it is accepted: answer, then delivery_start. E_AGAIN: `landed` is called once it is on disk
 * (0) or could not be brought there (it is freed after the call); then likewise. E_FULL, E_NOMEM,
 * E_IO: not accepted, still the caller's. */
int delivery_add(struct smsc *s, struct message *m, int64_t now_us,
		 void (*landed)(void *arg, struct message *m, int err), void *arg);
void delivery_start(struct smsc *s, struct message *m);
/* One that was found on disk at start. */
void delivery_resume(struct smsc *s, struct message *m);

/* False: it is final, or on its way. */
bool delivery_cancel(struct smsc *s, struct message *m);
/* After message_replace. */
void delivery_replanned(struct smsc *s, struct message *m);

/* An attempt ended: m is in flight. */
void delivery_ended(struct smsc *s, struct message *m, enum outcome how, uint16_t error);
/* It is final already, or its time is over. */
void delivery_expired(struct smsc *s, struct message *m);
/* The running attempt goes on: a part was taken. */
void delivery_part_taken(struct smsc *s, struct message *m);

/* By radio: a phone is there, has room again, went. */
void delivery_phone_came(struct smsc *s, struct inbox *i);
void delivery_phone_went(struct smsc *s, struct inbox *i);

/* The process ends: who waits for its outcome hears that there is none. */
void delivery_abandon(struct message *m);

/* All whose time has come. */
void delivery_turn(struct smsc *s, int64_t now_us);

#endif
