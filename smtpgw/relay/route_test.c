#include "smtpgw/relay/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/dns.h"
#include "lib/loop.h"

#define SETS_MAX 16

/* A configuration of --set's, with no DNS: what needs none is decided, the rest is temporary. */
struct scene {
	struct conf *conf;
	struct routes *routes;
	struct loop *loop;
	struct dns *dns;
	struct route_plan plan;
	int planned;
};

static struct scene *scene_new(const char *const *sets)
{
	struct scene *s = calloc(1, sizeof *s);
	const char *all[SETS_MAX + 1] = {"smtpgw.dns_servers=none"};
	char error[256];
	size_t n = 1;

	for (; *sets; sets++)
		all[n++] = *sets;
	if (conf_load(NULL, "/tmp", all, n, &s->conf, error) != 0)
		fail_msg("%s", error);
	const struct dns_settings dns = dns_settings_of(s->conf);
	assert_int_equal(routes_new(s->conf, &s->routes), 0);
	assert_int_equal(loop_new(&s->loop), 0);
	assert_int_equal(dns_open(s->loop, &dns, &s->dns), 0);
	return s;
}

static void scene_free(struct scene *s)
{
	dns_close(s->dns);
	loop_free(s->loop);
	routes_free(s->routes);
	conf_free(s->conf);
	free(s);
}

static void on_planned(void *arg, const struct route_plan *plan)
{
	struct scene *s = arg;

	s->plan = *plan;
	s->planned++;
}

static void plan(struct scene *s, const char *lane)
{
	s->planned = 0;
	assert_null(route_ask(s->routes, s->dns, lane, on_planned, s));
	assert_int_equal(s->planned, 1);
}

static void goes_to(struct scene *s, const char *lane, const char *address, uint16_t port)
{
	char text[ADDR_TEXT_MAX];

	plan(s, lane);
	assert_int_equal(s->plan.count, 1);
	assert_string_equal(addr_format(&s->plan.targets[0].addr, text), address);
	assert_int_equal(s->plan.targets[0].port, port);
}

static void fails(struct scene *s, const char *lane, const char *enhanced)
{
	plan(s, lane);
	assert_int_equal(s->plan.count, 0);
	assert_int_equal(s->plan.failure.stage, RELAY_STAGE_ROUTE);
	assert_string_equal(s->plan.failure.enhanced, enhanced);
}

static void the_most_exact_rule_counts(void **state)
{
	static const char *const sets[] = {"route all.domains=*",
					   "route all.host=192.0.2.9",
					   "route com.domains=.com, Big.Example.COM",
					   "route com.host=192.0.2.1:26",
					   "route com.tls=required",
					   "route sub.domains=.example.com",
					   "route sub.host=[2001:db8::1]:27",
					   "smtpgw.relay_tls=off",
					   NULL};
	struct scene *s = scene_new(sets);

	(void)state;
	goes_to(s, "example.com", "192.0.2.1", 26);
	assert_int_equal(s->plan.tls, CLIENT_TLS_REQUIRED);
	goes_to(s, "a.example.com", "2001:db8::1", 27);
	assert_int_equal(s->plan.tls, CLIENT_TLS_OFF);
	goes_to(s, "a.b.example.com", "2001:db8::1", 27);
	goes_to(s, "big.example.com", "192.0.2.1", 26);
	goes_to(s, "com", "192.0.2.9", 25);
	goes_to(s, "notexample.org", "192.0.2.9", 25);
	scene_free(s);
}

static void a_literal_is_an_address(void **state)
{
	static const char *const sets[] = {"smtpgw.relay_port=2500", NULL};
	struct scene *s = scene_new(sets);

	(void)state;
	goes_to(s, "[192.0.2.7]", "192.0.2.7", 2500);
	goes_to(s, "[ipv6:2001:db8::7]", "2001:db8::7", 2500);
	assert_int_equal(s->plan.tls, CLIENT_TLS_OPPORTUNISTIC);
	fails(s, "some.example", "4.4.3");
	scene_free(s);
}

static void our_own_doors_are_no_way(void **state)
{
	static const char *const one[] = {"smtpgw.listen=192.0.2.1", "smtpgw.mx_port=25",
					  "smtpgw.submission_port=587", NULL};
	static const char *const every[] = {"smtpgw.listen=::", "smtpgw.mx_port=25", NULL};
	struct scene *s = scene_new(one);
	struct addr a;

	(void)state;
	fails(s, "[192.0.2.1]", "5.4.6");
	goes_to(s, "[198.51.100.9]", "198.51.100.9", 25);
	addr_parse("192.0.2.1", &a);
	assert_true(routes_is_ourselves(s->routes, &a, 587));
	assert_false(routes_is_ourselves(s->routes, &a, 26));
	scene_free(s);
	s = scene_new(every);
	fails(s, "[127.0.0.1]", "5.4.6");
	fails(s, "[ipv6:::1]", "5.4.6");
	goes_to(s, "[198.51.100.9]", "198.51.100.9", 25);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_most_exact_rule_counts),
		cmocka_unit_test(a_literal_is_an_address),
		cmocka_unit_test(our_own_doors_are_no_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
