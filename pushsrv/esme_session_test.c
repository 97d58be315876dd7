/* One SMPP connection, from memory: the bind, messages and their answers, silence. */
#include "pushsrv/esme_scene.h"

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

static void another_number_is_no_answer(void **state)
{
	struct scene *s = *state;

	header(s, SMPP_SUBMIT_SM_RESP, 0, 1);
	header(s, SMPP_BIND_TRANSCEIVER_RESP, 0, 2);
	assert_int_equal(s->bound, 0);
	assert_int_equal(s->notes[ESME_NOTE_MISMATCHED], 1);
	assert_int_equal(s->notes[ESME_NOTE_UNEXPECTED], 1);
	header(s, SMPP_BIND_TRANSCEIVER_RESP, 0, 1);
	assert_int_equal(s->bound, 1);
	header(s, SMPP_BIND_TRANSCEIVER_RESP, 0, 1);
	assert_int_equal(s->bound, 1);
}

/* As Osmocom's does. */
static void another_kind_of_bind_is_an_answer(void **state)
{
	struct scene *s = calloc(1, sizeof *s);

	(void)state;
	open_as(s, SMPP_BIND_RECEIVER, false);
	header(s, SMPP_BIND_TRANSMITTER_RESP, 0, 1);
	assert_int_equal(s->bound, 1);
	assert_int_equal(s->session.state, SMPP_BOUND_RX);
	assert_int_equal(s->notes[ESME_NOTE_MISMATCHED], 1);
	esme_session_close(&s->session);
	free(s);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		OPEN(binds),
		cmocka_unit_test(a_refused_bind_ends),
		OPEN(a_nacked_bind_ends),
		OPEN(a_bind_without_an_answer_ends),
		OPEN(another_number_is_no_answer),
		cmocka_unit_test(another_kind_of_bind_is_an_answer),
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
