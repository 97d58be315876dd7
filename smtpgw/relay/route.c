#include "smtpgw/relay/route.h"

#include <ifaddrs.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/err.h"

#define NAME_CHARS_MAX 256

/* One domain of one section. */
struct rule {
	char domain[NAME_CHARS_MAX]; /* ".x" below x; "" every one */
	const struct conf_route *route;
};

struct routes {
	const struct conf *conf;
	struct addr listen;
	bool listens_everywhere;
	struct rule *rules;
	size_t count;
};

/* ---- the table ---- */

static int add_rule(struct routes *r, const char *word, size_t n, const struct conf_route *route)
{
	struct rule *grown = realloc(r->rules, (r->count + 1) * sizeof *grown);

	if (!grown)
		return E_NOMEM;
	r->rules = grown;
	struct rule *rule = &grown[r->count++];
	memset(rule, 0, sizeof *rule);
	rule->route = route;
	if (n == 1 && *word == '*')
		return 0;
	for (size_t i = 0; i < n && i + 1 < sizeof rule->domain; i++)
		rule->domain[i] = (char)(word[i] >= 'A' && word[i] <= 'Z' ? word[i] + 32 : word[i]);
	return 0;
}

static int add_rules(struct routes *r, const struct conf_route *route)
{
	const char *at = route->domains;
	int err = 0;

	for (; !err && *(at += strspn(at, ", ")); at += strcspn(at, ", "))
		err = add_rule(r, at, strcspn(at, ", "), route);
	return err;
}

int routes_new(const struct conf *c, struct routes **out)
{
	static const struct addr any;
	struct addr any4;
	struct routes *r = calloc(1, sizeof *r);
	int err = 0;

	if (!r)
		return E_NOMEM;
	r->conf = c;
	addr_parse(c->smtpgw_listen, &r->listen);
	addr_parse("0.0.0.0", &any4);
	r->listens_everywhere = addr_equal(&r->listen, &any) || addr_equal(&r->listen, &any4);
	for (size_t i = 0; !err && i < c->route_count; i++)
		err = add_rules(r, &c->routes[i]);
	if (err)
		routes_free(r);
	else
		*out = r;
	return err;
}

void routes_free(struct routes *r)
{
	if (!r)
		return;
	free(r->rules);
	free(r);
}

const struct conf *routes_conf(const struct routes *r)
{
	return r->conf;
}

enum client_tls routes_tls(const struct routes *r)
{
	const char *word = r->conf->smtpgw_relay_tls;

	return strcmp(word, "off") == 0        ? CLIENT_TLS_OFF
	       : strcmp(word, "required") == 0 ? CLIENT_TLS_REQUIRED
					       : CLIENT_TLS_OPPORTUNISTIC;
}

/* How well a rule fits: 0 not at all, more the better. */
static size_t fit(const struct rule *rule, const char *lane)
{
	size_t n = strlen(rule->domain), len = strlen(lane);

	if (n == 0)
		return 1;
	if (*rule->domain != '.')
		return strcmp(rule->domain, lane) == 0 ? SIZE_MAX : 0;
	return len > n && strcmp(lane + len - n, rule->domain) == 0 ? 1 + n : 0;
}

const struct conf_route *routes_find(const struct routes *r, const char *lane)
{
	const struct conf_route *best = NULL;
	size_t best_fit = 0;

	for (size_t i = 0; i < r->count; i++) {
		size_t how = fit(&r->rules[i], lane);
		if (how > best_fit) {
			best_fit = how;
			best = r->rules[i].route;
		}
	}
	return best;
}

/* ---- ourselves ---- */

static bool is_our_address(const struct addr *a)
{
	struct ifaddrs *all, *i;
	struct addr own;
	bool is_ours = addr_is_loopback(a);

	if (is_ours || getifaddrs(&all) != 0)
		return is_ours;
	for (i = all; i && !is_ours; i = i->ifa_next)
		is_ours = i->ifa_addr && addr_from_sockaddr(i->ifa_addr, &own, NULL) == 0 &&
			  addr_equal(&own, a);
	freeifaddrs(all);
	return is_ours;
}

bool routes_is_ourselves(const struct routes *r, const struct addr *a, uint16_t port)
{
	const struct conf *c = r->conf;

	if (port != c->smtpgw_mx_port && port != c->smtpgw_submission_port &&
	    port != c->smtpgw_submissions_port)
		return false;
	return r->listens_everywhere ? is_our_address(a) : addr_equal(a, &r->listen);
}
