#include "smtpgw/checks/clients.h"

int clients_read(const struct conf *c, struct clients *out)
{
	return addr_ranges_parse(c->smtpgw_checks_exempt, out->exempt, CLIENTS_EXEMPT_MAX,
				 &out->count);
}

bool clients_are_exempt(const struct clients *c, const struct addr *client)
{
	return addr_ranges_hold(c->exempt, c->count, client);
}
