#include "lib/key.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"

#define V4_PLEN_SHIFT 96 /* an IPv4 prefix length in the 16-octet form */

static bool realm_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool realm_is_valid(const char *realm)
{
	size_t len = strnlen(realm, REALM_MAX);

	if (len == 0 || len == REALM_MAX || !realm_char(realm[0]))
		return false;
	for (size_t i = 1; i < len; i++) {
		if (!realm_char(realm[i]) && realm[i] != '-')
			return false;
	}
	return true;
}

/* ::/64 holds the loopback ::1, the one IPv6 address that every machine has; no other prefix of all
 * zeros is anyone's. A prefix that contains 64:ff9b::/96 begins with its octets and zeros, so
 * looking at its first address is enough; the same is true of link-local and multicast. */
static bool prefix_is_bindable(const struct addr *base, uint8_t plen)
{
	static const struct addr zeros;

	if (addr_equal(base, &zeros))
		return plen == KEY_PLEN_V6;
	return addr_is_bindable(base);
}

static int key_make(const char *realm, const struct addr *base, uint8_t plen, struct key *out)
{
	if (!realm_is_valid(realm) || !prefix_is_bindable(base, plen))
		return E_RANGE;
	/* Zeroed whole: the octets after the realm's NUL count where keys are hashed. */
	memset(out, 0, sizeof *out);
	memcpy(out->realm, realm, strlen(realm));
	out->addr = *base;
	out->plen = plen;
	out->port_last = UINT16_MAX;
	return 0;
}

int key_of_addr(const char *realm, const struct addr *a, struct key *out)
{
	struct addr base = *a;
	uint8_t plen = addr_is_v4(a) ? KEY_PLEN_V4 : KEY_PLEN_V6;

	if (!addr_is_bindable(a))
		return E_RANGE;
	addr_mask(&base, plen);
	return key_make(realm, &base, plen, out);
}

/* One to three digits without a leading zero, nothing else. */
static int plen_parse(const char *text, unsigned *plen)
{
	size_t len = strspn(text, "0123456789");
	unsigned value = 0;

	if (len == 0 || len > 3 || text[len] != '\0' || (len > 1 && text[0] == '0'))
		return E_SYNTAX;
	for (size_t i = 0; i < len; i++)
		value = value * 10 + (unsigned)(text[i] - '0');
	*plen = value;
	return 0;
}

/* The address's text and the length behind its slash, in the 16-octet form. Only IPv4 may go
 * without a length. */
static int prefix_parse(const char *text, struct addr *base, unsigned *plen)
{
	char host[ADDR_TEXT_MAX];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);

	if (len >= sizeof host)
		return E_SYNTAX;
	memcpy(host, text, len);
	host[len] = '\0';
	if (addr_parse(host, base))
		return E_SYNTAX;
	if (!slash) {
		*plen = KEY_PLEN_V4;
		return strchr(host, ':') ? E_SYNTAX : 0;
	}
	if (plen_parse(slash + 1, plen))
		return E_SYNTAX;
	if (!strchr(host, ':'))
		*plen += V4_PLEN_SHIFT;
	return 0;
}

int key_of_prefix(const char *realm, const char *text, struct key *out)
{
	struct addr base, masked;
	unsigned plen;

	assert(text);
	if (prefix_parse(text, &base, &plen))
		return E_SYNTAX;
	if (addr_is_v4(&base) ? plen != KEY_PLEN_V4 : plen < KEY_PLEN_V6_MIN || plen > KEY_PLEN_V6)
		return E_RANGE;
	masked = base;
	addr_mask(&masked, (uint8_t)plen);
	if (!addr_equal(&base, &masked))
		return E_RANGE;
	return key_make(realm, &base, (uint8_t)plen, out);
}

/* One port, up to `end`. */
static int port_parse(const char *text, const char *end, unsigned *port)
{
	size_t len = (size_t)(end - text);
	unsigned value = 0;

	if (len == 0 || strspn(text, "0123456789") < len || (len > 1 && text[0] == '0'))
		return E_SYNTAX;
	for (size_t i = 0; i < len && value <= UINT16_MAX; i++)
		value = value * 10 + (unsigned)(text[i] - '0');
	*port = value;
	return value <= UINT16_MAX ? 0 : E_RANGE;
}

int key_set_ports(struct key *k, const char *text)
{
	const char *dash = strchr(text, '-');
	unsigned first, last;

	if (!dash)
		return E_SYNTAX;
	int rc = port_parse(text, dash, &first);
	int rc_last = port_parse(dash + 1, text + strlen(text), &last);
	if (rc == E_SYNTAX || rc_last == E_SYNTAX)
		return E_SYNTAX;
	if (rc || rc_last || first > last || !addr_is_v4(&k->addr) || k->plen != KEY_PLEN_V4)
		return E_RANGE;
	k->port_first = (uint16_t)first;
	k->port_last = (uint16_t)last;
	return 0;
}

bool key_is_block(const struct key *k)
{
	return k->port_first != 0 || k->port_last != UINT16_MAX;
}

bool key_equal(const struct key *a, const struct key *b)
{
	return strcmp(a->realm, b->realm) == 0 && addr_equal(&a->addr, &b->addr) &&
	       a->plen == b->plen && a->port_first == b->port_first && a->port_last == b->port_last;
}

/* The families are apart although the octets of ::/64 contain those of every v4-mapped address. */
static bool in_prefix(const struct addr *base, uint8_t plen, const struct addr *a)
{
	struct addr masked = *a;

	if (addr_is_v4(base) != addr_is_v4(a))
		return false;
	addr_mask(&masked, plen);
	return addr_equal(&masked, base);
}

bool key_covers(const struct key *k, const struct addr *a)
{
	return in_prefix(&k->addr, k->plen, a);
}

bool key_overlaps(const struct key *a, const struct key *b)
{
	const struct key *wide = a->plen <= b->plen ? a : b;
	const struct key *narrow = wide == a ? b : a;

	return strcmp(a->realm, b->realm) == 0 &&
	       in_prefix(&wide->addr, wide->plen, &narrow->addr) && a->port_first <= b->port_last &&
	       b->port_first <= a->port_last;
}

const char *key_format_prefix(const struct key *k, char text[KEY_TEXT_MAX])
{
	char host[ADDR_TEXT_MAX];

	addr_format(&k->addr, host);
	if (addr_is_v4(&k->addr) && k->plen == KEY_PLEN_V4)
		snprintf(text, KEY_TEXT_MAX, "%s", host);
	else if (addr_is_v4(&k->addr))
		snprintf(text, KEY_TEXT_MAX, "%s/%d", host, k->plen - V4_PLEN_SHIFT);
	else
		snprintf(text, KEY_TEXT_MAX, "%s/%u", host, k->plen);
	return text;
}

const char *key_format_ports(const struct key *k, char text[KEY_PORTS_MAX])
{
	snprintf(text, KEY_PORTS_MAX, "%u-%u", k->port_first, k->port_last);
	return text;
}

/* Two blocks of one address must not look the same to an operator. */
const char *key_format(const struct key *k, char text[KEY_TEXT_MAX])
{
	char ports[KEY_PORTS_MAX];
	size_t len = strlen(key_format_prefix(k, text));

	if (key_is_block(k)) {
		int more =
			snprintf(text + len, KEY_TEXT_MAX - len, "#%s", key_format_ports(k, ports));
		assert(len + (size_t)more < KEY_TEXT_MAX);
		(void)more;
	}
	return text;
}

size_t key_bytes(const struct key *k, uint8_t out[KEY_BYTES_MAX])
{
	memcpy(out, k->addr.bytes, sizeof k->addr.bytes);
	out[16] = k->plen;
	out[17] = (uint8_t)(k->port_first >> 8);
	out[18] = (uint8_t)(k->port_first & 0xff);
	out[19] = (uint8_t)(k->port_last >> 8);
	out[20] = (uint8_t)(k->port_last & 0xff);
	return KEY_BYTES_MAX;
}
