#include "authsrv/host_guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define COUNT_OF(a) (sizeof(a) / sizeof(a)[0])
#define NAMES       "auth.hato.example, push.hato.example"

static void hosts(void **state)
{
	static const struct {
		const char *host;
		bool in;
	} cases[] = {
		{"127.0.0.1:8080", true},
		{"127.0.0.1", true},
		{"192.0.2.1:80", true},
		{"[::1]:8080", true},
		{"[2001:db8::1]", true},
		{"localhost", true},
		{"LocalHost:8080", true},
		{"auth.hato.example", true},
		{"AUTH.hato.example:8080", true},
		{"push.hato.example:1", true},
		{NULL, false},
		{"", false},
		{":8080", false},
		{"evil.example", false},
		{"evil.example:8080", false},
		{"hato.example", false},
		{"auth.hato.example.evil.example", false},
		{"xauth.hato.example", false},
		{"auth.hato.example,", false},
		{"auth.hato.example, push.hato.example", false},
		{"127.0.0.1.evil.example", false},
		{"127.0.0.1:80x", false},
		{"127.0.0.1:", false},
		{"127.0.0.1:123456", false},
		{"127.0.0.1:80:80", false},
		{"127.1", false},
		{"2130706433", false},
		{"0x7f000001", false},
		{"::1", false},
		{"[::1", false},
		{"[]", false},
		{"[]:80", false},
		{"[127.0.0.1]", false},
		{"[::1]x", false},
		{"[::1]evil.example", false},
		{"[fe80::1%25eth0]", false},
		{"localhost.", false},
		{"localhost@evil.example", false},
		{"[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		const char *wrong =
			host_guard_check(NAMES, &(struct guarded){.host = cases[i].host});
		if ((wrong == NULL) != cases[i].in)
			fail_msg("Host %s", cases[i].host ? cases[i].host : "absent");
	}
}

static void no_names(void **state)
{
	(void)state;
	assert_null(host_guard_check("", &(struct guarded){.host = "localhost"}));
	assert_non_null(host_guard_check("", &(struct guarded){.host = "x"}));
	assert_non_null(host_guard_check(" , ,", &(struct guarded){.host = ""}));
}

static void origins(void **state)
{
	static const char *const cases[] = {"null", "", "http://127.0.0.1:8080",
					    "https://evil.example"};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_non_null(host_guard_check(
			NAMES, &(struct guarded){.host = "localhost", .origin = cases[i]}));
}

static void content_types(void **state)
{
	static const struct {
		const char *type;
		bool in;
	} cases[] = {
		{"application/json", true},
		{"Application/JSON", true},
		{"application/json; charset=utf-8", true},
		{"application/json;charset=utf-8", true},
		{" application/json ; x=y", true},
		{NULL, false},
		{"", false},
		{"text/plain", false},
		{"application/x-www-form-urlencoded", false},
		{"multipart/form-data", false},
		{"application/jsonp", false},
		{"application/json-patch+json", false},
		{"application/problem+json", false},
		{"text/plain; application/json", false},
		{"application/json, text/plain", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct guarded g = {
			.host = "127.0.0.1", .content_type = cases[i].type, .has_body = true};
		if ((host_guard_check(NAMES, &g) == NULL) != cases[i].in)
			fail_msg("Content-Type %s", cases[i].type ? cases[i].type : "absent");
		g.has_body = false;
		assert_null(host_guard_check(NAMES, &g));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(hosts), cmocka_unit_test(no_names),
					   cmocka_unit_test(origins),
					   cmocka_unit_test(content_types)};

	return cmocka_run_group_tests_name("authsrv/host_guard", tests, NULL, NULL);
}
