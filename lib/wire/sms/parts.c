#include "lib/wire/sms/parts.h"

#include <string.h>

#include "lib/err.h"
#include "lib/wire/sms/dcs.h"
#include "lib/wire/sms/text.h"

/* What must not be cut at `at`: octets of the body. */
static size_t character_len(enum sms_alphabet layout, const uint8_t *at, size_t left)
{
	if (layout == SMS_GSM7)
		return at[0] == SMS_ESCAPE && left > 1 ? 2 : 1;
	if (layout == SMS_8_BIT)
		return 1;
	bool is_pair = left >= 4 && at[0] >> 2 == 0x36 && at[2] >> 2 == 0x37;
	return is_pair ? 4 : 2;
}

/* How much of the body's rest goes into a part with so much room. */
static size_t part_len(enum sms_alphabet layout, const uint8_t *at, size_t left, size_t room)
{
	size_t len = 0;

	if (layout == SMS_8_BIT)
		return left < room ? left : room;
	while (len < left) {
		size_t next = character_len(layout, at + len, left - len);

		if (next > room - len)
			break;
		len += next;
	}
	return len;
}

static size_t count_parts(enum sms_alphabet layout, const uint8_t *body, size_t len, size_t room)
{
	size_t count = 0;

	while (len > 0 && count <= SMS_PARTS_MAX) {
		size_t part = part_len(layout, body, len, room);

		body += part;
		len -= part;
		count++;
	}
	return count;
}

static struct sms_udh header_of(const struct sms_split *how, bool is_concat)
{
	return (struct sms_udh){
		.has_ports = how->has_ports,
		.ports = how->ports,
		.has_concat = is_concat,
		.concat = {.reference = how->is_16_bit ? how->reference : how->reference & 0xff,
			   .total = SMS_PARTS_MAX,
			   .number = 1,
			   .is_16_bit = how->is_16_bit},
	};
}

static int put_header(const struct sms_udh *udh, struct sms_data *part)
{
	part->udh_len = 0;
	if (!udh->has_ports && !udh->has_concat)
		return 0;
	return sms_udh_encode(udh, part->udh, sizeof part->udh, &part->udh_len);
}

static void put_body(struct sms_data *part, const uint8_t *at, size_t len)
{
	if (len > 0)
		memcpy(part->body, at, len);
	part->body_len = len;
}

/* Everything into one part, if there is room beside the ports. E_AGAIN: there is not. */
static int split_into_one(const struct sms_split *how, const uint8_t *body, size_t len,
			  struct sms_data *part)
{
	struct sms_udh udh = header_of(how, false);
	int err;

	part->dcs = how->dcs;
	err = put_header(&udh, part);
	if (err)
		return err;
	if (len > sms_data_room(how->dcs, part->udh_len, SMS_DATA_OCTETS_MAX))
		return E_AGAIN;
	put_body(part, body, len);
	return 0;
}

static int split_into_many(const struct sms_split *how, const uint8_t *body, size_t len,
			   struct sms_data *parts, size_t max, size_t *count)
{
	enum sms_alphabet layout = sms_dcs_layout(how->dcs);
	struct sms_udh udh = header_of(how, true);
	int err = put_header(&udh, &parts[0]);

	if (err)
		return err;
	size_t room = sms_data_room(how->dcs, parts[0].udh_len, SMS_DATA_OCTETS_MAX);
	size_t total = count_parts(layout, body, len, room);
	if (total > SMS_PARTS_MAX || total > max)
		return E_TOO_LARGE;
	udh.concat.total = (uint8_t)total;
	for (size_t i = 0; i < total; i++) {
		size_t part = part_len(layout, body, len, room);

		udh.concat.number = (uint8_t)(i + 1);
		parts[i].dcs = how->dcs;
		err = put_header(&udh, &parts[i]);
		if (err)
			return err;
		put_body(&parts[i], body, part);
		body += part;
		len -= part;
	}
	*count = total;
	return 0;
}

int sms_split(const struct sms_split *how, const uint8_t *body, size_t len, struct sms_data *parts,
	      size_t max, size_t *count)
{
	int err;

	if (max == 0)
		return E_TOO_LARGE;
	if (sms_dcs_layout(how->dcs) == SMS_UCS2 && len % 2 != 0)
		return E_SYNTAX;
	err = split_into_one(how, body, len, &parts[0]);
	if (err == E_AGAIN)
		return split_into_many(how, body, len, parts, max, count);
	if (!err)
		*count = 1;
	return err;
}
