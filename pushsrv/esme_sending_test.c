/* What becomes of a message: by the status it is answered with, and when it goes in parts. */
#include "pushsrv/esme_bed.h"

static void outcomes_follow_the_status(void **state)
{
	(void)state;
	static const struct {
		uint32_t status;
		enum esme_outcome outcome;
		int64_t later_s;
	} cases[] = {
		{SMPP_RINVDSTADR, ESME_PERMANENT, 0},  {SMPP_RSYSERR, ESME_TEMPORARY, 90},
		{SMPP_RSUBMITFAIL, ESME_PERMANENT, 0}, {0x4FF, ESME_PERMANENT, 0},
		{SMPP_RMSGQFUL, ESME_TEMPORARY, 200},
	};
	struct bed *b = bed_new(
		1, SETTINGS("smsc a.temporary_seconds=90", "smsc a.queue_full_seconds=200"));

	bed_up(b, 1);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		b->smscs[0].submit_status = cases[i].status;
		assert_int_equal(bed_submit(b, i), 0);
		bed_wait(b, &b->result_count, (int)i + 1);
		assert_int_equal(b->results[i].outcome, cases[i].outcome);
		assert_int_equal(b->results[i].status, cases[i].status);
		int64_t later_us = cases[i].later_s ? b->results[i].retry_us - clock_now_us() : 0;
		assert_true(later_us <= cases[i].later_s * CLOCK_S);
		assert_true(later_us >= (cases[i].later_s - 60) * CLOCK_S);
		assert_int_equal(b->results[i].retry_us != 0, cases[i].later_s != 0);
	}
	bed_free(b);
}

static void a_long_message_goes_in_parts_through_any_window(void **state)
{
	(void)state;
	struct bed *b = bed_new(1, SETTINGS("smsc a.window=1"));
	struct bed_smsc *s = &b->smscs[0];

	bed_up(b, 1);
	assert_int_equal(bed_submit_to(b, 0, "819012345678", 300), 0);
	assert_int_equal(bed_submit(b, 1), E_AGAIN); /* not between the parts */
	bed_wait(b, &b->result_count, 1);
	assert_int_equal(s->submits, 3);
	assert_int_equal(b->results[0].outcome, ESME_ACCEPTED);
	assert_string_equal(b->results[0].message_id, "m3"); /* the last part's */
	assert_int_equal(s->last.registered_delivery, 1);
	assert_memory_equal(s->last_octets, "\x0b\x05\x04\x0b\x84\x23\xf0\x00\x03", 9);
	assert_memory_equal(s->last_octets + 10, "\x03\x03", 2);

	s->submit_status = SMPP_RINVDSTADR; /* the rest is spared */
	assert_int_equal(bed_submit_to(b, 2, "819012345678", 300), 0);
	bed_wait(b, &b->result_count, 2);
	assert_int_equal(b->results[2].outcome, ESME_PERMANENT);
	assert_int_equal(s->submits, 4);
	assert_int_equal(bed_submit_to(b, 3, "819012345678", 1900), E_TOO_LARGE);
	assert_int_equal(bed_submit_to(b, 3, "+81", 5), E_RANGE);
	bed_free(b);
}

/* A window that holds some parts: the link breaks while others were never sent. */
static void parts_of_a_broken_link_are_unknown(void **state)
{
	(void)state;
	struct bed *b = bed_new(1, SETTINGS("smsc a.window=2"));
	struct bed_smsc *s = &b->smscs[0];

	s->holds_answers = true;
	bed_up(b, 1);
	assert_int_equal(bed_submit_to(b, 0, "819012345678", 500), 0);
	bed_wait(b, &s->submits, 2);
	bed_cut(s);
	bed_wait(b, &b->result_count, 1);
	assert_int_equal(b->results[0].outcome, ESME_UNKNOWN);
	bed_wait(b, &s->binds, 2);
	bed_free(b);
}

/* Every part that was sent is answered, the next one waits for its turn. */
static void parts_that_were_never_sent_are_unknown_too(void **state)
{
	(void)state;
	struct bed *b = bed_new(1, SETTINGS("smsc a.rate=1"));
	struct bed_smsc *s = &b->smscs[0];

	bed_up(b, 1);
	assert_int_equal(bed_submit_to(b, 0, "819012345678", 300), 0);
	bed_wait(b, &s->submits, 1);
	while (esme_counted(0, ESME_COUNT_IN_FLIGHT) > 0)
		event_base_loop(loop_base(b->loop), EVLOOP_ONCE);
	assert_int_equal(b->result_count, 0);
	bed_cut(s);
	bed_wait(b, &b->result_count, 1);
	assert_int_equal(b->results[0].outcome, ESME_UNKNOWN);
	bed_free(b);
}

static void parts_may_be_answered_in_any_order(void **state)
{
	(void)state;
	struct bed *b = bed_new(1, SETTINGS("smsc a.window=3"));
	struct bed_smsc *s = &b->smscs[0];

	s->holds_answers = true;
	bed_up(b, 1);
	assert_int_equal(bed_submit_to(b, 0, "819012345678", 300), 0);
	bed_wait(b, &s->submits, 3);
	for (int i = 2; i >= 0; i--) /* the last part first */
		bed_answer_submit(s, s->kept[i].peer, s->kept[i].sequence, 0, 10 + i);
	bed_wait(b, &b->result_count, 1);
	assert_string_equal(b->results[0].message_id, "m12");
	bed_free(b);
}

static void after_a_refused_part_no_more_are_sent(void **state)
{
	(void)state;
	struct bed *b = bed_new(1, SETTINGS("smsc a.window=2"));
	struct bed_smsc *s = &b->smscs[0];

	s->holds_answers = true;
	bed_up(b, 1);
	assert_int_equal(bed_submit_to(b, 0, "819012345678", 600), 0);
	bed_wait(b, &s->submits, 2);
	bed_answer_submit(s, s->kept[0].peer, s->kept[0].sequence, SMPP_RINVDSTADR, 0);
	assert_int_equal(bed_submit(b, 1), E_AGAIN);
	bed_wait(b, &b->rooms, 1);
	assert_int_equal(b->result_count, 0); /* the other one is still on its way */
	bed_answer_submit(s, s->kept[1].peer, s->kept[1].sequence, 0, 1);
	bed_wait(b, &b->result_count, 1);
	assert_int_equal(b->results[0].outcome, ESME_PERMANENT);
	assert_int_equal(s->submits, 2);
	bed_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(outcomes_follow_the_status),
		cmocka_unit_test(a_long_message_goes_in_parts_through_any_window),
		cmocka_unit_test(parts_of_a_broken_link_are_unknown),
		cmocka_unit_test(parts_that_were_never_sent_are_unknown_too),
		cmocka_unit_test(parts_may_be_answered_in_any_order),
		cmocka_unit_test(after_a_refused_part_no_more_are_sent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
