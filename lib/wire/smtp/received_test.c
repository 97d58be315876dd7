#include "lib/wire/smtp/received.h"
#include "lib/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct mailaddr address(const char *text)
{
	struct mailaddr a;

	assert_int_equal(mailaddr_parse(text, strlen(text), MAILADDR_UTF8, &a), 0);
	return a;
}

static void test_date(void **state)
{
	static const struct {
		int64_t time_s;
		const char *text;
	} rows[] = {{0, "Thu, 01 Jan 1970 00:00:00 +0000"},
		    {-1, "Wed, 31 Dec 1969 23:59:59 +0000"},
		    {1324310400, "Mon, 19 Dec 2011 16:00:00 +0000"},
		    {951782400, "Tue, 29 Feb 2000 00:00:00 +0000"},
		    {4107542400, "Mon, 01 Mar 2100 00:00:00 +0000"},
		    {2147483648, "Tue, 19 Jan 2038 03:14:08 +0000"},
		    {INT64_C(253402300799), "Fri, 31 Dec 9999 23:59:59 +0000"},
		    {INT64_C(-62167219200), "Sat, 01 Jan 0000 00:00:00 +0000"}};
	char buf[RFC5322_DATE_MAX + 1];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(rfc5322_date_format(rows[i].time_s, buf), 0);
		assert_string_equal(buf, rows[i].text);
	}
	strcpy(buf, "untouched");
	assert_int_equal(rfc5322_date_format(INT64_C(253402300800), buf), E_RANGE);
	assert_int_equal(rfc5322_date_format(INT64_C(-62167219201), buf), E_RANGE);
	assert_int_equal(rfc5322_date_format(INT64_MAX, buf), E_RANGE);
	assert_int_equal(rfc5322_date_format(INT64_MIN, buf), E_RANGE);
	assert_string_equal(buf, "untouched");
}

/* The C library's calendar agrees, day by day and around. */
static void test_date_against_libc(void **state)
{
	(void)state;
	for (int64_t t = INT64_C(-62167219200); t < INT64_C(253402300800); t += 86400 * 3 + 4567) {
		char ours[RFC5322_DATE_MAX + 1], theirs[64];
		time_t libc_time = (time_t)t;
		struct tm tm;
		gmtime_r(&libc_time, &tm);
		size_t n = strftime(theirs, sizeof theirs, "%a, %d %b ", &tm);
		n += (size_t)snprintf(theirs + n, sizeof theirs - n, "%04d ", tm.tm_year + 1900);
		strftime(theirs + n, sizeof theirs - n, "%H:%M:%S +0000", &tm);
		assert_int_equal(rfc5322_date_format(t, ours), 0);
		assert_string_equal(ours, theirs);
	}
}

static void test_with(void **state)
{
	static const struct {
		unsigned how;
		const char *name;
	} rows[] = {
		{0, "SMTP"},
		{RECEIVED_EXTENDED, "ESMTP"},
		{RECEIVED_TLS, "ESMTPS"},
		{RECEIVED_EXTENDED | RECEIVED_TLS, "ESMTPS"},
		{RECEIVED_EXTENDED | RECEIVED_AUTH, "ESMTPA"},
		{RECEIVED_EXTENDED | RECEIVED_TLS | RECEIVED_AUTH, "ESMTPSA"},
		{RECEIVED_LMTP, "LMTP"},
		{RECEIVED_LMTP | RECEIVED_TLS, "LMTPS"},
		{RECEIVED_LMTP | RECEIVED_EXTENDED | RECEIVED_AUTH, "LMTPA"},
		{RECEIVED_LMTP | RECEIVED_TLS | RECEIVED_AUTH, "LMTPSA"},
		{RECEIVED_UTF8 | RECEIVED_EXTENDED, "UTF8SMTP"},
		{RECEIVED_UTF8 | RECEIVED_TLS, "UTF8SMTPS"},
		{RECEIVED_UTF8 | RECEIVED_AUTH, "UTF8SMTPA"},
		{RECEIVED_UTF8 | RECEIVED_TLS | RECEIVED_AUTH, "UTF8SMTPSA"},
		{RECEIVED_UTF8 | RECEIVED_LMTP, "UTF8LMTP"},
		{RECEIVED_UTF8 | RECEIVED_LMTP | RECEIVED_TLS | RECEIVED_AUTH, "UTF8LMTPSA"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(received_with(rows[i].how), rows[i].name);
}

static void assert_received(const struct received *r, const char *want)
{
	for (size_t size = 0; size <= strlen(want) + 1; size++) {
		char *buf = malloc(size + !size);
		int n = received_format(r, buf, size);
		if (n != (size > strlen(want) ? (int)strlen(want) : E_TOO_LARGE))
			fail_msg("size %zu: %d", size, n);
		if (n > 0)
			assert_string_equal(buf, want);
		free(buf);
	}
}

#define EPOCH "\r\n\tThu, 01 Jan 1970 00:00:00 +0000\r\n"

static void test_received(void **state)
{
	struct mailaddr ascii = address("a.@docomo.ne.jp"), utf8 = address("\xe7\x94\xb0@b");
	struct received r = {.helo = "mail.example",
			     .ip = "192.0.2.1",
			     .by = "mx.example",
			     .how = RECEIVED_EXTENDED | RECEIVED_TLS,
			     .id = "42-x_Y"};

	(void)state;
	assert_received(&r, "Received: from mail.example ([192.0.2.1])"
			    "\r\n\tby mx.example with ESMTPS id 42-x_Y;" EPOCH);
	r.rdns = "Host.example";
	r.rcpt = &ascii;
	assert_received(&r, "Received: from mail.example (Host.example [192.0.2.1])"
			    "\r\n\tby mx.example with ESMTPS id 42-x_Y"
			    "\r\n\tfor <\"a.\"@docomo.ne.jp>;" EPOCH);
	r.rcpt = &utf8;
	r.ip = "2001:db8::1";
	assert_received(&r, "Received: from mail.example (Host.example [IPv6:2001:db8::1])"
			    "\r\n\tby mx.example with ESMTPS id 42-x_Y;" EPOCH);
	r.how = RECEIVED_UTF8 | RECEIVED_LMTP;
	r.ip = NULL;
	r.helo = NULL;
	assert_received(&r, "Received: from unknown"
			    "\r\n\tby mx.example with UTF8LMTP id 42-x_Y"
			    "\r\n\tfor <\xe7\x94\xb0@b>;" EPOCH);
	r.time_s = INT64_MAX;
	char buf[RECEIVED_MAX];
	assert_int_equal(received_format(&r, buf, sizeof buf), E_RANGE);
}

static void test_hostile_names(void **state)
{
	struct received r = {.helo = "a)\r\nX: y (\x01\xe3\x81\"\\<@>;,",
			     .rdns = "b]) by evil\n c",
			     .ip = "192.0.2.1",
			     .by = "mx",
			     .id = "1"};

	(void)state;
	assert_received(&r, "Received: from a???X:?y???????????? (b???by?evil??c [192.0.2.1])"
			    "\r\n\tby mx with SMTP id 1;" EPOCH);
	r.helo = "[IPv6:2001:db8::1]";
	r.rdns = "a[192.0.2.9]";
	r.by = "a:b";
	assert_received(&r, "Received: from [IPv6:2001:db8::1] (a?192.0.2.9? [192.0.2.1])"
			    "\r\n\tby a?b with SMTP id 1;" EPOCH);
	r.by = "mx";
	r.helo = "";
	r.rdns = NULL;
	assert_received(&r, "Received: from unknown ([192.0.2.1])"
			    "\r\n\tby mx with SMTP id 1;" EPOCH);
}

static void test_widest(void **state)
{
	char name[2000], buf[RECEIVED_MAX], path[RETURN_PATH_MAX + 1];
	struct mailaddr a = {.is_utf8 = false};

	(void)state;
	memset(name, ':', sizeof name - 1);
	name[sizeof name - 1] = '\0';
	memset(a.local, '\\', MAILADDR_LOCAL_MAX);
	memset(a.domain, 'd', MAILADDR_DOMAIN_MAX);
	struct received r = {.helo = name,
			     .rdns = name,
			     .ip = name,
			     .by = name,
			     .id = name,
			     .how = RECEIVED_UTF8 | RECEIVED_TLS | RECEIVED_AUTH,
			     .rcpt = &a};
	int n = received_format(&r, buf, sizeof buf);
	assert_true(n > 0);
	assert_int_equal(strspn(buf + strlen("Received: from "), ":"), RECEIVED_NAME_MAX);
	for (char *at = buf; *at; at = strchr(at, '\n') + 1)
		assert_true(strchr(at, '\n') - at <= 998);
	assert_int_equal(return_path_format(&a, path, sizeof path), RETURN_PATH_MAX - 1);
	assert_int_equal(return_path_format(&a, path, RETURN_PATH_MAX), RETURN_PATH_MAX - 1);
	assert_int_equal(return_path_format(&a, path, RETURN_PATH_MAX - 1), E_TOO_LARGE);
}

static void test_client_hidden(void **state)
{
	char buf[RECEIVED_MAX];
	struct received r = {.helo = "phone",
			     .ip = "192.0.2.1",
			     .hides_client = true,
			     .by = "mx.test",
			     .how = RECEIVED_EXTENDED | RECEIVED_TLS | RECEIVED_AUTH,
			     .id = "1"};

	(void)state;
	assert_true(received_format(&r, buf, sizeof buf) > 0);
	assert_string_equal(buf, "Received: by mx.test with ESMTPSA id 1;\r\n"
				 "\tThu, 01 Jan 1970 00:00:00 +0000\r\n");
}

static void test_return_path(void **state)
{
	struct mailaddr a = address("\"a b\"@C"), null = {0};
	char buf[RETURN_PATH_MAX];

	(void)state;
	assert_int_equal(return_path_format(&a, buf, sizeof buf), 24);
	assert_string_equal(buf, "Return-Path: <\"a b\"@c>\r\n");
	return_path_format(&null, buf, sizeof buf);
	assert_string_equal(buf, "Return-Path: <>\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_date),        cmocka_unit_test(test_date_against_libc),
		cmocka_unit_test(test_with),        cmocka_unit_test(test_received),
		cmocka_unit_test(test_widest),      cmocka_unit_test(test_hostile_names),
		cmocka_unit_test(test_return_path), cmocka_unit_test(test_client_hidden),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
