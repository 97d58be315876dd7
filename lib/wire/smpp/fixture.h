/* smpp_fixture -- tests only: a PDU of each command, and what a dissector must say about it
 *
 * `says` are pairs of a Wireshark field and its value, separated by spaces; a value of "-" is one
 * that must not be there. Values with spaces are not told.
 */
#ifndef HATO_LIB_WIRE_SMPP_FIXTURE_H
#define HATO_LIB_WIRE_SMPP_FIXTURE_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/wire/smpp/smpp.h"

#define FIXTURE_OCTETS(literal)                                                                    \
	{                                                                                          \
		(const uint8_t *)(literal), sizeof(literal) - 1                                    \
	}
#define FIXTURE_LIST(literal, n)                                                                   \
	{                                                                                          \
		(const uint8_t *)(literal), sizeof(literal) - 1, n                                 \
	}

#define FIXTURE_RECEIPT                                                                            \
	"id:0000002a sub:001 dlvrd:001 submit date:2601051830 done date:2601051830 stat:DELIVRD "  \
	"err:000 text:"

struct smpp_sample {
	struct smpp_pdu pdu;
	const char *says;
};

static const struct smpp_sample smpp_samples[] = {
	{{.id = SMPP_BIND_TRANSMITTER,
	  .sequence = 1,
	  .bind = {"popgate", "s3cret", "WWW", SMPP_VERSION, 1, 1, "8190[0-9]*"}},
	 "smpp.system_id=popgate smpp.password=s3cret smpp.system_type=WWW "
	 "smpp.interface_version=52 smpp.addr_ton=0x01 smpp.addr_npi=0x01 "
	 "smpp.address_range=8190[0-9]*"},
	{{.id = SMPP_BIND_TRANSMITTER_RESP, .sequence = 1, .bind_resp = {"smsc-sim"}},
	 "smpp.system_id=smsc-sim smpp.command_status=0x00000000"},
	{{.id = SMPP_BIND_RECEIVER,
	  .sequence = 2,
	  .bind = {"fifteen-letters", "eightlet", "twelvelettrs", SMPP_VERSION, 0, 0, ""}},
	 "smpp.system_id=fifteen-letters smpp.password=eightlet smpp.system_type=twelvelettrs"},
	{{.id = SMPP_BIND_RECEIVER_RESP,
	  .sequence = 2,
	  .bind_resp = {"smsc-sim"},
	  .tlvs = FIXTURE_OCTETS("\x02\x10\x00\x01\x34")},
	 "smpp.system_id=smsc-sim smpp.SC_interface_version=0x34"},
	{{.id = SMPP_BIND_TRANSCEIVER,
	  .sequence = 3,
	  .bind = {"popgate", "s3cret", "", SMPP_VERSION, 0, 0, ""}},
	 "smpp.system_id=popgate"},
	{{.id = SMPP_BIND_TRANSCEIVER_RESP,
	  .status = SMPP_RINVPASWD,
	  .sequence = SMPP_SEQUENCE_MAX},
	 "smpp.command_status=0x0000000e smpp.sequence_number=2147483647 smpp.system_id=-"},
	{{.id = SMPP_OUTBIND, .sequence = 1, .outbind = {"smsc-sim", "s3cret"}},
	 "smpp.system_id=smsc-sim smpp.password=s3cret"},
	{{.id = SMPP_SUBMIT_SM,
	  .sequence = 4,
	  .message = {.service_type = "CMT",
		      .source = {SMPP_TON_ALPHANUMERIC, SMPP_NPI_UNKNOWN, "SPMAIL"},
		      .destination = {SMPP_TON_INTERNATIONAL, SMPP_NPI_E164, "819012345678"},
		      .esm_class = SMPP_ESM_STORE,
		      .protocol_id = 0x41,
		      .priority_flag = 2,
		      .schedule_delivery_time = "260105183016036+",
		      .validity_period = "000000001000000R",
		      .registered_delivery = SMPP_REGISTERED_FINAL | SMPP_REGISTERED_INTERMEDIATE,
		      .replace_if_present = 1,
		      .data_coding = SMPP_CODING_IA5,
		      .sm_default_msg_id = 9,
		      .short_message = FIXTURE_OCTETS("hello")},
	  .tlvs = FIXTURE_OCTETS("\x02\x04\x00\x02\x12\x34"
				 "\x14\x00\x00\x03xyz")},
	 "smpp.service_type=CMT smpp.source_addr_ton=0x05 smpp.source_addr_npi=0x00 "
	 "smpp.source_addr=SPMAIL smpp.dest_addr_ton=0x01 smpp.dest_addr_npi=0x01 "
	 "smpp.destination_addr=819012345678 smpp.esm.submit.msg_mode=0x03 smpp.protocol_id=0x41 "
	 "smpp.priority_flag=0x02 "
	 "smpp.schedule_delivery_time=Jan~~5,~2026~09:30:16.000000000~UTC "
	 "smpp.validity_period_r=600.000000000 smpp.regdel.receipt=0x01 "
	 "smpp.regdel.notif=0x01 smpp.replace_if_present_flag=0x01 smpp.data_coding=0x01 "
	 "smpp.sm_default_msg_id=9 smpp.sm_length=5 smpp.message=68656c6c6f "
	 "smpp.user_message_reference=4660 smpp.vendor_op=78797a"},
	{{.id = SMPP_SUBMIT_SM_RESP, .sequence = 4, .message_resp = {.message_id = "0000002a"}},
	 "smpp.message_id=0000002a smpp.sequence_number=4"},
	{{.id = SMPP_SUBMIT_SM_RESP, .status = SMPP_RTHROTTLED, .sequence = 5},
	 "smpp.command_status=0x00000058 smpp.message_id=-"},
	{{.id = SMPP_DELIVER_SM,
	  .sequence = 6,
	  .message = {.source = {SMPP_TON_INTERNATIONAL, SMPP_NPI_E164, "819012345678"},
		      .destination = {SMPP_TON_ALPHANUMERIC, SMPP_NPI_UNKNOWN, "SPMAIL"},
		      .esm_class = SMPP_ESM_RECEIPT,
		      .short_message = FIXTURE_OCTETS(FIXTURE_RECEIPT)},
	  .tlvs = FIXTURE_OCTETS("\x00\x1e\x00\x09"
				 "0000002a\0"
				 "\x04\x27\x00\x01\x02"
				 "\x04\x23\x00\x03\x03\x00\x1b")},
	 "smpp.esm.submit.msg_type=0x01 smpp.receipted_message_id=0000002a smpp.message_state=2 "
	 "smpp.network_error.type=0x03 smpp.network_error.code=0x001b smpp.sm_length=100"},
	{{.id = SMPP_DELIVER_SM_RESP, .sequence = 6}, "smpp.command_status=0x00000000"},
	{{.id = SMPP_SUBMIT_MULTI,
	  .sequence = 7,
	  .message = {.source = {SMPP_TON_INTERNATIONAL, SMPP_NPI_E164, "8190"},
		      .destinations = FIXTURE_LIST("\x01\x01\x01"
						   "8191\0"
						   "\x02"
						   "friends\0"
						   "\x01\x05\x00"
						   "NAME\0",
						   3),
		      .validity_period = "260105183016048-",
		      .registered_delivery = SMPP_REGISTERED_FAILURE,
		      .data_coding = SMPP_CODING_UCS2,
		      .short_message = FIXTURE_OCTETS("\x65\xb0")}},
	 "smpp.source_addr=8190 smpp.validity_period=Jan~~6,~2026~06:30:16.000000000~UTC "
	 "smpp.dl_name=friends smpp.destination_addr=8191,NAME "
	 "smpp.regdel.receipt=0x02 smpp.data_coding=0x08 smpp.sm_length=2"},
	{{.id = SMPP_SUBMIT_MULTI_RESP,
	  .sequence = 7,
	  .message_resp = {"0000002b", FIXTURE_LIST("\x01\x01"
						    "8191\0"
						    "\x00\x00\x00\x0b"
						    "\x05\x00"
						    "NAME\0"
						    "\x00\x00\x00\x14",
						    2)}},
	 "smpp.message_id=0000002b smpp.destination_addr=8191,NAME "
	 "smpp.error_status_code=0x0000000b,0x00000014"},
	{{.id = SMPP_SUBMIT_MULTI_RESP, .sequence = 8, .message_resp = {.message_id = "1"}},
	 "smpp.message_id=1 smpp.destination_addr=-"},
	{{.id = SMPP_DATA_SM,
	  .sequence = 9,
	  .message = {.service_type = "WAP",
		      .source = {SMPP_TON_NETWORK, SMPP_NPI_PRIVATE, "22"},
		      .destination = {SMPP_TON_INTERNATIONAL, SMPP_NPI_INTERNET,
				      "a-destination-of-an-address-that-is-longer-than-20-octets"},
		      .esm_class = SMPP_ESM_TRANSACTION,
		      .registered_delivery = SMPP_REGISTERED_FINAL,
		      .data_coding = SMPP_CODING_OCTETS},
	  .tlvs = FIXTURE_OCTETS("\x02\x0a\x00\x02\x23\xf0"
				 "\x02\x0b\x00\x02\x0b\x84"
				 "\x02\x0c\x00\x02\x00\x2a"
				 "\x02\x0e\x00\x01\x02"
				 "\x02\x0f\x00\x01\x01"
				 "\x04\x26\x00\x01\x01"
				 "\x04\x24\x00\x03\x2a\x06\x06")},
	 "smpp.destination_addr=a-destination-of-an-address-that-is-longer-than-20-octets "
	 "smpp.source_port=9200 smpp.destination_port=2948 smpp.sar_msg_ref_num=42 "
	 "smpp.sar_total_segments=2 smpp.sar_segment_seqnum=1 smpp.more_messages_to_send=0x01 "
	 "smpp.message_payload=2a0606 smpp.esm.submit.msg_mode=0x02"},
	{{.id = SMPP_DATA_SM_RESP,
	  .status = SMPP_RDELIVERYFAILURE,
	  .sequence = 9,
	  .tlvs = FIXTURE_OCTETS("\x04\x25\x00\x01\x02"
				 "\x00\x1d\x00\x05"
				 "away\0")},
	 /* it looks into no response with a status */
	 "smpp.command_status=0x000000fe"},
	{{.id = SMPP_DATA_SM_RESP, .sequence = 9, .message_resp = {.message_id = "2c"}},
	 "smpp.message_id=2c"},
	{{.id = SMPP_QUERY_SM, .sequence = 10, .query = {"0000002a", {1, 1, "8190"}}},
	 "smpp.message_id=0000002a smpp.source_addr=8190"},
	{{.id = SMPP_QUERY_SM_RESP,
	  .sequence = 10,
	  .query_resp = {"0000002a", "260105183016036+", SMPP_STATE_UNDELIVERABLE, 27}},
	 "smpp.message_id=0000002a smpp.message_state=5 smpp.error_code=27 "
	 "smpp.final_date=Jan~~5,~2026~09:30:16.000000000~UTC"},
	{{.id = SMPP_CANCEL_SM,
	  .sequence = 11,
	  .cancel = {"CMT", "0000002a", {1, 1, "8190"}, {1, 1, "8191"}}},
	 "smpp.service_type=CMT smpp.message_id=0000002a smpp.source_addr=8190 "
	 "smpp.destination_addr=8191"},
	{{.id = SMPP_CANCEL_SM_RESP, .sequence = 11}, "smpp.sequence_number=11"},
	{{.id = SMPP_REPLACE_SM,
	  .sequence = 12,
	  .replace = {.message_id = "0000002a",
		      .source = {1, 1, "8190"},
		      .validity_period = "000001120000000R",
		      .registered_delivery = SMPP_REGISTERED_FINAL,
		      .short_message = FIXTURE_OCTETS("instead")}},
	 "smpp.message_id=0000002a smpp.source_addr=8190 smpp.validity_period_r=129600.000000000 "
	 "smpp.sm_length=7 smpp.message=696e7374656164"},
	{{.id = SMPP_REPLACE_SM_RESP, .sequence = 12}, "smpp.sequence_number=12"},
	{{.id = SMPP_ALERT_NOTIFICATION,
	  .sequence = 13,
	  .alert = {{1, 1, "819012345678"}, {SMPP_TON_ALPHANUMERIC, 0, "SPMAIL"}},
	  .tlvs = FIXTURE_OCTETS("\x04\x22\x00\x01\x00")},
	 "smpp.source_addr=819012345678 smpp.esme_addr=SPMAIL smpp.esme_addr_ton=0x05 "
	 "smpp.ms_availability_status=0x00"},
	{{.id = SMPP_ENQUIRE_LINK, .sequence = 14}, "smpp.sequence_number=14"},
	{{.id = SMPP_ENQUIRE_LINK_RESP, .sequence = 14}, "smpp.sequence_number=14"},
	{{.id = SMPP_UNBIND, .sequence = 15}, "smpp.sequence_number=15"},
	{{.id = SMPP_UNBIND_RESP, .sequence = 15}, "smpp.sequence_number=15"},
	{{.id = SMPP_GENERIC_NACK, .status = SMPP_RINVCMDID, .sequence = 16},
	 "smpp.command_status=0x00000003 smpp.sequence_number=16"},
};

struct octets {
	uint8_t *at;
	size_t n;
};

/* In memory of exactly that size, so that a sanitizer sees a read past its end. */
static inline struct octets unhex(const char *hex)
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

static inline struct smpp_pdu decoded(const struct octets *o)
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

#endif
