/* http_url -- the URL of a service beside us: http://ADDR[:PORT][/PATH], ADDR6 in brackets
 *
 * No names, no TLS. Callers: lib/conf (is it one?), lib/http_client's users.
 *
 * ERRORS     E_SYNTAX
 * OWNERSHIP  nothing is kept
 * THREADS    any
 * SEE        RFC 3986 3
 */
#ifndef HATO_LIB_HTTP_URL_H
#define HATO_LIB_HTTP_URL_H

#include "lib/addr.h"

#define HTTP_URL_PATH_MAX 128

struct http_url {
	struct addr addr;
	uint16_t port;
	char path[HTTP_URL_PATH_MAX]; /* begins with / */
};

int http_url_parse(const char *text, struct http_url *out);

#endif
