/* radio_link -- the air: connections that carry phones, RP messages to and from each
 *
 *     ATTACH -> a phone, its inbox wakes        DETACH, or the connection ends -> it is absent
 *     RP-DATA(SMS-DELIVER) ->   <- RP-ACK, RP-ERROR -> delivery_ended, delivery_part_taken
 *     <- RP-SMMA: it has room again             <- RP-DATA(SMS-SUBMIT) -> a message -> RP-ACK
 *
 * A number is in one place: the newest ATTACH wins. A phone has one message of ours at a time; what
 * it answers to another reference is passed over.
 *
 * OWNERSHIP  a phone is its connection's and leaves with it. THREADS the loop's
 * SEE        lib/wire/sms/radio.h, rp.h, sms.h; TS 24.011 6.3; protocols 2
 */
#ifndef HATO_SMSC_SIM_RADIO_LINK_H
#define HATO_SMSC_SIM_RADIO_LINK_H

#include "lib/listener.h"
#include "smsc-sim/smsc.h"

struct radio_link;

struct phone {
	struct inbox *inbox; /* its number */
	struct radio_link *link;
	char imsi[16];
	int64_t since_us;
	uint8_t reference;                     /* of the last RP-DATA */
	bool is_awaited;                       /* its answer */
	struct phone *next, *previous;         /* on its link */
	struct phone *all_next, *all_previous; /* of the centre */
};

int radio_open(struct smsc *s, struct radio **out);
void radio_close(struct radio *r); /* after radio_stop and once no connection is open */
void radio_stop(struct radio *r);
size_t radio_connections(const struct radio *r);
void radio_accepted(void *smsc, struct conn *c);

/* The next part of m. The answer comes to delivery. E_*: it cannot be said to a phone. */
int radio_send(struct smsc *s, struct phone *p, const struct message *m, bool more_wait);
struct conn *radio_conn(const struct phone *p);
/* No answer is awaited any more. */
void radio_forget(struct phone *p);

/* All attached phones, the newest first. */
const struct phone *radio_phones(const struct radio *r, size_t *count);

#endif
