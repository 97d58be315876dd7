#include "smsc-sim/mo_json.h"

#include <jansson.h>
#include <string.h>

#include "lib/err.h"
#include "lib/keyfile.h"
#include "lib/wire/sms/text.h"
#include "lib/wire/sms/udh.h"
#include "lib/wire/smpp/smpp.h"

static const char *read_number(const json_t *json, char out[MO_NUMBER_MAX])
{
	const char *text = json_string_value(json);

	if (!text)
		return "a text of digits";
	text += *text == '+';
	size_t length = strlen(text);
	if (!length || length >= MO_NUMBER_MAX || strspn(text, "0123456789") != length)
		return "1 to 20 digits";
	memcpy(out, text, length + 1);
	return NULL;
}

static const char *read_text(const json_t *json, struct mo *out)
{
	const char *text = json_string_value(json);
	size_t length = json_string_length(json);

	if (!text || memchr(text, 0, length))
		return "text is a text without NUL";
	out->data_coding = SMPP_CODING_DEFAULT;
	int rc = sms_text_to_septets(text, length, out->octets, MO_OCTETS_MAX, &out->length);
	if (rc == E_RANGE) {
		out->data_coding = SMPP_CODING_UCS2;
		rc = sms_text_to_ucs2(text, length, out->octets, MO_OCTETS_MAX, &out->length);
	}
	return rc ? "text is too long" : NULL;
}

/* Appends what the digits stand for. */
static const char *read_hex(const json_t *json, struct mo *out)
{
	const char *text = json_string_value(json);
	size_t digits = json_string_length(json), n = digits / 2;

	if (!text || digits % 2 || strlen(text) != digits)
		return "udh and data are pairs of hexadecimal digits";
	if (n > MO_OCTETS_MAX - out->length)
		return "udh and data are too long";
	if (!keyfile_unhex(text, out->octets + out->length, n))
		return "udh and data are pairs of hexadecimal digits";
	out->length += n;
	return NULL;
}

static const char *read_octets(const json_t *udh, const json_t *data, struct mo *out)
{
	struct sms_udh header;
	const char *wrong;

	out->data_coding = SMPP_CODING_OCTETS;
	if (udh) {
		wrong = read_hex(udh, out);
		if (wrong)
			return wrong;
		if (sms_udh_decode(out->octets, out->length, &header, &out->udh_len) ||
		    out->udh_len != out->length)
			return "udh is no user data header, its length octet first";
	}
	return data ? read_hex(data, out) : NULL;
}

static const char *read_object(const json_t *json, struct mo *out)
{
	const json_t *text = json_object_get(json, "text"), *udh = json_object_get(json, "udh");
	const json_t *data = json_object_get(json, "data");

	if (read_number(json_object_get(json, "source"), out->source))
		return "source is 1 to 20 digits";
	if (read_number(json_object_get(json, "destination"), out->destination))
		return "destination is 1 to 20 digits";
	if (json_object_size(json) != 2u + (text != NULL) + (udh != NULL) + (data != NULL))
		return "its members are source, destination, text, udh, data";
	if (text && (udh || data))
		return "either text, or udh and data";
	if (!text && !udh && !data)
		return "text, or udh and data, is needed";
	return text ? read_text(text, out) : read_octets(udh, data, out);
}

const char *mo_json_read(const char *body, size_t length, struct mo *out)
{
	json_t *json = json_loadb(body, length, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	const char *wrong = "the body is no JSON object";

	memset(out, 0, sizeof *out);
	if (json_is_object(json))
		wrong = read_object(json, out);
	json_decref(json);
	return wrong;
}
