#include "smtpgw/checks/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct findings some(void)
{
	struct findings f = {.helo = "[127.0.0.1]",
			     .reverse_path = {"a b", "c.test", false},
			     .spf_mail_from = {.result = AUTHRES_PASS},
			     .spf_helo = {.result = AUTHRES_NONE},
			     .spf_from = {.result = AUTHRES_FAIL, .domain = "d.test"}};

	assert_int_equal(addr_parse("192.0.2.1", &f.client), 0);
	return f;
}

static void what_was_found(void **unused)
{
	struct findings f = some();
	char buf[2000];

	(void)unused;
	size_t n = report_write(&f, "mx.test", buf, sizeof buf);
	assert_int_equal(n, strlen(buf));
	assert_string_equal(buf, "Authentication-Results: mx.test;\r\n"
				 "\tspf=pass smtp.mailfrom=\"a b@c.test\";\r\n"
				 "\tspf=none smtp.helo=\"[127.0.0.1]\";\r\n"
				 "\tx-spf-from=fail header.from=d.test\r\n");
	f.reverse_path = (struct mailaddr){0};
	f.iprev = AUTHRES_TEMPERROR;
	report_write(&f, "mx.test", buf, sizeof buf);
	assert_non_null(strstr(buf, "smtp.mailfrom=\"postmaster@[127.0.0.1]\""));
	assert_non_null(strstr(buf, "\tiprev=temperror policy.iprev=192.0.2.1\r\n"));
}

static void nothing_was_looked_for(void **unused)
{
	struct findings f = {.helo = "c.test"};
	char buf[2000];

	(void)unused;
	assert_int_equal(report_write(&f, "mx.test", buf, sizeof buf), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_found),
		cmocka_unit_test(nothing_was_looked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
