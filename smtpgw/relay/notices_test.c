#include "smtpgw/relay/notices.h"

#include "lib/log.h"
#include "smtpgw/relay/job_test.h"

#define NOW_US (JOB_RECEIVED + 60 * CLOCK_S)

struct scene {
	struct notices_settings with;
	struct local_domains *ours;
	struct job *job;
	struct notice_about about[JOB_MOST];
	struct notices out;
};

static int scene_open(void **state)
{
	struct scene *s = calloc(1, sizeof *s);

	assert_non_null(s);
	s->ours = domains_make();
	s->with = (struct notices_settings){.hostname = "mx.ours.test",
					    .ours = s->ours,
					    .give_up_us = 86400 * CLOCK_S,
					    .header_max = 4096,
					    .full_max = 4096};
	*state = s;
	return 0;
}

static int scene_close(void **state)
{
	struct scene *s = *state;

	notices_free(&s->out);
	if (s->job)
		job_free(s->job);
	local_domains_free(s->ours);
	free(s);
	return 0;
}

static void begin(struct scene *s, const struct job_of *of)
{
	if (s->job)
		job_free(s->job);
	s->job = job_make(of);
	for (size_t i = 0; i < of->count; i++)
		job_hears(s->job, i, RELAY_STAGE_RCPT, 550, "5.1.1");
}

static void about(struct scene *s, size_t from, size_t to, enum relay_notice notice)
{
	for (size_t i = from; i < to; i++)
		s->about[i] = (struct notice_about){.notice = notice};
}

static void make(struct scene *s)
{
	notices_free(&s->out);
	assert_int_equal(notices_make(&s->with, s->job, s->about, NOW_US, &s->out), 0);
}

static size_t says(const struct scene *s, size_t mail, const char *what)
{
	const struct queue_new *m = &s->out.mails[mail];

	return count_of(m->octets, m->size, what);
}

/* Who sends it, to whom it goes, and that nobody hears of it. */
static void the_envelope(void **state)
{
	struct scene *s = *state;

	begin(s, &(struct job_of){.from = "Taro@Ours.Test", .sender = 5, .count = 1});
	about(s, 0, 1, RELAY_NOTICE_FAILED);
	make(s);
	assert_int_equal(s->out.count, 1);
	const struct queue_new *m = &s->out.mails[0];
	assert_null(m->via);
	assert_string_equal(m->reverse_path, "");
	assert_int_equal(m->received_us, NOW_US);
	assert_int_equal(m->recipient_count, 1);
	assert_string_equal(m->recipients[0].address, "Taro@ours.test");
	assert_string_equal(m->recipients[0].lane, "");
	assert_int_equal(m->recipients[0].notify, SMTP_NOTIFY_NEVER);
	begin(s, &(struct job_of){.from = "taro@Elsewhere.test", .count = 1});
	make(s);
	assert_string_equal(s->out.mails[0].recipients[0].lane, "elsewhere.test");
}

/* Each recipient is in one letter, and a letter has NOTICE_RECIPIENTS at most. */
static void many_are_told_of_in_pieces(void **state)
{
	struct scene *s = *state;
	char field[64];

	begin(s, &(struct job_of){.from = "a@ours.test", .count = 65});
	about(s, 0, 65, RELAY_NOTICE_FAILED);
	make(s);
	assert_int_equal(s->out.count, 3);
	for (size_t i = 0; i < 65; i++) {
		snprintf(field, sizeof field, "\r\nFinal-Recipient: rfc822; r%zu@there.test\r\n",
			 i + 1);
		for (size_t m = 0; m < 3; m++)
			assert_int_equal(says(s, m, field), m == i / NOTICE_RECIPIENTS);
	}
}

/* The most letters that there can be: of each kind a whole one and a piece, in turns. */
static void each_action_has_a_letter(void **state)
{
	static const enum relay_notice kinds[] = {RELAY_NOTICE_FAILED, RELAY_NOTICE_DELAYED,
						  RELAY_NOTICE_DELIVERED, RELAY_NOTICE_RELAYED};
	static const char *const actions[] = {"\r\nAction: failed\r\n", "\r\nAction: delayed\r\n",
					      "\r\nAction: delivered\r\n",
					      "\r\nAction: relayed\r\n"};
	struct scene *s = *state;
	size_t seen[4] = {0};

	begin(s, &(struct job_of){.from = "a@ours.test", .count = 94});
	for (size_t i = 0; i < 94; i++)
		about(s, i, i + 1, i < 91 ? RELAY_NOTICE_FAILED : kinds[i - 90]);
	make(s);
	assert_int_equal(s->out.count, 4 + 3);
	for (size_t m = 0; m < s->out.count; m++)
		for (size_t k = 0; k < 4; k++)
			seen[k] += says(s, m, actions[k]);
	assert_int_equal(seen[0], 91);
	for (size_t k = 1; k < 4; k++)
		assert_int_equal(seen[k], 1);
}

static void who_is_not_told_of_is_not_in_it(void **state)
{
	struct scene *s = *state;

	begin(s, &(struct job_of){.from = "a@ours.test", .count = 3});
	about(s, 0, 3, RELAY_NO_NOTICE);
	about(s, 1, 2, RELAY_NOTICE_FAILED);
	make(s);
	assert_int_equal(s->out.count, 1);
	assert_int_equal(says(s, 0, "Final-Recipient:"), 1);
	assert_int_equal(says(s, 0, "rfc822; r2@there.test"), 1);
	about(s, 1, 2, RELAY_NO_NOTICE);
	make(s);
	assert_int_equal(s->out.count, 0);
}

static void message_id(const struct scene *s, size_t mail, char out[200])
{
	static const char name[] = "\r\nMessage-ID: <";
	const struct queue_new *m = &s->out.mails[mail];
	const uint8_t *at = memmem(m->octets, m->size, name, sizeof name - 1);

	assert_non_null(at);
	snprintf(out, 200, "%.*s", (int)strcspn((const char *)at + 2, "\r"), (const char *)at + 2);
}

/* Whoever writes it again writes the same one; of something else, another. */
static void its_name_is_that_of_what_it_tells(void **state)
{
	struct scene *s = *state;
	char first[200], again[200], other[200];

	begin(s, &(struct job_of){.from = "a@ours.test", .count = 2});
	about(s, 0, 1, RELAY_NOTICE_DELAYED);
	about(s, 1, 2, RELAY_NOTICE_FAILED);
	make(s);
	message_id(s, 0, other); /* failed: r2 */
	message_id(s, 1, first);
	assert_string_not_equal(first, other);
	about(s, 1, 2, RELAY_NO_NOTICE); /* he has failed before */
	make(s);
	message_id(s, 0, again);
	assert_string_equal(first, again);
	about(s, 0, 1, RELAY_NOTICE_FAILED);
	make(s);
	message_id(s, 0, other);
	assert_string_not_equal(first, other);
}

static void why_it_was_given_up(void **state)
{
	struct scene *s = *state;

	begin(s, &(struct job_of){.from = "a@ours.test", .count = 1});
	job_hears(s->job, 0, RELAY_STAGE_RCPT, 450, "4.2.0");
	s->about[0] = (struct notice_about){.notice = RELAY_NOTICE_FAILED, .is_expired = true};
	make(s);
	assert_int_equal(says(s, 0, "\r\nStatus: 4.4.7\r\n"), 1);
	assert_int_equal(says(s, 0, "\r\nDiagnostic-Code: smtp; 450 4.2.0 as told\r\n"), 1);
}

/* RET=FULL, and only of a mail that is not too large, and only when it failed (RFC 3461 4.3). */
static void what_goes_back(void **state)
{
	struct scene *s = *state;

	begin(s, &(struct job_of){.from = "a@ours.test", .count = 1, .ret = SMTP_RET_HDRS});
	about(s, 0, 1, RELAY_NOTICE_FAILED);
	make(s);
	assert_int_equal(says(s, 0, "the body"), 0);
	assert_int_equal(says(s, 0, "Message-ID: <1@phone>"), 1);
	begin(s, &(struct job_of){.from = "a@ours.test", .count = 1, .ret = SMTP_RET_FULL});
	make(s);
	assert_int_equal(says(s, 0, "the body"), 1);
	about(s, 0, 1, RELAY_NOTICE_DELAYED);
	make(s);
	assert_int_equal(says(s, 0, "the body"), 0);
	about(s, 0, 1, RELAY_NOTICE_FAILED);
	s->with.full_max = strlen(JOB_CONTENT) - 1;
	make(s);
	assert_int_equal(says(s, 0, "the body"), 0);
}

static void nobody_to_tell(void **state)
{
	struct scene *s = *state;

	begin(s, &(struct job_of){.from = "", .count = 1});
	about(s, 0, 1, RELAY_NOTICE_FAILED);
	assert_false(notices_can_go(&s->with, s->job));
	make(s);
	assert_int_equal(s->out.count, 0);
	begin(s, &(struct job_of){.from = "no address", .count = 1});
	assert_false(notices_can_go(&s->with, s->job));
	begin(s, &(struct job_of){.from = "a@there.test", .count = 1});
	assert_true(notices_can_go(&s->with, s->job));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scene_open, scene_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_envelope),
		TEST(many_are_told_of_in_pieces),
		TEST(each_action_has_a_letter),
		TEST(who_is_not_told_of_is_not_in_it),
		TEST(its_name_is_that_of_what_it_tells),
		TEST(why_it_was_given_up),
		TEST(what_goes_back),
		TEST(nobody_to_tell),
	};

	log_level_set("error");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
