/* data_coding, TLVs and lengths -> user data of the radio; and what can never be brought there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/wire/sms/udh.h"
#include "smsc-sim/segments.h"

#define COUNT(a)     (sizeof(a) / sizeof(a)[0])
#define PORTS        "\x02\x0a\x00\x02\x23\xf0\x02\x0b\x00\x02\x0b\x84"
#define SAR(n, t, s) "\x02\x0c\x00\x02" n "\x02\x0e\x00\x01" t "\x02\x0f\x00\x01" s

static struct message *make(uint8_t coding, uint8_t esm_class, const void *text, size_t length,
			    const void *tlvs, size_t tlvs_length)
{
	struct message *m = message_new(text, length, tlvs, tlvs_length);

	assert_non_null(m);
	m->data_coding = coding;
	m->esm_class = esm_class;
	m->concat_reference = 0x2a;
	return m;
}

static void test_codings(void **state)
{
	(void)state;
	static const struct {
		uint8_t coding;
		const char *text;
		uint8_t dcs;
		const char *body;
		size_t body_len;
	} rows[] = {
		{0x00, "a\x1b\x65", 0x00, "a\x1b\x65", 3}, /* septets, one an octet */
		{0x00, "a\x80", 0x00, "a?", 2},            /* not of that alphabet */
		{0x01, "a@", 0x00, "a\x00", 2},
		{0x01, "{", 0x00, "\x1b\x28", 2},
		{0x02, "\x80", 0x04, "\x80", 1},
		{0x03, "\xe9", 0x00, "\x05", 1},
		{0x03, "a\xa2", 0x08, "\x00\x61\x00\xa2", 4}, /* a cent: UCS-2 */
		{0x04, "\xff", 0x04, "\xff", 1},
		{0x08, "\x65\xb0", 0x08, "\x65\xb0", 2},
		{0x0d, "\x30", 0x04, "\x30", 1},
		{0xf5, "\x80", 0xf5, "\x80", 1},
		{0xf0, "a", 0xf0, "a", 1},
		{0xc8, "a", 0xc8, "a", 1},
		{0xe8, "\x65\xb0", 0xe8, "\x65\xb0", 2},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct message *m =
			make(rows[i].coding, 0, rows[i].text, strlen(rows[i].text), NULL, 0);
		struct sms_data d = {0};
		assert_int_equal(segments_check(m), SMPP_ROK);
		assert_true(segment_read(m, 0, &d));
		assert_int_equal(d.dcs, rows[i].dcs);
		assert_int_equal(d.body_len, rows[i].body_len);
		assert_memory_equal(d.body, rows[i].body, d.body_len);
		assert_int_equal(d.udh_len, 0);
		assert_int_equal(segments_count(m), 1);
		assert_false(segment_read(m, 1, &d));
		message_free(m);
	}
	assert_int_equal(segment_data_coding(0x00), 0);
	assert_int_equal(segment_data_coding(0x04), 4);
	assert_int_equal(segment_data_coding(0x18), 8);
	assert_int_equal(segment_data_coding(0xf5), 0xf5);
}

static void test_headers(void **state)
{
	(void)state;
	static const struct {
		uint8_t esm_class;
		const char *text;
		size_t length;
		const char *tlvs;
		size_t tlvs_length;
		uint32_t status;
		const char *udh;
		size_t udh_len;
	} rows[] = {
		{0, "x", 1, PORTS, 12, SMPP_ROK, "\x06\x05\x04\x0b\x84\x23\xf0", 7},
		{0, "x", 1, SAR("\x00\x2a", "\x02", "\x01"), 16, SMPP_ROK,
		 "\x05\x00\x03\x2a\x02\x01", 6},
		{0, "x", 1, SAR("\x01\x2a", "\x02", "\x01"), 16, SMPP_ROK,
		 "\x06\x08\x04\x01\x2a\x02\x01", 7},
		{0, "x", 1, PORTS SAR("\x00\x2a", "\x02", "\x02"), 28, SMPP_ROK,
		 "\x0b\x05\x04\x0b\x84\x23\xf0\x00\x03\x2a\x02\x02", 12},
		{0, "x", 1, SAR("\x00\x2a", "\x01", "\x01"), 16, SMPP_ROK, "", 0},
		{0, "x", 1, SAR("\x00\x2a", "\x02", "\x03"), 16, SMPP_RINVOPTPARAMVAL, "", 0},
		{0, "x", 1, SAR("\x00\x2a", "\x00", "\x00"), 16, SMPP_RINVOPTPARAMVAL, "", 0},
		{0, "x", 1, SAR("\x00\x2a", "\x02", "\x01"), 11, SMPP_RMISSINGOPTPARAM, "", 0},
		{0x40, "\x03\x01\x01\x00x", 5, "", 0, SMPP_ROK, "\x03\x01\x01\x00", 4},
		{0x40, "\x03\x01\x01\x00x", 5, PORTS, 12, SMPP_ROPTPARNOTALLWD, "", 0},
		{0x40, "\x09\x01\x01\x00x", 5, "", 0, SMPP_RINVESMCLASS, "", 0},
		{0x40, "", 0, "", 0, SMPP_RINVESMCLASS, "", 0},
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct message *m = make(4, rows[i].esm_class, rows[i].text, rows[i].length,
					 rows[i].tlvs, rows[i].tlvs_length);
		struct sms_data d = {0};
		assert_int_equal(segments_check(m), rows[i].status);
		if (!rows[i].status) {
			assert_true(segment_read(m, 0, &d));
			assert_int_equal(d.udh_len, rows[i].udh_len);
			assert_memory_equal(d.udh, rows[i].udh, d.udh_len);
			assert_int_equal(d.body_len, 1);
		}
		message_free(m);
	}
}

/* Put together again it is what it was, and each part fits. */
static void check_split(uint8_t coding, size_t length, const char *tlvs, size_t tlvs_length,
			unsigned count)
{
	uint8_t *text = malloc(length);
	size_t total = 0;

	assert_non_null(text);
	for (size_t i = 0; i < length; i++)
		text[i] = (uint8_t)(coding == 4 ? i : 'a' + i % 26);
	struct message *m = make(coding, 0, text, length, tlvs, tlvs_length);
	assert_int_equal(segments_check(m), SMPP_ROK);
	assert_int_equal(segments_count(m), count);
	for (unsigned part = 0; part < count; part++) {
		struct sms_data d;
		struct sms_udh udh;
		size_t udh_len;
		assert_true(segment_read(m, part, &d));
		assert_int_equal(sms_udh_decode(d.udh, d.udh_len, &udh, &udh_len), 0);
		assert_true(udh.has_concat && udh.concat.reference == 0x2a);
		assert_int_equal(udh.concat.total, count);
		assert_int_equal(udh.concat.number, part + 1);
		assert_int_equal(udh.has_ports, tlvs_length > 0);
		assert_true(d.body_len <= sms_data_room(d.dcs, d.udh_len, SMS_DATA_OCTETS_MAX));
		assert_memory_equal(d.body, text + total, d.body_len);
		total += d.body_len;
	}
	assert_int_equal(total, length);
	message_free(m);
	free(text);
}

static void test_long_ones(void **state)
{
	(void)state;
	check_split(4, 141, NULL, 0, 2);
	check_split(4, 268, NULL, 0, 2);
	check_split(4, 269, NULL, 0, 3);
	check_split(4, 256, PORTS, 12, 2);
	check_split(0, 161, NULL, 0, 2);
	check_split(0, 307, NULL, 0, 3);
	check_split(4, 255 * 134, NULL, 0, 255);
}

static void test_too_long(void **state)
{
	(void)state;
	static uint8_t text[255 * 134 + 1];
	static const struct {
		uint8_t coding, esm_class;
		size_t length;
		const char *head, *tlvs;
		size_t tlvs_length;
	} rows[] = {
		{4, 0, sizeof text, "", "", 0},
		{4, 0, 200, "", SAR("\x00\x2a", "\x02", "\x01"), 16}, /* a part must fit */
		{4, 0x40, 200, "\x05\x00\x03\x01\x02\x01", "", 0},
		{4, 0x40, 200, "\x03\x70\x01\x01", "", 0}, /* whatever that is, it is said once */
		{8, 0, 141, "", "", 0},                    /* half a character */
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		memset(text, 0, sizeof text);
		memcpy(text, rows[i].head, strlen(rows[i].head) ? (size_t)rows[i].head[0] + 1 : 0);
		struct message *m = make(rows[i].coding, rows[i].esm_class, text, rows[i].length,
					 rows[i].tlvs, rows[i].tlvs_length);
		assert_int_equal(segments_check(m), SMPP_RINVMSGLEN);
		message_free(m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codings),
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_long_ones),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
