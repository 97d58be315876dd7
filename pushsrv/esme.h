/* esme -- the SMS bearer's way out: pushsrv's links to SMSCs by SMPP 3.4, as a pool
 *
 * A section [smsc NAME] is a link: one connection (transceiver) or two (transmitter and receiver).
 * A link connects, binds, enquires, is found silent, closed, and made again after a while; the
 * client of this module sees none of that, only three things: what became of a message, what an
 * SMSC hands up, and when there is room again.
 *
 *     esme_submit -> the link of the best priority that is up -> its window -> submit_sm
 *         submit_sm_resp -> submitted(accepted | temporary | permanent)
 *         no answer, or the link broke -> submitted(unknown): it may have gone or not
 *     deliver_sm, data_sm -> receipt() or incoming() with a ticket -> esme_answer -> the response
 *
 * Nothing is queued here: what finds no room (every window full, every link down, all slowed down
 * because they said so) stays with the client, E_AGAIN, until room(). A link of a lower priority is
 * used while none of a better one is up, or those that are have been throttled or keep silent.
 * Links of one account (its key `account`) share message ids, so `smsc` below is the account, which
 * is the link's own name unless it is given one.
 *
 * A message that does not fit one short message goes in parts (or as one message_payload, the
 * link's `parts`); only the last part asks for a receipt, and its id is the message's. If one is
 * refused the rest is not sent, and that is what the message comes to.
 *
 * A receipt that overtakes the response to its message waits here until that came (bounded by
 * pushsrv.smsc_early, and by the response's own time). Receipts and messages that wait for the
 * client's answer are bounded by pushsrv.smsc_unanswered a link; beyond, the SMSC hears `later`. It
 * also hears nothing when the link broke first, and brings it again: the client must be able to
 * take the same receipt twice.
 *
 * OWNERSHIP  conf, loop and client are borrowed until esme_close. A message is copied. Texts and
 *            octets in callbacks live until the callback returns. A ticket is the client's from
 *            the callback until esme_answer, which every ticket must come to, also after the link
 *            broke and during a stop; what is left at esme_close is freed unanswered.
 * THREADS    the loop's
 * ERRORS     open: E_SYNTAX, E_IO (certificates) with error[]; E_NOMEM
 *            submit: E_AGAIN; E_CLOSED: stopping; E_RANGE: no destination that SMPP can carry;
 *            E_TOO_LARGE: over pushsrv.smsc_parts_max parts. `submitted` is called for 0 only,
 *            once, never from inside esme_submit
 * SEE        SMPP 3.4 2, 4, 5; TS 23.040 9.2.3.24; docs/sms.md
 */
#ifndef HATO_PUSHSRV_ESME_H
#define HATO_PUSHSRV_ESME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/conf.h"
#include "lib/loop.h"
#include "lib/wire/smpp/receipt.h"

#define ESME_NUMBER_MAX 20 /* digits of a destination */

struct esme;
struct esme_ticket;

struct esme_message {
	const char *destination; /* digits, international, without "+" */
	const uint8_t
		*octets; /* without user data header; of data_coding 0: septets, one an octet */
	size_t size;
	uint8_t data_coding; /* 0 GSM 7 bit, 8 UCS-2, 0x04 or 0xF5 octets */
	uint8_t esm_class;   /* mode only: 0, or SMPP_ESM_STORE; the header's bit is set here */
	uint8_t protocol_id, priority;
	uint8_t registered_delivery;            /* SMPP_REGISTERED_FINAL ... */
	int64_t validity_s;                     /* 0: the SMSC's default */
	uint16_t source_port, destination_port; /* 0, 0: none. As UDH or TLVs: the link's `form` */
};

enum esme_outcome {
	ESME_ACCEPTED,  /* the SMSC has it, as message_id */
	ESME_TEMPORARY, /* it has not: again, not before retry_us */
	ESME_PERMANENT, /* it has not, and will not have it as it is */
	ESME_UNKNOWN    /* no answer came; nobody knows */
};

struct esme_result {
	enum esme_outcome outcome;
	const char *smsc;       /* the account */
	const char *link;       /* the section's name */
	const char *message_id; /* ACCEPTED: at most 64 characters; "" if the SMSC gave none: no
				   receipt will be matched */
	uint32_t status;        /* command_status; of UNKNOWN 0 */
	int64_t retry_us;       /* TEMPORARY: a time of clock_now_us() */
};

/* A short message from a phone (MO), or from another ESME. */
struct esme_incoming {
	const char *source, *destination; /* as the SMSC writes them */
	uint8_t source_ton, data_coding, esm_class, protocol_id;
	bool has_udh;          /* octets begin with a user data header */
	const uint8_t *octets; /* short_message, or message_payload */
	size_t size;
	uint16_t source_port, destination_port; /* from TLVs; 0, 0: none */
	uint16_t sar_reference;                 /* from TLVs; sar_total 0: none */
	uint8_t sar_total, sar_number;
};

/* Each is called from the loop. All are needed. */
struct esme_client {
	/* `message` is what esme_submit was given as its arg. */
	void (*submitted)(void *arg, void *message, const struct esme_result *result);
	void (*receipt)(void *arg, const char *smsc, const struct smpp_receipt *receipt,
			struct esme_ticket *ticket);
	void (*incoming)(void *arg, const char *smsc, const struct esme_incoming *message,
			 struct esme_ticket *ticket);
	/* esme_submit said E_AGAIN, and may say otherwise now. May be called when it does not. */
	void (*room)(void *arg);
	void *arg;
};

/* Metrics of every link of the configuration. Before the threads start. */
void esme_counters_register(const struct conf *c);

/* Begins to connect; the loop need not run yet. */
int esme_open(const struct conf *c, struct loop *loop, const struct esme_client *client,
	      struct esme **out, char error[256]);

int esme_submit(struct esme *e, const struct esme_message *message, void *arg);
/* Would one be taken now? If not, room() is called later, as after E_AGAIN. */
bool esme_has_room(struct esme *e);

enum esme_answer {
	ESME_TAKEN, /* it is committed: it does not come again */
	ESME_LATER  /* it could not be: bring it again (ESME_RX_T_APPN) */
};
void esme_answer(struct esme_ticket *ticket, enum esme_answer answer);

/* How many links are bound: 0 means that nothing leaves. */
size_t esme_links_up(const struct esme *e);

/* Nothing new is taken; what is in flight has a second to be answered, the unbind of each link
 * another one. `stopped` is called from the loop when all are closed: then esme_close. What was not
 * answered until then is told as unknown before. */
void esme_stop(struct esme *e, void (*stopped)(void *arg), void *arg);
/* After `stopped`, or when the loop has never run. Null: nothing. */
void esme_close(struct esme *e);

#endif
