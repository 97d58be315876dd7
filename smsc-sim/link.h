/* link -- one SMPP connection: bound by an account, table driven, windows both ways
 *
 *     conn --input--> frames -> faults_link_pdu -> is it allowed? -> link_verbs (its row)
 *                                                       '-> the status to answer
 *     notices, enquire_link, unbind --link_request--> window --response--> notices
 *
 * All PDUs of a read are worked off, all answers of a turn leave in one write. An ESME that does
 * not take its answers (unsent_max) is not read any more. What it has asked and we have not
 * answered (answers held back by the store or a fault) counts against its window: over it
 * RTHROTTLED.
 *
 * OWNERSHIP  a link frees itself after its connection is closed and nothing holds it any more
 *            (link_hold: an answer that comes later). What it carried unanswered goes back to
 *            notices. THREADS the loop's
 * SEE        SMPP 3.4 2.2, 2.7, 3.2, 4; lib/wire/smpp/bind.h; protocols 3.4
 */
#ifndef HATO_SMSC_SIM_LINK_H
#define HATO_SMSC_SIM_LINK_H

#include "lib/conn.h"
#include "lib/wire/smpp/bind.h"
#include "lib/wire/smpp/window.h"
#include "smsc-sim/smsc.h"

struct link {
	struct smsc *smsc;
	struct conn *conn; /* null: closed */
	uint64_t id;
	enum smpp_bind_state state;
	struct account *account;    /* null: not bound */
	struct smpp_window *window; /* what we asked; null before the bind */
	uint32_t owed;              /* answers that we hold back */
	bool takes_tlvs;            /* it said 3.4 */
	bool is_outbind;            /* we connected */
	bool is_muted;              /* a fault: what it hears now is nothing */
	bool is_closing;
	bool is_paused;            /* it does not take its answers: it is not read */
	struct number_range range; /* what its bind said */
	struct fault_link fault;
	unsigned holds;
	int64_t since_us, heard_us, enquired_us; /* monotonic */
	int64_t bound_at_us;                     /* the clock's */
	uint64_t pdus_in, pdus_out, submits, delivers;
	char peer[64];
	struct link *next, *previous;                   /* smsc->links */
	struct link *account_next, *account_previous;   /* account->links */
	struct link *receiver_next, *receiver_previous; /* account->receiver: a ring */
};

/* How a request is to be answered, now or later. */
struct link_reply {
	uint32_t id, sequence;
	uint32_t sequence_add; /* faults: see struct fault_submit */
	bool silent;
	int64_t delay_us;
};

/* A new connection. `arg` of the listener is the smsc. */
void link_accepted(void *arg, struct conn *c);
/* A connection that we make (outbind.h): `first` is said once it is up. */
struct link *link_connect(struct smsc *s, const struct addr *to, uint16_t port,
			  const struct smpp_pdu *first);
/* Once a second: deadlines, enquire_link. */
void link_tick(struct link *l, int64_t mono_us);
/* Politely: unbind, then closed. */
void link_stop(struct link *l);
void link_cut(struct link *l);

bool link_receives(const struct link *l);
/* A message for it: E_FULL: its window. `arg` comes back to notices_answered or
 * notices_returned. */
int link_request(struct link *l, struct smpp_pdu *pdu, void *arg, int64_t now_us);

/* Answers. A message_id "" is none; `body` may be null. */
void link_say(struct link *l, const struct smpp_pdu *pdu);
void link_answer(struct link *l, const struct link_reply *r, struct smpp_pdu *answer);
void link_refuse(struct link *l, const struct smpp_pdu *request, uint32_t status);
void link_nack(struct link *l, uint32_t sequence, uint32_t status);

void link_hold(struct link *l);
void link_release(struct link *l);

/* The account's links: after a bind, before it ends. */
void link_join_account(struct link *l, struct account *a);

#endif
