/* esme_private -- the inside of the pool of links (esme.h)
 *
 *     esme.c          the pool: which link takes a message, room, stop
 *     esme_link.c     a link's life: connect, bind, up, down, back off
 *     esme_leg.c      a connection of a link and its session (esme_session.h), joined
 *     esme_sending.c  a message on its way: its parts, and what becomes of it
 *     esme_inbox.c    what an SMSC hands up: tickets, and receipts that came early
 *
 * A link has one leg (transceiver) or two (transmitter, receiver), which live and die together.
 *
 *     DOWN --its time--> OPENING --every leg bound--> UP --a leg ends--> CLOSING --all closed-->
 * DOWN
 *
 * OWNERSHIP  a pool owns all below it. A leg's conn frees itself; its session is closed with it
 * THREADS    one loop's. Times are of clock_mono_us, but where they are told to the client
 */
#ifndef HATO_PUSHSRV_ESME_PRIVATE_H
#define HATO_PUSHSRV_ESME_PRIVATE_H

#include "lib/conn.h"
#include "pushsrv/esme.h"
#include "pushsrv/esme_counters.h"
#include "pushsrv/esme_pace.h"
#include "pushsrv/esme_parts.h"
#include "pushsrv/esme_session.h"

#define ESME_LEGS        2
#define ESME_STOP_US     INT64_C(1000000) /* a stop: so long for answers, and again for the unbind */
#define ESME_UNSENT_MAX  (256 * 1024) /* octets that an SMSC does not take: it is given no more */
#define ESME_STALL_PARTS 4 /* a full window with a request older than response_us / 4: silent */

enum esme_link_state { ESME_DOWN, ESME_OPENING, ESME_UP, ESME_CLOSING };

struct esme_leg {
	struct esme_link *link;
	uint32_t bind;     /* SMPP_BIND_TRANSCEIVER ... */
	struct conn *conn; /* null: none */
	struct esme_session session;
	bool has_session, is_paused;
	uint32_t serial; /* of the session: an answer to an earlier one goes nowhere */
};

struct esme_link {
	struct esme *pool;
	const struct conf_smsc *conf;
	size_t index;           /* in the configuration; for counters */
	size_t account;         /* links of one account have the same number */
	struct tls_client *tls; /* null: plain */
	struct esme_leg legs[ESME_LEGS];
	size_t leg_count;
	enum esme_link_state state;
	struct esme_pace pace;
	struct loop_timer *timer;
	int64_t armed_us; /* what the timer is set for; INT64_MAX: nothing */
	int64_t due_us;   /* DOWN: connect then; OPENING: give up then; stopping: go on */
	int64_t up_us;    /* UP since then */
	size_t tries;     /* in a row that came to nothing */
	bool is_silent;   /* it took messages and said nothing: on probation, and not
				   waited for */
	bool is_stopping, is_unbinding;          /* for a stop */
	uint16_t reference;                      /* of the last message in parts */
	struct esme_sending *sendings, *partial; /* all on their way; the one with parts to send */
	struct esme_ticket *tickets;
	size_t ticket_count;
};

struct esme {
	const struct conf *conf;
	struct loop *loop;
	struct esme_client client;
	struct esme_link *links; /* by priority */
	size_t link_count, turn;
	struct loop_timer *stopping; /* for `stopped` */
	void (*stopped)(void *arg);
	void *stopped_arg;
	bool is_stopping, is_room_wanted, is_telling;
	uint64_t order; /* counts messages: which of them a receipt may be of */
	struct esme_early *early, **early_end;
	size_t early_count;
	uint64_t dice;
	uint8_t out[SMPP_PDU_MAX];
	uint8_t scratch[ESME_SCRATCH_SIZE];
};

/* esme.c: something changed: messages may find room now, the stop may be complete. */
void esme_changed(struct esme *e);
/* At random, 0 to n - 1. */
uint64_t esme_dice(struct esme *e, uint64_t n);

/* esme_link.c */
int esme_link_init(struct esme *e, struct esme_link *l, size_t index, char error[256]);
void esme_link_fini(struct esme_link *l);
void esme_link_stop(struct esme_link *l);
/* Its deadlines may have come nearer. */
void esme_link_arm(struct esme_link *l);
void esme_link_bound(struct esme_link *l);
/* A leg's session ended, or its connection was never made. */
void esme_link_down(struct esme_link *l, enum esme_end why, uint32_t status);
/* A leg's connection is closed. */
void esme_link_closed(struct esme_link *l);
bool esme_link_is_at_rest(const struct esme_link *l);
/* The leg that sends. */
struct esme_leg *esme_link_sender(struct esme_link *l);

enum esme_room {
	ESME_HAS_ROOM,
	ESME_IS_FULL, /* it will have: wait */
	ESME_IS_OUT   /* down, slowed down, or silent: another link, if there is one */
};
enum esme_room esme_link_room(struct esme_link *l, int64_t now_us);

/* esme_leg.c. E_IO, E_NOMEM. */
int esme_leg_open(struct esme_leg *leg);
void esme_leg_close(struct esme_leg *leg, bool at_once);
/* The password, as it stands in its file now. */
int esme_leg_login(const struct esme_link *l, struct smpp_bind *out);

/* esme_sending.c: as esme_submit; the link has room. */
int esme_sending_begin(struct esme_link *l, const struct esme_message *m, void *arg);
/* Parts that wait for room. */
void esme_sending_pump(struct esme_link *l);
/* A part was answered. */
void esme_sending_answered(struct esme_link *l, void *part, const struct esme_answered *a);
/* The link is down: what has parts that were never sent. */
void esme_sending_break(struct esme_link *l);
void esme_sending_free_all(struct esme_link *l);
/* Is a message to that number on its way by a link of that account, begun no later than that? */
bool esme_sending_may_be(const struct esme *e, size_t account, uint64_t number, uint64_t order);
/* What an SMSC does not change of a number: its last digits, as a number. */
uint64_t esme_number_tail(const char *number);

/* esme_inbox.c */
void esme_inbox_delivered(struct esme_leg *leg, const struct smpp_pdu *pdu);
/* A message to that number is no longer on its way: its receipts are due. */
void esme_inbox_release(struct esme *e, size_t account, uint64_t number);
/* The stop: receipts that nobody was told of are for later. */
void esme_inbox_stop(struct esme *e);
void esme_inbox_free_all(struct esme_link *l);

#endif
