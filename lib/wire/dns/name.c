#include "lib/wire/dns/name.h"

#include <stdio.h>
#include <string.h>

#include "lib/err.h"

int dns_name(const char *text, char out[DNS_NAME_MAX])
{
	char name[DNS_NAME_MAX];
	size_t n = strnlen(text, DNS_NAME_MAX + 1), label = 0;

	if (n > 0 && n <= DNS_NAME_MAX && text[n - 1] == '.')
		n--;
	if (n >= DNS_NAME_MAX)
		return E_SYNTAX;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)text[i];
		if (c < ' ' || c == 0x7f || (c == '.' && label == 0))
			return E_SYNTAX;
		label = c == '.' ? 0 : label + 1;
		if (label > DNS_LABEL_MAX)
			return E_SYNTAX;
		name[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
	}
	if (n > 0 && label == 0)
		return E_SYNTAX;
	memcpy(out, name, n);
	out[n] = '\0';
	return 0;
}

int dns_name_of(const struct addr *a, const char *zone, char out[DNS_NAME_MAX])
{
	static const char digits[] = "0123456789abcdef";
	char name[DNS_NAME_MAX], *at = name;
	bool v4 = addr_is_v4(a);

	if (v4) {
		at += sprintf(at, "%d.%d.%d.%d.", a->bytes[15], a->bytes[14], a->bytes[13],
			      a->bytes[12]);
	} else {
		for (int i = 15; i >= 0; i--) {
			*at++ = digits[a->bytes[i] & 15];
			*at++ = '.';
			*at++ = digits[a->bytes[i] >> 4];
			*at++ = '.';
		}
	}
	if (!zone)
		zone = v4 ? "in-addr.arpa" : "ip6.arpa";
	if ((size_t)(at - name) + strlen(zone) >= sizeof name)
		return E_RANGE;
	strcpy(at, zone);
	memcpy(out, name, sizeof name);
	return 0;
}
