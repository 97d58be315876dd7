#include "handset-sim/heed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MINE    "taro@hato.example"
#define NOW_S   INT64_C(1800000000)
#define SECOND  INT64_C(1000000)
#define FARAWAY INT64_C(9000000000)

static const struct given_token token = {
	.text = "t", .realm = "default", .key = {1, 2, 3}, .key_size = 32, .generation = 4};
static const struct given_token stale = {
	.text = "t", .realm = "default", .key = {1, 2, 3}, .key_size = 32, .generation = 3};
static const struct heed_key with_key = {true, &token};
static const struct heed_key without_key = {true, NULL};
static const struct heed_key unsigned_network = {false, NULL};

/* A trigger of the network's, under `under` (null: unsigned), and what the phone makes of it. */
static enum heed_verdict hear_at(struct heed *h, const char *mailbox, int64_t s,
				 const struct given_token *under, const struct heed_key *key)
{
	static uint8_t tid;
	struct trigger t = {.tid = tid, .application_id = WSP_APPLICATION_EMN, .timestamp_s = s};
	struct trigger out = {0};
	uint8_t push[TRIGGER_MAX];
	size_t n;

	tid++;
	snprintf(t.mailbox, sizeof t.mailbox, "%s", mailbox);
	if (under) {
		t.realm = under->realm;
		t.generation = under->generation;
	}
	assert_int_equal(trigger_encode(&t, under ? under->key : NULL, under ? under->key_size : 0,
					push, &n),
			 0);
	enum heed_verdict v = heed_trigger(h, push, n, MINE, key, &out);
	assert_string_equal(out.mailbox, mailbox);
	assert_int_equal(out.timestamp_s, s);
	return v;
}

static enum heed_verdict hear(struct heed *h, int64_t s, const struct given_token *under)
{
	return hear_at(h, MINE, s, under, &with_key);
}

static void fetch(struct heed *h, int64_t now_us)
{
	heed_fetch_begins(h, now_us, NOW_S + now_us / SECOND);
	heed_fetch_ended(h, true);
}

static bool due(const struct heed *h, int64_t now_us)
{
	int64_t in_us;

	return heed_due(h, now_us, &in_us);
}

static struct heed fresh(void)
{
	struct heed h;

	heed_init(&h, HEED_PAUSE_US);
	return h;
}

static void a_signed_trigger_is_followed_once(void **state)
{
	struct heed h = fresh();

	(void)state;
	assert_false(due(&h, 0));
	assert_int_equal(hear(&h, NOW_S, &token), HEED_SIGNED);
	assert_true(due(&h, 0));
	assert_int_equal(hear(&h, NOW_S, &token), HEED_OLD); /* its fetch waits */
	assert_int_equal(hear(&h, NOW_S - 1, &token), HEED_OLD);
	heed_fetch_begins(&h, 0, NOW_S);
	assert_false(due(&h, 0));
	assert_int_equal(hear(&h, NOW_S, &token), HEED_OLD); /* its fetch runs */
	heed_fetch_ended(&h, true);
	assert_false(due(&h, 0));
	assert_int_equal(hear(&h, NOW_S, &token), HEED_OLD);
	assert_int_equal(hear(&h, NOW_S - 100, &token), HEED_OLD);
	assert_int_equal(hear(&h, NOW_S + 1, &token), HEED_SIGNED);
}

static void a_time_is_handled_only_by_a_fetch_that_succeeded(void **state)
{
	struct heed h = fresh();

	(void)state;
	assert_int_equal(hear(&h, NOW_S, &token), HEED_SIGNED);
	heed_fetch_begins(&h, 0, NOW_S);
	heed_fetch_ended(&h, false);
	assert_true(due(&h, 0));
	fetch(&h, 1);
	assert_int_equal(hear(&h, NOW_S, &token), HEED_OLD);
}

static void what_is_heard_meanwhile_wants_another_fetch(void **state)
{
	struct heed h = fresh();

	(void)state;
	hear(&h, NOW_S, &token);
	heed_fetch_begins(&h, 0, NOW_S);
	assert_int_equal(hear(&h, NOW_S + 1, &token), HEED_SIGNED);
	heed_fetch_ended(&h, true);
	assert_true(due(&h, 0));
	fetch(&h, 0);
	assert_false(due(&h, 0));
	assert_int_equal(hear(&h, NOW_S + 1, &token), HEED_OLD);
}

static void a_hint_is_followed_once_a_minute(void **state)
{
	struct heed h = fresh();
	int64_t in_us;

	(void)state;
	assert_int_equal(hear(&h, NOW_S, NULL), HEED_HINT);
	assert_true(due(&h, 0)); /* the first one at once */
	fetch(&h, 0);
	for (int i = 1; i < 50; i++) /* a flood of them, unsigned and of an older binding */
		assert_int_equal(hear(&h, NOW_S + i, i % 2 ? NULL : &stale), HEED_HINT);
	assert_false(heed_due(&h, 10 * SECOND, &in_us));
	assert_int_equal(in_us, 50 * SECOND);
	assert_true(due(&h, 60 * SECOND)); /* not forgotten */
	fetch(&h, 60 * SECOND);
	assert_false(heed_due(&h, 130 * SECOND, &in_us));
	assert_int_equal(in_us, 0); /* one for all of them */
}

static void a_signed_one_need_not_wait_for_a_hints_pause(void **state)
{
	struct heed h = fresh();

	(void)state;
	hear(&h, NOW_S, NULL);
	fetch(&h, 0);
	hear(&h, NOW_S + 1, NULL);
	assert_false(due(&h, SECOND));
	/* The same mail: the pause is for hints only, and what they said makes nothing old. */
	assert_int_equal(hear(&h, NOW_S, &token), HEED_SIGNED);
	assert_true(due(&h, SECOND));
	fetch(&h, SECOND);
	assert_false(due(&h, 100 * SECOND)); /* the hint was served too */
	assert_int_equal(hear(&h, NOW_S, NULL), HEED_OLD);
}

static void hints_of_handled_times_are_old(void **state)
{
	struct heed h = fresh();

	(void)state;
	hear(&h, NOW_S, NULL);
	fetch(&h, 0);
	assert_int_equal(hear(&h, NOW_S, NULL), HEED_OLD); /* the network repeats its SMS */
	hear(&h, NOW_S + 5, &token);
	fetch(&h, 5 * SECOND);
	assert_int_equal(hear(&h, NOW_S + 5, NULL), HEED_OLD);
	assert_int_equal(hear(&h, NOW_S + 3, NULL), HEED_OLD);
	assert_int_equal(hear(&h, NOW_S - 3600, NULL),
			 HEED_OLD); /* lay in the network for an hour */
	assert_int_equal(hear(&h, NOW_S + 6, NULL), HEED_HINT);
}

static void an_hour_later_only_hints_are_old_by_hints(void **state)
{
	struct heed h = fresh();

	(void)state;
	hear(&h, NOW_S, NULL);
	fetch(&h, 3600 * SECOND);
	assert_int_equal(hear(&h, NOW_S - 1, NULL), HEED_OLD);
	assert_int_equal(hear(&h, NOW_S + 1, NULL), HEED_HINT);
	assert_int_equal(hear(&h, NOW_S - 1, &token), HEED_SIGNED);
}

static void a_forged_time_in_the_future_silences_nothing(void **state)
{
	struct heed h = fresh();

	(void)state;
	assert_int_equal(hear(&h, FARAWAY, NULL), HEED_HINT);
	fetch(&h, 0);
	assert_int_equal(hear(&h, FARAWAY, NULL), HEED_OLD);
	assert_int_equal(hear(&h, NOW_S, NULL), HEED_HINT);
	assert_int_equal(hear(&h, NOW_S, &token), HEED_SIGNED);
	fetch(&h, 60 * SECOND);
	assert_int_equal(hear(&h, NOW_S + 1, NULL), HEED_HINT);
	assert_int_equal(hear(&h, NOW_S + 1, &token), HEED_SIGNED);
}

static void a_hint_whose_fetch_failed_is_not_made_to_wait(void **state)
{
	struct heed h = fresh();

	(void)state;
	hear(&h, NOW_S, NULL);
	heed_fetch_begins(&h, 0, NOW_S);
	heed_fetch_ended(&h, false);
	assert_true(due(&h, SECOND));
	fetch(&h, SECOND);
	hear(&h, NOW_S + 1, NULL);
	assert_false(due(&h, 60 * SECOND));
	assert_true(due(&h, 61 * SECOND));
}

static void anothers_mailbox_is_never_followed(void **state)
{
	struct heed h = fresh();

	(void)state;
	assert_int_equal(hear_at(&h, "jiro@hato.example", NOW_S, &token, &with_key), HEED_STRANGER);
	assert_int_equal(hear_at(&h, "Taro@hato.example", NOW_S, NULL, &with_key), HEED_STRANGER);
	assert_int_equal(hear_at(&h, "jiro@hato.example", NOW_S, NULL, &unsigned_network),
			 HEED_STRANGER);
	assert_false(due(&h, 0));
}

static void without_a_token_nothing_is_signed(void **state)
{
	struct heed h = fresh();

	(void)state;
	assert_int_equal(hear_at(&h, MINE, NOW_S, &token, &without_key), HEED_HINT);
	assert_int_equal(hear_at(&h, MINE, NOW_S + 1, NULL, &unsigned_network), HEED_SIGNED);
}

static void what_is_no_trigger_is_nothing(void **state)
{
	struct heed h = fresh();
	struct trigger out;

	(void)state;
	assert_int_equal(heed_trigger(&h, (const uint8_t *)"hello", 5, MINE, &with_key, &out),
			 HEED_NONE);
	assert_int_equal(heed_trigger(&h, NULL, 0, MINE, &with_key, &out), HEED_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_signed_trigger_is_followed_once),
		cmocka_unit_test(a_time_is_handled_only_by_a_fetch_that_succeeded),
		cmocka_unit_test(what_is_heard_meanwhile_wants_another_fetch),
		cmocka_unit_test(a_hint_is_followed_once_a_minute),
		cmocka_unit_test(a_signed_one_need_not_wait_for_a_hints_pause),
		cmocka_unit_test(hints_of_handled_times_are_old),
		cmocka_unit_test(an_hour_later_only_hints_are_old_by_hints),
		cmocka_unit_test(a_forged_time_in_the_future_silences_nothing),
		cmocka_unit_test(a_hint_whose_fetch_failed_is_not_made_to_wait),
		cmocka_unit_test(anothers_mailbox_is_never_followed),
		cmocka_unit_test(without_a_token_nothing_is_signed),
		cmocka_unit_test(what_is_no_trigger_is_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
