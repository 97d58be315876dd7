#include "lib/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"

/* FIPS 180-4's example "abc", and nothing at all. */
static void sha256_vectors(void **state)
{
	static const uint8_t of_abc[] = "\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae"
					"\x22\x23\xb0\x03\x61\xa3\x96\x17\x7a\x9c\xb4\x10\xff\x61"
					"\xf2\x00\x15\xad";
	static const uint8_t of_nothing[] =
		"\xe3\xb0\xc4\x42\x98\xfc\x1c\x14\x9a\xfb\xf4\xc8\x99\x6f\xb9\x24"
		"\x27\xae\x41\xe4\x64\x9b\x93\x4c\xa4\x95\x99\x1b\x78\x52\xb8\x55";
	uint8_t out[SHA256_LEN];

	(void)state;
	assert_int_equal(sha256("abc", 3, out), 0);
	assert_memory_equal(out, of_abc, SHA256_LEN);
	assert_int_equal(sha256(NULL, 0, out), 0);
	assert_memory_equal(out, of_nothing, SHA256_LEN);
}

/* RFC 4231 4.3 and 4.7 (test cases 2 and 6), and the empty key. */
static void hmac_vectors(void **state)
{
	static const uint8_t of_jefe[] =
		"\x5b\xdc\xc1\x46\xbf\x60\x75\x4e\x6a\x04\x24\x26\x08\x95\x75\xc7"
		"\x5a\x00\x3f\x08\x9d\x27\x39\x83\x9d\xec\x58\xb9\x64\xec\x38\x43";
	static const uint8_t of_nothing[] =
		"\xb6\x13\x67\x9a\x08\x14\xd9\xec\x77\x2f\x95\xd7\x78\xc3\x5f\xc5"
		"\xff\x16\x97\xc4\x93\x71\x56\x53\xc6\xc7\x12\x14\x42\x92\xc5\xad";
	static const uint8_t of_a_long_key[] =
		"\x60\xe4\x31\x59\x1e\xe0\xb6\x7f\x0d\x8a\x26\xaa\xcb\xf5\xb7\x7f"
		"\x8e\x0b\xc6\x21\x37\x28\xc5\x14\x05\x46\x04\x0f\x0e\xe3\x7f\x54";
	static const char text[] = "what do ya want for nothing?";
	static const char long_text[] = "Test Using Larger Than Block-Size Key - Hash Key First";
	uint8_t out[SHA256_LEN], long_key[131];

	(void)state;
	assert_int_equal(hmac_sha256("Jefe", 4, text, strlen(text), out), 0);
	assert_memory_equal(out, of_jefe, SHA256_LEN);
	assert_int_equal(hmac_sha256(NULL, 0, "", 0, out), 0);
	assert_memory_equal(out, of_nothing, SHA256_LEN);
	memset(long_key, 0xaa, sizeof long_key);
	assert_int_equal(hmac_sha256(long_key, sizeof long_key, long_text, strlen(long_text), out),
			 0);
	assert_memory_equal(out, of_a_long_key, SHA256_LEN);
	assert_int_equal(hmac_sha256("", 0, NULL, 0, out), 0);
	assert_memory_equal(out, of_nothing, SHA256_LEN);
}

static void compares(void **state)
{
	(void)state;
	assert_true(ct_equal("abcd", "abcd", 4));
	assert_true(ct_equal("abcd", "abce", 3));
	assert_false(ct_equal("abcd", "abce", 4));
	assert_false(ct_equal("abcd", "Abcd", 4));
	assert_true(ct_equal("a", "b", 0));
}

static void random_differs(void **state)
{
	uint8_t a[32] = {0}, b[32] = {0};

	(void)state;
	assert_int_equal(random_bytes(a, sizeof a), 0);
	assert_int_equal(random_bytes(b, sizeof b), 0);
	assert_memory_not_equal(a, b, sizeof a);
	assert_int_equal(random_bytes(a, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_vectors),
		cmocka_unit_test(hmac_vectors),
		cmocka_unit_test(compares),
		cmocka_unit_test(random_differs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
