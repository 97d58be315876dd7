#include "pushsrv/trigger_rules.h"

#include <string.h>

#include "lib/clock.h"

_Static_assert(CONF_LIST_MAX <= SCHEDULE_GAPS_MAX, "a list of settings fits");
_Static_assert(CONF_REALMS_MAX <= SCHEDULE_REALMS_MAX, "the realms fit");

static struct schedule_gaps gaps_of(const struct conf_list *list)
{
	struct schedule_gaps gaps = {.count = list->count};

	for (size_t i = 0; i < list->count; i++)
		gaps.us[i] = list->value[i] * CLOCK_S;
	return gaps;
}

struct schedule trigger_rules(const struct conf *c)
{
	struct schedule s = {
		.coalesce_us = c->pushsrv_coalesce * 1000,
		.retry = gaps_of(&c->pushsrv_retry),
		.sms = c->pushsrv_sms && c->smsc_count > 0,
		.sms_coalesce_us = c->pushsrv_sms_coalesce * CLOCK_S,
		.sms_unconfirmed_us = c->pushsrv_sms_unconfirmed * CLOCK_S,
		.sms_retry = gaps_of(&c->pushsrv_sms_retry),
		.expiry_us = c->pushsrv_sms_expiry * CLOCK_S,
		.rates = {.udp_per_hour = (uint32_t)c->pushsrv_udp_per_hour,
			  .sms_per_hour = (uint32_t)c->pushsrv_sms_per_hour},
		.realm_count = c->realm_count,
	};

	for (size_t i = 0; i < c->realm_count; i++) {
		memcpy(s.realms[i].name, c->realms[i].name, sizeof s.realms[i].name);
		s.realms[i].port = c->realms[i].trigger_port;
	}
	return s;
}
