#include "smtpgw/checks/dnsbl_zones.h"

#include <stdlib.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "smtpgw/counters.h"

static const struct addr must_be_listed = {{[10] = 0xff, 0xff, 127, 0, 0, 2}};
static const struct addr must_not_be = {{[10] = 0xff, 0xff, 127, 0, 0, 1}};

/* ---- the breaker ---- */

bool dnsbl_zone_is_asked(const struct dnsbl_zone *z, int64_t now_us)
{
	return (z->state == DNSBL_WORKS || z->state == DNSBL_EMPTY) && now_us >= z->until_us;
}

static void fail(struct dnsbl_zone *z, const char *why, unsigned failures)
{
	z->failures += failures;
	counter_add(COUNT_DNSBL_FAILED, 1);
	if (z->failures < DNSBL_FAILURES)
		return;
	z->failures = DNSBL_FAILURES - 1; /* the next one alone decides */
	z->until_us = clock_mono_us() + DNSBL_PAUSE_US;
	if (z->zones->is_first)
		log_event(LOG_WARN, "dnsbl-paused", LOG_TEXT("zone", z->list.zone),
			  LOG_TEXT("why", why), LOG_END);
}

enum dnsbl_says dnsbl_zone_heard(struct dnsbl_zone *z, const struct dns_answer *a)
{
	enum dnsbl_says says = DNSBL_CLEAR;

	if (a->outcome == DNS_FOUND)
		says = dnsbl_judge(&z->list, a->addresses, a->count);
	if (says == DNSBL_ERROR)
		fail(z, "it does not answer us", DNSBL_FAILURES);
	else if (a->outcome == DNS_TEMPORARY)
		fail(z, "no answer", 1);
	else
		z->failures = 0;
	return says;
}

/* ---- the self-test ---- */

static bool is_under_test(const struct dnsbl_zone *z)
{
	return z->listed || z->unlisted;
}

static void enter(struct dnsbl_zone *z, enum dnsbl_state state)
{
	static const struct {
		enum log_level level;
		const char *word;
	} words[] = {
		[DNSBL_UNTESTED] = {LOG_WARN, "untested"},
		[DNSBL_WORKS] = {LOG_INFO, "works"},
		[DNSBL_EMPTY] = {LOG_WARN, "empty"},
		[DNSBL_LISTS_ALL] = {LOG_ERROR, "lists-all"},
	};

	if (z->state == state)
		return;
	z->state = state;
	if (z->zones->is_first)
		log_event(words[state].level, "dnsbl-tested", LOG_TEXT("zone", z->list.zone),
			  LOG_TEXT("state", words[state].word), LOG_END);
}

static void on_listed(void *arg, const struct dns_answer *a)
{
	struct dnsbl_zone *z = arg;

	z->listed = NULL;
	z->has_listed = a->outcome == DNS_FOUND;
	/* The other test has spoken already, or will. */
	if (z->state == DNSBL_EMPTY && z->has_listed)
		enter(z, DNSBL_WORKS);
}

static void on_unlisted(void *arg, const struct dns_answer *a)
{
	struct dnsbl_zone *z = arg;

	z->unlisted = NULL;
	if (a->outcome == DNS_TEMPORARY)
		return; /* as it was */
	if (a->outcome == DNS_FOUND)
		enter(z, DNSBL_LISTS_ALL);
	else
		enter(z, z->has_listed ? DNSBL_WORKS : DNSBL_EMPTY);
}

static void test(struct dnsbl_zones *zones, struct dnsbl_zone *z)
{
	char name[DNS_NAME_MAX];

	if (is_under_test(z))
		return;
	if (dns_name_of(&must_be_listed, z->list.zone, name) == 0)
		z->listed = dns_ask(zones->dns, name, DNS_A, 0, on_listed, z);
	if (dns_name_of(&must_not_be, z->list.zone, name) == 0)
		z->unlisted = dns_ask(zones->dns, name, DNS_A, 0, on_unlisted, z);
}

static void on_time(void *arg)
{
	struct dnsbl_zones *zones = arg;
	int64_t next_us = DNSBL_TEST_US;

	for (size_t i = 0; i < zones->count; i++)
		test(zones, &zones->zone[i]);
	for (size_t i = 0; i < zones->count; i++)
		if (zones->zone[i].state == DNSBL_UNTESTED)
			next_us = DNSBL_RETEST_US;
	loop_timer_set(zones->timer, next_us);
}

int dnsbl_zones_open(struct loop *loop, struct dns *dns, const char *text, bool is_first,
		     struct dnsbl_zones **out)
{
	struct dnsbl_zones *zones = calloc(1, sizeof *zones);
	struct dnsbl_list list[DNSBL_LISTS_MAX];
	const char *bad;

	if (!zones)
		return E_NOMEM;
	int err = dnsbl_parse(text, list, DNSBL_LISTS_MAX, &zones->count, &bad);
	if (!err && !(zones->timer = loop_timer_new(loop, on_time, zones)))
		err = E_NOMEM;
	if (err) {
		free(zones);
		return err;
	}
	zones->dns = dns;
	zones->is_first = is_first;
	for (size_t i = 0; i < zones->count; i++)
		zones->zone[i] = (struct dnsbl_zone){.list = list[i], .zones = zones};
	on_time(zones);
	*out = zones;
	return 0;
}

void dnsbl_zones_close(struct dnsbl_zones *zones)
{
	if (!zones)
		return;
	for (size_t i = 0; i < zones->count; i++) {
		dns_cancel(zones->zone[i].listed);
		dns_cancel(zones->zone[i].unlisted);
	}
	loop_timer_free(zones->timer);
	free(zones);
}
