#include "lib/device.h"

#include <string.h>

#include "lib/err.h"

static const char *const kind_names[DEVICE_KINDS] = {[DEVICE_SUBSCRIBER_ID] = "subscriber-id",
						     [DEVICE_CIRCUIT_ID] = "circuit-id",
						     [DEVICE_REMOTE_ID] = "remote-id",
						     [DEVICE_CLIENT_ID] = "client-id",
						     [DEVICE_HW_ADDRESS] = "hw-address"};

const char *device_kind_name(enum device_kind kind)
{
	return kind < DEVICE_KINDS ? kind_names[kind] : "?";
}

int device_kind_parse(const char *name, enum device_kind *out)
{
	for (int k = 0; k < DEVICE_KINDS; k++)
		if (!strcmp(name, kind_names[k])) {
			*out = (enum device_kind)k;
			return 0;
		}
	return E_SYNTAX;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int device_parse(const char *text, struct device *out)
{
	uint8_t octets[DEVICE_OCTETS_MAX];
	size_t n = 0;

	for (const char *p = text; *p; n++) {
		if (n && *p == ':')
			p++;
		int high = digit(p[0]);
		int low = high < 0 ? -1 : digit(p[1]);
		if (low < 0)
			return E_SYNTAX;
		if (n == DEVICE_OCTETS_MAX)
			return E_TOO_LARGE;
		octets[n] = (uint8_t)(high << 4 | low);
		p += 2;
	}
	if (!n)
		return E_SYNTAX;
	out->length = n;
	memcpy(out->octets, octets, n);
	return 0;
}

const char *device_format(const struct device *d, char text[DEVICE_TEXT_MAX])
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < d->length; i++) {
		text[2 * i] = hex[d->octets[i] >> 4];
		text[2 * i + 1] = hex[d->octets[i] & 15];
	}
	text[2 * d->length] = 0;
	return text;
}

bool device_equal(const struct device *a, const struct device *b)
{
	return a->kind == b->kind && a->length == b->length &&
	       !memcmp(a->octets, b->octets, a->length);
}
