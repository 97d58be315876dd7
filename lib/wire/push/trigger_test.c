#include "lib/wire/push/trigger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"

#define COUNT(a)        (sizeof(a) / sizeof(a)[0])
#define OCTETS(literal) (const uint8_t *)(literal), sizeof(literal) - 1

#define EMN_UA "\x03\x02\x03\x0a\xaf\x89"
#define SPMODE "\x03\x02\x03\x0a\xaf\x02\x90\x5c"
#define BODY                                                                                       \
	"\x03\x0d\x6a\x00\x85\x07\x03taro@spmail."                                                 \
	"example\0\x05\xc3\x07\x20\x26\x01\x05\x09\x30\x15\x01"
#define SENT     1767605415 /* 2026-01-05T09:30:15Z */
#define RECEIVED 1295745825 /* 2011-01-23T01:23:45Z */

static const uint8_t key[32] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
				16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31};

static const struct trigger taro = {.tid = 0x2a,
				    .application_id = WSP_APPLICATION_EMN,
				    .mailbox = "taro@spmail.example",
				    .timestamp_s = SENT,
				    .realm = "default",
				    .generation = 1};

static const struct vector {
	bool has_mac;
	struct trigger trigger;
	const uint8_t *octets;
	size_t len;
} vectors[] = {
	/* protocols 1.6, the UDP payload; the same for sp mode */
	{false,
	 {0x2a, WSP_APPLICATION_EMN, "taro@spmail.example", SENT, NULL, 0},
	 OCTETS("\x2a\x06\x06" EMN_UA BODY)},
	{false,
	 {0x2a, WSP_APPLICATION_SPMODE, "taro@spmail.example", SENT, NULL, 0},
	 OCTETS("\x2a\x06\x08" SPMODE BODY)},
	/* protocols 1.5: what real handsets got, mopera U and sp mode mail */
	{false,
	 {0, WSP_APPLICATION_EMN, "user@mopera.net", RECEIVED, NULL, 0},
	 OCTETS("\x00\x06\x06" EMN_UA "\x03\x0d\x6a\x00\x85\x07\x03user@mopera\0\x87"
		"\x05\xc3\x07\x20\x11\x01\x23\x01\x23\x45\x01")},
	{false,
	 {0, WSP_APPLICATION_SPMODE, "user@docomo.ne.jp", RECEIVED, NULL, 0},
	 OCTETS("\x00\x06\x08" SPMODE "\x03\x0d\x6a\x00\x85\x07\x03user@docomo.ne.jp\0"
		"\x05\xc3\x07\x20\x11\x01\x23\x01\x23\x45\x01")},
	/* with a MAC; computed apart, with Python's hmac, from the words of design 6 */
	{true,
	 {0x2a, WSP_APPLICATION_EMN, "taro@spmail.example", SENT, "default", 1},
	 OCTETS("\x2a\x06\x1d" EMN_UA "x-hato-mac\0YZ8uhM0x9Y8\0" BODY)},
	{true,
	 {0x2a, WSP_APPLICATION_SPMODE, "taro@spmail.example", SENT, "osaka-2", 0xfedcba98},
	 OCTETS("\x2a\x06\x1f" SPMODE "x-hato-mac\0"
		"2y-7EAPFYY0\0" BODY)},
};

/* On a copy of exactly `len` octets, so that a sanitizer sees a read past its end. */
static int decode(const uint8_t *octets, size_t len, struct trigger *out)
{
	uint8_t *copy = malloc(len + (len == 0));
	int err;

	assert_non_null(copy);
	memcpy(copy, octets, len);
	err = trigger_decode(copy, len, out);
	free(copy);
	return err;
}

static int verify(const uint8_t *octets, size_t len, const char *realm, uint32_t generation)
{
	uint8_t *copy = malloc(len + (len == 0));
	int err;

	assert_non_null(copy);
	memcpy(copy, octets, len);
	err = trigger_verify(copy, len, key, sizeof key, realm, generation);
	free(copy);
	return err;
}

static void encodes_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(vectors); i++) {
		const struct vector *v = &vectors[i];
		uint8_t out[TRIGGER_MAX];
		size_t len;

		assert_int_equal(
			trigger_encode(&v->trigger, v->has_mac ? key : NULL, sizeof key, out, &len),
			0);
		assert_int_equal(len, v->len);
		assert_memory_equal(out, v->octets, len);
	}
}

static void decodes_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(vectors); i++) {
		const struct vector *v = &vectors[i];
		struct trigger t;

		assert_int_equal(decode(v->octets, v->len, &t), 0);
		assert_int_equal(t.tid, v->trigger.tid);
		assert_int_equal(t.application_id, v->trigger.application_id);
		assert_string_equal(t.mailbox, v->trigger.mailbox);
		assert_true(t.timestamp_s == v->trigger.timestamp_s);
		assert_null(t.realm);
		assert_int_equal(verify(v->octets, v->len, "default", 1), !v->has_mac ? E_NOT_FOUND
									  : i == 4    ? 0
										      : E_AUTH);
	}
}

static void no_prefix_is_a_trigger(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(vectors); i++) {
		const struct vector *v = &vectors[i];
		struct trigger t = {.tid = 77};

		for (size_t len = 0; len < v->len; len++) {
			assert_int_equal(decode(v->octets, len, &t), E_SYNTAX);
			assert_int_equal(verify(v->octets, len, "default", 1), E_SYNTAX);
		}
		assert_int_equal(t.tid, 77);
	}
}

/* Whatever octet changes, and however, the MAC is not good any more. */
static void every_altered_octet_shows(void **state)
{
	uint8_t datagram[TRIGGER_MAX];
	size_t len;

	(void)state;
	assert_int_equal(trigger_encode(&taro, key, sizeof key, datagram, &len), 0);
	assert_int_equal(verify(datagram, len, "default", 1), 0);
	for (size_t i = 0; i < len; i++) {
		uint8_t was = datagram[i];

		for (unsigned change = 1; change < 256; change++) {
			datagram[i] = (uint8_t)(was ^ change);
			if (verify(datagram, len, "default", 1) == 0)
				fail_msg("octet %zu as %02x was taken", i, datagram[i]);
		}
		datagram[i] = was;
	}
}

static void another_binding_or_key_shows(void **state)
{
	static const struct {
		const char *realm;
		uint32_t generation;
	} others[] = {
		{"default", 0},          {"default", 2},
		{"default", 0x01000000}, {"defaul", 1},
		{"default2", 1},         {"", 1},
		{"Default", 1},          {"default-and-so-on-for-more-than-thirty-two", 1},
	};
	uint8_t datagram[TRIGGER_MAX], other_key[sizeof key];
	char long_realm[4096] = "default";
	size_t len;

	(void)state;
	assert_int_equal(trigger_encode(&taro, key, sizeof key, datagram, &len), 0);
	for (size_t i = 0; i < COUNT(others); i++)
		assert_int_equal(verify(datagram, len, others[i].realm, others[i].generation),
				 E_AUTH);
	memset(long_realm, 'd', sizeof long_realm - 1);
	assert_int_equal(verify(datagram, len, long_realm, 1), E_AUTH);
	memcpy(other_key, key, sizeof key);
	other_key[31] ^= 1;
	assert_int_equal(trigger_verify(datagram, len, other_key, sizeof key, "default", 1),
			 E_AUTH);
	assert_int_equal(trigger_verify(datagram, len, key, sizeof key - 1, "default", 1), E_AUTH);
	assert_int_equal(trigger_verify(datagram, len, key, sizeof key, "default", 1), 0);
}

/* Two sendings of one trigger differ, and so do their MACs. */
static void the_mac_covers_the_tid(void **state)
{
	struct trigger again = taro;
	uint8_t first[TRIGGER_MAX], second[TRIGGER_MAX];
	size_t len;

	(void)state;
	again.tid++;
	assert_int_equal(trigger_encode(&taro, key, sizeof key, first, &len), 0);
	assert_int_equal(trigger_encode(&again, key, sizeof key, second, &len), 0);
	assert_memory_not_equal(first + 20, second + 20, TRIGGER_MAC_TEXT);
	assert_int_equal(verify(second, len, "default", 1), 0);
}

/* The longest address fills one SMS to the last octet; one octet more is refused, MAC or not. */
static void limits(void **state)
{
	struct trigger t = taro, again;
	uint8_t out[TRIGGER_MAX + 1];
	size_t len = 99;

	(void)state;
	t.application_id = WSP_APPLICATION_SPMODE;
	memset(t.mailbox, 'a', TRIGGER_MAILBOX_MAX);
	assert_int_equal(trigger_encode(&t, key, sizeof key, out, &len), 0);
	assert_int_equal(len, TRIGGER_MAX);
	assert_int_equal(verify(out, len, "default", 1), 0);
	assert_int_equal(decode(out, len, &again), 0);
	assert_string_equal(again.mailbox, t.mailbox);
	assert_int_equal(decode(out, len + 1, &again), E_TOO_LARGE);
	assert_int_equal(verify(out, len + 1, "default", 1), E_TOO_LARGE);

	memset(t.mailbox, 'a', sizeof t.mailbox);
	len = 99;
	assert_int_equal(trigger_encode(&t, key, sizeof key, out, &len), E_TOO_LARGE);
	assert_int_equal(trigger_encode(&t, NULL, 0, out, &len), E_TOO_LARGE);
	assert_int_equal(len, 99);
}

static void encoding_refuses(void **state)
{
	struct trigger t = taro;
	uint8_t out[TRIGGER_MAX] = "untouched";
	size_t len = 99;

	(void)state;
	t.realm = "No Realm";
	assert_int_equal(trigger_encode(&t, key, sizeof key, out, &len), E_SYNTAX);
	t.realm = NULL;
	assert_int_equal(trigger_encode(&t, key, sizeof key, out, &len), E_SYNTAX);
	t = taro;
	t.application_id = 0x8002;
	assert_int_equal(trigger_encode(&t, key, sizeof key, out, &len), E_RANGE);
	t = taro;
	t.timestamp_s = -1;
	assert_int_equal(trigger_encode(&t, key, sizeof key, out, &len), E_RANGE);
	t = taro;
	t.mailbox[0] = '\0';
	assert_int_equal(trigger_encode(&t, key, sizeof key, out, &len), E_SYNTAX);
	assert_string_equal(out, "untouched");
	assert_int_equal(len, 99);
}

static void decoding_refuses(void **state)
{
	static const struct {
		const uint8_t *octets;
		size_t len;
		int decode_err, verify_err;
	} cases[] = {
		/* i-mode mail of protocols 1.5, another application, another content type */
		{OCTETS("\x00\x06\x05\xb0\xaf\x02\x80\x02\x02\x06\x6a\x00\x85\x09\x03"
			"docomo.ne.jp?PI=06\0\x01"),
		 E_RANGE, E_RANGE},
		{OCTETS("\x00\x06\x06\x03\x02\x03\x0a\xaf\x88" BODY), E_RANGE, E_RANGE},
		{OCTETS("\x00\x06\x04\x03\x02\x03\x0a" BODY), E_RANGE, E_RANGE},
		{OCTETS("\x00\x06\x06\x03\x02\x03\x10\xaf\x89" BODY), E_RANGE, E_RANGE},
		/* triggers without a good MAC: of another length, twice, another name */
		{OCTETS("\x2a\x06\x1c" EMN_UA "x-hato-mac\0YZ8uhM0x9Y\0" BODY), 0, E_SYNTAX},
		{OCTETS("\x2a\x06\x1e" EMN_UA "x-hato-mac\0YZ8uhM0x9Y8A\0" BODY), 0, E_SYNTAX},
		{OCTETS("\x2a\x06\x34" EMN_UA
			"x-hato-mac\0YZ8uhM0x9Y8\0x-hato-mac\0YZ8uhM0x9Y8\0" BODY),
		 0, E_SYNTAX},
		{OCTETS("\x2a\x06\x1d" EMN_UA "X-hato-mac\0YZ8uhM0x9Y8\0" BODY), 0, E_NOT_FOUND},
		{OCTETS("\x2a\x06\x1d" EMN_UA "x-hato-mac\0AAAAAAAAAAA\0" BODY), 0, E_AUTH},
		/* the last character's two spare bits */
		{OCTETS("\x2a\x06\x1d" EMN_UA "x-hato-mac\0YZ8uhM0x9Y9\0" BODY), 0, E_AUTH},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct trigger t;
		int decoded = decode(cases[i].octets, cases[i].len, &t);
		int verified = verify(cases[i].octets, cases[i].len, "default", 1);

		if (decoded != cases[i].decode_err || verified != cases[i].verify_err)
			fail_msg("case %zu: %s, %s", i, err_text(decoded), err_text(verified));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes_vectors),
		cmocka_unit_test(decodes_vectors),
		cmocka_unit_test(no_prefix_is_a_trigger),
		cmocka_unit_test(every_altered_octet_shows),
		cmocka_unit_test(another_binding_or_key_shows),
		cmocka_unit_test(the_mac_covers_the_tid),
		cmocka_unit_test(limits),
		cmocka_unit_test(encoding_refuses),
		cmocka_unit_test(decoding_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
