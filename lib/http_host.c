#include "lib/http_host.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "lib/addr.h"

#define PORT_DIGITS_MAX 5

/* The port behind a host: nothing, or a colon and digits. */
static bool is_port(const char *text)
{
	if (!*text)
		return true;
	if (*text != ':')
		return false;
	size_t digits = strspn(text + 1, "0123456789");
	return digits >= 1 && digits <= PORT_DIGITS_MAX && !text[1 + digits];
}

static bool is_address(const char *text, size_t length)
{
	char copy[ADDR_TEXT_MAX];
	struct addr a;

	if (length >= sizeof copy)
		return false;
	memcpy(copy, text, length);
	copy[length] = 0;
	return !addr_parse(copy, &a);
}

static bool is_name(const char *name, const char *host, size_t length)
{
	return strlen(name) == length && !strncasecmp(name, host, length);
}

static bool is_listed(const char *names, const char *host, size_t length)
{
	while (*names) {
		names += strspn(names, ", \t");
		size_t n = strcspn(names, ", \t");
		if (n && n == length && !strncasecmp(names, host, n))
			return true;
		names += n;
	}
	return false;
}

bool http_host_is_ours(const char *names, const char *host)
{
	if (*host == '[') {
		const char *end = strchr(host, ']');
		size_t length = end ? (size_t)(end - host) - 1 : 0;
		return end && memchr(host + 1, ':', length) && is_address(host + 1, length) &&
		       is_port(end + 1);
	}
	size_t length = strcspn(host, ":");
	if (!length || !is_port(host + length))
		return false;
	return is_address(host, length) || is_name("localhost", host, length) ||
	       is_listed(names, host, length);
}

bool http_origin_is_host(const char *origin, const char *host)
{
	static const char *const schemes[] = {"http://", "https://"};

	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
		size_t n = strlen(schemes[i]);
		if (!strncasecmp(origin, schemes[i], n))
			return !strcasecmp(origin + n, host);
	}
	return false;
}
