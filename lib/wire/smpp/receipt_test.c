#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/smpp/receipt.h"
#include "lib/wire/smpp/time.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define ID64     "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static int64_t at(const char *digits)
{
	int64_t s;

	assert_int_equal(smpp_time_of_digits(digits, strlen(digits), &s), 0);
	return s;
}

static int parse(const char *text, struct smpp_receipt *out)
{
	size_t len = strlen(text);
	uint8_t *copy = malloc(len + (len == 0));
	int err;

	assert_non_null(copy);
	memcpy(copy, text, len);
	err = smpp_receipt_parse(copy, len, out);
	free(copy);
	return err;
}

/* protocols 3.2 */
static const char worked[] = "id:0000002a sub:001 dlvrd:001 submit date:2601051830 "
			     "done date:2601051830 stat:DELIVRD err:000 text:";

static void both_ways(void **state)
{
	struct smpp_receipt r, again;
	char out[SMPP_MESSAGE_MAX];
	size_t len = 0;

	(void)state;
	assert_int_equal(parse(worked, &r), 0);
	assert_string_equal(r.message_id, "0000002a");
	assert_int_equal(r.state, SMPP_STATE_DELIVERED);
	assert_int_equal(r.submitted, 1);
	assert_int_equal(r.delivered, 1);
	assert_int_equal(r.submit_s, at("2601051830"));
	assert_int_equal(r.done_s, at("260105183000"));
	assert_string_equal(r.error, "000");
	assert_string_equal(r.text, "");
	assert_int_equal(smpp_receipt_format(&r, out, sizeof out, &len), 0);
	assert_int_equal(len, strlen(worked));
	assert_memory_equal(out, worked, len);
	for (size_t size = 0; size <= strlen(worked); size++)
		assert_int_equal(smpp_receipt_format(&r, out, size, &len), E_TOO_LARGE);
	/* the longest there is */
	r = (struct smpp_receipt){.message_id = ID64,
				  .state = SMPP_STATE_SCHEDULED,
				  .submitted = UINT32_MAX,
				  .delivered = UINT32_MAX,
				  .submit_s = at("260105183016"),
				  .done_s = SMPP_RECEIPT_NO_DATE,
				  .has_seconds = true,
				  .error = "123456789012345",
				  .text = "01234567890123456789"};
	assert_int_equal(smpp_receipt_format(&r, out, sizeof out, &len), 0);
	out[len] = '\0';
	assert_int_equal(parse(out, &again), 0);
	assert_string_equal(again.message_id, ID64);
	assert_int_equal(again.submitted, 999);
	assert_int_equal(again.submit_s, r.submit_s);
	assert_int_equal(again.done_s, SMPP_RECEIPT_NO_DATE);
	assert_true(again.has_seconds);
	assert_string_equal(again.error, r.error);
	assert_string_equal(again.text, r.text);
}

static void reads_what_others_write(void **state)
{
	static const struct {
		const char *text, *id;
		uint8_t state;
		const char *error, *message;
	} cases[] = {
		{"id:" ID64 " stat:EXPIRED", ID64, SMPP_STATE_EXPIRED, "", ""},
		{"stat:UNDELIV err:27 id:-1 ", "-1", SMPP_STATE_UNDELIVERABLE, "27", ""},
		{"ID:a SUB:1 Stat:undeliverable Err:0x1f Text:Hi there", "a",
		 SMPP_STATE_UNDELIVERABLE, "0x1f", "Hi there"},
		{"id: 17 sub: dlvrd: submit date: done date: stat: REJECTD err: text: x", "17",
		 SMPP_STATE_REJECTED, "", " x"},
		{"  id:1\r\nstat:ACCEPTD\tsmsc:7 err:1", "1", SMPP_STATE_ACCEPTED, "1", ""},
		{"id:1 stat:WHATEVER", "1", SMPP_STATE_UNKNOWN, "", ""},
		{"id:1 stat:DELETED text:0123456789012345678901234", "1", SMPP_STATE_DELETED, "",
		 "01234567890123456789"},
		{"id:1 stat:ENROUTE err:0123456789abcdef0", "1", SMPP_STATE_ENROUTE,
		 "0123456789abcde", ""},
		/* the sender's words decide nothing */
		{"id:1 stat:EXPIRED err:001 text:id:2 stat:DELIVRD", "1", SMPP_STATE_EXPIRED, "001",
		 "id:2 stat:DELIVRD"},
		{"id:1 stat:EXPIRED text:err:5", "1", SMPP_STATE_EXPIRED, "", "err:5"},
		{"id:1 stat:EXPIRED id:2 stat:DELIVRD", "1", SMPP_STATE_EXPIRED, "", ""},
		{"text:stat:DELIVRD id:9 id:1 stat:EXPIRED", "1", SMPP_STATE_EXPIRED, "",
		 "stat:DELIVRD id:9 id"},
		{"id:1 text:id:2 stat:DELIVRD stat:EXPIRED", "1", SMPP_STATE_EXPIRED, "",
		 "id:2 stat:DELIVRD st"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct smpp_receipt r;

		if (parse(cases[i].text, &r))
			fail_msg("%s", cases[i].text);
		assert_string_equal(r.message_id, cases[i].id);
		assert_int_equal(r.state, cases[i].state);
		assert_string_equal(r.error, cases[i].error);
		assert_string_equal(r.text, cases[i].message);
	}
}

static void reads_dates(void **state)
{
	static const struct {
		const char *digits, *is;
	} cases[] = {
		{"2601051830", "2601051830"},
		{"260105183016", "260105183016"},
		{"20260105183016", "260105183016"},
		{"2613051830", NULL},
		{"0000000000", NULL},
		{"26010518", NULL},
		{"26-01-05", NULL},
		{"19260105183016", NULL},
		{"", NULL},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char text[80] = "id:1 stat:DELIVRD done date:";
		struct smpp_receipt r;

		assert_int_equal(parse(strcat(text, cases[i].digits), &r), 0);
		if (r.done_s != (cases[i].is ? at(cases[i].is) : SMPP_RECEIPT_NO_DATE))
			fail_msg("%s", text);
		assert_int_equal(r.submit_s, SMPP_RECEIPT_NO_DATE);
	}
}

static void refuses(void **state)
{
	static const char *const cases[] = {
		"",
		" ",
		"id:",
		"stat:",
		"id: stat:DELIVRD",
		"id:1",
		"stat:DELIVRD",
		"id:1 stat:",
		"id:" ID64 "0 stat:DELIVRD",
		"id:\xe3\x81\x82 stat:DELIVRD",
		"hello",
		"id:1 stat: ",
		"xid:1 stat:DELIVRD",
		"text:hello",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct smpp_receipt r = {.state = 77};

		if (parse(cases[i], &r) != E_SYNTAX)
			fail_msg("%s", cases[i]);
		assert_int_equal(r.state, 77);
	}
}

static struct smpp_pdu deliver(uint8_t esm_class, const char *text, struct octets_writer *w)
{
	return (struct smpp_pdu){
		.id = SMPP_DELIVER_SM,
		.message = {.esm_class = esm_class,
			    .short_message = {(const uint8_t *)text, strlen(text)}},
		.tlvs = {w->at, w->len}};
}

static void tlvs_win(void **state)
{
	struct smpp_receipt r = {.message_id = "from-tlv",
				 .state = SMPP_STATE_DELETED,
				 .has_network_error = true,
				 .network_type = 3,
				 .network_error = 0x1b2c},
			    got;
	uint8_t buffer[128];
	struct octets_writer w = {.at = buffer, .room = sizeof buffer}, none = {0};
	struct smpp_pdu pdu;

	(void)state;
	smpp_receipt_put_tlvs(&r, &w);
	assert_false(w.is_full);
	pdu = deliver(SMPP_ESM_RECEIPT, worked, &w);
	assert_int_equal(smpp_receipt_read(&pdu, &got), 0);
	assert_string_equal(got.message_id, "from-tlv");
	assert_int_equal(got.state, SMPP_STATE_DELETED);
	assert_true(got.has_network_error);
	assert_int_equal(got.network_type, 3);
	assert_int_equal(got.network_error, 0x1b2c);
	assert_int_equal(got.submitted, 1);
	assert_false(got.is_intermediate);
	/* they are enough, and so is the text */
	pdu = deliver(SMPP_ESM_RECEIPT | SMPP_ESM_UDHI, "", &w);
	assert_int_equal(smpp_receipt_read(&pdu, &got), 0);
	assert_string_equal(got.message_id, "from-tlv");
	pdu = deliver(SMPP_ESM_INTERMEDIATE, worked, &none);
	assert_int_equal(smpp_receipt_read(&pdu, &got), 0);
	assert_string_equal(got.message_id, "0000002a");
	assert_true(got.is_intermediate);
	/* one without either, and what is no receipt */
	pdu = deliver(SMPP_ESM_RECEIPT, "hello", &none);
	assert_int_equal(smpp_receipt_read(&pdu, &got), E_SYNTAX);
	pdu = deliver(SMPP_ESM_DELIVERY_ACK, worked, &w);
	assert_int_equal(smpp_receipt_read(&pdu, &got), E_NOT_FOUND);
	pdu = deliver(0, worked, &w);
	assert_int_equal(smpp_receipt_read(&pdu, &got), E_NOT_FOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ways),   cmocka_unit_test(reads_what_others_write),
		cmocka_unit_test(reads_dates), cmocka_unit_test(refuses),
		cmocka_unit_test(tlvs_win),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
