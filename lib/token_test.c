#include "lib/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/keyring_private.h"
#include "lib/wire/base64.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define EXPIRES  1785585600

/* One key, id 1, active since 1970: 00 01 02 ... 3f. */
#define FIXED_KEYS                                                                                 \
	"1 active 0 0 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"            \
	"202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f\n"

static const struct token TOKEN = {.subscriber = 1, .generation = 7, .expires_s = EXPIRES};

static char folder[64], path[96];
static struct keyring *ring;

static void write_text(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_not_equal(fputs(text, f), EOF);
	assert_int_equal(fclose(f), 0);
}

static int ring_new(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/hato-token-test.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof path, "%s/token.keys", folder);
	write_text(FIXED_KEYS);
	return keyring_open(path, &ring);
}

static int ring_remove(void **state)
{
	(void)state;
	keyring_free(ring);
	unlink(path);
	return rmdir(folder);
}

static struct key key_of(const char *realm, const char *text)
{
	struct key k;

	assert_int_equal(key_of_prefix(realm, text, &k), 0);
	return k;
}

static struct key key_at(const char *address)
{
	struct addr a;
	struct key k;

	assert_int_equal(addr_parse(address, &a), 0);
	assert_int_equal(key_of_addr("default", &a, &k), 0);
	return k;
}

static void seal(const struct token *t, const struct key *k, char text[TOKEN_TEXT + 1])
{
	assert_int_equal(token_seal(ring, t, k, text), 0);
}

static int open_at(const char *text, size_t len, const struct key *k, struct token *out)
{
	return token_open(ring, text, len, k, EXPIRES - 1, out);
}

/* Not opened, and nothing told. */
static void refused(const char *text, size_t len, const struct key *k)
{
	struct token out = {-5, 5, -5};

	if (open_at(text, len, k, &out) != E_AUTH)
		fail_msg("'%.*s' was opened", (int)len, text);
	assert_true(out.subscriber == -5 && out.generation == 5 && out.expires_s == -5);
}

/* From the independent implementation that seal_test.c names: what is sealed today must open
 * tomorrow. */
static void known_token(void **state)
{
	struct key k = key_at("192.0.2.1");
	char text[TOKEN_TEXT + 1];
	struct token out;

	(void)state;
	seal(&TOKEN, &k, text);
	assert_string_equal(text, "ARES1oSlz4GEdAbnH-ZVyi8S-f4ZXa1rkXgeNrwZ");
	assert_int_equal(open_at(text, TOKEN_TEXT, &k, &out), 0);
	assert_int_equal(out.subscriber, 1);
	assert_int_equal(out.generation, 7);
	assert_int_equal(out.expires_s, EXPIRES);
}

static void round_trip(void **state)
{
	static const struct token cases[] = {
		{0, 0, EXPIRES},
		{TOKEN_SUBSCRIBER_MAX, UINT32_MAX, UINT32_MAX},
		{0x0102030405, 0x06070809, 0xfffefdfc},
	};
	static const char *const addresses[] = {"192.0.2.1", "2001:db8:1:2::3", "::1"};
	char text[TOKEN_TEXT + 1];

	(void)state;
	for (size_t i = 0; i < COUNT(cases) * COUNT(addresses); i++) {
		const struct token *t = &cases[i % COUNT(cases)];
		struct key k = key_at(addresses[i / COUNT(cases)]);
		struct token out;

		seal(t, &k, text);
		assert_int_equal(strlen(text), TOKEN_TEXT);
		assert_int_equal(strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
					      "0123456789-_"),
				 TOKEN_TEXT);
		assert_int_equal(open_at(text, TOKEN_TEXT, &k, &out), 0);
		assert_true(out.subscriber == t->subscriber && out.generation == t->generation &&
			    out.expires_s == t->expires_s);
	}
}

static void fields_out_of_range(void **state)
{
	static const struct token cases[] = {
		{-1, 1, EXPIRES},
		{TOKEN_SUBSCRIBER_MAX + 1, 1, EXPIRES},
		{INT64_MAX, 1, EXPIRES},
		{INT64_MIN, 1, EXPIRES},
		{1, 1, -1},
		{1, 1, (int64_t)UINT32_MAX + 1},
		{1, 1, INT64_MAX},
	};
	struct key k = key_at("192.0.2.1");
	char text[TOKEN_TEXT + 1] = "untouched";

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(token_seal(ring, &cases[i], &k, text), E_RANGE);
	assert_string_equal(text, "untouched");
}

static void every_bit_counts(void **state)
{
	struct key k = key_at("192.0.2.1");
	char text[TOKEN_TEXT + 1], flipped[TOKEN_TEXT + 1];
	uint8_t octets[30];
	size_t len;

	(void)state;
	seal(&TOKEN, &k, text);
	assert_int_equal(base64_decode(BASE64_URL, text, TOKEN_TEXT, octets, 30, &len), 0);
	for (size_t bit = 0; bit < 8 * sizeof octets; bit++) {
		octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
		base64_encode(BASE64_URL, octets, sizeof octets, flipped);
		refused(flipped, TOKEN_TEXT, &k);
		octets[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	/* And of the text: another character, or none of the alphabet. */
	for (size_t bit = 0; bit < 8 * TOKEN_TEXT; bit++) {
		text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
		refused(text, TOKEN_TEXT, &k);
		text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
	}
	assert_int_equal(open_at(text, TOKEN_TEXT, &k, &(struct token){0}), 0);
}

static void other_lengths(void **state)
{
	struct key k = key_at("192.0.2.1");
	char text[TOKEN_TEXT + 1], longer[TOKEN_TEXT + 9];

	(void)state;
	seal(&TOKEN, &k, text);
	for (size_t len = 0; len < TOKEN_TEXT; len++) {
		char *exact = malloc(len + 1); /* so that a sanitizer sees who reads on */

		assert_non_null(exact);
		memcpy(exact, text, len);
		refused(exact, len, &k);
		free(exact);
	}
	static const char *const tails[] = {"A", "=", "==", "\n", "\r\n", " ", "AAAA", "\0"};
	for (size_t i = 0; i < COUNT(tails); i++) {
		memcpy(longer, text, TOKEN_TEXT);
		memcpy(longer + TOKEN_TEXT, tails[i], strlen(tails[i]) + 1);
		refused(longer, TOKEN_TEXT + (tails[i][0] ? strlen(tails[i]) : 1), &k);
	}
	refused("", 0, &k);
	refused(text, SIZE_MAX, &k);
}

static void foreign_characters(void **state)
{
	struct key k = key_at("192.0.2.1");
	char text[TOKEN_TEXT + 1], bad[TOKEN_TEXT + 1];
	static const char foreign[] = {'\0', '+', '/',    '=',    ' ',   '\n',
				       '.',  '%', '\x7f', '\x80', '\xff'};

	(void)state;
	seal(&TOKEN, &k, text);
	for (size_t i = 0; i < TOKEN_TEXT * sizeof foreign; i++) {
		memcpy(bad, text, sizeof bad);
		bad[i / sizeof foreign] = foreign[i % sizeof foreign];
		refused(bad, TOKEN_TEXT, &k);
	}
	/* 29 octets and padding are 40 characters too. */
	memcpy(bad, text, sizeof bad);
	bad[38] = 'A';
	bad[39] = '=';
	refused(bad, TOKEN_TEXT, &k);
}

static void from_elsewhere(void **state)
{
	struct key sealed_for = key_of("default", "2001:db8:1::/64");
	struct key others[] = {
		key_of("another", "2001:db8:1::/64"),
		key_of("defaul", "2001:db8:1::/64"),
		key_of("default2", "2001:db8:1::/64"),
		key_of("default", "2001:db8:2::/64"),
		key_of("default", "2001:db8:1:1::/64"),
		key_of("default", "2001:db8:1::/63"),
		key_of("default", "2001:db8:1::/48"),
		key_of("default", "192.0.2.1"),
		sealed_for,
		sealed_for,
		sealed_for,
	};
	size_t count = COUNT(others);
	char text[TOKEN_TEXT + 1];

	(void)state;
	others[count - 3].port_first = 1;
	others[count - 2].port_last = 65534;
	others[count - 1].port_first = 1024;
	others[count - 1].port_last = 2047;
	seal(&TOKEN, &sealed_for, text);
	for (size_t i = 0; i < count; i++)
		refused(text, TOKEN_TEXT, &others[i]);
	assert_int_equal(open_at(text, TOKEN_TEXT, &sealed_for, &(struct token){0}), 0);
}

static void v4_and_v4_mapped_are_one(void **state)
{
	struct key plain = key_at("192.0.2.1"), mapped = key_at("::ffff:192.0.2.1");
	char text[TOKEN_TEXT + 1];

	(void)state;
	seal(&TOKEN, &plain, text);
	assert_int_equal(open_at(text, TOKEN_TEXT, &mapped, &(struct token){0}), 0);
	mapped = key_at("::ffff:192.0.2.2");
	refused(text, TOKEN_TEXT, &mapped);
}

static void expiry(void **state)
{
	struct key k = key_at("192.0.2.1"), other = key_at("192.0.2.2");
	char text[TOKEN_TEXT + 1];
	struct token out = {0};

	(void)state;
	seal(&TOKEN, &k, text);
	assert_int_equal(token_open(ring, text, TOKEN_TEXT, &k, EXPIRES - 1, &out), 0);
	memset(&out, 0, sizeof out);
	assert_int_equal(token_open(ring, text, TOKEN_TEXT, &k, EXPIRES, &out), E_EXPIRED);
	assert_true(out.subscriber == 1 && out.generation == 7 && out.expires_s == EXPIRES);
	assert_int_equal(token_open(ring, text, TOKEN_TEXT, &k, EXPIRES + 1, &out), E_EXPIRED);
	assert_int_equal(token_open(ring, text, TOKEN_TEXT, &k, INT64_MAX, &out), E_EXPIRED);
	/* Another's expired token is another's. */
	assert_int_equal(token_open(ring, text, TOKEN_TEXT, &other, EXPIRES, &out), E_AUTH);
}

/* More realms than the ring keeps ready, in turn: each opens its own and no other. */
static void many_realms(void **state)
{
	enum { REALMS = KEYRING_SLOTS + 3 };
	char texts[REALMS][TOKEN_TEXT + 1], realm[REALM_MAX];
	struct key keys[REALMS];

	(void)state;
	for (int i = 0; i < REALMS; i++) {
		snprintf(realm, sizeof realm, "%d-abcdefghijklmnopqrstuvwxyz01", 10 + i);
		keys[i] = key_of(realm, "192.0.2.1");
		seal(&TOKEN, &keys[i], texts[i]);
	}
	for (int i = 0; i < REALMS * REALMS; i++) {
		int at = i % REALMS, from = i / REALMS;

		if (at == from)
			assert_int_equal(
				open_at(texts[from], TOKEN_TEXT, &keys[at], &(struct token){0}), 0);
		else
			refused(texts[from], TOKEN_TEXT, &keys[at]);
	}
}

/* The writers' `now` may lie in the past, so no test waits: T seconds ago. */
static int64_t ago(int64_t t_s)
{
	return clock_now_s() - t_s;
}

static int id_of(const char *text)
{
	uint8_t octets[30];
	size_t len;

	assert_int_equal(base64_decode(BASE64_URL, text, TOKEN_TEXT, octets, 30, &len), 0);
	return octets[0];
}

static void no_active_key(void **state)
{
	struct key k = key_at("192.0.2.1");
	char text[TOKEN_TEXT + 1];

	(void)state;
	assert_int_equal(unlink(path), 0);
	assert_int_equal(keyring_create(path, clock_now_s() + 3600), 0);
	assert_int_equal(keyring_refresh(ring), 0);
	assert_int_equal(token_seal(ring, &TOKEN, &k, text), E_NOT_FOUND);
}

static void rotation(void **state)
{
	struct key k = key_at("192.0.2.1");
	char old[TOKEN_TEXT + 1], text[TOKEN_TEXT + 1];
	uint8_t id;

	(void)state;
	seal(&TOKEN, &k, old);
	/* Published, not yet active: the old key goes on sealing. */
	assert_int_equal(keyring_rotate(path, clock_now_s(), 3600, 7200, &id), 0);
	assert_int_equal(keyring_refresh(ring), 0);
	seal(&TOKEN, &k, text);
	assert_int_equal(id_of(text), 1);
	/* Active by time alone: the same rotation, an hour ago. */
	write_text(FIXED_KEYS);
	assert_int_equal(keyring_rotate(path, ago(3610), 3600, 7200, &id), 0);
	assert_int_equal(keyring_refresh(ring), 0);
	seal(&TOKEN, &k, text);
	assert_int_equal(id_of(text), 2);
	assert_int_equal(open_at(text, TOKEN_TEXT, &k, &(struct token){0}), 0);
	assert_int_equal(open_at(old, TOKEN_TEXT, &k, &(struct token){0}), 0);
}

/* popgw sees the first token of a new key before its timer made it read: it looks once. */
static void unknown_key_is_looked_up(void **state)
{
	struct key k = key_at("192.0.2.1");
	char text[TOKEN_TEXT + 1];
	struct keyring *sealer, *opener = ring;
	uint8_t id;

	(void)state;
	assert_int_equal(keyring_rotate(path, ago(10), 0, 7200, &id), 0);
	assert_int_equal(keyring_open(path, &sealer), 0);
	assert_int_equal(token_seal(sealer, &TOKEN, &k, text), 0);
	assert_int_equal(id_of(text), 2);
	assert_int_equal(open_at(text, TOKEN_TEXT, &k, &(struct token){0}), 0);
	/* The next new key within the second has to wait for it. */
	assert_int_equal(keyring_rotate(path, ago(5), 0, 7200, &id), 0);
	assert_int_equal(keyring_refresh(sealer), 0);
	assert_int_equal(token_seal(sealer, &TOKEN, &k, text), 0);
	assert_int_equal(id_of(text), 3);
	refused(text, TOKEN_TEXT, &k);
	opener->looked_us -= CLOCK_S;
	assert_int_equal(open_at(text, TOKEN_TEXT, &k, &(struct token){0}), 0);
	keyring_free(sealer);
}

static void revoked_key_opens_nothing(void **state)
{
	struct key k = key_at("192.0.2.1");
	char old[TOKEN_TEXT + 1], text[TOKEN_TEXT + 1];

	(void)state;
	seal(&TOKEN, &k, old);
	assert_int_equal(open_at(old, TOKEN_TEXT, &k, &(struct token){0}), 0);
	assert_int_equal(keyring_revoke(path, ago(0), 1), 0);
	assert_int_equal(keyring_refresh(ring), 0);
	refused(old, TOKEN_TEXT, &k);
	seal(&TOKEN, &k, text);
	assert_int_equal(id_of(text), 2);
	assert_int_equal(open_at(text, TOKEN_TEXT, &k, &(struct token){0}), 0);
}

/* The same id with another key, as after a restore of old files: the expanded key must not survive
 * the re-read. */
static void replaced_key_of_the_same_id(void **state)
{
	struct key k = key_at("192.0.2.1");
	char old[TOKEN_TEXT + 1], text[TOKEN_TEXT + 1];

	(void)state;
	seal(&TOKEN, &k, old);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(keyring_create(path, ago(10)), 0);
	assert_int_equal(keyring_refresh(ring), 0);
	refused(old, TOKEN_TEXT, &k);
	seal(&TOKEN, &k, text);
	assert_int_equal(id_of(text), 1);
	assert_string_not_equal(text, old);
}

static void damaged_file_changes_nothing(void **state)
{
	struct key k = key_at("192.0.2.1");
	char text[TOKEN_TEXT + 1];

	(void)state;
	seal(&TOKEN, &k, text);
	write_text("garbage");
	assert_int_equal(keyring_refresh(ring), E_SYNTAX);
	assert_int_equal(open_at(text, TOKEN_TEXT, &k, &(struct token){0}), 0);
	seal(&TOKEN, &k, text);
	assert_int_equal(open_at(text, TOKEN_TEXT, &k, &(struct token){0}), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, ring_new, ring_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(known_token),
		TEST(round_trip),
		TEST(fields_out_of_range),
		TEST(every_bit_counts),
		TEST(other_lengths),
		TEST(foreign_characters),
		TEST(from_elsewhere),
		TEST(v4_and_v4_mapped_are_one),
		TEST(expiry),
		TEST(many_realms),
		TEST(no_active_key),
		TEST(rotation),
		TEST(unknown_key_is_looked_up),
		TEST(revoked_key_opens_nothing),
		TEST(replaced_key_of_the_same_id),
		TEST(damaged_file_changes_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
