/* ledger -- the life of every mail, and the verdict: lost, altered, seen by a stranger
 *
 * A mail is a corpus message with one field on top, X-Hato-Sim: RUN-NUMBER-PHONE, by which it is
 * known again. What a phone fetched is judged here: whose it is, and whether it is to the byte what
 * was sent (trace fields on top aside). THREADS the loop's. OWNERSHIP ledger_free frees all.
 */
#ifndef HATO_HANDSET_SIM_LEDGER_H
#define HATO_HANDSET_SIM_LEDGER_H

#include <stdbool.h>

#include "handset-sim/corpus.h"
#include "handset-sim/latency.h"
#include "handset-sim/trigger_tally.h"
#include "lib/wire/push/trigger.h"

enum mail_state { MAIL_UNSENT, MAIL_SENDING, MAIL_ACCEPTED, MAIL_REFUSED };

struct mail {
	uint32_t phone;   /* index of its owner */
	uint32_t message; /* in the corpus */
	enum mail_state state;
	bool fetched;
	bool follows;    /* its mailbox may have had a trigger already: the schedule says when it is
			    told */
	int64_t sent_us; /* the end of its content */
	int64_t accepted_us, triggered_us, fetched_us; /* 0: not yet */
	uint32_t next_of_phone; /* index + 1 of the owner's next mail that waits; 0: the last */
};

struct ledger {
	const struct corpus *corpus;
	struct mail *mails;
	size_t count;
	uint64_t run;
	uint32_t *waiting; /* by phone: index + 1 of the first mail that is not fetched; 0: none */
	bool *told;        /* by phone: since a trigger came, no session has ended */
	uint32_t sent, refused, fetched, again, altered, stranger, unknown, misdirected, reported;
	uint32_t triggers, attaches, moves, logins, denied;
	struct trigger_tally tally; /* its limits are the owner's to set */
	struct latency attach, token, trigger_fetched;
	struct latency accept;         /* from the end of the content to its 250 */
	struct latency sent_trigger;   /* to its trigger, of those that follow no other */
	struct latency accept_trigger; /* from its 250 to its trigger; likewise */
	struct latency accept_next;    /* of those that do */
};

int ledger_init(struct ledger *l, const struct corpus *c, size_t mails, uint32_t phones,
		uint64_t seed);
void ledger_free(struct ledger *l);

/* The field on top of mail `index`, CRLF included. Returns its length. */
#define LEDGER_FIELD_MAX 96
size_t ledger_field(const struct ledger *l, size_t index, char field[LEDGER_FIELD_MAX]);

void ledger_sending(struct ledger *l, size_t index, int64_t now_us);
void ledger_content(struct ledger *l, size_t index, int64_t now_us); /* all of it is sent */
void ledger_accepted(struct ledger *l, size_t index, int64_t now_us);
void ledger_refused(struct ledger *l, size_t index);
/* A trigger for this phone came: it is for all its mails that wait. */
void ledger_triggered(struct ledger *l, uint32_t phone, enum bearer by, const struct trigger *t,
		      int64_t now_us);
/* A phone has a message, unstuffed. */
void ledger_fetched(struct ledger *l, uint32_t phone, const uint8_t *octets, size_t n,
		    int64_t now_us);
/* A session that took all has ended: the next mail is the first of a new trigger. */
void ledger_read(struct ledger *l, uint32_t phone);
uint32_t ledger_lost(const struct ledger *l); /* accepted, never fetched */
bool ledger_is_clean(const struct ledger *l);

#endif
