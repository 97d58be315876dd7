/* bearer_sms -- triggers as short messages: what the store has logged goes to an SMSC, and what
 * becomes of it comes back into the store
 *
 *     logged sending -> last look (the number is still his, he is not frozen, the mailbox was not
 *     read) -> WSP push, signed if he holds a confirmed lease -> esme_submit
 *         accepted   kept by (SMSC, message id), so that its receipt finds the trigger
 *         temporary  not counted, due again when the SMSC wants to be asked again
 *         permanent  logged, counted; the schedule repeats it
 *         unknown    it may have gone: the schedule repeats it
 *     receipt -> the store, by (SMSC, message id), also after a restart -> answered after the
 *     commit
 *
 * A few sendings are held here while no window has room; how many more may be taken from the outbox
 * is bearer_sms_room, nothing while no link is bound. A message is valid until its repeat is due,
 * so that an SMSC never keeps two of one trigger.
 *
 * OWNERSHIP  loop, port and conf are borrowed. bearer_sms_stop, then the port's close, then
 *            bearer_sms_close.
 * THREADS    one loop's
 * SEE        esme.h, db/outbox.h, docs/sms.md
 */
#ifndef HATO_PUSHSRV_BEARER_SMS_H
#define HATO_PUSHSRV_BEARER_SMS_H

#include "db/outbox.h"
#include "lib/conf.h"

struct bearer_sms;

struct bearer_sms_options {
	struct loop *loop;
	struct db_port *port;
	const struct conf *conf;
	/* There is room again. Called from within any step: only note it. */
	void (*room)(void *arg);
	/* A row of the queue of short messages has a new time. */
	void (*due)(void *arg, int64_t at_us);
	void *arg;
};

/* error[] tells why. */
int bearer_sms_open(const struct bearer_sms_options *options, struct bearer_sms **out,
		    char error[256]);
void bearer_sms_close(struct bearer_sms *b);
/* Nothing new leaves; `stopped` when the links are closed. */
void bearer_sms_stop(struct bearer_sms *b, void (*stopped)(void *arg), void *arg);

size_t bearer_sms_room(struct bearer_sms *b);
/* No more than bearer_sms_room said. */
void bearer_sms_send(struct bearer_sms *b, const struct trigger_out *out);

#endif
