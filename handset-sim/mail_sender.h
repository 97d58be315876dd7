/* mail_sender -- the world outside: sends the ledger's mails to the MX over a few SMTP connections,
 * at a rate
 *
 * Some of the connections may speak LMTP to pushsrv instead, as a mail relay of the carrier's own
 * does. A mail that is answered "later" (4yz, or the connection failed) is sent again after a
 * pause; one that is refused (5yz) is counted. A mail is sent at least once: what was cut after its
 * end of data is sent again, as MTAs do.
 */
#ifndef HATO_HANDSET_SIM_MAIL_SENDER_H
#define HATO_HANDSET_SIM_MAIL_SENDER_H

#include "handset-sim/ledger.h"
#include "lib/addr.h"
#include "lib/loop.h"

struct mail_sender;

struct sender_options {
	struct addr to;
	uint16_t port;
	uint32_t connections;
	uint32_t lmtp; /* the first so many of them are LMTP */
	struct addr lmtp_to;
	uint16_t lmtp_port;
	double rate;
	uint32_t first; /* number of the first phone: addresses follow */
};

int mail_sender_new(struct loop *loop, const struct sender_options *o, struct ledger *l,
		    void (*done)(void *arg), void *arg, struct mail_sender **out);
void mail_sender_start(struct mail_sender *s);
void mail_sender_free(struct mail_sender *s);

#endif
