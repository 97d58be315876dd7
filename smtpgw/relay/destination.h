/* destination -- a lane of the queue whose mail goes to other hosts: who is connected, how many,
 * and what when nobody answers
 *
 * A destination is in memory while something of it is: mails, connections, or the memory that it is
 * down.
 *
 *     NEW      one mail is taken and one connection tried, through all hosts of its route
 *     PROVEN   a host has welcomed us: more connections, as many as its window has (window.h), and
 *              two mails for each of them in memory
 *     DOWN     no host did, or its domain cannot have mail: whatever is due in the lane is settled
 *              with that answer, in pieces, and until down_us is over so is what comes; no mail
 * waits for a time-out of its own. After that it is NEW
 *
 * A connection that has done a mail gets the next one, up to link_settings.mails_max, and is kept
 * idle_us for one that may come. When there are connections_max in all, one that is idle elsewhere
 * is closed for who wants one; else it waits its turn, first come, first served.
 *
 * OWNERSHIP  a struct destinations owns all of them, and their links
 * THREADS    one loop's
 * SEE        RFC 5321 4.5.4.1, 5.1; docs/relay.md
 */
#ifndef HATO_SMTPGW_RELAY_DESTINATION_H
#define HATO_SMTPGW_RELAY_DESTINATION_H

#include "smtpgw/relay/intake.h"
#include "smtpgw/relay/link.h"
#include "smtpgw/relay/route.h"

struct destinations;

struct destinations_options {
	struct loop *loop;
	struct intake *intake;
	struct dns *dns;
	const struct routes *routes;
	struct link_settings links;
	size_t connections_max; /* in all */
	size_t first, most;     /* of one destination */
	int64_t down_us;
};

/* options are copied, what they point to is borrowed. E_NOMEM. */
int destinations_new(const struct destinations_options *options, struct destinations **out);
/* All links are closed. */
void destinations_free(struct destinations *all);

/* There is something due in this lane. */
void destinations_offer(struct destinations *all, const struct queue_lane *lane);
/* There is room for jobs again, or time has gone by: who wants some takes them; who is of no use
 * any more goes. */
void destinations_look(struct destinations *all);

/* Nothing is begun any more: mails that are not beyond their end are given back; `stopped`, maybe
 * at once, when no link is left. */
void destinations_stop(struct destinations *all, void (*stopped)(void *arg), void *arg);
/* Now: what the other host has and has not answered for is given back, and goes out again. */
void destinations_cut(struct destinations *all);

#endif
