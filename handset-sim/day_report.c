/* What the day of faults came to. */
#include <stdio.h>

#include "handset-sim/day.h"

bool day_is_clean(const struct day *d, const struct trigger_verdict *v)
{
	return v->is_clean && !d->world->ledger.misdirected && !d->world->ledger.refused &&
	       d->killer.kills == d->kills_planned;
}

json_t *day_json(const struct day *d, const struct trigger_verdict *v)
{
	json_t *troubles =
		json_pack("{s:I, s:I, s:I, s:I}", "off", (json_int_t)d->troubles[TROUBLE_OFF],
			  "tunnel", (json_int_t)d->troubles[TROUBLE_TUNNEL], "roaming",
			  (json_int_t)d->troubles[TROUBLE_ROAMING], "memory_full",
			  (json_int_t)d->troubles[TROUBLE_FULL]);
	json_t *schedule = json_pack(
		"{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}", "news", (json_int_t)v->news,
		"most_udp", (json_int_t)v->most[BEARER_UDP], "most_sms",
		(json_int_t)v->most[BEARER_SMS], "over_udp", (json_int_t)v->over[BEARER_UDP],
		"over_sms", (json_int_t)v->over[BEARER_SMS], "dense_udp",
		(json_int_t)v->too_dense[BEARER_UDP], "dense_sms",
		(json_int_t)v->too_dense[BEARER_SMS], "over_mails", (json_int_t)v->over_mails,
		"kept", (int)v->is_clean);

	return json_pack("{s:s, s:o, s:o, s:I, s:I, s:I}", "scenario", "sms-day", "troubles",
			 troubles, "schedule", schedule, "kills", (json_int_t)d->killer.kills,
			 "kills_planned", (json_int_t)d->kills_planned, "faults_put",
			 (json_int_t)d->faults_put);
}

static void row(const char *what, uint64_t n)
{
	printf("  %-28s %10llu\n", what, (unsigned long long)n);
}

void day_print(const struct day *d, const struct trigger_verdict *v)
{
	row("phones switched off", d->troubles[TROUBLE_OFF]);
	row("tunnels", d->troubles[TROUBLE_TUNNEL]);
	row("journeys abroad", d->troubles[TROUBLE_ROAMING]);
	row("memories full", d->troubles[TROUBLE_FULL]);
	row("daemons killed", d->killer.kills);
	row("triggers by UDP", v->heard[BEARER_UDP]);
	row("  most for one news", v->most[BEARER_UDP]);
	row("  more than the schedule's", v->over[BEARER_UDP] + v->too_dense[BEARER_UDP]);
	row("triggers by SMS", v->heard[BEARER_SMS]);
	row("  most for one news", v->most[BEARER_SMS]);
	row("  more than the schedule's", v->over[BEARER_SMS] + v->too_dense[BEARER_SMS]);
	row("  repeated by the network", v->repeated_by_network);
	row("phones with too many news", v->over_mails);
	row("triggers that strangers saw", d->world->ledger.misdirected);
}
