/* Whose Host and whose Origin are ours. Names and addresses in Host: authsrv/host_guard_test.c. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/http_host.h"

static void hosts(void **state)
{
	(void)state;
	assert_true(http_host_is_ours("", "127.0.0.1:8082") && http_host_is_ours("", "[::1]:8082"));
	assert_true(http_host_is_ours("", "LOCALHOST") && http_host_is_ours("a, b", "b:1"));
	assert_false(http_host_is_ours("", "evil.example") || http_host_is_ours("", ""));
	assert_false(http_host_is_ours("", "localhost:x") || http_host_is_ours("a", "a.b"));
}

static void origins(void **state)
{
	(void)state;
	assert_true(http_origin_is_host("http://localhost:8082", "localhost:8082"));
	assert_true(http_origin_is_host("https://[::1]", "[::1]"));
	assert_false(http_origin_is_host("http://localhost:8083", "localhost:8082"));
	assert_false(http_origin_is_host("http://localhost", "localhost:8082"));
	assert_false(http_origin_is_host("http://localhost:8082/", "localhost:8082"));
	assert_false(http_origin_is_host("null", "null") || http_origin_is_host("", ""));
	assert_false(http_origin_is_host("ftp://localhost", "localhost"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(hosts), cmocka_unit_test(origins)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
