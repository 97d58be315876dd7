#include "smsc-sim/message_json.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "smsc-sim/content_json.h"
#include "smsc-sim/segments.h"

static json_t *time_write(int64_t time_us)
{
	char text[CLOCK_TEXT_MAX];

	return time_us > 0 ? json_string(clock_format(time_us, text)) : json_null();
}

static void head_write(json_t *json, const struct smsc *s, const struct message *m)
{
	char id[MESSAGE_ID_MAX], shown[MESSAGE_ID_MAX];
	const char *account = smsc_account_name(s, m);

	json_object_set_new(json, "id", json_string(message_id_format(m->id, id)));
	json_object_set_new(json, "message_id", json_string(message_id_format(m->shown_id, shown)));
	json_object_set_new(json, "account", *account ? json_string(account) : json_null());
	json_object_set_new(json, "source", json_string(m->source.number));
	json_object_set_new(json, "destination", json_string(m->destination.number));
	json_object_set_new(json, "state", json_string(smpp_state_name(m->state)));
	json_object_set_new(json, "attempts", json_integer(m->attempts));
	json_object_set_new(json, "submitted", time_write(m->submitted_us));
	json_object_set_new(json, "done", time_write(m->done_us));
}

/* The user data of all its parts on the radio, joined; the header is the first one's. A message
 * that is short of memory shows what there was room for. */
struct joined {
	struct sms_data first;
	uint8_t *body; /* owned */
	size_t length;
	unsigned parts;
};

static void join(const struct message *m, struct joined *out)
{
	struct sms_data part;

	*out = (struct joined){.parts = segments_count(m)};
	for (unsigned i = 0; i < out->parts && segment_read(m, i, &part); i++) {
		uint8_t *grown = realloc(out->body, out->length + part.body_len + 1);
		if (!grown)
			return;
		out->body = grown;
		memcpy(out->body + out->length, part.body, part.body_len);
		out->length += part.body_len;
		if (!i)
			out->first = part;
	}
}

/* Where we split it the concatenation is ours: its octets are whole here. */
static struct content content_of(const struct joined *j)
{
	bool is_split = j->parts > 1;

	return (struct content){.udh = j->first.udh,
				.udh_len = j->first.udh_len,
				.body = j->body,
				.body_len = j->length,
				.dcs = j->first.dcs,
				.is_joined = is_split};
}

json_t *message_json_write(const struct smsc *s, const struct message *m)
{
	char summary[CONTENT_SUMMARY_MAX];
	json_t *json = json_object();
	struct joined joined;

	join(m, &joined);
	const struct content content = content_of(&joined);
	content_summary(&content, summary);
	free(joined.body);
	head_write(json, s, m);
	json_object_set_new(json, "summary", json_string(summary));
	return json;
}

json_t *message_json_write_whole(const struct smsc *s, const struct message *m)
{
	json_t *json = message_json_write(s, m);
	struct joined joined;

	join(m, &joined);
	const struct content content = content_of(&joined);
	json_object_set_new(json, "schedule", time_write(m->schedule_us));
	json_object_set_new(json, "expires", time_write(m->expires_us));
	json_object_set_new(json, "next",
			    message_is_final(m) ? json_null() : time_write(m->next_us));
	json_object_set_new(json, "last_outcome",
			    m->attempts ? json_string(outcome_name(m->last_outcome)) : json_null());
	json_object_set_new(json, "error", json_integer(m->error));
	json_object_set_new(json, "in_flight", json_boolean(m->in_flight));
	json_object_set_new(json, "service_type", json_string(m->service_type));
	json_object_set_new(json, "source_ton", json_integer(m->source.ton));
	json_object_set_new(json, "destination_ton", json_integer(m->destination.ton));
	json_object_set_new(json, "esm_class", json_integer(m->esm_class));
	json_object_set_new(json, "protocol_id", json_integer(m->protocol_id));
	json_object_set_new(json, "data_coding", json_integer(m->data_coding));
	json_object_set_new(json, "registered_delivery", json_integer(m->registered));
	json_object_set_new(json, "length", json_integer((json_int_t)m->length));
	json_object_set_new(json, "parts", json_integer(joined.parts));
	json_object_set_new(json, "content", content_json_write(&content));
	free(joined.body);
	return json;
}
