/* The verdict of the simulator: it must be able to say lost, altered and stranger. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "handset-sim/ledger.h"
#include "lib/err.h"

static const struct trigger trigger = {.timestamp_s = 1};

static struct corpus corpus;
static struct ledger ledger;

static int begin(void **state)
{
	(void)state;
	return corpus_load(NULL, &corpus) || ledger_init(&ledger, &corpus, 3, 3, 7);
}

static int finish(void **state)
{
	(void)state;
	ledger_free(&ledger);
	corpus_free(&corpus);
	return 0;
}

/* What a phone gets: trace on top, the field, the content. */
static size_t delivered(size_t mail, const char *trace, uint8_t *out)
{
	const struct corpus_message *c = &corpus.messages[ledger.mails[mail].message];
	char field[LEDGER_FIELD_MAX];
	size_t n = strlen(trace), m = ledger_field(&ledger, mail, field);

	memcpy(out, trace, n);
	memcpy(out + n, field, m);
	memcpy(out + n + m, c->delivered, c->delivered_size);
	return n + m + c->delivered_size;
}

#define TRACE "Return-Path: <a@b>\r\nReceived: from x\r\n\tby y\r\n"

static void test_clean_run(void **state)
{
	(void)state;
	uint8_t octets[4096];

	for (size_t i = 0; i < 3; i++) {
		ledger_sending(&ledger, i, 0);
		ledger_accepted(&ledger, i, 100);
	}
	assert_int_equal(ledger_lost(&ledger), 3);
	assert_false(ledger_is_clean(&ledger));
	for (size_t i = 0; i < 3; i++) {
		ledger_triggered(&ledger, ledger.mails[i].phone, BEARER_UDP, &trigger, 200);
		ledger_fetched(&ledger, ledger.mails[i].phone, octets, delivered(i, TRACE, octets),
			       300);
	}
	assert_true(ledger_is_clean(&ledger));
	assert_int_equal(ledger.fetched, 3);
	assert_int_equal(ledger.accept_trigger.count, 3);
	assert_int_equal(ledger.accept.count, 3);
	assert_int_equal(ledger.trigger_fetched.count, 3);
	/* a session that was cut before QUIT: the same once more */
	ledger_fetched(&ledger, ledger.mails[0].phone, octets, delivered(0, TRACE, octets), 400);
	assert_int_equal(ledger.again, 1);
	assert_true(ledger_is_clean(&ledger));
}

/* A mail that finds a trigger pending is told when the schedule says: it does not count as slow. */
static void test_those_that_follow_are_apart(void **state)
{
	(void)state;
	uint32_t phone = ledger.mails[0].phone;

	ledger.mails[1].phone = ledger.mails[2].phone = phone;
	ledger_sending(&ledger, 0, 0);
	ledger_content(&ledger, 0, 40);
	ledger_accepted(&ledger, 0, 100);
	ledger_triggered(&ledger, phone, BEARER_UDP, &trigger, 200);
	ledger_sending(&ledger, 1, 0); /* the first is not read yet */
	ledger_accepted(&ledger, 1, 300);
	ledger_triggered(&ledger, phone, BEARER_UDP, &trigger, 250200);
	assert_int_equal(ledger.accept_trigger.count, 1);
	assert_int_equal(ledger.accept_trigger.samples_us[0], 100);
	assert_int_equal(ledger.sent_trigger.samples_us[0], 160);
	assert_int_equal(ledger.accept_next.count, 1);
	assert_int_equal(ledger.accept_next.samples_us[0], 249900);
	ledger.waiting[phone] = 0; /* both are fetched, but the session has not ended */
	ledger_sending(&ledger, 2, 0);
	assert_true(ledger.mails[2].follows);
}

/* Of two that are on their way together, either may be the one that waits. */
static void test_two_at_a_time_follow_each_other(void **state)
{
	(void)state;
	ledger.mails[1].phone = ledger.mails[2].phone = ledger.mails[0].phone;
	ledger_sending(&ledger, 0, 0);
	assert_false(ledger.mails[0].follows);
	ledger_sending(&ledger, 1, 0);
	assert_true(ledger.mails[0].follows && ledger.mails[1].follows);
	ledger.waiting[ledger.mails[0].phone] = 0;
	ledger_read(&ledger, ledger.mails[0].phone);
	ledger_sending(&ledger, 2, 0);
	assert_false(ledger.mails[2].follows);
}

static void test_one_octet_is_seen(void **state)
{
	(void)state;
	uint8_t octets[4096];

	ledger_sending(&ledger, 0, 0);
	ledger_accepted(&ledger, 0, 100);
	size_t n = delivered(0, TRACE, octets);
	octets[n - 3] ^= 1;
	ledger_fetched(&ledger, ledger.mails[0].phone, octets, n, 300);
	assert_int_equal(ledger.altered, 1);
	assert_false(ledger_is_clean(&ledger));
}

static void test_short_and_foreign_tops_are_seen(void **state)
{
	(void)state;
	uint8_t octets[4096];

	ledger_sending(&ledger, 0, 0);
	ledger_accepted(&ledger, 0, 100);
	ledger_fetched(&ledger, ledger.mails[0].phone, octets, delivered(0, TRACE, octets) - 1,
		       300);
	assert_int_equal(ledger.altered, 1);
	ledger_fetched(&ledger, ledger.mails[0].phone, octets,
		       delivered(0, "X-Added: 1\r\n", octets), 300);
	assert_int_equal(ledger.unknown, 1);
	ledger_fetched(&ledger, 0, (const uint8_t *)"", 0, 300);
	assert_int_equal(ledger.unknown, 2);
	assert_false(ledger_is_clean(&ledger));
}

static void test_stranger_is_seen(void **state)
{
	(void)state;
	uint8_t octets[4096];

	ledger_sending(&ledger, 0, 0);
	ledger_accepted(&ledger, 0, 100);
	uint32_t other = (ledger.mails[0].phone + 1) % 3;
	ledger_fetched(&ledger, other, octets, delivered(0, TRACE, octets), 300);
	assert_int_equal(ledger.stranger, 1);
	assert_int_equal(ledger_lost(&ledger), 1);
	assert_false(ledger_is_clean(&ledger));
}

static void test_normalise(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
	} cases[] = {{"a\nb", "a\r\nb\r\n"},
		     {"a\r\n\r\nb\r\n", "a\r\n\r\nb\r\n"},
		     {"a\rb\n", "a\r\nb\r\n"},
		     {"", ""},
		     {"\n.\n", "\r\n.\r\n"}};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct corpus_message m;
		assert_int_equal(
			corpus_normalise((const uint8_t *)cases[i].in, strlen(cases[i].in), &m), 0);
		assert_int_equal(m.size, strlen(cases[i].out));
		assert_memory_equal(m.octets, cases[i].out, m.size);
		free(m.octets);
	}
	struct corpus_message m;
	assert_int_equal(corpus_normalise((const uint8_t *)"a\0b", 3, &m), E_SYNTAX);
}

static void test_latency(void **state)
{
	(void)state;
	struct latency l = {0};

	assert_true(latency_ms(&l, 0.5) == 0);
	for (int64_t i = 1; i <= 101; i++)
		latency_add(&l, i * 1000);
	latency_add(&l, -5);
	assert_true(latency_ms(&l, 1) == 101);
	assert_true(latency_ms(&l, 0) == 0);
	assert_true(latency_ms(&l, 0.5) > 49 && latency_ms(&l, 0.5) < 52);
	latency_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_clean_run, begin, finish),
		cmocka_unit_test_setup_teardown(test_those_that_follow_are_apart, begin, finish),
		cmocka_unit_test_setup_teardown(test_two_at_a_time_follow_each_other, begin,
						finish),
		cmocka_unit_test_setup_teardown(test_one_octet_is_seen, begin, finish),
		cmocka_unit_test_setup_teardown(test_short_and_foreign_tops_are_seen, begin,
						finish),
		cmocka_unit_test_setup_teardown(test_stranger_is_seen, begin, finish),
		cmocka_unit_test(test_normalise),
		cmocka_unit_test(test_latency),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
