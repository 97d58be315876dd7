/* Each fault alone, the windows and whom they are for, and the promise above all: the same seed and
 * the same input give the same day, in whatever order links and messages come. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "smsc-sim/faults.h"

#define BEGAN    (1000 * CLOCK_S)
#define MESSAGES 4000

static struct faults *f;

static void begin(const char *faults, uint64_t seed)
{
	static struct fault_script script;
	char text[1024], problem[FAULT_PROBLEM_MAX] = "";

	snprintf(text, sizeof text, "{\"seed\":%d,\"faults\":[%s]}", (int)seed, faults);
	if (!fault_script_parse(text, strlen(text), &script, problem))
		fail_msg("%s", problem);
	faults_begin(f, &script, BEGAN);
}

static int setup(void **state)
{
	(void)state;
	return faults_new(1, 1 << 16, &f);
}

static int teardown(void **state)
{
	(void)state;
	faults_free(f);
	return 0;
}

static struct fault_subject subject(const char *account, const char *destination)
{
	return (struct fault_subject){account, destination, faults_number(f, account, destination),
				      1};
}

static struct fault_submit submit_at(int64_t s, const char *account, const char *destination)
{
	struct fault_subject who = subject(account, destination);

	return faults_submit(f, BEGAN + s * CLOCK_S, &who);
}

static struct fault_submit submit(void)
{
	return submit_at(0, "hato", "819000000001");
}

static struct fault_attempt attempt_at(int64_t s, const char *destination, unsigned nth)
{
	struct fault_subject who = subject("hato", destination);

	who.attempt = nth;
	return faults_attempt(f, BEGAN + s * CLOCK_S, &who);
}

static struct fault_receipt receipt(void)
{
	struct fault_subject who = subject("hato", "819000000001");

	return faults_receipt(f, BEGAN, &who);
}

/* ---- each alone ---- */

static void nothing(void **state)
{
	struct fault_link link = {0};

	(void)state;
	begin("", 1);
	assert_true(faults_idle(f) && faults_number(f, "hato", "81") == 0);
	struct fault_submit s = submit();
	assert_true(!s.status && !s.silent && !s.lost && !s.sequence_add && !s.delay_us);
	assert_true(faults_link_begin(f, BEGAN, "hato", &link));
	assert_true(!faults_link_pdu(f, BEGAN, "hato", &link).cut);
	assert_true(faults_next_us(f) == INT64_MAX);
}

static void refusals(void **state)
{
	(void)state;
	begin("{\"what\":\"throttle\"}", 1);
	struct fault_submit s = submit();
	assert_true(s.status == 0x58 && !s.nack && !s.silent && !s.lost);
	begin("{\"what\":\"throttle\",\"status\":20}", 1);
	assert_true(submit().status == 0x14);
	begin("{\"what\":\"refuse\",\"status\":8}", 1);
	assert_true(submit().status == 8);
	begin("{\"what\":\"generic_nack\"}", 1);
	s = submit();
	assert_true(s.status == 3 && s.nack && !s.nack_zero);
	begin("{\"what\":\"generic_nack\",\"status\":2,\"zero\":true}", 1);
	s = submit();
	assert_true(s.status == 2 && s.nack && s.nack_zero);
	/* The first that strikes decides; a message that is refused cannot be lost. */
	begin("{\"what\":\"loss\"},{\"what\":\"refuse\",\"status\":8},{\"what\":\"throttle\"}", 1);
	s = submit();
	assert_true(s.status == 8 && !s.lost);
	assert_true(faults_hits(f, 1) == 1 && faults_hits(f, 2) == 0);
}

static void above_rate(void **state)
{
	unsigned taken = 0;

	(void)state;
	begin("{\"what\":\"throttle\",\"above_per_s\":50}", 1);
	for (int i = 0; i < 100; i++)
		taken += submit_at(1, "hato", "81").status == 0;
	assert_int_equal(taken, 50);
	for (int i = 0; i < 10; i++)
		assert_true(submit_at(1, "hato", "81").status == 0x58);
	for (int i = 0; i < 50; i++)
		assert_true(submit_at(2, "hato", "81").status == 0);
	assert_true(submit_at(2, "hato", "81").status == 0x58);
	assert_true(faults_hits(f, 0) == 61);
}

static void responses(void **state)
{
	(void)state;
	begin("{\"what\":\"silence\"}", 1);
	struct fault_submit s = submit();
	assert_true(s.silent && !s.status && !s.lost);
	begin("{\"what\":\"loss\"}", 1);
	s = submit();
	assert_true(s.lost && !s.silent && !s.status);
	begin("{\"what\":\"sequence\"}", 1);
	assert_true(submit().sequence_add == 1);
	begin("{\"what\":\"sequence\",\"by\":-1}", 1);
	assert_true(submit().sequence_add == 0x7ffffffe);
	begin("{\"what\":\"delay\",\"of\":\"submit_resp\",\"ms\":250},"
	      "{\"what\":\"delay\",\"of\":\"submit_resp\",\"ms\":50}",
	      1);
	assert_true(submit().delay_us == 300000);
	begin("{\"what\":\"delay\",\"of\":\"receipt\",\"ms\":250}", 1);
	assert_true(submit().delay_us == 0);
}

static void deliveries(void **state)
{
	struct fault_subject who;

	(void)state;
	begin("{\"what\":\"absent\"}", 1);
	assert_true(attempt_at(0, "81", 1).outcome == FAULT_OUTCOME_ABSENT);
	begin("{\"what\":\"memory_full\"}", 1);
	assert_true(attempt_at(0, "81", 1).outcome == FAULT_OUTCOME_FULL);
	begin("{\"what\":\"fail\"}", 1);
	assert_true(attempt_at(0, "81", 1).outcome == FAULT_OUTCOME_FAILED);
	begin("{\"what\":\"loss\",\"of\":\"delivery\"}", 1);
	assert_true(attempt_at(0, "81", 1).outcome == FAULT_OUTCOME_LOST);
	begin("{\"what\":\"duplicate\",\"copies\":2}", 1);
	struct fault_attempt a = attempt_at(0, "81", 1);
	assert_true(a.outcome == FAULT_OUTCOME_NONE && a.copies == 2);
	begin("{\"what\":\"delay\",\"ms\":70}", 1);
	who = subject("hato", "81");
	assert_true(faults_attempt_delay_us(f, BEGAN, &who) == 70000);
	assert_true(attempt_at(0, "81", 1).outcome == FAULT_OUTCOME_NONE);
}

static void receipts(void **state)
{
	(void)state;
	begin("{\"what\":\"loss\",\"of\":\"receipt\"}", 1);
	assert_true(receipt().never && !submit().lost);
	assert_true(attempt_at(0, "81", 1).outcome == FAULT_OUTCOME_NONE);
	begin("{\"what\":\"duplicate\",\"of\":\"receipt\"}", 1);
	assert_true(receipt().copies == 1 && attempt_at(0, "81", 1).copies == 0);
	begin("{\"what\":\"delay\",\"of\":\"receipt\",\"ms\":9000}", 1);
	assert_true(receipt().delay_us == 9 * CLOCK_S && !receipt().never);
}

/* Of ten in a row some come after those behind them, none later than said. */
static void reorder(void **state)
{
	int64_t before_us = 0;
	unsigned overtaken = 0;

	(void)state;
	begin("{\"what\":\"reorder\",\"of\":\"submit_resp\",\"share\":0.5,\"within_ms\":1000}", 1);
	for (int64_t i = 0; i < 100; i++) {
		int64_t at_us = i * 10000 + submit().delay_us;
		assert_true(at_us <= i * 10000 + CLOCK_S);
		overtaken += at_us < before_us;
		before_us = at_us;
	}
	assert_in_range(overtaken, 20, 60);
}

static void by_clock(void **state)
{
	struct fault_link link = {0};

	(void)state;
	begin("{\"what\":\"cut\",\"at\":30,\"every_s\":20,\"until\":75,\"account\":\"hato\",\"down_"
	      "s\":5}",
	      1);
	for (int64_t s = 30; s <= 70; s += 20) {
		assert_true(faults_next_us(f) == BEGAN + s * CLOCK_S);
		faults_turn(f, faults_next_us(f) - 1);
		assert_false(faults_cut_due(f, "hato"));
		faults_turn(f, BEGAN + s * CLOCK_S + 500);
		assert_true(faults_cut_due(f, "hato") && !faults_cut_due(f, "other"));
		assert_false(faults_link_begin(f, BEGAN + s * CLOCK_S + 600, "hato", &link));
		assert_true(faults_link_begin(f, BEGAN + s * CLOCK_S + 600, "other", &link));
		assert_true(faults_link_begin(f, BEGAN + (s + 5) * CLOCK_S, "hato", &link));
		assert_true(faults_link_begin(f, BEGAN + s * CLOCK_S - 1, "hato", &link));
	}
	assert_true(faults_next_us(f) == INT64_MAX);
	/* "Now" is a cut too. */
	begin("{\"what\":\"cut\"}", 1);
	assert_true(faults_next_us(f) == BEGAN);
	faults_turn(f, BEGAN);
	assert_true(faults_cut_due(f, "hato") && faults_next_us(f) == INT64_MAX);
	faults_turn(f, BEGAN + 1);
	assert_false(faults_cut_due(f, "hato"));
}

static void after_pdus(void **state)
{
	struct fault_link link = {0};
	struct fault_pdu pdu;
	unsigned counts[3] = {0};

	(void)state;
	begin("{\"what\":\"cut\",\"after_pdus\":3,\"answered\":true,\"down_s\":2}", 1);
	assert_true(faults_link_begin(f, BEGAN, "hato", &link));
	assert_false(faults_link_pdu(f, BEGAN, "hato", &link).cut);
	assert_false(faults_link_pdu(f, BEGAN, "hato", &link).cut);
	pdu = faults_link_pdu(f, BEGAN, "hato", &link);
	assert_true(pdu.cut && pdu.answer);
	assert_false(faults_link_begin(f, BEGAN + CLOCK_S, "hato", &link));
	assert_true(faults_link_begin(f, BEGAN + 2 * CLOCK_S, "hato", &link));
	assert_true(link.number == 2 && link.pdus == 0);
	/* Each link has its own number between the two. */
	begin("{\"what\":\"cut\",\"after_pdus\":1,\"to_pdus\":3}", 1);
	for (int i = 0; i < 300; i++) {
		unsigned pdus = 1;
		assert_true(faults_link_begin(f, BEGAN, "hato", &link));
		while (!faults_link_pdu(f, BEGAN, "hato", &link).cut)
			pdus++;
		assert_in_range(pdus, 1, 3);
		counts[pdus - 1]++;
	}
	for (int i = 0; i < 3; i++)
		assert_in_range(counts[i], 70, 130);
	/* A link that was there before the script counts from the script's beginning. */
	begin("{\"what\":\"cut\",\"after_pdus\":2}", 1);
	link.pdus = 1000;
	assert_false(faults_link_pdu(f, BEGAN, "hato", &link).cut);
	assert_true(faults_link_pdu(f, BEGAN, "hato", &link).cut);
}

static void says_nothing(void **state)
{
	struct fault_link link = {0};
	unsigned silent = 0;

	(void)state;
	begin("{\"what\":\"silence\",\"of\":\"all\",\"at\":10}", 1);
	assert_false(faults_link_pdu(f, BEGAN, "hato", &link).silent);
	struct fault_pdu pdu = faults_link_pdu(f, BEGAN + 10 * CLOCK_S, "hato", &link);
	assert_true(pdu.silent && !pdu.cut);
	assert_false(submit_at(10, "hato", "81").silent); /* the link's matter */
	begin("{\"what\":\"silence\",\"of\":\"all\",\"share\":0.25}", 1);
	for (int i = 0; i < 1000; i++)
		silent += faults_link_pdu(f, BEGAN, "hato", &link).silent;
	assert_in_range(silent, 210, 290);
}

/* ---- for whom, and when ---- */

static void scopes(void **state)
{
	(void)state;
	begin("{\"what\":\"refuse\",\"status\":8,\"account\":\"hato\",\"destination\":\"8190\","
	      "\"at\":10,\"until\":20}",
	      1);
	assert_true(submit_at(9, "hato", "819012").status == 0);
	assert_true(submit_at(10, "hato", "819012").status == 8);
	assert_true(submit_at(19, "hato", "8190").status == 8);
	assert_true(submit_at(20, "hato", "819012").status == 0);
	assert_true(submit_at(15, "other", "819012").status == 0);
	assert_true(submit_at(15, "hato", "8180").status == 0);
	assert_true(submit_at(15, "hato", "819").status == 0);
}

static unsigned struck(const char *fault, uint64_t seed)
{
	unsigned n = 0;

	begin(fault, seed);
	for (int i = 0; i < MESSAGES; i++) {
		char destination[16];
		snprintf(destination, sizeof destination, "8190%08d", i / 4);
		n += submit_at(0, "hato", destination).status != 0;
	}
	return n;
}

static void shares(void **state)
{
	(void)state;
	assert_in_range(struck("{\"what\":\"throttle\",\"share\":0.1}", 1), 340, 460);
	assert_int_equal(struck("{\"what\":\"throttle\",\"share\":0}", 1), 0);
	assert_int_equal(struck("{\"what\":\"throttle\",\"share\":1}", 1), MESSAGES);
	/* Two of a kind throw dice of their own each. */
	assert_in_range(struck("{\"what\":\"throttle\",\"share\":0.5},"
			       "{\"what\":\"throttle\",\"share\":0.5}",
			       1),
			2880, 3120);
	/* By destination all four of a phone, or none. */
	unsigned n = struck("{\"what\":\"throttle\",\"share\":0.1,\"per\":\"destination\"}", 1);
	assert_in_range(n, 280, 520);
	assert_int_equal(n % 4, 0);
}

/* An attempt of its own each, or one throw for all of a message's, or for all of a phone's. */
static void per(void **state)
{
	static const char *const faults[] = {
		"{\"what\":\"absent\",\"share\":0.5,\"per\":\"each\"}",
		"{\"what\":\"absent\",\"share\":0.5,\"per\":\"message\"}",
		"{\"what\":\"absent\",\"share\":0.5}",
	};
	unsigned changes[3][2] = {{0}};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		begin(faults[i], 5);
		for (int message = 0; message < 200; message++) {
			struct fault_subject who = subject("hato", "8190");
			static enum fault_outcome first, before;
			for (who.attempt = 1; who.attempt <= 3; who.attempt++) {
				enum fault_outcome is = faults_attempt(f, BEGAN, &who).outcome;
				if (who.attempt == 1) {
					changes[i][0] += message && is != first;
					first = is;
				} else {
					changes[i][1] += is != before;
				}
				before = is;
			}
		}
	}
	assert_true(changes[0][0] > 50 && changes[0][1] > 100);
	assert_true(changes[1][0] > 50 && changes[1][1] == 0);
	assert_true(changes[2][0] == 0 && changes[2][1] == 0);
}

/* ---- the same day ---- */

#define PHONES 50
#define EACH   8
static const char rough[] =
	"{\"what\":\"throttle\",\"share\":0.2},{\"what\":\"loss\",\"share\":0.1},"
	"{\"what\":\"silence\",\"share\":0.1},"
	"{\"what\":\"delay\",\"of\":\"submit_resp\",\"distribution\":\"exponential\","
	"\"mean_ms\":100}";

/* A day: two accounts, each to the same phones, EACH messages to each. What comes of message n of a
 * pair lies in day[account][phone][n]. */
struct fate {
	uint64_t how; /* without padding, so that days can be compared */
	int64_t delay_us;
};
typedef struct fate day[2][PHONES][EACH];

static void play_one(day d, size_t account, size_t phone, size_t n)
{
	static const char *const accounts[] = {"hato", "other"};
	char destination[16];

	snprintf(destination, sizeof destination, "8190%08zu", phone);
	struct fault_submit is = submit_at((int64_t)n, accounts[account], destination);
	d[account][phone][n] = (struct fate){
		is.status | (uint64_t)is.silent << 32 | (uint64_t)is.lost << 33, is.delay_us};
}

static void same_day(void **state)
{
	static day a, b, c, d;

	(void)state;
	memset(a, 0, sizeof a);
	memset(b, 0, sizeof b);
	begin(rough, 42);
	for (size_t n = 0; n < EACH; n++)
		for (size_t account = 0; account < 2; account++)
			for (size_t phone = 0; phone < PHONES; phone++)
				play_one(a, account, phone, n);
	/* The other way round: account for account, phone for phone, from the last one. */
	begin(rough, 42);
	for (size_t account = 2; account-- > 0;)
		for (size_t phone = PHONES; phone-- > 0;)
			for (size_t n = 0; n < EACH; n++)
				play_one(b, account, phone, n);
	assert_memory_equal(a, b, sizeof a);
	/* Another seed is another day. */
	begin(rough, 43);
	for (size_t n = 0; n < EACH; n++)
		for (size_t phone = 0; phone < PHONES; phone++)
			play_one(c, 0, phone, n);
	assert_memory_not_equal(a[0], c[0], sizeof a[0]);
	/* Faults of another kind beside them change nothing of their luck. */
	char more[1024];
	snprintf(more, sizeof more, "{\"what\":\"absent\"},{\"what\":\"duplicate\"},%s", rough);
	begin(more, 42);
	for (size_t n = 0; n < EACH; n++)
		for (size_t phone = 0; phone < PHONES; phone++)
			play_one(d, 0, phone, n);
	assert_memory_equal(a[0], d[0], sizeof a[0]);
	/* And the accounts have not the same luck. */
	assert_memory_not_equal(a[0], a[1], sizeof a[0]);
}

static void seeds(void **state)
{
	static struct fault_script script;
	char problem[FAULT_PROBLEM_MAX];
	static const char text[] = "{\"faults\":[{\"what\":\"throttle\",\"share\":0.5}]}";

	(void)state;
	assert_true(fault_script_parse(text, strlen(text), &script, problem));
	faults_begin(f, &script, BEGAN);
	assert_true(faults_script(f)->seed == 1); /* the setting's */
	assert_true(faults_elapsed_us(f, BEGAN + 5) == 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing),    cmocka_unit_test(refusals),
		cmocka_unit_test(above_rate), cmocka_unit_test(responses),
		cmocka_unit_test(deliveries), cmocka_unit_test(receipts),
		cmocka_unit_test(reorder),    cmocka_unit_test(by_clock),
		cmocka_unit_test(after_pdus), cmocka_unit_test(says_nothing),
		cmocka_unit_test(scopes),     cmocka_unit_test(shares),
		cmocka_unit_test(per),        cmocka_unit_test(same_day),
		cmocka_unit_test(seeds),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
