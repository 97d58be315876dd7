/* http_route -- paths and queries of requests, taken apart and looked up in a table of routes
 *
 * Pure: text in, pointers into that text out. Percent-decoding comes after splitting, so that an
 * encoded slash is part of a segment. A plus sign is a plus sign (RFC 3986): in a time or a number
 * of a phone it is meant.
 *
 * TRUST    targets come off the network: any octets but NUL
 * THREADS  any
 * SEE      RFC 3986 2.1, 3.3, 3.4; RFC 9112 3.2
 */
#ifndef HATO_LIB_HTTP_ROUTE_H
#define HATO_LIB_HTTP_ROUTE_H

#include "lib/http.h"

#define HTTP_SEGMENTS_MAX 16
#define HTTP_QUERY_MAX    16

struct http_pair {
	const char *name;
	size_t name_length; /* names of path parameters end at their brace */
	const char *value;
};

/* A request's target, decoded. Points into the text that was given. */
struct http_target {
	const char *segments[HTTP_SEGMENTS_MAX];
	size_t segment_count;
	struct http_pair query[HTTP_QUERY_MAX];
	size_t query_count;
};

struct http_match {
	const struct http_route *route;
	struct http_pair params[HTTP_PARAMS_MAX];
	size_t param_count;
};

/* Writes into `text`, which must outlive *out. origin-form, or absolute-form whose authority is
 * skipped. E_SYNTAX: neither, or a bad percent-encoding, or an encoded NUL; E_TOO_LARGE. */
int http_target_parse(char *text, struct http_target *out);
/* Where the path begins in a target of either form; null: it does not. */
const char *http_target_path(const char *text);

/* E_NOT_FOUND: no route has the path. E_CONFLICT: one has, with other methods: *allow lists them
 * ("GET, PUT"). HEAD is answered by GET's row. */
int http_route_find(const struct http_route *routes, const char *method,
		    const struct http_target *target, struct http_match *out, char allow[64]);

/* Null: no such name. */
const char *http_pair_find(const struct http_pair *pairs, size_t count, const char *name);

#endif
