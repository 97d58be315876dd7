/* outgoing -- datagrams on their way: what the store has logged, looked at once more, signed, sent
 *
 * A logged sending (db/outbox.h) waits here for its turn, in groups: each binding is asked for once
 * more at the moment of sending, all of a group in one view of the store, and the datagrams leave
 * by sendmmsg(2). The rule stands on this look alone: an address that went to the next phone since
 * the sending was logged gets nothing, and the schedule does the rest.
 *
 * What a mail's own transaction logged goes before what waits (outgoing_now). While the socket is
 * full, or the store cannot be asked, nothing leaves and the queue keeps what it has; it is
 * bounded, and whoever takes from the outbox asks outgoing_room first. What is in it when the
 * process dies is in the send log and repeated by the schedule.
 *
 * OWNERSHIP  loop, port, bearer and conf are borrowed. Sendings are copied.
 * THREADS    one loop's; outgoing_prompt: any
 * SEE        binding rules 6
 */
#ifndef HATO_PUSHSRV_OUTGOING_H
#define HATO_PUSHSRV_OUTGOING_H

#include "db/outbox.h"
#include "pushsrv/bearer_udp.h"

#define OUTGOING_MAX   4096
#define OUTGOING_GROUP 64 /* that one view of the store and one system call are for */

struct outgoing;

struct outgoing_options {
	struct loop *loop;
	struct db_port *port;
	const struct conf *conf;
	const struct bearer_udp *bearer;
	/* There is room again, or something that was not sent has a new time. Called from within
	 * any step: only note it. */
	void (*moved)(void *arg);
	void *arg;
};

int outgoing_new(const struct outgoing_options *options, struct outgoing **out);
void outgoing_stop(struct outgoing *o);
void outgoing_free(struct outgoing *o);

size_t outgoing_room(const struct outgoing *o);
/* n <= outgoing_room. */
void outgoing_add(struct outgoing *o, const struct trigger_out *list, size_t n);
/* At once, before all that waits. What the socket would not take is added if there is room. */
void outgoing_now(struct outgoing *o, const struct trigger_out *list, size_t n);
/* Up to OUTGOING_GROUP of them, from a prompt of the store (prompt.h). left[i]: it may leave, and
 * did not. */
void outgoing_prompt(const struct outgoing *o, struct trigger_sight *sight,
		     const struct trigger_out *list, size_t n, bool left[]);

#endif
