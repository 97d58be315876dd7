/* esme_bed -- the pool of links, its client and SMSCs that obey the test, on one loop. For the
 * tests of esme.h.
 */
#ifndef HATO_PUSHSRV_ESME_BED_H
#define HATO_PUSHSRV_ESME_BED_H

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/listener.h"
#include "lib/log.h"
#include "lib/wire/smpp/bind.h"
#include "pushsrv/esme.h"
#include "pushsrv/esme_counters.h"

#define BED_SMSCS      3
#define BED_MESSAGES   1024
#define BED_PEERS      8
#define BED_KEPT       64
#define BED_PATIENT_US (20 * CLOCK_S)

/* ---- an SMSC ---- */

struct bed_peer {
	struct bed_smsc *smsc;
	struct conn *conn; /* null: free */
	uint32_t bind, sequence;
};

struct bed_smsc {
	struct bed *bed;
	struct listener *listener;
	struct bed_peer peers[BED_PEERS];
	/* What it shall do. */
	uint32_t bind_status, submit_status;
	bool is_mute;       /* takes submit_sm and says nothing */
	bool holds_answers; /* until bed_answer */
	bool is_deaf;       /* says nothing at all */
	bool receipt_first; /* a receipt for every message, before its answer */
	int refuse_over;    /* RTHROTTLED once more than so many came in a second; 0: never */
	/* What it saw. */
	int connections, binds, unbinds, enquiries, submits, delivered_answers, nacks;
	uint32_t last_answer_status;
	char last_password[SMPP_PASSWORD_SIZE];
	struct smpp_message last; /* without its octets */
	uint8_t last_octets[SMPP_MESSAGE_MAX];
	size_t last_size;
	int64_t bind_us[16], second_us;
	int in_second;
	struct {
		struct bed_peer *peer;
		uint32_t sequence;
		char number[SMPP_NUMBER_LONG_SIZE];
	} kept[BED_KEPT]; /* submits without an answer */
	size_t kept_count;
	int ids;
};

struct bed {
	struct loop *loop;
	struct conf *conf;
	struct esme *esme;
	struct bed_smsc smscs[BED_SMSCS];
	char dir[64];
	/* What the client heard. */
	struct {
		int times;
		enum esme_outcome outcome;
		uint32_t status;
		int64_t retry_us;
		char smsc[CONF_SMSC_NAME_MAX], link[CONF_SMSC_NAME_MAX];
		char message_id[SMPP_MESSAGE_ID_SIZE];
	} results[BED_MESSAGES];
	int result_count, outcomes[ESME_UNKNOWN + 1];
	int receipts, incoming, rooms;
	char receipt_id[SMPP_MESSAGE_ID_SIZE], receipt_smsc[CONF_SMSC_NAME_MAX];
	int results_at_receipt; /* how many results came before it */
	struct esme_ticket *tickets[BED_KEPT];
	size_t ticket_count;
	struct esme_incoming in;
	uint8_t in_octets[2048];
	bool keeps_tickets, is_stopped;
	enum esme_answer answers;
};

static inline void bed_send(struct bed_peer *p, const struct smpp_pdu *pdu)
{
	uint8_t octets[4096];
	size_t n;

	assert_int_equal(smpp_encode(pdu, octets, sizeof octets, &n), 0);
	if (p->conn)
		conn_write(p->conn, octets, n);
}

/* The first peer that takes (or sends) messages. */
static inline struct bed_peer *bed_peer(struct bed_smsc *s, bool receives)
{
	for (size_t i = 0; i < BED_PEERS; i++) {
		uint32_t bind = s->peers[i].conn ? s->peers[i].bind : 0;

		if (bind == SMPP_BIND_TRANSCEIVER ||
		    bind == (receives ? SMPP_BIND_RECEIVER : SMPP_BIND_TRANSMITTER))
			return &s->peers[i];
	}
	return NULL;
}

static inline void bed_deliver(struct bed_smsc *s, uint32_t id, uint8_t esm_class,
			       const char *source, const void *octets, size_t size)
{
	struct bed_peer *p = bed_peer(s, true);
	struct smpp_pdu pdu = {.id = id, .sequence = ++p->sequence};
	uint8_t tlvs[2048];
	struct octets_writer w = {.at = tlvs, .room = sizeof tlvs};

	pdu.message.esm_class = esm_class;
	snprintf(pdu.message.source.number, sizeof pdu.message.source.number, "%s", source);
	strcpy(pdu.message.destination.number, "4286");
	if (id == SMPP_DATA_SM || size > SMPP_MESSAGE_MAX) {
		smpp_tlv_put(&w, SMPP_TLV_MESSAGE_PAYLOAD, octets, size);
		pdu.tlvs = (struct smpp_span){tlvs, w.len};
	} else {
		pdu.message.short_message = (struct smpp_span){octets, size};
	}
	bed_send(p, &pdu);
}

static inline void bed_receipt(struct bed_smsc *s, const char *id, const char *source)
{
	char text[128];
	int n = snprintf(text, sizeof text,
			 "id:%s sub:001 dlvrd:001 submit date:2601051830 done "
			 "date:2601051830 stat:DELIVRD err:000 text:",
			 id);

	bed_deliver(s, SMPP_DELIVER_SM, SMPP_ESM_RECEIPT, source, text, (size_t)n);
}

static inline void bed_answer_submit(struct bed_smsc *s, struct bed_peer *p, uint32_t sequence,
				     uint32_t status, int id)
{
	struct smpp_pdu pdu = {.id = SMPP_SUBMIT_SM_RESP, .status = status, .sequence = sequence};

	(void)s;
	snprintf(pdu.message_resp.message_id, sizeof pdu.message_resp.message_id, "m%d", id);
	bed_send(p, &pdu);
}

/* All that was kept. */
static inline void bed_answer(struct bed_smsc *s)
{
	for (size_t i = 0; i < s->kept_count; i++)
		bed_answer_submit(s, s->kept[i].peer, s->kept[i].sequence, 0, ++s->ids);
	s->kept_count = 0;
}

static inline uint32_t bed_judge(struct bed_smsc *s)
{
	int64_t now_us = clock_mono_us();

	if (now_us - s->second_us >= CLOCK_S) {
		s->second_us = now_us;
		s->in_second = 0;
	}
	if (s->refuse_over && ++s->in_second > s->refuse_over)
		return SMPP_RTHROTTLED;
	return s->submit_status;
}

static inline void bed_submitted(struct bed_peer *p, const struct smpp_pdu *pdu)
{
	struct bed_smsc *s = p->smsc;
	const struct smpp_span octets = smpp_message_octets(pdu);
	char id[24];

	s->submits++;
	s->last = pdu->message;
	s->last_size = octets.len < sizeof s->last_octets ? octets.len : sizeof s->last_octets;
	if (s->last_size)
		memcpy(s->last_octets, octets.octets, s->last_size);
	if (s->receipt_first) {
		snprintf(id, sizeof id, "m%d", s->ids + 1);
		bed_receipt(s, id, pdu->message.destination.number);
	}
	if (s->is_mute || s->holds_answers) {
		if (s->kept_count < BED_KEPT) {
			s->kept[s->kept_count].peer = p;
			s->kept[s->kept_count++].sequence = pdu->sequence;
		}
		return;
	}
	bed_answer_submit(s, p, pdu->sequence, bed_judge(s), ++s->ids);
}

static inline void bed_bound(struct bed_peer *p, const struct smpp_pdu *pdu)
{
	struct bed_smsc *s = p->smsc;
	struct smpp_pdu response = smpp_respond(pdu, s->bind_status);

	s->bind_us[s->binds++ % 16] = clock_mono_us();
	strcpy(s->last_password, pdu->bind.password);
	p->bind = s->bind_status ? 0 : pdu->id;
	bed_send(p, &response);
}

static inline void bed_take(struct bed_peer *p, const struct smpp_pdu *pdu)
{
	struct bed_smsc *s = p->smsc;
	const struct smpp_pdu ok = smpp_respond(pdu, SMPP_ROK);

	if (s->is_deaf)
		return;
	if (smpp_bind_is_bind(pdu->id)) {
		bed_bound(p, pdu);
	} else if (pdu->id == SMPP_SUBMIT_SM) {
		bed_submitted(p, pdu);
	} else if (pdu->id == SMPP_ENQUIRE_LINK) {
		s->enquiries++;
		bed_send(p, &ok);
	} else if (pdu->id == SMPP_UNBIND) {
		s->unbinds++;
		bed_send(p, &ok);
		conn_close(p->conn);
	} else if (pdu->id == SMPP_DELIVER_SM_RESP || pdu->id == SMPP_DATA_SM_RESP) {
		s->delivered_answers++;
		s->last_answer_status = pdu->status;
	} else if (pdu->id == SMPP_GENERIC_NACK) {
		s->nacks++;
	}
}

static inline void bed_input(void *arg)
{
	struct bed_peer *p = arg;
	size_t n, len;

	for (;;) {
		const uint8_t *octets = p->conn ? conn_peek(p->conn, SMPP_PDU_MAX, &n) : NULL;
		struct smpp_pdu pdu;
		struct smpp_header refusal;

		if (!octets || smpp_frame(octets, n, SMPP_PDU_MAX, &len))
			return;
		assert_int_equal(smpp_decode(octets, len, &pdu, &refusal), 0);
		bed_take(p, &pdu);
		if (p->conn)
			conn_take(p->conn, len);
	}
}

static inline void bed_closed(void *arg, enum conn_end why)
{
	(void)why;
	((struct bed_peer *)arg)->conn = NULL;
}

static const struct conn_ops bed_ops = {.input = bed_input, .closed = bed_closed};

static inline void bed_accepted(void *arg, struct conn *c)
{
	struct bed_smsc *s = arg;

	for (size_t i = 0; i < BED_PEERS; i++)
		if (!s->peers[i].conn) {
			s->peers[i] = (struct bed_peer){.smsc = s, .conn = c};
			s->connections++;
			conn_attach(c, &bed_ops, &s->peers[i]);
			return;
		}
	fail_msg("too many connections");
}

/* Cut, without a word. */
static inline void bed_cut(struct bed_smsc *s)
{
	for (size_t i = 0; i < BED_PEERS; i++)
		if (s->peers[i].conn)
			conn_abort(s->peers[i].conn);
	s->kept_count = 0;
}

static inline uint16_t bed_listen(struct bed_smsc *s, uint16_t port)
{
	struct listener_options o = {.port = port, .accepted = bed_accepted, .arg = s};

	addr_parse("127.0.0.1", &o.addr);
	assert_int_equal(listener_open(s->bed->loop, &o, &s->listener), 0);
	return listener_port(s->listener);
}

/* ---- the client ---- */

static inline void bed_result(void *arg, void *message, const struct esme_result *r)
{
	struct bed *b = arg;
	size_t i = (size_t)(uintptr_t)message;

	assert_in_range(i, 0, BED_MESSAGES - 1);
	assert_int_equal(b->results[i].times, 0);
	b->results[i].times++;
	b->results[i].outcome = r->outcome;
	b->results[i].status = r->status;
	b->results[i].retry_us = r->retry_us;
	snprintf(b->results[i].smsc, CONF_SMSC_NAME_MAX, "%s", r->smsc);
	snprintf(b->results[i].link, CONF_SMSC_NAME_MAX, "%s", r->link);
	snprintf(b->results[i].message_id, SMPP_MESSAGE_ID_SIZE, "%s", r->message_id);
	b->result_count++;
	b->outcomes[r->outcome]++;
}

static inline void bed_ticket(struct bed *b, struct esme_ticket *t)
{
	if (b->keeps_tickets && b->ticket_count < BED_KEPT)
		b->tickets[b->ticket_count++] = t;
	else
		esme_answer(t, b->answers);
}

static inline void bed_receipt_came(void *arg, const char *smsc, const struct smpp_receipt *r,
				    struct esme_ticket *t)
{
	struct bed *b = arg;

	b->receipts++;
	b->results_at_receipt = b->result_count;
	snprintf(b->receipt_id, sizeof b->receipt_id, "%s", r->message_id);
	snprintf(b->receipt_smsc, sizeof b->receipt_smsc, "%s", smsc);
	bed_ticket(b, t);
}

static inline void bed_incoming(void *arg, const char *smsc, const struct esme_incoming *m,
				struct esme_ticket *t)
{
	struct bed *b = arg;

	(void)smsc;
	b->incoming++;
	b->in = *m;
	assert_true(m->size <= sizeof b->in_octets);
	memcpy(b->in_octets, m->octets, m->size);
	bed_ticket(b, t);
}

static inline void bed_room(void *arg)
{
	((struct bed *)arg)->rooms++;
}

static inline int bed_submit_to(struct bed *b, size_t i, const char *number, size_t size)
{
	static const uint8_t octets[2000] = {'h', 'e', 'l', 'l', 'o'};
	const struct esme_message m = {
		.destination = number,
		.octets = octets,
		.size = size,
		.data_coding = SMPP_CODING_8BIT_CLASS_1,
		.registered_delivery = SMPP_REGISTERED_FINAL,
		.source_port = 9200,
		.destination_port = 2948,
	};

	return esme_submit(b->esme, &m, (void *)(uintptr_t)i);
}

static inline int bed_submit(struct bed *b, size_t i)
{
	char number[24];

	snprintf(number, sizeof number, "8190%08zu", i);
	return bed_submit_to(b, i, number, 5);
}

/* ---- the loop ---- */

/* Turns the loop until *value is at least n. */
static inline void bed_wait(struct bed *b, const int *value, int n)
{
	int64_t until_us = clock_mono_us() + BED_PATIENT_US;

	while (*value < n && clock_mono_us() < until_us)
		event_base_loop(loop_base(b->loop), EVLOOP_ONCE);
	assert_in_range(*value, n, 1000000);
}

static inline void bed_up(struct bed *b, size_t links)
{
	int64_t until_us = clock_mono_us() + BED_PATIENT_US;

	while (esme_links_up(b->esme) != links && clock_mono_us() < until_us)
		event_base_loop(loop_base(b->loop), EVLOOP_ONCE);
	assert_int_equal(esme_links_up(b->esme), links);
}

static inline void bed_stopped(void *arg)
{
	((struct bed *)arg)->is_stopped = true;
}

static inline void bed_stop(struct bed *b)
{
	int64_t until_us = clock_mono_us() + BED_PATIENT_US;

	esme_stop(b->esme, bed_stopped, b);
	while (!b->is_stopped && clock_mono_us() < until_us)
		event_base_loop(loop_base(b->loop), EVLOOP_ONCE);
	assert_true(b->is_stopped);
}

/* Links a, b, c to as many SMSCs, as `settings` has them; %d in it is the port, in that order. */
static inline struct bed *bed_new(size_t smscs, const char *const *settings)
{
	struct bed *b = calloc(1, sizeof *b);
	char sets[64][128], error[256];
	const char *all[64];
	size_t n = 0;

	log_level_set("error");
	strcpy(b->dir, "/tmp/esme-test-XXXXXX");
	assert_non_null(mkdtemp(b->dir));
	snprintf(sets[0], 128, "%s/a.secret", b->dir);
	FILE *f = fopen(sets[0], "w");
	fputs("secret12\n", f);
	fclose(f);
	assert_int_equal(loop_new(&b->loop), 0);
	for (size_t i = 0; i < smscs; i++) {
		b->smscs[i].bed = b;
		int port = bed_listen(&b->smscs[i], 0), letter = 'a' + (int)i;

		snprintf(sets[n++], 128, "smsc %c.host=127.0.0.1", letter);
		snprintf(sets[n++], 128, "smsc %c.port=%d", letter, port);
		snprintf(sets[n++], 128, "smsc %c.system_id=hato", letter);
		snprintf(sets[n++], 128, "smsc %c.password_file=a.secret", letter);
		snprintf(sets[n++], 128, "smsc %c.reconnect=0", letter);
	}
	for (; *settings; settings++)
		snprintf(sets[n++], 128, "%s", *settings);
	for (size_t i = 0; i < n; i++)
		all[i] = sets[i];
	if (conf_load(NULL, b->dir, all, n, &b->conf, error))
		fail_msg("%s", error);
	const struct esme_client client = {.submitted = bed_result,
					   .receipt = bed_receipt_came,
					   .incoming = bed_incoming,
					   .room = bed_room,
					   .arg = b};
	esme_counters_register(b->conf);
	if (esme_open(b->conf, b->loop, &client, &b->esme, error))
		fail_msg("%s", error);
	return b;
}

static inline void bed_free(struct bed *b)
{
	char path[96];

	if (!b->is_stopped)
		bed_stop(b);
	esme_close(b->esme);
	for (size_t i = 0; i < BED_SMSCS; i++) {
		if (b->smscs[i].listener)
			listener_close(b->smscs[i].listener);
		if (b->smscs[i].bed)
			bed_cut(&b->smscs[i]);
	}
	event_base_loop(loop_base(b->loop), EVLOOP_NONBLOCK);
	event_base_loop(loop_base(b->loop), EVLOOP_NONBLOCK);
	for (size_t i = 0; i < BED_SMSCS; i++)
		for (size_t k = 0; k < BED_PEERS; k++)
			assert_null(b->smscs[i].peers[k].conn);
	loop_free(b->loop);
	conf_free(b->conf);
	snprintf(path, sizeof path, "%s/a.secret", b->dir);
	unlink(path);
	rmdir(b->dir);
	free(b);
}

#define SETTINGS(...) ((const char *const[]){__VA_ARGS__, NULL})

#endif
