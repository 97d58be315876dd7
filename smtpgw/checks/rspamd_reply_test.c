/* rspamd's answers, and what is none. */
#include "smtpgw/checks/rspamd_reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"

static void answers_are_read(void **state)
{
	static const struct {
		const char *json;
		int err;
		enum rspamd_action action;
		const char *text;
	} cases[] = {
		/* As rspamd 3.4 wrote them. */
		{"{\"is_skipped\":true,\"score\":15.0,\"required_score\":15.0,\"action\":"
		 "\"reject\",\"symbols\":"
		 "{\"GTUBE\":{\"name\":\"GTUBE\",\"score\":0.0,\"metric_score\":0.0}},\"messages\":"
		 "{\"smtp_message\":"
		 "\"Gtube pattern\"},\"message-id\":\"undef\",\"time_real\":0.272007}",
		 0, RSPAMD_REJECT, "Gtube pattern"},
		{"{\"score\":0,\"action\":\"no action\",\"symbols\":{},\"messages\":{}}", 0,
		 RSPAMD_NONE, ""},
		{"{\"action\":\"rewrite subject\",\"subject\":\"x\"}", 0, RSPAMD_MARK, ""},
		{"{\"action\":\"soft reject\",\"messages\":{\"smtp_message\":\"a\\r\\nb\\u00e4\"}}",
		 0, RSPAMD_SOFT_REJECT, "a??b??"},
		{"{\"action\":\"greylist\",\"messages\":[]}", 0, RSPAMD_GREYLIST, ""},
		{"{\"action\":\"discard\"}", E_RANGE, RSPAMD_NONE, ""},
		{"{\"action\":7}", E_SYNTAX, RSPAMD_NONE, ""},
		{"[\"action\"]", E_SYNTAX, RSPAMD_NONE, ""},
		{"", E_SYNTAX, RSPAMD_NONE, ""},
		{"{\"action\":\"reject\"", E_SYNTAX, RSPAMD_NONE, ""},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct rspamd_reply r = {0};
		assert_int_equal(rspamd_reply_read(cases[i].json, strlen(cases[i].json), &r),
				 cases[i].err);
		assert_int_equal(r.action, cases[i].action);
		assert_string_equal(r.text, cases[i].text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
