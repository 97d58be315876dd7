/* http_host -- is the Host of a request ours, and does its Origin speak for us?
 *
 * A web page anywhere can make the browser of someone who can reach us send requests. What it
 * cannot do: hide its Origin where it could change something, or, by a name of its own that
 * resolves to us (DNS rebinding), hide that name in Host. TRUST any text. THREADS any. SEE Fetch
 * standard 3.2 (CORS); RFC 6454 7; RFC 9110 7.2
 */
#ifndef HATO_LIB_HTTP_HOST_H
#define HATO_LIB_HTTP_HOST_H

#include <stdbool.h>

/* An address literal, localhost, or one of the names (commas), with or without a port. */
bool http_host_is_ours(const char *names, const char *host);

/* The origin of a page that this very host gave out: "http://" or "https://" and the host. */
bool http_origin_is_host(const char *origin, const char *host);

#endif
