/* sender -- who may submit from this address, at this moment?
 *
 * Asked at every MAIL, because what a login has shown was true when it was shown. Somebody who
 * logged in on this connection: the committed binding of the address must still be the one of his
 * token. Nobody did, and POP before SMTP is on: the last POP login from the address is not too old,
 * and the committed binding is still the one that it went through, of a whole address: behind a
 * shared one (key_is_block) nobody knows whose login it was.
 *
 * OWNERSHIP  a struct sender_check is the caller's until `done` was called, exactly once, maybe
 *            before sender_ask returns; the owner is borrowed for the callback
 * THREADS    the port's
 * SEE        binding-rules 5; protocols 6.1
 */
#ifndef HATO_SMTPGW_SUBMISSION_SENDER_H
#define HATO_SMTPGW_SUBMISSION_SENDER_H

#include "db/identity.h"
#include "db/pop_login.h"

enum sender_verdict {
	SENDER_KNOWN,
	SENDER_NOBODY, /* log in first */
	SENDER_MOVED,  /* he did, but the binding is his no more */
	SENDER_STORE   /* cannot be asked: later */
};

typedef void sender_found(void *arg, enum sender_verdict, const struct subscriber *owner);

struct sender_check {
	struct db_port *port;
	const char *realm;
	struct addr source;
	uint16_t source_port;
	struct identity who; /* who logged in; subscriber 0: nobody. With SENDER_KNOWN: who it is */
	int64_t pop_us;      /* how old a POP login may be; 0: none counts */
	sender_found *done;
	void *arg;

	struct binding binding; /* its own: what holds the address */
};
void sender_ask(struct sender_check *c);

#endif
