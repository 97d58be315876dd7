#include "lib/wire/smtp/dsn_words.h"

#include <iconv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "lib/wire/base64.h"

static void assert_same(const struct dsn_sentence *s)
{
	char jis[1024], utf8[1024] = "";
	char *from = jis, *to = utf8;
	size_t left = strlen(s->jis), room = sizeof utf8 - 1;
	iconv_t cd = iconv_open("UTF-8", "ISO-2022-JP");

	assert_true(cd != (iconv_t)-1); /* NOLINT(performance-no-int-to-ptr) */
	memcpy(jis, s->jis, left);
	assert_int_not_equal((int)iconv(cd, &from, &left, &to, &room), -1);
	iconv_close(cd);
	*to = '\0';
	assert_string_equal(utf8, s->utf8);
}

/* Each line begins and ends in ASCII, and no octet has its eighth bit. */
static void assert_orderly(const char *jis)
{
	bool is_ascii = true;

	for (; *jis; jis++) {
		assert_true((unsigned char)*jis < 0x80);
		if (*jis == '\033')
			is_ascii = jis[1] == '(';
		if (*jis == '\n')
			assert_true(is_ascii);
	}
	assert_true(is_ascii);
}

static void test_japanese_is_the_same_twice(void **state)
{
	(void)state;
	for (size_t i = 0; i < DSN_WORDS; i++) {
		assert_same(&dsn_words[i]);
		assert_orderly(dsn_words[i].jis);
		for (const char *at = dsn_words[i].english; *at; at++)
			assert_true(*at == '\n' || (*at >= ' ' && *at <= '~'));
	}
}

/* RFC 2047 2: an encoded word has at most 75 characters. */
static void test_a_subject_fits_an_encoded_word(void **state)
{
	(void)state;
	for (enum dsn_action a = 0; a < DSN_ACTIONS; a++)
		assert_true(BASE64_TEXT_MAX(strlen(dsn_words[dsn_subject(a)].jis)) - 1 +
				    strlen("=?ISO-2022-JP?B?"
					   "?=") <=
			    75);
}

static void test_reasons(void **state)
{
	static const struct {
		const char *status;
		enum dsn_word reason;
	} rows[] = {
		{"5.1.1", DSN_WORD_REASON_NO_MAILBOX}, {"5.1.10", DSN_WORD_REASON_NULL_MX},
		{"5.1.2", DSN_WORD_REASON_NO_DOMAIN},  {"5.2.1", DSN_WORD_REASON_DISABLED},
		{"4.2.2", DSN_WORD_REASON_FULL},       {"5.7.26", DSN_WORD_REASON_REFUSED},
		{"5.6.7", DSN_WORD_REASON_UTF8},       {"5.6.0", DSN_WORD_REASON_CONTENT},
		{"5.0.0", DSN_WORD_REASON_OTHER},      {"5.1.15", DSN_WORD_REASON_OTHER},
		{"", DSN_WORD_REASON_OTHER},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		assert_int_equal(dsn_reason(rows[i].status), rows[i].reason);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_japanese_is_the_same_twice),
		cmocka_unit_test(test_a_subject_fits_an_encoded_word),
		cmocka_unit_test(test_reasons),
	};

	return cmocka_run_group_tests_name("dsn_words", tests, NULL, NULL);
}
