#include "lib/addr_range.h"

#include <stdio.h>
#include <string.h>

#include "lib/err.h"

#define SEPARATORS    ", \t"
#define V4_PLEN_SHIFT 96 /* an IPv4 prefix length in the 16-octet form */

/* One to three digits, nothing else. */
static int length_parse(const char *text, unsigned most, unsigned *out)
{
	size_t digits = strspn(text, "0123456789");
	unsigned value = 0;

	if (!digits || digits > 3 || text[digits])
		return E_SYNTAX;
	for (size_t i = 0; i < digits; i++)
		value = value * 10 + (unsigned)(text[i] - '0');
	if (value > most)
		return E_SYNTAX;
	*out = value;
	return 0;
}

int addr_range_parse(const char *text, struct addr_range *out)
{
	char host[ADDR_TEXT_MAX];
	const char *slash = strchr(text, '/');
	size_t length = slash ? (size_t)(slash - text) : strlen(text);
	struct addr_range r;

	if (length >= sizeof host)
		return E_SYNTAX;
	memcpy(host, text, length);
	host[length] = '\0';
	if (addr_parse(host, &r.base))
		return E_SYNTAX;
	bool v6 = strchr(host, ':') != NULL;
	unsigned most = v6 ? 128 : 32, plen = most;
	if (slash && length_parse(slash + 1, most, &plen))
		return E_SYNTAX;
	r.plen = (uint8_t)(v6 ? plen : plen + V4_PLEN_SHIFT);
	struct addr masked = r.base;
	addr_mask(&masked, r.plen);
	if (!addr_equal(&masked, &r.base))
		return E_RANGE;
	*out = r;
	return 0;
}

bool addr_range_holds(const struct addr_range *r, const struct addr *a)
{
	struct addr masked = *a;
	bool v4 = addr_is_v4(&r->base) && r->plen >= V4_PLEN_SHIFT;

	if (v4 != addr_is_v4(a))
		return false;
	addr_mask(&masked, r->plen);
	return addr_equal(&masked, &r->base);
}

const char *addr_range_format(const struct addr_range *r, char text[ADDR_RANGE_TEXT_MAX])
{
	char base[ADDR_TEXT_MAX];
	bool v4 = addr_is_v4(&r->base) && r->plen >= V4_PLEN_SHIFT;

	addr_format(&r->base, base);
	if (r->plen == 128)
		snprintf(text, ADDR_RANGE_TEXT_MAX, "%s", base);
	else
		snprintf(text, ADDR_RANGE_TEXT_MAX, "%s/%u", base,
			 (unsigned)r->plen - (v4 ? V4_PLEN_SHIFT : 0U));
	return text;
}

struct addr addr_range_last(const struct addr_range *r)
{
	struct addr last = r->base;

	for (unsigned bit = r->plen; bit < 128; bit++)
		last.bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	return last;
}

int addr_ranges_parse(const char *list, struct addr_range *out, size_t max, size_t *n)
{
	size_t count = 0;

	for (list += strspn(list, SEPARATORS); *list; list += strspn(list, SEPARATORS)) {
		size_t length = strcspn(list, SEPARATORS);
		char text[ADDR_RANGE_TEXT_MAX];

		if (length >= sizeof text)
			return E_SYNTAX;
		if (count == max)
			return E_TOO_LARGE;
		memcpy(text, list, length);
		text[length] = '\0';
		int rc = addr_range_parse(text, &out[count]);
		if (rc)
			return rc;
		count++;
		list += length;
	}
	*n = count;
	return 0;
}

bool addr_ranges_hold(const struct addr_range *ranges, size_t n, const struct addr *a)
{
	for (size_t i = 0; i < n; i++)
		if (addr_range_holds(&ranges[i], a))
			return true;
	return false;
}
