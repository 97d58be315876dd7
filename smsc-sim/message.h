/* message -- the life of one short message: a pure state machine, without sockets, clocks or SQL
 *
 *     SCHEDULED --its time--> ENROUTE --taken--> DELIVRD
 *         |                      |----refused--> UNDELIV
 *         |---cancel_sm-----.    |---validity--> EXPIRED      (SCHEDULED too)
 *         '------------------'---'--cancel_sm--> DELETED
 *
 * A failed attempt that time may mend (phone absent, full, busy, silent) leads back to ENROUTE with
 * a later time for the next one, unless the message was for one attempt only (datagram and
 * transaction mode) or its validity ends before. What left the middle column is final and does not
 * change any more. ACCEPTD, UNKNOWN and REJECTD are what faults may make of a message.
 *
 * The delivery engine (delivery.h) asks message_step() when next_us has come, makes the attempt and
 * tells its outcome to message_outcome(); cancel_sm and replace_sm have functions of their own.
 *
 * OWNERSHIP  a message owns its octets and TLVs; message_free. Who holds it is the spool's matter
 * THREADS    one. UNITS microseconds since 1970
 * SEE        SMPP 3.4 2.10, 5.2.12, 5.2.17, 5.2.28; TS 29.002 7.6.1.4 (error codes)
 */
#ifndef HATO_SMSC_SIM_MESSAGE_H
#define HATO_SMSC_SIM_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire/smpp/smpp.h"

#define MESSAGE_ID_MAX      11 /* with the NUL: ten letters, as receipts in the letter have room for */
#define MESSAGE_RETRIES_MAX 16
#define MESSAGE_NOBODY      (-1) /* no account: a phone's, or put in by the control API */

/* Where a number is written as SMPP does; a phone's is at most 20 digits. */
struct party {
	uint8_t ton, npi;
	char number[SMPP_NUMBER_SIZE];
};

/* How an attempt ended. */
enum outcome {
	OUTCOME_DELIVERED,
	OUTCOME_ABSENT,    /* not attached, or it went away */
	OUTCOME_FULL,      /* its memory is */
	OUTCOME_BUSY,      /* refused for now */
	OUTCOME_NO_ANSWER, /* nothing came in time */
	OUTCOME_REFUSED,   /* it will never take this */
	OUTCOMES
};

/* What the engine has to do. */
enum message_step {
	MESSAGE_WAITS,   /* until next_us */
	MESSAGE_ATTEMPT, /* now */
	MESSAGE_IS_FINAL /* it became so: tell who asked, and keep it for query_sm */
};

/* What of a message goes to an ESME by deliver_sm: itself, or what its sender asked to hear. */
enum notice { NOTICE_NONE, NOTICE_MESSAGE, NOTICE_INTERMEDIATE, NOTICE_RECEIPT };

enum message_origin { MESSAGE_OF_ESME, MESSAGE_OF_PHONE, MESSAGE_OF_CENTRE };

/* Links of lists, which belong to the modules that they are named after. */
struct message_link {
	struct message *next, *previous;
};

struct message {
	/* ---- what was submitted ---- */
	uint64_t id;       /* the spool's; ascending */
	uint64_t shown_id; /* what its sender knows it by: the first one's of a submit_multi */
	int account;       /* index of the sender's, or MESSAGE_NOBODY */
	uint8_t origin; /* enum message_origin. The centre's are status reports: octets is the TPDU
			 */
	bool wants_status; /* of a phone: a status report about it */
	uint8_t reference; /* TP-MR of the phone's SUBMIT */
	struct party source, destination;
	char service_type[SMPP_SERVICE_TYPE_SIZE];
	uint8_t esm_class, protocol_id, priority, data_coding, registered;
	uint8_t *octets; /* short_message or message_payload */
	size_t length;
	uint8_t *tlvs; /* those that travel on: ports, sar, and what the receiver may want */
	size_t tlvs_length;

	/* ---- its life ---- */
	uint8_t state;        /* enum smpp_state */
	uint8_t last_outcome; /* enum outcome of the last attempt */
	uint16_t attempts;
	uint16_t error; /* network error code of the last failed attempt; 0: none */
	int64_t submitted_us, schedule_us, expires_us, next_us, done_us;
	bool is_landing;  /* not durable yet: nothing is done with it */
	bool is_lost;     /* a fault: accepted, and nothing is ever done with it */
	uint64_t number;  /* its identity for the faults */
	bool in_flight;   /* an attempt runs */
	bool was_delayed; /* a fault held this attempt back already */

	/* ---- its parts on the radio ---- */
	uint16_t concat_reference;
	uint8_t part; /* of those delivered */

	/* ---- what an ESME is to hear of it: notices.h ---- */
	uint8_t notice;        /* enum notice: that waits or is on its way */
	uint8_t notice_next;   /* due once that is answered */
	bool notice_sent;      /* on its way: not in the account's queue */
	bool notice_late;      /* it waits for a time of its own: a fault */
	uint8_t notice_copies; /* a fault: so many more */
	int notice_account;    /* who gets it */
	uint8_t told;          /* bits of the outcomes that intermediate ones told already */

	/* ---- places in the spool ---- */
	uint32_t heap_at;         /* 0: not in the heap */
	unsigned pins;            /* it stays while somebody holds it */
	bool is_ready, is_queued; /* in its inbox's first list, or in its second */
	bool is_gone;             /* out of the spool; freed with the last pin */
	struct message *by_id;    /* hash chain */
	struct inbox *inbox;
	struct message_link order, inbox_link, history, queue;

	/* ---- on its way to the disk: store.h ---- */
	struct message *dirty_next;
	bool is_dirty, is_stored;
	void (*landed)(void *arg, struct message *m, int err);
	void *landed_arg;

	/* ---- its sender waits for the outcome (transaction mode); may be null ---- */
	void (*finished)(void *arg, const struct message *m);
	void *finished_arg;
};

struct message_policy {
	int64_t retry_us[MESSAGE_RETRIES_MAX];
	size_t retry_count;
	int64_t validity_us; /* of one that says none */
	int64_t validity_most_us;
};

/* Null: no memory. */
struct message *message_new(const void *octets, size_t length, const void *tlvs,
			    size_t tlvs_length);
void message_free(struct message *m);

/* The first state and next_us. schedule_us and expires_us are set or 0. */
void message_begin(struct message *m, const struct message_policy *p, int64_t now_us);
bool message_is_final(const struct message *m);
/* One attempt, whatever comes of it: a datagram or a transaction. */
bool message_is_single_shot(const struct message *m);
/* next_us has come (or something else suggests an attempt now: `hint`). */
enum message_step message_step(struct message *m, int64_t now_us, bool hint);
/* The attempt ended. */
enum message_step message_outcome(struct message *m, const struct message_policy *p,
				  enum outcome how, uint16_t error, int64_t now_us);
/* DELETED. False: it is final, or on its way. */
bool message_cancel(struct message *m, int64_t now_us);
/* It is final now, as said. */
void message_finish(struct message *m, enum smpp_state state, int64_t now_us);
/* New text and, where not 0, times. False: final, or on its way. Takes the octets. */
bool message_replace(struct message *m, uint8_t *octets, size_t length, int64_t schedule_us,
		     int64_t expires_us, uint8_t registered, const struct message_policy *p,
		     int64_t now_us);

/* What its sender asked to hear of its state now. */
enum notice message_notice(struct message *m);
uint16_t outcome_error(enum outcome how); /* the network error code, where none came */
const char *outcome_name(enum outcome how);

/* "0n4c8z1k2q": base 36, MESSAGE_ID_MAX - 1 letters. */
const char *message_id_format(uint64_t id, char text[MESSAGE_ID_MAX]);
bool message_id_parse(const char *text, uint64_t *id); /* exactly what format writes */

#endif
