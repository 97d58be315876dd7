#include <string.h>

#include "authsrv/radius/disconnect.h"
#include "authsrv/radius/event.h"
#include "lib/clock.h"

/* A session that had no name of its own has one of ours, which the NAS does not know. */
#define DERIVED "derived:"

static void put_named(struct radius_builder *b, uint8_t type, const char *name)
{
	uint8_t octets[RADIUS_VALUE_MAX];
	size_t n;

	if (strncmp(name, DERIVED, sizeof DERIVED - 1) && radius_unname(name, octets, &n))
		radius_put(b, type, octets, n);
}

static void put_nas(struct radius_builder *b, const char *nas_id)
{
	struct addr a;

	if (addr_parse(nas_id, &a))
		put_named(b, RADIUS_NAS_IDENTIFIER, nas_id);
	else if (addr_is_v4(&a))
		radius_put(b, RADIUS_NAS_IP_ADDRESS, a.bytes + 12, 4);
	else
		radius_put(b, RADIUS_NAS_IPV6_ADDRESS, a.bytes, 16);
}

static void put_key(struct radius_builder *b, const struct key *k)
{
	if (addr_is_v4(&k->addr))
		radius_put(b, RADIUS_FRAMED_IP_ADDRESS, k->addr.bytes + 12, 4);
	else
		radius_put_prefix(b, RADIUS_FRAMED_IPV6_PREFIX, k->addr.bytes, k->plen);
}

int radius_disconnect_build(struct radius_builder *b, const struct radius_disconnect_request *r,
			    const char *secret, size_t secret_len)
{
	bool coa = r->conf->disconnect == CONF_DISCONNECT_COA;

	radius_begin(b, coa ? RADIUS_COA_REQUEST : RADIUS_DISCONNECT_REQUEST, r->id);
	put_nas(b, r->nas_id);
	put_named(b, RADIUS_ACCT_SESSION_ID, r->session_id);
	put_key(b, r->key);
	if (coa)
		radius_put_text(b, RADIUS_FILTER_ID, r->conf->coa_filter);
	radius_put_u32(b, RADIUS_EVENT_TIMESTAMP, (uint32_t)(r->now_us / CLOCK_S));
	radius_put_message_authenticator(b);
	return radius_finish_request(b, secret, secret_len);
}
