/* In the end the system's bindings are held against the truth, one after the other, by the
 * operator's own API: every live phone, and some of the rest. */
#include <stdio.h>
#include <string.h>

#include "handset-sim/incident.h"

#define AUDIT_OTHERS 1000

static uint32_t how_many(const struct incident *in)
{
	uint32_t others = in->carrier.customer_count - in->phone_count;

	return in->phone_count + (others < AUDIT_OTHERS ? others : AUDIT_OTHERS);
}

static uint32_t customer_at(const struct incident *in, uint32_t n)
{
	uint32_t others = in->carrier.customer_count - in->phone_count;

	if (n < in->phone_count)
		return n;
	return in->phone_count + (uint32_t)((uint64_t)(n - in->phone_count) * others /
					    (how_many(in) - in->phone_count));
}

static void on_binding(void *arg, unsigned status, const json_t *answer)
{
	struct incident *in = arg;
	char msisdn[16], imsi[16], address[64];
	uint32_t customer = customer_at(in, in->audited++);
	const char *bound = json_string_value(json_object_get(answer, "msisdn"));

	network_names(in->scenario->first + customer, msisdn, imsi, address);
	in->tally.audited++;
	if (status != 200 || !bound || strcmp(bound, msisdn))
		in->tally.wrong_bindings++;
	incident_progress(in);
	audit_step(in);
}

bool audit_step(struct incident *in)
{
	char ip[ADDR_TEXT_MAX], path[96];
	struct addr a;

	if (http_channel_is_busy(in->audit))
		return false;
	while (in->audited < how_many(in) &&
	       in->carrier.customers[customer_at(in, in->audited)].address == NOWHERE)
		in->audited++;
	if (in->audited == how_many(in))
		return true;
	carrier_address(in->carrier.customers[customer_at(in, in->audited)].address, &a);
	snprintf(path, sizeof path, "/v1/bindings/%s", addr_format(&a, ip));
	http_channel_call(in->audit, "GET", path, in->key, NULL, on_binding, in);
	return false;
}
