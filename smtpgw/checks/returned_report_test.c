/* What a notice proves, and what it does not. */
#include "smtpgw/checks/returned_report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/err.h"

#define RECEIVED INT64_C(1700000000)
#define VALID    1000
#define SENDER   7
#define MAIL     42

struct world {
	struct return_seal *seal;
	char text[RETURN_SEAL_MAX + 1]; /* for a@dead.example and b@dead.example */
	struct returned_rules rules;
	struct returned_report report;
};

static int set_up(void **state)
{
	static const char *const to[] = {"a@dead.example", "b@dead.example"};
	static const uint8_t key[SECRET_KEY_BYTES] = {1, 2, 3};
	const struct sealed_mail m = {.received_s = RECEIVED, .sender = SENDER, .mail = MAIL};
	struct world *w = calloc(1, sizeof *w);

	*state = w;
	if (!w || return_seal_new(key, &w->seal) ||
	    return_seal_write(w->seal, &m, to, 2, w->text) != 0)
		return -1;
	w->rules = (struct returned_rules){.seal = w->seal,
					   .to = SENDER,
					   .now_s = RECEIVED + VALID,
					   .valid_s = VALID,
					   .recipients_max = 100};
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	return_seal_free(w->seal);
	free(w);
	return 0;
}

/* A notice of these parts. */
static enum returned_verdict read_three(struct world *w, const char *of_mail, const char *blocks,
					const char *returned)
{
	char *text;
	int n = asprintf(&text,
			 "From: d\r\nContent-Type: multipart/report; boundary=x\r\n\r\n"
			 "--x\r\n\r\nIt failed.\r\n--x\r\nContent-Type: message/delivery-status\r\n"
			 "\r\nReporting-MTA: dns; out.example\r\n%s\r\n%s"
			 "\r\n--x\r\nContent-Type: text/rfc822-headers\r\n\r\n%s\r\n--x--\r\n",
			 of_mail, blocks, returned);

	assert_true(n > 0);
	assert_int_equal(
		returned_report_read(&w->rules, (const uint8_t *)text, (size_t)n, &w->report), 0);
	free(text);
	assert_int_equal(w->report.count > 0, w->report.verdict == RETURNED_DEAD);
	return w->report.verdict;
}

#define BLOCK(who, action, status)                                                                 \
	"Final-Recipient: rfc822; " who "\r\nAction: " action "\r\nStatus: " status "\r\n"
#define ANSWER "Remote-MTA: dns; mx.dead.example\r\nDiagnostic-Code: smtp; "
#define A_DEAD BLOCK("a@dead.example", "failed", "5.1.1")

static enum returned_verdict read_with_envid(struct world *w, const char *blocks)
{
	char field[200];

	snprintf(field, sizeof field, "Original-Envelope-Id: %s\r\n", w->text);
	return read_three(w, field, blocks, "Subject: x\r\n");
}

static void test_who_is_sealed_is_dead(void **state)
{
	struct world *w = *state;
	const struct returned_address *d = &w->report.dead[0];

	assert_int_equal(read_with_envid(w, A_DEAD ANSWER "550 5.1.1 <a@dead.example>: gone\r\n"),
			 RETURNED_DEAD);
	assert_int_equal(w->report.mail, MAIL);
	assert_int_equal(w->report.count, 1);
	assert_string_equal(d->address, "a@dead.example");
	assert_int_equal(d->code, 550);
	assert_string_equal(d->enhanced, "5.1.1");
	assert_string_equal(d->text, "<a@dead.example>: gone");
	assert_string_equal(d->remote, "mx.dead.example");
	/* Two of them, one twice, in another spelling. */
	assert_int_equal(
		read_with_envid(w, BLOCK("A@Dead.Example", "failed",
					 "5.1.1") "\r\n" A_DEAD "\r\n" BLOCK("b@dead.example",
									     "failed", "5.1.10")),
		RETURNED_DEAD);
	assert_int_equal(w->report.count, 2);
	assert_string_equal(w->report.dead[1].address, "b@dead.example");
	assert_int_equal(w->report.dead[1].code, 550);
}

static void test_the_seal_may_stand_in_the_returned_header(void **state)
{
	struct world *w = *state;
	char returned[500];

	snprintf(returned, sizeof returned,
		 "Received: x\r\n" RETURN_SEAL_FIELD
		 ": h1.somebody_elses\r\nhato-return-seal: %s\r\nSubject: x\r\n",
		 w->text);
	assert_int_equal(read_three(w, "Original-Envelope-Id: his own\r\n", A_DEAD, returned),
			 RETURNED_DEAD);
}

/* Whom we wrote to is the original recipient; Exim says 5.0.0 of everything. */
static void test_others_habits(void **state)
{
	struct world *w = *state;

	assert_int_equal(read_with_envid(w, "Original-Recipient: rfc822;a@dead.example\r\n" BLOCK(
						    "moved@far.example", "failed", "5.1.1")),
			 RETURNED_DEAD);
	assert_string_equal(w->report.dead[0].address, "a@dead.example");
	assert_int_equal(read_with_envid(w, BLOCK("a@dead.example", "failed", "5.0.0") ANSWER
					 "550 5.1.1 gone\r\n"),
			 RETURNED_DEAD);
	assert_string_equal(w->report.dead[0].enhanced, "5.1.1");
	assert_int_equal(read_with_envid(w, BLOCK("a@dead.example", "failed", "5.0.0") ANSWER
					 "550 gone\r\n"),
			 RETURNED_NOTHING);
}

static void test_what_proves_nothing(void **state)
{
	static const char *const blocks[] = {
		BLOCK("c@dead.example", "failed", "5.1.1"), /* not in the seal */
		BLOCK("a@dead.example", "delayed", "5.1.1"),
		BLOCK("a@dead.example", "relayed", "5.1.1"),
		BLOCK("a@dead.example", "", "5.1.1"),
		BLOCK("a@dead.example", "failed", "4.1.1"),
		BLOCK("a@dead.example", "failed", "5.2.1"),
		BLOCK("a@dead.example", "failed", "5.7.1") ANSWER "550 5.1.1 gone\r\n",
		BLOCK("a@dead.example", "failed", "5.1.1111111"),
		BLOCK("a@dead.example", "failed", ""),
		BLOCK("", "failed", "5.1.1"),
		BLOCK("a", "failed", "5.1.1"),
	};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
		assert_int_equal(read_with_envid(w, blocks[i]), RETURNED_NOTHING);
}

static void test_without_a_good_seal_nothing_counts(void **state)
{
	struct world *w = *state;
	char field[300];

	assert_int_equal(read_three(w, "", A_DEAD, "Subject: x\r\n"), RETURNED_UNSEALED);
	assert_int_equal(read_three(w, "Original-Envelope-Id: QQ314159\r\n", A_DEAD, ""),
			 RETURNED_UNSEALED);
	w->text[10] = w->text[10] == 'A' ? 'B' : 'A';
	assert_int_equal(read_with_envid(w, A_DEAD), RETURNED_FORGED);
	/* As the value of another field. */
	snprintf(field, sizeof field, "X-Original-Envelope-Id: %s\r\n", w->text);
	assert_int_equal(read_three(w, field, A_DEAD, field), RETURNED_UNSEALED);
}

static void test_whose_and_how_old(void **state)
{
	struct world *w = *state;

	w->rules.now_s++;
	assert_int_equal(read_with_envid(w, A_DEAD), RETURNED_EXPIRED);
	w->rules.now_s--;
	w->rules.to++;
	assert_int_equal(read_with_envid(w, A_DEAD), RETURNED_FOREIGN);
	w->rules.to--;
	assert_int_equal(read_with_envid(w, A_DEAD), RETURNED_DEAD);
}

static void test_ten_thousand_recipients(void **state)
{
	static const char other[] = BLOCK("c@dead.example", "failed", "5.1.1") "\r\n";
	struct world *w = *state;
	size_t n = 10000, len = sizeof other - 1;
	char *blocks = malloc(n * len + sizeof A_DEAD);

	assert_non_null(blocks);
	for (size_t i = 0; i < n; i++)
		memcpy(blocks + i * len, other, len);
	memcpy(blocks + n * len, A_DEAD, sizeof A_DEAD);
	assert_int_equal(read_with_envid(w, blocks), RETURNED_NOTHING);
	assert_int_equal(read_with_envid(w, blocks + (n - 99) * len), RETURNED_DEAD);
	assert_int_equal(read_with_envid(w, blocks + (n - 100) * len), RETURNED_NOTHING);
	free(blocks);
}

static void test_what_is_no_report(void **state)
{
	static const char *const mails[] = {"", "\r\n", "Subject: hello\r\n\r\nbody\r\n",
					    "Content-Type: multipart/report; boundary=x\r\n\r\n"};
	struct world *w = *state;

	for (size_t i = 0; i < sizeof mails / sizeof *mails; i++) {
		assert_int_equal(returned_report_read(&w->rules, (const uint8_t *)mails[i],
						      strlen(mails[i]), &w->report),
				 0);
		assert_int_equal(w->report.verdict, RETURNED_UNSEALED);
	}
}

static void test_texts_are_made_harmless(void **state)
{
	struct world *w = *state;

	assert_int_equal(read_with_envid(w, A_DEAD "Remote-MTA: dns; mx\x01\xff\r\n"
						   "Diagnostic-Code: x-unix; no \x1b user\r\n"),
			 RETURNED_DEAD);
	assert_string_equal(w->report.dead[0].remote, "mx??");
	assert_string_equal(w->report.dead[0].text, "no ? user");
	assert_int_equal(w->report.dead[0].code, 550);
}

#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_WORLD(test_who_is_sealed_is_dead),
		IN_WORLD(test_the_seal_may_stand_in_the_returned_header),
		IN_WORLD(test_others_habits),
		IN_WORLD(test_what_proves_nothing),
		IN_WORLD(test_without_a_good_seal_nothing_counts),
		IN_WORLD(test_whose_and_how_old),
		IN_WORLD(test_ten_thousand_recipients),
		IN_WORLD(test_what_is_no_report),
		IN_WORLD(test_texts_are_made_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
