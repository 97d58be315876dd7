#include "lib/wire/smpp/layout.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

#define AT(member) offsetof(struct smpp_pdu, member)

#define U8(member)                                                                                 \
	{                                                                                          \
		SMPP_FIELD_U8, 1, AT(member), SMPP_ROK                                             \
	}
#define TEXT(member, size, s)                                                                      \
	{                                                                                          \
		SMPP_FIELD_TEXT, size, AT(member), s                                               \
	}
#define TIME(member, s)                                                                            \
	{                                                                                          \
		SMPP_FIELD_TIME, SMPP_TIME_SIZE, AT(member), s                                     \
	}
#define SHORT(member)                                                                              \
	{                                                                                          \
		SMPP_FIELD_SHORT, SMPP_MESSAGE_MAX, AT(member), SMPP_RINVMSGLEN                    \
	}
#define END                                                                                        \
	{                                                                                          \
		SMPP_FIELD_END, 0, 0, SMPP_ROK                                                     \
	}

#define ADDRESS(member, size, s) U8(member.ton), U8(member.npi), TEXT(member.number, size, s)
#define SOURCE(member)           ADDRESS(member, SMPP_NUMBER_SIZE, SMPP_RINVSRCADR)
#define MESSAGE_ID(member)       TEXT(member, SMPP_MESSAGE_ID_SIZE, SMPP_RINVMSGID)
#define SERVICE_TYPE(member)     TEXT(member, SMPP_SERVICE_TYPE_SIZE, SMPP_RINVSERTYP)

static const struct smpp_field nothing[] = {END};

static const struct smpp_field bind[] = {
	TEXT(bind.system_id, SMPP_SYSTEM_ID_SIZE, SMPP_RINVSYSID),
	TEXT(bind.password, SMPP_PASSWORD_SIZE, SMPP_RINVPASWD),
	TEXT(bind.system_type, SMPP_SYSTEM_TYPE_SIZE, SMPP_RINVSYSTYP),
	U8(bind.interface_version),
	U8(bind.addr_ton),
	U8(bind.addr_npi),
	TEXT(bind.address_range, SMPP_RANGE_SIZE, SMPP_RBINDFAIL),
	END,
};

static const struct smpp_field bind_resp[] = {
	TEXT(bind_resp.system_id, SMPP_SYSTEM_ID_SIZE, SMPP_RINVSYSID),
	END,
};

static const struct smpp_field outbind[] = {
	TEXT(outbind.system_id, SMPP_SYSTEM_ID_SIZE, SMPP_RINVSYSID),
	TEXT(outbind.password, SMPP_PASSWORD_SIZE, SMPP_RINVPASWD),
	END,
};

#define MESSAGE_HEAD SERVICE_TYPE(message.service_type), SOURCE(message.source)
#define MESSAGE_TAIL(schedule, validity)                                                           \
	U8(message.esm_class), U8(message.protocol_id), U8(message.priority_flag), schedule,       \
		validity, U8(message.registered_delivery), U8(message.replace_if_present),         \
		U8(message.data_coding), U8(message.sm_default_msg_id),                            \
		SHORT(message.short_message), END

static const struct smpp_field submit_sm[] = {
	MESSAGE_HEAD,
	ADDRESS(message.destination, SMPP_NUMBER_SIZE, SMPP_RINVDSTADR),
	MESSAGE_TAIL(TIME(message.schedule_delivery_time, SMPP_RINVSCHED),
		     TIME(message.validity_period, SMPP_RINVEXPIRY)),
};

/* The times mean nothing here: what an SMSC leaves in them is no reason to refuse a message. */
static const struct smpp_field deliver_sm[] = {
	MESSAGE_HEAD,
	ADDRESS(message.destination, SMPP_NUMBER_SIZE, SMPP_RINVDSTADR),
	MESSAGE_TAIL(TEXT(message.schedule_delivery_time, SMPP_TIME_SIZE, SMPP_RINVSCHED),
		     TEXT(message.validity_period, SMPP_TIME_SIZE, SMPP_RINVEXPIRY)),
};

static const struct smpp_field submit_multi[] = {
	MESSAGE_HEAD,
	{SMPP_FIELD_DESTINATIONS, SMPP_DESTINATIONS_MAX, AT(message.destinations),
	 SMPP_RINVNUMDESTS},
	MESSAGE_TAIL(TIME(message.schedule_delivery_time, SMPP_RINVSCHED),
		     TIME(message.validity_period, SMPP_RINVEXPIRY)),
};

static const struct smpp_field data_sm[] = {
	SERVICE_TYPE(message.service_type),
	ADDRESS(message.source, SMPP_NUMBER_LONG_SIZE, SMPP_RINVSRCADR),
	ADDRESS(message.destination, SMPP_NUMBER_LONG_SIZE, SMPP_RINVDSTADR),
	U8(message.esm_class),
	U8(message.registered_delivery),
	U8(message.data_coding),
	END,
};

static const struct smpp_field message_resp[] = {MESSAGE_ID(message_resp.message_id), END};

static const struct smpp_field submit_multi_resp[] = {
	MESSAGE_ID(message_resp.message_id),
	{SMPP_FIELD_UNSUCCESSFUL, SMPP_UNSUCCESSFUL_MAX, AT(message_resp.unsuccessful),
	 SMPP_RINVNUMDESTS},
	END,
};

static const struct smpp_field query_sm[] = {
	MESSAGE_ID(query.message_id),
	SOURCE(query.source),
	END,
};

static const struct smpp_field query_sm_resp[] = {
	MESSAGE_ID(query_resp.message_id),
	TEXT(query_resp.final_date, SMPP_TIME_SIZE, SMPP_RINVSCHED),
	U8(query_resp.message_state),
	U8(query_resp.error_code),
	END,
};

static const struct smpp_field cancel_sm[] = {
	SERVICE_TYPE(cancel.service_type),
	MESSAGE_ID(cancel.message_id),
	SOURCE(cancel.source),
	ADDRESS(cancel.destination, SMPP_NUMBER_SIZE, SMPP_RINVDSTADR),
	END,
};

static const struct smpp_field replace_sm[] = {
	MESSAGE_ID(replace.message_id),
	SOURCE(replace.source),
	TIME(replace.schedule_delivery_time, SMPP_RINVSCHED),
	TIME(replace.validity_period, SMPP_RINVEXPIRY),
	U8(replace.registered_delivery),
	U8(replace.sm_default_msg_id),
	SHORT(replace.short_message),
	END,
};

static const struct smpp_field alert_notification[] = {
	ADDRESS(alert.source, SMPP_NUMBER_LONG_SIZE, SMPP_RINVSRCADR),
	ADDRESS(alert.esme, SMPP_NUMBER_LONG_SIZE, SMPP_RINVDSTADR),
	END,
};

static const struct smpp_layout layouts[] = {
	/* the busy ones first */
	{SMPP_SUBMIT_SM, true, "submit_sm", submit_sm},
	{SMPP_SUBMIT_SM_RESP, false, "submit_sm_resp", message_resp},
	{SMPP_DELIVER_SM, false, "deliver_sm", deliver_sm},
	{SMPP_DELIVER_SM_RESP, false, "deliver_sm_resp", message_resp},
	{SMPP_DATA_SM, true, "data_sm", data_sm},
	{SMPP_DATA_SM_RESP, false, "data_sm_resp", message_resp},
	{SMPP_ENQUIRE_LINK, false, "enquire_link", nothing},
	{SMPP_ENQUIRE_LINK_RESP, false, "enquire_link_resp", nothing},
	{SMPP_SUBMIT_MULTI, true, "submit_multi", submit_multi},
	{SMPP_SUBMIT_MULTI_RESP, false, "submit_multi_resp", submit_multi_resp},
	{SMPP_QUERY_SM, true, "query_sm", query_sm},
	{SMPP_QUERY_SM_RESP, false, "query_sm_resp", query_sm_resp},
	{SMPP_CANCEL_SM, true, "cancel_sm", cancel_sm},
	{SMPP_CANCEL_SM_RESP, false, "cancel_sm_resp", nothing},
	{SMPP_REPLACE_SM, true, "replace_sm", replace_sm},
	{SMPP_REPLACE_SM_RESP, false, "replace_sm_resp", nothing},
	{SMPP_ALERT_NOTIFICATION, false, "alert_notification", alert_notification},
	{SMPP_BIND_TRANSCEIVER, true, "bind_transceiver", bind},
	{SMPP_BIND_TRANSCEIVER_RESP, false, "bind_transceiver_resp", bind_resp},
	{SMPP_BIND_TRANSMITTER, true, "bind_transmitter", bind},
	{SMPP_BIND_TRANSMITTER_RESP, false, "bind_transmitter_resp", bind_resp},
	{SMPP_BIND_RECEIVER, true, "bind_receiver", bind},
	{SMPP_BIND_RECEIVER_RESP, false, "bind_receiver_resp", bind_resp},
	{SMPP_OUTBIND, false, "outbind", outbind},
	{SMPP_UNBIND, false, "unbind", nothing},
	{SMPP_UNBIND_RESP, false, "unbind_resp", nothing},
	{SMPP_GENERIC_NACK, false, "generic_nack", nothing},
};

const struct smpp_layout *smpp_layout_of(uint32_t id)
{
	for (size_t i = 0; i < COUNT(layouts); i++)
		if (layouts[i].id == id)
			return &layouts[i];
	return NULL;
}
