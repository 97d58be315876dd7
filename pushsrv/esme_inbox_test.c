/* What an SMSC hands up: receipts and messages, their tickets, receipts that overtake. */
#include "pushsrv/esme_bed.h"

/* ---- what comes ---- */

static void a_receipt_is_answered_when_the_client_says_so(void **state)
{
	(void)state;
	struct bed *b = bed_new(1, SETTINGS("smsc a.account=carrier"));
	struct bed_smsc *s = &b->smscs[0];

	bed_up(b, 1);
	b->keeps_tickets = true;
	bed_receipt(s, "2a", "819000000000");
	bed_wait(b, &b->receipts, 1);
	assert_string_equal(b->receipt_id, "2a");
	assert_string_equal(b->receipt_smsc, "carrier");
	assert_int_equal(s->delivered_answers, 0);
	esme_answer(b->tickets[0], ESME_TAKEN);
	bed_wait(b, &s->delivered_answers, 1);
	assert_int_equal(s->last_answer_status, SMPP_ROK);
	bed_receipt(s, "2b", "819000000000");
	bed_wait(b, &b->receipts, 2);
	esme_answer(b->tickets[1], ESME_LATER);
	bed_wait(b, &s->delivered_answers, 2);
	assert_int_equal(s->last_answer_status, SMPP_RX_T_APPN);
	bed_free(b);
}

static void an_answer_after_the_cut_goes_nowhere(void **state)
{
	(void)state;
	struct bed *b = bed_new(1, SETTINGS("smsc a.window=4"));
	struct bed_smsc *s = &b->smscs[0];

	bed_up(b, 1);
	b->keeps_tickets = true;
	bed_receipt(s, "2a", "819000000000");
	bed_wait(b, &b->receipts, 1);
	bed_cut(s);
	bed_wait(b, &s->binds, 2);
	bed_up(b, 1);
	esme_answer(b->tickets[0], ESME_TAKEN); /* of the connection before */
	b->keeps_tickets = false;
	bed_receipt(s, "2a", "819000000000");
	bed_wait(b, &b->receipts, 2);
	bed_stop(b);
	assert_int_equal(s->delivered_answers, 1);
	bed_free(b);
}

static void what_is_unanswered_is_bounded(void **state)
{
	(void)state;
	struct bed *b = bed_new(1, SETTINGS("pushsrv.smsc_unanswered=3"));
	struct bed_smsc *s = &b->smscs[0];

	bed_up(b, 1);
	b->keeps_tickets = true;
	for (int i = 0; i < 5; i++)
		bed_receipt(s, "2a", "819000000000");
	bed_wait(b, &s->delivered_answers, 2);
	assert_int_equal(b->receipts, 3);
	assert_int_equal(s->last_answer_status, SMPP_RX_T_APPN);
	bed_free(b); /* with three tickets out */
}

static void messages_from_phones_come_up(void **state)
{
	(void)state;
	struct bed *b = bed_new(1, SETTINGS("smsc a.window=4"));
	struct bed_smsc *s = &b->smscs[0];
	uint8_t large[600];

	for (size_t i = 0; i < sizeof large; i++)
		large[i] = (uint8_t)i;
	bed_up(b, 1);
	bed_deliver(s, SMPP_DELIVER_SM, 0, "819011111111", "hi", 2);
	bed_wait(b, &b->incoming, 1);
	assert_int_equal(b->in.size, 2);
	assert_memory_equal(b->in_octets, "hi", 2);
	bed_deliver(s, SMPP_DELIVER_SM, SMPP_ESM_UDHI, "819011111111", large, sizeof large);
	bed_wait(b, &b->incoming, 2);
	assert_true(b->in.has_udh);
	assert_int_equal(b->in.size, sizeof large);
	assert_memory_equal(b->in_octets, large, sizeof large);
	bed_deliver(s, SMPP_DATA_SM, 0, "819011111111", "yo", 2);
	bed_wait(b, &b->incoming, 3);
	assert_memory_equal(b->in_octets, "yo", 2);
	bed_wait(b, &s->delivered_answers, 3);
	bed_free(b);
}

static void an_unreadable_receipt_is_refused_for_good(void **state)
{
	(void)state;
	struct bed *b = bed_new(1, SETTINGS("smsc a.window=4"));
	struct bed_smsc *s = &b->smscs[0];

	bed_up(b, 1);
	bed_deliver(s, SMPP_DELIVER_SM, SMPP_ESM_RECEIPT, "819011111111", "what?", 5);
	bed_wait(b, &s->delivered_answers, 1);
	assert_int_equal(s->last_answer_status, SMPP_RX_P_APPN);
	assert_int_equal(b->receipts + b->incoming, 0);
	bed_free(b);
}

/* ---- receipts that overtake ---- */

static void a_receipt_that_overtakes_waits_for_its_message(void **state)
{
	(void)state;
	struct bed *b = bed_new(1, SETTINGS("smsc a.window=4"));
	struct bed_smsc *s = &b->smscs[0];

	s->receipt_first = true;
	s->holds_answers = true;
	bed_up(b, 1);
	assert_int_equal(bed_submit(b, 0), 0);
	bed_wait(b, &s->submits, 1);
	bed_receipt(s, "x9", "819099999999"); /* of a message of yesterday: not held up */
	bed_wait(b, &b->receipts, 1);
	assert_string_equal(b->receipt_id, "x9");
	assert_int_equal(b->results_at_receipt, 0);
	bed_answer(s);
	bed_wait(b, &b->receipts, 2);
	assert_int_equal(b->results_at_receipt, 1);
	assert_string_equal(b->receipt_id, b->results[0].message_id);
	bed_wait(b, &s->delivered_answers, 2);

	/* The SMSC writes the number in its own way. */
	s->receipt_first = false;
	assert_int_equal(bed_submit(b, 1), 0);
	bed_wait(b, &s->submits, 2);
	bed_receipt(s, "m2", "00000001");
	for (int i = 0; i < 5; i++)
		event_base_loop(loop_base(b->loop), EVLOOP_NONBLOCK);
	assert_int_equal(b->receipts, 2);
	bed_cut(s); /* nobody knows its message now: it is told all the same */
	bed_wait(b, &b->receipts, 3);
	assert_int_equal(b->results[1].outcome, ESME_UNKNOWN);
	bed_free(b);
}

static void receipts_may_come_by_another_link_of_the_account(void **state)
{
	(void)state;
	struct bed *b = bed_new(2, SETTINGS("smsc a.account=carrier", "smsc b.account=carrier",
					    "smsc b.priority=1"));

	b->smscs[0].holds_answers = true;
	bed_up(b, 2);
	assert_int_equal(bed_submit(b, 0), 0);
	bed_wait(b, &b->smscs[0].submits, 1);
	bed_receipt(&b->smscs[1], "m1", "819000000000");
	for (int i = 0; i < 5; i++)
		event_base_loop(loop_base(b->loop), EVLOOP_NONBLOCK);
	assert_int_equal(b->receipts, 0);
	bed_answer(&b->smscs[0]);
	bed_wait(b, &b->receipts, 1);
	assert_int_equal(b->results_at_receipt, 1);
	assert_string_equal(b->receipt_smsc, "carrier");
	assert_string_equal(b->results[0].smsc, "carrier");
	assert_string_equal(b->results[0].link, "a");
	bed_wait(b, &b->smscs[1].delivered_answers, 1);
	bed_free(b);
}

static void early_receipts_are_bounded(void **state)
{
	(void)state;
	struct bed *b = bed_new(1, SETTINGS("pushsrv.smsc_early=2"));
	struct bed_smsc *s = &b->smscs[0];

	s->holds_answers = true;
	bed_up(b, 1);
	assert_int_equal(bed_submit(b, 0), 0);
	bed_wait(b, &s->submits, 1);
	for (int i = 0; i < 3; i++)
		bed_receipt(s, "m1", "819000000000");
	bed_wait(b, &b->receipts, 1); /* the third found no place: told at once, not lost */
	assert_int_equal(b->result_count, 0);
	bed_answer(s);
	bed_wait(b, &b->receipts, 3);
	bed_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_receipt_is_answered_when_the_client_says_so),
		cmocka_unit_test(an_answer_after_the_cut_goes_nowhere),
		cmocka_unit_test(what_is_unanswered_is_bounded),
		cmocka_unit_test(messages_from_phones_come_up),
		cmocka_unit_test(an_unreadable_receipt_is_refused_for_good),
		cmocka_unit_test(a_receipt_that_overtakes_waits_for_its_message),
		cmocka_unit_test(receipts_may_come_by_another_link_of_the_account),
		cmocka_unit_test(early_receipts_are_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
