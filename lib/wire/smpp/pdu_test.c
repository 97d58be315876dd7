/* The worked PDUs of the protocol reference (decoded there by Wireshark), byte for byte in both
 * directions, and a PDU of each command. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/smpp/fixture.h"

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

/* ---- every command ---- */

static void every_command_both_ways(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(smpp_samples); i++) {
		const struct smpp_pdu *pdu = &smpp_samples[i].pdu;
		uint8_t out[SMPP_SMALL_MAX], again[SMPP_SMALL_MAX];
		struct octets o = {.at = out};
		size_t len;

		assert_int_equal(smpp_encode(pdu, out, sizeof out, &o.n), 0);
		{
			struct smpp_pdu got = decoded(&o);

			assert_int_equal(got.id, pdu->id);
			assert_int_equal(got.status, pdu->status);
			assert_int_equal(got.sequence, pdu->sequence);
			assert_int_equal(smpp_encode(&got, again, sizeof again, &len), 0);
			assert_int_equal(len, o.n);
			assert_memory_equal(again, out, len);
			assert_encodes(pdu, &o);
		}
		assert_true(smpp_is_known(pdu->id));
		assert_string_not_equal(smpp_command_name(pdu->id), "unknown");
		assert_int_equal(smpp_is_response(pdu->id), pdu->id >> 31);
	}
}

/* Cut anywhere and told the new length, a PDU is one with another meaning or is refused; the
 * answer names the right request. */
static void every_command_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(smpp_samples); i++) {
		uint8_t out[SMPP_SMALL_MAX];
		size_t whole;

		assert_int_equal(smpp_encode(&smpp_samples[i].pdu, out, sizeof out, &whole), 0);
		for (size_t len = 0; len < whole; len++) {
			struct smpp_header refusal = {1, 1, 1};
			struct smpp_pdu pdu;
			uint8_t *copy = malloc(len + (len == 0));
			int err;

			assert_non_null(copy);
			memcpy(copy, out, len);
			if (len >= 4) {
				copy[2] = (uint8_t)(len >> 8);
				copy[3] = (uint8_t)len;
			}
			err = smpp_decode(copy, len, &pdu, &refusal);
			free(copy);
			if (!err)
				continue;
			assert_int_equal(err, E_SYNTAX);
			assert_int_not_equal(refusal.status, SMPP_ROK);
			if (len < SMPP_HEADER_LEN) {
				assert_int_equal(refusal.id, SMPP_GENERIC_NACK);
				assert_int_equal(refusal.status, SMPP_RINVCMDLEN);
				continue;
			}
			assert_int_equal(refusal.sequence, smpp_samples[i].pdu.sequence);
			assert_true(refusal.id == 0 ||
				    refusal.id == (smpp_samples[i].pdu.id | SMPP_RESPONSE_BIT));
		}
	}
}

static void walks_lists(void **state)
{
	uint8_t buffer[64];
	struct octets_writer w = {.at = buffer, .room = sizeof buffer};
	const struct smpp_destination friends = {.is_list = true, .list = "friends"};
	const struct smpp_destination number = {.address = {1, 1, "8191"}};
	const struct smpp_unsuccessful failed = {{1, 1, "8191"}, SMPP_RINVDSTADR};
	struct smpp_destination d;
	struct smpp_unsuccessful u;
	struct smpp_list list;
	size_t at = 0;

	(void)state;
	smpp_put_destination(&w, &number);
	smpp_put_destination(&w, &friends);
	assert_false(w.is_full);
	list = (struct smpp_list){buffer, w.len, 2};
	assert_true(smpp_next_destination(&list, &at, &d));
	assert_false(d.is_list);
	assert_string_equal(d.address.number, "8191");
	assert_int_equal(d.address.ton, 1);
	assert_true(smpp_next_destination(&list, &at, &d));
	assert_true(d.is_list);
	assert_string_equal(d.list, "friends");
	assert_false(smpp_next_destination(&list, &at, &d));
	w.len = at = 0;
	smpp_put_unsuccessful(&w, &failed);
	list = (struct smpp_list){buffer, w.len, 1};
	assert_true(smpp_next_unsuccessful(&list, &at, &u));
	assert_string_equal(u.address.number, "8191");
	assert_int_equal(u.status, SMPP_RINVDSTADR);
	assert_false(smpp_next_unsuccessful(&list, &at, &u));
	list = (struct smpp_list){0};
	at = 0;
	assert_false(smpp_next_unsuccessful(&list, &at, &u));
	/* an address over its bound */
	w.len = 0;
	smpp_put_destination(
		&w, &(struct smpp_destination){.address = {1, 1, "123456789012345678901"}});
	assert_true(w.is_full);
}

/* The longest message_payload there is goes through, within SMPP_PDU_MAX. */
static void carries_64_k(void **state)
{
	uint8_t *tlvs = malloc(UINT16_MAX + 4), *out = malloc(SMPP_PDU_MAX),
		*value = calloc(1, UINT16_MAX);
	struct octets_writer w = {.at = tlvs, .room = UINT16_MAX + 4};
	struct smpp_pdu pdu = {.id = SMPP_DATA_SM, .sequence = 1};
	struct octets o = {.at = out};

	(void)state;
	assert_true(tlvs && out && value);
	smpp_tlv_put(&w, SMPP_TLV_MESSAGE_PAYLOAD, value, UINT16_MAX);
	assert_false(w.is_full);
	pdu.tlvs = (struct smpp_span){tlvs, w.len};
	assert_int_equal(smpp_encode(&pdu, out, SMPP_PDU_MAX, &o.n), 0);
	pdu = decoded(&o);
	assert_int_equal(smpp_message_octets(&pdu).len, UINT16_MAX);
	free(value);
	free(tlvs);
	free(out);
}

static void names(void **state)
{
	struct smpp_pdu alert = {.id = SMPP_ALERT_NOTIFICATION, .sequence = 5};

	(void)state;
	assert_string_equal(smpp_command_name(SMPP_SUBMIT_SM_RESP), "submit_sm_resp");
	assert_string_equal(smpp_command_name(0x0A), "unknown");
	assert_string_equal(smpp_state_name(SMPP_STATE_UNDELIVERABLE), "UNDELIV");
	assert_string_equal(smpp_state_name(SMPP_STATE_REJECTED), "REJECTD");
	assert_string_equal(smpp_state_name(9), "UNKNOWN");
	assert_int_equal(smpp_respond(&alert, SMPP_RINVBNDSTS).id, SMPP_GENERIC_NACK);
	assert_int_equal(smpp_respond(&alert, SMPP_RINVBNDSTS).sequence, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(binds),
		cmocka_unit_test(submits_with_udh),
		cmocka_unit_test(submits_with_tlvs),
		cmocka_unit_test(responds),
		cmocka_unit_test(every_command_both_ways),
		cmocka_unit_test(every_command_cut),
		cmocka_unit_test(walks_lists),
		cmocka_unit_test(carries_64_k),
		cmocka_unit_test(names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
