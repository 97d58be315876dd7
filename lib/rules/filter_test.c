/* The door as a table: a subscriber's settings, a mail, and what becomes of it at RCPT and at the
 * end of the content. */
#include "lib/rules/filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define CARRIERS "carrier.test\nmobile.test\n"

static struct mailaddr addr(const char *text)
{
	struct mailaddr a = {0};

	if (*text)
		assert_int_equal(mailaddr_parse(text, strlen(text), MAILADDR_UTF8, &a), 0);
	return a;
}

/* ---- entries ---- */

static void entries_are_kept_in_one_form(void **state)
{
	static const struct {
		const char *text, *kept;
		int err;
	} cases[] = {
		{"Taro@B.Test", "taro@b.test", 0},
		{"B.Test", "b.test", 0},
		{"b.test.", NULL, E_SYNTAX},
		{"@B.test", "@b.test", 0},
		{"\"a..b\"@docomo.ne.jp", "a..b@docomo.ne.jp", 0},
		{"a..b.@docomo.ne.jp", "a..b.@docomo.ne.jp", 0},
		{"\"A ]b\"@docomo.ne.jp", "\"a ]b\"@docomo.ne.jp", 0},
		{"\"a@b\"@c.test", "\"a@b\"@c.test", 0},
		{"\"plain\"@c.test", "plain@c.test", 0},
		{"jp", "jp", 0},
		{"", NULL, E_SYNTAX},
		{"@", NULL, E_SYNTAX},
		{"taro@", NULL, E_SYNTAX},
		{"a@b@c", NULL, E_SYNTAX},
		{"@a@b", NULL, E_SYNTAX},
		{"b..test", NULL, E_SYNTAX},
		{"*.b.test", NULL, E_SYNTAX},
		{"b.test\n", NULL, E_SYNTAX},
		{"<a@b.test>", NULL, E_SYNTAX},
		{"\xe7\xb5\xb5.test", NULL, E_RANGE},
		{"a@\xe7\xb5\xb5.test", NULL, E_RANGE},
		{"\xe7\xb5\xb5@b.test", "\xe7\xb5\xb5@b.test", 0},
	};
	char kept[FILTER_ENTRY_MAX + 1];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		int err = filter_entry(cases[i].text, strlen(cases[i].text), kept);
		if (!err) {
			char again[FILTER_ENTRY_MAX];
			assert_int_equal(filter_entry(kept, strlen(kept), again), 0);
			assert_string_equal(kept, again);
			struct mailaddr a =
				addr(strchr(cases[i].text, '@') && kept[0] != '@' ? cases[i].text
										  : "x@y");
			strcat(kept, "\n");
			assert_int_equal(filter_list_has_address(kept, &a),
					 strcmp(a.domain, "y") != 0);
			kept[strlen(kept) - 1] = '\0';
		}
		if (err != cases[i].err || (!err && strcmp(kept, cases[i].kept) != 0))
			fail_msg("%s: %d %s", cases[i].text, err, err ? "" : kept);
	}
	char longest[400];
	memset(longest, 'a', sizeof longest);
	assert_true(filter_entry(longest, sizeof longest, kept) != 0);
	memcpy(longest + 64, "@", 1);
	for (size_t i = 65 + 60; i < 320; i += 60)
		longest[i] = '.';
	assert_int_equal(filter_entry(longest, 320, kept), 0);
	assert_int_equal(strlen(kept), 320);
}

static void a_list_is_in_order_and_has_each_once(void **state)
{
	char entries[][FILTER_ENTRY_MAX] = {"c.test", "a@b.test", "c.test", "@d.test"};
	char *list = filter_list_make(entries, COUNT(entries));
	char *none = filter_list_make(entries, 0);

	(void)state;
	assert_string_equal(list, "@d.test\na@b.test\nc.test\n");
	assert_string_equal(none, "");
	free(list);
	free(none);
}

static void entries_match_whole_labels(void **state)
{
	static const char list[] = "@exact.test\na..b@docomo.ne.jp\ntaro@b.test\nwide.test\n";
	static const struct {
		const char *address;
		bool address_is, domain_is;
	} cases[] = {
		{"x@wide.test", false, true},       {"x@sub.wide.test", false, true},
		{"x@a.b.wide.test", false, true},   {"x@notwide.test", false, false},
		{"x@test", false, false},           {"x@wide.test.example", false, false},
		{"x@exact.test", false, true},      {"x@sub.exact.test", false, false},
		{"taro@b.test", true, false},       {"TARO@b.test", true, false},
		{"taro@sub.b.test", false, false},  {"taro2@b.test", false, false},
		{"x@b.test", false, false},         {"\"a..b\"@docomo.ne.jp", true, false},
		{"a..b@docomo.ne.jp", true, false}, {"aro@b.test", false, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct mailaddr a = addr(cases[i].address);
		if (filter_list_has_address(list, &a) != cases[i].address_is ||
		    filter_list_has_domain(list, &a) != cases[i].domain_is)
			fail_msg("%s", cases[i].address);
		assert_false(filter_list_has_address("", &a) || filter_list_has_domain("", &a));
	}
}

static void a_copy_is_its_own(void **state)
{
	struct filter f = {
		.from = FILTER_FROM_LISTED, .max_size = 7, .lists = {"a\n", "", "b\nc\n"}};
	struct filter *copy = filter_copy(&f);
	const size_t len[FILTER_LISTS] = {2, 0, 2};
	struct filter *shorter = filter_make(&f, len);

	(void)state;
	assert_true(filter_equal(&f, copy) && copy->lists[FILTER_DENY] != f.lists[FILTER_DENY]);
	assert_string_equal(shorter->lists[FILTER_DENY], "b\n");
	assert_false(filter_equal(&f, shorter));
	copy->strips_receipts = true;
	assert_false(filter_equal(&f, copy));
	free(copy);
	free(shorter);
}

/* ---- verdicts ---- */

#define GOOD    FILTER_PROOF_GOOD
#define FORGED  FILTER_PROOF_FORGED
#define NOTHING FILTER_PROOF_NONE
#define SILENT  FILTER_PROOF_UNKNOWN
#define TAKE    FILTER_TAKE
#define REFUSE  FILTER_REFUSE
#define OPEN    FILTER_OPEN

struct mail {
	const char *from;       /* envelope; "" is <> */
	const char *authors[3]; /* "?" cannot be read */
	const char *to;
	uint64_t declared, size;
	enum filter_proof envelope, author;
	bool dmarc_pass, dmarc_fail, has_url;
};

struct row {
	const char *name;
	struct filter f;
	struct mail m;
	enum filter_verdict at_rcpt, at_end;
	const char *rule;
};

#define PLAIN .from = "x@b.test", .authors = {"x@b.test"}
#define PHONE .from = "p@carrier.test", .authors = {"p@carrier.test"}

static const struct row rows[] = {
	{"nothing chosen",
	 {0},
	 {PLAIN, .has_url = true, .envelope = FORGED, .author = FORGED},
	 TAKE,
	 TAKE,
	 ""},

	{"size, declared",
	 {.max_size = 100},
	 {PLAIN, .declared = 101, .size = 101},
	 REFUSE,
	 REFUSE,
	 "size"},
	{"size, not declared", {.max_size = 100}, {PLAIN, .size = 101}, OPEN, REFUSE, "size"},
	{"size, as large as may be",
	 {.max_size = 100},
	 {PLAIN, .declared = 100, .size = 100},
	 OPEN,
	 TAKE,
	 ""},
	{"size beats the allow list",
	 {.max_size = 100, .lists = {"b.test\n"}},
	 {PLAIN, .declared = 101, .size = 101},
	 REFUSE,
	 REFUSE,
	 "size"},

	{"denied address, envelope",
	 {.lists = {[FILTER_DENY] = "x@b.test\n"}},
	 {.from = "x@b.test", .authors = {"other@c.test"}},
	 REFUSE,
	 REFUSE,
	 "denied-address"},
	{"denied address, author",
	 {.lists = {[FILTER_DENY] = "o@c.test\n"}},
	 {.from = "x@b.test", .authors = {"a@c.test", "o@c.test"}},
	 OPEN,
	 REFUSE,
	 "denied-address"},
	{"denied address beats the allow lists",
	 {.lists = {[FILTER_DENY] = "x@b.test\n",
		    [FILTER_ALLOW] = "b.test\n",
		    [FILTER_ALLOW_TO] = "me@ours.test\n"}},
	 {PLAIN},
	 REFUSE,
	 REFUSE,
	 "denied-address"},
	{"denied domain, envelope",
	 {.lists = {[FILTER_DENY] = "test\n"}},
	 {PLAIN},
	 REFUSE,
	 REFUSE,
	 "denied-domain"},
	{"denied domain below",
	 {.lists = {[FILTER_DENY] = "b.test\n"}},
	 {.from = "x@c.test", .authors = {"x@sub.b.test"}},
	 OPEN,
	 REFUSE,
	 "denied-domain"},
	{"allowed address beats a denied domain",
	 {.lists = {[FILTER_DENY] = "b.test\n", [FILTER_ALLOW] = "x@b.test\n"}},
	 {PLAIN},
	 OPEN,
	 TAKE,
	 "allowed"},
	{"an envelope that is allowed is not the author",
	 {.lists = {[FILTER_DENY] = "c.test\n", [FILTER_ALLOW] = "b.test\n"}},
	 {.from = "x@b.test", .authors = {"x@c.test"}},
	 OPEN,
	 REFUSE,
	 "denied-domain"},
	{"one of two authors is allowed",
	 {.from = FILTER_FROM_LISTED, .lists = {"b.test\n"}},
	 {.from = "x@b.test", .authors = {"x@b.test", "y@c.test"}},
	 OPEN,
	 REFUSE,
	 "from"},
	{"both are",
	 {.from = FILTER_FROM_LISTED, .lists = {"b.test\nc.test\n"}},
	 {.from = "x@b.test", .authors = {"x@b.test", "y@c.test"}},
	 OPEN,
	 TAKE,
	 "allowed"},
	{"an author that cannot be read",
	 {.from = FILTER_FROM_LISTED, .lists = {"b.test\n"}},
	 {.from = "x@b.test", .authors = {"x@b.test", "?"}},
	 OPEN,
	 REFUSE,
	 "from"},
	{"no author",
	 {.from = FILTER_FROM_LISTED, .lists = {"b.test\n"}},
	 {.from = "x@b.test", .authors = {NULL}},
	 OPEN,
	 REFUSE,
	 "from"},

	{"forwarded",
	 {.from = FILTER_FROM_CARRIERS,
	  .forged = FILTER_FORGED_HIGH,
	  .refuses_urls = true,
	  .lists = {[FILTER_ALLOW_TO] = "ml@list.test\n"}},
	 {PLAIN, .to = "ML@list.test", .author = FORGED, .has_url = true},
	 OPEN,
	 TAKE,
	 "forwarded"},
	{"not forwarded",
	 {.refuses_urls = true, .lists = {[FILTER_ALLOW_TO] = "ml@list.test\n"}},
	 {PLAIN, .has_url = true},
	 OPEN,
	 REFUSE,
	 "url"},

	{"an accept entry beats the spoofing check",
	 {.forged = FILTER_FORGED_HIGH, .lists = {"b.test\n"}},
	 {PLAIN, .envelope = FORGED, .author = FORGED, .dmarc_fail = true},
	 OPEN,
	 TAKE,
	 "allowed"},
	{"and the URL",
	 {.refuses_urls = true, .lists = {"b.test\n"}},
	 {PLAIN, .has_url = true},
	 OPEN,
	 TAKE,
	 "allowed"},
	{"and from",
	 {.from = FILTER_FROM_CARRIERS, .lists = {"b.test\n"}},
	 {PLAIN},
	 OPEN,
	 TAKE,
	 "allowed"},

	/* au's strengths: who is forged, at which one */
	{"low: a carrier's author",
	 {.forged = FILTER_FORGED_LOW},
	 {.from = "x@b.test", .authors = {"p@carrier.test"}, .envelope = GOOD, .author = FORGED},
	 OPEN,
	 REFUSE,
	 "forged"},
	{"low: a carrier's envelope",
	 {.forged = FILTER_FORGED_LOW},
	 {PHONE, .envelope = FORGED, .author = GOOD},
	 OPEN,
	 REFUSE,
	 "forged"},
	{"low: a true carrier",
	 {.forged = FILTER_FORGED_LOW},
	 {PHONE, .envelope = GOOD, .author = GOOD},
	 OPEN,
	 TAKE,
	 ""},
	{"low: nobody's business",
	 {.forged = FILTER_FORGED_LOW},
	 {PLAIN, .envelope = FORGED, .author = FORGED},
	 OPEN,
	 TAKE,
	 ""},
	{"low: DNS is silent", {.forged = FILTER_FORGED_LOW}, {PHONE}, OPEN, TAKE, ""},
	{"middle: envelope",
	 {.forged = FILTER_FORGED_MIDDLE},
	 {PLAIN, .envelope = FORGED, .author = GOOD},
	 OPEN,
	 REFUSE,
	 "forged"},
	{"middle: author alone",
	 {.forged = FILTER_FORGED_MIDDLE},
	 {PLAIN, .envelope = GOOD, .author = FORGED},
	 OPEN,
	 TAKE,
	 ""},
	{"middle: a carrier's author",
	 {.forged = FILTER_FORGED_MIDDLE},
	 {.from = "x@b.test", .authors = {"p@carrier.test"}, .envelope = GOOD, .author = FORGED},
	 OPEN,
	 REFUSE,
	 "forged"},
	{"middle: nothing published",
	 {.forged = FILTER_FORGED_MIDDLE},
	 {PLAIN, .envelope = NOTHING, .author = NOTHING},
	 OPEN,
	 TAKE,
	 ""},
	{"high: envelope",
	 {.forged = FILTER_FORGED_HIGH},
	 {PLAIN, .envelope = FORGED, .author = GOOD},
	 OPEN,
	 REFUSE,
	 "forged"},
	{"high: author",
	 {.forged = FILTER_FORGED_HIGH},
	 {PLAIN, .envelope = GOOD, .author = FORGED},
	 OPEN,
	 REFUSE,
	 "forged"},
	{"high: nothing published",
	 {.forged = FILTER_FORGED_HIGH},
	 {PLAIN, .envelope = GOOD, .author = NOTHING},
	 OPEN,
	 REFUSE,
	 "forged"},
	{"high: nothing published, envelope",
	 {.forged = FILTER_FORGED_HIGH},
	 {PLAIN, .envelope = NOTHING, .author = GOOD},
	 OPEN,
	 REFUSE,
	 "forged"},
	{"high: a bounce",
	 {.forged = FILTER_FORGED_HIGH},
	 {.from = "", .authors = {"x@b.test"}, .envelope = NOTHING, .author = GOOD},
	 OPEN,
	 TAKE,
	 ""},
	{"high: two authors",
	 {.forged = FILTER_FORGED_HIGH},
	 {.from = "x@b.test",
	  .authors = {"x@b.test", "y@c.test"},
	  .envelope = GOOD,
	  .author = GOOD},
	 OPEN,
	 REFUSE,
	 "forged"},
	{"high: no author",
	 {.forged = FILTER_FORGED_HIGH},
	 {.from = "x@b.test", .authors = {NULL}, .envelope = GOOD},
	 OPEN,
	 REFUSE,
	 "forged"},
	{"high: good",
	 {.forged = FILTER_FORGED_HIGH},
	 {PLAIN, .envelope = GOOD, .author = GOOD},
	 OPEN,
	 TAKE,
	 ""},
	{"high: DNS is silent", {.forged = FILTER_FORGED_HIGH}, {PLAIN}, OPEN, TAKE, ""},
	{"high: signed, forwarded",
	 {.forged = FILTER_FORGED_HIGH},
	 {PLAIN, .envelope = FORGED, .author = FORGED, .dmarc_pass = true},
	 OPEN,
	 TAKE,
	 ""},
	{"high: DMARC fails",
	 {.forged = FILTER_FORGED_HIGH},
	 {PLAIN, .envelope = GOOD, .author = GOOD, .dmarc_fail = true},
	 OPEN,
	 REFUSE,
	 "forged"},
	/* docomo's way */
	{"header: author",
	 {.forged = FILTER_FORGED_HEADER},
	 {PLAIN, .envelope = GOOD, .author = FORGED},
	 OPEN,
	 REFUSE,
	 "forged"},
	{"header: envelope alone",
	 {.forged = FILTER_FORGED_HEADER},
	 {PLAIN, .envelope = FORGED, .author = GOOD},
	 OPEN,
	 TAKE,
	 ""},
	{"header: nothing published",
	 {.forged = FILTER_FORGED_HEADER},
	 {PLAIN, .author = NOTHING},
	 OPEN,
	 TAKE,
	 ""},
	{"header: DMARC fails",
	 {.forged = FILTER_FORGED_HEADER},
	 {PLAIN, .author = NOTHING, .dmarc_fail = true},
	 OPEN,
	 REFUSE,
	 "forged"},

	{"carriers: a PC", {.from = FILTER_FROM_CARRIERS}, {PLAIN}, REFUSE, REFUSE, "from"},
	{"carriers: a phone", {.from = FILTER_FROM_CARRIERS}, {PHONE}, OPEN, TAKE, ""},
	{"carriers: a phone below",
	 {.from = FILTER_FROM_CARRIERS},
	 {.from = "p@disney.mobile.test", .authors = {"p@disney.mobile.test"}},
	 OPEN,
	 TAKE,
	 ""},
	{"carriers: only the envelope",
	 {.from = FILTER_FROM_CARRIERS},
	 {.from = "p@carrier.test", .authors = {"x@b.test"}},
	 OPEN,
	 REFUSE,
	 "from"},
	{"carriers: forged",
	 {.from = FILTER_FROM_CARRIERS},
	 {PHONE, .envelope = FORGED, .author = FORGED},
	 OPEN,
	 REFUSE,
	 "from"},
	{"carriers: a bounce of theirs",
	 {.from = FILTER_FROM_CARRIERS},
	 {.from = "", .authors = {"mailer-daemon@carrier.test"}},
	 OPEN,
	 TAKE,
	 ""},
	{"carriers: a bounce of others",
	 {.from = FILTER_FROM_CARRIERS},
	 {.from = "", .authors = {"mailer-daemon@b.test"}},
	 OPEN,
	 REFUSE,
	 "from"},
	{"listed: nobody is", {.from = FILTER_FROM_LISTED}, {PHONE}, REFUSE, REFUSE, "from"},
	{"listed",
	 {.from = FILTER_FROM_LISTED, .lists = {"@b.test\n"}},
	 {PLAIN},
	 OPEN,
	 TAKE,
	 "allowed"},

	{"a URL", {.refuses_urls = true}, {PLAIN, .has_url = true}, OPEN, REFUSE, "url"},
	{"none", {.refuses_urls = true}, {PLAIN}, OPEN, TAKE, ""},
	{"receipts are no verdict", {.strips_receipts = true}, {PLAIN}, TAKE, TAKE, ""},
};

static struct filter filled(const struct filter *f)
{
	struct filter whole = *f;

	for (size_t i = 0; i < FILTER_LISTS; i++)
		if (!whole.lists[i])
			whole.lists[i] = "";
	return whole;
}

static void read_content(const struct filter *f, const struct mail *m, struct filter_facts *facts)
{
	facts->is_whole = true;
	facts->size = m->size;
	facts->has_url = m->has_url;
	facts->envelope = m->envelope;
	facts->author = m->author;
	facts->is_authentic = m->dmarc_pass;
	facts->is_disowned = m->dmarc_fail;
	for (size_t i = 0; i < COUNT(m->authors) && m->authors[i]; i++) {
		bool is_junk = strcmp(m->authors[i], "?") == 0;
		struct mailaddr author = addr(is_junk ? "" : m->authors[i]);
		filter_note_author(f, CARRIERS, is_junk ? NULL : &author, facts);
	}
	struct mailaddr to = addr(m->to ? m->to : "me@ours.test");
	filter_note_addressee(f, &to, facts);
}

static void the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct row *row = &rows[i];
		struct filter f = filled(&row->f);
		struct mailaddr from = addr(row->m.from);
		struct filter_facts facts = {.size = row->m.declared};
		const char *rule = NULL;

		filter_note_envelope(&f, CARRIERS, &from, &facts);
		if (filter_judge(&f, &facts, NULL) != row->at_rcpt)
			fail_msg("%s: at RCPT", row->name);
		read_content(&f, &row->m, &facts);
		enum filter_verdict end = filter_judge(&f, &facts, &rule);
		if (end != row->at_end || strcmp(rule, row->rule) != 0)
			fail_msg("%s: at the end %d by %s", row->name, (int)end, rule);
		assert_true(row->at_rcpt == OPEN || row->at_rcpt == end);
	}
}

/* What was final at RCPT is what the whole mail comes to, whatever is in it. */
static void a_final_verdict_stays(void **state)
{
	static const char *const lists[] = {"", "x@b.test\n", "b.test\n"};
	const struct mail *mails[COUNT(rows)];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		mails[i] = &rows[i].m;
	for (unsigned bits = 0; bits < 27 * 3 * 5 * 2; bits++) {
		struct filter f = {
			.lists = {lists[bits % 3], lists[bits / 3 % 3], lists[bits / 9 % 3]},
			.from = (enum filter_from)(bits / 27 % 3),
			.forged = (enum filter_forged)(bits / 81 % 5),
			.refuses_urls = bits / 405 % 2};
		for (size_t i = 0; i < COUNT(mails); i++) {
			struct filter_facts facts = {.size = mails[i]->declared};
			struct mailaddr from = addr(mails[i]->from);
			filter_note_envelope(&f, CARRIERS, &from, &facts);
			enum filter_verdict early = filter_judge(&f, &facts, NULL);
			read_content(&f, mails[i], &facts);
			enum filter_verdict late = filter_judge(&f, &facts, NULL);
			assert_true(late != OPEN && (early == OPEN || early == late));
		}
	}
}

static void words(void **state)
{
	enum filter_from from;
	enum filter_forged forged;

	(void)state;
	for (int i = 0; i < FILTER_FROMS; i++)
		assert_true(!filter_from_parse(filter_from_name((enum filter_from)i), &from) &&
			    from == (enum filter_from)i);
	for (int i = 0; i < FILTER_FORGEDS; i++)
		assert_true(
			!filter_forged_parse(filter_forged_name((enum filter_forged)i), &forged) &&
			forged == (enum filter_forged)i);
	assert_int_equal(filter_from_parse("all", &from), E_SYNTAX);
	assert_int_equal(filter_forged_parse("", &forged), E_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_kept_in_one_form),
		cmocka_unit_test(a_list_is_in_order_and_has_each_once),
		cmocka_unit_test(entries_match_whole_labels),
		cmocka_unit_test(a_copy_is_its_own),
		cmocka_unit_test(the_table),
		cmocka_unit_test(a_final_verdict_stays),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
