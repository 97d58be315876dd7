/* A sealed challenge opens at its own key, in its time, unaltered; and nowhere else */
#include "lib/challenge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/token.h"

#define EXPIRES 1785585600

static const struct challenge CHALLENGE = {.kind = CHALLENGE_TOKEN,
					   .generation = 7,
					   .expires_s = EXPIRES,
					   .sqn = 0xff9bb4d0b607,
					   .rand = {1, 2, 3},
					   .imsi = "440101234567890"};
static struct keyring *ring;

static int ring_new(void **state)
{
	(void)state;
	char folder[] = "/tmp/hato-challenge-test.XXXXXX", path[64];

	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof path, "%s/token.keys", folder);
	int err = keyring_create(path, 0);
	if (!err)
		err = keyring_open(path, &ring);
	unlink(path);
	rmdir(folder);
	return err;
}

static int ring_remove(void **state)
{
	(void)state;
	keyring_free(ring);
	return 0;
}

static struct key key_of(const char *realm, const char *text)
{
	struct key k;

	assert_int_equal(key_of_prefix(realm, text, &k), 0);
	return k;
}

static void test_round(void **state)
{
	(void)state;
	struct key k = key_of("default", "127.1.0.1");
	char text[CHALLENGE_TEXT + 1];
	struct challenge c;

	assert_int_equal(challenge_seal(ring, &CHALLENGE, &k, text), 0);
	assert_int_equal(strlen(text), CHALLENGE_TEXT);
	assert_int_equal(challenge_open(ring, text, CHALLENGE_TEXT, &k, EXPIRES - 1, &c), 0);
	assert_memory_equal(&c, &CHALLENGE, sizeof c);
	assert_int_equal(challenge_open(ring, text, CHALLENGE_TEXT, &k, EXPIRES, &c), E_EXPIRED);
}

static void test_elsewhere(void **state)
{
	(void)state;
	struct key k = key_of("default", "127.1.0.1");
	const struct key others[] = {key_of("default", "127.1.0.2"), key_of("acme", "127.1.0.1"),
				     key_of("default", "2001:db8::/64")};
	char text[CHALLENGE_TEXT + 1];
	struct challenge c;

	assert_int_equal(challenge_seal(ring, &CHALLENGE, &k, text), 0);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_int_equal(challenge_open(ring, text, CHALLENGE_TEXT, &others[i], 1, &c),
				 E_AUTH);
	struct key block = k;
	block.port_last = 2047;
	assert_int_equal(challenge_open(ring, text, CHALLENGE_TEXT, &block, 1, &c), E_AUTH);
}

static void test_altered(void **state)
{
	(void)state;
	struct key k = key_of("default", "127.1.0.1");
	char text[CHALLENGE_TEXT + 2];
	struct challenge c;

	assert_int_equal(challenge_seal(ring, &CHALLENGE, &k, text), 0);
	for (size_t i = 0; i < CHALLENGE_TEXT; i++) {
		char kept = text[i];
		text[i] = kept == 'A' ? 'B' : 'A';
		assert_int_equal(challenge_open(ring, text, CHALLENGE_TEXT, &k, 1, &c), E_AUTH);
		text[i] = kept;
	}
	for (size_t len = 0; len < CHALLENGE_TEXT; len++)
		assert_int_equal(challenge_open(ring, text, len, &k, 1, &c), E_AUTH);
	text[CHALLENGE_TEXT] = 'A';
	assert_int_equal(challenge_open(ring, text, CHALLENGE_TEXT + 1, &k, 1, &c), E_AUTH);
}

/* Both are sealed by one keyring: neither passes for the other. */
static void test_no_token(void **state)
{
	(void)state;
	struct key k = key_of("default", "127.1.0.1");
	struct token t = {.subscriber = 1, .generation = 7, .expires_s = EXPIRES};
	char token[TOKEN_TEXT + 1], text[CHALLENGE_TEXT + 1];
	struct challenge c;

	assert_int_equal(token_seal(ring, &t, &k, token), 0);
	assert_int_equal(challenge_open(ring, token, TOKEN_TEXT, &k, 1, &c), E_AUTH);
	assert_int_equal(challenge_seal(ring, &CHALLENGE, &k, text), 0);
	assert_int_equal(token_open(ring, text, CHALLENGE_TEXT, &k, 1, &t), E_AUTH);
	assert_int_equal(token_open(ring, text, TOKEN_TEXT, &k, 1, &t), E_AUTH);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round),
		cmocka_unit_test(test_elsewhere),
		cmocka_unit_test(test_altered),
		cmocka_unit_test(test_no_token),
	};
	return cmocka_run_group_tests(tests, ring_new, ring_remove);
}
