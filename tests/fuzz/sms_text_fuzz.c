/* The first octet chooses: text to a message body and back is the same text; a body's text is
 * UTF-8 and goes into a body again; a long body cut into parts and put together is itself. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/sms/dcs.h"
#include "lib/wire/sms/parts.h"
#include "lib/wire/sms/text.h"

#define INPUT_MAX 8192

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static uint8_t body[INPUT_MAX * 4], packed[INPUT_MAX * 4];
static char text[INPUT_MAX * 4];
static struct sms_data parts[SMS_PARTS_MAX];

static void text_and_back(const uint8_t *data, size_t size)
{
	size_t n, len;
	uint8_t dcs;

	if (sms_text_encode((const char *)data, size, body, sizeof body, &n, &dcs))
		return;
	must(sms_text_decode(dcs, body, n, text, sizeof text, &len) == 0);
	/* A NUL comes back as U+FFFD, in UCS-2. */
	must(memchr(data, 0, size) != NULL || (len == size && memcmp(text, data, size) == 0));
	if (dcs != SMS_DCS_GSM7)
		return;
	for (unsigned fill = 0; fill < 7; fill++) {
		sms_septets_pack(body, n, fill, packed);
		memset(text, 0, n);
		sms_septets_unpack(packed, n, fill, (uint8_t *)text);
		must(memcmp(text, body, n) == 0);
	}
}

static void body_to_text(uint8_t dcs, const uint8_t *data, size_t size)
{
	size_t n, len;
	uint8_t said;

	if (sms_text_decode(dcs, data, size, text, sizeof text, &len))
		return;
	must(len == 0 || memchr(text, 0, len) == NULL);
	must(sms_text_encode(text, len, body, sizeof body, &n, &said) == 0);
}

static void cut_and_join(uint8_t how_octet, const uint8_t *data, size_t size)
{
	static const uint8_t codings[] = {SMS_DCS_GSM7, SMS_DCS_8_BIT, SMS_DCS_UCS2};
	struct sms_split how = {.dcs = codings[how_octet % 3],
				.has_ports = how_octet & 0x40,
				.ports = {2948, 9200, false},
				.reference = 300,
				.is_16_bit = how_octet & 0x80};
	size_t count, len = 0;

	int err = sms_split(&how, data, size, parts, SMS_PARTS_MAX, &count);
	must(err == 0 || err == E_TOO_LARGE ||
	     (err == E_SYNTAX && how.dcs == SMS_DCS_UCS2 && size % 2 == 1));
	if (err)
		return;
	for (size_t i = 0; i < count; i++) {
		must(parts[i].body_len <=
		     sms_data_room(how.dcs, parts[i].udh_len, SMS_DATA_OCTETS_MAX));
		must(len + parts[i].body_len <= size);
		must(memcmp(parts[i].body, data + len, parts[i].body_len) == 0);
		must(count == 1 || parts[i].body_len > 0);
		len += parts[i].body_len;
	}
	must(len == size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > INPUT_MAX)
		return 0;
	switch (data[0] & 3) {
	case 0:
		text_and_back(data + 1, size - 1);
		break;
	case 1:
		body_to_text(SMS_DCS_GSM7, data + 1, size - 1);
		break;
	case 2:
		body_to_text(SMS_DCS_UCS2, data + 1, size - 1);
		break;
	default:
		cut_and_join((uint8_t)(data[0] >> 2 | (data[0] & 0xc0)), data + 1, size - 1);
	}
	return 0;
}
