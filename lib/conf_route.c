/* conf_route -- [route NAME]: where mail for some domains goes, and how */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "lib/addr.h"
#include "lib/conf_private.h"
#include "lib/err.h"

#define DOMAIN_MAX 253

static const char *const tls_words[] = {[CONF_ROUTE_TLS_OFF] = "off",
					[CONF_ROUTE_TLS_OPPORTUNISTIC] = "opportunistic",
					[CONF_ROUTE_TLS_REQUIRED] = "required",
					NULL};

int conf_route_tls(const char *key, const char *value, unsigned *out, char error[256])
{
	for (unsigned i = 0; tls_words[i]; i++)
		if (!strcmp(value, tls_words[i])) {
			*out = i;
			return 0;
		}
	snprintf(error, 256, "%s: '%.40s' is none of off, opportunistic, required", key, value);
	return E_SYNTAX;
}

static bool name_is_valid(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '-' && name[i] != '_')
			return false;
	return n > 0 && n < CONF_ROUTE_NAME_MAX;
}

static struct conf_route *route_get(struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->route_count; i++)
		if (!strcmp(c->routes[i].name, name))
			return &c->routes[i];
	if (c->route_count == CONF_ROUTES_MAX)
		return NULL;
	struct conf_route *r = &c->routes[c->route_count++];
	snprintf(r->name, sizeof r->name, "%s", name);
	r->tls = CONF_ROUTE_TLS_UNSAID;
	return r;
}

/* Where the host ends in HOST, HOST:PORT, [ADDR6], [ADDR6]:PORT; a bare IPv6 address has colons of
 * its own. */
static size_t host_end(const char *value)
{
	const char *bracket = *value == '[' ? strchr(value, ']') : NULL;
	const char *colon = strchr(value, ':');

	if (bracket)
		return (size_t)(bracket + 1 - value);
	return colon && !strchr(colon + 1, ':') ? (size_t)(colon - value) : strlen(value);
}

static bool is_host(const char *host)
{
	struct addr a;

	if (addr_parse(host, &a) == 0)
		return true;
	return *host && strlen(host) <= DOMAIN_MAX &&
	       strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._") ==
		       strlen(host);
}

static int host_set(struct conf_route *r, const char *value, char error[256])
{
	char host[DOMAIN_MAX + 4] = "";
	size_t n = host_end(value);
	int64_t port = 0;
	bool has_brackets = *value == '[' && n > 0 && value[n - 1] == ']';

	if (n < sizeof host)
		snprintf(host, sizeof host, "%.*s", (int)(n - (has_brackets ? 2 : 0)),
			 value + has_brackets);
	if (!is_host(host) ||
	    (value[n] && (value[n] != ':' || conf_number(value + n + 1, 1, 65535, &port)))) {
		snprintf(error, 256, "host: '%.80s' is no host, nor host:port", value);
		return E_SYNTAX;
	}
	r->port = (uint16_t)port;
	return conf_text_set(&r->host, host);
}

int conf_route_set(struct conf *c, const char *route, const char *name, const char *value,
		   char error[256])
{
	struct conf_route *r = name_is_valid(route) ? route_get(c, route) : NULL;

	if (!r) {
		snprintf(error, 256,
			 "[route %.40s]: a name is [A-Za-z0-9_-], 1..%d of them; at most %d routes",
			 route, CONF_ROUTE_NAME_MAX - 1, CONF_ROUTES_MAX);
		return E_SYNTAX;
	}
	if (!strcmp(name, "domains"))
		return conf_text_set(&r->domains, value);
	if (!strcmp(name, "host"))
		return host_set(r, value, error);
	if (!strcmp(name, "tls"))
		return conf_route_tls("tls", value, &r->tls, error);
	snprintf(error, 256, "unknown key %.60s in [route NAME]", name);
	return E_SYNTAX;
}

int conf_route_check(struct conf *c, char error[256])
{
	unsigned tls;
	int rc = conf_route_tls("smtpgw.relay_tls", c->smtpgw_relay_tls, &tls, error);

	for (size_t i = 0; !rc && i < c->route_count; i++) {
		struct conf_route *r = &c->routes[i];
		if (r->tls == CONF_ROUTE_TLS_UNSAID)
			r->tls = tls;
		if (!r->host)
			rc = conf_text_set(&r->host, "");
		if (!rc && (!r->domains || !r->domains[strspn(r->domains, ", ")])) {
			snprintf(error, 256, "[route %s]: no domains", r->name);
			rc = E_SYNTAX;
		}
	}
	return rc;
}

void conf_route_free(struct conf *c)
{
	for (size_t i = 0; i < c->route_count; i++) {
		free(c->routes[i].domains);
		free(c->routes[i].host);
	}
}
