#include "lib/wire/sms/rp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"

#define COUNT(a)        (sizeof(a) / sizeof(a)[0])
#define OCTETS(literal) (const uint8_t *)(literal), sizeof(literal) - 1
#define TPDU(literal)   .tpdu = (const uint8_t *)(literal), .tpdu_len = sizeof(literal) - 1

static int decode(enum rp_way way, const uint8_t *octets, size_t len, struct rp_message *out)
{
	static uint8_t block[300];
	uint8_t *copy = block + sizeof block - len;

	memcpy(copy, octets, len);
	return rp_decode(way, copy, len, out);
}

#define CENTRE                                                                                     \
	{                                                                                          \
		SMS_TON_INTERNATIONAL, SMS_NPI_E164, "81900000001"                                 \
	}

static const struct {
	struct rp_message message;
	const uint8_t *octets;
	size_t len;
} good[] = {
	{{RP_TO_PHONE, RP_DATA, 7, CENTRE, TPDU("\x04tpdu")},
	 OCTETS("\x01\x07\x07\x91\x18\x09\x00\x00\x00\xf1\x00\x05\x04tpdu")},
	{{RP_TO_CENTRE, RP_DATA, 255, CENTRE, TPDU("u")},
	 OCTETS("\x00\xff\x00\x07\x91\x18\x09\x00\x00\x00\xf1\x01u")},
	{{.way = RP_TO_PHONE, .type = RP_DATA, TPDU("u")}, OCTETS("\x01\x00\x00\x00\x01u")},
	{{.way = RP_TO_CENTRE, .type = RP_ACK, .reference = 7}, OCTETS("\x02\x07")},
	{{.way = RP_TO_PHONE, .type = RP_ACK, .reference = 7, TPDU("ab")},
	 OCTETS("\x03\x07\x41\x02"
		"ab")},
	{{.way = RP_TO_CENTRE, .type = RP_ERROR, .reference = 7, .cause = RP_MEMORY_EXCEEDED},
	 OCTETS("\x04\x07\x01\x16")},
	{{.way = RP_TO_PHONE,
	  .type = RP_ERROR,
	  .reference = 9,
	  .cause = RP_TEMPORARY_FAILURE,
	  .has_diagnostic = true,
	  .diagnostic = 0x80,
	  TPDU("r")},
	 OCTETS("\x05\x09\x02\x29\x80\x41\x01r")},
	{{.way = RP_TO_CENTRE, .type = RP_SMMA, .reference = 1}, OCTETS("\x06\x01")},
};

static void writes_and_reads(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		const struct rp_message *want = &good[i].message;
		uint8_t out[RP_MESSAGE_MAX];
		struct rp_message m;
		size_t len = 99;

		for (size_t room = 0; room < good[i].len; room++)
			assert_int_equal(rp_encode(want, out, room, &len), E_TOO_LARGE);
		assert_int_equal(rp_encode(want, out, good[i].len, &len), 0);
		assert_int_equal(len, good[i].len);
		assert_memory_equal(out, good[i].octets, len);

		assert_int_equal(decode(want->way, out, len, &m), 0);
		assert_int_equal(m.way, want->way);
		assert_int_equal(m.type, want->type);
		assert_int_equal(m.reference, want->reference);
		assert_true(sms_addr_equal(&m.centre, &want->centre));
		assert_int_equal(m.cause, want->cause);
		assert_int_equal(m.has_diagnostic, want->has_diagnostic);
		assert_int_equal(m.diagnostic, want->diagnostic);
		assert_int_equal(m.tpdu_len, want->tpdu_len);
		if (m.tpdu_len > 0)
			assert_memory_equal(m.tpdu, want->tpdu, m.tpdu_len);
		assert_int_equal(
			decode(want->way == RP_TO_PHONE ? RP_TO_CENTRE : RP_TO_PHONE, out, len, &m),
			E_RANGE);
	}
}

/* Cut short, a message is either refused or one of those that end there (RP-ACK's report). */
static void truncated_is_refused(void **state)
{
	struct rp_message m;

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		for (size_t len = 0; len < good[i].len; len++) {
			int err = decode(good[i].message.way, good[i].octets, len, &m);
			bool may_end =
				(m.type == RP_ACK && len == 2) || (m.type == RP_ERROR && len == 5);

			if (err != E_SYNTAX && !(err == 0 && may_end && m.tpdu_len == 0))
				fail_msg("case %zu at %zu: %s", i, len, err_text(err));
		}
	}
}

static void unknown_elements_are_passed_over(void **state)
{
	struct rp_message m;

	(void)state;
	assert_int_equal(decode(RP_TO_CENTRE, OCTETS("\x02\x07\x42\x02xx\x90\x41\x01r\xa1"), &m),
			 0);
	assert_int_equal(m.tpdu_len, 1);
	assert_int_equal(*m.tpdu, 'r');
	/* the second of two is passed over as well */
	assert_int_equal(decode(RP_TO_CENTRE, OCTETS("\x02\x07\x41\x01r\x41\x01s"), &m), 0);
	assert_int_equal(*m.tpdu, 'r');
	/* RP-SMMA has none */
	assert_int_equal(decode(RP_TO_CENTRE, OCTETS("\x06\x07\x41\x01r"), &m), 0);
	assert_int_equal(m.tpdu_len, 0);
	/* spare bits of the type are not looked at */
	assert_int_equal(decode(RP_TO_CENTRE, OCTETS("\xfa\x07"), &m), 0);
	assert_int_equal(m.type, RP_ACK);
}

static void reading_refuses(void **state)
{
	static const struct {
		enum rp_way way;
		const uint8_t *octets;
		size_t len;
		int err;
	} cases[] = {
		/* a phone's number inside the message, in either place */
		{RP_TO_PHONE, OCTETS("\x01\x07\x00\x02\x91\x18\x01u"), E_SYNTAX},
		{RP_TO_CENTRE, OCTETS("\x00\x07\x02\x91\x18\x00\x01u"), E_SYNTAX},
		/* addresses: type without digits, a name, digits beyond 9, a fill inside, too long
		 */
		{RP_TO_PHONE, OCTETS("\x01\x07\x01\x91\x00\x01u"), E_SYNTAX},
		{RP_TO_PHONE, OCTETS("\x01\x07\x03\xd0\x18\x09\x00\x01u"), E_SYNTAX},
		{RP_TO_PHONE, OCTETS("\x01\x07\x03\x91\x1a\x09\x00\x01u"), E_SYNTAX},
		{RP_TO_PHONE, OCTETS("\x01\x07\x03\x91\xf1\x09\x00\x01u"), E_SYNTAX},
		{RP_TO_PHONE,
		 OCTETS("\x01\x07\x0c\x91\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x11\x00\x01u"),
		 E_TOO_LARGE},
		{RP_TO_PHONE, OCTETS("\x01\x07\x03\x11\x18\x09\x00\x01u"), E_SYNTAX},
		/* no TPDU, one over the end, octets after it that are no elements */
		{RP_TO_PHONE, OCTETS("\x01\x07\x00\x00\x00"), E_SYNTAX},
		{RP_TO_PHONE, OCTETS("\x01\x07\x00\x00\x02u"), E_SYNTAX},
		{RP_TO_PHONE, OCTETS("\x01\x07\x00\x00\x01uv"), E_SYNTAX},
		/* causes: none, three octets, over the end */
		{RP_TO_PHONE, OCTETS("\x05\x07\x00"), E_SYNTAX},
		{RP_TO_PHONE, OCTETS("\x05\x07\x03\x16\x00\x00"), E_SYNTAX},
		{RP_TO_PHONE, OCTETS("\x05\x07\x02\x16"), E_SYNTAX},
		/* reports: empty, over the end; an element over the end */
		{RP_TO_CENTRE, OCTETS("\x02\x07\x41\x00"), E_SYNTAX},
		{RP_TO_CENTRE, OCTETS("\x02\x07\x41\x03u"), E_SYNTAX},
		{RP_TO_CENTRE, OCTETS("\x02\x07\x42\x03u"), E_SYNTAX},
		{RP_TO_CENTRE, OCTETS("\x02\x07\x42"), E_SYNTAX},
		/* a phone's message from the network, and one that nobody sends */
		{RP_TO_PHONE, OCTETS("\x06\x01"), E_RANGE},
		{RP_TO_PHONE, OCTETS("\x07\x01"), E_RANGE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct rp_message m = {.reference = 77};
		int err = decode(cases[i].way, cases[i].octets, cases[i].len, &m);

		if (err != cases[i].err)
			fail_msg("case %zu: %s", i, err_text(err));
		assert_int_equal(m.reference, 77);
	}
}

static void writing_refuses(void **state)
{
	static const uint8_t tpdu[RP_TPDU_MAX + 1];
	static const struct {
		struct rp_message message;
		int err;
	} cases[] = {
		{{.type = RP_DATA}, E_SYNTAX},
		{{.type = RP_DATA, .tpdu = tpdu, .tpdu_len = sizeof tpdu}, E_TOO_LARGE},
		{{.type = RP_DATA,
		  .centre = {.ton = SMS_TON_ALPHANUMERIC, .text = "Hato"},
		  TPDU("u")},
		 E_SYNTAX},
		{{.type = RP_DATA, .centre = {1, 1, "+81"}, TPDU("u")}, E_SYNTAX},
		{{.type = RP_DATA, .centre = {1, 1, "*81"}, TPDU("u")}, E_SYNTAX},
		{{.type = RP_DATA, .centre = {1, 1, "123456789012345678901"}, TPDU("u")},
		 E_TOO_LARGE},
		{{.type = RP_ERROR, .cause = 128}, E_RANGE},
		{{.way = RP_TO_PHONE, .type = RP_SMMA}, E_RANGE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t out[RP_MESSAGE_MAX];
		size_t len;

		if (rp_encode(&cases[i].message, out, sizeof out, &len) != cases[i].err)
			fail_msg("case %zu", i);
	}
}

static void causes_have_names_and_classes(void **state)
{
	(void)state;
	assert_string_equal(rp_cause_name(22), "memory capacity exceeded");
	assert_null(rp_cause_name(5));
	assert_true(rp_cause_is_temporary(RP_MEMORY_EXCEEDED));
	assert_true(rp_cause_is_temporary(RP_DESTINATION_OUT_OF_ORDER));
	assert_false(rp_cause_is_temporary(RP_UNASSIGNED_NUMBER));
	assert_false(rp_cause_is_temporary(5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(writes_and_reads),
		cmocka_unit_test(truncated_is_refused),
		cmocka_unit_test(unknown_elements_are_passed_over),
		cmocka_unit_test(reading_refuses),
		cmocka_unit_test(writing_refuses),
		cmocka_unit_test(causes_have_names_and_classes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
