#include "authsrv/host_guard.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

#include "lib/http_host.h"

static bool is_json(const char *content_type)
{
	static const char json[] = "application/json";
	size_t n = sizeof json - 1;

	if (!content_type)
		return false;
	content_type += strspn(content_type, " \t");
	if (strncasecmp(content_type, json, n) != 0)
		return false;
	content_type += n + strspn(content_type + n, " \t");
	return !*content_type || *content_type == ';';
}

const char *host_guard_check(const char *names, const struct guarded *g)
{
	if (g->origin)
		return "a request with an Origin is not taken";
	if (!g->host || !http_host_is_ours(names, g->host))
		return "Host must be an address or a name of this service";
	if (g->has_body && !is_json(g->content_type))
		return "the body must be application/json";
	return NULL;
}
