/* What is read of a message: the trigger of protocols.md 2.1, texts, parts, and broken ones. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/keyfile.h"
#include "smsc-sim/content_json.h"

#define WSP_EMN                                                                                    \
	"2a06060302030aaf89"                                                                       \
	"030d6a008507037461726f4073706d61696c2e6578616d706c650005c30720260105093015"               \
	"01"

static uint8_t octets[2][200];

static struct content content(const char *udh, const char *body, uint8_t dcs)
{
	struct content c = {octets[0], strlen(udh) / 2, octets[1], strlen(body) / 2, dcs, false};

	assert_true(!c.udh_len || keyfile_unhex(udh, octets[0], c.udh_len));
	assert_true(!c.body_len || keyfile_unhex(body, octets[1], c.body_len));
	return c;
}

/* The value at a path of members, as its JSON text. */
static void assert_at(const json_t *json, const char *path, const char *wanted)
{
	char name[32];

	while (*path) {
		size_t n = strcspn(path, ".");
		memcpy(name, path, n);
		name[n] = 0;
		path += n + (path[n] == '.');
		json = json_object_get(json, name);
	}
	char *text = json ? json_dumps(json, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
	if (wanted)
		assert_string_equal(text ? text : "(absent)", wanted);
	else
		assert_null(text);
	free(text);
}

static void a_trigger(void **state)
{
	struct content c = content("0605040b8423f0", WSP_EMN, 0xf5);
	char line[CONTENT_SUMMARY_MAX];
	json_t *json = content_json_write(&c);

	(void)state;
	assert_at(json, "udh.ports", "{\"destination\":2948,\"source\":9200}");
	assert_at(json, "udh.concat", NULL);
	assert_at(json, "wsp.tid", "42");
	assert_at(json, "wsp.content_type", "\"application/vnd.wap.emn+wbxml\"");
	assert_at(json, "wsp.application_id", "9");
	assert_at(json, "emn.mailbox", "\"taro@spmail.example\"");
	assert_at(json, "emn.timestamp", "\"2026-01-05T09:30:15Z\"");
	assert_at(json, "octets", "\"" WSP_EMN "\"");
	assert_at(json, "coding", "\"8-bit\"");
	assert_at(json, "text", NULL);
	assert_at(json, "problem", NULL);
	json_decref(json);
	content_summary(&c, line);
	assert_string_equal(line, "trigger for taro@spmail.example");
}

static void parts_and_rubbish(void **state)
{
	static const struct {
		const char *udh, *body, *problem, *line;
	} cases[] = {
		{"0b05040b8423f000032a0201", "2a06", "\"a part of a longer push\"",
		 "2 octets for port 2948"},
		{"0605040b8423f0", "2a0606", "\"no WSP push\"", "3 octets for port 2948"},
		{"0605040b8423f0", "2a060403020311", "\"the push has no e-mail notification\"",
		 "7 octets for port 2948"},
		{"0905040b8423f0", "", "\"the user data header cannot be read\"", "0 octets"},
		{"06050423f00b84", "01", NULL, "1 octets for port 9200"},
		{"", "0102", NULL, "2 octets"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct content c = content(cases[i].udh, cases[i].body, 4);
		char line[CONTENT_SUMMARY_MAX];
		json_t *json = content_json_write(&c);
		assert_at(json, "problem", cases[i].problem);
		assert_at(json, "emn", NULL);
		json_decref(json);
		content_summary(&c, line);
		assert_string_equal(line, cases[i].line);
	}
}

static void texts(void **state)
{
	char line[CONTENT_SUMMARY_MAX];
	struct content c = content("", "65b0774030e130fc30eb", 8);
	json_t *json = content_json_write(&c);

	(void)state;
	assert_at(json, "text", "\"新着メール\"");
	assert_at(json, "coding", "\"UCS-2\"");
	json_decref(json);
	content_summary(&c, line);
	assert_string_equal(line, "新着メール");

	c = content("", "1b6568690a00", 0);
	content_summary(&c, line);
	assert_string_equal(line, "€hi @");

	/* Cut where a character ends. */
	uint8_t long_text[160];
	for (size_t i = 0; i < sizeof long_text; i += 2) {
		long_text[i] = 0x65;
		long_text[i + 1] = 0xb0;
	}
	c = (struct content){NULL, 0, long_text, sizeof long_text, 8, false};
	content_summary(&c, line);
	assert_int_equal(strlen(line), 3 * 30 + 3);
	assert_string_equal(line + 3 * 30, "…");

	c = content("", "65b077", 8); /* half a character */
	json = content_json_write(&c);
	assert_at(json, "text", NULL);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_trigger),
					   cmocka_unit_test(parts_and_rubbish),
					   cmocka_unit_test(texts)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
