/* What comes back is what was sealed, and nothing else comes back. */
#include "smtpgw/return_seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "lib/err.h"
#include "lib/wire/smtp/command.h"
#include "lib/wire/smtp/xtext.h"

static const struct sealed_mail plain = {
	.received_s = 1700000000, .sender = 281474976710655, .mail = 42};
static const char *const ten[] = {"a@b.example", "b@b.example", "c@b.example", "d@b.example",
				  "e@b.example", "f@b.example", "g@b.example", "h@b.example",
				  "i@b.example", "j@b.example", "k@b.example"};

static struct return_seal *seal_of(uint8_t octet)
{
	uint8_t key[SECRET_KEY_BYTES];
	struct return_seal *s;

	memset(key, octet, sizeof key);
	assert_int_equal(return_seal_new(key, &s), 0);
	return s;
}

static void test_what_was_sealed_opens(void **state)
{
	struct return_seal *s = seal_of(1);
	char text[RETURN_SEAL_MAX + 1], again[RETURN_SEAL_MAX + 1], coded[3 * RETURN_SEAL_MAX + 1];
	struct sealed_mail m;

	(void)state;
	for (size_t n = 1; n <= RETURN_SEAL_RECIPIENTS; n++) {
		assert_int_equal(return_seal_write(s, &plain, ten, n, text), 0);
		assert_int_equal(return_seal_write(s, &plain, ten, n, again), 0);
		assert_string_equal(text, again); /* at each attempt the same */
		assert_int_equal(xtext_encode(text, coded, sizeof coded), 0);
		assert_string_equal(text, coded);
		assert_true(strlen(text) <= SMTP_ENVID_MAX);
		assert_int_equal(return_seal_read(s, text, &m), 0);
		assert_true(m.received_s == plain.received_s && m.sender == plain.sender &&
			    m.mail == plain.mail && m.count == n);
		for (size_t i = 0; i <= RETURN_SEAL_RECIPIENTS; i++)
			assert_int_equal(sealed_mail_has(&m, ten[i]), i < n);
	}
	return_seal_free(s);
}

static void test_what_does_not_fit_is_not_sealed(void **state)
{
	struct return_seal *s = seal_of(1);
	char text[RETURN_SEAL_MAX + 1];
	struct sealed_mail m = plain;

	(void)state;
	assert_int_equal(return_seal_write(s, &m, ten, 0, text), E_RANGE);
	assert_int_equal(return_seal_write(s, &m, ten, RETURN_SEAL_RECIPIENTS + 1, text), E_RANGE);
	m.sender++;
	assert_int_equal(return_seal_write(s, &m, ten, 1, text), E_RANGE);
	m = plain;
	m.mail = -1;
	assert_int_equal(return_seal_write(s, &m, ten, 1, text), E_RANGE);
	m = plain;
	m.received_s = INT64_C(1) << 32;
	assert_int_equal(return_seal_write(s, &m, ten, 1, text), E_RANGE);
	return_seal_free(s);
}

static void test_each_character_counts(void **state)
{
	struct return_seal *s = seal_of(1), *other = seal_of(2);
	char text[RETURN_SEAL_MAX + 1];
	struct sealed_mail m;

	(void)state;
	assert_int_equal(return_seal_write(s, &plain, ten, 2, text), 0);
	assert_int_equal(return_seal_read(other, text, &m), E_AUTH);
	for (size_t i = 0; text[i]; i++) {
		char was = text[i];
		text[i] = was == 'A' ? 'B' : 'A';
		assert_int_not_equal(return_seal_read(s, text, &m), 0);
		text[i] = was;
	}
	assert_int_equal(return_seal_read(s, text, &m), 0);
	text[strlen(text) - 1] = '\0';
	assert_int_not_equal(return_seal_read(s, text, &m), 0);
	return_seal_free(s);
	return_seal_free(other);
}

static void test_nonsense(void **state)
{
	static const char *const nonsense[] = {"", "h", "h1", "h1.", "h1.A", "h1.AAAA", "h2.AAAA",
					       "h1.====", "QQ314159",
					       /* as long as a seal of nobody would be */
					       "h1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
	struct return_seal *s = seal_of(1);
	struct sealed_mail m;
	char text[1000];

	(void)state;
	for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++)
		assert_int_equal(return_seal_read(s, nonsense[i], &m), E_SYNTAX);
	memset(text, 'A', sizeof text - 1);
	memcpy(text, "h1.", 3);
	text[sizeof text - 1] = '\0';
	assert_int_equal(return_seal_read(s, text, &m), E_SYNTAX);
	return_seal_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_sealed_opens),
		cmocka_unit_test(test_what_does_not_fit_is_not_sealed),
		cmocka_unit_test(test_each_character_counts),
		cmocka_unit_test(test_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
