#include "lib/wire/sms/data.h"

#include <string.h>

#include "lib/err.h"
#include "lib/wire/sms/dcs.h"
#include "lib/wire/sms/text.h"

/* A header and its fill bits take whole septets. */
static size_t header_septets(size_t udh_len)
{
	return (udh_len * 8 + 6) / 7;
}

static unsigned fill_bits(size_t udh_len)
{
	return (unsigned)(header_septets(udh_len) * 7 - udh_len * 8);
}

static size_t octets_of(size_t septets)
{
	return (septets * 7 + 7) / 8;
}

size_t sms_data_room(uint8_t dcs, size_t udh_len, size_t octets_max)
{
	if (udh_len > octets_max)
		return 0;
	if (sms_dcs_layout(dcs) != SMS_GSM7)
		return octets_max - udh_len;
	size_t all = octets_max * 8 / 7, header = header_septets(udh_len);
	return header > all ? 0 : all - header;
}

static void put_septets(struct octets_writer *w, const struct sms_data *data)
{
	uint8_t packed[SMS_REPORT_OCTETS_MAX + 1];
	size_t septets = header_septets(data->udh_len) + data->body_len;

	octets_put_u8(w, (uint8_t)septets);
	octets_put(w, data->udh, data->udh_len);
	sms_septets_pack(data->body, data->body_len, fill_bits(data->udh_len), packed);
	octets_put(w, packed, octets_of(septets) - data->udh_len);
}

int sms_data_put(struct octets_writer *w, const struct sms_data *data, size_t octets_max)
{
	if (data->udh_len > octets_max ||
	    data->body_len > sms_data_room(data->dcs, data->udh_len, octets_max))
		return E_TOO_LARGE;
	if (data->udh_len > 0 && data->udh[0] != data->udh_len - 1)
		return E_SYNTAX;
	if (sms_dcs_layout(data->dcs) == SMS_GSM7) {
		put_septets(w, data);
	} else {
		octets_put_u8(w, (uint8_t)(data->udh_len + data->body_len));
		octets_put(w, data->udh, data->udh_len);
		octets_put(w, data->body, data->body_len);
	}
	return w->is_full ? E_TOO_LARGE : 0;
}

int sms_data_take(struct octets_reader *r, bool has_udh, size_t octets_max, struct sms_data *out)
{
	bool is_packed = sms_dcs_layout(out->dcs) == SMS_GSM7;
	const uint8_t *at;
	uint8_t length;

	if (!octets_take_u8(r, &length))
		return E_SYNTAX;
	size_t octets = is_packed ? octets_of(length) : length;
	if (octets > octets_max)
		return E_TOO_LARGE;
	if (!octets_take(r, octets, &at))
		return E_SYNTAX;
	size_t udh_len = has_udh && octets > 0 ? (size_t)at[0] + 1 : 0;
	size_t header = is_packed ? header_septets(udh_len) : udh_len;
	if ((has_udh && octets == 0) || header > length)
		return E_SYNTAX;
	memcpy(out->udh, at, udh_len);
	out->udh_len = udh_len;
	out->body_len = length - header;
	if (is_packed)
		sms_septets_unpack(at + udh_len, out->body_len, fill_bits(udh_len), out->body);
	else
		memcpy(out->body, at + udh_len, out->body_len);
	return 0;
}
