#include "lib/wire/sms/parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/wire/sms/text.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static struct sms_data parts[SMS_PARTS_MAX];
static uint8_t body[50000];

static struct sms_udh header(const struct sms_data *part)
{
	struct sms_udh udh = {0};
	size_t len;

	if (part->udh_len > 0)
		assert_int_equal(sms_udh_decode(part->udh, part->udh_len, &udh, &len), 0);
	return udh;
}

/* protocols 2.4: what one message takes, and what each part of several does. */
static void the_capacities(void **state)
{
	static const struct {
		uint8_t dcs;
		bool has_ports, is_16_bit;
		size_t one, each;
	} cases[] = {
		{0x00, false, false, 160, 153}, {0x00, false, true, 160, 152},
		{0xf5, false, false, 140, 134}, {0x04, false, true, 140, 133},
		{0x08, false, false, 140, 134}, {0x08, false, true, 140, 132},
		{0xf5, true, false, 133, 128},  {0xf5, true, true, 133, 127},
		{0x00, true, false, 152, 146},  {0x08, true, true, 132, 126},
		{0x20, false, false, 140, 134}, /* compressed: octets */
	};

	(void)state;
	memset(body, 'a', sizeof body);
	for (size_t i = 0; i < COUNT(cases); i++) {
		const struct sms_split how = {.dcs = cases[i].dcs,
					      .has_ports = cases[i].has_ports,
					      .ports = {2948, 9200, false},
					      .reference = 0x1234,
					      .is_16_bit = cases[i].is_16_bit};
		size_t step = cases[i].dcs == 8 ? 2 : 1, count;

		assert_int_equal(sms_split(&how, body, cases[i].one, parts, 9, &count), 0);
		assert_int_equal(count, 1);
		assert_int_equal(parts[0].body_len, cases[i].one);
		assert_false(header(&parts[0]).has_concat);
		assert_int_equal(header(&parts[0]).has_ports, cases[i].has_ports);

		assert_int_equal(sms_split(&how, body, cases[i].one + step, parts, 9, &count), 0);
		assert_int_equal(count, 2);
		assert_int_equal(parts[0].body_len, cases[i].each);

		assert_int_equal(sms_split(&how, body, 3 * cases[i].each, parts, 3, &count), 0);
		assert_int_equal(count, 3);
		for (uint8_t k = 0; k < 3; k++) {
			struct sms_udh udh = header(&parts[k]);

			assert_int_equal(parts[k].dcs, cases[i].dcs);
			assert_int_equal(parts[k].body_len, cases[i].each);
			assert_int_equal(udh.concat.number, k + 1);
			assert_int_equal(udh.concat.total, 3);
			assert_int_equal(udh.concat.is_16_bit, cases[i].is_16_bit);
			assert_int_equal(udh.concat.reference, cases[i].is_16_bit ? 0x1234 : 0x34);
			assert_int_equal(udh.has_ports, cases[i].has_ports);
		}
		assert_int_equal(sms_split(&how, body, 3 * cases[i].each + step, parts, 3, &count),
				 E_TOO_LARGE);
	}
}

static void an_empty_message_is_one_part(void **state)
{
	const struct sms_split how = {.dcs = 0};
	size_t count;

	(void)state;
	assert_int_equal(sms_split(&how, NULL, 0, parts, 1, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(parts[0].body_len + parts[0].udh_len, 0);
	assert_int_equal(sms_split(&how, NULL, 0, parts, 0, &count), E_TOO_LARGE);
}

/* 152 letters, then a character of two septets where the part has room for one. */
static void a_cut_leaves_an_escape_whole(void **state)
{
	const struct sms_split how = {.dcs = 0};
	size_t count;

	(void)state;
	memset(body, 'a', 200);
	body[152] = SMS_ESCAPE;
	body[153] = 0x65;
	assert_int_equal(sms_split(&how, body, 200, parts, 9, &count), 0);
	assert_int_equal(parts[0].body_len, 152);
	assert_int_equal(parts[1].body[0], SMS_ESCAPE);
	/* ESC ESC is one character too: the third ESC begins the next one */
	body[151] = SMS_ESCAPE;
	body[152] = SMS_ESCAPE;
	body[153] = SMS_ESCAPE;
	assert_int_equal(sms_split(&how, body, 200, parts, 9, &count), 0);
	assert_int_equal(parts[0].body_len, 153);
}

static void a_cut_leaves_a_surrogate_pair_whole(void **state)
{
	const struct sms_split how = {.dcs = 8};
	size_t count, n;
	char text[400];

	(void)state;
	/* 66 units and then nothing but pairs of two: 67 would cut the first one */
	memset(text, 'a', 66);
	for (size_t i = 0; i < 20; i++)
		memcpy(text + 66 + 4 * i, "\xf0\x9f\x95\x8a", 4);
	assert_int_equal(sms_text_to_ucs2(text, 66 + 80, body, sizeof body, &n), 0);
	assert_int_equal(sms_split(&how, body, n, parts, 9, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(parts[0].body_len, 132);
	assert_int_equal(parts[1].body_len, 80);
	for (size_t i = 0; i < count; i++) {
		size_t len;

		assert_int_equal(sms_text_from_ucs2(parts[i].body, parts[i].body_len, text,
						    sizeof text, &len),
				 0);
		assert_null(memmem(text, len, "\xef\xbf\xbd", 3));
	}
	assert_int_equal(sms_split(&how, body, n - 1, parts, 9, &count), E_SYNTAX);
}

static void what_cannot_be_said_is_refused(void **state)
{
	const struct sms_split how = {.dcs = 4, .has_ports = true, .ports = {2948, 1, true}};
	const struct sms_split bare = {.dcs = 4};
	size_t count = 99;

	(void)state;
	assert_int_equal(sms_split(&how, body, 10, parts, 9, &count), E_RANGE);
	assert_int_equal(sms_split(&bare, body, sizeof body, parts, SIZE_MAX, &count), E_TOO_LARGE);
	assert_int_equal(count, 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_capacities),
		cmocka_unit_test(an_empty_message_is_one_part),
		cmocka_unit_test(a_cut_leaves_an_escape_whole),
		cmocka_unit_test(a_cut_leaves_a_surrogate_pair_whole),
		cmocka_unit_test(what_cannot_be_said_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
