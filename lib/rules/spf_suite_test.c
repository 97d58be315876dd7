/* The official suite, tests/spf: every verdict, and every explanation. */
#include "lib/rules/spf_fixture.h"

#define SUITE "tests/spf/rfc7208-tests.lines"
#define TESTS 203 /* in the file: none is skipped */

struct suite_test {
	char id[80], helo[300], host[80], mailfrom[400], result[80], explanation[600];
};

static struct zone zone;
static size_t ran, failed;

/* The postmaster of HELO stands for the null path; what has no '@' is a domain. */
static void ask_about(const struct suite_test *t, struct spf **out)
{
	static char local[400];
	const char *at = strrchr(t->mailfrom, '@');
	const char *domain = at ? at + 1 : *t->mailfrom ? t->mailfrom : t->helo;
	struct spf_question q = {.domain = domain, .sender_domain = domain, .helo = t->helo};

	snprintf(local, sizeof local, "%.*s", at ? (int)(at - t->mailfrom) : 0, t->mailfrom);
	q.sender_local = local;
	assert_int_equal(addr_parse(t->host, &q.client), 0);
	assert_int_equal(spf_begin(&q, out), 0);
}

static bool is_one_of(const char *word, const char *list)
{
	const char *at = strstr(list, word);

	while (at && !((at == list || at[-1] == ' ') &&
		       (at[strlen(word)] == '\0' || at[strlen(word)] == ' ')))
		at = strstr(at + 1, word);
	return at != NULL;
}

static void judge(const struct suite_test *t)
{
	struct spf *s;
	const char *expected = strcmp(t->explanation, "DEFAULT") == 0 ? "" : t->explanation;

	ask_about(t, &s);
	zone_play(&zone, s);
	ran++;
	if (!is_one_of(spf_word(spf_result(s)), t->result) ||
	    (*t->explanation && strcmp(expected, spf_explanation(s)) != 0)) {
		failed++;
		print_message("%s: %s instead of %s: \"%s\" instead of \"%s\"\n", t->id,
			      spf_word(spf_result(s)), t->result, spf_explanation(s), expected);
	}
	spf_free(s);
}

static void take(const char *line, const char *key, char *out, size_t size)
{
	size_t n = strlen(key);

	if (strncmp(line, key, n) == 0 && line[n] == ' ')
		zone_unescape(strcmp(line + n + 1, "-") == 0 ? "" : line + n + 1, out, size);
}

static void official_suite(void **unused)
{
	FILE *f = fopen(SUITE, "r");
	struct suite_test t = {0};
	char line[4096];
	bool is_open = false;

	(void)unused;
	assert_non_null(f);
	while (fgets(line, sizeof line, f)) {
		line[strcspn(line, "\n")] = '\0';
		bool is_test = strncmp(line, "test ", 5) == 0;
		bool is_scenario = strncmp(line, "scenario ", 9) == 0;
		if ((is_test || is_scenario) && is_open)
			judge(&t);
		if (is_scenario)
			zone.count = 0;
		if (is_test)
			memset(&t, 0, sizeof t);
		is_open = is_test || (is_open && !is_scenario);
		if (strncmp(line, "rr ", 3) == 0)
			zone_add(&zone, line + 3);
		take(line, "test", t.id, sizeof t.id);
		take(line, "helo", t.helo, sizeof t.helo);
		take(line, "host", t.host, sizeof t.host);
		take(line, "mailfrom", t.mailfrom, sizeof t.mailfrom);
		take(line, "result", t.result, sizeof t.result);
		take(line, "explanation", t.explanation, sizeof t.explanation);
	}
	judge(&t);
	fclose(f);
	assert_int_equal(ran, TESTS);
	assert_int_equal(failed, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(official_suite)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
