/* The suppression list: each sender's own, with its first time, its last reason, and an end. */
#include "db/queue_testing.h"

#define T0 (1700000000 * SECOND_US)

struct entry {
	int err;
	char address[64], text[64];
	int code;
	uint32_t count;
	int64_t since_us, expires_us;
	size_t n;
};

static void see(struct entry *e, const struct suppression *s)
{
	snprintf(e->address, sizeof e->address, "%s", s->address);
	snprintf(e->text, sizeof e->text, "%s", s->reason.text);
	e->code = s->reason.code;
	e->count = s->count;
	e->since_us = s->since_us;
	e->expires_us = s->expires_us;
}

static void on_entry(void *arg, int err, const struct suppression *s)
{
	struct entry *e = arg;

	e->err = err;
	if (s)
		see(e, s);
}

static void on_entries(void *arg, int err, const struct suppression *s, size_t n)
{
	struct entry *e = arg;

	e->err = err;
	e->n = n;
	for (size_t i = 0; i < n; i++)
		see(e, &s[i]);
}

static struct entry find(struct bench_store *s, int64_t sender, const char *address, int64_t now_us)
{
	struct entry e = {0};

	suppression_find(s->port, sender, address, now_us, on_entry, &e);
	return e;
}

static size_t listed(struct bench_store *s, int64_t sender, const char *after, size_t limit)
{
	struct entry e = {0};

	suppression_list(s->port, sender, after, T0, limit, on_entries, &e);
	assert_int_equal(e.err, 0);
	return e.n;
}

static struct suppression entry_of(int64_t sender, const char *address, int64_t now_us, int code,
				   int64_t expires_us)
{
	return (struct suppression){.sender = sender,
				    .address = address,
				    .reason = reply(code, "5.1.1", "no such user"),
				    .since_us = now_us,
				    .expires_us = expires_us};
}

static int put(struct bench_store *s, int64_t sender, const char *address, int64_t now_us, int code,
	       int64_t expires_us)
{
	struct heard h = {.s = s};
	const struct suppression e = entry_of(sender, address, now_us, code, expires_us);

	suppression_put(s->port, &e, on_done, &h);
	return wait_for(&h);
}

static int note(struct bench_store *s, int64_t now_us, int code, const char *enhanced)
{
	struct heard h = {.s = s};
	struct suppression e = entry_of(1, "a@b.example", now_us, code, now_us + 100);

	e.reason.enhanced = enhanced;
	suppression_note(s->port, &e, on_done, &h);
	return wait_for(&h);
}

static int removed(struct bench_store *s, int64_t sender, const char *address)
{
	struct heard h = {.s = s};

	suppression_remove(s->port, sender, address, on_done, &h);
	return wait_for(&h);
}

static void test_found_until_it_expires(void **state)
{
	struct bench_store *s = *state;

	assert_int_equal(put(s, 1, "a@b.example", T0, 550, T0 + 100), 0);
	struct entry e = find(s, 1, "a@b.example", T0 + 99);
	assert_int_equal(e.err, 0);
	assert_int_equal(e.code, 550);
	assert_string_equal(e.text, "no such user");
	assert_int_equal(e.count, 1);
	assert_true(e.since_us == T0 && e.expires_us == T0 + 100);
	assert_int_equal(find(s, 1, "a@b.example", T0 + 100).err, E_NOT_FOUND);
	assert_int_equal(find(s, 2, "a@b.example", T0).err, E_NOT_FOUND); /* his own alone */

	/* Again: the reason is the last one's, the beginning the first one's. */
	assert_int_equal(put(s, 1, "a@b.example", T0 + 50, 551, T0 + 150), 0);
	e = find(s, 1, "a@b.example", T0 + 149);
	assert_int_equal(e.code, 551);
	assert_int_equal(e.count, 2);
	assert_true(e.since_us == T0 && e.expires_us == T0 + 150);
	/* After its end it begins anew. */
	assert_int_equal(put(s, 1, "a@b.example", T0 + 200, 552, T0 + 300), 0);
	e = find(s, 1, "a@b.example", T0 + 201);
	assert_int_equal(e.count, 1);
	assert_true(e.since_us == T0 + 200);
	assert_int_equal(stats_of(s).suppressions, 1);
}

/* However often it is told: the first time counts, until the entry has ended. */
static void test_a_notice_is_noted_once(void **state)
{
	struct bench_store *s = *state;

	assert_int_equal(note(s, T0, 550, "5.1.1"), 0);
	assert_int_equal(note(s, T0 + 99, 551, "5.1.1"), E_EXISTS);
	struct entry e = find(s, 1, "a@b.example", T0);
	assert_true(e.code == 550 && e.count == 1 && e.expires_us == T0 + 100);
	assert_int_equal(note(s, T0 + 100, 552, "5.1.1"), 0);
	e = find(s, 1, "a@b.example", T0 + 100);
	assert_true(e.code == 552 && e.count == 1 && e.since_us == T0 + 100);
	/* One that may not refuse yet (5.2.1) is no reason to leave out what does. */
	assert_int_equal(note(s, T0 + 101, 553, "5.1.10"), 0);
	assert_int_equal(find(s, 1, "a@b.example", T0 + 101).code, 553);
	assert_int_equal(stats_of(s).suppressions, 1);
}

static void test_list_and_remove(void **state)
{
	struct bench_store *s = *state;

	for (char c = 'a'; c < 'f'; c++) {
		char address[] = {c, '@', 'b', '.', 'c', 0};
		put(s, 1, address, T0, 550, T0 + 100);
		put(s, 2, address, T0, 550, T0 + 100);
	}
	assert_int_equal(listed(s, 1, "", 10), 5);
	assert_int_equal(listed(s, 1, "", 2), 2);
	assert_int_equal(listed(s, 1, "b@b.c", 10), 3);
	assert_int_equal(removed(s, 1, "c@b.c"), 0);
	assert_int_equal(removed(s, 1, "c@b.c"), E_NOT_FOUND);
	assert_int_equal(listed(s, 1, "", 10), 4);
	assert_int_equal(removed(s, 1, NULL), 0);
	assert_int_equal(removed(s, 1, NULL), E_NOT_FOUND);
	assert_int_equal(listed(s, 1, "", 10), 0);
	assert_int_equal(listed(s, 2, "", 10), 5);
}

static void test_sweep(void **state)
{
	struct bench_store *s = *state;
	struct heard *h = HEARD(s);

	put(s, 1, "a@b.example", T0, 550, T0 + 100);
	put(s, 1, "b@b.example", T0, 550, T0 + 200);
	queue_sweep(s->port, T0 + 100, on_done, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(stats_of(s).suppressions, 1);
	assert_int_equal(find(s, 1, "b@b.example", T0 + 100).err, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		QUEUE_TEST(test_found_until_it_expires), QUEUE_TEST(test_a_notice_is_noted_once),
		QUEUE_TEST(test_list_and_remove), QUEUE_TEST(test_sweep)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
