#include "authsrv/queue_json.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "authsrv/whole.h"
#include "lib/clock.h"

/* Any octets. */
static json_t *text_write(const char *text)
{
	char shown[QUEUE_TEXT_MAX];
	json_t *value = json_string(text);

	if (value)
		return value;
	snprintf(shown, sizeof shown, "%s", text);
	for (char *p = shown; *p; p++) {
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	}
	return json_string(shown);
}

static json_t *time_write(int64_t time_us)
{
	char text[CLOCK_TEXT_MAX];

	return time_us > 0 && time_us < INT64_MAX ? json_string(clock_format(time_us, text))
						  : json_null();
}

static json_t *reply_write(const struct queue_reply *r)
{
	if (!r->code && !*r->text)
		return json_null();
	return json_pack("{s:i, s:o, s:o, s:o}", "code", r->code, "enhanced",
			 text_write(r->enhanced), "text", text_write(r->text), "remote",
			 text_write(r->remote));
}

json_t *queue_mail_json_write(const struct queue_mail *m)
{
	return json_pack("{s:I, s:s?, s:o, s:o, s:I, s:o, s:b, s:I, s:o, s:b, s:o, s:I, s:o}", "id",
			 (json_int_t)m->id, "sender", *m->msisdn ? m->msisdn : NULL, "from",
			 text_write(m->reverse_path), "to", text_write(m->first), "recipients",
			 (json_int_t)m->left, "lane", text_write(m->lane), "lane_held",
			 (int)m->is_lane_held, "size", (json_int_t)m->size, "received",
			 time_write(m->received_us), "held", (int)m->is_held, "next",
			 time_write(m->next_us), "attempts", (json_int_t)m->attempts, "last",
			 reply_write(&m->last));
}

static json_t *waiting_write(const struct queue_waiting *w)
{
	const struct queue_recipient *r = &w->recipient;

	return json_pack("{s:I, s:o, s:o, s:b, s:o, s:I, s:b, s:o, s:o}", "id", (json_int_t)r->id,
			 "to", text_write(r->address), "lane", text_write(w->lane), "lane_held",
			 (int)w->is_lane_held, "next", time_write(r->next_us), "attempts",
			 (json_int_t)r->attempts, "warned", (int)r->is_warned, "tried",
			 time_write(r->tried_us), "last", reply_write(&r->last));
}

json_t *queue_waiting_json_write(const struct queue_waiting *list, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, waiting_write(&list[i]));
	return array;
}

static json_t *entry_write(const struct suppression *s)
{
	return json_pack("{s:o, s:i, s:o, s:o, s:o, s:I, s:o, s:o}", "address",
			 text_write(s->address), "code", s->reason.code, "enhanced",
			 text_write(s->reason.enhanced), "text", text_write(s->reason.text),
			 "remote", text_write(s->reason.remote), "count", (json_int_t)s->count,
			 "since", time_write(s->since_us), "expires", time_write(s->expires_us));
}

json_t *suppression_json_write(const struct suppression *list, size_t n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < n; i++)
		json_array_append_new(array, entry_write(&list[i]));
	return array;
}

const char *queue_place_write(const struct queue_place *place, char text[QUEUE_PLACE_MAX])
{
	snprintf(text, QUEUE_PLACE_MAX, "%" PRId64 ".%" PRId64, place->next_us, place->mail);
	return text;
}

bool queue_place_read(const char *text, struct queue_place *place)
{
	const char *dot = strchr(text, '.');
	char first[QUEUE_PLACE_MAX];

	place->next_us = 0;
	if (!dot)
		return whole_read(text, &place->mail);
	if ((size_t)(dot - text) >= sizeof first)
		return false;
	memcpy(first, text, (size_t)(dot - text));
	first[dot - text] = '\0';
	return whole_read(first, &place->next_us) && whole_read(dot + 1, &place->mail);
}
