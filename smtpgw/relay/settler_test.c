/* The store is the test itself: it sees each transaction whole, and may refuse it. */
#include "smtpgw/relay/settler.h"

#include "lib/log.h"
#include "smtpgw/counters.h"
#include "smtpgw/relay/job_test.h"

#define HOUR_US (3600 * CLOCK_S)
#define DAY_US  (24 * HOUR_US)

struct seen {
	struct queue_outcome outcomes[8];
	size_t count, notices, suppressions;
	char notice[65536], suppressed[100], reason[12];
	int64_t suppressed_by, kept_us;
};

struct scene {
	struct local_domains *ours;
	struct loop *loop;
	struct settler *settler;
	struct seen seen; /* of the last transaction */
	size_t transactions, settled;
	int64_t next_us;
	int refuses; /* the next transactions: how many */
	int err;     /* with what */
};

static struct scene *scene; /* the one that queue_settle is asked in */

static void see_notices(struct seen *seen, const struct queue_settlement *what)
{
	seen->notices = what->notice_count;
	for (size_t i = 0; i < what->notice_count; i++) {
		size_t at = strlen(seen->notice);
		assert_true(at + what->notices[i].size < sizeof seen->notice);
		memcpy(seen->notice + at, what->notices[i].octets, what->notices[i].size);
	}
}

static void see_suppressions(struct seen *seen, const struct queue_settlement *what)
{
	seen->suppressions = what->suppression_count;
	for (size_t i = 0; i < what->suppression_count; i++) {
		const struct suppression *p = &what->suppressions[i];
		snprintf(seen->suppressed, sizeof seen->suppressed, "%s", p->address);
		snprintf(seen->reason, sizeof seen->reason, "%s", p->reason.enhanced);
		seen->suppressed_by = p->sender;
		seen->kept_us = p->expires_us - p->since_us;
	}
}

/* In place of db/queue_settle.c. */
void queue_settle(struct db_port *port, const struct queue_settlement *what, db_done *done,
		  void *arg)
{
	struct seen *seen = &scene->seen;

	(void)port;
	memset(seen, 0, sizeof *seen);
	assert_int_equal(what->mail, 7);
	assert_true(what->count <= 8);
	seen->count = what->count;
	memcpy(seen->outcomes, what->outcomes, what->count * sizeof *what->outcomes);
	see_notices(seen, what);
	see_suppressions(seen, what);
	scene->transactions++;
	done(arg, scene->refuses-- > 0 ? scene->err : 0);
}

static void on_settled(void *arg, int64_t next_us)
{
	struct scene *s = arg;

	s->settled++;
	s->next_us = next_us;
	loop_stop(s->loop);
}

static int scene_open(void **state)
{
	struct scene *s = calloc(1, sizeof *s);

	assert_non_null(s);
	s->ours = domains_make();
	assert_int_equal(loop_new(&s->loop), 0);
	const struct settler_options options = {
		.loop = s->loop,
		.rules = {.schedule = {.give_up_us = 2 * DAY_US,
				       .warn_us = 4 * HOUR_US,
				       .retry = {.us = {HOUR_US}, .count = 1}},
			  .notices = {.hostname = "mx.ours.test",
				      .ours = s->ours,
				      .give_up_us = 2 * DAY_US,
				      .header_max = 4096,
				      .full_max = 4096},
			  .suppress_us = 30 * DAY_US,
			  .holds_bounces = true},
		.settled = on_settled,
		.arg = s};
	assert_int_equal(settler_new(&options, &s->settler), 0);
	scene = *state = s;
	return 0;
}

static int scene_close(void **state)
{
	struct scene *s = *state;

	settler_free(s->settler);
	loop_free(s->loop);
	local_domains_free(s->ours);
	free(s);
	return 0;
}

/* One recipient, who heard this. */
static const struct queue_outcome *settle(struct scene *s, const struct job_of *of,
					  enum relay_stage stage, int code, const char *enhanced)
{
	struct job_of one = *of;

	one.count = 1;
	struct job *j = job_make(&one);
	job_hears(j, 0, stage, code, enhanced);
	settler_settle(s->settler, j, 0);
	assert_int_equal(s->seen.count, 1);
	return &s->seen.outcomes[0];
}

static bool is_told(const struct scene *s, const char *action)
{
	char field[40];

	snprintf(field, sizeof field, "\r\nAction: %s\r\n", action);
	return s->seen.notices == 1 && strstr(s->seen.notice, field);
}

static const struct job_of fresh = {.from = "a@ours.test", .sender = 5, .waited_us = CLOCK_S};
static const struct job_of late = {
	.from = "a@ours.test", .sender = 5, .waited_us = 5 * HOUR_US, .attempts = 5};

static void each_as_it_was_told(void **state)
{
	struct scene *s = *state;
	struct job_of of = fresh;

	of.count = 3;
	struct job *j = job_make(&of);
	job_hears(j, 0, RELAY_STAGE_CONTENT, 250, "2.0.0");
	job_hears(j, 1, RELAY_STAGE_RCPT, 450, "4.2.0");
	job_hears(j, 2, RELAY_STAGE_RCPT, 550, "5.1.1");
	int64_t now_us = clock_now_us();
	settler_settle(s->settler, j, 0);
	assert_int_equal(s->transactions, 1);
	assert_int_equal(s->seen.count, 3);
	const struct queue_outcome *o = s->seen.outcomes;
	assert_int_equal(o[0].fate, QUEUE_DELIVERED);
	assert_int_equal(o[1].fate, QUEUE_DEFERRED);
	assert_in_range(o[1].next_us - now_us, HOUR_US * 8 / 10, HOUR_US + CLOCK_S);
	assert_int_equal(o[1].reply.code, 450);
	assert_int_equal(o[2].fate, QUEUE_FAILED);
	assert_int_equal(o[2].recipient, 3);
	/* Of r3 alone, in the same transaction. */
	assert_true(is_told(s, "failed"));
	assert_non_null(strstr(s->seen.notice, "rfc822; r3@there.test"));
	assert_null(strstr(s->seen.notice, "r1@there.test"));
	assert_int_equal(s->seen.suppressions, 1);
	assert_string_equal(s->seen.suppressed, "r3@there.test");
	assert_string_equal(s->seen.reason, "5.1.1");
	assert_int_equal(s->seen.suppressed_by, 5);
	assert_int_equal(s->seen.kept_us, 30 * DAY_US);
	assert_int_equal(s->settled, 1);
	assert_int_equal(s->next_us, o[1].next_us);
	assert_int_equal(settler_left(s->settler), 0);
}

static void only_a_dead_address_is_suppressed(void **state)
{
	struct scene *s = *state;

	settle(s, &fresh, RELAY_STAGE_RCPT, 550, "5.7.1");
	assert_true(is_told(s, "failed"));
	assert_int_equal(s->seen.suppressions, 0);
	settle(s, &fresh, RELAY_STAGE_CONTENT, 550, "5.1.1"); /* of the mail, not of him */
	assert_int_equal(s->seen.suppressions, 0);
	struct job_of ours = fresh;
	ours.sender = 0;
	settle(s, &ours, RELAY_STAGE_RCPT, 550, "5.1.1");
	assert_int_equal(s->seen.suppressions, 0);
}

static void a_delay_is_told_of_once(void **state)
{
	struct scene *s = *state;
	struct job_of again = late;

	assert_false(settle(s, &fresh, RELAY_STAGE_RCPT, 450, "4.2.0")->is_warned);
	assert_int_equal(s->seen.notices, 0);
	assert_true(settle(s, &late, RELAY_STAGE_RCPT, 450, "4.2.0")->is_warned);
	assert_true(is_told(s, "delayed"));
	again.is_warned = true;
	assert_true(settle(s, &again, RELAY_STAGE_RCPT, 450, "4.2.0")->is_warned);
	assert_int_equal(s->seen.notices, 0);
}

static void what_is_over_has_failed(void **state)
{
	struct scene *s = *state;
	struct job_of old = late;

	old.waited_us = 3 * DAY_US;
	assert_int_equal(settle(s, &old, RELAY_STAGE_CONNECT, 0, "4.4.1")->fate, QUEUE_FAILED);
	assert_true(is_told(s, "failed"));
	assert_non_null(strstr(s->seen.notice, "\r\nStatus: 4.4.7\r\n"));
	assert_int_equal(s->seen.suppressions, 0);
	assert_int_equal(s->next_us, INT64_MAX);
}

/* SUCCESS: by whom there is nobody else to tell it. */
static void success(void **state)
{
	struct scene *s = *state;
	struct job_of of = fresh;

	settle(s, &of, RELAY_STAGE_CONTENT, 250, "2.0.0");
	assert_int_equal(s->seen.notices, 0);
	of.notify = SMTP_NOTIFY_SUCCESS;
	assert_int_equal(settle(s, &of, RELAY_STAGE_CONTENT, 250, "2.0.0")->fate, QUEUE_DELIVERED);
	assert_true(is_told(s, "relayed"));
	of.passes_dsn = true;
	settle(s, &of, RELAY_STAGE_CONTENT, 250, "2.0.0");
	assert_int_equal(s->seen.notices, 0);
	of.is_local = true;
	settle(s, &of, RELAY_STAGE_CONTENT, 250, "2.0.0");
	assert_true(is_told(s, "delivered"));
}

/* It has nobody to tell: the operator has it, or the log alone. */
static void a_bounce_that_fails(void **state)
{
	struct scene *s = *state;
	const struct job_of bounce = {.from = "", .sender = 0, .waited_us = CLOCK_S};
	int64_t before = counter_read(COUNT_RELAY_DOUBLE_BOUNCES);

	const struct queue_outcome *o = settle(s, &bounce, RELAY_STAGE_RCPT, 550, "5.1.1");
	assert_int_equal(o->fate, QUEUE_DEFERRED);
	assert_int_equal(o->next_us, INT64_MAX);
	assert_int_equal(s->seen.notices + s->seen.suppressions, 0);
	assert_int_equal(s->next_us, INT64_MAX);
	assert_int_equal(counter_read(COUNT_RELAY_DOUBLE_BOUNCES) - before, 1);
	struct job_of receipt = bounce; /* <>, but a subscriber's: a read receipt */
	receipt.sender = 5;
	assert_int_equal(settle(s, &receipt, RELAY_STAGE_RCPT, 550, "5.1.1")->fate, QUEUE_FAILED);
	assert_int_equal(s->seen.notices, 0);
	assert_int_equal(s->seen.suppressions, 1);
}

static void not_before(void **state)
{
	struct scene *s = *state;
	struct job_of of = fresh;
	int64_t at_us = clock_now_us() + DAY_US;

	of.count = 1;
	struct job *j = job_make(&of);
	job_hears(j, 0, RELAY_STAGE_CONNECT, 0, "4.4.1");
	settler_settle(s->settler, j, at_us);
	assert_int_equal(s->seen.outcomes[0].next_us, at_us);
	assert_int_equal(s->next_us, at_us);
}

/* It is brought again, whole, and counted once. */
static void a_store_that_refuses(void **state)
{
	struct scene *s = *state;
	int64_t failed = counter_read(COUNT_RELAY_FAILED);
	int64_t notices = counter_read(COUNT_RELAY_NOTICES);

	s->refuses = 1;
	s->err = E_FULL;
	settle(s, &fresh, RELAY_STAGE_RCPT, 550, "5.1.1");
	assert_int_equal(s->settled, 0);
	assert_int_equal(settler_left(s->settler), 1);
	char first[sizeof s->seen.notice];
	memcpy(first, strstr(s->seen.notice, "\r\nMessage-ID: "), 60);
	loop_run(s->loop);
	assert_int_equal(s->transactions, 2);
	assert_int_equal(s->settled, 1);
	assert_int_equal(s->seen.outcomes[0].fate, QUEUE_FAILED);
	assert_true(is_told(s, "failed"));
	assert_memory_equal(first, strstr(s->seen.notice, "\r\nMessage-ID: "), 60);
	assert_int_equal(s->seen.suppressions, 1);
	assert_int_equal(counter_read(COUNT_RELAY_FAILED) - failed, 1);
	assert_int_equal(counter_read(COUNT_RELAY_NOTICES) - notices, 1);
	assert_int_equal(settler_left(s->settler), 0);
}

/* An operator dropped it meanwhile: there is nothing to bring again. */
static void nothing_left_to_settle(void **state)
{
	struct scene *s = *state;

	s->refuses = 1;
	s->err = E_NOT_FOUND;
	settle(s, &fresh, RELAY_STAGE_RCPT, 550, "5.1.1");
	assert_int_equal(s->settled, 1);
	assert_int_equal(settler_left(s->settler), 0);
}

/* What was refused when the process ends is freed. */
static void an_end_with_something_left(void **state)
{
	struct scene *s = *state;

	s->refuses = 2;
	s->err = E_BUSY;
	settle(s, &fresh, RELAY_STAGE_RCPT, 550, "5.1.1");
	settle(s, &late, RELAY_STAGE_RCPT, 450, "4.2.0");
	assert_int_equal(settler_left(s->settler), 2);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, scene_open, scene_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_as_it_was_told),
		TEST(only_a_dead_address_is_suppressed),
		TEST(a_delay_is_told_of_once),
		TEST(what_is_over_has_failed),
		TEST(success),
		TEST(a_bounce_that_fails),
		TEST(not_before),
		TEST(a_store_that_refuses),
		TEST(nothing_left_to_settle),
		TEST(an_end_with_something_left),
	};

	log_level_set("error");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
