#include "authsrv/json_field.h"

#include <assert.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/keyfile.h"
#include "lib/wire/base64.h"

#define TIME_TEXT_MAX 64

/* What is there and not null, else null. */
static const json_t *member(const json_t *object, const char *name)
{
	const json_t *value = json_object_get(object, name);

	return json_is_null(value) ? NULL : value;
}

static bool is_plain(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			return false;
	return true;
}

enum field field_text(const json_t *object, const char *name, char *out, size_t size)
{
	const json_t *value = member(object, name);

	if (!value)
		return FIELD_ABSENT;
	const char *text = json_string_value(value);
	size_t length = json_string_length(value);
	if (!text || !length || length >= size || !is_plain(text, length))
		return FIELD_BAD;
	memcpy(out, text, length);
	out[length] = 0;
	return FIELD_GOOD;
}

enum field field_whole(const json_t *object, const char *name, int64_t least, int64_t most,
		       int64_t *out)
{
	const json_t *value = member(object, name);

	if (!value)
		return FIELD_ABSENT;
	if (!json_is_number(value))
		return FIELD_BAD;
	double number = json_number_value(value);
	if (!(number >= (double)least && number <= (double)most))
		return FIELD_BAD;
	int64_t whole = (int64_t)number;
	if ((double)whole < number || (double)whole > number)
		return FIELD_BAD;
	*out = whole;
	return FIELD_GOOD;
}

enum field field_time(const json_t *object, const char *name, int64_t *out)
{
	char text[TIME_TEXT_MAX];
	enum field found = field_text(object, name, text, sizeof text);
	int64_t time_us;

	if (found != FIELD_GOOD)
		return found;
	if (clock_parse(text, strlen(text), &time_us))
		return FIELD_BAD;
	*out = time_us ? time_us : 1; /* 0 would be: not said */
	return FIELD_GOOD;
}

static bool digits_read(const char *text, size_t least, size_t size, char *out)
{
	size_t length = strspn(text, "0123456789");

	if (text[length] || length < least || length >= size)
		return false;
	memcpy(out, text, length + 1);
	return true;
}

bool msisdn_read(const char *text, char out[MSISDN_MAX])
{
	return digits_read(text + (*text == '+'), MSISDN_DIGITS_MIN, MSISDN_MAX, out);
}

bool imsi_read(const char *text, char out[IMSI_MAX])
{
	return digits_read(text, IMSI_DIGITS_MIN, IMSI_MAX, out);
}

enum field field_msisdn(const json_t *object, char out[MSISDN_MAX])
{
	char text[MSISDN_MAX + 1];
	enum field found = field_text(object, "msisdn", text, sizeof text);

	if (found == FIELD_GOOD && !msisdn_read(text, out))
		return FIELD_BAD;
	return found;
}

enum field field_imsi(const json_t *object, char out[IMSI_MAX])
{
	char text[IMSI_MAX];
	enum field found = field_text(object, "imsi", text, sizeof text);

	if (found == FIELD_GOOD && !imsi_read(text, out))
		return FIELD_BAD;
	return found;
}

enum field field_hex(const json_t *object, const char *name, uint8_t *out, size_t bytes)
{
	char text[2 * FIELD_OCTETS_MAX + 1];

	assert(bytes <= FIELD_OCTETS_MAX);
	enum field found = field_text(object, name, text, 2 * bytes + 1);
	if (found == FIELD_GOOD && (strlen(text) != 2 * bytes || !keyfile_unhex(text, out, bytes)))
		found = FIELD_BAD;
	explicit_bzero(text, sizeof text);
	return found;
}

enum field field_base64(const json_t *object, const char *name, uint8_t *out, size_t bytes)
{
	char text[BASE64_TEXT_MAX(FIELD_OCTETS_MAX)];
	uint8_t octets[FIELD_OCTETS_MAX];
	size_t n;

	assert(bytes <= FIELD_OCTETS_MAX);
	enum field found = field_text(object, name, text, sizeof text);
	if (found != FIELD_GOOD)
		return found;
	if (base64_decode(BASE64_URL, text, strlen(text), octets, sizeof octets, &n) || n != bytes)
		return FIELD_BAD;
	memcpy(out, octets, bytes);
	return FIELD_GOOD;
}

json_t *body_read(const char *body, size_t length)
{
	return json_loadb(body, length, JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL, NULL);
}
