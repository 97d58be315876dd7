#include "lib/wire/sasl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/wire/base64.h"

#define COUNT(a)      (sizeof(a) / sizeof(a)[0])
#define SPAN(literal) literal, sizeof(literal) - 1

#define TARO  "taro@spmail.example"
#define TOKEN "eyJhbGciOi.T0K3N"

/* protocols 5.1 */
#define PLAIN_TARO  "AHRhcm9Ac3BtYWlsLmV4YW1wbGUAZXlKaGJHY2lPaS5UMEszTg=="
#define LOGIN_TARO  "dGFyb0BzcG1haWwuZXhhbXBsZQ=="
#define LOGIN_TOKEN "ZXlKaGJHY2lPaS5UMEszTg=="
#define OAUTHBEARER_TARO                                                                           \
	"bixhPXRhcm9Ac3BtYWlsLmV4YW1wbGUsAWhvc3Q9cG9wLnNwbWFpbC5leGFtcGxlAXBvcnQ9OTk1AWF1dGg9QmVh" \
	"cmVyIGV5SmhiR2NpT2kuVDBLM04BAQ=="
#define XOAUTH2_TARO "dXNlcj10YXJvQHNwbWFpbC5leGFtcGxlAWF1dGg9QmVhcmVyIGV5SmhiR2NpT2kuVDBLM04BAQ=="

/* Gives a copy of exactly the line, so that a sanitizer sees a read past its end. */
static enum sasl_step start_line(struct sasl_server *s, enum sasl_mechanism m, const char *line,
				 size_t len)
{
	char *copy = malloc(len + (len == 0));
	enum sasl_step step;

	assert_non_null(copy);
	memcpy(copy, line, len);
	step = sasl_server_start(s, m, copy, len);
	free(copy);
	return step;
}

static enum sasl_step answer(struct sasl_server *s, const char *line)
{
	char *copy = malloc(strlen(line) + 1);
	enum sasl_step step;

	assert_non_null(copy);
	memcpy(copy, line, strlen(line));
	step = sasl_server_answer(s, copy, strlen(line));
	free(copy);
	return step;
}

/* The decoded message as an initial response. */
static enum sasl_step start_message(struct sasl_server *s, enum sasl_mechanism m,
				    const char *message, size_t len)
{
	char *text = malloc(BASE64_TEXT_MAX(len));
	enum sasl_step step;

	assert_non_null(text);
	step = start_line(s, m, text, base64_encode(BASE64_STD, message, len, text));
	free(text);
	return step;
}

static void assert_credentials(const struct sasl_server *s, const char *login, const char *token)
{
	assert_string_equal(s->credentials.login, login);
	assert_string_equal(s->credentials.token, token);
	assert_int_equal(s->credentials.token_len, strlen(token));
}

static void finds_mechanisms(void **state)
{
	enum sasl_mechanism m = SASL_MECHANISMS;

	(void)state;
	assert_int_equal(sasl_mechanism_find(SPAN("PLAIN"), &m), 0);
	assert_int_equal(m, SASL_PLAIN);
	assert_int_equal(sasl_mechanism_find(SPAN("login"), &m), 0);
	assert_int_equal(m, SASL_LOGIN);
	assert_int_equal(sasl_mechanism_find(SPAN("OAuthBearer"), &m), 0);
	assert_int_equal(m, SASL_OAUTHBEARER);
	assert_int_equal(sasl_mechanism_find("XOAUTH2 more", 7, &m), 0);
	assert_int_equal(m, SASL_XOAUTH2);
	assert_string_equal(sasl_mechanism_name(m), "XOAUTH2");
	assert_int_equal(sasl_mechanism_find(SPAN("PLAI"), &m), E_NOT_FOUND);
	assert_int_equal(sasl_mechanism_find(SPAN("PLAIN\0"), &m), E_NOT_FOUND);
	assert_int_equal(sasl_mechanism_find(SPAN("EXTERNAL"), &m), E_NOT_FOUND);
	assert_int_equal(sasl_mechanism_find(NULL, 0, &m), E_NOT_FOUND);
	assert_int_equal(m, SASL_XOAUTH2);
}

static void takes_worked_messages(void **state)
{
	static const struct {
		enum sasl_mechanism mechanism;
		const char *text;
	} cases[] = {
		{SASL_PLAIN, PLAIN_TARO},
		{SASL_OAUTHBEARER, OAUTHBEARER_TARO},
		{SASL_XOAUTH2, XOAUTH2_TARO},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sasl_server s;

		/* with an initial response, and without one */
		assert_int_equal(
			start_line(&s, cases[i].mechanism, cases[i].text, strlen(cases[i].text)),
			SASL_CREDENTIALS);
		assert_credentials(&s, TARO, TOKEN);
		assert_int_equal(sasl_server_start(&s, cases[i].mechanism, NULL, 0),
				 SASL_CHALLENGE);
		assert_string_equal(s.challenge, "");
		assert_int_equal(answer(&s, cases[i].text), SASL_CREDENTIALS);
		assert_credentials(&s, TARO, TOKEN);
		sasl_server_fini(&s);
		assert_credentials(&s, "", "");
	}
}

static void login_asks_twice(void **state)
{
	struct sasl_server s;

	(void)state;
	assert_int_equal(sasl_server_start(&s, SASL_LOGIN, NULL, 0), SASL_CHALLENGE);
	assert_string_equal(s.challenge, "VXNlcm5hbWU6");
	assert_int_equal(answer(&s, LOGIN_TARO), SASL_CHALLENGE);
	assert_string_equal(s.challenge, "UGFzc3dvcmQ6");
	assert_int_equal(answer(&s, LOGIN_TOKEN), SASL_CREDENTIALS);
	assert_credentials(&s, TARO, TOKEN);

	assert_int_equal(start_line(&s, SASL_LOGIN, SPAN(LOGIN_TARO)), SASL_CHALLENGE);
	assert_string_equal(s.challenge, "UGFzc3dvcmQ6");
	/* an empty password is one: for a handset that gives its token as the name */
	assert_int_equal(answer(&s, ""), SASL_CREDENTIALS);
	assert_credentials(&s, TARO, "");

	assert_int_equal(start_line(&s, SASL_LOGIN, SPAN("=")), SASL_FAILED);
	assert_int_equal(s.error, E_SYNTAX);
}

static void takes_messages(void **state)
{
	static const struct {
		enum sasl_mechanism mechanism;
		const char *message;
		size_t len;
		const char *login, *token;
	} cases[] = {
		{SASL_PLAIN, SPAN("taro\0taro\0tok"), "taro", "tok"},
		{SASL_PLAIN, SPAN("\0\xe9\xb3\xa9@b\0\xff\x01"), "\xe9\xb3\xa9@b", "\xff\x01"},
		/* a token longer than ours is none */
		{SASL_PLAIN,
		 SPAN("\0t\0"
		      "12345678901234567890123456789012345678901234567890123456789012345"),
		 "t", ""},
		{SASL_PLAIN,
		 SPAN("\0t\0"
		      "1234567890123456789012345678901234567890123456789012345678901234"),
		 "t", "1234567890123456789012345678901234567890123456789012345678901234"},
		{SASL_OAUTHBEARER, SPAN("n,,\1auth=Bearer t\1\1"), "", "t"},
		{SASL_OAUTHBEARER, SPAN("y,a=b,\1auth=bearer  -._~+/9==\1\1"), "b", "-._~+/9=="},
		{SASL_OAUTHBEARER, SPAN("n,a=a=2Cb=3Dc=2c,\1auth=BEARER t\1\1"), "a,b=c,", "t"},
		{SASL_OAUTHBEARER,
		 SPAN("n,a=b,\1host=h\1port=995\1x=\1Auth=Bearer t\1mthd=POST=\1\1"), "b", "t"},
		{SASL_OAUTHBEARER, SPAN("n,a=b,\1auth=Bearer t\1user=c\1\1"), "b", "t"},
		{SASL_XOAUTH2, SPAN("auth=Bearer t\1user=a=b\1\1"), "a=b", "t"},
		{SASL_XOAUTH2, SPAN("user=a\1x=y\1auth=Bearer t\1\1"), "a", "t"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sasl_server s;

		if (start_message(&s, cases[i].mechanism, cases[i].message, cases[i].len) !=
		    SASL_CREDENTIALS)
			fail_msg("case %zu: %s", i, err_text(s.error));
		assert_credentials(&s, cases[i].login, cases[i].token);
	}
}

static void refuses_messages(void **state)
{
	static const struct {
		enum sasl_mechanism mechanism;
		const char *message;
		size_t len;
		int err;
	} cases[] = {
		{SASL_PLAIN, SPAN(""), E_SYNTAX},
		{SASL_PLAIN, SPAN("taro"), E_SYNTAX},
		{SASL_PLAIN, SPAN("\0taro"), E_SYNTAX},
		{SASL_PLAIN, SPAN("\0taro\0"), E_SYNTAX},
		{SASL_PLAIN, SPAN("\0\0tok"), E_SYNTAX},
		{SASL_PLAIN, SPAN("\0\0"), E_SYNTAX},
		{SASL_PLAIN, SPAN("\0taro\0tok\0"), E_SYNTAX},
		{SASL_PLAIN, SPAN("\0taro\0to\0k"), E_SYNTAX},
		{SASL_PLAIN, SPAN("\0ta\nro\0tok"), E_SYNTAX},
		{SASL_PLAIN, SPAN("\0ta\xffro\0tok"), E_SYNTAX},
		/* on behalf of somebody else */
		{SASL_PLAIN, SPAN("hanako\0taro\0tok"), E_AUTH},
		{SASL_PLAIN, SPAN("Taro\0taro\0tok"), E_AUTH},
		{SASL_PLAIN, SPAN("tar\0taro\0tok"), E_AUTH},
		{SASL_PLAIN, SPAN("taro2\0taro\0tok"), E_AUTH},
		/* what old curl sent under this name */
		{SASL_OAUTHBEARER, SPAN("user=" TARO "\1auth=Bearer t\1\1"), E_SYNTAX},
		{SASL_OAUTHBEARER, SPAN(""), E_SYNTAX},
		{SASL_OAUTHBEARER, SPAN("\1"), E_SYNTAX},
		{SASL_OAUTHBEARER, SPAN("p=tls-unique,,\1auth=Bearer t\1\1"), E_SYNTAX},
		{SASL_OAUTHBEARER, SPAN("n\1auth=Bearer t\1\1"), E_SYNTAX},
		{SASL_OAUTHBEARER, SPAN("n,\1auth=Bearer t\1\1"), E_SYNTAX},
		{SASL_OAUTHBEARER, SPAN("n,,auth=Bearer t\1\1"), E_SYNTAX},
		{SASL_OAUTHBEARER, SPAN("n,b,\1auth=Bearer t\1\1"), E_SYNTAX},
		{SASL_OAUTHBEARER, SPAN("n,a=,\1auth=Bearer t\1\1"), E_SYNTAX},
		{SASL_OAUTHBEARER, SPAN("n,a=b=,\1auth=Bearer t\1\1"), E_SYNTAX},
		{SASL_OAUTHBEARER, SPAN("n,a=b=2,\1auth=Bearer t\1\1"), E_SYNTAX},
		{SASL_OAUTHBEARER, SPAN("n,a=b=00,\1auth=Bearer t\1\1"), E_SYNTAX},
		{SASL_OAUTHBEARER, SPAN("n,a=b\0c,\1auth=Bearer t\1\1"), E_SYNTAX},
		/* pairs: not ended, something behind, without a name, a token twice, none */
		{SASL_OAUTHBEARER, SPAN("n,,\1auth=Bearer t\1"), E_SYNTAX},
		{SASL_OAUTHBEARER, SPAN("n,,\1auth=Bearer t"), E_SYNTAX},
		{SASL_OAUTHBEARER, SPAN("n,,\1auth=Bearer t\1\1\1"), E_SYNTAX},
		{SASL_OAUTHBEARER, SPAN("n,,\1auth=Bearer t\1=x\1\1"), E_SYNTAX},
		{SASL_OAUTHBEARER, SPAN("n,,\1auth=Bearer t\1x\1\1"), E_SYNTAX},
		{SASL_OAUTHBEARER, SPAN("n,,\1x=a\0b\1auth=Bearer t\1\1"), E_SYNTAX},
		{SASL_OAUTHBEARER, SPAN("n,,\1auth=Bearer t\1auth=Bearer u\1\1"), E_SYNTAX},
		{SASL_OAUTHBEARER, SPAN("n,,\1host=h\1\1"), E_SYNTAX},
		{SASL_OAUTHBEARER, SPAN("n,,\1\1"), E_SYNTAX},
		{SASL_OAUTHBEARER, SPAN("n,,\1auth=Basic t\1\1"), E_SYNTAX},
		{SASL_OAUTHBEARER, SPAN("n,,\1auth=Bearer\1\1"), E_SYNTAX},
		{SASL_OAUTHBEARER, SPAN("n,,\1auth=Bearer \1\1"), E_SYNTAX},
		{SASL_OAUTHBEARER, SPAN("n,,\1auth=Bearer =\1\1"), E_SYNTAX},
		{SASL_OAUTHBEARER, SPAN("n,,\1auth=Bearer a b\1\1"), E_SYNTAX},
		{SASL_OAUTHBEARER, SPAN("n,,\1auth=Bearer a=b\1\1"), E_SYNTAX},
		{SASL_OAUTHBEARER, SPAN("n,,\1auth=Bearer a\0\1\1"), E_SYNTAX},
		{SASL_XOAUTH2, SPAN("n,a=b,\1auth=Bearer t\1\1"), E_SYNTAX},
		{SASL_XOAUTH2, SPAN("auth=Bearer t\1\1"), E_SYNTAX},
		{SASL_XOAUTH2, SPAN("user=\1auth=Bearer t\1\1"), E_SYNTAX},
		{SASL_XOAUTH2, SPAN("user=a\1user=b\1auth=Bearer t\1\1"), E_SYNTAX},
		{SASL_XOAUTH2, SPAN("user=a\1\1"), E_SYNTAX},
		{SASL_XOAUTH2, SPAN("user=a\1auth=Bearer t\1"), E_SYNTAX},
		{SASL_XOAUTH2, SPAN("\1\1"), E_SYNTAX},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct sasl_server s;

		if (start_message(&s, cases[i].mechanism, cases[i].message, cases[i].len) !=
			    SASL_FAILED ||
		    s.error != cases[i].err)
			fail_msg("case %zu: %s", i, err_text(s.error));
		assert_credentials(&s, "", "");
	}
}

static void refuses_bad_base64(void **state)
{
	static const char *const lines[] = {
		"*", "AHRhcm8AdG9r!", "AHRhcm8AdG9", "AHRhcm8A dG9r", "AHRhcm8AdG9r\r",
	};
	struct sasl_server s;

	(void)state;
	for (size_t i = 0; i < COUNT(lines); i++) {
		assert_int_equal(start_line(&s, SASL_PLAIN, lines[i], strlen(lines[i])),
				 SASL_FAILED);
		assert_int_equal(s.error, E_SYNTAX);
	}
	assert_int_equal(start_line(&s, SASL_PLAIN, SPAN("AHRh\0m8AdG9r")), SASL_FAILED);
	assert_int_equal(s.error, E_SYNTAX);
	assert_int_equal(start_line(&s, SASL_PLAIN, "", 0), SASL_FAILED);
	assert_int_equal(start_line(&s, SASL_PLAIN, SPAN("=")), SASL_FAILED);
}

/* The longest line and the longest login are taken, one octet more is not. */
static void limits(void **state)
{
	char *message = malloc(SASL_LINE_MAX), login[SASL_LOGIN_MAX + 1];
	size_t len = SASL_LINE_MAX / 4 * 3;
	struct sasl_server s;

	(void)state;
	assert_non_null(message);
	memset(message, 'x', SASL_LINE_MAX);
	memcpy(message, "\0taro\0", 6);
	assert_int_equal(start_message(&s, SASL_PLAIN, message, len), SASL_CREDENTIALS);
	assert_credentials(&s, "taro", "");
	assert_int_equal(start_message(&s, SASL_PLAIN, message, len + 1), SASL_FAILED);
	assert_int_equal(s.error, E_TOO_LARGE);

	memset(login, 'x', sizeof login);
	login[SASL_LOGIN_MAX] = '\0';
	memset(message, 'x', SASL_LINE_MAX);
	message[0] = message[SASL_LOGIN_MAX + 1] = '\0';
	assert_int_equal(start_message(&s, SASL_PLAIN, message, SASL_LOGIN_MAX + 3),
			 SASL_CREDENTIALS);
	assert_credentials(&s, login, "x");
	message[SASL_LOGIN_MAX + 1] = 'x';
	message[SASL_LOGIN_MAX + 2] = '\0';
	assert_int_equal(start_message(&s, SASL_PLAIN, message, SASL_LOGIN_MAX + 4), SASL_FAILED);
	assert_int_equal(s.error, E_TOO_LARGE);

	memcpy(message, "n,a=", 4);
	memset(message + 4, 'x', SASL_LOGIN_MAX + 1);
	memcpy(message + 4 + SASL_LOGIN_MAX, ",\1auth=Bearer t\1\1", 17);
	assert_int_equal(start_message(&s, SASL_OAUTHBEARER, message, SASL_LOGIN_MAX + 21),
			 SASL_CREDENTIALS);
	assert_credentials(&s, login, "t");
	message[4 + SASL_LOGIN_MAX] = 'x';
	memcpy(message + 5 + SASL_LOGIN_MAX, ",\1auth=Bearer t\1\1", 17);
	assert_int_equal(start_message(&s, SASL_OAUTHBEARER, message, SASL_LOGIN_MAX + 22),
			 SASL_FAILED);
	assert_int_equal(s.error, E_TOO_LARGE);
	free(message);
}

static void cancels(void **state)
{
	struct sasl_server s;

	(void)state;
	for (int m = 0; m < SASL_MECHANISMS; m++) {
		assert_int_equal(sasl_server_start(&s, (enum sasl_mechanism)m, NULL, 0),
				 SASL_CHALLENGE);
		assert_int_equal(answer(&s, "*"), SASL_CANCELLED);
	}
	assert_int_equal(start_line(&s, SASL_LOGIN, SPAN(LOGIN_TARO)), SASL_CHALLENGE);
	assert_int_equal(answer(&s, "*"), SASL_CANCELLED);
	assert_credentials(&s, "", "");
}

/* RFC 7628 3.2.3: why, then any answer at all, then the failure. The others fail at once. */
static void rejects(void **state)
{
	static const struct {
		enum sasl_mechanism mechanism;
		const char *message, *json;
	} cases[] = {
		{SASL_OAUTHBEARER, OAUTHBEARER_TARO,
		 "{\"status\":\"invalid_token\",\"scope\":\"mail\"}"},
		{SASL_XOAUTH2, XOAUTH2_TARO,
		 "{\"status\":\"401\",\"schemes\":\"bearer\",\"scope\":\"mail\"}"},
	};
	static const char *const answers[] = {"AQ==", "", "*", "anything!", "QUIT"};
	struct sasl_server s;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		for (size_t a = 0; a < COUNT(answers); a++) {
			char json[128] = "";
			size_t len;

			assert_int_equal(start_line(&s, cases[i].mechanism, cases[i].message,
						    strlen(cases[i].message)),
					 SASL_CREDENTIALS);
			assert_int_equal(sasl_server_reject(&s), SASL_CHALLENGE);
			assert_credentials(&s, "", "");
			assert_int_equal(base64_decode(BASE64_STD, s.challenge, strlen(s.challenge),
						       json, sizeof json - 1, &len),
					 0);
			assert_string_equal(json, cases[i].json);
			assert_int_equal(answer(&s, answers[a]), SASL_FAILED);
			assert_int_equal(s.error, E_AUTH);
		}
	}
	assert_int_equal(start_line(&s, SASL_PLAIN, SPAN(PLAIN_TARO)), SASL_CREDENTIALS);
	assert_int_equal(sasl_server_reject(&s), SASL_FAILED);
	assert_int_equal(s.error, E_AUTH);
	assert_int_equal(start_line(&s, SASL_LOGIN, SPAN(LOGIN_TARO)), SASL_CHALLENGE);
	assert_int_equal(answer(&s, LOGIN_TOKEN), SASL_CREDENTIALS);
	assert_int_equal(sasl_server_reject(&s), SASL_FAILED);
	assert_int_equal(s.error, E_AUTH);
	assert_credentials(&s, "", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_mechanisms), cmocka_unit_test(takes_worked_messages),
		cmocka_unit_test(login_asks_twice), cmocka_unit_test(takes_messages),
		cmocka_unit_test(refuses_messages), cmocka_unit_test(refuses_bad_base64),
		cmocka_unit_test(limits),           cmocka_unit_test(cancels),
		cmocka_unit_test(rejects),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
