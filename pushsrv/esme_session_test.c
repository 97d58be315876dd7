/* One SMPP connection, from memory: what is sent, what is told, when. Time is given. */
#include "pushsrv/esme_session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/err.h"

#define START    (500 * CLOCK_S)
#define RESPONSE (10 * CLOCK_S)
#define ENQUIRE  (30 * CLOCK_S)
#define WINDOW   4
#define MESSAGES 16

struct scene {
	struct esme_session session;
	int64_t now_us;
	uint8_t out[SMPP_PDU_MAX];

	uint8_t sent[65536]; /* what the session wrote and the test has not looked at */
	size_t sent_len;
	int bound, ended;
	enum esme_end why;
	uint32_t end_status;
	struct {
		int how, times;
		uint32_t status;
		char message_id[SMPP_MESSAGE_ID_SIZE];
	} messages[MESSAGES];
	uint32_t delivered_sequence, delivered_id;
	int delivered;
	int notes[ESME_NOTE_ALERT + 1];
	bool submits_again; /* from inside `answered` */
};

/* ---- what the session says ---- */

static void write_out(void *arg, const uint8_t *octets, size_t n)
{
	struct scene *s = arg;

	assert_true(s->sent_len + n <= sizeof s->sent);
	memcpy(s->sent + s->sent_len, octets, n);
	s->sent_len += n;
}

static void bound(void *arg)
{
	((struct scene *)arg)->bound++;
}

static int submit(struct scene *s, size_t message);

static void answered(void *arg, void *message, const struct esme_answered *a)
{
	struct scene *s = arg;
	size_t i = (size_t)(uintptr_t)message;

	assert_in_range(i, 0, MESSAGES - 1);
	assert_int_equal(s->ended, 0);
	s->messages[i].how = (int)a->how;
	s->messages[i].times++;
	s->messages[i].status = a->status;
	if (a->how == ESME_ANSWERED)
		snprintf(s->messages[i].message_id, sizeof s->messages[i].message_id, "%s",
			 a->message_id);
	if (s->submits_again) {
		s->submits_again = false;
		submit(s, i + 1);
	}
}

static void delivered(void *arg, const struct smpp_pdu *pdu)
{
	struct scene *s = arg;

	s->delivered++;
	s->delivered_sequence = pdu->sequence;
	s->delivered_id = pdu->id;
}

static void ended(void *arg, enum esme_end why, uint32_t status)
{
	struct scene *s = arg;

	s->ended++;
	s->why = why;
	s->end_status = status;
}

static void noted(void *arg, enum esme_note note, uint32_t id, uint32_t status)
{
	(void)id;
	(void)status;
	((struct scene *)arg)->notes[note]++;
}

static const struct esme_session_ops ops = {
	.write = write_out,
	.bound = bound,
	.answered = answered,
	.delivered = delivered,
	.ended = ended,
	.noted = noted,
};

/* ---- the other side ---- */

/* The next PDU that the session wrote. */
static struct smpp_pdu next(struct scene *s)
{
	struct smpp_pdu pdu;
	struct smpp_header refusal;
	size_t len;
	static uint8_t octets[SMPP_PDU_MAX];

	assert_int_equal(smpp_frame(s->sent, s->sent_len, SMPP_PDU_MAX, &len), 0);
	memcpy(octets, s->sent, len);
	memmove(s->sent, s->sent + len, s->sent_len - len);
	s->sent_len -= len;
	assert_int_equal(smpp_decode(octets, len, &pdu, &refusal), 0);
	return pdu;
}

static void raw(struct scene *s, const void *octets, size_t n)
{
	assert_int_equal(esme_session_input(&s->session, octets, n, s->now_us), n);
}

static void say(struct scene *s, const struct smpp_pdu *pdu)
{
	uint8_t octets[1024];
	size_t n;

	assert_int_equal(smpp_encode(pdu, octets, sizeof octets, &n), 0);
	raw(s, octets, n);
}

static void header(struct scene *s, uint32_t id, uint32_t status, uint32_t sequence)
{
	const struct smpp_pdu pdu = {.id = id, .status = status, .sequence = sequence};

	say(s, &pdu);
}

static void accept(struct scene *s, uint32_t sequence, const char *message_id)
{
	struct smpp_pdu pdu = {.id = SMPP_SUBMIT_SM_RESP, .sequence = sequence};

	snprintf(pdu.message_resp.message_id, sizeof pdu.message_resp.message_id, "%s", message_id);
	say(s, &pdu);
}

static void at(struct scene *s, int64_t after_us)
{
	s->now_us = START + after_us;
	esme_session_tick(&s->session, s->now_us);
}

static int submit(struct scene *s, size_t message)
{
	static const uint8_t octets[] = {1, 2, 3};
	struct smpp_pdu pdu = {.id = SMPP_SUBMIT_SM};

	strcpy(pdu.message.destination.number, "819012345678");
	pdu.message.short_message = (struct smpp_span){octets, sizeof octets};
	return esme_session_submit(&s->session, &pdu, (void *)(uintptr_t)message, s->now_us);
}

/* Submits and looks at what was written: its sequence number. */
static uint32_t submitted(struct scene *s, size_t message)
{
	assert_int_equal(submit(s, message), 0);
	struct smpp_pdu pdu = next(s);
	assert_int_equal(pdu.id, SMPP_SUBMIT_SM);
	return pdu.sequence;
}

static void open_as(struct scene *s, uint32_t bind, bool is_on_probation)
{
	const struct esme_session_options with = {
		.bind = bind,
		.login = {.system_id = "hato",
			  .password = "secret12",
			  .interface_version = SMPP_VERSION},
		.pdu_max = 4096,
		.window = WINDOW,
		.is_on_probation = is_on_probation,
		.response_us = RESPONSE,
		.enquire_us = ENQUIRE,
		.out = s->out,
		.ops = &ops,
		.arg = s,
	};

	s->now_us = START;
	assert_int_equal(esme_session_open(&s->session, &with, s->now_us), 0);
	struct smpp_pdu pdu = next(s);
	assert_int_equal(pdu.id, bind);
	assert_string_equal(pdu.bind.system_id, "hato");
	assert_string_equal(pdu.bind.password, "secret12");
	assert_int_equal(pdu.bind.interface_version, 0x34);
	assert_int_equal(pdu.sequence, 1);
}

static int set_up(void **state)
{
	struct scene *s = calloc(1, sizeof *s);

	open_as(s, SMPP_BIND_TRANSCEIVER, false);
	*state = s;
	return 0;
}

static int set_up_bound(void **state)
{
	set_up(state);
	header(*state, SMPP_BIND_TRANSCEIVER_RESP, 0, 1);
	assert_int_equal(((struct scene *)*state)->bound, 1);
	return 0;
}

static int tear_down(void **state)
{
	struct scene *s = *state;

	assert_int_equal(s->sent_len, 0); /* the test has seen all that was said */
	esme_session_close(&s->session);
	esme_session_close(&s->session);
	free(s);
	return 0;
}

static void expect_end(struct scene *s, enum esme_end why, uint32_t status)
{
	assert_int_equal(s->ended, 1);
	assert_int_equal(s->why, why);
	assert_int_equal(s->end_status, status);
	assert_int_equal(submit(s, 0), E_AGAIN);
	assert_true(esme_session_due_us(&s->session) == INT64_MAX);
}

/* ---- binding ---- */

static void binds(void **state)
{
	struct scene *s = *state;

	assert_int_equal(submit(s, 0), E_AGAIN);
	assert_false(esme_session_is_bound(&s->session));
	header(s, SMPP_BIND_TRANSCEIVER_RESP, 0, 1);
	assert_int_equal(s->bound, 1);
	assert_true(esme_session_is_bound(&s->session));
	assert_int_equal(esme_session_room(&s->session), WINDOW);
}

static void a_refused_bind_ends(void **state)
{
	static const uint32_t statuses[] = {SMPP_RBINDFAIL, SMPP_RINVPASWD, SMPP_RINVSYSID,
					    SMPP_RALYBND, SMPP_RSYSERR};

	(void)state;
	for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
		struct scene *s = calloc(1, sizeof *s);

		open_as(s, SMPP_BIND_TRANSMITTER, false);
		header(s, SMPP_BIND_TRANSMITTER_RESP, statuses[i], 1);
		assert_int_equal(s->bound, 0);
		expect_end(s, ESME_END_REFUSED, statuses[i]);
		esme_session_close(&s->session);
		free(s);
	}
}

static void a_nacked_bind_ends(void **state)
{
	struct scene *s = *state;

	header(s, SMPP_GENERIC_NACK, SMPP_RINVCMDID, 0);
	expect_end(s, ESME_END_REFUSED, SMPP_RINVCMDID);
}

static void a_bind_without_an_answer_ends(void **state)
{
	struct scene *s = *state;

	at(s, RESPONSE - 1);
	assert_int_equal(s->ended, 0);
	assert_true(esme_session_due_us(&s->session) == START + RESPONSE);
	at(s, RESPONSE);
	expect_end(s, ESME_END_SILENT, 0);
}

static void another_binds_answer_is_none(void **state)
{
	struct scene *s = *state;

	header(s, SMPP_BIND_RECEIVER_RESP, 0, 1);
	header(s, SMPP_SUBMIT_SM_RESP, 0, 1);
	header(s, SMPP_BIND_TRANSCEIVER_RESP, 0, 2);
	assert_int_equal(s->bound, 0);
	assert_int_equal(s->notes[ESME_NOTE_MISMATCHED], 2);
	assert_int_equal(s->notes[ESME_NOTE_UNEXPECTED], 1);
	header(s, SMPP_BIND_TRANSCEIVER_RESP, 0, 1);
	assert_int_equal(s->bound, 1);
	header(s, SMPP_BIND_TRANSCEIVER_RESP, 0, 1);
	assert_int_equal(s->bound, 1);
}

static void nothing_is_taken_before_the_bind(void **state)
{
	struct scene *s = *state;

	header(s, SMPP_DELIVER_SM, 0, 7);
	struct smpp_pdu pdu = next(s);
	assert_int_equal(pdu.id, SMPP_DELIVER_SM_RESP);
	assert_int_equal(pdu.status, SMPP_RINVBNDSTS);
	assert_int_equal(pdu.sequence, 7);
	assert_int_equal(s->delivered, 0);
	header(s, SMPP_ENQUIRE_LINK, 0, 8);
	assert_int_equal(next(s).id, SMPP_ENQUIRE_LINK_RESP);
}

static void an_smsc_does_not_bind(void **state)
{
	struct scene *s = *state;

	header(s, SMPP_BIND_TRANSCEIVER, 0, 5);
	struct smpp_pdu pdu = next(s);
	assert_int_equal(pdu.id, SMPP_BIND_TRANSCEIVER_RESP);
	assert_int_equal(pdu.status, SMPP_RINVBNDSTS);
	header(s, SMPP_SUBMIT_SM, 0, 6);
	assert_int_equal(next(s).status, SMPP_RINVBNDSTS);
	assert_int_equal(s->notes[ESME_NOTE_REFUSED], 2);
	assert_int_equal(s->ended, 0);
}

/* ---- messages ---- */

static void answers_may_come_in_any_order(void **state)
{
	struct scene *s = *state;
	uint32_t a = submitted(s, 1), b = submitted(s, 2), c = submitted(s, 3);

	accept(s, c, "third");
	header(s, SMPP_SUBMIT_SM_RESP, SMPP_RINVDSTADR, a);
	accept(s, b, "0000002a");
	assert_string_equal(s->messages[3].message_id, "third");
	assert_int_equal(s->messages[1].status, SMPP_RINVDSTADR);
	assert_string_equal(s->messages[2].message_id, "0000002a");
	for (int i = 1; i <= 3; i++)
		assert_int_equal(s->messages[i].times, 1);
	assert_int_equal(esme_session_in_flight(&s->session), 0);
}

static void the_window_bounds(void **state)
{
	struct scene *s = *state;
	uint32_t first = submitted(s, 0);

	for (size_t i = 1; i < WINDOW; i++)
		submitted(s, i);
	assert_int_equal(submit(s, WINDOW), E_AGAIN);
	assert_int_equal(esme_session_room(&s->session), 0);
	accept(s, first, "x");
	assert_int_equal(esme_session_room(&s->session), 1);
	submitted(s, WINDOW);
	assert_int_equal(submit(s, WINDOW), E_AGAIN);
}

static void answers_to_nobody_are_passed_over(void **state)
{
	struct scene *s = *state;
	uint32_t mine = submitted(s, 1);

	accept(s, mine + 1, "early");
	accept(s, 0, "zero");
	accept(s, 0xFFFFFFFF, "huge");
	header(s, SMPP_DELIVER_SM_RESP, 0, mine);
	header(s, SMPP_ENQUIRE_LINK_RESP, 0, mine);
	assert_int_equal(s->messages[1].times, 0);
	accept(s, mine, "right");
	accept(s, mine, "twice");
	assert_int_equal(s->messages[1].times, 1);
	assert_string_equal(s->messages[1].message_id, "right");
	assert_int_equal(s->notes[ESME_NOTE_UNEXPECTED], 4);
	assert_int_equal(s->notes[ESME_NOTE_MISMATCHED], 2);
	assert_int_equal(s->ended, 0);
}

/* Status 0, and a body without an end: it was accepted all the same. */
static void a_broken_answer_counts_by_its_header(void **state)
{
	struct scene *s = *state;
	uint32_t mine = submitted(s, 1);
	uint8_t octets[] = {0, 0, 0, 20, 0x80,          0,   0,   4,   0,  0, 0,
			    0, 0, 0, 0,  (uint8_t)mine, 'a', 'b', 'c', 'd'};

	raw(s, octets, sizeof octets);
	assert_int_equal(s->messages[1].how, ESME_ANSWERED);
	assert_int_equal(s->messages[1].status, 0);
	assert_string_equal(s->messages[1].message_id, "");
	assert_int_equal(s->notes[ESME_NOTE_MALFORMED], 1);
}

static void a_nack_refuses_its_message(void **state)
{
	struct scene *s = *state;
	uint32_t a = submitted(s, 1), b = submitted(s, 2);

	header(s, SMPP_GENERIC_NACK, SMPP_RINVCMDID, a);
	assert_int_equal(s->messages[1].status, SMPP_RINVCMDID);
	header(s, SMPP_GENERIC_NACK, 0, b);
	assert_int_equal(s->messages[2].status, SMPP_RUNKNOWNERR);
	header(s, SMPP_GENERIC_NACK, SMPP_RINVCMDID, 0);
	assert_int_equal(s->notes[ESME_NOTE_NACK], 3);
	assert_int_equal(s->ended, 0);
}

static void a_nack_of_a_length_ends(void **state)
{
	struct scene *s = *state;

	submitted(s, 1);
	header(s, SMPP_GENERIC_NACK, SMPP_RINVCMDLEN, 0);
	assert_int_equal(s->messages[1].how, ESME_BROKEN);
	expect_end(s, ESME_END_SYNTAX, SMPP_RINVCMDLEN);
}

static void a_lost_bind_ends(void **state)
{
	struct scene *s = *state;
	uint32_t a = submitted(s, 1);

	submitted(s, 2);
	header(s, SMPP_SUBMIT_SM_RESP, SMPP_RINVBNDSTS, a);
	assert_int_equal(s->messages[1].status, SMPP_RINVBNDSTS);
	assert_int_equal(s->messages[2].how, ESME_BROKEN);
	expect_end(s, ESME_END_LOST, SMPP_RINVBNDSTS);
}

static void a_cut_breaks_what_is_in_flight(void **state)
{
	struct scene *s = *state;

	submitted(s, 1);
	submitted(s, 2);
	esme_session_cut(&s->session);
	assert_int_equal(s->messages[1].how, ESME_BROKEN);
	assert_int_equal(s->messages[2].how, ESME_BROKEN);
	expect_end(s, ESME_END_CLOSED, 0);
	esme_session_cut(&s->session);
	assert_int_equal(s->ended, 1);
}

static void what_is_submitted_in_an_answer_goes(void **state)
{
	struct scene *s = *state;
	uint32_t a = submitted(s, 1);

	s->submits_again = true;
	accept(s, a, "x");
	assert_int_equal(next(s).id, SMPP_SUBMIT_SM);
	assert_int_equal(esme_session_in_flight(&s->session), 1);
	s->submits_again = true; /* at the end it finds no room, and nothing is told twice */
	esme_session_cut(&s->session);
	assert_int_equal(s->messages[2].times, 1);
	assert_int_equal(s->messages[3].times, 0);
}

/* ---- silence ---- */

static void one_lost_answer_is_one_unknown(void **state)
{
	struct scene *s = *state;

	submitted(s, 1);
	s->now_us += CLOCK_S;
	accept(s, submitted(s, 2), "x");
	at(s, RESPONSE);
	assert_int_equal(s->messages[1].how, ESME_EXPIRED);
	assert_int_equal(s->messages[1].times, 1);
	assert_int_equal(s->ended, 0);
	assert_int_equal(esme_session_room(&s->session), WINDOW);
}

static void no_answer_at_all_ends(void **state)
{
	struct scene *s = *state;

	accept(s, submitted(s, 0), "x");
	s->now_us += 1;
	for (size_t i = 1; i <= WINDOW; i++) {
		submitted(s, i);
		s->now_us += CLOCK_S;
	}
	/* It lives, and answers everything but messages. */
	s->now_us = START + RESPONSE;
	header(s, SMPP_ENQUIRE_LINK, 0, 9);
	next(s);
	assert_true(esme_session_due_us(&s->session) == START + 1 + RESPONSE);
	at(s, RESPONSE + 1);
	assert_int_equal(s->messages[1].how, ESME_EXPIRED);
	for (size_t i = 2; i <= WINDOW; i++) {
		assert_int_equal(s->messages[i].how, ESME_BROKEN);
		assert_int_equal(s->messages[i].times, 1);
	}
	expect_end(s, ESME_END_SILENT, 0);
}

static void probation_sends_one_until_it_is_answered(void **state)
{
	struct scene *s = calloc(1, sizeof *s);

	(void)state;
	open_as(s, SMPP_BIND_TRANSCEIVER, true);
	header(s, SMPP_BIND_TRANSCEIVER_RESP, 0, 1);
	assert_int_equal(esme_session_room(&s->session), 1);
	uint32_t a = submitted(s, 1);
	assert_int_equal(submit(s, 2), E_AGAIN);
	header(s, SMPP_SUBMIT_SM_RESP, SMPP_RTHROTTLED, a);
	assert_int_equal(esme_session_room(&s->session), WINDOW);
	esme_session_close(&s->session);
	free(s);
}

static void it_enquires_when_it_was_quiet(void **state)
{
	struct scene *s = *state;

	assert_true(esme_session_due_us(&s->session) == START + ENQUIRE);
	at(s, ENQUIRE - 1);
	assert_int_equal(s->sent_len, 0);
	at(s, ENQUIRE);
	struct smpp_pdu pdu = next(s);
	assert_int_equal(pdu.id, SMPP_ENQUIRE_LINK);
	at(s, ENQUIRE + CLOCK_S);
	assert_int_equal(s->sent_len, 0); /* one at a time */
	header(s, SMPP_ENQUIRE_LINK_RESP, 0, pdu.sequence);
	assert_true(esme_session_due_us(&s->session) == START + 2 * ENQUIRE);
	at(s, 2 * ENQUIRE);
	pdu = next(s);
	header(s, SMPP_GENERIC_NACK, SMPP_RINVCMDID, pdu.sequence); /* odd, but alive */
	assert_int_equal(s->ended, 0);
	assert_int_equal(s->notes[ESME_NOTE_ENQUIRED], 2);
}

/* Both sides must hear something: what comes does not spare the SMSC our sign of life. */
static void it_enquires_though_it_only_hears(void **state)
{
	struct scene *s = *state;

	for (int i = 1; i < 30; i++) {
		at(s, i * CLOCK_S);
		header(s, SMPP_ENQUIRE_LINK, 0, 100);
		assert_int_equal(next(s).id, SMPP_ENQUIRE_LINK_RESP);
	}
	at(s, ENQUIRE);
	assert_int_equal(next(s).id, SMPP_ENQUIRE_LINK);
}

static void an_enquiry_without_an_answer_ends(void **state)
{
	struct scene *s = *state;

	at(s, ENQUIRE);
	next(s);
	s->now_us += CLOCK_S;
	submitted(s, 1);
	at(s, ENQUIRE + RESPONSE - 1);
	assert_int_equal(s->ended, 0);
	at(s, ENQUIRE + RESPONSE);
	assert_int_equal(s->messages[1].how, ESME_BROKEN);
	expect_end(s, ESME_END_SILENT, 0);
}

/* ---- what the SMSC sends ---- */

static void it_delivers(void **state)
{
	struct scene *s = *state;

	header(s, SMPP_DELIVER_SM, 0, 77);
	assert_int_equal(s->delivered, 1);
	assert_int_equal(s->delivered_sequence, 77);
	assert_int_equal(s->sent_len, 0); /* not before its owner says so */
	header(s, SMPP_DATA_SM, 0, 78);
	assert_int_equal(s->delivered_id, SMPP_DATA_SM);
	esme_session_answer(&s->session, SMPP_DATA_SM, 78, SMPP_RX_T_APPN);
	struct smpp_pdu pdu = next(s);
	assert_int_equal(pdu.id, SMPP_DATA_SM_RESP);
	assert_int_equal(pdu.sequence, 78);
	assert_int_equal(pdu.status, SMPP_RX_T_APPN);
	esme_session_answer(&s->session, SMPP_DELIVER_SM, 77, SMPP_ROK);
	pdu = next(s);
	assert_int_equal(pdu.id, SMPP_DELIVER_SM_RESP);
	assert_int_equal(pdu.sequence, 77);
	esme_session_cut(&s->session);
	esme_session_answer(&s->session, SMPP_DELIVER_SM, 79, SMPP_ROK);
	assert_int_equal(s->sent_len, 0);
}

static void a_transmitter_takes_no_message(void **state)
{
	struct scene *s = calloc(1, sizeof *s);

	(void)state;
	open_as(s, SMPP_BIND_TRANSMITTER, false);
	header(s, SMPP_BIND_TRANSMITTER_RESP, 0, 1);
	header(s, SMPP_DELIVER_SM, 0, 3);
	struct smpp_pdu pdu = next(s);
	assert_int_equal(pdu.id, SMPP_DELIVER_SM_RESP);
	assert_int_equal(pdu.status, SMPP_RINVBNDSTS);
	assert_int_equal(s->delivered, 0);
	esme_session_close(&s->session);
	free(s);
}

static void a_receiver_sends_no_message(void **state)
{
	struct scene *s = calloc(1, sizeof *s);

	(void)state;
	open_as(s, SMPP_BIND_RECEIVER, false);
	header(s, SMPP_BIND_RECEIVER_RESP, 0, 1);
	assert_true(esme_session_is_bound(&s->session));
	assert_int_equal(submit(s, 0), E_AGAIN);
	header(s, SMPP_DELIVER_SM, 0, 3);
	assert_int_equal(s->delivered, 1);
	esme_session_close(&s->session);
	free(s);
}

static void odd_requests_are_answered(void **state)
{
	struct scene *s = *state;
	const uint8_t unknown[] = {0, 0, 0, 16, 0, 0, 0x77, 0x77, 0, 0, 0, 0, 0, 0, 0, 5};
	const uint8_t cut_short[] = {0, 0, 0, 18, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 6, 'a', 'b'};
	const uint8_t empty[] = {0, 0, 0, 16, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 7};

	raw(s, unknown, sizeof unknown);
	struct smpp_pdu pdu = next(s);
	assert_int_equal(pdu.id, SMPP_GENERIC_NACK);
	assert_int_equal(pdu.status, SMPP_RINVCMDID);
	assert_int_equal(pdu.sequence, 5);
	raw(s, cut_short, sizeof cut_short);
	pdu = next(s);
	assert_int_equal(pdu.id, SMPP_DELIVER_SM_RESP);
	assert_int_not_equal(pdu.status, 0);
	assert_int_equal(pdu.sequence, 6);
	raw(s, empty, sizeof empty);
	assert_int_not_equal(next(s).status, 0);
	header(s, SMPP_QUERY_SM, 0, 8);
	pdu = next(s);
	assert_int_equal(pdu.id, SMPP_QUERY_SM_RESP);
	assert_int_equal(pdu.status, SMPP_RINVBNDSTS);
	header(s, SMPP_ALERT_NOTIFICATION, 0, 9);
	assert_int_equal(s->notes[ESME_NOTE_ALERT], 1);
	assert_int_equal(s->delivered, 0);
	assert_int_equal(s->ended, 0);
}

/* A TLV that says it is longer than the PDU. */
static void an_overrunning_tlv_is_refused(void **state)
{
	struct scene *s = *state;
	uint8_t octets[256];
	size_t n;
	const struct smpp_pdu pdu = {.id = SMPP_DELIVER_SM, .sequence = 4};

	assert_int_equal(smpp_encode(&pdu, octets, sizeof octets, &n), 0);
	const uint8_t tlv[] = {0x04, 0x24, 0xFF, 0xFF, 'x'};
	memcpy(octets + n, tlv, sizeof tlv);
	n += sizeof tlv;
	octets[3] = (uint8_t)n;
	raw(s, octets, n);
	struct smpp_pdu answer = next(s);
	assert_int_equal(answer.id, SMPP_DELIVER_SM_RESP);
	assert_int_equal(answer.status, SMPP_RINVOPTPARSTREAM);
	assert_int_equal(s->delivered, 0);
}

static void a_length_that_none_has_ends(void **state)
{
	static const uint8_t lengths[][4] = {{0, 0, 0, 0},
					     {0, 0, 0, 15},
					     {0xFF, 0xFF, 0xFF, 0xFF},
					     {0, 0, 0x10, 1},
					     {0x80, 0, 0, 0}};

	(void)state;
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		struct scene *s = NULL;
		uint8_t octets[24] = {0};

		set_up_bound((void **)&s);
		submitted(s, 1);
		memcpy(octets, lengths[i], 4);
		raw(s, octets, sizeof octets);
		struct smpp_pdu pdu = next(s);
		assert_int_equal(pdu.id, SMPP_GENERIC_NACK);
		assert_int_equal(pdu.status, SMPP_RINVCMDLEN);
		assert_int_equal(s->messages[1].how, ESME_BROKEN);
		expect_end(s, ESME_END_SYNTAX, SMPP_RINVCMDLEN);
		tear_down((void **)&s);
	}
}

static void pieces_are_put_together(void **state)
{
	struct scene *s = *state;
	uint8_t octets[64];
	size_t n, rest = 0;
	const struct smpp_pdu pdu = {.id = SMPP_ENQUIRE_LINK, .sequence = 3};

	assert_int_equal(smpp_encode(&pdu, octets, sizeof octets, &n), 0);
	memcpy(octets + n, octets, n);
	for (size_t have = 1; have < n; have++)
		assert_int_equal(esme_session_input(&s->session, octets, have, s->now_us), 0);
	rest = esme_session_input(&s->session, octets, n + 5, s->now_us);
	assert_int_equal(rest, n);
	assert_int_equal(next(s).sequence, 3);
	raw(s, octets, 2 * n);
	next(s);
	next(s);
}

/* ---- unbind ---- */

static void an_unbind_of_theirs_is_answered(void **state)
{
	struct scene *s = *state;

	submitted(s, 1);
	header(s, SMPP_UNBIND, 0, 12);
	struct smpp_pdu pdu = next(s);
	assert_int_equal(pdu.id, SMPP_UNBIND_RESP);
	assert_int_equal(pdu.sequence, 12);
	assert_int_equal(s->messages[1].how, ESME_BROKEN);
	expect_end(s, ESME_END_UNBOUND, 0);
}

static void an_unbind_of_ours_waits_for_its_answer(void **state)
{
	struct scene *s = *state;
	uint32_t a = submitted(s, 1);

	esme_session_unbind(&s->session, s->now_us);
	struct smpp_pdu pdu = next(s);
	assert_int_equal(pdu.id, SMPP_UNBIND);
	assert_int_equal(submit(s, 2), E_AGAIN);
	accept(s, a, "late"); /* what was asked before is still answered */
	assert_string_equal(s->messages[1].message_id, "late");
	assert_int_equal(s->ended, 0);
	header(s, SMPP_UNBIND_RESP, 0, pdu.sequence);
	expect_end(s, ESME_END_STOPPED, 0);
}

static void both_unbind_at_once(void **state)
{
	struct scene *s = *state;

	esme_session_unbind(&s->session, s->now_us);
	next(s);
	header(s, SMPP_UNBIND, 0, 4);
	assert_int_equal(next(s).id, SMPP_UNBIND_RESP);
	expect_end(s, ESME_END_STOPPED, 0);
}

static void an_unbind_without_an_answer_ends_too(void **state)
{
	struct scene *s = *state;

	esme_session_unbind(&s->session, s->now_us);
	next(s);
	at(s, RESPONSE);
	expect_end(s, ESME_END_STOPPED, 0);
}

#define BOUND(test) cmocka_unit_test_setup_teardown(test, set_up_bound, tear_down)
#define OPEN(test)  cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPEN(binds),
		cmocka_unit_test(a_refused_bind_ends),
		OPEN(a_nacked_bind_ends),
		OPEN(a_bind_without_an_answer_ends),
		OPEN(another_binds_answer_is_none),
		OPEN(nothing_is_taken_before_the_bind),
		OPEN(an_smsc_does_not_bind),
		BOUND(answers_may_come_in_any_order),
		BOUND(the_window_bounds),
		BOUND(answers_to_nobody_are_passed_over),
		BOUND(a_broken_answer_counts_by_its_header),
		BOUND(a_nack_refuses_its_message),
		BOUND(a_nack_of_a_length_ends),
		BOUND(a_lost_bind_ends),
		BOUND(a_cut_breaks_what_is_in_flight),
		BOUND(what_is_submitted_in_an_answer_goes),
		BOUND(one_lost_answer_is_one_unknown),
		BOUND(no_answer_at_all_ends),
		cmocka_unit_test(probation_sends_one_until_it_is_answered),
		BOUND(it_enquires_when_it_was_quiet),
		BOUND(it_enquires_though_it_only_hears),
		BOUND(an_enquiry_without_an_answer_ends),
		BOUND(it_delivers),
		cmocka_unit_test(a_transmitter_takes_no_message),
		cmocka_unit_test(a_receiver_sends_no_message),
		BOUND(odd_requests_are_answered),
		BOUND(an_overrunning_tlv_is_refused),
		cmocka_unit_test(a_length_that_none_has_ends),
		BOUND(pieces_are_put_together),
		BOUND(an_unbind_of_theirs_is_answered),
		BOUND(an_unbind_of_ours_waits_for_its_answer),
		BOUND(both_unbind_at_once),
		BOUND(an_unbind_without_an_answer_ends_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
