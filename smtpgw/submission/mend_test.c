#include "smtpgw/submission/mend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define DATE     "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n"
#define ID       "Message-ID: <s.1@mx.test>\r\n"
#define BOTH     "Date: d\r\nMessage-ID: i\r\n"
#define OWN      "From: <taro@ours.test>\r\n"

static struct subscriber owner;
static struct mailaddr own;
static struct mend_rules rules = {
	.owner = &owner,
	.own = &own,
	.hostname = "mx.test",
	.id = "s.1",
	.limits = {.field_max = 200, .octets_max = 2000, .fields_max = 20},
};

struct out {
	char text[8192];
	size_t n;
};

static void write_out(void *arg, const uint8_t *run, size_t n)
{
	struct out *o = arg;

	assert_true(n > 0 && o->n + n < sizeof o->text);
	memcpy(o->text + o->n, run, n);
	o->n += n;
	o->text[o->n] = '\0';
}

static enum mend_verdict run(const char *in, bool rewrites, size_t step, struct out *out)
{
	struct mend m;
	size_t n = strlen(in);

	*out = (struct out){0};
	rules.rewrites = rewrites;
	mend_begin(&m, &rules, write_out, out);
	for (size_t at = 0; at < n; at += step)
		mend_octets(&m, (const uint8_t *)in + at, n - at < step ? n - at : step);
	enum mend_verdict v = mend_finish(&m);
	mend_end(&m);
	return v;
}

static const struct {
	const char *in, *out; /* out null: refused */
	enum mend_verdict verdict;
	const char *rewritten; /* null: as `out`; or refused all the same */
} cases[] = {
	{"", OWN DATE ID, 0, 0},
	{"\r\n", OWN DATE ID "\r\n", 0, 0},
	{"\r\nbody\r\n", OWN DATE ID "\r\nbody\r\n", 0, 0},
	{"From: taro@ours.test\r\n" BOTH "\r\nBcc: x\r\n",
	 "From: taro@ours.test\r\n" BOTH "\r\nBcc: x\r\n", 0, 0},
	{"DATE : d\r\nmessage-id: i\r\nFROM: Taro\r\n <TARO@Ours.Test>\r\n\r\n",
	 "DATE : d\r\nmessage-id: i\r\nFROM: Taro\r\n <TARO@Ours.Test>\r\n\r\n", 0, 0},
	{OWN "Date: d\r\n\r\n", OWN "Date: d\r\n" ID "\r\n", 0, 0},
	{OWN "Message-ID: i\r\n\r\n", OWN "Message-ID: i\r\n" DATE "\r\n", 0, 0},
	/* what is left out */
	{OWN "Bcc: a@b,\r\n c@d\r\nTo: e@f\r\nbCC:\r\nResent-Bcc: x\r\n" BOTH "\r\n",
	 OWN "To: e@f\r\n" BOTH "\r\n", 0, 0},
	{OWN "Bcc : a@b\r\n" BOTH "\r\n", OWN BOTH "\r\n", 0, 0},
	{OWN "Authentication-Results: mx.test; dmarc=pass\r\nReturn-Path: <x@y>\r\n" BOTH "\r\n",
	 OWN BOTH "\r\n", 0, 0},
	{OWN "Bcc-Not: x\r\nXBcc: y\r\n" BOTH "\r\n", OWN "Bcc-Not: x\r\nXBcc: y\r\n" BOTH "\r\n",
	 0, 0},
	/* who sends */
	{"From: \"T\" <taro@ours.test>, second..dots.@ours.test\r\n" BOTH "\r\n",
	 "From: \"T\" <taro@ours.test>, second..dots.@ours.test\r\n" BOTH "\r\n", 0, 0},
	{"From: \"second..dots.\"@ours.test\r\n" BOTH "\r\n",
	 "From: \"second..dots.\"@ours.test\r\n" BOTH "\r\n", 0, 0},
	{"From: jiro@ours.test\r\n" BOTH "\r\n", 0, MEND_FOREIGN, OWN BOTH "\r\n"},
	{"From: \"taro@ours.test\" <jiro@ours.test>\r\n" BOTH "\r\n", 0, MEND_FOREIGN,
	 OWN BOTH "\r\n"},
	{"From: taro@ours.test, jiro@ours.test\r\n" BOTH "\r\n", 0, MEND_FOREIGN, OWN BOTH "\r\n"},
	{"From: taro@ours.test (\r\n" BOTH "\r\n", 0, MEND_FOREIGN, OWN BOTH "\r\n"},
	{"From: <taro@ours.test> <jiro@ours.test>\r\n" BOTH "\r\n", 0, MEND_FOREIGN,
	 OWN BOTH "\r\n"},
	{"From:\r\n" BOTH "\r\n", 0, MEND_FOREIGN, OWN BOTH "\r\n"},
	{"From: undisclosed:;\r\n" BOTH "\r\n", 0, MEND_FOREIGN, OWN BOTH "\r\n"},
	{"From: x: taro@ours.test;\r\n" BOTH "\r\n", 0, MEND_FOREIGN, OWN BOTH "\r\n"},
	{OWN "from: jiro@ours.test\r\n" BOTH "\r\n", 0, MEND_FOREIGN, OWN BOTH "\r\n"},
	{OWN OWN BOTH "\r\n", 0, MEND_FOREIGN, OWN BOTH "\r\n"},
	{"From : jiro@ours.test\r\n" BOTH "\r\n", 0, MEND_FOREIGN, OWN BOTH "\r\n"},
	{OWN "Sender: <taro@ours.test>\r\n" BOTH "\r\n",
	 OWN "Sender: <taro@ours.test>\r\n" BOTH "\r\n", 0, 0},
	{OWN "Sender: jiro@ours.test\r\n" BOTH "\r\n", 0, MEND_FOREIGN,
	 OWN "Sender: <taro@ours.test>\r\n" BOTH "\r\n"},
	{OWN "Resent-From: jiro@ours.test\r\n" BOTH "\r\n", 0, MEND_FOREIGN,
	 OWN "Resent-From: <taro@ours.test>\r\n" BOTH "\r\n"},
	{OWN "Reply-To: jiro@ours.test\r\n" BOTH "\r\n",
	 OWN "Reply-To: jiro@ours.test\r\n" BOTH "\r\n", 0, 0},
	/* no fields */
	{"just text\r\n", 0, MEND_NO_FIELD, 0},
	{OWN "just text\r\nFrom: jiro@ours.test\r\n\r\n", 0, MEND_NO_FIELD, 0},
	{" From: taro@ours.test\r\n\r\n", 0, MEND_NO_FIELD, 0},
	{"From jiro Thu\r\n" OWN "\r\n", 0, MEND_NO_FIELD, 0},
};

static void fields(void **state)
{
	struct out out;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		for (int rewrites = 0; rewrites < 2; rewrites++)
			for (size_t step = 1; step < 9; step += 2) {
				const char *want = rewrites && cases[i].rewritten
							   ? cases[i].rewritten
							   : cases[i].out;
				enum mend_verdict v = run(cases[i].in, rewrites, step, &out);
				if (v != (want ? MEND_GOOD : cases[i].verdict) ||
				    (want && strcmp(out.text, want) != 0))
					fail_msg("%s: %d %s", cases[i].in, v, out.text);
			}
}

static void long_fields(void **state)
{
	char in[4096], field[301];
	struct out out;

	(void)state;
	memset(field, 'x', sizeof field - 1);
	field[sizeof field - 1] = '\0';
	snprintf(in, sizeof in, OWN BOTH "Subject: %s\r\nBcc: %s\r\nTo: t\r\n\r\n", field, field);
	assert_int_equal(run(in, false, 7, &out), MEND_GOOD);
	snprintf(in, sizeof in, OWN BOTH "Subject: %s\r\nTo: t\r\n\r\n", field);
	assert_string_equal(out.text, in);
	snprintf(in, sizeof in, "From: taro@ours.test,\r\n %s\r\n" BOTH "\r\n", field);
	assert_int_equal(run(in, false, 7, &out), MEND_TOO_LARGE);
	assert_int_equal(run(in, true, 7, &out), MEND_GOOD);
	assert_string_equal(out.text, OWN BOTH "\r\n");
}

static void bombs(void **state)
{
	char in[4096] = OWN;
	struct out out;

	(void)state;
	for (int i = 0; i < 20; i++)
		strcat(in, "X: y\r\n");
	assert_int_equal(run(in, true, 64, &out), MEND_TOO_LARGE);
	strcpy(in, "X: ");
	memset(in + 3, 'x', 3000);
	in[3003] = '\0';
	assert_int_equal(run(in, true, 64, &out), MEND_TOO_LARGE);
	assert_true(out.n <= 2000);
}

static int open_owner(void **state)
{
	(void)state;
	owner = (struct subscriber){.id = 5, .address_count = 2};
	strcpy(owner.addresses[0].shown, "taro@ours.test");
	strcpy(owner.addresses[0].canonical, "taro@ours.test");
	strcpy(owner.addresses[1].shown, "second..dots.@ours.test");
	strcpy(owner.addresses[1].canonical, "second..dots.@ours.test");
	mend_own_address(&owner, 0, &own);
	return 0;
}

static void own_address(void **state)
{
	struct mailaddr a;
	char text[MAILADDR_TEXT_MAX + 1];

	(void)state;
	mend_own_address(&owner, 1, &a);
	assert_string_equal(mailaddr_format(&a, text), "\"second..dots.\"@ours.test");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),
		cmocka_unit_test(long_fields),
		cmocka_unit_test(bombs),
		cmocka_unit_test(own_address),
	};

	return cmocka_run_group_tests(tests, open_owner, NULL);
}
