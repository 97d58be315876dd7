#include "lib/http_url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/err.h"

static void urls_are_read(void **state)
{
	static const struct {
		const char *text;
		int err;
		uint16_t port;
		const char *path;
	} cases[] = {
		{"http://127.0.0.1", 0, 80, "/"},
		{"http://127.0.0.1:11333/checkv2", 0, 11333, "/checkv2"},
		{"http://[::1]:99", 0, 99, "/"},
		{"http://[::1]/x", 0, 80, "/x"},
		{"https://127.0.0.1", E_SYNTAX, 0, ""},
		{"http://rspamd.example", E_SYNTAX, 0, ""},
		{"http://127.0.0.1:", E_SYNTAX, 0, ""},
		{"http://127.0.0.1:65536", E_SYNTAX, 0, ""},
		{"http://127.0.0.1:1x", E_SYNTAX, 0, ""},
		{"http://[::1", E_SYNTAX, 0, ""},
		{"http://[::1]x", E_SYNTAX, 0, ""},
		{"http://127.0.0.1/a b", E_SYNTAX, 0, ""},
		{"http://", E_SYNTAX, 0, ""},
		{"", E_SYNTAX, 0, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct http_url url;
		assert_int_equal(http_url_parse(cases[i].text, &url), cases[i].err);
		if (cases[i].err)
			continue;
		assert_int_equal(url.port, cases[i].port);
		assert_string_equal(url.path, cases[i].path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(urls_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
