/* Everything that is not a PDU, with the status that it deserves; and what is let pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/smpp/fixture.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static void frames(void **state)
{
	static const struct {
		const char *hex;
		int err;
		size_t len;
	} cases[] = {
		{"", E_AGAIN, 0},
		{"000000", E_AGAIN, 0},
		{"00000010", E_AGAIN, 0},
		{"00000010000000150000000000000008", 0, 16},
		{"0000001000000015000000000000000800", 0, 16},
		{"00000011000000150000000000000008", E_AGAIN, 0},
		{"00000000", E_SYNTAX, 0},
		{"0000000f", E_SYNTAX, 0},
		{"ffffffff", E_SYNTAX, 0},
		{"00000401", E_SYNTAX, 0},
		{"00000400", E_AGAIN, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct octets o = unhex(cases[i].hex);
		size_t len = 0;
		int err = smpp_frame(o.at, o.n, 0x400, &len);

		free(o.at);
		if (err != cases[i].err || len != cases[i].len)
			fail_msg("%s: %s", cases[i].hex, err_text(err));
	}
}

#define SENDER                                                                                     \
	"00"                                                                                       \
	"010138313900"
#define RECEIVER "010138313900"

static const struct {
	uint32_t id;
	const char *body;
	uint32_t status;
} broken[] = {
	/* texts: one octet over their bound, without a NUL, not ASCII */
	{SMPP_BIND_TRANSMITTER, "3132333435363738393031323334353600", SMPP_RINVSYSID},
	{SMPP_BIND_TRANSMITTER, "31323334", SMPP_RINVCMDLEN},
	{SMPP_BIND_TRANSMITTER, "e38100000034000000", SMPP_RINVSYSID},
	{SMPP_BIND_RECEIVER, "003132333435363738390000", SMPP_RINVPASWD},
	{SMPP_BIND_TRANSCEIVER, "00003132333435363738393031323300", SMPP_RINVSYSTYP},
	{SMPP_BIND_TRANSCEIVER, "0000003400", SMPP_RINVCMDLEN},
	{SMPP_BIND_TRANSCEIVER, "", SMPP_RINVCMDLEN},
	{SMPP_SUBMIT_SM, "31323334353600", SMPP_RINVSERTYP},
	{SMPP_SUBMIT_SM, "00010131323334353637383930313233343536373839303100", SMPP_RINVSRCADR},
	{SMPP_SUBMIT_SM, SENDER "010131323334353637383930313233343536373839303100",
	 SMPP_RINVDSTADR},
	{SMPP_SUBMIT_SM, SENDER "01", SMPP_RINVCMDLEN},
	{SMPP_QUERY_SM,
	 "31323334353637383930313233343536373839303132333435363738393031323334353637383930313233343"
	 "5363738393031323334353637383930313233343500",
	 SMPP_RINVMSGID},
	/* times: not of the form, no such date, of 15 characters, too long */
	{SMPP_SUBMIT_SM, SENDER RECEIVER "0000003100000100040000", SMPP_RINVSCHED},
	{SMPP_SUBMIT_SM, SENDER RECEIVER "00000000323631333035313833303136303336000100040000",
	 SMPP_RINVEXPIRY},
	{SMPP_SUBMIT_SM, SENDER RECEIVER "000000003236313330353138333031363033362b000100040000",
	 SMPP_RINVEXPIRY},
	{SMPP_SUBMIT_SM, SENDER RECEIVER "0000003236303130353138333031363033362b3000000100040000",
	 SMPP_RINVSCHED},
	{SMPP_REPLACE_SM, "3100010100300000000000", SMPP_RINVSCHED},
	{SMPP_REPLACE_SM, "3100010100003000000000", SMPP_RINVEXPIRY},
	/* messages: of 255, longer than the PDU, beside a payload */
	{SMPP_SUBMIT_SM, SENDER RECEIVER "000000000001000400ff61", SMPP_RINVMSGLEN},
	{SMPP_SUBMIT_SM, SENDER RECEIVER "0000000000010004000261", SMPP_RINVMSGLEN},
	{SMPP_SUBMIT_SM, SENDER RECEIVER "000000000001000400", SMPP_RINVCMDLEN},
	{SMPP_SUBMIT_SM, SENDER RECEIVER "00000000000100040001610424000162", SMPP_ROPTPARNOTALLWD},
	{SMPP_DELIVER_SM, SENDER RECEIVER "00000000000100040001610424000162", SMPP_ROPTPARNOTALLWD},
	/* TLVs: cut, over the end, of a wrong length */
	{SMPP_SUBMIT_SM, SENDER RECEIVER "0000000000010004000161020a00", SMPP_RINVOPTPARSTREAM},
	{SMPP_SUBMIT_SM, SENDER RECEIVER "00000000000100040001611400ffff61", SMPP_RINVOPTPARSTREAM},
	{SMPP_SUBMIT_SM, SENDER RECEIVER "0000000000010004000161020a000123", SMPP_RINVPARLEN},
	{SMPP_DATA_SM, "00010100010100000100042400036162", SMPP_RINVOPTPARSTREAM},
	{SMPP_ENQUIRE_LINK, "00", SMPP_RINVOPTPARSTREAM},
	{SMPP_UNBIND, "00000000ff", SMPP_RINVOPTPARSTREAM},
	/* lists: of none, of more than there are, of 255, of neither kind */
	{SMPP_SUBMIT_MULTI, SENDER "000000000000010004000161", SMPP_RINVNUMDESTS},
	{SMPP_SUBMIT_MULTI, SENDER "0201" RECEIVER, SMPP_RINVNUMDESTS},
	{SMPP_SUBMIT_MULTI, SENDER "ff", SMPP_RINVNUMDESTS},
	{SMPP_SUBMIT_MULTI, SENDER "0103" RECEIVER, SMPP_RINVDESTFLAG},
	{SMPP_SUBMIT_MULTI, SENDER "0102313233343536373839303132333435363738393031",
	 SMPP_RINVDLNAME},
	{SMPP_SUBMIT_MULTI, SENDER "01010101313233343536373839303132333435363738393031",
	 SMPP_RINVDSTADR},
};

/* A PDU with this body; its sequence number is 0x01020304. */
static struct octets whole(uint32_t id, const char *body)
{
	struct octets b = unhex(body), o = {.n = SMPP_HEADER_LEN + b.n};
	struct octets_writer w;

	o.at = malloc(o.n);
	assert_non_null(o.at);
	w = (struct octets_writer){.at = o.at, .room = o.n};
	octets_put_u32(&w, (uint32_t)o.n);
	octets_put_u32(&w, id);
	octets_put_u32(&w, 0);
	octets_put_u32(&w, 0x01020304);
	octets_put(&w, b.at, b.n);
	free(b.at);
	return o;
}

static void refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(broken); i++) {
		struct octets o = whole(broken[i].id, broken[i].body);
		struct smpp_header refusal = {0};
		struct smpp_pdu pdu = {.sequence = 77};
		int err = smpp_decode(o.at, o.n, &pdu, &refusal);

		free(o.at);
		if (err != E_SYNTAX || refusal.status != broken[i].status)
			fail_msg("case %zu, %s: %s, %s", i, smpp_command_name(broken[i].id),
				 err_text(err), smpp_status_name(refusal.status));
		assert_int_equal(refusal.id, broken[i].id | SMPP_RESPONSE_BIT);
		assert_int_equal(refusal.sequence, 0x01020304);
		assert_int_equal(pdu.sequence, 77);
	}
}

/* 255 octets are too many, even if they are there. */
static void refuses_255_octets(void **state)
{
	char body[2 * 320] = SENDER RECEIVER "000000000001000400ff";
	struct smpp_header refusal = {0};
	struct smpp_pdu pdu;
	struct octets o;

	(void)state;
	for (int i = 0; i < 255; i++)
		strcat(body, "61");
	o = whole(SMPP_SUBMIT_SM, body);
	assert_int_equal(smpp_decode(o.at, o.n, &pdu, &refusal), E_SYNTAX);
	assert_int_equal(refusal.status, SMPP_RINVMSGLEN);
	free(o.at);
}

static void answers_by_what_it_is(void **state)
{
	static const struct {
		uint32_t id;
		const char *body;
		uint32_t answer, status;
	} cases[] = {
		/* no such command, whatever its first bit says */
		{0x0000000A, "", SMPP_GENERIC_NACK, SMPP_RINVCMDID},
		{0x00000000, "", SMPP_GENERIC_NACK, SMPP_RINVCMDID},
		{0xDEADBEEF, "0102", SMPP_GENERIC_NACK, SMPP_RINVCMDID},
		{0x8000000B, "", SMPP_GENERIC_NACK, SMPP_RINVCMDID},
		/* what is never answered */
		{SMPP_SUBMIT_SM_RESP, "3132", 0, SMPP_RINVCMDLEN},
		{SMPP_GENERIC_NACK, "00", 0, SMPP_RINVOPTPARSTREAM},
		{SMPP_ALERT_NOTIFICATION, "01", 0, SMPP_RINVCMDLEN},
		{SMPP_OUTBIND, "3132", 0, SMPP_RINVCMDLEN},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct octets o = whole(cases[i].id, cases[i].body);
		struct smpp_header refusal = {0};
		struct smpp_pdu pdu;

		assert_int_equal(smpp_decode(o.at, o.n, &pdu, &refusal), E_SYNTAX);
		free(o.at);
		if (refusal.id != cases[i].answer || refusal.status != cases[i].status)
			fail_msg("%x: %x %s", cases[i].id, refusal.id,
				 smpp_status_name(refusal.status));
		assert_int_equal(refusal.sequence, 0x01020304);
	}
}

/* What others send that is not quite right, and means something nevertheless. */
static void is_tolerant(void **state)
{
	static const struct {
		uint32_t id;
		const char *body;
	} cases[] = {
		{SMPP_SUBMIT_SM_RESP, ""},
		{SMPP_DELIVER_SM_RESP, ""},
		{SMPP_DELIVER_SM_RESP, "313200"},
		{SMPP_BIND_TRANSCEIVER_RESP, ""},
		/* from an SMSC: times that mean nothing, a TLV of a wrong length */
		{SMPP_DELIVER_SM, SENDER RECEIVER "040000"
						  "3100"
						  "3200"
						  "01000400"
						  "00"},
		{SMPP_DELIVER_SM, SENDER RECEIVER "040000"
						  "0000"
						  "01000400"
						  "0161"
						  "042700020201"},
		/* TLVs where the standard has none, and an empty payload beside a message */
		{SMPP_ENQUIRE_LINK, "14000000"},
		{SMPP_SUBMIT_SM, SENDER RECEIVER "000000"
						 "0000"
						 "01000400"
						 "0161"
						 "04240000"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct octets o = whole(cases[i].id, cases[i].body);

		decoded(&o);
		free(o.at);
	}
}

/* A failure's body is passed over, be it whole, broken or not there. */
static void failures_have_any_body(void **state)
{
	static const char *const bodies[] = {"", "3132", "313200", "313200001d000161"};

	(void)state;
	for (size_t i = 0; i < COUNT(bodies); i++) {
		struct octets o = whole(SMPP_SUBMIT_SM_RESP, bodies[i]);
		char text[8] = "";
		struct smpp_pdu pdu;

		o.at[11] = SMPP_RMSGQFUL;
		pdu = decoded(&o);
		assert_int_equal(pdu.status, SMPP_RMSGQFUL);
		assert_string_equal(pdu.message_resp.message_id, "");
		assert_int_equal(smpp_tlv_text(pdu.tlvs, SMPP_TLV_ADDITIONAL_STATUS_INFO_TEXT, text,
					       sizeof text),
				 i == 3);
		free(o.at);
	}
}

static void encoding_refuses(void **state)
{
	struct smpp_pdu none = {.id = 0x0000000A};
	struct smpp_pdu time = {.id = SMPP_SUBMIT_SM, .message = {.validity_period = "soon"}};
	struct smpp_pdu number = {.id = SMPP_SUBMIT_SM,
				  .message = {.source = {1, 1, "123456789012345678901"}}};
	struct smpp_pdu kana = {.id = SMPP_SUBMIT_SM, .message = {.source = {5, 0, "\xe3\x81"}}};
	struct smpp_pdu unended = {.id = SMPP_OUTBIND};
	struct smpp_pdu nobody = {.id = SMPP_SUBMIT_MULTI};
	struct smpp_pdu more = {.id = SMPP_SUBMIT_MULTI,
				.message = {.destinations = {(const uint8_t *)"\x02"
									      "a\0",
							     3, 2}}};
	struct smpp_pdu fewer = {.id = SMPP_SUBMIT_MULTI,
				 .message = {.destinations = {(const uint8_t *)"\x02"
									       "a\0\x02"
									       "b\0",
							      6, 1}}};
	struct smpp_pdu tlv = {.id = SMPP_ENQUIRE_LINK, .tlvs = {(const uint8_t *)"\x01", 1}};
	static const uint8_t octets[SMPP_MESSAGE_MAX + 1];
	struct smpp_pdu longest = {.id = SMPP_SUBMIT_SM,
				   .message = {.short_message = {octets, SMPP_MESSAGE_MAX}}},
			longer = longest, both = longest;
	const struct smpp_pdu *const cases[] = {&time, &number, &kana,   &unended, &nobody,
						&more, &fewer,  &longer, &tlv,     &both};
	uint8_t out[SMPP_SMALL_MAX];
	size_t len = 77;

	(void)state;
	memset(unended.outbind.system_id, 'x', SMPP_SYSTEM_ID_SIZE);
	longer.message.short_message.len++;
	both.tlvs = (struct smpp_span){(const uint8_t *)"\x04\x24\x00\x01\x61", 5};
	assert_int_equal(smpp_encode(&none, out, sizeof out, &len), E_NOT_FOUND);
	for (size_t i = 0; i < COUNT(cases); i++)
		if (smpp_encode(cases[i], out, sizeof out, &len) != E_SYNTAX)
			fail_msg("case %zu", i);
	assert_int_equal(len, 77);
	assert_int_equal(smpp_encode(&longest, out, sizeof out, &len), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames),
		cmocka_unit_test(refuses),
		cmocka_unit_test(refuses_255_octets),
		cmocka_unit_test(answers_by_what_it_is),
		cmocka_unit_test(is_tolerant),
		cmocka_unit_test(failures_have_any_body),
		cmocka_unit_test(encoding_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
