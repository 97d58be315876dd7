#include "lib/http_url.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "lib/err.h"

#define HTTP_PORT 80
#define SCHEME    "http://"

static int parse_port(const char *text, size_t n, uint16_t *out)
{
	unsigned long port = 0;

	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9' || i > 4)
			return E_SYNTAX;
		port = port * 10 + (unsigned long)(text[i] - '0');
	}
	if (port == 0 || port > UINT16_MAX)
		return E_SYNTAX;
	*out = (uint16_t)port;
	return 0;
}

static bool is_path(const char *text)
{
	for (; *text; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

int http_url_parse(const char *text, struct http_url *out)
{
	struct http_url url = {.port = HTTP_PORT};
	char host[ADDR_TEXT_MAX];

	if (strncmp(text, SCHEME, strlen(SCHEME)) != 0)
		return E_SYNTAX;
	text += strlen(SCHEME);
	bool is_v6 = *text == '[';
	text += is_v6;
	size_t n = strcspn(text, is_v6 ? "]" : ":/");
	if (n >= sizeof host)
		return E_SYNTAX;
	memcpy(host, text, n);
	host[n] = '\0';
	text += n;
	if (addr_parse(host, &url.addr) || (is_v6 && *text++ != ']'))
		return E_SYNTAX;
	if (*text == ':') {
		n = strcspn(++text, "/");
		if (parse_port(text, n, &url.port))
			return E_SYNTAX;
		text += n;
	}
	if ((*text && *text != '/') || strlen(text) >= sizeof url.path || !is_path(text))
		return E_SYNTAX;
	strcpy(url.path, *text ? text : "/");
	*out = url;
	return 0;
}
