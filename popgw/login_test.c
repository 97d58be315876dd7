/* Every way in, and every way to be kept out. */
#include "popgw/testbed.h"

static void base64_of(const char *octets, size_t n, char *text)
{
	base64_encode(BASE64_STD, octets, n, text);
}

/* "%" stands for NUL, "^" for \x01, "$" for the token. */
static void message_of(const char *pattern, const char *token, char *text)
{
	char octets[512];
	size_t n = 0;

	for (const char *p = pattern; *p; p++) {
		if (*p == '$') {
			memcpy(octets + n, token, strlen(token));
			n += strlen(token);
		} else {
			octets[n++] = *p == '%' ? '\0' : *p == '^' ? '\x01' : *p;
		}
	}
	base64_of(octets, n, text);
}

/* ---- forms ---- */

static const struct {
	const char *mechanism, *message;
	const char *want; /* the last answer */
	bool extra_round; /* a challenge comes before it */
} forms[] = {
	{"PLAIN", "%819000000005%$", "+OK", false},
	{"PLAIN", "%+819000000005%$", "+OK", false},
	{"PLAIN", "u5@hato.example%u5@hato.example%$", "+OK", false},
	{"PLAIN", "%U5@HATO.example%$", "+OK", false},
	{"PLAIN", "%alias5@hato.example%$", "+OK", false},
	{"plain", "%alias5@hato.example%$", "+OK", false},
	{"OAUTHBEARER", "n,a=u5@hato.example,^host=x^port=110^auth=Bearer $^^", "+OK", false},
	{"OAUTHBEARER", "n,,^auth=Bearer $^^", "+OK", false},
	{"OAUTHBEARER", "y,a=819000000005,^auth=bearer $^^", "+OK", false},
	{"XOAUTH2", "user=u5@hato.example^auth=Bearer $^^", "+OK", false},
	{"PLAIN", "%u6@hato.example%$", "-ERR [AUTH]", false},
	{"PLAIN", "%819000000006%$", "-ERR [AUTH]", false},
	{"PLAIN", "u6@hato.example%u5@hato.example%$", "-ERR [AUTH]", false},
	{"PLAIN", "%u5@hato.example%wrong", "-ERR [AUTH]", false},
	{"PLAIN", "%u5@hato.example%$x", "-ERR [AUTH]", false},
	{"PLAIN", "u5@hato.example$", "-ERR", false},
	{"PLAIN", "", "-ERR", false},
	{"OAUTHBEARER", "n,a=u5@hato.example,^auth=Bearer wrong^^", "-ERR [AUTH] the token is",
	 true},
	{"OAUTHBEARER", "n,a=u6@hato.example,^auth=Bearer $^^", "-ERR [AUTH] the name is", true},
	{"OAUTHBEARER", "p=tls-unique,,^auth=Bearer $^^", "-ERR", false},
	{"OAUTHBEARER", "user=u5@hato.example^auth=Bearer $^^", "-ERR", false}, /* old curl */
	{"XOAUTH2", "user=u5@hato.example^auth=Bearer wrong^^", "-ERR [AUTH] the token is", true},
	{"XOAUTH2", "auth=Bearer $^^", "-ERR", false},
	{"CRAM-MD5", "", "-ERR", false},
};

static void finish_exchange(struct client *c, size_t i)
{
	if (forms[i].extra_round) {
		client_expect_line(c, "+ ey");
		client_send(c, "AQ==\r\n");
	}
	client_expect_line(c, forms[i].want);
	client_ask(c, "NOOP\r\n", strcmp(forms[i].want, "+OK") == 0 ? "+OK" : "-ERR log in first");
}

static void test_sasl_forms(void **state)
{
	(void)state;
	for (int initial = 0; initial < 2; initial++)
		for (size_t i = 0; i < COUNT(forms); i++) {
			struct client c = client_connect(2);
			char message[1024], line[1200];

			print_message("%s %s\n", forms[i].mechanism, forms[i].message);
			message_of(forms[i].message, bed_token(2, 5, 3), message);
			client_expect_line(&c, "+OK");
			if (initial) {
				snprintf(line, sizeof(line), "AUTH %s %s\r\n", forms[i].mechanism,
					 message[0] ? message : "=");
			} else {
				snprintf(line, sizeof(line), "AUTH %s\r\n", forms[i].mechanism);
				client_send(&c, line);
				if (strcmp(forms[i].mechanism, "CRAM-MD5"))
					client_expect(&c, "+ \r\n");
				else
					client_expect_line(&c, "-ERR");
				snprintf(line, sizeof(line), "%s\r\n", message);
			}
			client_send(&c, line);
			finish_exchange(&c, i);
			client_close(&c);
			bed_turn_until(bed_is_empty);
		}
}

static void test_auth_login(void **state)
{
	struct client c = client_connect(2);
	char name[64], token[80], line[128];

	(void)state;
	client_expect_line(&c, "+OK");
	base64_of("u5@hato.example", 15, name);
	base64_of(bed_token(2, 5, 3), TOKEN_TEXT, token);
	client_ask(&c, "AUTH LOGIN\r\n", "+ VXNlcm5hbWU6");
	snprintf(line, sizeof(line), "%s\r\n", name);
	client_ask(&c, line, "+ UGFzc3dvcmQ6");
	client_ask(&c, "*\r\n", "-ERR"); /* not now */
	snprintf(line, sizeof(line), "AUTH LOGIN %s\r\n", name);
	client_ask(&c, line, "+ UGFzc3dvcmQ6");
	snprintf(line, sizeof(line), "%s\r\n", token);
	client_ask(&c, line, "+OK");
	client_close(&c);
}

static const struct {
	const char *user, *pass; /* "$": the token */
	const char *want;
} words[] = {
	{"USER $", "PASS anything at all", "+OK"},
	{"USER $", "PASS ", "+OK"},
	{"user 819000000005", "pass $", "+OK"},
	{"USER u5@hato.example", "PASS $", "+OK"},
	{"USER U5@hato.example", "PASS $", "+OK"},
	{"USER u6@hato.example", "PASS $", "-ERR [AUTH]"},
	{"USER u5@hato.example", "PASS  $", "-ERR [AUTH]"}, /* a space is part of the password */
	{"USER u5@hato.example", "PASS ", "-ERR [AUTH]"},
	{"USER u5", "PASS $", "-ERR [AUTH]"},
	{"USER AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "PASS x", "-ERR [AUTH]"},
};

static void fill_in(char *line, size_t size, const char *pattern, const char *token)
{
	const char *at = strchr(pattern, '$');

	if (at)
		snprintf(line, size, "%.*s%s%s\r\n", (int)(at - pattern), pattern, token, at + 1);
	else
		snprintf(line, size, "%s\r\n", pattern);
}

static void test_user_and_pass(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(words); i++) {
		struct client c = client_connect(2);
		char line[256];

		print_message("%s / %s\n", words[i].user, words[i].pass);
		client_expect_line(&c, "+OK");
		client_ask(&c, "PASS x\r\n", "-ERR USER first");
		fill_in(line, sizeof(line), words[i].user, bed_token(2, 5, 3));
		client_ask(&c, line, "+OK");
		fill_in(line, sizeof(line), words[i].pass, bed_token(2, 5, 3));
		client_ask(&c, line, words[i].want);
		client_close(&c);
		bed_turn_until(bed_is_empty);
	}
}

static void test_only_the_named_kind_logs_in(void **state)
{
	struct client c = client_connect(2);
	char line[128];

	(void)state;
	bed.popgw.login_ids = LOGIN_ID_ADDRESS;
	client_expect_line(&c, "+OK");
	client_ask(&c, "USER 819000000005\r\n", "+OK");
	snprintf(line, sizeof(line), "PASS %s\r\n", bed_token(2, 5, 3));
	client_ask(&c, line, "-ERR [AUTH]");
	client_ask(&c, "USER u5@hato.example\r\n", "+OK");
	client_ask(&c, line, "+OK");
	client_close(&c);
}

/* ---- the three keys ---- */

static void try_token(int last, const char *token, const char *want)
{
	struct client c = client_connect(last);
	char line[128];

	client_expect_line(&c, "+OK");
	snprintf(line, sizeof(line), "USER %s\r\n", token);
	client_ask(&c, line, "+OK");
	client_ask(&c, "PASS x\r\n", want);
	client_close(&c);
	bed_turn_until(bed_is_empty);
}

static void test_token_and_binding_agree(void **state)
{
	(void)state;
	bed_bind(3, 6, 9, KEY_CONFIRMED);
	try_token(2, bed_token(2, 5, 3), "+OK");
	try_token(2, bed_token(2, 5, 2), "-ERR [AUTH]");        /* older generation */
	try_token(2, bed_token(3, 5, 3), "-ERR [AUTH]");        /* of another address */
	try_token(3, bed_token(2, 5, 3), "-ERR [AUTH]");        /* shown from another address */
	try_token(4, bed_token(4, 5, 3), "-ERR [AUTH] nobody"); /* no binding */
	try_token(2, bed_token_until(2, 5, 3, clock_now_s() - 1),
		  "-ERR [AUTH] the token has expired");
	bed_bind(2, 5, 3, KEY_CONTESTED);
	try_token(2, bed_token(2, 5, 3), "+OK");
	bed_bind(2, 5, 3, KEY_UNCONFIRMED);
	try_token(2, bed_token(2, 5, 3), "-ERR [AUTH]");
	bed_bind(2, 5, 3, KEY_QUARANTINED);
	try_token(2, bed_token(2, 5, 3), "-ERR [AUTH]");
	bed_bind(2, 6, 4, KEY_CONFIRMED); /* the next phone has the address */
	try_token(2, bed_token(2, 5, 3), "-ERR [AUTH]");
	assert_int_equal(bed.quarantines, 0);
	assert_int_equal(maildrop_locks_held(bed.popgw.locks), 0);
}

static void test_token_of_other_quarantines(void **state)
{
	(void)state;
	bed_bind(2, 6, 3, KEY_CONFIRMED);
	try_token(2, bed_token(2, 5, 3), "-ERR [AUTH]");
	assert_int_equal(bed.quarantines, 1);
	try_token(2, bed_token(2, 6, 3), "-ERR [AUTH]"); /* the bound one is out as well */
	assert_int_equal(bed.quarantines, 1);
}

static void test_store_that_cannot_be_asked(void **state)
{
	static const enum bed_op ops[] = {OP_FIND, OP_SUBSCRIBER, OP_OPEN};

	(void)state;
	for (size_t i = 0; i < COUNT(ops); i++) {
		struct client c = client_connect(2);
		char line[128];

		client_expect_line(&c, "+OK");
		bed.fail[ops[i]] = E_IO;
		snprintf(line, sizeof(line), "PASS %s\r\n", bed_token(2, 5, 3));
		client_ask(&c, "USER u5@hato.example\r\n", "+OK");
		client_ask(&c, line, "-ERR [SYS/TEMP]");
		assert_int_equal(maildrop_locks_held(bed.popgw.locks), 0);
		bed.fail[ops[i]] = 0;
		client_ask(&c, "USER u5@hato.example\r\n", "+OK"); /* it may try again */
		client_ask(&c, line, "+OK");
		client_close(&c);
		bed_turn_until(bed_is_empty);
	}
}

/* ---- what is offered ---- */

static void test_tls_first(void **state)
{
	static const char *const refused[] = {"USER x\r\n", "PASS x\r\n", "AUTH PLAIN =\r\n",
					      "AUTH\r\n"};
	struct client c = client_connect(2);

	(void)state;
	client_expect_line(&c, "+OK");
	for (size_t i = 0; i < COUNT(refused); i++)
		client_ask(&c, refused[i], "-ERR [AUTH] TLS first");
	client_send(&c, "CAPA\r\n");
	client_expect(&c,
		      "+OK\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nUTF8\r\n"
		      "EXPIRE NEVER\r\nIMPLEMENTATION Hato\r\nSTLS\r\n.\r\n");
	client_close(&c);
}

static void test_offers(void **state)
{
	struct client c = client_connect(2);

	(void)state;
	client_expect_line(&c, "+OK");
	client_send(&c, "AUTH\r\n");
	client_expect(&c, "+OK\r\nPLAIN\r\nLOGIN\r\nOAUTHBEARER\r\nXOAUTH2\r\n.\r\n");
	client_send(&c, "CAPA\r\n");
	client_expect(&c,
		      "+OK\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nUTF8\r\n"
		      "EXPIRE NEVER\r\nIMPLEMENTATION Hato\r\nSTLS\r\nUSER\r\n"
		      "SASL PLAIN LOGIN OAUTHBEARER XOAUTH2\r\n.\r\n");
	client_ask(&c, "UTF8\r\n", "+OK");
	client_close(&c);
	c = client_log_in(2, 3);
	client_send(&c, "CAPA\r\n");
	client_expect(&c,
		      "+OK\r\nTOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\nUTF8\r\n"
		      "EXPIRE NEVER\r\nIMPLEMENTATION Hato\r\n.\r\n");
	client_close(&c);
}

static void test_guesses_are_counted(void **state)
{
	struct client c = client_connect(2);

	(void)state;
	client_expect_line(&c, "+OK");
	for (int i = 0; i < 4; i++) {
		client_ask(&c, "USER u5@hato.example\r\n", "+OK");
		client_ask(&c, "PASS guess\r\n", "-ERR [AUTH]");
	}
	client_ask(&c, "USER u5@hato.example\r\n", "+OK");
	client_ask(&c, "PASS guess\r\n", "-ERR too many");
	client_expect_end(&c);
	client_close(&c);
}

static int bed_open_tls_only(void **state)
{
	static const char *const sets[] = {"popgw.auth_requires_tls=yes", NULL};

	bed_more_sets = sets;
	int rc = bed_open(state);
	bed_more_sets = NULL;
	return rc;
}

/* POP before SMTP: what is recorded is the login's own key, before it is told of. */
static void test_record(void **state)
{
	(void)state;
	struct client c = client_log_in(2, 3);
	client_ask(&c, "QUIT\r\n", "+OK");
	client_close(&c);
	assert_int_equal(bed.recorded.subscriber, 0);
	bed.conf->realms[0].submissions_pop_s = 300;
	c = client_log_in(2, 3);
	assert_int_equal(bed.recorded.subscriber, 5);
	assert_int_equal(bed.recorded.generation, 3);
	client_close(&c);
}

/* RFC 2449 8: a client acts on the code; it must be there, and be one of ours. */
static void test_every_refusal_has_its_code(void **state)
{
	static const char *const codes[] = {"[AUTH] ", "[SYS/TEMP] ", "[IN-USE] "};

	(void)state;
	for (int r = IDENTITY_GOOD + 1; r < REFUSALS; r++) {
		const char *answer = refusal_answer((enum refusal)r);
		bool known = false;
		for (size_t i = 0; i < COUNT(codes); i++)
			known = known || strncmp(answer, codes[i], strlen(codes[i])) == 0;
		assert_true(known);
		assert_true(strlen(answer) < 100);
	}
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, bed_open, bed_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sasl_forms),
		TEST(test_auth_login),
		TEST(test_user_and_pass),
		TEST(test_only_the_named_kind_logs_in),
		TEST(test_token_and_binding_agree),
		TEST(test_token_of_other_quarantines),
		TEST(test_store_that_cannot_be_asked),
		cmocka_unit_test_setup_teardown(test_tls_first, bed_open_tls_only, bed_close),
		TEST(test_offers),
		TEST(test_guesses_are_counted),
		TEST(test_record),
		cmocka_unit_test(test_every_refusal_has_its_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
