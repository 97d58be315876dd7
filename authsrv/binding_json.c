#include "authsrv/binding_json.h"

#include "lib/clock.h"

/* Null in JSON for what is not known. */
static const char *known(const char *text)
{
	return *text ? text : NULL;
}

static const char *time_text(int64_t time_us, char text[CLOCK_TEXT_MAX])
{
	return time_us > 0 ? clock_format(time_us, text) : NULL;
}

/* Of a block only: the usual key is the whole address. */
static void show_ports(json_t *json, const struct key *k)
{
	char text[KEY_PORTS_MAX];

	if (key_is_block(k))
		json_object_set_new(json, "port_range", json_string(key_format_ports(k, text)));
}

json_t *binding_json_write(const struct binding_found *f, int64_t now_us)
{
	char ip[KEY_TEXT_MAX], started[CLOCK_TEXT_MAX], expires[CLOCK_TEXT_MAX];
	enum key_state state = binding_state_at(&f->b, now_us);
	json_t *json = json_pack("{s:s, s:s, s:s, s:s?, s:s?, s:I, s:s?, s:s?, s:s?, s:s?, s:b}",
				 "realm", f->b.key.realm, "ip", key_format_prefix(&f->b.key, ip),
				 "state", key_state_name(state), "msisdn", known(f->msisdn), "imsi",
				 known(f->imsi), "generation", (json_int_t)f->b.generation,
				 "session_id", known(f->session_id), "nas_id", known(f->nas_id),
				 "started", time_text(f->b.started_us, started), "expires",
				 time_text(f->b.expires_us, expires), "behind", (int)f->behind);

	if (f->b.frozen)
		json_object_set_new(json, "frozen", json_true());
	show_ports(json, &f->b.key);
	if (state == KEY_QUARANTINED)
		json_object_set_new(json, "reason",
				    json_string(quarantine_reason_name(f->b.reason)));
	return json;
}

json_t *history_json_write(const struct history_row *row)
{
	char time[CLOCK_TEXT_MAX], received[CLOCK_TEXT_MAX];

	json_t *json = json_pack(
		"{s:I, s:s, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:I, s:s}", "id",
		(json_int_t)row->id, "event", row->event, "time", time_text(row->time_us, time),
		"received", time_text(row->received_us, received), "msisdn", known(row->msisdn),
		"imsi", known(row->imsi), "session_id", known(row->session_id), "nas_id",
		known(row->nas_id), "feeder", known(row->feeder), "generation",
		(json_int_t)row->generation, "outcome", row->outcome);

	show_ports(json, &row->key);
	return json;
}
