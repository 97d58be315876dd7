#include "lib/wire/smtp/dsn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lib/err.h"
#include "lib/wire/smtp/header.h"

#define ORIGINAL                                                                                   \
	"Received: from a by b\r\n\tid x\r\nMessage-ID: <m1@phone.example>\r\nSubject: s\r\n\r\n"  \
	"The body.\r\n"

static const struct dsn_recipient nobody = {
	.address = "nobody@dead.example",
	.orcpt = "rfc822;No body@dead.example",
	.status = "5.1.1",
	.code = 550,
	.enhanced = "5.1.1",
	.text = "No such user here, at all, whatever one may say and however often one asks",
	.remote = "mx.dead.example [192.0.2.25]",
	.attempt_s = 1325376060,
};

static struct dsn plain(void)
{
	return (struct dsn){
		.action = DSN_FAILED,
		.hostname = "mx.spmail.example",
		.to = "taro@spmail.example",
		.message_id = "7.1.f@mx.spmail.example",
		.envid = "env 1",
		.arrival_s = 1325376000,
		.now_s = 1325376061,
		.original = (const uint8_t *)ORIGINAL,
		.original_len = sizeof ORIGINAL - 1,
		.return_max = 1000,
		.recipients = &nobody,
		.count = 1,
	};
}

/* As a C string. */
static char *written(const struct dsn *d, struct dsn_letter *letter)
{
	assert_int_equal(dsn_write(d, letter), 0);
	char *text = malloc(letter->size + 1);
	assert_non_null(text);
	memcpy(text, letter->octets, letter->size);
	text[letter->size] = '\0';
	assert_int_equal(strlen(text), letter->size);
	free(letter->octets);
	for (const char *at = text; *at; at++) /* CRLF and nothing else */
		assert_true((*at == '\n') == (at > text && at[-1] == '\r') &&
			    (*at != '\r' || at[1] == '\n'));
	return text;
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in:\n%s", part, text);
}

static void test_a_bounce(void **state)
{
	static const char *const parts[] = {
		"From: Mail Delivery System <MAILER-DAEMON@mx.spmail.example>\r\n",
		"\r\nTo: <taro@spmail.example>\r\n",
		"\r\nMessage-ID: <7.1.f@mx.spmail.example>\r\n",
		"\r\nIn-Reply-To: <m1@phone.example>\r\nReferences: <m1@phone.example>\r\n",
		"\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n",
		"\r\nDate: Sun, 01 Jan 2012 00:01:01 +0000\r\n",
		"multipart/report; report-type=delivery-status;",
		"Content-Type: text/plain; charset=ISO-2022-JP\r\n\r\n\033$B",
		"  Reason: there is no such address\r\n",
		"\r\nContent-Type: message/delivery-status\r\n\r\n"
		"Reporting-MTA: dns; mx.spmail.example\r\n"
		"Original-Envelope-Id: env 1\r\n"
		"Arrival-Date: Sun, 01 Jan 2012 00:00:00 +0000\r\n"
		"\r\n"
		"Original-Recipient: rfc822; No body@dead.example\r\n"
		"Final-Recipient: rfc822; nobody@dead.example\r\n"
		"Action: failed\r\n"
		"Status: 5.1.1\r\n"
		"Remote-MTA: dns; mx.dead.example\r\n"
		"Diagnostic-Code: smtp; 550 5.1.1 No such user here, at all, whatever one may\r\n"
		" say and however often one asks\r\n"
		"Last-Attempt-Date: Sun, 01 Jan 2012 00:01:00 +0000\r\n"
		"\r\n--",
		"\r\nContent-Type: text/rfc822-headers\r\n\r\n"
		"Received: from a by b\r\n\tid x\r\nMessage-ID: <m1@phone.example>\r\n"
		"Subject: s\r\n\r\n--",
	};
	struct dsn d = plain();
	struct dsn_letter letter;
	char *text = written(&d, &letter);

	(void)state;
	assert_false(letter.is_8bit || letter.is_utf8);
	for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
		assert_has(text, parts[i]);
	assert_null(strstr(text, "Will-Retry-Until"));
	assert_null(strstr(text, "The body."));
	free(text);
}

static void test_a_delay(void **state)
{
	struct dsn_recipient r = nobody;
	struct dsn d = plain();
	struct dsn_letter letter;

	(void)state;
	r.status = r.enhanced = "4.4.1";
	r.code = 0;
	r.text = "no answer";
	r.orcpt = "";
	r.retry_until = 1325376000 + 2 * 86400;
	d.action = DSN_DELAYED;
	d.recipients = &r;
	char *text = written(&d, &letter);
	assert_has(text, "Subject: Mail is delayed\r\n =?ISO-2022-JP?B?");
	assert_has(text,
		   "Action: delayed\r\nStatus: 4.4.1\r\nDiagnostic-Code: x-hato; no answer\r\n");
	assert_has(text, "\r\nWill-Retry-Until: Tue, 03 Jan 2012 00:00:00 +0000\r\n");
	assert_has(text, "  It will be tried until: Tue, 03 Jan 2012 00:00:00 +0000\r\n");
	assert_null(strstr(text, "Original-Recipient"));
	assert_null(strstr(text, "Remote-MTA"));
	free(text);
}

static void test_all_of_the_mail(void **state)
{
	struct dsn d = plain();
	struct dsn_letter letter;

	(void)state;
	d.returns_all = true;
	char *text = written(&d, &letter);
	assert_has(text, "Content-Type: message/rfc822\r\n\r\n" ORIGINAL "\r\n--");
	free(text);
}

/* Whole fields only, whatever the limit. */
static void test_a_long_header_is_cut(void **state)
{
	struct dsn d = plain();
	struct dsn_letter letter;

	(void)state;
	d.return_max = 29; /* in the second line of Received */
	char *text = written(&d, &letter);
	assert_has(text, "text/rfc822-headers\r\n\r\n\r\n--");
	assert_has(text, "In-Reply-To: <m1@phone.example>"); /* found all the same */
	free(text);
	d.return_max = 40;
	text = written(&d, &letter);
	assert_has(text, "text/rfc822-headers\r\n\r\nReceived: from a by b\r\n\tid x\r\n\r\n--");
	free(text);
}

static void test_not_ascii(void **state)
{
	struct dsn_recipient r = nobody;
	struct dsn d = plain();
	struct dsn_letter letter;

	(void)state;
	r.address = "\xe9\xb3\xa9@dead.example";
	d.recipients = &r;
	d.is_utf8 = true;
	char *text = written(&d, &letter);
	assert_true(letter.is_8bit && letter.is_utf8);
	assert_has(text, "text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: 8bit\r\n");
	assert_has(text, "Content-Type: message/global-delivery-status\r\n");
	assert_has(text, "Final-Recipient: utf-8; \xe9\xb3\xa9@dead.example\r\n");
	assert_has(text, "Content-Type: message/global-headers\r\n");
	free(text);

	d.is_utf8 = false; /* it cannot be, but if it were */
	text = written(&d, &letter);
	assert_false(letter.is_8bit || letter.is_utf8);
	assert_has(text, "Final-Recipient: utf-8; ?@dead.example\r\n");
	free(text);

	d.recipients = &nobody; /* SMTPUTF8 was said and not needed */
	d.is_utf8 = true;
	text = written(&d, &letter);
	assert_false(letter.is_8bit || letter.is_utf8);
	free(text);
}

/* 8-bit header without SMTPUTF8, as it goes round in Japan. */
static void test_a_header_of_shift_jis(void **state)
{
	static const char original[] = "Subject: \x94\xb5\r\n\r\nx\r\n";
	struct dsn d = plain();
	struct dsn_letter letter;

	(void)state;
	d.original = (const uint8_t *)original;
	d.original_len = sizeof original - 1;
	char *text = written(&d, &letter);
	assert_true(letter.is_8bit && !letter.is_utf8);
	assert_has(text, "Content-Type: text/rfc822-headers\r\nContent-Transfer-Encoding: 8bit\r\n"
			 "\r\nSubject: \x94\xb5\r\n");
	assert_null(strstr(text, "In-Reply-To"));
	free(text);
}

static void test_nothing_can_be_smuggled(void **state)
{
	static const char original[] = "Message-ID: <a b>\r\nMessage-ID: <x\x01y>\r\n\r\n";
	struct dsn_recipient r = nobody;
	struct dsn d = plain();
	struct dsn_letter letter;

	(void)state;
	r.address = "a\r\nBcc: b@c";
	r.text = "x\r\nSubject: y";
	r.remote = "h\nq [1]";
	d.recipients = &r;
	d.envid = "e\r\n\r\nf";
	d.original = (const uint8_t *)original;
	d.original_len = sizeof original - 1;
	char *text = written(&d, &letter);
	assert_null(strstr(text, "\nBcc"));
	assert_null(strstr(text, "\nSubject: y"));
	assert_null(strstr(text, "In-Reply-To"));
	assert_has(text, "Original-Envelope-Id: e????f\r\n");
	free(text);
}

static void test_the_boundary_is_not_in_the_mail(void **state)
{
	struct dsn d = plain();
	struct dsn_letter letter;
	char boundary[64], original[200];

	(void)state;
	char *text = written(&d, &letter);
	assert_int_equal(sscanf(strstr(text, "boundary="), "boundary=\"%63[^\"]", boundary), 1);
	free(text);
	snprintf(original, sizeof original, "X: y\r\n\r\n--%s--\r\n", boundary);
	d.original = (const uint8_t *)original;
	d.original_len = strlen(original);
	d.returns_all = true;
	text = written(&d, &letter);
	assert_has(text, original);
	size_t seen = 0;
	for (const char *at = text; (at = strstr(at, boundary)); at++)
		seen++;
	assert_int_equal(seen, 1);
	free(text);
}

/* ---- reading ---- */

struct heard {
	unsigned mails, recipients;
	struct dsn_of_mail mail;
	struct dsn_of_recipient last;
	char message_id[100];
	unsigned fields; /* of the mail that was returned */
	bool has_subject;
};

static void on_mail(void *arg, const struct dsn_of_mail *mail)
{
	struct heard *h = arg;

	assert_int_equal(h->recipients, 0);
	h->mails++;
	h->mail = *mail;
}

static void on_recipient(void *arg, const struct dsn_of_recipient *recipient)
{
	struct heard *h = arg;

	assert_int_equal(h->mails, 1);
	h->recipients++;
	h->last = *recipient;
}

static void on_message_id(void *arg, const char *id)
{
	struct heard *h = arg;

	snprintf(h->message_id, sizeof h->message_id, "%s", id);
}

static void on_field(void *arg, const struct header_field *field)
{
	struct heard *h = arg;

	assert_string_equal(h->message_id, ""); /* comes behind them all */
	h->fields++;
	h->has_subject |= header_is(field, "Subject");
}

static const struct dsn_listener listener = {on_mail, on_recipient, on_message_id, on_field};

static int hear(const char *text, struct heard *h)
{
	memset(h, 0, sizeof *h);
	return dsn_read((const uint8_t *)text, strlen(text), &listener, h);
}

static void test_what_is_written_can_be_read(void **state)
{
	struct dsn_recipient two[] = {nobody, nobody};
	struct dsn d = plain();
	struct dsn_letter letter;
	struct heard h;

	(void)state;
	two[1].address = "a@b.example";
	two[1].text = "short";
	d.recipients = two;
	d.count = 2;
	for (int all = 0; all < 2; all++) {
		d.returns_all = all;
		char *text = written(&d, &letter);
		assert_int_equal(hear(text, &h), 0);
		free(text);
		assert_int_equal(h.mails, 1);
		assert_int_equal(h.recipients, 2);
		assert_string_equal(h.mail.reporter.type, "dns");
		assert_string_equal(h.mail.reporter.text, "mx.spmail.example");
		assert_string_equal(h.mail.envid, "env 1");
		assert_int_equal(h.last.action, DSN_FAILED);
		assert_string_equal(h.last.status, "5.1.1");
		assert_string_equal(h.last.final.type, "rfc822");
		assert_string_equal(h.last.final.text, "a@b.example");
		assert_string_equal(h.last.original.text, "No body@dead.example");
		assert_string_equal(h.last.remote.text, "mx.dead.example");
		assert_string_equal(h.last.diagnostic.type, "smtp");
		assert_string_equal(h.last.diagnostic.text, "550 5.1.1 short");
		assert_string_equal(h.message_id, "<m1@phone.example>");
		assert_int_equal(h.fields, 3);
		assert_true(h.has_subject);
	}
}

#define REPORT(type, status)                                                                       \
	"Content-Type: " type "; report-type=delivery-status;\r\n Boundary=\"a \\\"b\"\r\n\r\n"    \
	"--a \"b\r\n\r\nfor people\r\n--a \"b\r\nContent-Type: "                                   \
	"message/delivery-status\r\n\r\n" status "--a \"b--\r\n"

static const struct {
	const char *text;
	int err;
	unsigned recipients;
	enum dsn_action action;
	const char *final, *status;
} reports[] = {
	{REPORT("multipart/report",
		"Reporting-MTA: dns; x\r\n\r\nFinal-Recipient: RFC822; <a@b>\r\n"
		"Action: Failed (hard)\r\nStatus: 5.1.1 (x)\r\n"),
	 0, 1, DSN_FAILED, "a@b", "5.1.1"},
	/* more empty lines than there should be, and a block that tells of nobody */
	{REPORT("multipart/Report",
		"Reporting-MTA: dns; x\r\n\r\n\r\n\r\nFinal-Recipient: a@b\r\nAction: "
		"delayed\r\n\r\n"
		"X-Y: z\r\n\r\nFinal-Recipient: rfc822 ; c@d\r\nAction: odd\r\n\r\n"),
	 0, 2, DSN_ACTIONS, "c@d", ""},
	/* nothing of the mail itself */
	{REPORT("multipart/report", "Final-Recipient: rfc822;a@b\r\nAction: relayed\r\n"), 0, 1,
	 DSN_RELAYED, "a@b", ""},
	{REPORT("multipart/mixed", "Final-Recipient: rfc822;a@b\r\n"), E_NOT_FOUND, 0, 0, 0, 0},
	{REPORT("multipart/report", "Undeliverable, sorry.\r\n\r\n"), E_NOT_FOUND, 0, 0, 0, 0},
	{"Content-Type: multipart/report\r\n\r\nno boundary\r\n", E_NOT_FOUND, 0, 0, 0, 0},
	{"Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\n", E_NOT_FOUND, 0, 0, 0, 0},
	{"Subject: hello\r\n\r\nFinal-Recipient: rfc822;a@b\r\n", E_NOT_FOUND, 0, 0, 0, 0},
	{"", E_NOT_FOUND, 0, 0, 0, 0},
};

static void test_reports_of_others(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof reports / sizeof reports[0]; i++) {
		struct heard h;
		int err = hear(reports[i].text, &h);
		if (err != reports[i].err || h.recipients != reports[i].recipients)
			fail_msg("row %zu: %d, %u", i, err, h.recipients);
		if (err)
			continue;
		assert_int_equal(h.last.action, reports[i].action);
		assert_string_equal(h.last.final.text, reports[i].final);
		assert_string_equal(h.last.status, reports[i].status);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_bounce),
		cmocka_unit_test(test_a_delay),
		cmocka_unit_test(test_all_of_the_mail),
		cmocka_unit_test(test_a_long_header_is_cut),
		cmocka_unit_test(test_not_ascii),
		cmocka_unit_test(test_a_header_of_shift_jis),
		cmocka_unit_test(test_nothing_can_be_smuggled),
		cmocka_unit_test(test_the_boundary_is_not_in_the_mail),
		cmocka_unit_test(test_what_is_written_can_be_read),
		cmocka_unit_test(test_reports_of_others),
	};

	return cmocka_run_group_tests_name("dsn", tests, NULL, NULL);
}
