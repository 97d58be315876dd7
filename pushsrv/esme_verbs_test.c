/* One SMPP connection, from memory: whatever an SMSC may send, right or wrong. */
#include "pushsrv/esme_scene.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = {
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
