#include "lib/wire/sms/sms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/wire/sms/udh.h"

#define COUNT(a)        (sizeof(a) / sizeof(a)[0])
#define OCTETS(literal) (const uint8_t *)(literal), sizeof(literal) - 1

#define PORTS "\x06\x05\x04\x0b\x84\x23\xf0"
#define WSP   "\x2a\x06\x06\x03\x02\x03\x0a\xaf\x89"
#define EMN                                                                                        \
	"\x03\x0d\x6a\x00\x85\x07\x03\x74\x61\x72\x6f\x40\x73\x70\x6d\x61\x69\x6c\x2e\x65\x78"     \
	"\x61\x6d\x70\x6c\x65\x00\x05\xc3\x07\x20\x26\x01\x05\x09\x30\x15\x01"
#define FROM "\x0c\x91\x18\x09\x21\x43\x65\x87"
#define SENT "\x62\x10\x50\x81\x03\x61\x63"

/* protocols 2.1: the whole SMS-DELIVER. */
static const uint8_t trigger[] = "\x44" FROM "\x00\xf5" SENT "\x36" PORTS WSP EMN;

#define TRIGGER_LEN (sizeof trigger - 1)
#define SENT_S      1767605416 /* 2026-01-05T18:30:16+09:00 */

/* Decodes a copy of exactly `len` octets, so that a sanitizer sees a read past its end. */
static int decode(enum rp_way way, enum rp_type carrier, const uint8_t *octets, size_t len,
		  struct sms_tpdu *out)
{
	uint8_t *copy = malloc(len + (len == 0));

	assert_non_null(copy);
	memcpy(copy, octets, len);
	int err = sms_decode(way, carrier, copy, len, out);
	free(copy);
	return err;
}

static void put_body(struct sms_data *data, const void *body, size_t len)
{
	memcpy(data->body, body, len);
	data->body_len = len;
}

static struct sms_tpdu the_trigger(void)
{
	struct sms_tpdu t = {
		.type = SMS_DELIVER, .deliver.sent = {true, SENT_S, 36}, .deliver.data.dcs = 0xf5};
	struct sms_udh udh = {.has_ports = true, .ports = {2948, 9200, false}};

	assert_int_equal(sms_addr_number("819012345678", &t.deliver.from), 0);
	assert_int_equal(
		sms_udh_encode(&udh, t.deliver.data.udh, SMS_UDH_MAX, &t.deliver.data.udh_len), 0);
	put_body(&t.deliver.data, WSP EMN, sizeof WSP EMN - 1);
	return t;
}

static void a_trigger_is_written_to_the_octet(void **state)
{
	struct sms_tpdu t = the_trigger();
	uint8_t out[SMS_TPDU_MAX];
	size_t len = 0;

	(void)state;
	assert_int_equal(TRIGGER_LEN, 73);
	for (size_t room = 0; room < TRIGGER_LEN; room++)
		assert_int_equal(sms_encode(&t, out, room, &len), E_TOO_LARGE);
	assert_int_equal(sms_encode(&t, out, TRIGGER_LEN, &len), 0);
	assert_int_equal(len, TRIGGER_LEN);
	assert_memory_equal(out, trigger, TRIGGER_LEN);
}

static void a_trigger_is_read(void **state)
{
	struct sms_tpdu t, want = the_trigger();
	struct sms_udh udh;
	size_t udh_len;

	(void)state;
	assert_int_equal(decode(RP_TO_PHONE, RP_DATA, trigger, TRIGGER_LEN, &t), 0);
	assert_memory_equal(&t, &want, sizeof t);
	assert_int_equal(sms_udh_decode(t.deliver.data.udh, t.deliver.data.udh_len, &udh, &udh_len),
			 0);
	assert_true(udh.has_ports && !udh.has_concat);
	assert_int_equal(udh.ports.destination, 2948);
	assert_int_equal(udh.ports.source, 9200);
}

#define PHONE               "\x0c\x91\x18\x09\x21\x43\x65\x78"
#define STATUS_REPORT_LEAST 25 /* octets, with such a number: what TP-PI announces may follow */
#define ZERO                "\0\0\0\0\0\0\0"

#define HELLO    .body = {'h', 'e', 'l', 'l', 'o'}, .body_len = 5
#define HELLO_TP "\x05\xe8\x32\x9b\xfd\x06"
#define PHONE_IS                                                                                   \
	{                                                                                          \
		SMS_TON_INTERNATIONAL, SMS_NPI_E164, "819012345687"                                \
	}
#define SENT_AT                                                                                    \
	{                                                                                          \
		true, SENT_S, 36                                                                   \
	}

/* Each kind, with and without what may be left out. */
static const struct {
	struct sms_tpdu tpdu;
	enum rp_way way;
	enum rp_type carrier;
	const uint8_t *octets;
	size_t len;
} good[] = {
	{{.type = SMS_DELIVER,
	  .deliver = {.has_more_waiting = true,
		      .is_looped = true,
		      .wants_report = true,
		      .has_reply_path = true,
		      .from = {SMS_TON_ALPHANUMERIC, 0, "Hato"},
		      .pid = SMS_PID_REPLACE_FIRST,
		      .sent = SENT_AT,
		      .data = {HELLO}}},
	 RP_TO_PHONE,
	 RP_DATA,
	 OCTETS("\xa8\x07\xd0\xc8\x30\xfd\x0d\x41\x00" SENT HELLO_TP)},
	/* a header of six octets and its bit of fill: seven septets of the length */
	{{.type = SMS_DELIVER,
	  .deliver = {.from = {SMS_TON_UNKNOWN, 0, "1"},
		      .data = {.udh = "\x05\x00\x03\x01\x02\x01", .udh_len = 6, HELLO}}},
	 RP_TO_PHONE,
	 RP_DATA,
	 OCTETS("\x44\x01\x80\xf1\x00\x00" ZERO "\x0c\x05\x00\x03\x01\x02\x01\xd0\x65\x36\xfb"
		"\x0d")},
	{{.type = SMS_SUBMIT,
	  .submit = {.rejects_duplicates = true,
		     .wants_report = true,
		     .has_reply_path = true,
		     .reference = 0x2a,
		     .to = PHONE_IS,
		     .validity = {.form = SMS_VALIDITY_RELATIVE, .period_s = 600},
		     .data = {HELLO}}},
	 RP_TO_CENTRE,
	 RP_DATA,
	 OCTETS("\xb5\x2a" PHONE "\x00\x00\x01" HELLO_TP)},
	{{.type = SMS_SUBMIT,
	  .submit = {.to = PHONE_IS,
		     .validity = {.form = SMS_VALIDITY_ABSOLUTE, .until = SENT_AT},
		     .data = {.dcs = 8, .body = "\x65\xb0\x77\x40", .body_len = 4}}},
	 RP_TO_CENTRE,
	 RP_DATA,
	 OCTETS("\x19\x00" PHONE "\x00\x08" SENT "\x04\x65\xb0\x77\x40")},
	{{.type = SMS_SUBMIT,
	  .submit = {.to = PHONE_IS,
		     .validity = {.form = SMS_VALIDITY_ENHANCED, .has_period = true, .period_s = 9},
		     .data = {.dcs = 4, .udh = PORTS, .udh_len = 7}}},
	 RP_TO_CENTRE,
	 RP_DATA,
	 OCTETS("\x49\x00" PHONE "\x00\x04\x02\x09\0\0\0\0\0\x07" PORTS)},
	{{.type = SMS_SUBMIT, .submit = {.to = PHONE_IS}},
	 RP_TO_CENTRE,
	 RP_DATA,
	 OCTETS("\x01\x00" PHONE "\x00\x00\x00")},
	{{.type = SMS_DELIVER_REPORT}, RP_TO_CENTRE, RP_ACK, OCTETS("\x00\x00")},
	{{.type = SMS_DELIVER_REPORT,
	  .report = {.end = {.has_pid = true,
			     .pid = 0x7f,
			     .has_dcs = true,
			     .has_data = true,
			     .data = {.dcs = 0xf6, .body = "\x02\x71", .body_len = 2}}}},
	 RP_TO_CENTRE,
	 RP_ACK,
	 OCTETS("\x00\x07\x7f\xf6\x02\x02\x71")},
	{{.type = SMS_DELIVER_REPORT, .report = {.is_error = true, .failure = SMS_FAILURE_MEMORY}},
	 RP_TO_CENTRE,
	 RP_ERROR,
	 OCTETS("\x00\xd3\x00")},
	{{.type = SMS_SUBMIT_REPORT, .report = {.sent = SENT_AT}},
	 RP_TO_PHONE,
	 RP_ACK,
	 OCTETS("\x01\x00" SENT)},
	{{.type = SMS_SUBMIT_REPORT,
	  .report = {.is_error = true,
		     .failure = SMS_FAILURE_SYSTEM,
		     .sent = SENT_AT,
		     .end = {.has_data = true,
			     .data = {.udh = "\x05\x00\x03\x01\x02\x01", .udh_len = 6, HELLO}}}},
	 RP_TO_PHONE,
	 RP_ERROR,
	 OCTETS("\x41\xc2\x04" SENT "\x0c\x05\x00\x03\x01\x02\x01\xd0\x65\x36\xfb\x0d")},
	{{.type = SMS_STATUS_REPORT,
	  .status_report = {.reference = 0x2a,
			    .to = PHONE_IS,
			    .sent = SENT_AT,
			    .done = {true, SENT_S + 5, 36},
			    .status = SMS_STATUS_RECEIVED}},
	 RP_TO_PHONE,
	 RP_DATA,
	 OCTETS("\x06\x2a" PHONE SENT "\x62\x10\x50\x81\x03\x12\x63\x00")},
	{{.type = SMS_STATUS_REPORT,
	  .status_report = {.has_more_waiting = true,
			    .is_looped = true,
			    .is_of_command = true,
			    .to = PHONE_IS,
			    .sent = SENT_AT,
			    .done = SENT_AT,
			    .status = SMS_STATUS_EXPIRED,
			    .end = {.has_dcs = true,
				    .has_data = true,
				    .data = {.dcs = 4, .body = "ab", .body_len = 2}}}},
	 RP_TO_PHONE,
	 RP_DATA,
	 OCTETS("\x2a\x00" PHONE SENT SENT "\x46\x06\x04\x02"
		"ab")},
};

static void every_kind_is_written_and_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(good); i++) {
		uint8_t out[SMS_TPDU_MAX];
		struct sms_tpdu t;
		size_t len = 99;

		for (size_t room = 0; room < good[i].len; room++)
			assert_int_equal(sms_encode(&good[i].tpdu, out, room, &len), E_TOO_LARGE);
		assert_int_equal(sms_encode(&good[i].tpdu, out, good[i].len, &len), 0);
		if (len != good[i].len || memcmp(out, good[i].octets, len) != 0)
			fail_msg("case %zu is written otherwise", i);
		assert_int_equal(decode(good[i].way, good[i].carrier, out, len, &t), 0);
		if (memcmp(&t, &good[i].tpdu, sizeof t) != 0)
			fail_msg("case %zu is read otherwise", i);
	}
}

static void truncated_everywhere_is_refused(void **state)
{
	struct sms_tpdu t;

	(void)state;
	for (size_t len = 0; len < TRIGGER_LEN; len++)
		assert_int_equal(decode(RP_TO_PHONE, RP_DATA, trigger, len, &t), E_SYNTAX);
	for (size_t i = 0; i < COUNT(good); i++) {
		for (size_t len = 0; len < good[i].len; len++) {
			bool may_end = good[i].tpdu.type == SMS_STATUS_REPORT &&
				       len == STATUS_REPORT_LEAST;
			int err = decode(good[i].way, good[i].carrier, good[i].octets, len, &t);

			if (err != (may_end ? 0 : E_SYNTAX))
				fail_msg("case %zu at %zu: %s", i, len, err_text(err));
		}
	}
}

/* The two low bits are read by the way and the carrier; what goes nowhere is refused. */
static void only_what_goes_that_way_is_read(void **state)
{
	static const struct {
		enum rp_way way;
		enum rp_type carrier;
		uint8_t first;
	} cases[] = {
		{RP_TO_PHONE, RP_DATA, 0x01},  {RP_TO_PHONE, RP_DATA, 0x03},
		{RP_TO_PHONE, RP_ACK, 0x00},   {RP_TO_PHONE, RP_ERROR, 0x02},
		{RP_TO_CENTRE, RP_DATA, 0x00}, {RP_TO_CENTRE, RP_DATA, 0x02},
		{RP_TO_CENTRE, RP_ACK, 0x01},  {RP_TO_CENTRE, RP_ERROR, 0x02},
		{RP_TO_CENTRE, RP_SMMA, 0x00}, {RP_TO_PHONE, RP_SMMA, 0x01},
		{RP_TO_CENTRE, RP_DATA, 0x03},
	};
	struct sms_tpdu t = {.type = 77};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t octets[16] = {cases[i].first};

		if (decode(cases[i].way, cases[i].carrier, octets, sizeof octets, &t) != E_RANGE)
			fail_msg("case %zu", i);
	}
	assert_int_equal(t.type, 77);
}

#define DELIVER(dcs)   "\x04\x01\x80\xf1\x00" dcs ZERO
#define DELIVER_H(dcs) "\x44\x01\x80\xf1\x00" dcs ZERO

static void user_data_are_as_long_as_they_say(void **state)
{
	static const struct {
		const uint8_t *octets;
		size_t len;
		int err;
	} cases[] = {
		/* eight septets are seven octets: six are too few, eight too many */
		{OCTETS(DELIVER("\x00") "\x08\x61\x61\x61\x61\x61\x61\x61"), 0},
		{OCTETS(DELIVER("\x00") "\x08\x61\x61\x61\x61\x61\x61"), E_SYNTAX},
		{OCTETS(DELIVER("\x00") "\x08\x61\x61\x61\x61\x61\x61\x61\x61"), E_SYNTAX},
		{OCTETS(DELIVER("\x04") "\x02\x61\x61"), 0},
		{OCTETS(DELIVER("\x04") "\x02\x61"), E_SYNTAX},
		{OCTETS(DELIVER("\x04") "\x02\x61\x61\x61"), E_SYNTAX},
		{OCTETS(DELIVER("\x00") "\x00"), 0},
		{OCTETS(DELIVER("\x00") "\x00\x00"), E_SYNTAX},
		/* over 160 septets, over 140 octets */
		{OCTETS(DELIVER("\x00") "\xa1"), E_TOO_LARGE},
		{OCTETS(DELIVER("\x08") "\x8d"), E_TOO_LARGE},
		{OCTETS(DELIVER("\x00") "\xff"), E_TOO_LARGE},
		/* a header with no data, one over them, one that leaves no septet for itself */
		{OCTETS(DELIVER_H("\x04") "\x00"), E_SYNTAX},
		{OCTETS(DELIVER_H("\x04") "\x02\x02\x00"), E_SYNTAX},
		{OCTETS(DELIVER_H("\x04") "\x03\x02\x00\x00"), 0},
		{OCTETS(DELIVER_H("\x00") "\x03\x02\x00\x00"), E_SYNTAX},
		{OCTETS(DELIVER_H("\x00") "\x04\x02\x00\x00\x00"), 0},
		{OCTETS(DELIVER_H("\x00") "\x04\xff\x00\x00\x00"), E_SYNTAX},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sms_tpdu t;
		int err = decode(RP_TO_PHONE, RP_DATA, cases[i].octets, cases[i].len, &t);

		if (err != cases[i].err)
			fail_msg("case %zu: %s", i, err_text(err));
	}
}

/* What a later version of the standard may put at a report's end. */
static void reports_may_have_more(void **state)
{
	static const struct {
		enum rp_way way;
		enum rp_type carrier;
		const uint8_t *octets;
		size_t len;
		int err;
	} cases[] = {
		{RP_TO_CENTRE, RP_ACK, OCTETS("\x00\x08xyz"), 0},
		{RP_TO_CENTRE, RP_ACK, OCTETS("\x00\x81\x00\x40xyz"), 0},
		{RP_TO_CENTRE, RP_ACK, OCTETS("\x00\x80"), E_SYNTAX},
		{RP_TO_CENTRE, RP_ACK, OCTETS("\x00\x80\x80\x80"), E_SYNTAX},
		{RP_TO_CENTRE, RP_ACK, OCTETS("\x00\x00x"), E_SYNTAX},
		{RP_TO_CENTRE, RP_ACK, OCTETS("\x00\x01\x40x"), E_SYNTAX},
		/* a cause without bit 7: no error report, but one of an RP-ACK */
		{RP_TO_CENTRE, RP_ERROR, OCTETS("\x00\x7f\x00"), E_SYNTAX},
		{RP_TO_PHONE, RP_ERROR, OCTETS("\x01\x00" SENT), E_SYNTAX},
		{RP_TO_PHONE, RP_DATA, OCTETS("\x06\x2a" PHONE SENT SENT "\x00\x00\x00"), E_SYNTAX},
		{RP_TO_PHONE, RP_DATA, OCTETS("\x06\x2a" PHONE SENT SENT "\x00\x10\x00"), 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sms_tpdu t;
		int err = decode(cases[i].way, cases[i].carrier, cases[i].octets, cases[i].len, &t);

		if (err != cases[i].err)
			fail_msg("case %zu: %s", i, err_text(err));
	}
}

static void report_bounds(void **state)
{
	struct sms_tpdu t = {.type = SMS_DELIVER_REPORT,
			     .report.end = {.has_dcs = true, .has_data = true, .data.dcs = 4}};
	static const struct {
		enum sms_type type;
		bool is_error;
		size_t octets_max;
	} cases[] = {
		{SMS_DELIVER_REPORT, false, 159},
		{SMS_DELIVER_REPORT, true, 158},
		{SMS_SUBMIT_REPORT, false, 152},
		{SMS_SUBMIT_REPORT, true, 151},
	};
	uint8_t out[SMS_TPDU_MAX];
	size_t len;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		t.type = cases[i].type;
		t.report.is_error = cases[i].is_error;
		t.report.failure = 0xff;
		t.report.end.data.body_len = cases[i].octets_max;
		assert_int_equal(sms_encode(&t, out, sizeof out, &len), 0);
		assert_true(len <= RP_TPDU_MAX);
		t.report.end.data.body_len++;
		assert_int_equal(sms_encode(&t, out, sizeof out, &len), E_TOO_LARGE);
	}
}

static void writing_refuses(void **state)
{
	static const struct {
		struct sms_tpdu tpdu;
		int err;
	} cases[] = {
		{{.type = SMS_SUBMIT, .submit.to = {1, 1, "+81"}}, E_SYNTAX},
		{{.type = SMS_SUBMIT,
		  .submit = {.to = PHONE_IS, .validity.form = SMS_VALIDITY_RELATIVE}},
		 E_RANGE},
		{{.type = SMS_DELIVER, .deliver = {.sent = {true, -1, 0}}}, E_RANGE},
		{{.type = SMS_DELIVER, .deliver.data = {.body_len = 161}}, E_TOO_LARGE},
		{{.type = SMS_DELIVER, .deliver.data = {.dcs = 4, .body_len = 141}}, E_TOO_LARGE},
		{{.type = SMS_DELIVER,
		  .deliver.data = {.udh = "\x05\x00\x03\x01\x02\x01",
				   .udh_len = 6,
				   .body_len = 154}},
		 E_TOO_LARGE},
		/* a header whose length octet says otherwise */
		{{.type = SMS_DELIVER, .deliver.data = {.dcs = 4, .udh = "\x05", .udh_len = 7}},
		 E_SYNTAX},
		{{.type = SMS_DELIVER_REPORT, .report = {.is_error = true, .failure = 22}},
		 E_RANGE},
		{{.type = SMS_DELIVER_REPORT, .report.end = {.has_data = true, .data.dcs = 4}},
		 E_RANGE},
		{{.type = 9}, E_RANGE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		uint8_t out[SMS_TPDU_MAX];
		size_t len;
		int err = sms_encode(&cases[i].tpdu, out, sizeof out, &len);

		if (err != cases[i].err)
			fail_msg("case %zu: %s", i, err_text(err));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_trigger_is_written_to_the_octet),
		cmocka_unit_test(a_trigger_is_read),
		cmocka_unit_test(every_kind_is_written_and_read),
		cmocka_unit_test(truncated_everywhere_is_refused),
		cmocka_unit_test(only_what_goes_that_way_is_read),
		cmocka_unit_test(user_data_are_as_long_as_they_say),
		cmocka_unit_test(reports_may_have_more),
		cmocka_unit_test(report_bounds),
		cmocka_unit_test(writing_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
