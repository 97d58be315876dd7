#include "authsrv/freeze_json.h"

#include <string.h>

#include "authsrv/json_field.h"
#include "lib/clock.h"

/* A short prefix of IPv6's beginning would hold IPv4's place in it too. */
static bool read_prefix(const char *text, struct addr_range *out)
{
	static const struct addr v4 = {{[10] = 0xff, [11] = 0xff}};
	struct addr masked = v4;

	if (addr_range_parse(text, out))
		return false;
	addr_mask(&masked, out->plen);
	return addr_is_v4(&out->base) || !addr_equal(&masked, &out->base);
}

/* What is frozen: one of four members. Counts those that are there. */
static const char *read_target(const json_t *body, struct freeze *f, unsigned *count)
{
	char text[ADDR_RANGE_TEXT_MAX];
	enum field msisdn = field_msisdn(body, f->msisdn), imsi = field_imsi(body, f->imsi);
	enum field nas = field_text(body, "nas_id", f->nas_id, sizeof f->nas_id);
	enum field prefix = field_text(body, "prefix", text, sizeof text);

	const enum field said[] = {msisdn, imsi, nas, prefix};
	*count = 0;
	for (size_t i = 0; i < sizeof said / sizeof *said; i++)
		*count += said[i] != FIELD_ABSENT;
	if (msisdn == FIELD_BAD)
		return "msisdn is 3 to 15 digits";
	if (imsi == FIELD_BAD)
		return "imsi is 6 to 15 digits";
	if (nas == FIELD_BAD)
		return "nas_id is a text of up to 63 octets";
	if (prefix == FIELD_BAD || (prefix == FIELD_GOOD && !read_prefix(text, &f->prefix)))
		return "prefix is an address or a prefix of one family, without bits behind it";
	f->kind = nas == FIELD_GOOD      ? FREEZE_NAS
		  : prefix == FIELD_GOOD ? FREEZE_PREFIX
					 : FREEZE_SUBSCRIBER;
	return NULL;
}

/* A subscriber's mail waits outside, unless told otherwise; a place's goes on. */
static const char *read_mail(const json_t *body, struct freeze *f)
{
	char mail[8];

	f->defers_mail = f->kind == FREEZE_SUBSCRIBER;
	switch (field_text(body, "mail", mail, sizeof mail)) {
	case FIELD_ABSENT:
		return NULL;
	case FIELD_GOOD:
		if (f->kind == FREEZE_SUBSCRIBER &&
		    (!strcmp(mail, "defer") || !strcmp(mail, "accept"))) {
			f->defers_mail = !strcmp(mail, "defer");
			return NULL;
		}
		break;
	case FIELD_BAD:
		break;
	}
	return "mail is \"defer\" or \"accept\", of a subscriber";
}

const char *freeze_json_read(const json_t *body, struct freeze *f)
{
	unsigned targets;

	memset(f, 0, sizeof *f);
	if (!json_is_object(body))
		return "the body is no JSON object";
	const char *wrong = read_target(body, f, &targets);
	if (!wrong && targets != 1)
		wrong = "one of msisdn, imsi, nas_id, prefix is needed";
	if (!wrong)
		wrong = read_mail(body, f);
	if (!wrong && field_text(body, "realm", f->realm, sizeof f->realm) == FIELD_BAD)
		wrong = "realm is no realm's name";
	if (!wrong && field_text(body, "reason", f->reason, sizeof f->reason) == FIELD_BAD)
		wrong = "reason is a text of up to 160 octets";
	return wrong;
}

json_t *freeze_json_write(const struct freeze *f)
{
	char prefix[ADDR_RANGE_TEXT_MAX], since[CLOCK_TEXT_MAX];
	json_t *json = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s}", "id", (json_int_t)f->id, "realm",
				 f->realm, "kind", freeze_kind_name(f->kind), "reason", f->reason,
				 "by", f->feeder, "since", clock_format(f->frozen_us, since));

	switch (f->kind) {
	case FREEZE_SUBSCRIBER:
		json_object_set_new(json, "msisdn",
				    *f->msisdn ? json_string(f->msisdn) : json_null());
		json_object_set_new(json, "imsi", *f->imsi ? json_string(f->imsi) : json_null());
		json_object_set_new(json, "mail", json_string(f->defers_mail ? "defer" : "accept"));
		break;
	case FREEZE_NAS:
		json_object_set_new(json, "nas_id", json_string(f->nas_id));
		break;
	case FREEZE_PREFIX:
		json_object_set_new(json, "prefix",
				    json_string(addr_range_format(&f->prefix, prefix)));
		break;
	case FREEZE_KINDS:
		break;
	}
	return json;
}
