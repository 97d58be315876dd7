/* Questions to a name server on the same loop: lib/dns_fixture.h. */
#include "lib/dns_fixture.h"

/* ---- tests ---- */

static void what_is_known_is_not_asked_again(void **state)
{
	struct stage *g = *state;
	struct asker a = {0}, b = {0};

	assert_non_null(ask(g, &a, "Found.example", DNS_A));
	wait_answers(g, 1);
	assert_int_equal(a.outcome, DNS_FOUND);
	assert_string_equal(a.text, "192.0.2.1;");
	assert_int_equal(a.ttl_s, 60);
	assert_null(ask(g, &b, "found.EXAMPLE.", DNS_A));
	assert_int_equal(b.outcome, DNS_FOUND);
	assert_string_equal(b.text, "192.0.2.1;");
	assert_in_range(b.ttl_s, 50, 60);
	assert_int_equal(g->server.asked, 1);
	assert_non_null(ask(g, &b, "found.example", DNS_MX)); /* another question */
	wait_answers(g, 3);
	assert_int_equal(g->server.asked, 2);
}

static void records_come_in_order(void **state)
{
	struct stage *g = *state;
	struct asker a = {0}, b = {0};

	ask(g, &a, "mx.example", DNS_MX);
	ask(g, &b, "text.example", DNS_TXT);
	wait_answers(g, 2);
	assert_string_equal(a.text, "10 a;20 b;20 c;");
	assert_string_equal(b.text, "6 v=spf1;");
}

static void absence_and_failure_are_told_apart(void **state)
{
	static const struct {
		const char *name;
		enum dns_outcome outcome;
		unsigned more; /* questions when it is asked again */
	} cases[] = {
		{"nobody.example", DNS_NO_NAME, 0},
		{"nothing.example", DNS_NO_DATA, 0},
		{"fail.example", DNS_TEMPORARY, 0},
		{"loop.example", DNS_TEMPORARY, 0},
		{"garbage.example", DNS_TEMPORARY, 0},
		{"brief.example", DNS_FOUND, 1},
		{"a..b", DNS_NO_NAME, 0},
	};
	struct stage *g = *state;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct asker a = {0}, b = {0};
		ask(g, &a, cases[i].name, DNS_A);
		wait_answers(g, (unsigned)(2 * i + 1));
		unsigned before = g->server.asked;
		ask(g, &b, cases[i].name, DNS_A);
		wait_answers(g, (unsigned)(2 * i + 2));
		assert_int_equal(a.outcome, cases[i].outcome);
		assert_int_equal(b.outcome, cases[i].outcome);
		assert_int_equal(g->server.asked - before, cases[i].more);
	}
}

static void times_to_live_are_clamped(void **state)
{
	struct stage *g = *state;
	struct asker a = {0}, b = {0};
	struct dns_settings s = usual;

	s.ttl_max_s = 7;
	s.ttl_none_s = 3;
	restart(g, &s);
	ask(g, &a, "long.example", DNS_A);
	ask(g, &b, "nobody.example", DNS_A);
	wait_answers(g, 2);
	assert_int_equal(a.ttl_s, 7);
	assert_int_equal(b.ttl_s, 3);
}

static void equal_questions_go_once(void **state)
{
	struct stage *g = *state;
	struct asker x[3] = {{0}};

	assert_non_null(ask(g, &x[0], "found.example", DNS_A));
	struct dns_question *q = ask(g, &x[1], "FOUND.example", DNS_A);
	assert_non_null(ask(g, &x[2], "found.example.", DNS_A));
	dns_cancel(q);
	wait_answers(g, 2);
	assert_int_equal(x[0].answers + 2 * x[1].answers + 4 * x[2].answers, 5);
	assert_int_equal(g->server.asked, 1);
}

static void an_answer_may_ask_and_cancel(void **state)
{
	struct stage *g = *state;
	struct asker x[4] = {{0}};

	x[0].asks = &x[2]; /* in the cache by then: answered inside the answer */
	x[0].asks_for = "found.example";
	x[2].asks = &x[3];
	x[2].asks_for = "nobody.example";
	ask(g, &x[0], "found.example", DNS_A);
	x[0].cancels = ask(g, &x[1], "found.example", DNS_A);
	wait_answers(g, 3);
	assert_int_equal(x[1].answers, 0);
	assert_int_equal(x[3].outcome, DNS_NO_NAME);
}

static void nobody_waits_past_his_deadline(void **state)
{
	struct stage *g = *state;
	struct asker a = {.stage = g}, b = {0};
	int64_t began_us = clock_mono_us();

	dns_ask(g->dns, "held.example", DNS_A, began_us + 20000, on_answer, &a);
	wait_answers(g, 1);
	assert_int_equal(a.outcome, DNS_TEMPORARY);
	assert_in_range(clock_mono_us() - began_us, 15000, 2000000);
	ask(g, &b, "held.example", DNS_A); /* it is still on its way */
	say_held(&g->server);
	wait_answers(g, 2);
	assert_int_equal(b.outcome, DNS_FOUND);
	assert_int_equal(g->server.asked, 1);
	dns_ask(g->dns, "found.example", DNS_A, 1, on_answer, &a);
	assert_int_equal(a.outcome, DNS_TEMPORARY);
	assert_int_equal(g->server.asked, 1);
}

static void questions_in_flight_are_bounded(void **state)
{
	struct stage *g = *state;
	struct asker x[10] = {{0}}, late = {0};
	char name[32];

	for (int i = 0; i < 10; i++) {
		snprintf(name, sizeof name, "found.n%d", i);
		assert_non_null(ask(g, &x[i], name, DNS_A));
	}
	assert_false(dns_is_up(g->dns));
	assert_null(ask(g, &late, "found.n10", DNS_A));
	assert_int_equal(late.outcome, DNS_TEMPORARY);
	wait_answers(g, 11);
	assert_true(dns_is_up(g->dns));
	assert_non_null(ask(g, &late, "found.n10", DNS_A));
	wait_answers(g, 12);
	assert_int_equal(late.outcome, DNS_FOUND);
}

static void long_answers_come_by_tcp(void **state)
{
	struct stage *g = *state;
	struct asker a = {0};

	ask(g, &a, "much.example", DNS_TXT);
	wait_answers(g, 1);
	assert_int_equal(a.count, 4);
	assert_string_equal(a.text, "255 xxxxxxxx;255 xxxxxxxx;255 xxxxxxxx;");
	assert_int_equal(g->server.by_tcp, 1);
}

static void a_wrong_id_is_nobody(void **state)
{
	struct stage *g = *state;
	struct asker a = {0};

	ask(g, &a, "wrong.example", DNS_A);
	wait_answers(g, 1);
	assert_int_equal(a.outcome, DNS_FOUND);
}

static void silence_is_not_waited_for(void **state)
{
	struct stage *g = *state;
	struct asker x[5] = {{0}}, a = {0};
	struct dns_settings s = usual;
	char name[32];

	s.timeout_us = 70000;
	restart(g, &s);
	g->server.is_dead = true;
	for (int i = 0; i < 5; i++) {
		snprintf(name, sizeof name, "found.n%d", i);
		ask(g, &x[i], name, DNS_A);
	}
	wait_answers(g, 5);
	for (int i = 0; dns_is_up(g->dns) && i < 1000; i++) /* c-ares's own clock lags a little */
		pass_time(g, 5000);
	assert_false(dns_is_up(g->dns));
	unsigned before = g->server.asked;
	for (unsigned i = 0; i < 100; i++) {
		assert_null(ask(g, &a, "found.example", DNS_A));
		assert_int_equal(a.outcome, DNS_TEMPORARY);
	}
	assert_int_equal(g->server.asked, before);
	g->server.is_dead = false;
	while (!dns_is_up(g->dns))
		pass_time(g, 50000);
	ask(g, &x[0], "found.example", DNS_A);
	assert_null(ask(g, &a, "found.n1", DNS_A)); /* one to find out */
	wait_answers(g, 107);
	assert_int_equal(x[0].outcome, DNS_FOUND);
	assert_non_null(ask(g, &a, "found.n1", DNS_A));
	wait_answers(g, 108);
	assert_int_equal(a.outcome, DNS_FOUND);
}

static void no_dns_is_temporary(void **state)
{
	struct stage *g = *state;
	struct asker a = {0};
	struct dns_settings s = usual;

	s.servers = "none";
	restart(g, &s);
	assert_false(dns_is_up(g->dns));
	assert_null(ask(g, &a, "found.example", DNS_A));
	assert_int_equal(a.outcome, DNS_TEMPORARY);
	s.servers = "";
	restart(g, &s); /* the system's: nobody is asked */
	assert_true(dns_is_up(g->dns));
}

static void servers_are_listed(void **state)
{
	static const struct {
		const char *text;
		int err;
		size_t count;
		uint16_t last_port;
	} cases[] = {
		{"", 0, 0, 0},
		{"127.0.0.1", 0, 1, 53},
		{"127.0.0.1:53, [::1]:5353 ::1,[2001:db8::1]:99", 0, 4, 99},
		{"127.0.0.1:0", E_SYNTAX, 0, 0},
		{"127.0.0.1:65536", E_SYNTAX, 0, 0},
		{"127.0.0.1:", E_SYNTAX, 0, 0},
		{"[::1", E_SYNTAX, 0, 0},
		{"[::1]53", E_SYNTAX, 0, 0},
		{"dns.example", E_SYNTAX, 0, 0},
		{"none", E_SYNTAX, 0, 0},
		{"::1 ::1 ::1 ::1 ::1 ::1 ::1 ::1 ::1", E_TOO_LARGE, 0, 0},
	};
	struct dns_server servers[DNS_SERVERS_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		size_t n = 0;
		assert_int_equal(dns_servers_parse(cases[i].text, servers, DNS_SERVERS_MAX, &n),
				 cases[i].err);
		assert_int_equal(n, cases[i].count);
		if (n)
			assert_int_equal(servers[n - 1].port, cases[i].last_port);
	}
}

static void whoever_asks_at_the_end_is_not_told(void **state)
{
	struct stage *g = *state;
	struct asker x[3] = {{0}};

	ask(g, &x[0], "held.example", DNS_A);
	ask(g, &x[1], "held.example", DNS_A);
	ask(g, &x[2], "found.example", DNS_A);
	restart(g, &usual);
	assert_int_equal(g->answers, 0);
}

static void the_cache_is_bounded(void **state)
{
	struct dns_cache *c;
	char name[32];

	(void)state;
	assert_int_equal(dns_cache_new(10, 1000000, &c), 0);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof name, "n%d", i);
		struct dns_known *k = dns_known_new(name, DNS_A, NULL, 0);
		k->expires_us = 1000;
		dns_cache_put(c, k);
		dns_known_unref(k);
		if (i >= 5)
			assert_non_null(dns_cache_find(c, "n5", DNS_A, 999)); /* in use: stays */
	}
	assert_int_equal(dns_cache_count(c), 10);
	assert_non_null(dns_cache_find(c, "n99", DNS_A, 999));
	assert_null(dns_cache_find(c, "n90", DNS_A, 999));
	assert_null(dns_cache_find(c, "n99", DNS_MX, 999));
	assert_null(dns_cache_find(c, "n99", DNS_A, 1000));
	assert_int_equal(dns_cache_count(c), 9);
	dns_cache_free(c);

	assert_int_equal(dns_cache_new(1000, 1000, &c), 0);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof name, "n%d", i);
		struct dns_known *k = dns_known_new(name, DNS_A, NULL, 0);
		k->expires_us = 1000;
		dns_cache_put(c, k);
		dns_known_unref(k);
		assert_true(dns_cache_octets(c) <= 1000);
	}
	assert_true(dns_cache_count(c) > 1);
	dns_cache_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_known_is_not_asked_again, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(records_come_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(absence_and_failure_are_told_apart, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(times_to_live_are_clamped, set_up, tear_down),
		cmocka_unit_test_setup_teardown(equal_questions_go_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(an_answer_may_ask_and_cancel, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nobody_waits_past_his_deadline, set_up, tear_down),
		cmocka_unit_test_setup_teardown(questions_in_flight_are_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(long_answers_come_by_tcp, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_wrong_id_is_nobody, set_up, tear_down),
		cmocka_unit_test_setup_teardown(silence_is_not_waited_for, set_up, tear_down),
		cmocka_unit_test_setup_teardown(no_dns_is_temporary, set_up, tear_down),
		cmocka_unit_test_setup_teardown(whoever_asks_at_the_end_is_not_told, set_up,
						tear_down),
		cmocka_unit_test(servers_are_listed),
		cmocka_unit_test(the_cache_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
