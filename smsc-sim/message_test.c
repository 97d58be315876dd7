/* The life of a message, by its table: what each outcome leads to, and who hears of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "smsc-sim/message.h"

#define S INT64_C(1000000)

static const struct message_policy policy = {
	.retry_us = {10 * S, 60 * S},
	.retry_count = 2,
	.validity_us = 100 * S,
	.validity_most_us = 1000 * S,
};

static struct message *begun(uint8_t esm_class, uint8_t registered, int64_t schedule_us,
			     int64_t expires_us)
{
	struct message *m = message_new("text", 4, NULL, 0);

	assert_non_null(m);
	m->esm_class = esm_class;
	m->registered = registered;
	m->schedule_us = schedule_us;
	m->expires_us = expires_us;
	message_begin(m, &policy, S);
	return m;
}

static void test_taken_at_once(void **state)
{
	(void)state;
	struct message *m = begun(0, SMPP_REGISTERED_FINAL, 0, 0);

	assert_int_equal(m->state, SMPP_STATE_ENROUTE);
	assert_int_equal(m->expires_us, 101 * S);
	assert_int_equal(message_step(m, S, false), MESSAGE_ATTEMPT);
	assert_int_equal(message_step(m, S, true), MESSAGE_WAITS); /* one at a time */
	assert_int_equal(message_outcome(m, &policy, OUTCOME_DELIVERED, 0, 2 * S),
			 MESSAGE_IS_FINAL);
	assert_int_equal(m->state, SMPP_STATE_DELIVERED);
	assert_int_equal(m->done_us, 2 * S);
	assert_int_equal(m->error, 0);
	assert_int_equal(message_notice(m), NOTICE_RECEIPT);
	assert_int_equal(message_step(m, 3 * S, true), MESSAGE_WAITS);
	assert_false(message_cancel(m, 3 * S));
	message_free(m);
}

static void test_retries(void **state)
{
	(void)state;
	static const int64_t waits[] = {10, 60, 60}; /* the last one repeats, until the end */
	struct message *m = begun(0, 0, 0, 0);
	int64_t now_us = S;

	for (size_t i = 0; i < 3; i++) {
		int64_t due_us = now_us + waits[i] * S < 101 * S ? now_us + waits[i] * S : 101 * S;
		assert_int_equal(message_step(m, now_us, false), MESSAGE_ATTEMPT);
		assert_int_equal(message_outcome(m, &policy, OUTCOME_ABSENT, 0, now_us),
				 MESSAGE_WAITS);
		assert_int_equal(m->next_us, due_us);
		assert_int_equal(message_step(m, due_us - 1, false), MESSAGE_WAITS);
		now_us = due_us;
	}
	assert_int_equal(now_us, 101 * S);
	assert_int_equal(message_step(m, now_us, false), MESSAGE_IS_FINAL);
	assert_int_equal(m->state, SMPP_STATE_EXPIRED);
	assert_int_equal(m->error, 27); /* why it was not delivered */
	assert_int_equal(m->attempts, 3);
	message_free(m);
}

static void test_outcomes(void **state)
{
	(void)state;
	static const struct {
		enum outcome how;
		uint8_t esm_class;
		enum smpp_state to;
		uint16_t error;
	} rows[] = {
		{OUTCOME_DELIVERED, 0, SMPP_STATE_DELIVERED, 0},
		{OUTCOME_ABSENT, 0, SMPP_STATE_ENROUTE, 27},
		{OUTCOME_FULL, 0, SMPP_STATE_ENROUTE, 32},
		{OUTCOME_BUSY, SMPP_ESM_STORE, SMPP_STATE_ENROUTE, 31},
		{OUTCOME_NO_ANSWER, 0, SMPP_STATE_ENROUTE, 34},
		{OUTCOME_REFUSED, 0, SMPP_STATE_UNDELIVERABLE, 36},
		{OUTCOME_ABSENT, SMPP_ESM_DATAGRAM, SMPP_STATE_UNDELIVERABLE, 27},
		{OUTCOME_FULL, SMPP_ESM_TRANSACTION, SMPP_STATE_UNDELIVERABLE, 32},
		{OUTCOME_DELIVERED, SMPP_ESM_DATAGRAM, SMPP_STATE_DELIVERED, 0},
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct message *m = begun(rows[i].esm_class, 0, 0, 0);
		message_step(m, S, false);
		message_outcome(m, &policy, rows[i].how, 0, S);
		assert_int_equal(m->state, rows[i].to);
		assert_int_equal(m->error, rows[i].error);
		assert_int_equal(message_notice(m), NOTICE_NONE);
		message_free(m);
	}
}

static void test_scheduled(void **state)
{
	(void)state;
	struct message *m = begun(0, 0, 50 * S, 0);

	assert_int_equal(m->state, SMPP_STATE_SCHEDULED);
	assert_int_equal(m->expires_us, 150 * S);                       /* counted from its time */
	assert_int_equal(message_step(m, 20 * S, true), MESSAGE_WAITS); /* though the phone came */
	assert_int_equal(message_step(m, 50 * S, false), MESSAGE_ATTEMPT);
	assert_int_equal(m->state, SMPP_STATE_ENROUTE);
	message_free(m);
	m = begun(0, 0, 50 * S, 40 * S);
	assert_int_equal(m->next_us, 40 * S);
	assert_int_equal(message_step(m, 40 * S, false), MESSAGE_IS_FINAL);
	message_free(m);
	m = begun(0, 0, 0, 5000 * S);
	assert_int_equal(m->expires_us, 1001 * S); /* no longer than we keep any */
	message_free(m);
}

static void test_cancel_and_replace(void **state)
{
	(void)state;
	struct message *m = begun(0, 3, 0, 0);
	uint8_t *text = malloc(2);

	assert_non_null(text);
	memcpy(text, "xy", 2);
	assert_true(message_replace(m, text, 2, 0, 500 * S, 1, &policy, 2 * S));
	assert_int_equal(m->length, 2);
	assert_int_equal(m->registered, 1);
	assert_int_equal(m->expires_us, 500 * S);
	message_step(m, 2 * S, false);
	assert_false(message_cancel(m, 2 * S)); /* on its way */
	assert_false(message_replace(m, text, 2, 0, 0, 0, &policy, 2 * S));
	message_outcome(m, &policy, OUTCOME_FULL, 22, 2 * S);
	assert_int_equal(m->error, 22);
	assert_true(message_cancel(m, 3 * S));
	assert_int_equal(m->state, SMPP_STATE_DELETED);
	assert_int_equal(message_notice(m), NOTICE_RECEIPT);
	message_free(m);
}

static void test_what_is_asked_to_be_told(void **state)
{
	(void)state;
	static const struct {
		uint8_t registered;
		enum notice good, bad;
	} rows[] = {{0, NOTICE_NONE, NOTICE_NONE},    {1, NOTICE_RECEIPT, NOTICE_RECEIPT},
		    {2, NOTICE_NONE, NOTICE_RECEIPT}, {3, NOTICE_RECEIPT, NOTICE_NONE},
		    {0x10, NOTICE_NONE, NOTICE_NONE}, {0x11, NOTICE_RECEIPT, NOTICE_RECEIPT}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct message *m = begun(0, rows[i].registered, 0, 0);
		message_finish(m, SMPP_STATE_DELIVERED, S);
		assert_int_equal(message_notice(m), rows[i].good);
		message_finish(m, SMPP_STATE_EXPIRED, S);
		assert_int_equal(message_notice(m), rows[i].bad);
		message_free(m);
	}
}

static void test_each_reason_is_told_once(void **state)
{
	(void)state;
	static const struct {
		enum outcome how;
		enum notice told;
	} rows[] = {{OUTCOME_ABSENT, NOTICE_INTERMEDIATE},
		    {OUTCOME_ABSENT, NOTICE_NONE},
		    {OUTCOME_FULL, NOTICE_INTERMEDIATE},
		    {OUTCOME_ABSENT, NOTICE_NONE}};
	struct message *m = begun(0, SMPP_REGISTERED_INTERMEDIATE, 0, 900 * S);

	assert_int_equal(message_notice(m), NOTICE_NONE); /* nothing was tried */
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(message_step(m, 2 * S, true), MESSAGE_ATTEMPT);
		message_outcome(m, &policy, rows[i].how, 0, 2 * S);
		assert_int_equal(message_notice(m), rows[i].told);
	}
	message_free(m);
}

static void test_ids(void **state)
{
	(void)state;
	char text[MESSAGE_ID_MAX];
	uint64_t id = 0;

	assert_string_equal(message_id_format(35 + 36, text), "000000001z");
	assert_true(message_id_parse(text, &id));
	assert_int_equal(id, 71);
	assert_true(message_id_parse(message_id_format(UINT64_C(1800000000000000), text), &id));
	assert_true(id == UINT64_C(1800000000000000));
	for (const char *const *bad = (const char *const[]){"", "1", "000000001Z", "000000001 ",
							    "0000000001z", NULL};
	     *bad; bad++)
		assert_false(message_id_parse(*bad, &id));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_taken_at_once),
		cmocka_unit_test(test_retries),
		cmocka_unit_test(test_outcomes),
		cmocka_unit_test(test_scheduled),
		cmocka_unit_test(test_cancel_and_replace),
		cmocka_unit_test(test_what_is_asked_to_be_told),
		cmocka_unit_test(test_each_reason_is_told_once),
		cmocka_unit_test(test_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
