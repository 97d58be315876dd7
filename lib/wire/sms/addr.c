#include "lib/wire/sms/addr.h"

#include <string.h>

#include "lib/err.h"
#include "lib/wire/sms/text.h"

#define EXTENSION_BIT 0x80 /* of the type of address: always 1 */
#define FILL          0x0F
#define NUMBER_MAX    ((SMS_ADDR_DIGITS_MAX + 1) / 2)
#define NAME_OCTETS   ((SMS_ADDR_NAME_MAX * 7 + 7) / 8)
#define SEPTETS_IN(h) ((h)*4 / 7)       /* whole septets in so many half octets */
#define HALVES_OF(n)  (((n)*7 + 3) / 4) /* half octets that so many septets use */

static const char half_octets[] = "0123456789*#abc";

static bool is_e164(const struct sms_addr *addr)
{
	return addr->ton == SMS_TON_INTERNATIONAL && addr->npi == SMS_NPI_E164;
}

static int half_of(char c, bool digits_only, uint8_t *half)
{
	const char *at = c ? strchr(half_octets, c) : NULL;

	if (!at || (digits_only && *at > '9') || (digits_only && *at < '0'))
		return E_SYNTAX;
	*half = (uint8_t)(at - half_octets);
	return 0;
}

int sms_addr_number(const char *digits, struct sms_addr *out)
{
	size_t len = strlen(digits);

	if (len == 0 || strspn(digits, "0123456789") != len)
		return E_SYNTAX;
	if (len > SMS_ADDR_DIGITS_MAX)
		return E_TOO_LARGE;
	*out = (struct sms_addr){.ton = SMS_TON_INTERNATIONAL, .npi = SMS_NPI_E164};
	memcpy(out->text, digits, len + 1);
	return 0;
}

bool sms_addr_equal(const struct sms_addr *a, const struct sms_addr *b)
{
	return a->ton == b->ton && a->npi == b->npi && strcmp(a->text, b->text) == 0;
}

static int pack_digits(const struct sms_addr *addr, uint8_t *out, size_t *digits)
{
	size_t len = strnlen(addr->text, sizeof addr->text);

	if (len > SMS_ADDR_DIGITS_MAX)
		return E_TOO_LARGE;
	for (size_t i = 0; i < len; i++) {
		uint8_t half;

		if (half_of(addr->text[i], is_e164(addr), &half))
			return E_SYNTAX;
		if (i % 2 == 0)
			out[i / 2] = (uint8_t)(FILL << 4 | half);
		else
			out[i / 2] = (uint8_t)(half << 4 | (out[i / 2] & 0x0f));
	}
	*digits = len;
	return 0;
}

static int unpack_digits(const uint8_t *at, size_t digits, struct sms_addr *addr)
{
	for (size_t i = 0; i < digits; i++) {
		uint8_t half = i % 2 == 0 ? at[i / 2] & 0x0f : at[i / 2] >> 4;

		if (half == FILL || (half > 9 && is_e164(addr)))
			return E_SYNTAX;
		addr->text[i] = half_octets[half];
	}
	addr->text[digits] = '\0';
	if (digits % 2 == 1 && at[digits / 2] >> 4 != FILL)
		return E_SYNTAX;
	return 0;
}

static int pack_name(const struct sms_addr *addr, uint8_t *out, size_t *halves)
{
	uint8_t septets[SMS_ADDR_NAME_MAX];
	size_t n;
	int err = sms_text_to_septets(addr->text, strnlen(addr->text, sizeof addr->text), septets,
				      sizeof septets, &n);

	if (err)
		return err;
	if (n == 0)
		return E_SYNTAX;
	sms_septets_pack(septets, n, 0, out);
	*halves = HALVES_OF(n);
	return 0;
}

static int unpack_name(const uint8_t *at, size_t halves, struct sms_addr *addr)
{
	uint8_t septets[SMS_ADDR_NAME_MAX];
	size_t n = SEPTETS_IN(halves), len;

	if (n == 0 || n > sizeof septets)
		return E_SYNTAX;
	sms_septets_unpack(at, n, 0, septets);
	int err = sms_text_from_septets(septets, n, addr->text, SMS_ADDR_TEXT_MAX, &len);
	if (err)
		return err;
	/* A NUL is in no alphabet here; what is empty after decoding names nobody. */
	addr->text[len] = '\0';
	return len > 0 ? 0 : E_SYNTAX;
}

static uint8_t type_of(const struct sms_addr *addr)
{
	return (uint8_t)(EXTENSION_BIT | (addr->ton & 7) << 4 | (addr->npi & 15));
}

int sms_addr_put(struct octets_writer *w, const struct sms_addr *addr)
{
	uint8_t octets[NUMBER_MAX > NAME_OCTETS ? NUMBER_MAX : NAME_OCTETS];
	size_t halves;
	int err = addr->ton == SMS_TON_ALPHANUMERIC ? pack_name(addr, octets, &halves)
						    : pack_digits(addr, octets, &halves);

	if (err)
		return err;
	octets_put_u8(w, (uint8_t)halves);
	octets_put_u8(w, type_of(addr));
	octets_put(w, octets, (halves + 1) / 2);
	return w->is_full ? E_TOO_LARGE : 0;
}

static int take_type(struct octets_reader *r, struct sms_addr *addr)
{
	uint8_t type;

	if (!octets_take_u8(r, &type) || !(type & EXTENSION_BIT))
		return E_SYNTAX;
	*addr = (struct sms_addr){.ton = type >> 4 & 7, .npi = type & 15};
	return 0;
}

int sms_addr_take(struct octets_reader *r, struct sms_addr *out)
{
	struct sms_addr addr;
	const uint8_t *at;
	uint8_t halves;

	if (!octets_take_u8(r, &halves) || take_type(r, &addr))
		return E_SYNTAX;
	if (halves > SMS_ADDR_DIGITS_MAX)
		return E_TOO_LARGE;
	if (!octets_take(r, (size_t)(halves + 1) / 2, &at))
		return E_SYNTAX;
	int err = addr.ton == SMS_TON_ALPHANUMERIC ? unpack_name(at, halves, &addr)
						   : unpack_digits(at, halves, &addr);
	if (!err)
		*out = addr;
	return err;
}

int sms_addr_put_rp(struct octets_writer *w, const struct sms_addr *addr)
{
	uint8_t octets[NUMBER_MAX];
	size_t digits;
	int err = addr->ton == SMS_TON_ALPHANUMERIC ? E_SYNTAX : pack_digits(addr, octets, &digits);

	if (err)
		return err;
	if (digits == 0) {
		octets_put_u8(w, 0);
	} else {
		octets_put_u8(w, (uint8_t)(1 + (digits + 1) / 2));
		octets_put_u8(w, type_of(addr));
		octets_put(w, octets, (digits + 1) / 2);
	}
	return w->is_full ? E_TOO_LARGE : 0;
}

/* Digits are not counted here: an odd one shows by the fill in the last half. */
int sms_addr_take_rp(struct octets_reader *r, struct sms_addr *out)
{
	struct octets_reader value;
	struct sms_addr addr;
	uint8_t len;

	if (!octets_take_u8(r, &len) || !octets_take(r, len, &value.at))
		return E_SYNTAX;
	if (len == 0) {
		*out = (struct sms_addr){0};
		return 0;
	}
	value.left = len;
	if (take_type(&value, &addr) || addr.ton == SMS_TON_ALPHANUMERIC || value.left == 0)
		return E_SYNTAX;
	if (value.left > NUMBER_MAX)
		return E_TOO_LARGE;
	size_t digits = value.left * 2 - (value.at[value.left - 1] >> 4 == FILL);
	if (digits > SMS_ADDR_DIGITS_MAX)
		return E_TOO_LARGE;
	int err = unpack_digits(value.at, digits, &addr);
	if (!err)
		*out = addr;
	return err;
}
