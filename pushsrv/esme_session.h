/* esme_session -- one SMPP connection as an ESME leads it: a state machine without I/O
 *
 * Fed with octets, the time, and what its owner wants to say; gives octets and events. Its life:
 *
 *     open (bind is sent) -> bound -> messages both ways, enquire_link when it was quiet -> ended
 *
 * `ended` is its last event, once: the owner closes the connection. Before it each message in
 * flight is told as answered (broken): nobody knows what became of it.
 *
 *   - A message without an answer in time: told (expired). If no message at all was answered since
 * it was sent, the SMSC takes and says nothing: ended, silent. The same after an enquire_link, a
 *     bind or an unbind without an answer.
 *   - RINVBNDSTS or RALYBND for a message: the SMSC holds this link for something else: ended,
 * lost.
 *   - A length that no PDU has: generic_nack RINVCMDLEN; a generic_nack RINVCMDLEN from there: in
 *     both cases the octets can no more be told apart: ended, syntax.
 *   - A request that is not understood or not allowed is answered with the standard's status; a
 *     response that nobody waits for is noted and passed over, and so is one of another kind than
 *     its request wants (but any bind's response answers a bind). A response whose body is broken
 *     counts by its header: accepted, without an id.
 *   - The first answer to a message opens the whole window if the session began on probation
 *     (allowance 1: after an SMSC that fell silent).
 *
 * OWNERSHIP  options.out is borrowed; requests' args are the owner's. esme_session_close drains.
 * THREADS    one loop's. Callbacks may submit and answer; not close.
 * TIME       of a clock that never goes back, given by the caller
 * ERRORS     submit: E_AGAIN: no room, or not bound; E_RANGE, E_SYNTAX: no PDU that can be sent
 * SEE        SMPP 3.4 2.2-2.7, 3.2, 4; protocols 3.3, 3.4
 */
#ifndef HATO_PUSHSRV_ESME_SESSION_H
#define HATO_PUSHSRV_ESME_SESSION_H

#include "lib/wire/smpp/smpp.h"
#include "lib/wire/smpp/bind.h"
#include "lib/wire/smpp/window.h"

enum esme_end {
	ESME_END_CLOSED,  /* the connection went away under it */
	ESME_END_REFUSED, /* the bind was refused: status */
	ESME_END_SILENT,  /* no answer in time */
	ESME_END_UNBOUND, /* the SMSC said unbind */
	ESME_END_STOPPED, /* we did, and it was answered */
	ESME_END_LOST,    /* the SMSC says that we are not bound: status */
	ESME_END_SYNTAX,  /* the stream cannot be read on */
	/* Before there is a session: */
	ESME_END_TLS,  /* the handshake failed */
	ESME_END_LOGIN /* there is no password to bind with */
};

/* What became of a message. */
struct esme_answered {
	enum { ESME_ANSWERED, ESME_EXPIRED, ESME_BROKEN } how;
	uint32_t status;        /* ANSWERED */
	const char *message_id; /* ANSWERED, status 0; "" if none came */
	int64_t sent_us;
};

/* For counters and debugging. */
enum esme_note {
	ESME_NOTE_UNEXPECTED, /* a response that nobody waits for: late, twice, a wrong number */
	ESME_NOTE_MISMATCHED, /* a response of another kind than its request wants */
	ESME_NOTE_MALFORMED,  /* a PDU that breaks the standard */
	ESME_NOTE_REFUSED,    /* a request that is unknown, or not allowed in this state */
	ESME_NOTE_NACK,       /* generic_nack came */
	ESME_NOTE_ENQUIRED,   /* by us */
	ESME_NOTE_ALERT       /* alert_notification came */
};

struct esme_session_ops {
	void (*write)(void *arg, const uint8_t *octets, size_t n);
	void (*bound)(void *arg);
	void (*answered)(void *arg, void *message, const struct esme_answered *answer);
	/* A deliver_sm or data_sm: esme_session_answer, now or later. */
	void (*delivered)(void *arg, const struct smpp_pdu *pdu);
	void (*ended)(void *arg, enum esme_end why, uint32_t status);
	void (*noted)(void *arg, enum esme_note note, uint32_t id, uint32_t status);
};

struct esme_session_options {
	uint32_t bind; /* SMPP_BIND_TRANSCEIVER ... */
	struct smpp_bind login;
	size_t pdu_max;
	uint32_t window;
	bool is_on_probation;
	int64_t response_us, enquire_us;
	uint8_t *out; /* SMPP_PDU_MAX octets to write PDUs in */
	const struct esme_session_ops *ops;
	void *arg;
};

struct esme_session {
	struct esme_session_options with;
	enum smpp_bind_state state;
	struct smpp_window *window;
	uint32_t allowance;
	int64_t heard_us, asked_us; /* a PDU came; a request left */
	int64_t answered_us;        /* a message was answered */
	bool is_enquiring;
};

/* Sends the bind. E_NOMEM; E_SYNTAX, E_TOO_LARGE: texts that no bind can carry. */
int esme_session_open(struct esme_session *s, const struct esme_session_options *options,
		      int64_t now_us);
/* Without `ended`: its messages in flight are told as broken. Twice: nothing. */
void esme_session_close(struct esme_session *s);

/* How many of the octets are done with: whole PDUs. All, once it has ended. */
size_t esme_session_input(struct esme_session *s, const uint8_t *octets, size_t n, int64_t now_us);
/* When to call esme_session_tick. */
int64_t esme_session_due_us(const struct esme_session *s);
void esme_session_tick(struct esme_session *s, int64_t now_us);
/* The connection is gone. */
void esme_session_cut(struct esme_session *s);

/* A submit_sm (its sequence is filled in here). */
int esme_session_submit(struct esme_session *s, const struct smpp_pdu *pdu, void *message,
			int64_t now_us);
/* The response to what was delivered: SMPP_DELIVER_SM or SMPP_DATA_SM. */
void esme_session_answer(struct esme_session *s, uint32_t id, uint32_t sequence, uint32_t status);
/* Nothing is submitted any more. */
void esme_session_unbind(struct esme_session *s, int64_t now_us);

bool esme_session_is_bound(const struct esme_session *s);
uint32_t esme_session_room(const struct esme_session *s);      /* messages that may be submitted */
uint32_t esme_session_in_flight(const struct esme_session *s); /* messages */
int64_t esme_session_oldest_us(const struct esme_session *s);  /* when the oldest request in flight
								  was sent; INT64_MAX: none is */

#endif
