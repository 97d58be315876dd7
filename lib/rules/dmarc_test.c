/* The examples of RFC 7489 appendix B, records as they are found, and who is aligned with whom. */
#include "lib/rules/dmarc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/public_suffix.h"

/* ---- records ---- */

static struct dmarc_record record(const char *text)
{
	struct dmarc_record r;

	assert_true(dmarc_record_is(text, strlen(text)));
	if (dmarc_record_read(text, strlen(text), &r) != 0)
		fail_msg("%s", text);
	return r;
}

static void no_record(const char *text)
{
	struct dmarc_record r;

	assert_int_equal(dmarc_record_read(text, strlen(text), &r), E_SYNTAX);
}

static void records(void **unused)
{
	(void)unused;
	/* B.2.1 to B.2.4. */
	struct dmarc_record r = record("v=DMARC1; p=none; rua=mailto:dmarc-feedback@example.com");
	assert_int_equal(r.policy, DMARC_NONE);
	assert_int_equal(r.percent, 100);
	r = record("v=DMARC1; p=none; rua=mailto:dmarc-feedback@example.com; "
		   "ruf=mailto:auth-reports@thirdparty.example.net");
	assert_int_equal(r.policy, DMARC_NONE);
	r = record("v=DMARC1; p=quarantine; rua=mailto:dmarc-feedback@example.com,"
		   "mailto:tld-test@thirdparty.example.net!10m; pct=25");
	assert_int_equal(r.policy, DMARC_QUARANTINE);
	assert_int_equal(r.subdomain_policy, DMARC_QUARANTINE);
	assert_int_equal(r.percent, 25);

	r = record("v = DMARC1 ;p=REJECT;sp=None; adkim=s; aspf=S; pct=0; np=x; ri=1;");
	assert_int_equal(r.policy, DMARC_REJECT);
	assert_int_equal(r.subdomain_policy, DMARC_NONE);
	assert_true(r.is_dkim_strict && r.is_spf_strict);
	assert_int_equal(r.percent, 0);
	/* What is optional and nonsense is not there. */
	r = record("v=DMARC1; p=reject; pct=101; adkim=x; aspf=");
	assert_int_equal(r.percent, 100);
	assert_false(r.is_dkim_strict || r.is_spf_strict);
	/* A policy that is nonsense only looks, if somebody wants to be told. */
	r = record("v=DMARC1; p=rejekt; rua=mailto:a@b.test");
	assert_int_equal(r.policy, DMARC_NONE);
	r = record("v=DMARC1; p=reject; sp=x; rua=mailto:a@b.test");
	assert_int_equal(r.policy, DMARC_NONE);
	r = record("v=DMARC1; rua=mailto:a@b.test");
	assert_int_equal(r.policy, DMARC_NONE);
	no_record("v=DMARC1");
	no_record("v=DMARC1; p=rejekt");
	no_record("v=DMARC1; rua=a@b.test");
	no_record("v=DMARC1; p=none; p=reject");
	no_record("p=reject; v=DMARC1");
	no_record("v=DMARC1; p=none; =");
	no_record("");
	assert_false(dmarc_record_is("v=DMARC2; p=none", 16));
	assert_false(dmarc_record_is("v=dmarc1; p=none", 16));
	assert_false(dmarc_record_is("v=DMARC10", 9));
	assert_false(dmarc_record_is("p=none; v=DMARC1", 16));
	assert_true(dmarc_record_is("v=DMARC1;;;=", 12));
}

/* ---- verdicts ---- */

struct zone {
	const char *domain, *text; /* text null: no answer */
};

#define ZONE(...)                                                                                  \
	(const struct zone[])                                                                      \
	{                                                                                          \
		__VA_ARGS__,                                                                       \
		{                                                                                  \
			NULL, NULL                                                                 \
		}                                                                                  \
	}

static struct dmarc find(const char *from, const struct zone *zone, size_t *asked)
{
	char name[DNS_NAME_MAX];
	struct dmarc d;

	dmarc_begin(&d, from);
	for (*asked = 0; dmarc_ask(&d, name); (*asked)++) {
		struct dmarc_text texts[4] = {{"unrelated", 9}};
		size_t count = 1;
		bool is_known = true;
		for (const struct zone *z = zone; z->domain; z++) {
			if (strncmp(name, "_dmarc.", 7) != 0 || strcmp(name + 7, z->domain) != 0)
				continue;
			is_known = z->text != NULL;
			if (is_known)
				texts[count++] = (struct dmarc_text){z->text, strlen(z->text)};
		}
		dmarc_answer(&d, is_known ? DMARC_FOUND : DMARC_UNKNOWN, texts, count);
		assert_true(*asked < 2);
	}
	return d;
}

struct mail {
	const char *from, *spf, *dkim; /* the domains that passed; null: none did */
};

static struct dmarc_verdict judge(struct mail m, const struct zone *zone, unsigned sample)
{
	size_t asked;
	struct dmarc d = find(m.from, zone, &asked);
	struct dmarc_evidence e = {.spf = m.spf ? AUTHRES_PASS : AUTHRES_FAIL,
				   .spf_domain = m.spf ? m.spf : m.from,
				   .dkim_count = m.dkim != NULL};

	e.dkim[0].result = AUTHRES_PASS;
	e.dkim[0].domain = m.dkim;
	return dmarc_judge(&d, &e, sample);
}

static void is(struct mail m, const struct zone *zone, enum authres_result result)
{
	struct dmarc_verdict v = judge(m, zone, 0);

	if (v.result != result)
		fail_msg("%s %s %s: %s", m.from, m.spf ? m.spf : "-", m.dkim ? m.dkim : "-",
			 authres_word(v.result));
}

static void examples_of_the_rfc(void **unused)
{
	const struct zone *relaxed = ZONE({"example.com", "v=DMARC1; p=reject"});
	const struct zone *strict = ZONE({"example.com", "v=DMARC1; p=reject; aspf=s; adkim=s"});

	(void)unused;
	/* B.1.1: SPF, the same; the parent (only relaxed); another. */
	is((struct mail){"example.com", "example.com", NULL}, relaxed, AUTHRES_PASS);
	is((struct mail){"example.com", "example.com", NULL}, strict, AUTHRES_PASS);
	is((struct mail){"example.com", "child.example.com", NULL}, relaxed, AUTHRES_PASS);
	is((struct mail){"example.com", "child.example.com", NULL}, strict, AUTHRES_FAIL);
	is((struct mail){"child.example.com", "example.net", NULL}, relaxed, AUTHRES_FAIL);
	/* B.1.2: DKIM, the same. */
	is((struct mail){"example.com", NULL, "example.com"}, strict, AUTHRES_PASS);
	is((struct mail){"child.example.com", NULL, "example.com"}, relaxed, AUTHRES_PASS);
	is((struct mail){"child.example.com", NULL, "example.com"}, strict, AUTHRES_FAIL);
	is((struct mail){"example.com", NULL, "sample.net"}, relaxed, AUTHRES_FAIL);
	/* One of them is enough. */
	is((struct mail){"example.com", "sample.net", "example.com"}, strict, AUTHRES_PASS);
	is((struct mail){"example.com", NULL, NULL}, relaxed, AUTHRES_FAIL);
}

static void public_suffixes_divide(void **unused)
{
	const struct zone *z =
		ZONE({"a.co.jp", "v=DMARC1; p=reject"}, {"co.jp", "v=DMARC1; p=reject"});

	(void)unused;
	is((struct mail){"mail.a.co.jp", NULL, "news.a.co.jp"}, z, AUTHRES_PASS);
	is((struct mail){"a.co.jp", NULL, "b.co.jp"}, z, AUTHRES_FAIL);
	is((struct mail){"a.co.jp", NULL, "co.jp"}, z, AUTHRES_FAIL);
	is((struct mail){"b.co.jp", NULL, NULL}, z, AUTHRES_NONE);
	is((struct mail){"co.jp", NULL, NULL}, z, AUTHRES_FAIL);
	assert_string_equal(public_suffix_organisation("www.a.co.jp"), "a.co.jp");
	assert_string_equal(public_suffix_organisation("co.jp"), "co.jp");
	assert_string_equal(public_suffix_organisation("x.y.localdomain"), "y.localdomain");
	assert_string_equal(public_suffix_organisation("www.xn--r8jz45g.jp"), "xn--r8jz45g.jp");
	assert_string_equal(public_suffix_organisation(""), "");
}

static void policies(void **unused)
{
	const struct zone *z = ZONE({"b.test", "v=DMARC1; p=reject; sp=quarantine; pct=30"},
				    {"own.b.test", "v=DMARC1; p=none"});
	static const struct {
		const char *from;
		unsigned sample;
		enum dmarc_policy policy;
	} rows[] = {
		{"b.test", 0, DMARC_REJECT},           {"b.test", 29, DMARC_REJECT},
		{"b.test", 30, DMARC_QUARANTINE},      {"b.test", 99, DMARC_QUARANTINE},
		{"sub.b.test", 29, DMARC_QUARANTINE},  {"sub.b.test", 30, DMARC_NONE},
		{"own.b.test", 0, DMARC_NONE},         {"own.b.test", 99, DMARC_NONE},
		{"x.own.b.test", 0, DMARC_QUARANTINE},
	};

	(void)unused;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct dmarc_verdict v =
			judge((struct mail){rows[i].from, NULL, NULL}, z, rows[i].sample);
		assert_int_equal(v.result, AUTHRES_FAIL);
		assert_int_equal(v.policy, rows[i].policy);
	}
}

static void where_it_is_looked_for(void **unused)
{
	size_t asked;
	char name[DNS_NAME_MAX];

	(void)unused;
	assert_int_equal(find("b.test", ZONE({"b.test", "v=DMARC1; p=none"}), &asked).obstacle, 0);
	assert_int_equal(asked, 1);
	assert_true(find("a.x.b.test", ZONE({"b.test", "v=DMARC1; p=none"}), &asked).is_inherited);
	assert_int_equal(asked, 2);
	/* The organisation is asked, not what is between. */
	is((struct mail){"a.x.b.test", NULL, NULL}, ZONE({"x.b.test", "v=DMARC1; p=none"}),
	   AUTHRES_NONE);
	is((struct mail){"b.test", NULL, NULL}, ZONE({"b.test", "v=spf1 -all"}), AUTHRES_NONE);
	is((struct mail){"b.test", "b.test", NULL}, ZONE({"b.test", NULL}), AUTHRES_TEMPERROR);
	is((struct mail){"b.test", "b.test", NULL}, ZONE({"b.test", "v=DMARC1"}),
	   AUTHRES_PERMERROR);
	is((struct mail){"b.test", "b.test", NULL},
	   ZONE({"b.test", "v=DMARC1; p=none"}, {"b.test", "v=DMARC1; p=none"}), AUTHRES_PERMERROR);
	/* What is no domain. */
	struct dmarc d;
	dmarc_begin(&d, "[192.0.2.1]");
	assert_false(dmarc_ask(&d, name));
	dmarc_begin(&d, "");
	assert_false(dmarc_ask(&d, name));
}

static void what_is_not_known(void **unused)
{
	size_t asked;
	struct dmarc d = find("b.test", ZONE({"b.test", "v=DMARC1; p=reject"}), &asked);
	struct dmarc_evidence e = {.spf = AUTHRES_TEMPERROR, .spf_domain = "b.test"};

	(void)unused;
	assert_int_equal(dmarc_judge(&d, &e, 0).result, AUTHRES_TEMPERROR);
	e.spf_domain = "c.test"; /* whatever it would have been */
	assert_int_equal(dmarc_judge(&d, &e, 0).result, AUTHRES_FAIL);
	e.dkim_count = 2;
	e.dkim[0].result = AUTHRES_TEMPERROR;
	e.dkim[0].domain = "x.b.test";
	e.dkim[1].result = AUTHRES_FAIL;
	e.dkim[1].domain = "b.test";
	assert_int_equal(dmarc_judge(&d, &e, 0).result, AUTHRES_TEMPERROR);
	e.dkim[1].result = AUTHRES_PASS;
	assert_int_equal(dmarc_judge(&d, &e, 0).result, AUTHRES_PASS);
	e.dkim[1].result = AUTHRES_POLICY;
	e.dkim[0].result = AUTHRES_NEUTRAL;
	assert_int_equal(dmarc_judge(&d, &e, 0).result, AUTHRES_FAIL);
	e.is_dkim_unknown = true;
	assert_int_equal(dmarc_judge(&d, &e, 0).result, AUTHRES_TEMPERROR);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records),
		cmocka_unit_test(examples_of_the_rfc),
		cmocka_unit_test(public_suffixes_divide),
		cmocka_unit_test(policies),
		cmocka_unit_test(where_it_is_looked_for),
		cmocka_unit_test(what_is_not_known),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
