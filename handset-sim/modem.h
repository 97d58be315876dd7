/* modem -- the SMS half of a phone, without any I/O
 *
 *   off        switched off
 *   seeking    switched on, in reach of the radio; ATTACH was said, and is said again
 *   attached   messages come and go
 *   tunnel     out of reach: hears nothing, is not heard, and the network does not know; out of it
 *              again it attaches anew, which is how the network learns
 *
 * What comes is RP-DATA with SMS-DELIVER: acknowledged (with a DELIVER-REPORT), put together when
 * it is a part, and handed up as a push to a port or as text. With a full memory it is refused
 * (RP-ERROR 22), and RP-SMMA says when there is room again. What goes is SMS-SUBMIT, one at a time;
 * without an answer, or with a temporary cause, it is sent again with TP-RD set, so that a service
 * centre that had it already says so, which counts as taken.
 *
 * Callers: phone_radio drives it over the air; modem_test from memory. OWNERSHIP the modem holds
 * copies of what is to be sent; the reassembly table is borrowed and shared by all phones; what is
 * handed up lives for the callback. THREADS one. TIME the caller's, microseconds, monotonic.
 * ERRORS of modem_send: E_TOO_LARGE: the queue is full; E_RANGE: no such number or data; E_NOMEM.
 * TRUST what is heard: any octets. SEE TS 23.040 3.2, 10; TS 24.011 2, 5, 6.3, 9; protocols 2
 */
#ifndef HATO_HANDSET_SIM_MODEM_H
#define HATO_HANDSET_SIM_MODEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire/sms/radio.h"
#include "lib/wire/sms/sms.h"
#include "lib/wire/sms/reassembly.h"

#define MODEM_ATTACH_US  INT64_C(5000000)  /* unanswered: ATTACH again */
#define MODEM_ANSWER_US  INT64_C(40000000) /* TR1M, TRAM: 35 to 45 s, 25 to 35 s */
#define MODEM_AGAIN_US   INT64_C(2000000)  /* after a temporary cause */
#define MODEM_TRIES_MOST 10                /* of one message */
#define MODEM_QUEUE_MAX  64                /* messages that wait to be sent */
#define MODEM_TEXT_MAX   4096

struct modem_ops {
	void (*say)(void *arg, enum radio_kind kind, const uint8_t *payload, size_t n);
	void (*attached)(void *arg);
	void (*push)(void *arg, uint16_t port, const uint8_t *octets, size_t n);
	void (*text)(void *arg, const char *from, const char *text,
		     size_t n); /* UTF-8, NUL-ended */
	/* The message that was given as `tag`: taken by the service centre, or refused for good. */
	void (*sent)(void *arg, uint64_t tag, bool is_taken);
};

struct modem_counts {
	uint32_t delivered, full, broken, status_reports;
};

struct modem_outgoing;

struct modem {
	const struct modem_ops *ops;
	void *arg;
	const char *number, *imsi, *centre; /* borrowed; centre: the service centre's number */
	struct sms_reassembly *parts;
	bool is_on, in_tunnel, has_link, is_attached, is_full;
	bool owes_room; /* it refused for want of memory: RP-SMMA is due when there is some */
	uint8_t next_reference, next_message;
	uint8_t smma_reference, sent_reference;
	bool smma_waits, sent_waits;         /* for their answers */
	int64_t attach_us, smma_us, send_us; /* when to act if nothing happens; 0: not at all */
	struct modem_outgoing *first, *last;
	unsigned queued;
	struct modem_counts counts;
};

void modem_init(struct modem *m, const struct modem_ops *ops, void *arg, const char *number,
		const char *imsi, const char *centre, struct sms_reassembly *parts);
void modem_fini(struct modem *m);

void modem_power(struct modem *m, bool on, int64_t now_us);
void modem_tunnel(struct modem *m, bool in, int64_t now_us);
void modem_memory(struct modem *m, bool full, int64_t now_us);
/* The connection that stands for the air is there, or gone: then nobody is attached. */
void modem_link(struct modem *m, bool up, int64_t now_us);

void modem_hear(struct modem *m, const struct radio_frame *frame, int64_t now_us);
/* To be called at modem_next_us, which every other call may have moved. INT64_MAX: never. */
void modem_tick(struct modem *m, int64_t now_us);
int64_t modem_next_us(const struct modem *m);

/* Sends one message (of a longer text: one part). `tag` comes back in `sent`. */
int modem_send(struct modem *m, const char *to, const struct sms_data *data, uint64_t tag,
	       int64_t now_us);

#endif
