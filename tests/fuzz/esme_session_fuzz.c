/* An ESME's session from memory: any octets from the SMSC, cut anywhere, while messages are
 * submitted, answered late or not, time passes, and deliveries are answered in any order or never.
 * What must hold: what is written are whole PDUs that the other side can decode, of the kinds that
 * an ESME sends; every message is told exactly once; the window holds; the end comes once and after
 * it nothing. The first octet seeds the moves. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pushsrv/esme_session.h"

#define WINDOW      4
#define MESSAGES    4096
#define OWED_MAX    64
#define RESPONSE_US INT64_C(1000000)
#define ENQUIRE_US  INT64_C(3000000)

struct play {
	struct esme_session s;
	uint32_t chance;
	int64_t now_us;
	uint8_t out[SMPP_PDU_MAX];
	uint8_t told[MESSAGES];
	size_t submitted, told_count;
	struct {
		uint32_t id, sequence;
	} owed[OWED_MAX];
	size_t owed_count;
	int bound, ended;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static uint32_t draw(struct play *p, uint32_t n)
{
	p->chance = p->chance * 1664525 + 1013904223;
	return (p->chance >> 16) % n;
}

/* What an SMSC makes of it. */
static void hear(void *arg, const uint8_t *octets, size_t n)
{
	static const uint32_t ours[] = {SMPP_BIND_TRANSCEIVER, SMPP_SUBMIT_SM, SMPP_ENQUIRE_LINK,
					SMPP_UNBIND};
	struct play *p = arg;
	struct smpp_pdu pdu;
	struct smpp_header refusal;
	size_t len;
	bool is_ours = false;

	must(p->ended == 0);
	must(!smpp_frame(octets, n, SMPP_PDU_MAX, &len) && len == n);
	must(!smpp_decode(octets, len, &pdu, &refusal));
	for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
		is_ours |= pdu.id == ours[i];
	must(is_ours || smpp_is_response(pdu.id));
}

static void bound(void *arg)
{
	must(((struct play *)arg)->bound++ == 0);
}

static void submit(struct play *p)
{
	static const uint8_t octets[] = "hello";
	struct smpp_pdu pdu = {.id = SMPP_SUBMIT_SM};

	pdu.message.short_message = (struct smpp_span){octets, 5};
	strcpy(pdu.message.destination.number, "819012345678");
	if (p->submitted == MESSAGES)
		return;
	if (!esme_session_submit(&p->s, &pdu, (void *)(uintptr_t)p->submitted, p->now_us))
		p->submitted++;
	must(esme_session_in_flight(&p->s) <= WINDOW);
}

static void answered(void *arg, void *message, const struct esme_answered *a)
{
	struct play *p = arg;
	size_t i = (size_t)(uintptr_t)message;

	must(i < p->submitted && p->told[i]++ == 0);
	must(a->how != ESME_ANSWERED || memchr(a->message_id, 0, SMPP_MESSAGE_ID_SIZE));
	p->told_count++;
	if (draw(p, 4) == 0)
		submit(p);
}

static void delivered(void *arg, const struct smpp_pdu *pdu)
{
	struct play *p = arg;

	must(p->bound == 1 && p->ended == 0);
	if (draw(p, 2) || p->owed_count == OWED_MAX) {
		esme_session_answer(&p->s, pdu->id, pdu->sequence, SMPP_ROK);
	} else {
		p->owed[p->owed_count].id = pdu->id;
		p->owed[p->owed_count++].sequence = pdu->sequence;
	}
}

static void ended(void *arg, enum esme_end why, uint32_t status)
{
	struct play *p = arg;

	(void)why;
	(void)status;
	must(p->ended++ == 0);
	must(p->told_count == p->submitted);
}

static void noted(void *arg, enum esme_note note, uint32_t id, uint32_t status)
{
	(void)id;
	must(((struct play *)arg)->ended == 0 && note <= ESME_NOTE_ALERT);
	must(smpp_status_name(status) != NULL);
}

static const struct esme_session_ops ops = {.write = hear,
					    .bound = bound,
					    .answered = answered,
					    .delivered = delivered,
					    .ended = ended,
					    .noted = noted};

static void move(struct play *p)
{
	switch (draw(p, 8)) {
	case 0:
	case 1:
		submit(p);
		break;
	case 2:
		p->now_us += draw(p, 500000);
		esme_session_tick(&p->s, p->now_us);
		break;
	case 3:
		if (p->owed_count > 0) {
			p->owed_count--;
			esme_session_answer(&p->s, p->owed[p->owed_count].id,
					    p->owed[p->owed_count].sequence, SMPP_RX_T_APPN);
		}
		break;
	case 4:
		if (draw(p, 50) == 0)
			esme_session_unbind(&p->s, p->now_us);
		break;
	default:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct play p;
	size_t at = 1, have = 1;
	const struct esme_session_options with = {
		.bind = SMPP_BIND_TRANSCEIVER,
		.login = {.system_id = "hato", .password = "secret12"},
		.pdu_max = 4096,
		.window = WINDOW,
		.response_us = RESPONSE_US,
		.enquire_us = ENQUIRE_US,
		.out = p.out,
		.ops = &ops,
		.arg = &p,
	};

	if (size == 0)
		return 0;
	memset(&p, 0, sizeof p);
	p.chance = data[0];
	must(!esme_session_open(&p.s, &with, 0));
	while (have < size && p.ended == 0) {
		have += 1 + draw(&p, 64);
		if (have > size)
			have = size;
		at += esme_session_input(&p.s, data + at, have - at, p.now_us);
		must(at <= have);
		for (uint32_t moves = draw(&p, 4); moves > 0; moves--)
			move(&p);
	}
	esme_session_cut(&p.s);
	must(p.ended == 1);
	esme_session_close(&p.s);
	return 0;
}
