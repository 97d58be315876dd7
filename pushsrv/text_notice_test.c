#include "pushsrv/text_notice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/wire/sms/dcs.h"
#include "lib/wire/sms/text.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const struct text_sentences english = {"You have mail from {sender}", "You have mail"};
static const struct text_sentences japanese = {"{sender} から新着メール({count}通)", "新着メール"};

static char said[1024];

/* What the phone shows; the coding it came in. */
static uint8_t say(const struct text_sentences *s, const char *sender, uint32_t count)
{
	struct text_notice notice;
	size_t len;

	assert_int_equal(text_notice_write(s, sender, count, &notice), 0);
	assert_true(notice.size <=
		    (notice.dcs == SMS_DCS_UCS2 ? SMS_DATA_OCTETS_MAX : SMS_DATA_SEPTETS_MAX));
	assert_int_equal(sms_text_decode(notice.dcs, notice.octets, notice.size, said,
					 sizeof said - 1, &len),
			 0);
	said[len] = '\0';
	return notice.dcs;
}

static void what_is_said(void **state)
{
	static const struct {
		const struct text_sentences *sentences;
		const char *sender;
		uint8_t dcs;
		const char *text;
	} cases[] = {
		{&english, "taro@spmail.example", SMS_DCS_GSM7,
		 "You have mail from taro@spmail.example"},
		{&english, "", SMS_DCS_GSM7, "You have mail"},
		{&english, "j\xc3\xbcrgen@a.example", SMS_DCS_GSM7,
		 "You have mail from j\xc3\xbcrgen@a.example"},
		{&english, "太郎@例え.jp", SMS_DCS_UCS2, "You have mail from 太郎@例え.jp"},
		{&japanese, "taro@a.example", SMS_DCS_UCS2, "taro@a.example から新着メール(3通)"},
		{&japanese, "", SMS_DCS_UCS2, "新着メール"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(say(cases[i].sentences, cases[i].sender, 3), cases[i].dcs);
		assert_string_equal(said, cases[i].text);
	}
}

/* A stranger's address does not write the message. */
static void a_sender_does_no_harm(void **state)
{
	static const struct {
		const char *sender, *shown;
	} cases[] = {
		{"\"Your bank: call 0901\"@a.example", "?Your?bank??call?0901?@a.example"},
		{"a\nb@c.example", "a?b@c.example"},
		{"a\x1b[2Jb@c.example", "a??2Jb@c.example"},
		{"a\x7f\xc2\x85@c.example", "a??"
					    "?@c.example"},
		{"x<y>(z),;:\\`@c.example", "x?y??z??????@c.example"},
		{"\xe2\x80\xae"
		 "moc.live@c.example",
		 "?moc.live@c.example"}, /* U+202E */
		{"a\xe2\x80\x8b"
		 "b@c.example",
		 "a?b@c.example"}, /* U+200B */
		{"a\xe3\x80\x80"
		 "b@c.example",
		 "a?b@c.example"}, /* U+3000 */
		{"a\xf3\xa0\x80\xa0"
		 "b@c.example",
		 "a?b@c.example"},                           /* a tag */
		{"a\xef\xbb\xbf@c.example", "a?@c.example"}, /* U+FEFF */
		{"a\xff\xc3@c.example", "a??@c.example"},    /* no UTF-8 */
		{"{count}@c.example", "{count}@c.example"},  /* not put in twice */
		{"a'b!#$%&*+-/=^_{|}~@c.example", "a'b!#$%&*+-/=^_{|}~@c.example"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		say(&english, cases[i].sender, 1);
		assert_string_equal(said + strlen("You have mail from "), cases[i].shown);
	}
}

static void a_long_sender_is_cut(void **state)
{
	char sender[400];
	size_t prefix = strlen("You have mail from ");

	(void)state;
	memset(sender, 'x', sizeof sender - 1);
	for (size_t len = 1; len < sizeof sender; len++) {
		sender[len] = '\0';
		assert_int_equal(say(&english, sender, 1), SMS_DCS_GSM7);
		if (len <= SMS_DATA_SEPTETS_MAX - prefix)
			assert_string_equal(said + prefix, sender);
		else
			assert_true(strlen(said) == SMS_DATA_SEPTETS_MAX &&
				    !strcmp(said + SMS_DATA_SEPTETS_MAX - 4, "x..."));
		sender[len] = 'x';
	}
	/* characters of three octets are cut between, not inside; and there is room for 70 */
	for (size_t i = 0; i < 80; i++)
		memcpy(sender + 3 * i, "鳩", 3);
	sender[240] = '\0';
	assert_int_equal(say(&english, sender, 1), SMS_DCS_UCS2);
	assert_int_equal(strlen(said), prefix + 3 * (70 - prefix - 3) + 3);
	assert_string_equal(said + strlen(said) - 6, "鳩...");
	/* characters of two units: one unit may be left over */
	for (size_t i = 0; i < 60; i++)
		memcpy(sender + 4 * i, "\xf0\x9f\x95\x8a", 4);
	sender[240] = '\0';
	say(&english, sender, 1);
	assert_int_equal(strlen(said), prefix + 4 * ((70 - prefix - 3) / 2) + 3);
}

static void sentences_are_checked(void **state)
{
	static const struct {
		struct text_sentences sentences;
		int err;
	} cases[] = {
		{{"You have mail from {sender}", "You have mail"}, 0},
		{{"{count}: {sender}", "{count}"}, 0},
		{{"", ""}, 0},
		{{"{sender}", "{sender}"}, E_SYNTAX},
		{{"{from}", "mail"}, E_SYNTAX},
		{{"{", "mail"}, E_SYNTAX},
		{{"}", "mail"}, E_SYNTAX},
		{{"line\nbreak", "mail"}, E_SYNTAX},
		{{"mail", "\xff"}, E_SYNTAX},
		/* 67 and 66 characters, and a sender of four */
		{{"1234567890123456789012345678901234567890123456789012345678901234567{sender}",
		  ""},
		 E_TOO_LARGE},
		{{"123456789012345678901234567890123456789012345678901234567890123456{sender}", ""},
		 0},
		/* 71 of UCS-2 */
		{{"", "鳩1234567890123456789012345678901234567890123456789012345678901234567890"},
		 E_TOO_LARGE},
		{{"", "鳩123456789012345678901234567890123456789012345678901234567890123456789"},
		 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++)
		if (text_notice_check(&cases[i].sentences) != cases[i].err)
			fail_msg("case %zu", i);
}

/* What was checked can be said, whoever writes. */
static void a_checked_sentence_cannot_fail(void **state)
{
	static const char *const tails[] = {"{sender}", "{sender}{count}", "鳩{sender}",
					    "[€]{sender}"};
	char named[128], sender[330];

	(void)state;
	for (size_t t = 0; t < COUNT(tails); t++) {
		for (size_t n = 0; n < 72; n++) {
			const struct text_sentences s = {named, "mail"};
			struct text_notice notice;

			memset(named, 'm', n);
			strcpy(named + n, tails[t]);
			if (text_notice_check(&s))
				continue;
			for (size_t len = 1; len < 320; len += 13) {
				memset(sender, len % 2 ? '~' : 'a', len);
				strcpy(sender + len, len % 3 ? "" : "鳩");
				assert_int_equal(text_notice_write(&s, sender, UINT32_MAX, &notice),
						 0);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_said),
		cmocka_unit_test(a_sender_does_no_harm),
		cmocka_unit_test(a_long_sender_is_cut),
		cmocka_unit_test(sentences_are_checked),
		cmocka_unit_test(a_checked_sentence_cannot_fail),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
