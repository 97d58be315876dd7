#include "lib/wire/sms/dcs.h"

/* 00xx and 01xx, the general groups: compression, class, alphabet by bits. */
static struct sms_dcs read_general(uint8_t dcs)
{
	static const enum sms_alphabet alphabets[] = {SMS_GSM7, SMS_8_BIT, SMS_UCS2, SMS_GSM7};

	return (struct sms_dcs){
		.alphabet = alphabets[dcs >> 2 & 3],
		.message_class = dcs & 0x10 ? (int8_t)(dcs & 3) : -1,
		.is_compressed = dcs & 0x20,
		.is_auto_delete = dcs & 0x40,
	};
}

/* 1100 drop, 1101 keep, 1110 keep and UCS-2. */
static struct sms_dcs read_indication(uint8_t dcs)
{
	return (struct sms_dcs){
		.alphabet = dcs >> 4 == 0xE ? SMS_UCS2 : SMS_GSM7,
		.message_class = -1,
		.is_indication = true,
		.is_waiting = dcs & 8,
		.is_dropped = dcs >> 4 == 0xC,
		.kind = (enum sms_indication_kind)(dcs & 3),
	};
}

struct sms_dcs sms_dcs_read(uint8_t dcs)
{
	if (dcs < 0x80)
		return read_general(dcs);
	if (dcs >= 0xF0)
		return (struct sms_dcs){.alphabet = dcs & 4 ? SMS_8_BIT : SMS_GSM7,
					.message_class = (int8_t)(dcs & 3)};
	if (dcs >= 0xC0)
		return read_indication(dcs);
	return (struct sms_dcs){.alphabet = SMS_GSM7, .message_class = -1};
}

enum sms_alphabet sms_dcs_layout(uint8_t dcs)
{
	struct sms_dcs read = sms_dcs_read(dcs);

	return read.is_compressed ? SMS_8_BIT : read.alphabet;
}
