/* route -- which hosts a lane's mail is brought to
 *
 * Two steps. The sections [route NAME] of the configuration say for some domains which host is
 * asked and how TLS is used; of several that fit, the most exact one counts: the domain itself,
 * then
 * `.example.com` before `.com`, then `*`. All other domains are asked for their MX. Then names
 * become addresses: a plan, a list of targets in the order in which they are tried, or the answer
 * that stands for the missing ones:
 *
 *     null MX (RFC 7505)                        5.1.10
 *     no such domain                            5.1.2
 *     nothing there: no MX, no address          5.4.4
 *     DNS did not answer                        4.4.3
 *     the best one left is ourselves            5.4.6
 *
 * MX of one preference are shuffled; from the one on that is ourselves, by name or by address and
 * port, they are left out (RFC 5321 5.1). A host's IPv4 addresses come before its IPv6 ones. At
 * most ROUTE_HOSTS_MAX hosts and ROUTE_TARGETS_MAX addresses are looked at.
 *
 * OWNERSHIP  a routes struct outlives its users; a plan is a value
 * THREADS    routes: read-only after routes_new; a route_question: one loop's
 * SEE        RFC 5321 5, 7505, 974; docs/relay.md
 */
#ifndef HATO_SMTPGW_RELAY_ROUTE_H
#define HATO_SMTPGW_RELAY_ROUTE_H

#include "lib/conf.h"
#include "lib/dns.h"
#include "lib/rules/relay.h"
#include "smtpgw/relay/client.h"

#define ROUTE_HOSTS_MAX   16
#define ROUTE_TARGETS_MAX 32

/* ---- the configured ones ---- */

struct routes;

/* Borrows the configuration. E_NOMEM. */
int routes_new(const struct conf *c, struct routes **out);
void routes_free(struct routes *r);
const struct conf *routes_conf(const struct routes *r);
enum client_tls routes_tls(const struct routes *r); /* where no section says otherwise */
/* Null: by MX, with smtpgw.relay_tls. The lane in lower case. */
const struct conf_route *routes_find(const struct routes *r, const char *lane);

/* A door of our own: nothing is brought there. */
bool routes_is_ourselves(const struct routes *r, const struct addr *a, uint16_t port);

/* ---- where to ---- */

struct route_target {
	struct addr addr;
	uint16_t port;
	char host[DNS_NAME_MAX]; /* the name that its certificate must have; an address as text */
};

struct route_plan {
	enum client_tls tls;
	size_t count;
	struct route_target targets[ROUTE_TARGETS_MAX];
	struct relay_answer failure; /* count 0: why */
};

struct route_question;
typedef void route_planned(void *arg, const struct route_plan *plan);

/* The plan is the callback's for its length. Null: `planned` was called already. */
struct route_question *route_ask(const struct routes *r, struct dns *dns, const char *lane,
				 route_planned *planned, void *arg);
void route_cancel(struct route_question *q); /* null is nothing */

#endif
