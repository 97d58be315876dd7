#include "lib/wire/push/emn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "lib/err.h"

#define COUNT(a)        (sizeof(a) / sizeof(a)[0])
#define OCTETS(literal) (const uint8_t *)(literal), sizeof(literal) - 1

#define HEAD       "\x03\x0d\x6a\x00\x85"
#define SPMAIL     "taro@spmail.example"
#define TIME       "\x05\xc3\x07\x20\x26\x01\x05\x09\x30\x15"
#define AT_0930_15 1767605415 /* 2026-01-05T09:30:15Z */
#define MIDNIGHT   1767571200 /* 2026-01-05T00:00:00Z */

/* One address and one time have one encoding, and it decodes to them. */
static const struct vector {
	struct emn emn;
	const uint8_t *octets;
	size_t len;
} vectors[] = {
	/* protocols 1.3 */
	{{SPMAIL, AT_0930_15}, OCTETS(HEAD "\x07\x03" SPMAIL "\0" TIME "\x01")},
	{{"taro@spmail.com", AT_0930_15 - 15},
	 OCTETS(HEAD "\x07\x03"
		     "taro@spmail\0\x85\x05\xc3\x06\x20\x26\x01\x05\x09\x30\x01")},
	/* protocols 1.2: trailing zero octets of the time, down to midnight */
	{{SPMAIL, MIDNIGHT}, OCTETS(HEAD "\x07\x03" SPMAIL "\0\x05\xc3\x04\x20\x26\x01\x05\x01")},
	{{SPMAIL, MIDNIGHT + 9 * 3600},
	 OCTETS(HEAD "\x07\x03" SPMAIL "\0\x05\xc3\x05\x20\x26\x01\x05\x09\x01")},
	/* ends in a nibble of zero: only whole octets go */
	{{SPMAIL, MIDNIGHT + 10},
	 OCTETS(HEAD "\x07\x03" SPMAIL "\0\x05\xc3\x07\x20\x26\x01\x05\x00\x00\x10\x01")},
	/* the other suffixes; one in the middle, in capitals and alone is none */
	{{"a@b.edu", 0},
	 OCTETS(HEAD "\x07\x03"
		     "a@b\0\x86\x05\xc3\x04\x19\x70\x01\x01\x01")},
	{{"user@mopera.net", 1295745825},
	 OCTETS(HEAD "\x07\x03"
		     "user@mopera\0\x87\x05\xc3\x07\x20\x11\x01\x23\x01\x23\x45\x01")},
	{{"a@b.org", EMN_TIME_MAX_S},
	 OCTETS(HEAD "\x07\x03"
		     "a@b\0\x88\x05\xc3\x07\x99\x99\x12\x31\x23\x59\x59\x01")},
	{{"a.com@b.COM", 951782400},
	 OCTETS(HEAD "\x07\x03"
		     "a.com@b.COM\0\x05\xc3\x04\x20\x00\x02\x29\x01")},
	{{".com", 0},
	 OCTETS(HEAD "\x07\x03"
		     ".com\0\x05\xc3\x04\x19\x70\x01\x01\x01")},
	{{"\xe9\xb3\xa9@b.com.com", 4107542399},
	 OCTETS(HEAD "\x07\x03"
		     "\xe9\xb3\xa9@b.com\0\x85\x05\xc3\x07\x21\x00\x02\x28\x23\x59\x59\x01")},
};

static int decode(const uint8_t *body, size_t len, struct emn *out)
{
	uint8_t *copy = malloc(len + (len == 0));
	int err;

	assert_non_null(copy);
	memcpy(copy, body, len);
	err = emn_decode(copy, len, out);
	free(copy);
	return err;
}

static void encodes_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(vectors); i++) {
		uint8_t out[EMN_MAX] = {0};
		size_t len = 999;

		assert_int_equal(emn_encode(&vectors[i].emn, out, vectors[i].len, &len), 0);
		assert_int_equal(len, vectors[i].len);
		assert_memory_equal(out, vectors[i].octets, len);
		for (size_t room = 0; room < len; room++)
			assert_int_equal(emn_encode(&vectors[i].emn, out, room, &(size_t){0}),
					 E_TOO_LARGE);
	}
}

static void decodes_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(vectors); i++) {
		struct emn emn = {.timestamp_s = 77};

		for (size_t cut = 0; cut < vectors[i].len; cut++)
			assert_int_equal(decode(vectors[i].octets, cut, &emn), E_SYNTAX);
		assert_int_equal(emn.timestamp_s, 77);
		assert_int_equal(decode(vectors[i].octets, vectors[i].len, &emn), 0);
		assert_string_equal(emn.mailbox, vectors[i].emn.mailbox);
		assert_true(emn.timestamp_s == vectors[i].emn.timestamp_s);
	}
}

/* Written otherwise, but meaning taro@spmail.com at midnight. */
static void decodes_other_spellings(void **state)
{
#define MAILBOX "\x07\x03taro@spmail\0\x85"
#define SHORT   "\x05\xc3\x04\x20\x26\x01\x05"
	static const struct {
		const uint8_t *octets;
		size_t len;
	} cases[] = {
		{OCTETS(HEAD MAILBOX SHORT "\x01")},
		{OCTETS(HEAD SHORT MAILBOX "\x01")},
		{OCTETS("\x02\x0d\x6a\x00\x85" MAILBOX SHORT "\x01")},
		{OCTETS("\x03\x0d\x03\x00\x85" MAILBOX SHORT "\x01")},
		{OCTETS("\x03\x80\x0d\x80\x80\x6a\x80\x00\x85" MAILBOX SHORT "\x01")},
		{OCTETS(HEAD MAILBOX "\x05\xc3\x05\x20\x26\x01\x05\x00\x01")},
		{OCTETS(HEAD MAILBOX "\x05\xc3\x07\x20\x26\x01\x05\x00\x00\x00\x01")},
		{OCTETS(HEAD "\x07\x03taro@spmail.com\0" SHORT "\x01")},
		{OCTETS(HEAD "\x07\x03taro\0\x03@spmail\0\x03\0\x85" SHORT "\x01")},
		{OCTETS(HEAD "\x06\x03mailat:taro@spmail\0\x85" SHORT "\x01")},
		{OCTETS(HEAD "\x06\x03mail\0\x03"
			     "at:taro@spmail.com\0" SHORT "\x01")},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct emn emn;
		int err = decode(cases[i].octets, cases[i].len, &emn);

		if (err)
			fail_msg("case %zu: %s", i, err_text(err));
		assert_string_equal(emn.mailbox, "taro@spmail.com");
		assert_true(emn.timestamp_s == MIDNIGHT);
	}
}

static void decoding_refuses(void **state)
{
#define AT(time)                                                                                   \
	OCTETS(HEAD "\x07\x03"                                                                     \
		    "a\0\x05\xc3" time "\x01")
	static const struct {
		const uint8_t *octets;
		size_t len;
		int err;
	} cases[] = {
		/* the preamble: version, public id, charset, a string table, the tag */
		{OCTETS("\x01\x0d\x6a\x00\x85" MAILBOX SHORT "\x01"), E_SYNTAX},
		{OCTETS("\x04\x0d\x6a\x00\x85" MAILBOX SHORT "\x01"), E_SYNTAX},
		{OCTETS("\x03\x06\x6a\x00\x85" MAILBOX SHORT "\x01"), E_SYNTAX},
		{OCTETS("\x03\x0d\x11\x00\x85" MAILBOX SHORT "\x01"), E_SYNTAX},
		{OCTETS("\x03\x0d\x6a\x01\x00\x85" MAILBOX SHORT "\x01"), E_SYNTAX},
		{OCTETS("\x03\x0d\x6a\x00\x05" MAILBOX SHORT "\x01"), E_SYNTAX},
		{OCTETS("\x03\x0d\x6a\x00\xc5" MAILBOX SHORT "\x01\x01"), E_SYNTAX},
		{OCTETS("\x03\x8f\xff\xff\xff\xff\x0d\x6a\x00\x85" MAILBOX SHORT "\x01"), E_SYNTAX},
		/* i-mode mail's body of protocols 1.5 */
		{OCTETS("\x02\x06\x6a\x00\x85\x09\x03"
			"docomo.ne.jp?PI=06\0\x01"),
		 E_SYNTAX},
		/* attributes: missing, twice, unknown, octets behind the end */
		{OCTETS(HEAD "\x01"), E_SYNTAX},
		{OCTETS(HEAD MAILBOX "\x01"), E_SYNTAX},
		{OCTETS(HEAD SHORT "\x01"), E_SYNTAX},
		{OCTETS(HEAD MAILBOX MAILBOX SHORT "\x01"), E_SYNTAX},
		{OCTETS(HEAD SHORT MAILBOX SHORT "\x01"), E_SYNTAX},
		{OCTETS(HEAD MAILBOX "\x0e\x03x\0" SHORT "\x01"), E_SYNTAX},
		{OCTETS(HEAD MAILBOX SHORT "\x01\x01"), E_SYNTAX},
		{OCTETS(HEAD MAILBOX SHORT "\x01\x00"), E_SYNTAX},
		/* mailboxes: of another scheme, empty, with a control, a token of another kind */
		{OCTETS(HEAD "\x08\x03u;auth=x@h\0" SHORT "\x01"), E_RANGE},
		{OCTETS(HEAD "\x0d\x03h\0" SHORT "\x01"), E_RANGE},
		{OCTETS(HEAD "\x06\x03imap://h\0" SHORT "\x01"), E_RANGE},
		{OCTETS(HEAD "\x06\x03MAILAT:a@b\0" SHORT "\x01"), E_RANGE},
		{OCTETS(HEAD "\x06\x03mailat:\0" SHORT "\x01"), E_SYNTAX},
		{OCTETS(HEAD "\x07" SHORT "\x01"), E_SYNTAX},
		{OCTETS(HEAD "\x07\x03\0" SHORT "\x01"), E_SYNTAX},
		{OCTETS(HEAD "\x07\x03"
			     "a\r\nb\0" SHORT "\x01"),
		 E_SYNTAX},
		{OCTETS(HEAD "\x07\x03"
			     "a\xff\0" SHORT "\x01"),
		 E_SYNTAX},
		{OCTETS(HEAD "\x07\x83\x00" SHORT "\x01"), E_SYNTAX},
		{OCTETS(HEAD "\x07\x03x\0\x89" SHORT "\x01"), E_SYNTAX},
		/* times: not BCD, no such date or time, too long, too short, before 1970, as text
		 */
		{AT("\x07\x20\x26\x01\x05\x09\x30\x1a"), E_SYNTAX},
		{AT("\x04\x20\x26\xa1\x05"), E_SYNTAX},
		{AT("\x08\x20\x26\x01\x05\x09\x30\x15\x00"), E_SYNTAX},
		{AT("\x8f\xff\xff\xff\x7f\x20\x26\x01\x05"), E_SYNTAX},
		{AT("\x00"), E_RANGE},
		{AT("\x03\x20\x26\x01"), E_RANGE},
		{AT("\x04\x20\x26\x00\x05"), E_RANGE},
		{AT("\x04\x20\x26\x13\x05"), E_RANGE},
		{AT("\x04\x20\x26\x02\x29"), E_RANGE},
		{AT("\x04\x21\x00\x02\x29"), E_RANGE},
		{AT("\x04\x20\x26\x04\x31"), E_RANGE},
		{AT("\x05\x20\x26\x01\x05\x24"), E_RANGE},
		{AT("\x06\x20\x26\x01\x05\x09\x60"), E_RANGE},
		{AT("\x07\x20\x26\x01\x05\x09\x30\x60"), E_RANGE},
		{AT("\x07\x19\x69\x12\x31\x23\x59\x59"), E_RANGE},
		{OCTETS(HEAD MAILBOX "\x05\x03"
				     "2026-01-05T00:00:00Z\0\x01"),
		 E_SYNTAX},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct emn emn = {.timestamp_s = 77};
		int err = decode(cases[i].octets, cases[i].len, &emn);

		if (err != cases[i].err)
			fail_msg("case %zu: %s", i, err_text(err));
		assert_int_equal(emn.timestamp_s, 77);
	}
}

static void encoding_refuses(void **state)
{
	struct emn emn = {"", 0};
	uint8_t out[EMN_MAX];
	size_t len = 99;

	(void)state;
	assert_int_equal(emn_encode(&emn, out, sizeof out, &len), E_SYNTAX);
	strcpy(emn.mailbox, "a\nb");
	assert_int_equal(emn_encode(&emn, out, sizeof out, &len), E_SYNTAX);
	strcpy(emn.mailbox, "a\xc3");
	assert_int_equal(emn_encode(&emn, out, sizeof out, &len), E_SYNTAX);
	strcpy(emn.mailbox, "a@b");
	emn.timestamp_s = -1;
	assert_int_equal(emn_encode(&emn, out, sizeof out, &len), E_RANGE);
	emn.timestamp_s = EMN_TIME_MAX_S + 1;
	assert_int_equal(emn_encode(&emn, out, sizeof out, &len), E_RANGE);
	assert_int_equal(len, 99);
}

/* EMN_MAILBOX_MAX both ways, with and without a suffix; one octet more is refused, also if it comes
 * in pieces. */
static void mailbox_limit(void **state)
{
	struct emn emn = {.timestamp_s = AT_0930_15}, again;
	uint8_t out[EMN_MAX + 8];
	size_t len;

	(void)state;
	memset(emn.mailbox, 'a', EMN_MAILBOX_MAX);
	assert_int_equal(emn_encode(&emn, out, EMN_MAX, &len), 0);
	assert_int_equal(len, EMN_MAX);
	assert_int_equal(decode(out, len, &again), 0);
	assert_string_equal(again.mailbox, emn.mailbox);

	memmove(out + 8, out + 7, len - 7); /* one more character */
	assert_int_equal(decode(out, len + 1, &again), E_TOO_LARGE);

	memcpy(emn.mailbox + EMN_MAILBOX_MAX - 4, ".net", 4);
	assert_int_equal(emn_encode(&emn, out, EMN_MAX, &len), 0);
	assert_int_equal(len, EMN_MAX - 3);
	assert_int_equal(decode(out, len, &again), 0);
	assert_string_equal(again.mailbox, emn.mailbox);
	memmove(out + 8, out + 7, len - 7);
	assert_int_equal(decode(out, len + 1, &again), E_TOO_LARGE);

	memset(emn.mailbox, 'a', sizeof emn.mailbox);
	assert_int_equal(emn_encode(&emn, out, EMN_MAX, &len), E_TOO_LARGE);
}

/* Every day of 1970 to 2110, and each century's ends, against the C library. */
static void every_day_round_trips(void **state)
{
	struct emn emn = {"a@b", 0}, again;
	uint8_t out[EMN_MAX];
	char bcd[16], octets[16];
	size_t len;

	(void)state;
	while (emn.timestamp_s <= EMN_TIME_MAX_S) {
		time_t t = (time_t)emn.timestamp_s;
		struct tm tm;

		assert_int_equal(emn_encode(&emn, out, sizeof out, &len), 0);
		assert_int_equal(decode(out, len, &again), 0);
		assert_true(again.timestamp_s == emn.timestamp_s);
		strftime(bcd, sizeof bcd, "%Y%m%d", gmtime_r(&t, &tm));
		snprintf(octets, sizeof octets, "%02x%02x%02x%02x", out[14], out[15], out[16],
			 out[17]);
		assert_memory_equal(bcd, octets, 8);
		emn.timestamp_s +=
			emn.timestamp_s < 4417977600 ? 86400 + 61 : (int64_t)86400 * 1461 - 59;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes_vectors),       cmocka_unit_test(decodes_vectors),
		cmocka_unit_test(encoding_refuses),      cmocka_unit_test(decodes_other_spellings),
		cmocka_unit_test(decoding_refuses),      cmocka_unit_test(mailbox_limit),
		cmocka_unit_test(every_day_round_trips),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
