#include "lib/dns_servers.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

static int parse_port(const char *text, uint16_t *out)
{
	char *end;
	unsigned long port = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || port == 0 || port > UINT16_MAX)
		return E_SYNTAX;
	*out = (uint16_t)port;
	return 0;
}

/* An IPv6 address has colons of its own: its port needs brackets. */
static int parse_server(char *text, struct dns_server *out)
{
	char *port = NULL;

	if (*text == '[') {
		char *end = strchr(++text, ']');
		if (!end || (end[1] && end[1] != ':'))
			return E_SYNTAX;
		port = end[1] ? end + 2 : NULL;
		*end = '\0';
	} else {
		char *colon = strchr(text, ':');
		if (colon && !strchr(colon + 1, ':')) {
			port = colon + 1;
			*colon = '\0';
		}
	}
	out->port = DNS_PORT;
	if (port && parse_port(port, &out->port))
		return E_SYNTAX;
	return addr_parse(text, &out->addr);
}

int dns_servers_parse(const char *list, struct dns_server *out, size_t max, size_t *n)
{
	static const char between[] = ", \t";
	char text[ADDR_TEXT_MAX + sizeof "[]:65535"];
	size_t count = 0;

	for (list += strspn(list, between); *list; list += strspn(list, between)) {
		size_t length = strcspn(list, between);
		if (length >= sizeof text)
			return E_SYNTAX;
		if (count == max)
			return E_TOO_LARGE;
		memcpy(text, list, length);
		text[length] = '\0';
		if (parse_server(text, &out[count++]))
			return E_SYNTAX;
		list += length;
	}
	*n = count;
	return 0;
}
