/* The worked PDUs of the protocol reference (decoded there by Wireshark), byte for byte in both
 * directions, and everything that is not a PDU with the status that it deserves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/smpp.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* WSP and EMN of protocols 1.6, 47 octets; its port header. */
#define TRIGGER                                                                                    \
	"2a06060302030aaf89030d6a008507037461726f4073706d61696c2e6578616d706c65"                   \
	"0005c307202601050930"                                                                     \
	"1501"
#define PORTS "0605040b8423f0"

static const char bind_transceiver[] = "00000024000000090000000000000001"
				       "706f706761746500"
				       "73336372657400"
				       "00"
				       "34000000";
static const char bind_resp[] = "0000001e800000090000000000000001"
				"736d73632d73696d00"
				"0210000134";
static const char submit_udh[] = "00000079000000040000000000000002"
				 "00"
				 "050053504d41494c00"
				 "010138313930313233343536373800"
				 "400000"
				 "00"
				 "3030303030303030313030303030305200"
				 "01000400"
				 "36" PORTS TRIGGER;
static const char submit_tlv[] = "00000075000000040000000000000002"
				 "57415000"
				 "050053504d41494c00"
				 "010138313930313233343536373800"
				 "000000"
				 "00"
				 "00"
				 "01000400"
				 "00"
				 "020a000223f0"
				 "020b00020b84"
				 "0424002f" TRIGGER;
static const char submit_resp[] = "00000019800000040000000000000002"
				  "303030303030326100";

struct octets {
	uint8_t *at;
	size_t n;
};

/* In memory of exactly that size, so that a sanitizer sees a read past its end. */
static struct octets unhex(const char *hex)
{
	struct octets o = {.n = strlen(hex) / 2};

	o.at = malloc(o.n + (o.n == 0));
	assert_non_null(o.at);
	for (size_t i = 0; i < o.n; i++) {
		unsigned octet;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &octet), 1);
		o.at[i] = (uint8_t)octet;
	}
	return o;
}

static struct smpp_pdu decoded(const struct octets *o)
{
	struct smpp_header refusal = {0};
	struct smpp_pdu pdu;
	size_t len;

	assert_int_equal(smpp_frame(o->at, o->n, SMPP_PDU_MAX, &len), 0);
	assert_int_equal(len, o->n);
	if (smpp_decode(o->at, o->n, &pdu, &refusal))
		fail_msg("%s", smpp_status_name(refusal.status));
	return pdu;
}

static void assert_encodes(const struct smpp_pdu *pdu, const struct octets *o)
{
	uint8_t out[SMPP_SMALL_MAX];
	size_t len = 0;

	assert_int_equal(smpp_encode(pdu, out, o->n, &len), 0);
	assert_int_equal(len, o->n);
	assert_memory_equal(out, o->at, len);
	for (size_t room = 0; room < o->n; room++)
		assert_int_equal(smpp_encode(pdu, out, room, &len), E_TOO_LARGE);
	assert_int_equal(len, o->n);
}

static void binds(void **state)
{
	struct octets o = unhex(bind_transceiver), resp = unhex(bind_resp);
	struct smpp_pdu pdu = decoded(&o);
	struct smpp_pdu mine = {.id = SMPP_BIND_TRANSCEIVER,
				.sequence = 1,
				.bind = {.system_id = "popgate",
					 .password = "s3cret",
					 .interface_version = SMPP_VERSION}};
	uint8_t version = 0;

	(void)state;
	assert_int_equal(pdu.id, SMPP_BIND_TRANSCEIVER);
	assert_int_equal(pdu.sequence, 1);
	assert_string_equal(pdu.bind.system_id, "popgate");
	assert_string_equal(pdu.bind.password, "s3cret");
	assert_string_equal(pdu.bind.system_type, "");
	assert_int_equal(pdu.bind.interface_version, 0x34);
	assert_encodes(&mine, &o);
	pdu = decoded(&resp);
	assert_int_equal(pdu.id, SMPP_BIND_TRANSCEIVER_RESP);
	assert_string_equal(pdu.bind_resp.system_id, "smsc-sim");
	assert_true(smpp_tlv_u8(pdu.tlvs, SMPP_TLV_SC_INTERFACE_VERSION, &version));
	assert_int_equal(version, 0x34);
	assert_encodes(&pdu, &resp);
	free(o.at);
	free(resp.at);
}

static struct smpp_pdu trigger(const struct octets *message, const char *service_type)
{
	struct smpp_pdu pdu = {
		.id = SMPP_SUBMIT_SM,
		.sequence = 2,
		.message = {.source = {SMPP_TON_ALPHANUMERIC, 0, "SPMAIL"},
			    .destination = {SMPP_TON_INTERNATIONAL, SMPP_NPI_E164, "819012345678"},
			    .validity_period = "000000001000000R",
			    .registered_delivery = SMPP_REGISTERED_FINAL,
			    .data_coding = SMPP_CODING_OCTETS,
			    .short_message = {message->at, message->n}}};

	strcpy(pdu.message.service_type, service_type);
	return pdu;
}

static void submits_with_udh(void **state)
{
	struct octets o = unhex(submit_udh), message = unhex(PORTS TRIGGER);
	struct smpp_pdu pdu = decoded(&o), mine = trigger(&message, "");
	struct smpp_span says = smpp_message_octets(&pdu);

	(void)state;
	mine.message.esm_class = SMPP_ESM_UDHI;
	assert_encodes(&mine, &o);
	assert_encodes(&pdu, &o);
	assert_int_equal(pdu.message.esm_class, SMPP_ESM_UDHI);
	assert_int_equal(pdu.message.source.ton, SMPP_TON_ALPHANUMERIC);
	assert_string_equal(pdu.message.source.number, "SPMAIL");
	assert_int_equal(pdu.message.destination.npi, SMPP_NPI_E164);
	assert_string_equal(pdu.message.destination.number, "819012345678");
	assert_string_equal(pdu.message.validity_period, "000000001000000R");
	assert_int_equal(pdu.message.registered_delivery, SMPP_REGISTERED_FINAL);
	assert_int_equal(pdu.message.data_coding, SMPP_CODING_OCTETS);
	assert_int_equal(says.len, message.n);
	assert_memory_equal(says.octets, message.at, message.n);
	assert_int_equal(pdu.tlvs.len, 0);
	free(o.at);
	free(message.at);
}

static void submits_with_tlvs(void **state)
{
	struct octets o = unhex(submit_tlv), message = unhex(TRIGGER), none = {0};
	struct smpp_pdu pdu = decoded(&o), mine = trigger(&none, "WAP");
	struct smpp_span says = smpp_message_octets(&pdu);
	uint8_t buffer[64];
	struct octets_writer w = {.at = buffer, .room = sizeof buffer};
	uint16_t port = 0;

	(void)state;
	smpp_tlv_put_u16(&w, SMPP_TLV_SOURCE_PORT, 9200);
	smpp_tlv_put_u16(&w, SMPP_TLV_DESTINATION_PORT, 2948);
	smpp_tlv_put(&w, SMPP_TLV_MESSAGE_PAYLOAD, message.at, message.n);
	assert_false(w.is_full);
	mine.message.validity_period[0] = '\0';
	mine.tlvs = (struct smpp_span){buffer, w.len};
	assert_encodes(&mine, &o);
	assert_encodes(&pdu, &o);
	assert_string_equal(pdu.message.service_type, "WAP");
	assert_true(smpp_tlv_u16(pdu.tlvs, SMPP_TLV_DESTINATION_PORT, &port));
	assert_int_equal(port, 2948);
	assert_int_equal(says.len, 47);
	assert_memory_equal(says.octets, message.at, message.n);
	free(o.at);
	free(message.at);
}

static void responds(void **state)
{
	struct octets o = unhex(submit_resp), request = unhex(submit_udh);
	struct octets throttled = unhex("00000010800000040000005800000002");
	struct smpp_pdu pdu = decoded(&o), to = decoded(&request), answer;

	(void)state;
	assert_int_equal(pdu.id, SMPP_SUBMIT_SM_RESP);
	assert_string_equal(pdu.message_resp.message_id, "0000002a");
	answer = smpp_respond(&to, SMPP_ROK);
	strcpy(answer.message_resp.message_id, "0000002a");
	assert_encodes(&answer, &o);
	/* with a status there is no body, whatever the struct holds */
	answer.status = SMPP_RTHROTTLED;
	assert_encodes(&answer, &throttled);
	pdu = decoded(&throttled);
	assert_int_equal(pdu.status, SMPP_RTHROTTLED);
	assert_int_equal(smpp_status_class(pdu.status), SMPP_CLASS_THROTTLE);
	free(o.at);
	free(request.at);
	free(throttled.at);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(binds),
		cmocka_unit_test(submits_with_udh),
		cmocka_unit_test(submits_with_tlvs),
		cmocka_unit_test(responds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
