/* Whom a subscriber corresponds with, and who only looks like it. */
#include "db/correspondent.h"

#include "db/queue_testing.h"

struct got {
	int err;
	char imitated[DNS_NAME_MAX];
};

static void on_got(void *arg, int err, const char *imitated)
{
	struct got *g = arg;

	g->err = err;
	snprintf(g->imitated, sizeof g->imitated, "%s", err ? "" : imitated);
}

static void imitates(struct bench_store *s, int64_t who, const char *domain, const char *expected)
{
	struct got g = {.err = 1};

	correspondent_imitated(s->port, who, domain, on_got, &g);
	assert_int_equal(g.err, *expected ? 0 : E_NOT_FOUND);
	assert_string_equal(g.imitated, expected);
}

static void on_noted(void *arg, int err)
{
	heard_one(arg, err);
}

static void note(struct bench_store *s, int64_t who, int64_t now_us, const char *one,
		 const char *another)
{
	struct heard h = {.s = s};
	const struct correspondents c = {.subscriber = who,
					 .domains = {one, another},
					 .count = another ? 2 : 1,
					 .now_us = now_us,
					 .most = 3};

	correspondent_note(s->port, &c, on_noted, &h);
	assert_int_equal(wait_for(&h), 0);
}

static void each_has_his_own(void **state)
{
	struct bench_store *s = *state;

	imitates(s, 1, "arnazon.com", "");
	note(s, 1, 10, "mail.amazon.com", "nonsense..test");
	imitates(s, 1, "signin.arnazon.com", "amazon.com");
	imitates(s, 1, "xn--mazon-3ve.com", "amazon.com");
	imitates(s, 1, "amazon.com", "");
	imitates(s, 1, "news.amazon.com", "");
	imitates(s, 1, "amazon.co.jp", "");
	imitates(s, 1, "[192.0.2.1]", "");
	imitates(s, 2, "arnazon.com", "");
	/* Who writes to both knows both. */
	note(s, 1, 20, "arnazon.com", NULL);
	imitates(s, 1, "arnazon.com", "");
	imitates(s, 1, "amazon.com", "");
	imitates(s, 1, "amaz0n.com", "amazon.com");
}

static void the_oldest_is_forgotten(void **state)
{
	struct bench_store *s = *state;

	note(s, 1, 10, "one.test", "two.test");
	note(s, 1, 20, "three.test", NULL);
	note(s, 2, 1, "one.test", NULL);
	/* Heard of again within a day: not written. A day later it is. */
	note(s, 1, 30, "two.test", NULL);
	note(s, 1, 2 * DAY_US_, "one.test", NULL);
	note(s, 1, 2 * DAY_US_ + 1, "four.test", NULL);
	imitates(s, 1, "0ne.test", "one.test");
	imitates(s, 1, "f0ur.test", "four.test");
	imitates(s, 1, "tvvo.test", "");
	imitates(s, 2, "0ne.test", "one.test");
}

static void none_are_kept(void **state)
{
	struct bench_store *s = *state;
	struct heard h = {.s = s};
	const struct correspondents c = {.subscriber = 1, .domains = {"one.test"}, .count = 1};

	correspondent_note(s->port, &c, on_noted, &h);
	assert_int_equal(wait_for(&h), 0);
	imitates(s, 1, "0ne.test", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		QUEUE_TEST(each_has_his_own),
		QUEUE_TEST(the_oldest_is_forgotten),
		QUEUE_TEST(none_are_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
