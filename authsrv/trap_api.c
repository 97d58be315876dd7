/* trap_api -- clients that smtpgw caught at a trap, for the operator (/v1/trap-clients) */
#include "authsrv/network_api.h"
#include "db/greylist.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"

struct trap_call {
	struct call call;
	const struct network_key *by;
	struct addr client;
};

static json_t *time_json(int64_t time_us)
{
	char text[CLOCK_TEXT_MAX];

	return json_string(clock_format(time_us, text));
}

/* {"client", "hits", "first", "last", "expires"} each. */
static void on_list(void *arg, int err, const struct trap_client *clients, size_t n)
{
	json_t *list = json_array();
	char ip[ADDR_TEXT_MAX];

	for (size_t i = 0; !err && i < n; i++)
		json_array_append_new(list, json_pack("{s:s, s:I, s:o, s:o, s:o}", "client",
						      addr_format(&clients[i].client, ip), "hits",
						      (json_int_t)clients[i].hits, "first",
						      time_json(clients[i].first_us), "last",
						      time_json(clients[i].last_us), "expires",
						      time_json(clients[i].expires_us)));
	network_list(arg, err, list);
}

void trap_list_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	struct addr after;
	struct page page;

	if (!network_key_with(r, SCOPE_OPERATE) || !network_page(r, &page))
		return;
	if (*page.after && addr_parse(page.after, &after)) {
		network_malformed(r, "after is no address");
		return;
	}
	struct trap_call *c = call_begin(w, r, sizeof *c);
	if (c)
		trap_list(w->port, *page.after ? &after : NULL, 1, clock_now_us(), page.limit,
			  on_list, c);
}

static void on_removed(void *arg, int err)
{
	struct trap_call *c = arg;
	char ip[ADDR_TEXT_MAX];

	if (err) {
		network_fail(&c->call, err, "it was not caught");
		return;
	}
	log_event(LOG_INFO, "trap-client-cleared", LOG_TEXT("client", addr_format(&c->client, ip)),
		  LOG_TEXT("by", c->by->conf->id), LOG_END);
	http_reply_json(c->call.r, 204, NULL);
	call_end(&c->call);
}

void trap_clear_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	const struct network_key *by = network_key_with(r, SCOPE_OPERATE);
	struct addr client;

	if (!by)
		return;
	if (addr_parse(http_param(r, "ip"), &client)) {
		network_malformed(r, "not an address");
		return;
	}
	struct trap_call *c = call_begin(w, r, sizeof *c);
	if (!c)
		return;
	c->by = by;
	c->client = client;
	trap_remove(w->port, &client, on_removed, c);
}
