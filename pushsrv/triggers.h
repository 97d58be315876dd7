/* triggers -- from a row of the outbox to a datagram
 *
 * A mailbox that is looked at goes through these steps, each of which may end it:
 *
 *     row of the outbox -> due? -> name of the mailbox -> bindings that allow a datagram
 *     -> its timestamp, committed -> each binding once more, at the moment of sending
 *     -> datagram -> record of it and of the next time
 *
 * The committed row decides: nothing found earlier stands in for the last look before the
 * datagram, and an address that went to the next phone in between gets nothing. No usable binding:
 * the row sleeps until a lease is confirmed. A row that the store would not record keeps its slot
 * until it does, so a store in trouble slows triggers down instead of having them repeated.
 *
 * The mailboxes at work are a pool of TRIGGERS_AT_ONCE; what does not fit stays where it is, in
 * the outbox. A mailbox that is looked at again meanwhile is begun anew when it is done.
 *
 * OWNERSHIP  port, loop and bearer are borrowed. Stop the port (db_port_close)
 *            before triggers_free.
 * THREADS    one loop's
 */
#ifndef HATO_PUSHSRV_TRIGGERS_H
#define HATO_PUSHSRV_TRIGGERS_H

#include "pushsrv/bearer_udp.h"
#include "pushsrv/schedule.h"

#define TRIGGERS_AT_ONCE 256

struct triggers;

struct triggers_options {
	struct loop *loop;
	struct db_port *port;
	const struct conf *conf;
	const struct bearer_udp *bearer;
	/* The outbox has a row that is due then (not before). */
	void (*due)(void *arg, int64_t at_us);
	/* A slot became free. Called from within any step: only note it. */
	void (*room)(void *arg);
	/* The store would not wake a row whose lease was confirmed: look at all of them some time.
	 */
	void (*lost)(void *arg);
	void *arg;
};

int triggers_new(const struct triggers_options *options, struct triggers **out);
void triggers_free(struct triggers *t);
/* Nothing new is begun; what is in flight at the store ends when its port is closed. */
void triggers_stop(struct triggers *t);

size_t triggers_room(const struct triggers *t);
/* There is something about this mailbox. Never refuses: without a slot the row in the store is made
 * to say so. */
void triggers_look(struct triggers *t, int64_t subscriber, enum schedule_cause cause);
/* The same for a row just read from the outbox. Without a slot: nothing; false. */
bool triggers_take(struct triggers *t, const struct outbox_row *row, enum schedule_cause cause);

#endif
