#include "lib/wire/sms/udh.h"

#include "lib/err.h"
#include "lib/wire/octets.h"

typedef void (*read_fn)(const uint8_t *value, struct sms_udh *udh);

static void set_concat(struct sms_udh *udh, struct sms_concat concat)
{
	if (concat.total == 0 || concat.number == 0 || concat.number > concat.total)
		return;
	udh->concat = concat;
	udh->has_concat = true;
}

static void read_concat_8(const uint8_t *value, struct sms_udh *udh)
{
	set_concat(udh, (struct sms_concat){
				.reference = value[0],
				.total = value[1],
				.number = value[2],
			});
}

static void read_concat_16(const uint8_t *value, struct sms_udh *udh)
{
	set_concat(udh, (struct sms_concat){
				.reference = (uint16_t)(value[0] << 8 | value[1]),
				.total = value[2],
				.number = value[3],
				.is_16_bit = true,
			});
}

static void read_ports_8(const uint8_t *value, struct sms_udh *udh)
{
	udh->ports =
		(struct sms_ports){.destination = value[0], .source = value[1], .is_8_bit = true};
	udh->has_ports = true;
}

static void read_ports_16(const uint8_t *value, struct sms_udh *udh)
{
	udh->ports = (struct sms_ports){.destination = (uint16_t)(value[0] << 8 | value[1]),
					.source = (uint16_t)(value[2] << 8 | value[3])};
	udh->has_ports = true;
}

static const struct {
	uint8_t id, len;
	read_fn read;
} elements[] = {
	{SMS_IE_CONCAT_8, 3, read_concat_8},
	{SMS_IE_PORTS_8, 2, read_ports_8},
	{SMS_IE_PORTS_16, 4, read_ports_16},
	{SMS_IE_CONCAT_16, 4, read_concat_16},
};

#define ELEMENTS (sizeof elements / sizeof elements[0])

static void read_element(struct sms_udh *udh, struct sms_udh_other ie)
{
	for (size_t i = 0; i < ELEMENTS; i++) {
		if (elements[i].id == ie.id && elements[i].len == ie.len) {
			elements[i].read(ie.value, udh);
			return;
		}
	}
	if (udh->other_count == SMS_UDH_OTHERS_MAX)
		udh->others_beyond++;
	else
		udh->others[udh->other_count++] = ie;
}

int sms_udh_decode(const uint8_t *octets, size_t size, struct sms_udh *out, size_t *len)
{
	struct octets_reader r = {.at = octets, .left = size}, header;
	struct sms_udh udh = {0};
	uint8_t header_len;

	if (!octets_take_u8(&r, &header_len) || !octets_take(&r, header_len, &header.at))
		return E_SYNTAX;
	header.left = header_len;
	while (header.left > 0) {
		struct sms_udh_other ie;

		if (!octets_take_u8(&header, &ie.id) || !octets_take_u8(&header, &ie.len) ||
		    !octets_take(&header, ie.len, &ie.value))
			return E_SYNTAX;
		read_element(&udh, ie);
	}
	*out = udh;
	*len = (size_t)header_len + 1;
	return 0;
}

static void put_u16(struct octets_writer *w, uint16_t value)
{
	octets_put_u8(w, (uint8_t)(value >> 8));
	octets_put_u8(w, (uint8_t)(value & 0xff));
}

static int put_ports(struct octets_writer *w, const struct sms_ports *ports)
{
	if (!ports->is_8_bit) {
		octets_put_u8(w, SMS_IE_PORTS_16);
		octets_put_u8(w, 4);
		put_u16(w, ports->destination);
		put_u16(w, ports->source);
		return 0;
	}
	if (ports->destination > UINT8_MAX || ports->source > UINT8_MAX)
		return E_RANGE;
	octets_put_u8(w, SMS_IE_PORTS_8);
	octets_put_u8(w, 2);
	octets_put_u8(w, (uint8_t)ports->destination);
	octets_put_u8(w, (uint8_t)ports->source);
	return 0;
}

static int put_concat(struct octets_writer *w, const struct sms_concat *concat)
{
	if (concat->number == 0 || concat->number > concat->total ||
	    (!concat->is_16_bit && concat->reference > UINT8_MAX))
		return E_RANGE;
	octets_put_u8(w, concat->is_16_bit ? SMS_IE_CONCAT_16 : SMS_IE_CONCAT_8);
	octets_put_u8(w, concat->is_16_bit ? 4 : 3);
	if (concat->is_16_bit)
		put_u16(w, concat->reference);
	else
		octets_put_u8(w, (uint8_t)concat->reference);
	octets_put_u8(w, concat->total);
	octets_put_u8(w, concat->number);
	return 0;
}

static void put_others(struct octets_writer *w, const struct sms_udh *udh)
{
	for (size_t i = 0; i < udh->other_count; i++) {
		octets_put_u8(w, udh->others[i].id);
		octets_put_u8(w, udh->others[i].len);
		octets_put(w, udh->others[i].value, udh->others[i].len);
	}
}

int sms_udh_encode(const struct sms_udh *udh, uint8_t *out, size_t size, size_t *len)
{
	uint8_t elements_at[SMS_UDH_MAX - 1];
	struct octets_writer w = {.at = elements_at, .room = sizeof elements_at};
	struct octets_writer whole = {.at = out, .room = size};
	int err;

	if (udh->other_count > SMS_UDH_OTHERS_MAX)
		return E_RANGE;
	err = udh->has_ports ? put_ports(&w, &udh->ports) : 0;
	if (!err && udh->has_concat)
		err = put_concat(&w, &udh->concat);
	if (err)
		return err;
	put_others(&w, udh);
	if (w.is_full)
		return E_TOO_LARGE;
	if (w.len == 0)
		return E_RANGE;
	octets_put_u8(&whole, (uint8_t)w.len);
	octets_put(&whole, elements_at, w.len);
	if (whole.is_full)
		return E_TOO_LARGE;
	*len = whole.len;
	return 0;
}
