#include "lib/wire/proxy.h"

#include <string.h>

#include "lib/err.h"

/* ---- version 1: one line ---- */

#define V1_BEGIN "PROXY "
#define V1_WORDS 5 /* family, two addresses, two ports */

/* 0 to 65535 without a leading zero. */
static int port_parse(const char *text, uint16_t *out)
{
	size_t digits = strspn(text, "0123456789");
	unsigned value = 0;

	if (!digits || digits > 5 || text[digits] || (digits > 1 && *text == '0'))
		return E_SYNTAX;
	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (unsigned)(text[i] - '0');
	if (value > UINT16_MAX)
		return E_SYNTAX;
	*out = (uint16_t)value;
	return 0;
}

static int v1_address(const char *text, bool v6, struct addr *out)
{
	return (strchr(text, ':') != NULL) == v6 ? addr_parse(text, out) : E_SYNTAX;
}

/* Cuts at single blanks. */
static int v1_split(char *line, char *words[V1_WORDS])
{
	size_t n = 0;

	for (char *at = line; at; n++) {
		char *blank = strchr(at, ' ');

		if (n == V1_WORDS)
			return E_SYNTAX;
		if (blank)
			*blank++ = '\0';
		words[n] = at;
		at = blank;
	}
	return n == V1_WORDS ? 0 : E_SYNTAX;
}

/* Behind "PROXY ", without CRLF. */
static int v1_read(char *line, struct proxy_header *h)
{
	char *words[V1_WORDS];

	if (!strcmp(line, "UNKNOWN") || !strncmp(line, "UNKNOWN ", 8)) {
		h->is_nameless = true;
		return 0;
	}
	if (v1_split(line, words))
		return E_SYNTAX;
	bool v6 = !strcmp(words[0], "TCP6");
	if (!v6 && strcmp(words[0], "TCP4") != 0)
		return E_SYNTAX;
	if (v1_address(words[1], v6, &h->source) || v1_address(words[2], v6, &h->destination) ||
	    port_parse(words[3], &h->source_port) || port_parse(words[4], &h->destination_port))
		return E_SYNTAX;
	return 0;
}

static int v1_parse(const uint8_t *octets, size_t n, struct proxy_header *h)
{
	size_t most = n < PROXY_V1_MAX ? n : PROXY_V1_MAX, begin = sizeof V1_BEGIN - 1;
	const uint8_t *end = memchr(octets, '\r', most);
	char line[PROXY_V1_MAX];

	if (!end || end + 1 == octets + most)
		return most == PROXY_V1_MAX ? E_SYNTAX : E_AGAIN;
	size_t length = (size_t)(end - octets);
	if (end[1] != '\n' || length < begin || memchr(octets, '\0', length))
		return E_SYNTAX;
	memcpy(line, octets + begin, length - begin);
	line[length - begin] = '\0';
	h->version = 1;
	h->length = length + 2;
	return v1_read(line, h);
}

/* ---- version 2: octets ---- */

static const uint8_t SIGNATURE[12] = "\r\n\r\n\0\r\nQUIT\n";
#define V2_FIXED   16 /* signature, command, family, length */
#define V2_VERSION 0x20
#define V2_LOCAL   0
#define V2_PROXY   1
#define V2_TCP4    0x11
#define V2_TCP6    0x21

#define TLV_HEAD   3
#define TLV_CRC32C 0x03
#define CRC_OCTETS 4

static unsigned get16(const uint8_t *p)
{
	return (unsigned)(p[0] << 8 | p[1]);
}

/* RFC 3720 appendix B.4: reflected, polynomial 0x1edc6f41. */
static uint32_t crc32c_add(uint32_t crc, uint8_t octet)
{
	crc ^= octet;
	for (int bit = 0; bit < 8; bit++)
		crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
	return crc;
}

/* Over the whole header, the checksum's own octets (at `hole`) taken as zero. */
static bool crc_is_good(const uint8_t *octets, size_t length, size_t hole)
{
	const uint8_t *said = octets + hole;
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < length; i++)
		crc = crc32c_add(crc, i >= hole && i < hole + CRC_OCTETS ? 0 : octets[i]);
	crc = ~crc;
	return said[0] == crc >> 24 && said[1] == (crc >> 16 & 0xff) &&
	       said[2] == (crc >> 8 & 0xff) && said[3] == (crc & 0xff);
}

static int tlvs_check(const uint8_t *octets, size_t length, size_t at)
{
	while (at < length) {
		if (length - at < TLV_HEAD)
			return E_SYNTAX;
		size_t value = at + TLV_HEAD, n = get16(octets + at + 1);

		if (n > length - value)
			return E_SYNTAX;
		if (octets[at] == TLV_CRC32C &&
		    (n != CRC_OCTETS || !crc_is_good(octets, length, value)))
			return E_SYNTAX;
		at = value + n;
	}
	return 0;
}

static void v2_address(const uint8_t *p, size_t n, struct addr *out)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	memcpy(out->bytes, mapped, sizeof mapped);
	memcpy(out->bytes + sizeof out->bytes - n, p, n);
}

/* Two addresses of `n` octets, two ports. */
static void v2_read(const uint8_t *p, size_t n, struct proxy_header *h)
{
	v2_address(p, n, &h->source);
	v2_address(p + n, n, &h->destination);
	h->source_port = (uint16_t)get16(p + 2 * n);
	h->destination_port = (uint16_t)get16(p + 2 * n + 2);
}

/* Octets of the addresses of a family and transport; SIZE_MAX: there is no such. */
static size_t v2_address_octets(uint8_t family)
{
	static const size_t octets[] = {0, 12, 36, 216}; /* UNSPEC, INET, INET6, UNIX */

	if (family >> 4 >= sizeof octets / sizeof *octets || (family & 0xf) > 2)
		return SIZE_MAX;
	return octets[family >> 4];
}

static int v2_parse(const uint8_t *octets, size_t n, struct proxy_header *h)
{
	if (n < V2_FIXED)
		return E_AGAIN;
	uint8_t command = octets[12], family = octets[13];
	size_t length = V2_FIXED + get16(octets + 14), addresses = v2_address_octets(family);

	if ((command & 0xf0) != V2_VERSION || (command & 0xf) > V2_PROXY)
		return E_SYNTAX;
	if (length > PROXY_MAX)
		return E_TOO_LARGE;
	bool local = (command & 0xf) == V2_LOCAL; /* then the rest means nothing */
	if (!local && (addresses == SIZE_MAX || addresses > length - V2_FIXED))
		return E_SYNTAX;
	if (n < length)
		return E_AGAIN;
	h->version = 2;
	h->length = length;
	h->is_nameless = local || (family != V2_TCP4 && family != V2_TCP6);
	if (!h->is_nameless)
		v2_read(octets + V2_FIXED, family == V2_TCP4 ? 4 : 16, h);
	return local ? 0 : tlvs_check(octets, length, V2_FIXED + addresses);
}

/* ---- either ---- */

static bool begins(const uint8_t *octets, size_t n, const void *with, size_t length)
{
	return memcmp(octets, with, n < length ? n : length) == 0;
}

int proxy_parse(const uint8_t *octets, size_t n, struct proxy_header *out)
{
	struct proxy_header h = {0};
	int rc = E_SYNTAX;

	if (!n)
		return E_AGAIN;
	if (begins(octets, n, SIGNATURE, sizeof SIGNATURE))
		rc = v2_parse(octets, n, &h);
	else if (begins(octets, n, V1_BEGIN, sizeof V1_BEGIN - 1))
		rc = v1_parse(octets, n, &h);
	if (!rc)
		*out = h;
	return rc;
}
