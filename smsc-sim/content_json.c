#include "smsc-sim/content_json.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/wire/push/emn.h"
#include "lib/wire/sms/dcs.h"
#include "lib/wire/sms/text.h"
#include "lib/wire/sms/udh.h"
#include "lib/wire/push/wsp.h"

_Static_assert(EMN_MAILBOX_MAX + sizeof "trigger for " <= CONTENT_SUMMARY_MAX, "a line has room");

#define TEXT_PER_OCTET 4 /* of UTF-8, at most, from an octet of any coding */

/* What can be read of it. */
struct reading {
	struct sms_udh udh;
	struct wsp_push push;
	struct emn emn;
	bool has_udh, has_push, has_emn;
	const char *problem; /* null: everything there was could be read */
};

static bool is_whole(const struct sms_udh *udh)
{
	return !udh->has_concat || udh->concat.total == 1;
}

static void content_read(const struct content *c, struct reading *r)
{
	size_t length;

	memset(r, 0, sizeof *r);
	if (c->udh_len) {
		r->has_udh = !sms_udh_decode(c->udh, c->udh_len, &r->udh, &length);
		if (!r->has_udh)
			r->problem = "the user data header cannot be read";
	}
	if (!r->has_udh || !r->udh.has_ports || r->udh.ports.destination != SMS_PORT_WSP_PUSH)
		return;
	if (!c->is_joined && !is_whole(&r->udh)) {
		r->problem = "a part of a longer push";
		return;
	}
	r->has_push = !wsp_push_decode(c->body, c->body_len, &r->push);
	if (!r->has_push) {
		r->problem = "no WSP push";
		return;
	}
	r->has_emn = r->push.content_type == WSP_CONTENT_EMN &&
		     !emn_decode(r->push.body, r->push.body_len, &r->emn);
	if (!r->has_emn)
		r->problem = "the push has no e-mail notification";
}

/* ---- text ---- */

/* UTF-8 of the body, the caller frees; null: its coding is none of a text, or no memory. */
static char *text_of(const struct content *c, size_t *length)
{
	enum sms_alphabet layout = sms_dcs_layout(c->dcs);
	size_t size = TEXT_PER_OCTET * c->body_len + 1;
	char *text = layout == SMS_8_BIT ? NULL : malloc(size);
	int rc;

	if (!text)
		return NULL;
	if (layout == SMS_UCS2)
		rc = sms_text_from_ucs2(c->body, c->body_len, text, size, length);
	else
		rc = sms_text_from_septets(c->body, c->body_len, text, size, length);
	if (rc) {
		free(text);
		return NULL;
	}
	return text;
}

static json_t *hex_write(const uint8_t *octets, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	char *text = malloc(2 * n + 1);

	if (!text)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		text[2 * i] = digits[octets[i] >> 4];
		text[2 * i + 1] = digits[octets[i] & 15];
	}
	json_t *json = json_stringn(text, 2 * n);
	free(text);
	return json;
}

/* ---- the parts ---- */

static json_t *udh_write(const struct sms_udh *udh)
{
	json_t *json = json_object(), *others = json_array();

	if (udh->has_ports)
		json_object_set_new(json, "ports",
				    json_pack("{s:i, s:i}", "destination", udh->ports.destination,
					      "source", udh->ports.source));
	if (udh->has_concat)
		json_object_set_new(json, "concat",
				    json_pack("{s:i, s:i, s:i}", "reference", udh->concat.reference,
					      "total", udh->concat.total, "number",
					      udh->concat.number));
	for (size_t i = 0; i < udh->other_count; i++) {
		const struct sms_udh_other *o = &udh->others[i];
		json_array_append_new(others, json_pack("{s:i, s:o}", "id", o->id, "octets",
							hex_write(o->value, o->len)));
	}
	if (json_array_size(others))
		json_object_set(json, "others", others);
	json_decref(others);
	return json;
}

static json_t *content_type_write(uint32_t type)
{
	if (type == WSP_CONTENT_EMN)
		return json_string("application/vnd.wap.emn+wbxml");
	return type == WSP_UNKNOWN ? json_null() : json_integer(type);
}

static json_t *push_write(const struct wsp_push *push)
{
	json_t *headers = json_object();

	for (size_t i = 0; i < push->header_count; i++) /* not UTF-8: no such text in JSON */
		json_object_set_new(headers, push->headers[i].name,
				    json_string(push->headers[i].value));
	return json_pack("{s:i, s:o, s:o, s:o, s:o}", "tid", push->tid, "content_type",
			 content_type_write(push->content_type), "application_id",
			 push->application_id == WSP_UNKNOWN ? json_null()
							     : json_integer(push->application_id),
			 "headers", headers, "body", hex_write(push->body, push->body_len));
}

static json_t *emn_write(const struct emn *emn)
{
	char time[CLOCK_TEXT_MAX];

	return json_pack("{s:s, s:s}", "mailbox", emn->mailbox, "timestamp",
			 clock_format(emn->timestamp_s * CLOCK_S, time));
}

json_t *content_json_write(const struct content *c)
{
	static const char *const codings[] = {
		[SMS_GSM7] = "7-bit", [SMS_8_BIT] = "8-bit", [SMS_UCS2] = "UCS-2"};
	json_t *json = json_object();
	struct reading r;
	size_t length;
	char *text = text_of(c, &length);

	content_read(c, &r);
	json_object_set_new(json, "coding", json_string(codings[sms_dcs_layout(c->dcs)]));
	json_object_set_new(json, "octets", hex_write(c->body, c->body_len));
	if (text)
		json_object_set_new(json, "text", json_stringn(text, length));
	if (r.has_udh)
		json_object_set_new(json, "udh", udh_write(&r.udh));
	if (r.has_push)
		json_object_set_new(json, "wsp", push_write(&r.push));
	if (r.has_emn)
		json_object_set_new(json, "emn", emn_write(&r.emn));
	if (r.problem)
		json_object_set_new(json, "problem", json_string(r.problem));
	free(text);
	return json;
}

/* ---- a line ---- */

/* As much of a text as fits, cut between characters, control characters as spaces. */
static void line_of(const char *text, size_t length, char out[CONTENT_SUMMARY_MAX])
{
	static const char more[] = "…";
	bool is_cut = length >= CONTENT_SUMMARY_MAX;

	if (is_cut)
		length = CONTENT_SUMMARY_MAX - sizeof more;
	while (is_cut && length && ((uint8_t)text[length] & 0xc0) == 0x80)
		length--;
	for (size_t i = 0; i < length; i++)
		out[i] = (uint8_t)text[i] < 0x20 || text[i] == 0x7f ? ' ' : text[i];
	memcpy(out + length, is_cut ? more : "", is_cut ? sizeof more : 1);
}

void content_summary(const struct content *c, char out[CONTENT_SUMMARY_MAX])
{
	struct reading r;
	size_t length;
	char *text;

	content_read(c, &r);
	if (r.has_emn) {
		snprintf(out, CONTENT_SUMMARY_MAX, "trigger for %s", r.emn.mailbox);
		return;
	}
	text = text_of(c, &length);
	if (text)
		line_of(text, length, out);
	else if (r.has_udh && r.udh.has_ports)
		snprintf(out, CONTENT_SUMMARY_MAX, "%zu octets for port %u", c->body_len,
			 r.udh.ports.destination);
	else
		snprintf(out, CONTENT_SUMMARY_MAX, "%zu octets", c->body_len);
	free(text);
}
