#include "lib/http_route.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/err.h"

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* In place: decoding only shortens. */
static int percent_decode(char *text)
{
	char *to = text;

	for (const char *from = text; *from; from++) {
		if (*from != '%') {
			*to++ = *from;
			continue;
		}
		int high = hex_value(from[1]);
		int low = high < 0 ? -1 : hex_value(from[2]);

		if (low < 0 || (high == 0 && low == 0))
			return E_SYNTAX;
		*to++ = (char)(high * 16 + low);
		from += 2;
	}
	*to = '\0';
	return 0;
}

const char *http_target_path(const char *text)
{
	const char *authority = strstr(text, "://");

	if (*text == '/')
		return text;
	if (!authority ||
	    (strncasecmp(text, "http://", 7) != 0 && strncasecmp(text, "https://", 8) != 0))
		return NULL;
	return strchr(authority + 3, '/');
}

static int parse_segments(char *path, struct http_target *out)
{
	char *next = path + 1;

	while (next) {
		char *segment = strsep(&next, "/");

		if (out->segment_count == HTTP_SEGMENTS_MAX)
			return E_TOO_LARGE;
		if (percent_decode(segment))
			return E_SYNTAX;
		out->segments[out->segment_count++] = segment;
	}
	return 0;
}

static int parse_query(char *query, struct http_target *out)
{
	while (query) {
		char *value = strsep(&query, "&");
		char *name = strsep(&value, "=");

		if (!*name && !value)
			continue;
		if (out->query_count == HTTP_QUERY_MAX)
			return E_TOO_LARGE;
		if (percent_decode(name) || (value && percent_decode(value)))
			return E_SYNTAX;
		out->query[out->query_count++] = (struct http_pair){
			.name = name, .name_length = strlen(name), .value = value ? value : ""};
	}
	return 0;
}

int http_target_parse(char *text, struct http_target *out)
{
	const char *path = http_target_path(text);
	char *rest;
	int rc;

	memset(out, 0, sizeof *out);
	if (!path)
		return E_SYNTAX;
	rest = text + (path - text);
	path = strsep(&rest, "?");
	rc = parse_segments(text + (path - text), out);
	return rc ? rc : parse_query(rest, out);
}

/* One segment of a route's path against one of the target; a parameter takes any but the empty one.
 */
static bool segment_matches(const char *pattern, size_t length, const char *segment,
			    struct http_match *m)
{
	if (*pattern != '{')
		return strlen(segment) == length && memcmp(pattern, segment, length) == 0;
	if (!*segment)
		return false;
	assert(m->param_count < HTTP_PARAMS_MAX && pattern[length - 1] == '}');
	m->params[m->param_count++] = (struct http_pair){
		.name = pattern + 1, .name_length = length - 2, .value = segment};
	return true;
}

static bool path_matches(const char *pattern, const struct http_target *t, struct http_match *m)
{
	size_t i = 0;

	m->param_count = 0;
	while (*pattern == '/' && i < t->segment_count) {
		size_t length = strcspn(++pattern, "/");

		if (!segment_matches(pattern, length, t->segments[i++], m))
			return false;
		pattern += length;
	}
	return !*pattern && i == t->segment_count;
}

static bool method_matches(const char *row, const char *method)
{
	return strcmp(row, method) == 0 || (strcmp(method, "HEAD") == 0 && strcmp(row, "GET") == 0);
}

int http_route_find(const struct http_route *routes, const char *method,
		    const struct http_target *target, struct http_match *out, char allow[64])
{
	size_t used = 0;

	for (const struct http_route *row = routes; row->method; row++) {
		struct http_match m;

		if (!path_matches(row->path, target, &m))
			continue;
		if (method_matches(row->method, method)) {
			*out = m;
			out->route = row;
			return 0;
		}
		used += (size_t)snprintf(allow + used, 64 - used, "%s%s", used ? ", " : "",
					 row->method);
		assert(used < 64);
	}
	return used ? E_CONFLICT : E_NOT_FOUND;
}

const char *http_pair_find(const struct http_pair *pairs, size_t count, const char *name)
{
	size_t length = strlen(name);

	for (size_t i = 0; i < count; i++) {
		if (pairs[i].name_length == length && memcmp(pairs[i].name, name, length) == 0)
			return pairs[i].value;
	}
	return NULL;
}
