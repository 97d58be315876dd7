/* route_plan -- from a lane to addresses, by DNS */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/digest.h"
#include "lib/err.h"
#include "smtpgw/relay/route.h"

#define ADDRESSES_MAX 8 /* of a host and a family */

enum { FAMILIES = 2 };

/* A host on the way to its addresses: one question a family. */
struct host {
	struct route_question *all;
	char name[DNS_NAME_MAX];
	uint16_t preference;
	struct dns_question *questions[FAMILIES];
	struct addr addrs[FAMILIES][ADDRESSES_MAX];
	size_t counts[FAMILIES];
};

struct route_question {
	const struct routes *routes;
	struct dns *dns;
	route_planned *planned;
	void *arg;
	char domain[DNS_NAME_MAX];
	const char *own_name;
	uint16_t port;
	struct dns_question *mx;
	size_t host_count, waiting; /* waiting: for answers of theirs */
	bool is_beginning, is_done; /* inside route_ask; the plan is made */
	bool is_asking;             /* in the loop that asks: answers may come at once */
	bool is_temporary;          /* some answer was */
	bool is_looping;            /* hosts were left out because they are ourselves */
	bool is_named;              /* the domain itself is there */
	struct host hosts[ROUTE_HOSTS_MAX];
	struct route_plan plan;
};

/* ---- the end ---- */

static void fail(struct route_question *q, const char *enhanced, const char *text)
{
	struct relay_answer *f = &q->plan.failure;

	q->plan.count = 0;
	f->stage = RELAY_STAGE_ROUTE;
	snprintf(f->enhanced, sizeof f->enhanced, "%s", enhanced);
	snprintf(f->text, sizeof f->text, "%s: %s", text, q->domain);
}

/* What is known at once is told when route_ask has done its part. */
static void finish(struct route_question *q)
{
	q->is_done = true;
	if (q->is_beginning)
		return;
	q->planned(q->arg, &q->plan);
	free(q);
}

static void add_target(struct route_question *q, const struct addr *a, const char *host)
{
	if (q->plan.count == ROUTE_TARGETS_MAX)
		return;
	struct route_target *t = &q->plan.targets[q->plan.count++];
	t->addr = *a;
	t->port = q->port;
	snprintf(t->host, sizeof t->host, "%s", host);
}

/* All of a host, unless one of them is ours: then it is us. */
static bool add_host(struct route_question *q, const struct host *h)
{
	for (int f = 0; f < FAMILIES; f++)
		for (size_t i = 0; i < h->counts[f]; i++)
			if (routes_is_ourselves(q->routes, &h->addrs[f][i], q->port))
				return false;
	for (int f = 0; f < FAMILIES; f++)
		for (size_t i = 0; i < h->counts[f]; i++)
			add_target(q, &h->addrs[f][i], h->name);
	return true;
}

/* Hosts of the preference that is ours, and all behind it, are no way. */
static void leave_out(struct route_question *q, uint16_t preference)
{
	size_t kept = 0;

	q->is_looping = true;
	while (kept < q->host_count && q->hosts[kept].preference < preference)
		kept++;
	q->host_count = kept;
}

static void add_hosts(struct route_question *q)
{
	for (size_t i = 0; i < q->host_count; i++)
		if (!add_host(q, &q->hosts[i])) {
			leave_out(q, q->hosts[i].preference);
			q->plan.count = 0;
			add_hosts(q);
			return;
		}
}

static void all_known(struct route_question *q)
{
	add_hosts(q);
	if (q->plan.count == 0 && q->is_looping)
		fail(q, "5.4.6", "the mail's way leads back to us");
	else if (q->plan.count == 0 && q->is_temporary)
		fail(q, "4.4.3", "DNS did not answer for the hosts of");
	else if (q->plan.count == 0 && q->is_named)
		fail(q, "5.4.4", "there is no host that takes mail for");
	else if (q->plan.count == 0)
		fail(q, "5.1.2", "there is no such domain");
	finish(q);
}

/* ---- addresses ---- */

static void one_known(struct route_question *q)
{
	if (--q->waiting == 0 && !q->is_asking)
		all_known(q);
}

static void on_addresses(struct host *h, int family, const struct dns_answer *a)
{
	h->questions[family] = NULL;
	h->all->is_temporary |= a->outcome == DNS_TEMPORARY;
	h->all->is_named |= a->outcome == DNS_NO_DATA;
	for (size_t i = 0; a->outcome == DNS_FOUND && i < a->count && i < ADDRESSES_MAX; i++)
		h->addrs[family][h->counts[family]++] = a->addresses[i];
	one_known(h->all);
}

static void on_a(void *arg, const struct dns_answer *a)
{
	on_addresses(arg, 0, a);
}

static void on_aaaa(void *arg, const struct dns_answer *a)
{
	on_addresses(arg, 1, a);
}

static void ask_addresses(struct route_question *q)
{
	q->is_asking = true;
	q->waiting = FAMILIES * q->host_count;
	for (size_t i = 0; i < q->host_count; i++) {
		struct host *h = &q->hosts[i];
		h->all = q;
		h->questions[0] = dns_ask(q->dns, h->name, DNS_A, 0, on_a, h);
		h->questions[1] = dns_ask(q->dns, h->name, DNS_AAAA, 0, on_aaaa, h);
	}
	q->is_asking = false;
	if (q->waiting == 0)
		all_known(q);
}

static void add_name(struct route_question *q, const char *name, uint16_t preference)
{
	if (q->host_count == ROUTE_HOSTS_MAX)
		return;
	struct host *h = &q->hosts[q->host_count++];
	snprintf(h->name, sizeof h->name, "%s", name);
	h->preference = preference;
}

/* ---- MX ---- */

/* Fisher and Yates, within each preference. */
static void shuffle(struct route_question *q)
{
	uint32_t dice[ROUTE_HOSTS_MAX] = {0};

	random_bytes(dice, sizeof dice); /* without them in the order of the answer */
	for (size_t i = 1; i < q->host_count; i++) {
		size_t first = i;
		while (first > 0 && q->hosts[first - 1].preference == q->hosts[i].preference)
			first--;
		size_t with = i - dice[i] % (i - first + 1);
		struct host h = q->hosts[i];
		q->hosts[i] = q->hosts[with];
		q->hosts[with] = h;
	}
}

static void take_mx(struct route_question *q, const struct dns_answer *a)
{
	q->is_named = true;
	for (size_t i = 0; i < a->count; i++) {
		if (strcasecmp(a->mx[i].host, q->own_name) == 0) {
			leave_out(q, a->mx[i].preference);
			break;
		}
		if (*a->mx[i].host)
			add_name(q, a->mx[i].host, a->mx[i].preference);
	}
	shuffle(q);
}

static void on_mx(void *arg, const struct dns_answer *a)
{
	struct route_question *q = arg;

	q->mx = NULL;
	if (a->outcome == DNS_TEMPORARY) {
		fail(q, "4.4.3", "DNS did not answer for");
	} else if (a->outcome == DNS_NO_NAME) {
		fail(q, "5.1.2", "there is no such domain");
	} else if (a->outcome == DNS_FOUND && a->count == 1 && !*a->mx[0].host) {
		fail(q, "5.1.10", "the domain takes no mail (null MX)");
	} else {
		if (a->outcome == DNS_FOUND) {
			take_mx(q, a);
		} else {
			q->is_named = true;
			add_name(q, q->domain, 0);
		}
		ask_addresses(q);
		return;
	}
	finish(q);
}

/* ---- how it begins ---- */

/* "[192.0.2.1]", "[ipv6:...]" as lib/wire/mailaddr keeps them, or a bare address. */
static bool is_literal(const char *text, struct addr *out)
{
	char inner[DNS_NAME_MAX];
	size_t n = strlen(text);

	if (*text != '[')
		return addr_parse(text, out) == 0;
	if (n < 3 || n >= sizeof inner || text[n - 1] != ']')
		return false;
	snprintf(inner, sizeof inner, "%.*s", (int)n - 2, text + 1);
	return addr_parse(strncasecmp(inner, "ipv6:", 5) == 0 ? inner + 5 : inner, out) == 0;
}

static bool plan_address(struct route_question *q, const char *where)
{
	char text[ADDR_TEXT_MAX];
	struct addr a;

	if (!is_literal(where, &a))
		return false;
	if (routes_is_ourselves(q->routes, &a, q->port))
		fail(q, "5.4.6", "the mail's way leads back to us");
	else
		add_target(q, &a, addr_format(&a, text));
	return true;
}

static void go(struct route_question *q, const struct conf_route *route)
{
	const char *host = route ? route->host : "";

	if (route && route->port)
		q->port = route->port;
	if (route)
		q->plan.tls = (enum client_tls)route->tls;
	if (plan_address(q, *host ? host : q->domain)) {
		finish(q);
	} else if (*host) {
		add_name(q, host, 0);
		ask_addresses(q);
	} else {
		q->mx = dns_ask(q->dns, q->domain, DNS_MX, 0, on_mx, q);
	}
}

struct route_question *route_ask(const struct routes *r, struct dns *dns, const char *lane,
				 route_planned *planned, void *arg)
{
	struct route_question *q = calloc(1, sizeof *q);

	if (!q) {
		static const struct route_plan nothing = {.failure = {.stage = RELAY_STAGE_ROUTE,
								      .enhanced = "4.3.0",
								      .text = "out of memory"}};
		planned(arg, &nothing);
		return NULL;
	}
	q->routes = r;
	q->dns = dns;
	q->planned = planned;
	q->arg = arg;
	q->own_name = routes_conf(r)->smtpgw_hostname;
	q->port = (uint16_t)routes_conf(r)->smtpgw_relay_port;
	q->plan.tls = routes_tls(r);
	snprintf(q->domain, sizeof q->domain, "%s", lane);
	q->is_beginning = true;
	go(q, routes_find(r, lane));
	q->is_beginning = false;
	if (!q->is_done)
		return q;
	finish(q);
	return NULL;
}

void route_cancel(struct route_question *q)
{
	if (!q)
		return;
	dns_cancel(q->mx);
	for (size_t i = 0; i < q->host_count; i++)
		for (int f = 0; f < FAMILIES; f++)
			dns_cancel(q->hosts[i].questions[f]);
	free(q);
}
