#include "authsrv/filter_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "authsrv/json_field.h"
#include "lib/err.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])
#define MOST     3

static int read_text(const char *text, struct filter **f, char wrong[FILTER_WRONG_MAX])
{
	json_t *body = body_read(text, strlen(text));
	int err = filter_json_read(body, MOST, f, wrong);

	json_decref(body);
	return err;
}

static struct filter *must_read(const char *text)
{
	char wrong[FILTER_WRONG_MAX] = "";
	struct filter *f = NULL;

	if (read_text(text, &f, wrong))
		fail_msg("%s: %s", text, wrong);
	return f;
}

static void what_is_not_said_is_the_default(void **state)
{
	const struct filter open = filter_default();
	static const char *const texts[] = {
		"{}",
		"{\"from\":null,\"forged\":null,\"urls\":null,\"max_size\":null,\"receipts\":null,"
		"\"allow\":null,\"allow_to\":null,\"deny\":null}",
		"{\"from\":\"anyone\",\"forged\":\"off\",\"urls\":true,\"receipts\":true,\"deny\":["
		"]}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		struct filter *f = must_read(texts[i]);
		assert_true(filter_equal(f, &open));
		free(f);
	}
}

static void everything(void **state)
{
	struct filter *f = must_read(
		"{\"from\":\"listed\",\"forged\":\"high\",\"urls\":false,\"receipts\":false,"
		"\"max_size\":10240,\"allow\":[\"Taro@B.test\",\"b.test\",\"taro@b.test\"],"
		"\"allow_to\":[\"@list.test\"],\"deny\":[\"\\\"a..b\\\"@docomo.ne.jp\",\"a@"
		"\xe7\xb5\xb5.test\"]}");

	(void)state;
	assert_int_equal(f->from, FILTER_FROM_LISTED);
	assert_int_equal(f->forged, FILTER_FORGED_HIGH);
	assert_true(f->refuses_urls && f->strips_receipts && f->max_size == 10240);
	assert_string_equal(f->lists[FILTER_ALLOW], "b.test\ntaro@b.test\n");
	assert_string_equal(f->lists[FILTER_ALLOW_TO], "@list.test\n");
	assert_string_equal(f->lists[FILTER_DENY], "a..b@docomo.ne.jp\na@xn--8d0a.test\n");
	free(f);
}

static void what_is_written_is_read_again(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{\"from\":\"carriers\",\"forged\":\"header\",\"urls\":false}",
		"{\"receipts\":false,\"max_size\":1099511627776,\"deny\":[\"a..b@docomo.ne.jp\"]}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		char wrong[FILTER_WRONG_MAX] = "";
		struct filter *f = must_read(texts[i]), *again = NULL;
		json_t *out = filter_json_write(f, true);
		assert_true(json_is_false(json_object_get(out, "default")));
		json_object_del(out, "default"); /* what is shown and not said */
		assert_int_equal(filter_json_read(out, MOST, &again, wrong), 0);
		assert_true(filter_equal(f, again));
		json_decref(out);
		free(f);
		free(again);
	}
}

/* Each with the word that its problem must have in it. */
static void what_is_wrong_is_named(void **state)
{
	static const struct {
		const char *text, *word;
	} cases[] = {
		{"", "object"},
		{"[]", "object"},
		{"{\"form\":\"anyone\"}", "member"},
		{"{\"default\":true}", "member"},
		{"{\"from\":\"friends\"}", "from"},
		{"{\"from\":1}", "from"},
		{"{\"from\":\"anyoneanyoneanyoneanyone\"}", "from"},
		{"{\"forged\":\"max\"}", "forged"},
		{"{\"forged\":true}", "forged"},
		{"{\"urls\":\"no\"}", "urls"},
		{"{\"receipts\":0}", "receipts"},
		{"{\"max_size\":0}", "max_size"},
		{"{\"max_size\":-1}", "max_size"},
		{"{\"max_size\":1.5}", "max_size"},
		{"{\"max_size\":1e30}", "max_size"},
		{"{\"max_size\":\"1M\"}", "max_size"},
		{"{\"allow\":\"b.test\"}", "allow is a list"},
		{"{\"deny\":{}}", "deny is a list"},
		{"{\"deny\":[\"b.test\",1]}", "deny[1] is no text"},
		{"{\"allow_to\":[\"b.test\",\"not one\"]}", "allow_to[1] is no address"},
		{"{\"deny\":[\"\"]}", "deny[0]"},
		{"{\"deny\":[\"b.test\\n@c.test\"]}", "deny[0]"},
		{"{\"deny\":[\"b.test\\u0000\"]}", "deny[0]"},
		{"{\"deny\":[\"\xe7\xb5\xb5..test\"]}", "deny[0]"},
		{"{\"deny\":[\"a.test\",\"b.test\",\"c.test\",\"d.test\"]}", "more than 3"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		char wrong[FILTER_WRONG_MAX] = "";
		struct filter *f = NULL;
		int err = read_text(cases[i].text, &f, wrong);
		if (err != E_SYNTAX || f || !strstr(wrong, cases[i].word))
			fail_msg("%s: %d %s", cases[i].text, err, wrong);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_said_is_the_default),
		cmocka_unit_test(everything),
		cmocka_unit_test(what_is_written_is_read_again),
		cmocka_unit_test(what_is_wrong_is_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
