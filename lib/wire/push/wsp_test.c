#include "lib/wire/push/wsp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
/* A literal with NULs in it, without the one at its end. */
#define OCTETS(literal) (const uint8_t *)(literal), sizeof(literal) - 1

#define EMN_TYPE "\x03\x02\x03\x0a"
#define EMN_UA   "\xaf\x89"

/* Decodes a copy of exactly `len` octets, so that a sanitizer sees a read past its end. */
static int decode(const uint8_t *pdu, size_t len, struct wsp_push *out, uint8_t **copy)
{
	*copy = malloc(len + (len == 0));
	assert_non_null(*copy);
	memcpy(*copy, pdu, len);
	return wsp_push_decode(*copy, len, out);
}

static void encodes(void **state)
{
	static const struct {
		struct wsp_push push;
		const uint8_t *octets;
		size_t len;
	} cases[] = {
		/* protocols 1.6: emn.ua */
		{{.tid = 0x2a,
		  .content_type = WSP_CONTENT_EMN,
		  .application_id = WSP_APPLICATION_EMN,
		  .body = (const uint8_t *)"\x03\x0d",
		  .body_len = 2},
		 OCTETS("\x2a\x06\x06" EMN_TYPE EMN_UA "\x03\x0d")},
		/* protocols 1.5: sp mode mail */
		{{.content_type = WSP_CONTENT_EMN,
		  .application_id = WSP_APPLICATION_SPMODE,
		  .body = (const uint8_t *)"b",
		  .body_len = 1},
		 OCTETS("\x00\x06\x08" EMN_TYPE "\xaf\x02\x90\x5c"
			"b")},
		{{.tid = 0xff,
		  .content_type = WSP_CONTENT_EMN,
		  .application_id = WSP_APPLICATION_EMN,
		  .headers = {{"x-hato-mac", "AAAAAAAAAAA"}, {"b", "c d"}},
		  .header_count = 2},
		 OCTETS("\xff\x06\x23" EMN_TYPE EMN_UA "x-hato-mac\0AAAAAAAAAAA\0b\0c d\0")},
		/* a content type that fits the constrained form */
		{{.content_type = 0x30, .application_id = 0x8002},
		 OCTETS("\x00\x06\x05\xb0\xaf\x02\x80\x02")},
		{{.content_type = 0x80, .application_id = 0x7f},
		 OCTETS("\x00\x06\x06\x03\x02\x00\x80\xaf\xff")},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t out[64];
		size_t len = 99;

		assert_int_equal(wsp_push_encode(&cases[i].push, out, cases[i].len, &len), 0);
		assert_int_equal(len, cases[i].len);
		assert_memory_equal(out, cases[i].octets, len);
		for (size_t room = 0; room < cases[i].len; room++)
			assert_int_equal(wsp_push_encode(&cases[i].push, out, room, &len),
					 E_TOO_LARGE);
		assert_int_equal(len, cases[i].len);
	}
}

/* Over 127 octets of headers: their length is two octets. */
static void encodes_a_long_header(void **state)
{
	char value[195];
	struct wsp_push push = {.content_type = WSP_CONTENT_EMN,
				.application_id = WSP_APPLICATION_EMN,
				.headers = {{"x", value}},
				.header_count = 1},
			again;
	uint8_t out[256];
	size_t len;

	(void)state;
	memset(value, 'v', sizeof value);
	value[191] = '\0';
	assert_int_equal(wsp_push_encode(&push, out, sizeof out, &len), 0);
	assert_memory_equal(out, "\x00\x06\x81\x48", 4); /* 200 */
	assert_int_equal(len, 204);
	assert_int_equal(wsp_push_decode(out, len, &again), 0);
	assert_string_equal(again.headers[0].value, value);
	assert_int_equal(again.body_len, 0);
}

static void encoding_refuses(void **state)
{
	static const struct {
		struct wsp_push push;
		int err;
	} cases[] = {
		{{.content_type = 0x10000}, E_RANGE},
		{{.application_id = 0x10000}, E_RANGE},
		{{.application_id = WSP_UNKNOWN}, E_RANGE},
		{{.headers = {{"a", "b"}}, .header_count = WSP_HEADERS_MAX + 1}, E_TOO_LARGE},
		{{.headers = {{"", "b"}}, .header_count = 1}, E_SYNTAX},
		{{.headers = {{"a b", "b"}}, .header_count = 1}, E_SYNTAX},
		{{.headers = {{"a:", "b"}}, .header_count = 1}, E_SYNTAX},
		{{.headers = {{"a\xe3", "b"}}, .header_count = 1}, E_SYNTAX},
		{{.headers = {{"a", ""}}, .header_count = 1}, E_SYNTAX},
		{{.headers = {{"a", "\x1f"}}, .header_count = 1}, E_SYNTAX},
		{{.headers = {{"a", "\x7f"}}, .header_count = 1}, E_SYNTAX},
		{{.headers = {{"a", "b\xe3"}}, .header_count = 1}, E_SYNTAX},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t out[64] = "untouched";
		size_t len = 99;

		assert_int_equal(wsp_push_encode(&cases[i].push, out, sizeof out, &len),
				 cases[i].err);
		assert_int_equal(len, 99);
	}
}

/* What other push servers may write. */
static void decodes_other_spellings(void **state)
{
	static const struct {
		const uint8_t *octets;
		size_t len;
		uint32_t content_type, application_id;
		size_t header_count;
	} cases[] = {
		{OCTETS("\x00\x06\x04" EMN_TYPE), WSP_CONTENT_EMN, WSP_APPLICATION_ANY, 0},
		/* with charset */
		{OCTETS("\x00\x06\x08\x05\x02\x03\x0a\x81\xea" EMN_UA), WSP_CONTENT_EMN,
		 WSP_APPLICATION_EMN, 0},
		/* as text, in any case; as text with a length that needs its quote, without and
		   with it; one that we do not know */
		{OCTETS("\x00\x06\x20"
			"Application/vnd.wap.emn+WBXML\0" EMN_UA),
		 WSP_CONTENT_EMN, WSP_APPLICATION_EMN, 0},
		{OCTETS("\x00\x06\x23\x20"
			"application/vnd.wap.emn+wbxml\0\x81\xea" EMN_UA),
		 WSP_UNKNOWN, WSP_APPLICATION_EMN, 0},
		{OCTETS("\x00\x06\x25\x1f\x20"
			"application/vnd.wap.emn+wbxml\0\x81\xea\xaf\x01\x09"),
		 WSP_CONTENT_EMN, WSP_APPLICATION_EMN, 0},
		{OCTETS("\x00\x06\x06"
			"a/b.c\0"),
		 WSP_UNKNOWN, WSP_APPLICATION_ANY, 0},
		/* application ids as text; another header with each kind of value before it */
		{OCTETS("\x00\x06\x1e" EMN_TYPE "\xaf"
			"x-wap-application:emn.ua\0"),
		 WSP_CONTENT_EMN, WSP_APPLICATION_EMN, 0},
		{OCTETS("\x00\x06\x1f" EMN_TYPE "\xaf\x7f"
			"x-oma-docomo:xmd.mail.ua\0"),
		 WSP_CONTENT_EMN, WSP_APPLICATION_SPMODE, 0},
		{OCTETS("\x00\x06\x09" EMN_TYPE "\xaf"
			"a:b\0"),
		 WSP_CONTENT_EMN, WSP_UNKNOWN, 0},
		{OCTETS("\x00\x06\x13" EMN_TYPE "\xb4\x84\x92\x04\x69\x5b\x84\xa7\xb1u:v\0" EMN_UA
			"body"),
		 WSP_CONTENT_EMN, WSP_APPLICATION_EMN, 0},
		/* a textual name with a value of no text is passed over; a quoted value is one */
		{OCTETS("\x00\x06\x0d" EMN_TYPE "a\0\x81"
			"b\0\x7f\xe3\x81\0"),
		 WSP_CONTENT_EMN, WSP_APPLICATION_ANY, 1},
		/* i-mode mail of protocols 1.5: well formed, another kind */
		{OCTETS("\x00\x06\x05\xb0\xaf\x02\x80\x02\x02\x06"), 0x30, 0x8002, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct wsp_push push;
		uint8_t *copy;
		int err = decode(cases[i].octets, cases[i].len, &push, &copy);

		free(copy);
		if (err || push.content_type != cases[i].content_type ||
		    push.application_id != cases[i].application_id ||
		    push.header_count != cases[i].header_count)
			fail_msg("case %zu: %s %x %x", i, err_text(err), push.content_type,
				 push.application_id);
	}
}

static void decoding_refuses(void **state)
{
	static const struct {
		const uint8_t *octets;
		size_t len;
		int err;
	} cases[] = {
		{OCTETS(""), E_SYNTAX},
		{OCTETS("\x00"), E_SYNTAX},
		{OCTETS("\x00\x06"), E_SYNTAX},
		{OCTETS("\x00\x06\x00"), E_SYNTAX},
		{OCTETS("\x00\x05\x06" EMN_TYPE EMN_UA), E_SYNTAX},
		{OCTETS("\x00\x07\x06" EMN_TYPE EMN_UA), E_RANGE},
		/* the length of the headers: over the end, five octets of more than 32 bits */
		{OCTETS("\x00\x06\x07" EMN_TYPE EMN_UA), E_SYNTAX},
		{OCTETS("\x00\x06\xff\xff\xff\xff\x7f" EMN_TYPE EMN_UA), E_SYNTAX},
		{OCTETS("\x00\x06\x8f\xff\xff\xff\x7f" EMN_TYPE EMN_UA), E_SYNTAX},
		/* without the value-length the next header is lost (protocols 1.4) */
		{OCTETS("\x00\x06\x05\x02\x03\x0a" EMN_UA), E_SYNTAX},
		/* content types of three octets, of none, with a length over the headers */
		{OCTETS("\x00\x06\x05\x04\x03\x01\x03\x0a"), E_SYNTAX},
		{OCTETS("\x00\x06\x01\x00"), E_SYNTAX},
		{OCTETS("\x00\x06\x02\x01\x00"), E_SYNTAX},
		{OCTETS("\x00\x06\x04\x04\x02\x03\x0a\x00"), E_SYNTAX},
		{OCTETS("\x00\x06\x04\x1f\x8f\xff\xff\x7f\x7f"), E_SYNTAX},
		{OCTETS("\x00\x06\x02\x1f\x81"), E_SYNTAX},
		/* application id: twice, empty, three octets, without a value, unended text */
		{OCTETS("\x00\x06\x08" EMN_TYPE EMN_UA EMN_UA), E_SYNTAX},
		{OCTETS("\x00\x06\x06" EMN_TYPE "\xaf\x00"), E_SYNTAX},
		{OCTETS("\x00\x06\x09" EMN_TYPE "\xaf\x03\x00\x90\x5c"), E_SYNTAX},
		{OCTETS("\x00\x06\x05" EMN_TYPE "\xaf"), E_SYNTAX},
		{OCTETS("\x00\x06\x07"
			"a/b.c\0\x80"),
		 E_SYNTAX},
		{OCTETS("\x00\x06\x06" EMN_TYPE "\xaf"
			"a\0"),
		 E_SYNTAX},
		/* code page shifts, an empty name, a name with a space, a name without a value, an
		   unended value although a NUL follows in the body */
		{OCTETS("\x00\x06\x08" EMN_TYPE "\x7f\x02" EMN_UA), E_SYNTAX},
		{OCTETS("\x00\x06\x07" EMN_TYPE "\x01" EMN_UA), E_SYNTAX},
		{OCTETS("\x00\x06\x06" EMN_TYPE "\x00"
			"a"),
		 E_SYNTAX},
		{OCTETS("\x00\x06\x0a" EMN_TYPE "a b\0c\0"), E_SYNTAX},
		{OCTETS("\x00\x06\x06" EMN_TYPE "a\0"), E_SYNTAX},
		{OCTETS("\x00\x06\x07" EMN_TYPE "a\0b\0"), E_SYNTAX},
		{OCTETS("\x00\x06\x18" EMN_TYPE "a\0b\0a\0b\0a\0b\0a\0b\0a\0b\0"), E_TOO_LARGE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct wsp_push push = {.tid = 77};
		uint8_t *copy;
		int err = decode(cases[i].octets, cases[i].len, &push, &copy);

		free(copy);
		if (err != cases[i].err)
			fail_msg("case %zu: %s", i, err_text(err));
		assert_int_equal(push.tid, 77);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(encodes),          cmocka_unit_test(encodes_a_long_header),
		cmocka_unit_test(encoding_refuses), cmocka_unit_test(decodes_other_spellings),
		cmocka_unit_test(decoding_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
