/* What the official suite (spf_suite_test.c) does not say: what a check may cost, whatever a record
 * says, and what it does with octets that it should not have been given. */
#include "lib/rules/spf_fixture.h"

#include "lib/err.h"
#include "lib/rules/spf_record.h"

#define ASKS_MAX (1 + SPF_TERMS_MAX * (1 + SPF_MX_MAX) + 1 + SPF_PTR_MAX + 1)

static struct zone zone;

static struct spf *check(const char *client, const char *sender, const char *const *lines)
{
	struct spf_question q = {.domain = strchr(sender, '@') + 1, .helo = "c.test"};
	char local[100];
	struct spf *s;

	zone.count = zone.asked = 0;
	for (; *lines; lines++)
		zone_add(&zone, *lines);
	snprintf(local, sizeof local, "%.*s", (int)strcspn(sender, "@"), sender);
	q.sender_local = local;
	assert_int_equal(addr_parse(client, &q.client), 0);
	assert_int_equal(spf_begin(&q, &s), 0);
	zone_play(&zone, s);
	assert_true(zone.asked <= ASKS_MAX);
	return s;
}

static void results(const char *const *lines, enum spf_result expected, size_t asked)
{
	struct spf *s = check("192.0.2.1", "a@b.test", lines);

	if (spf_result(s) != expected || zone.asked != asked)
		fail_msg("%s: %s, %zu asked", lines[0], spf_word(spf_result(s)), zone.asked);
	spf_free(s);
}

#define RESULTS(expected, asked, ...)                                                              \
	results((const char *const[]){__VA_ARGS__, NULL}, expected, asked)

static void cost_is_bounded(void **unused)
{
	(void)unused;
	/* Loops: the eleventh term is one too many. */
	RESULTS(SPF_PERMERROR, 11, "b.test TXT v=spf1 include:b.test -all");
	RESULTS(SPF_PERMERROR, 11, "b.test TXT v=spf1 redirect=b.test");
	RESULTS(SPF_PERMERROR, 11, "b.test TXT v=spf1 include:c.test -all",
		"c.test TXT v=spf1 redirect=b.test");
	/* A tree of includes counts as a whole. */
	RESULTS(SPF_PERMERROR, 11,
		"b.test TXT v=spf1 include:c.test include:c.test include:c.test +all",
		"c.test TXT v=spf1 include:d.test include:d.test include:d.test -all",
		"d.test TXT v=spf1 include:e.test ?all", "e.test TXT v=spf1 ?all");
	/* Void look-ups: the third ends it, and more of them are never asked. */
	RESULTS(SPF_PERMERROR, 4,
		"b.test TXT v=spf1 a:1.x.test a:2.x.test a:3.x.test a:4.x.test +all");
	RESULTS(SPF_PERMERROR, 4, "b.test TXT v=spf1 exists:1.x.test mx:2.x.test exists:3.x.test");
	RESULTS(SPF_NEUTRAL, 3, "b.test TXT v=spf1 a:1.x.test a:2.x.test");
	/* Also when it is the last term, and in what is included. */
	RESULTS(SPF_PERMERROR, 4, "b.test TXT v=spf1 a:1.x.test a:2.x.test a:3.x.test");
	RESULTS(SPF_PERMERROR, 5, "b.test TXT v=spf1 include:c.test a:3.x.test +all",
		"c.test TXT v=spf1 a:1.x.test a:2.x.test");
	RESULTS(SPF_PERMERROR, 5, "b.test TXT v=spf1 include:c.test +all",
		"c.test TXT v=spf1 a:1.x.test a:2.x.test a:3.x.test");
	/* The hosts of an MX that do not exist, too. */
	RESULTS(SPF_PERMERROR, 5, "b.test TXT v=spf1 mx +all", "b.test MX 1 x.test",
		"b.test MX 2 y.test", "b.test MX 3 z.test");
	RESULTS(SPF_PERMERROR, 1, "b.test TXT v=spf1 a:1..x.test a:2..x.test a:3..x.test");
}

/* Ten terms with ten hosts each, and the client's names: that is the worst. */
static void worst_record(void **unused)
{
	static char lines[80][120];
	const char *all[80];
	size_t n = 0;

	(void)unused;
	snprintf(lines[n++], 120,
		 "b.test TXT v=spf1 mx mx mx mx mx mx mx mx mx ptr -all exp=e.test");
	snprintf(lines[n++], 120, "e.test TXT no");
	for (int i = 0; i < 10; i++) {
		snprintf(lines[n++], 120, "b.test MX %d m%d.test", i, i);
		snprintf(lines[n++], 120, "m%d.test A 192.0.2.%d", i, i + 100);
		snprintf(lines[n++], 120, "1.2.0.192.in-addr.arpa PTR n%d.test", i);
	}
	for (size_t i = 0; i < n; i++)
		all[i] = lines[i];
	all[n] = NULL;
	struct spf *s = check("192.0.2.1", "a@b.test", all);
	assert_int_equal(spf_result(s), SPF_FAIL);
	assert_string_equal(spf_explanation(s), "no");
	assert_int_equal(zone.asked, 1 + 9 * 11 + 1 + 10 + 1);
	spf_free(s);
}

static void silence_is_no_verdict(void **unused)
{
	(void)unused;
	RESULTS(SPF_TEMPERROR, 1, "b.test TIMEOUT");
	RESULTS(SPF_TEMPERROR, 2, "b.test TXT v=spf1 a:x.test -all", "x.test TIMEOUT");
	RESULTS(SPF_TEMPERROR, 2, "b.test TXT v=spf1 include:x.test -all", "x.test TIMEOUT");
	RESULTS(SPF_TEMPERROR, 2, "b.test TXT v=spf1 redirect=x.test", "x.test TIMEOUT");
	RESULTS(SPF_TEMPERROR, 3, "b.test TXT v=spf1 mx -all", "b.test MX 1 x.test",
		"x.test TIMEOUT");
	/* Not so the client's own names, and the explanation. */
	RESULTS(SPF_FAIL, 2, "b.test TXT v=spf1 ptr -all", "1.2.0.192.in-addr.arpa TIMEOUT");
	RESULTS(SPF_FAIL, 2, "b.test TXT v=spf1 -all exp=x.test", "x.test TIMEOUT");
}

static void domains_that_are_none(void **unused)
{
	static const char *const none[] = {"b",       "[192.0.2.1]",    "b..test", ".b.test",
					   "b.t est", "b\xc3\xa9.test", "",        "b.test/"};
	struct spf_question q = {.helo = "c.test"};
	struct spf *s;

	(void)unused;
	for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
		q.domain = none[i];
		assert_int_equal(spf_begin(&q, &s), 0);
		assert_null(spf_ask(s));
		assert_int_equal(spf_result(s), SPF_NONE);
		spf_free(s);
	}
}

static void what_goes_into_a_question(void **unused)
{
	struct spf *s;
	char record[400];

	(void)unused;
	/* A local part with anything in it: what cannot be a name is not asked. */
	RESULTS(SPF_PASS, 2, "b.test TXT v=spf1 exists:%{l}.x.test -all", "a.x.test A 127.0.0.2");
	s = check("192.0.2.1", "\xe7\xb5\xb5@b.test",
		  (const char *const[]){"b.test TXT v=spf1 exists:%{l}.x.test -all", NULL});
	assert_int_equal(spf_result(s), SPF_FAIL);
	assert_int_equal(zone.asked, 1);
	spf_free(s);
	/* Labels are taken off on the left. */
	snprintf(record, sizeof record, "b.test TXT v=spf1 exists:%s.%s.%s.%s.x.test -all",
		 "%{s}%{s}%{s}%{s}%{s}%{s}%{s}", "%{o}%{o}%{o}%{o}%{o}%{o}%{o}%{o}",
		 "%{o}%{o}%{o}%{o}%{o}%{o}%{o}%{o}%{o}%{o}", "%{i}.%{i}.%{i}.%{i}.%{i}.%{i}");
	s = check("2001:db8::1", "a@b.test", (const char *const[]){record, NULL});
	assert_int_equal(spf_result(s), SPF_FAIL);
	assert_int_equal(zone.asked, 2);
	spf_free(s);
}

static void explanations_are_harmless(void **unused)
{
	static const struct {
		const char *text, *expected;
	} cases[] = {
		{"see http://x.test/?s=%{S}&i=%{c}&t=%{t}&r=%{r}",
		 "see http://x.test/?s=a%40b.test&i=192.0.2.1&t=0&r=unknown"},
		{"50%% %_ %-", "50%   %20"},
		{"bad %{x}", ""},
		{"bad %", ""},
		{"\\x0d\\x0aX: y", ""},
		{"\\xe3\\x81\\x82", ""},
		{"%{p}", "unknown"},
		{"%{d2r}", "test.b"},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char text[200];
		snprintf(text, sizeof text, "x.test TXT %s", cases[i].text);
		struct spf *s = check(
			"192.0.2.1", "a@b.test",
			(const char *const[]){"b.test TXT v=spf1 -all exp=x.test", text, NULL});
		assert_int_equal(spf_result(s), SPF_FAIL);
		assert_string_equal(spf_explanation(s), cases[i].expected);
		spf_free(s);
	}
	/* Two of them are none; one that is too long is cut. */
	RESULTS(SPF_FAIL, 2, "b.test TXT v=spf1 -all exp=x.test", "x.test TXT a", "x.test TXT b");
}

static void records(void **unused)
{
	static const struct {
		const char *text;
		int err;
	} cases[] = {
		{"v=spf1", 0},
		{"V=SPF1  mx  ", 0},
		{"v=spf1 a/0//0 mx:x.test/32//128", 0},
		{"v=spf1 a//0", 0},
		{"v=spf1 a/00", E_SYNTAX},
		{"v=spf1 a/33", E_SYNTAX},
		{"v=spf1 a//129", E_SYNTAX},
		{"v=spf1 a//0001", E_SYNTAX},
		{"v=spf1 a/4294967297", E_SYNTAX},
		{"v=spf1 a/24/24", E_SYNTAX},
		{"v=spf1 a/24//", E_SYNTAX},
		{"v=spf1 a:", E_SYNTAX},
		{"v=spf1 exists:%{i", E_SYNTAX},
		{"v=spf1 exists:%", E_SYNTAX},
		{"v=spf1 exists:%{i0}", E_SYNTAX},
		{"v=spf1 exists:%{i128r.-+,/_=}", 0},
		{"v=spf1 exists:%{i99999999999999999999}", 0},
		{"v=spf1 exists:%{rr}", E_SYNTAX},
		{"v=spf1 x=%{r}", 0},
		{"v=spf1 x=%{q}", E_SYNTAX},
		{"v=spf1 ip4:1.2.3.4/", E_SYNTAX},
		{"v=spf1 ip4:1.2.3.04", E_SYNTAX},
		{"v=spf1 ip4:::1", E_SYNTAX},
		{"v=spf1 ip4:", E_SYNTAX},
		{"v=spf1 ip6:1.2.3.4", E_SYNTAX},
		{"v=spf1 ip6:::1/64", 0},
		{"v=spf1 ip6:::ffff:1.2.3.4/96", 0},
		{"v=spf1 redirect=a.test redirect=b.test", E_SYNTAX},
		{"v=spf1 \ta", E_SYNTAX},
		{"v=spf1 =x", E_SYNTAX},
		{"v=spf1 -", E_SYNTAX},
		{"v=spf1 --all", E_SYNTAX},
		{"v=spf10", E_SYNTAX},
		{"v=spf", E_SYNTAX},
		{"", E_SYNTAX},
	};
	struct spf_record r;
	char *huge = malloc(SPF_RECORD_MAX + 2);

	(void)unused;
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		int err = spf_record_parse(cases[i].text, strlen(cases[i].text), &r);
		if (err != cases[i].err)
			fail_msg("%s: %d", cases[i].text, err);
		if (!err)
			spf_record_clear(&r);
	}
	memset(huge, ' ', SPF_RECORD_MAX + 1);
	memcpy(huge, "v=spf1", 6);
	assert_int_equal(spf_record_parse(huge, SPF_RECORD_MAX, &r), 0);
	spf_record_clear(&r);
	assert_int_equal(spf_record_parse(huge, SPF_RECORD_MAX + 1, &r), E_SYNTAX);
	free(huge);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cost_is_bounded),
		cmocka_unit_test(worst_record),
		cmocka_unit_test(silence_is_no_verdict),
		cmocka_unit_test(domains_that_are_none),
		cmocka_unit_test(what_goes_into_a_question),
		cmocka_unit_test(explanations_are_harmless),
		cmocka_unit_test(records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
