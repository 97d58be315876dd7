#include "lib/wire/sms/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/wire/sms/dcs.h"

#define COUNT(a)        (sizeof(a) / sizeof(a)[0])
#define OCTETS(literal) (const uint8_t *)(literal), sizeof(literal) - 1
#define TEXT(literal)   (literal), sizeof(literal) - 1

static void packs(void **state)
{
	static const struct {
		const char *text;
		unsigned fill;
		const uint8_t *packed;
		size_t len;
	} cases[] = {
		/* protocols 2.4 */
		{"hello", 0, OCTETS("\xe8\x32\x9b\xfd\x06")},
		/* seven septets fill six octets and a bit; eight fill seven octets */
		{"hellohe", 0, OCTETS("\xe8\x32\x9b\xfd\x46\x97\x01")},
		{"hellohel", 0, OCTETS("\xe8\x32\x9b\xfd\x46\x97\xd9")},
		/* behind a header of 6 octets: one bit of fill; of 7: none, of 5: two */
		{"hello", 1, OCTETS("\xd0\x65\x36\xfb\x0d")},
		{"hello", 2, OCTETS("\xa0\xcb\x6c\xf6\x1b")},
		{"h", 6, OCTETS("\x00\x1a")},
		{"", 0, OCTETS("")},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t septets[16], packed[16], *exact = malloc(cases[i].len + 1);
		size_t n, len;
		char text[16];

		assert_int_equal(sms_text_to_septets(cases[i].text, strlen(cases[i].text), septets,
						     sizeof septets, &n),
				 0);
		sms_septets_pack(septets, n, cases[i].fill, packed);
		assert_memory_equal(packed, cases[i].packed, cases[i].len);
		/* read from a block that ends there */
		memcpy(exact + 1, packed, cases[i].len);
		memset(septets, 0, sizeof septets);
		sms_septets_unpack(exact + 1, n, cases[i].fill, septets);
		free(exact);
		assert_int_equal(sms_text_from_septets(septets, n, text, sizeof text, &len), 0);
		assert_int_equal(len, strlen(cases[i].text));
		assert_memory_equal(text, cases[i].text, len);
	}
}

/* Every septet is a character that comes back as itself, but ESC. */
static void the_alphabet_is_whole(void **state)
{
	(void)state;
	for (unsigned septet = 0; septet < 128; septet++) {
		for (int escaped = 0; escaped < 2; escaped++) {
			uint8_t in[2] = {SMS_ESCAPE, (uint8_t)septet}, out[2];
			char text[4];
			size_t len, n;

			if (septet == SMS_ESCAPE)
				continue;
			assert_int_equal(sms_text_from_septets(in + !escaped,
							       1u + (unsigned)escaped, text,
							       sizeof text, &len),
					 0);
			assert_int_equal(sms_text_to_septets(text, len, out, sizeof out, &n), 0);
			if (!escaped)
				assert_true(n == 1 && out[0] == septet);
			else /* behind ESC: one of the nine and the form feed, else the basic one */
				assert_true((n == 2 && out[0] == SMS_ESCAPE && out[1] == septet) ||
					    (n == 1 && out[0] == septet));
		}
	}
}

static void special_characters(void **state)
{
	static const struct {
		const char *text;
		const uint8_t *septets;
		size_t n;
	} cases[] = {
		{"@£$¥èéùìòÇ\nØø\rÅå", OCTETS("\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17")},
		{"Δ_ΦΓΛΩΠΨΣΘΞ", OCTETS("\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a")},
		{"ÆæßÉ ¤¡ÄÖÑÜ§¿äöñüà", OCTETS("\x1c\x1d\x1e\x1f\x20\x24\x40\x5b\x5c\x5d\x5e\x5f"
					      "\x60\x7b\x7c\x7d\x7e\x7f")},
		{"^{}\\[~]|€\f", OCTETS("\x1b\x14\x1b\x28\x1b\x29\x1b\x2f\x1b\x3c\x1b\x3d\x1b\x3e"
					"\x1b\x40\x1b\x65\x1b\x0a")},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t septets[32];
		char text[64];
		size_t n, len;

		assert_int_equal(sms_text_to_septets(cases[i].text, strlen(cases[i].text), septets,
						     cases[i].n, &n),
				 0);
		assert_int_equal(n, cases[i].n);
		assert_memory_equal(septets, cases[i].septets, n);
		assert_int_equal(
			sms_text_from_septets(septets, n, text, strlen(cases[i].text), &len), 0);
		assert_memory_equal(text, cases[i].text, len);
		assert_int_equal(sms_text_to_septets(cases[i].text, strlen(cases[i].text), septets,
						     cases[i].n - 1, &n),
				 E_TOO_LARGE);
		assert_int_equal(sms_text_from_septets(septets, n, text, len - 1, &len),
				 E_TOO_LARGE);
	}
}

static void odd_escapes_show_something(void **state)
{
	char text[8];
	size_t len;

	(void)state;
	assert_int_equal(sms_text_from_septets(OCTETS("a\x1b"), text, sizeof text, &len), 0);
	assert_memory_equal(text, "a ", 2);
	assert_int_equal(sms_text_from_septets(OCTETS("\x1b\x1b\x65"), text, sizeof text, &len), 0);
	assert_memory_equal(text, " e", 2);
	assert_int_equal(sms_text_from_septets(OCTETS("\x1bz"), text, sizeof text, &len), 0);
	assert_memory_equal(text, "z", 1);
	assert_int_equal(len, 1);
}

static void ucs2(void **state)
{
	static const struct {
		const char *text;
		const uint8_t *octets;
		size_t n;
	} cases[] = {
		/* protocols 2.4 */
		{"新着メール", OCTETS("\x65\xb0\x77\x40\x30\xe1\x30\xfc\x30\xeb")},
		{"aé\xf0\x9f\x95\x8a", OCTETS("\0a\0\xe9\xd8\x3d\xdd\x4a")},
		{"\xf4\x8f\xbf\xbf", OCTETS("\xdb\xff\xdf\xff")},
	};
	static const struct {
		const uint8_t *octets;
		size_t n;
		const char *text;
	} odd[] = {
		{OCTETS("\xd8\x3d"), "\xef\xbf\xbd"},
		{OCTETS("\xdd\x4a\0a"), "\xef\xbf\xbd"
					"a"},
		{OCTETS("\xd8\x3d\0a"), "\xef\xbf\xbd"
					"a"},
		{OCTETS("\xd8\x3d\xd8\x3d\xdd\x4a"), "\xef\xbf\xbd\xf0\x9f\x95\x8a"},
		{OCTETS("\0\0"), "\xef\xbf\xbd"},
	};
	uint8_t octets[32];
	char text[32];
	size_t n, len;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t text_len = strlen(cases[i].text);

		assert_int_equal(sms_text_to_ucs2(cases[i].text, text_len, octets, cases[i].n, &n),
				 0);
		assert_int_equal(n, cases[i].n);
		assert_memory_equal(octets, cases[i].octets, n);
		assert_int_equal(sms_text_from_ucs2(octets, n, text, text_len, &len), 0);
		assert_memory_equal(text, cases[i].text, text_len);
		assert_int_equal(sms_text_to_ucs2(cases[i].text, text_len, octets, n - 1, &n),
				 E_TOO_LARGE);
		assert_int_equal(sms_text_from_ucs2(octets, n, text, text_len - 1, &len),
				 E_TOO_LARGE);
	}
	for (size_t i = 0; i < COUNT(odd); i++) {
		assert_int_equal(
			sms_text_from_ucs2(odd[i].octets, odd[i].n, text, sizeof text, &len), 0);
		assert_int_equal(len, strlen(odd[i].text));
		assert_memory_equal(text, odd[i].text, len);
	}
	assert_int_equal(sms_text_from_ucs2(octets, 3, text, sizeof text, &len), E_SYNTAX);
}

static void the_shortest_coding_is_chosen(void **state)
{
	static const struct {
		const char *text;
		int err;
		uint8_t dcs;
		size_t n;
	} cases[] = {
		{"mail from taro@spmail.example", 0, SMS_DCS_GSM7, 29},
		{"€uro", 0, SMS_DCS_GSM7, 5},
		{"新着", 0, SMS_DCS_UCS2, 4},
		{"a`", 0, SMS_DCS_UCS2, 4}, /* a grave accent is in neither table */
		{"tab\there", 0, SMS_DCS_UCS2, 16},
		{"", 0, SMS_DCS_GSM7, 0},
		{"\xff", E_SYNTAX, 0, 0},
		{"新\xc3", E_SYNTAX, 0, 0},
		{"\xc0\x80", E_SYNTAX, 0, 0},     /* overlong */
		{"\xed\xa0\x80", E_SYNTAX, 0, 0}, /* a surrogate */
		{"\xf4\x90\x80\x80", E_SYNTAX, 0, 0},
		{"\x80", E_SYNTAX, 0, 0},
		{"\xf9\x80\x80\x80", E_SYNTAX, 0, 0},
		{"0123456789012345678901234567890123456789", E_TOO_LARGE, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t body[32], dcs = 99;
		size_t n = 0, len;
		char text[64];
		int err = sms_text_encode(cases[i].text, strlen(cases[i].text), body, sizeof body,
					  &n, &dcs);

		if (err != cases[i].err || (!err && (dcs != cases[i].dcs || n != cases[i].n)))
			fail_msg("case %zu: %s %u %zu", i, err_text(err), dcs, n);
		if (err)
			continue;
		assert_int_equal(sms_text_decode(dcs, body, n, text, sizeof text, &len), 0);
		assert_int_equal(len, strlen(cases[i].text));
		assert_memory_equal(text, cases[i].text, len);
		assert_int_equal(sms_text_decode(0xf5, body, n, text, sizeof text, &len), E_RANGE);
	}
}

static void codings(void **state)
{
	static const struct {
		uint8_t dcs;
		enum sms_alphabet alphabet;
		int message_class;
		bool is_compressed, is_indication, is_waiting, is_dropped;
		enum sms_indication_kind kind;
	} cases[] = {
		{0x00, SMS_GSM7, -1, 0, 0, 0, 0, 0},  {0x04, SMS_8_BIT, -1, 0, 0, 0, 0, 0},
		{0x08, SMS_UCS2, -1, 0, 0, 0, 0, 0},  {0x0c, SMS_GSM7, -1, 0, 0, 0, 0, 0},
		{0x10, SMS_GSM7, 0, 0, 0, 0, 0, 0},   {0x15, SMS_8_BIT, 1, 0, 0, 0, 0, 0},
		{0x18, SMS_UCS2, 0, 0, 0, 0, 0, 0},   {0x2a, SMS_UCS2, -1, 1, 0, 0, 0, 0},
		{0x80, SMS_GSM7, -1, 0, 0, 0, 0, 0},  {0xbf, SMS_GSM7, -1, 0, 0, 0, 0, 0},
		{0xc8, SMS_GSM7, -1, 0, 1, 1, 1, 0},  {0xd2, SMS_GSM7, -1, 0, 1, 0, 0, 2},
		{0xe9, SMS_UCS2, -1, 0, 1, 1, 0, 1},  {0xf0, SMS_GSM7, 0, 0, 0, 0, 0, 0},
		{0xf5, SMS_8_BIT, 1, 0, 0, 0, 0, 0},  {0xf7, SMS_8_BIT, 3, 0, 0, 0, 0, 0},
		{0x44, SMS_8_BIT, -1, 0, 0, 0, 0, 0}, {0x7f, SMS_GSM7, 3, 1, 0, 0, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sms_dcs dcs = sms_dcs_read(cases[i].dcs);

		if (dcs.alphabet != cases[i].alphabet ||
		    dcs.message_class != cases[i].message_class ||
		    dcs.is_compressed != cases[i].is_compressed ||
		    dcs.is_indication != cases[i].is_indication ||
		    dcs.is_waiting != cases[i].is_waiting ||
		    dcs.is_dropped != cases[i].is_dropped || dcs.kind != cases[i].kind)
			fail_msg("%02x", cases[i].dcs);
	}
	assert_int_equal(sms_dcs_layout(0x2a), SMS_8_BIT);
	assert_int_equal(sms_dcs_layout(0x08), SMS_UCS2);
	assert_true(sms_dcs_read(0x44).is_auto_delete);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(packs),
		cmocka_unit_test(the_alphabet_is_whole),
		cmocka_unit_test(special_characters),
		cmocka_unit_test(odd_escapes_show_something),
		cmocka_unit_test(ucs2),
		cmocka_unit_test(the_shortest_coding_is_chosen),
		cmocka_unit_test(codings),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
