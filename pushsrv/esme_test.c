/* The pool: which link takes a message, what becomes of it; the links' lives over real sockets,
 * with SMSCs that obey the test. */
#include "pushsrv/esme_bed.h"

/* Waiting made short: these are seconds in the file. */
static void hurry(struct bed *b, int64_t response_us)
{
	for (size_t i = 0; i < b->conf->smsc_count; i++)
		b->conf->smscs[i].response_us = response_us;
}

/* ---- one link ---- */

static void it_binds_submits_and_unbinds(void **state)
{
	(void)state;
	struct bed *b = bed_new(1, SETTINGS("smsc a.source=4286"));
	struct bed_smsc *s = &b->smscs[0];

	assert_int_equal(bed_submit(b, 0), E_AGAIN); /* nothing is up yet */
	bed_wait(b, &b->rooms, 1);
	assert_string_equal(s->last_password, "secret12");
	assert_int_equal(esme_links_up(b->esme), 1);
	assert_int_equal(bed_submit(b, 0), 0);
	assert_int_equal(b->result_count, 0); /* never from inside */
	bed_wait(b, &b->result_count, 1);
	assert_int_equal(b->results[0].outcome, ESME_ACCEPTED);
	assert_string_equal(b->results[0].message_id, "m1");
	assert_string_equal(b->results[0].smsc, "a");
	assert_string_equal(b->results[0].link, "a");
	assert_string_equal(s->last.destination.number, "819000000000");
	assert_string_equal(s->last.source.number, "4286");
	assert_int_equal(s->last_size, 12);
	assert_memory_equal(s->last_octets, "\x06\x05\x04\x0b\x84\x23\xf0hello", 12);
	bed_stop(b);
	assert_int_equal(s->unbinds, 1);
	assert_int_equal(bed_submit(b, 1), E_CLOSED);
	bed_free(b);
}

static void the_window_holds_and_room_is_told(void **state)
{
	(void)state;
	struct bed *b = bed_new(1, SETTINGS("smsc a.window=3"));
	struct bed_smsc *s = &b->smscs[0];
	size_t n = 0;

	s->holds_answers = true;
	bed_up(b, 1);
	while (bed_submit(b, n) == 0)
		n++;
	assert_int_equal(n, 3);
	bed_wait(b, &s->submits, 3);
	assert_int_equal(b->rooms, 0);
	bed_answer(s);
	bed_wait(b, &b->rooms, 1);
	assert_int_equal(bed_submit(b, n), 0);
	bed_wait(b, &b->result_count, 3);
	s->holds_answers = false;
	bed_wait(b, &s->submits, 4);
	bed_answer(s);
	bed_wait(b, &b->result_count, 4);
	bed_free(b);
}

static void a_lost_bind_is_made_again(void **state)
{
	(void)state;
	struct bed *b = bed_new(1, SETTINGS("smsc a.window=3"));
	struct bed_smsc *s = &b->smscs[0];

	s->submit_status = SMPP_RINVBNDSTS;
	bed_up(b, 1);
	assert_int_equal(bed_submit(b, 0), 0);
	bed_wait(b, &b->result_count, 1);
	assert_int_equal(b->results[0].outcome, ESME_TEMPORARY);
	bed_wait(b, &s->binds, 2);
	bed_free(b);
}

static void a_cut_makes_unknown_and_the_link_comes_back(void **state)
{
	(void)state;
	struct bed *b = bed_new(1, SETTINGS("smsc a.window=8"));
	struct bed_smsc *s = &b->smscs[0];

	s->holds_answers = true;
	bed_up(b, 1);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(bed_submit(b, i), 0);
	bed_wait(b, &s->submits, 5);
	bed_cut(s);
	bed_wait(b, &b->result_count, 5);
	assert_int_equal(b->outcomes[ESME_UNKNOWN], 5);
	assert_int_equal(bed_submit(b, 5), E_AGAIN);
	s->holds_answers = false;
	bed_wait(b, &b->rooms, 1);
	assert_int_equal(bed_submit(b, 5), 0);
	bed_wait(b, &b->result_count, 6);
	assert_int_equal(b->results[5].outcome, ESME_ACCEPTED);
	bed_free(b);
}

static void it_enquires_and_answers(void **state)
{
	(void)state;
	struct bed *b = bed_new(1, SETTINGS("smsc a.window=8"));
	struct bed_smsc *s = &b->smscs[0];

	b->conf->smscs[0].enquire_us = 20000;
	bed_up(b, 1);
	bed_wait(b, &s->enquiries, 3);
	assert_int_equal(s->binds, 1);
	bed_free(b);
}

/* ---- silence ---- */

static void who_takes_and_says_nothing_is_left(void **state)
{
	(void)state;
	struct bed *b = bed_new(2, SETTINGS("smsc a.window=4", "smsc b.priority=1"));
	struct bed_smsc *mute = &b->smscs[0], *other = &b->smscs[1];
	size_t n = 0;

	hurry(b, 200000);
	mute->is_mute = true;
	bed_up(b, 2);
	while (bed_submit(b, n) == 0)
		n++;
	assert_int_equal(n, 4);    /* the better link is waited for ... */
	bed_wait(b, &b->rooms, 1); /* ... until it has been silent for a while */
	assert_int_equal(b->result_count, 0);
	assert_int_equal(bed_submit(b, n), 0);
	bed_wait(b, &b->result_count, 1);
	assert_string_equal(b->results[n].link, "b");
	assert_int_equal(other->submits, 1);
	bed_wait(b, &b->result_count, 5);
	assert_int_equal(b->outcomes[ESME_UNKNOWN], 4);
	assert_int_equal(esme_counted(0, ESME_COUNT_SILENT) > 0, 1);

	/* It is tried again, with one message, and nobody waits for it. */
	bed_wait(b, &mute->binds, 2);
	bed_up(b, 2);
	for (size_t i = 10; i < 13; i++)
		assert_int_equal(bed_submit(b, i), 0);
	bed_wait(b, &b->result_count, 7);
	assert_int_equal(mute->submits, 5);
	assert_int_equal(other->submits, 3);
	mute->is_mute = false;
	bed_answer_submit(mute, mute->kept[mute->kept_count - 1].peer,
			  mute->kept[mute->kept_count - 1].sequence, 0, 77);
	bed_wait(b, &b->result_count, 8);
	for (size_t i = 13; i < 17; i++)
		assert_int_equal(bed_submit(b, i), 0);
	bed_wait(b, &b->result_count, 12);
	assert_int_equal(mute->submits, 9);
	assert_int_equal(b->outcomes[ESME_UNKNOWN], 4);
	bed_free(b);
}

static void who_answers_no_bind_is_left(void **state)
{
	(void)state;
	struct bed *b = bed_new(1, SETTINGS("smsc a.window=4"));
	struct bed_smsc *s = &b->smscs[0];

	hurry(b, 100000);
	s->is_deaf = true;
	bed_wait(b, &s->connections, 2);
	assert_int_equal(esme_links_up(b->esme), 0);
	s->is_deaf = false;
	bed_up(b, 1);
	bed_free(b);
}

/* ---- refusals ---- */

static void a_refused_bind_is_not_hammered(void **state)
{
	(void)state;
	static const uint32_t statuses[] = {SMPP_RBINDFAIL, SMPP_RINVPASWD, SMPP_RINVSYSID};

	for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
		struct bed *b = bed_new(1, SETTINGS("smsc a.window=4"));
		struct bed_smsc *s = &b->smscs[0];

		b->conf->smscs[0].refused_us = 100000;
		s->bind_status = statuses[i];
		bed_wait(b, &s->binds, 2);
		assert_true(s->bind_us[1] - s->bind_us[0] >= 100000 * 8 / 10);
		assert_int_equal(esme_counted(0, ESME_COUNT_REFUSED), 1);
		s->bind_status = 0;
		bed_up(b, 1);
		assert_int_equal(esme_counted(0, ESME_COUNT_REFUSED), 0);
		bed_free(b);
	}
}

static void the_password_is_read_at_each_bind(void **state)
{
	(void)state;
	struct bed *b = bed_new(1, SETTINGS("smsc a.window=4"));
	struct bed_smsc *s = &b->smscs[0];
	char path[96];

	bed_up(b, 1);
	snprintf(path, sizeof path, "%s/a.secret", b->dir);
	FILE *f = fopen(path, "w");
	fputs("another", f);
	fclose(f);
	bed_cut(s);
	bed_wait(b, &s->binds, 2);
	assert_string_equal(s->last_password, "another");
	unlink(path); /* no password: no bind, but not the end either */
	bed_cut(s);
	bed_wait(b, &s->connections, 5);
	assert_int_equal(s->binds, 2);
	bed_free(b);
}

static void back_off_grows(void **state)
{
	(void)state;
	struct bed *b = bed_new(1, SETTINGS("smsc a.reconnect=0,1"));
	struct bed_smsc *s = &b->smscs[0];

	s->bind_status = SMPP_RSYSERR;
	bed_wait(b, &s->binds, 3);
	assert_true(s->bind_us[1] - s->bind_us[0] < 700000);
	assert_true(s->bind_us[2] - s->bind_us[1] >= 800000);
	bed_free(b);
}

/* ---- several ---- */

static void the_better_link_is_used_the_other_when_it_is_down(void **state)
{
	(void)state;
	struct bed *b =
		bed_new(2, SETTINGS("smsc a.priority=1", "smsc b.priority=0", "smsc b.window=64"));
	struct bed_smsc *a = &b->smscs[0], *better = &b->smscs[1];

	bed_up(b, 2);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(bed_submit(b, i), 0);
	bed_wait(b, &b->result_count, 10);
	assert_int_equal(better->submits, 10);
	assert_int_equal(a->submits, 0);
	better->bind_status = SMPP_RSYSERR;
	bed_cut(better);
	bed_up(b, 1);
	assert_int_equal(bed_submit(b, 10), 0);
	bed_wait(b, &b->result_count, 11);
	assert_string_equal(b->results[10].smsc, "a");
	better->bind_status = 0;
	bed_up(b, 2);
	assert_int_equal(bed_submit(b, 11), 0);
	bed_wait(b, &b->result_count, 12);
	assert_string_equal(b->results[11].smsc, "b");
	bed_free(b);
}

static void equal_links_share(void **state)
{
	(void)state;
	struct bed *b =
		bed_new(3, SETTINGS("smsc a.window=8", "smsc b.window=8", "smsc c.window=8"));

	bed_up(b, 3);
	for (size_t i = 0; i < 24; i++)
		assert_int_equal(bed_submit(b, i), 0);
	assert_int_equal(bed_submit(b, 24), E_AGAIN);
	bed_wait(b, &b->result_count, 24);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(b->smscs[i].submits, 8);
	for (size_t i = 24; i < 27; i++) { /* also when there is little to do */
		assert_int_equal(bed_submit(b, i), 0);
		bed_wait(b, &b->result_count, (int)i + 1);
	}
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(b->smscs[i].submits, 9);
	bed_free(b);
}

static void a_throttled_link_slows_down_and_another_takes_over(void **state)
{
	(void)state;
	struct bed *b = bed_new(2, SETTINGS("smsc b.priority=1"));
	struct bed_smsc *a = &b->smscs[0];

	bed_up(b, 2);
	a->submit_status = SMPP_RTHROTTLED;
	assert_int_equal(bed_submit(b, 0), 0);
	bed_wait(b, &b->result_count, 1);
	assert_int_equal(b->results[0].outcome, ESME_TEMPORARY);
	assert_true(b->results[0].retry_us > clock_now_us());
	assert_true(esme_counted(0, ESME_COUNT_PACE) > 0);
	a->submit_status = 0;
	for (size_t i = 1; i < 6; i++)
		assert_int_equal(bed_submit(b, i), 0);
	bed_wait(b, &b->result_count, 6);
	assert_int_equal(a->submits, 1);
	assert_int_equal(b->smscs[1].submits, 5);
	bed_free(b);
}

static void a_throttled_link_alone_goes_on_slowly(void **state)
{
	(void)state;
	struct bed *b = bed_new(1, SETTINGS("smsc a.window=8"));
	struct bed_smsc *s = &b->smscs[0];
	int64_t from_us;

	bed_up(b, 1);
	s->submit_status = SMPP_RMSGQFUL;
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(bed_submit(b, i), 0);
	bed_wait(b, &b->result_count, 8);
	assert_int_equal(esme_counted(0, ESME_COUNT_PACE), 4000); /* once for all of them */
	from_us = clock_mono_us();
	s->submit_status = 0;
	assert_int_equal(bed_submit(b, 8), E_AGAIN);
	bed_wait(b, &b->rooms, 1);
	assert_true(clock_mono_us() - from_us >= 900000);
	assert_int_equal(bed_submit(b, 8), 0);
	bed_wait(b, &b->result_count, 9);
	assert_int_equal(b->results[8].outcome, ESME_ACCEPTED);
	bed_free(b);
}

static void a_rate_holds(void **state)
{
	(void)state;
	struct bed *b = bed_new(1, SETTINGS("smsc a.rate=100", "smsc a.window=100"));
	int64_t from_us;
	size_t n = 0;

	bed_up(b, 1);
	from_us = clock_mono_us();
	while (n < 30) {
		int rooms = b->rooms;

		while (n < 30 && bed_submit(b, n) == 0)
			n++;
		if (n < 30)
			bed_wait(b, &b->rooms, rooms + 1);
	}
	assert_true(clock_mono_us() - from_us >= 220000);
	bed_wait(b, &b->result_count, 30);
	bed_free(b);
}

static void transmitter_and_receiver_are_one_link(void **state)
{
	(void)state;
	struct bed *b = bed_new(1, SETTINGS("smsc a.bind=transmitter+receiver"));
	struct bed_smsc *s = &b->smscs[0];

	bed_up(b, 1);
	assert_int_equal(s->binds, 2);
	assert_int_equal(bed_submit(b, 0), 0);
	bed_wait(b, &b->result_count, 1);
	bed_receipt(s, "m1", "819000000000");
	bed_wait(b, &s->delivered_answers, 1);
	assert_int_equal(b->receipts, 1);
	conn_abort(bed_peer(s, true)->conn); /* one ends, the other with it; both come back */
	bed_wait(b, &s->binds, 4);
	bed_up(b, 1);
	bed_stop(b);
	assert_int_equal(s->unbinds, 2);
	bed_free(b);
}

/* ---- the stop ---- */

static void a_stop_waits_for_answers_and_not_for_ever(void **state)
{
	(void)state;
	struct bed *b = bed_new(2, SETTINGS("smsc a.window=2", "smsc b.window=2"));
	int64_t from_us;

	b->smscs[0].holds_answers = true;
	b->smscs[1].is_mute = true;
	bed_up(b, 2);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(bed_submit(b, i), 0);
	bed_wait(b, &b->smscs[0].submits, 2);
	bed_wait(b, &b->smscs[1].submits, 2);
	esme_stop(b->esme, bed_stopped, b);
	bed_answer(&b->smscs[0]);
	bed_wait(b, &b->smscs[0].unbinds, 1);
	assert_int_equal(b->outcomes[ESME_ACCEPTED], 2);
	assert_int_equal(b->smscs[1].unbinds, 0);
	from_us = clock_mono_us();
	bed_wait(b, &b->result_count, 4);
	while (!b->is_stopped && clock_mono_us() - from_us < BED_PATIENT_US)
		event_base_loop(loop_base(b->loop), EVLOOP_ONCE);
	assert_true(clock_mono_us() - from_us < 5 * CLOCK_S / 2);
	assert_int_equal(b->outcomes[ESME_UNKNOWN], 2);
	assert_int_equal(b->smscs[1].unbinds, 1);
	bed_free(b);
}

static void a_stop_before_anything_is_there(void **state)
{
	(void)state;
	struct bed *b = bed_new(1, SETTINGS("smsc a.window=2"));

	bed_free(b);
	b = bed_new(1, SETTINGS("smsc a.window=2"));
	b->smscs[0].is_deaf = true;
	bed_wait(b, &b->smscs[0].connections, 1);
	bed_free(b);

	/* And one whose loop has never run. */
	b = bed_new(1, SETTINGS("smsc a.window=2"));
	b->is_stopped = true;
	bed_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_binds_submits_and_unbinds),
		cmocka_unit_test(the_window_holds_and_room_is_told),
		cmocka_unit_test(a_lost_bind_is_made_again),
		cmocka_unit_test(a_cut_makes_unknown_and_the_link_comes_back),
		cmocka_unit_test(it_enquires_and_answers),
		cmocka_unit_test(who_takes_and_says_nothing_is_left),
		cmocka_unit_test(who_answers_no_bind_is_left),
		cmocka_unit_test(a_refused_bind_is_not_hammered),
		cmocka_unit_test(the_password_is_read_at_each_bind),
		cmocka_unit_test(back_off_grows),
		cmocka_unit_test(the_better_link_is_used_the_other_when_it_is_down),
		cmocka_unit_test(equal_links_share),
		cmocka_unit_test(a_throttled_link_slows_down_and_another_takes_over),
		cmocka_unit_test(a_throttled_link_alone_goes_on_slowly),
		cmocka_unit_test(a_rate_holds),
		cmocka_unit_test(transmitter_and_receiver_are_one_link),
		cmocka_unit_test(a_stop_waits_for_answers_and_not_for_ever),
		cmocka_unit_test(a_stop_before_anything_is_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
