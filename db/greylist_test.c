/* Strangers that come again, and clients that were caught. */
#include "db/greylist.h"

#include "db/queue_testing.h"

static const struct greylist_rules rules = {60 * SECOND_US, 3600 * SECOND_US, 36 * DAY_US_};

struct grey_heard {
	struct heard base;
	struct greylist_verdict verdict;
	struct trap_client clients[8];
	struct greylist_stats stats;
};

static void on_verdict(void *arg, int err, const struct greylist_verdict *v)
{
	struct grey_heard *h = arg;

	if (!err)
		h->verdict = *v;
	heard_one(&h->base, err);
}

static void on_client(void *arg, int err, const struct trap_client *c)
{
	struct grey_heard *h = arg;

	if (!err)
		h->clients[0] = *c;
	heard_one(&h->base, err);
}

static void on_clients(void *arg, int err, const struct trap_client *c, size_t n)
{
	struct grey_heard *h = arg;

	h->base.n = n;
	for (size_t i = 0; i < n && i < 8; i++)
		h->clients[i] = c[i];
	heard_one(&h->base, err);
}

static void on_counts(void *arg, int err, const struct greylist_stats *stats)
{
	struct grey_heard *h = arg;

	h->stats = *stats;
	heard_one(&h->base, err);
}

static struct addr ip(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static struct greylist_verdict ask(struct bench_store *s, const char *client, const char *from,
				   const char *to_whom, int64_t now_s)
{
	struct grey_heard h = {.base.s = s};
	const struct greylist_triplet t = {ip(client), from, to_whom};

	greylist_ask(s->port, &t, &rules, 5, now_s * SECOND_US, on_verdict, &h);
	assert_int_equal(wait_for(&h.base), 0);
	return h.verdict;
}

static struct greylist_stats counts_of(struct bench_store *s)
{
	struct grey_heard h = {.base.s = s};

	greylist_stats(s->port, on_counts, &h);
	assert_int_equal(wait_for(&h.base), 0);
	return h.stats;
}

static uint32_t hit(struct bench_store *s, const char *client, int64_t now_s)
{
	struct grey_heard h = {.base.s = s};
	const struct trap_hit t = {ip(client), now_s * SECOND_US, 1000 * SECOND_US, 3};

	trap_hit(s->port, &t, on_client, &h);
	assert_int_equal(wait_for(&h.base), 0);
	return h.clients[0].hits;
}

static int find(struct bench_store *s, const char *client, int64_t now_s, struct trap_client *out)
{
	struct grey_heard h = {.base.s = s};
	struct addr a = ip(client);

	trap_find(s->port, &a, now_s * SECOND_US, on_client, &h);
	int err = wait_for(&h.base);
	*out = h.clients[0];
	return err;
}

static void test_a_stranger_comes_again(void **state)
{
	struct bench_store *s = *state;

	assert_int_equal(ask(s, "192.0.2.1", "a@b", "u@c", 1000).answer, GREYLIST_WAIT);
	struct greylist_verdict v = ask(s, "192.0.2.1", "a@b", "u@c", 1050);
	assert_int_equal(v.answer, GREYLIST_WAIT);
	assert_int_equal(v.wait_us, 10 * SECOND_US);
	/* From a neighbour, in other letters. */
	assert_int_equal(ask(s, "192.0.2.200", "A@b", "u@C", 1060).answer, GREYLIST_PASS);
	store_close(s);
	store_open(s);
	assert_int_equal(ask(s, "192.0.2.1", "a@b", "u@c", 1061).answer, GREYLIST_PASS);
	assert_int_equal(counts_of(s).triplets, 1);
}

static void test_another_triplet_is_another_stranger(void **state)
{
	struct bench_store *s = *state;

	ask(s, "192.0.2.1", "a@b", "u@c", 1000);
	assert_int_equal(ask(s, "192.0.3.1", "a@b", "u@c", 1100).answer, GREYLIST_WAIT);
	assert_int_equal(ask(s, "192.0.2.1", "a@bu", "@c", 1100).answer, GREYLIST_WAIT);
	assert_int_equal(ask(s, "192.0.2.1", "", "u@c", 1100).answer, GREYLIST_WAIT);
	ask(s, "2001:db8::1", "a@b", "u@c", 1000);
	assert_int_equal(ask(s, "2001:db8::2:3:4:5", "a@b", "u@c", 1100).answer, GREYLIST_PASS);
	assert_int_equal(ask(s, "2001:db8:0:1::1", "a@b", "u@c", 1100).answer, GREYLIST_WAIT);
}

static void test_triplets_are_bounded(void **state)
{
	struct bench_store *s = *state;
	char from[16];

	ask(s, "192.0.2.1", "friend", "u@c", 1000);
	ask(s, "192.0.2.1", "friend", "u@c", 1060);
	for (int i = 0; i < 20; i++) {
		snprintf(from, sizeof from, "n%d", i);
		ask(s, "192.0.2.1", from, "u@c", 1100 + i);
	}
	assert_int_equal(counts_of(s).triplets, 5);
	/* Who was let in stays longest. */
	assert_int_equal(ask(s, "192.0.2.1", "friend", "u@c", 1200).answer, GREYLIST_PASS);
	assert_int_equal(ask(s, "192.0.2.1", "n19", "u@c", 1200).answer, GREYLIST_PASS);
}

static void test_traps_count(void **state)
{
	struct bench_store *s = *state;
	struct trap_client c;

	assert_int_equal(find(s, "192.0.2.1", 1000, &c), E_NOT_FOUND);
	assert_int_equal(hit(s, "192.0.2.1", 1000), 1);
	assert_int_equal(hit(s, "192.0.2.1", 1500), 2);
	assert_int_equal(hit(s, "192.0.2.2", 1500), 1);
	assert_int_equal(find(s, "192.0.2.1", 2499, &c), 0);
	assert_int_equal(c.hits, 2);
	assert_int_equal(c.first_us, 1000 * SECOND_US);
	assert_int_equal(c.last_us, 1500 * SECOND_US);
	assert_int_equal(find(s, "192.0.2.1", 2500, &c), E_NOT_FOUND);
	assert_int_equal(hit(s, "192.0.2.1", 2500), 1); /* from the start */
	assert_int_equal(hit(s, "2001:db8::1", 1500), 1);
	assert_int_equal(hit(s, "2001:db8::2", 1500), 2);
}

static void test_traps_are_listed_bounded_and_let_go(void **state)
{
	struct bench_store *s = *state;
	struct grey_heard h = {.base.s = s};
	struct trap_client c;
	struct addr after = ip("192.0.2.2");

	for (int i = 1; i <= 4; i++) {
		char client[16];
		snprintf(client, sizeof client, "192.0.2.%d", i);
		hit(s, client, 1000 + i);
		hit(s, client, 1000 + i);
	}
	assert_int_equal(find(s, "192.0.2.1", 1010, &c), E_NOT_FOUND); /* one too many */
	trap_list(s->port, NULL, 2, 1010 * SECOND_US, 10, on_clients, &h);
	assert_int_equal(wait_for(&h.base), 0);
	assert_int_equal(h.base.n, 3);
	h = (struct grey_heard){.base.s = s};
	trap_list(s->port, &after, 2, 1010 * SECOND_US, 1, on_clients, &h);
	assert_int_equal(wait_for(&h.base), 0);
	assert_int_equal(h.base.n, 1);
	after = ip("192.0.2.3");
	assert_true(addr_equal(&h.clients[0].client, &after));
	h = (struct grey_heard){.base.s = s};
	trap_remove(s->port, &after, on_done, &h);
	assert_int_equal(wait_for(&h.base), 0);
	h = (struct grey_heard){.base.s = s};
	trap_remove(s->port, &after, on_done, &h);
	assert_int_equal(wait_for(&h.base), E_NOT_FOUND);
	assert_int_equal(counts_of(s).clients, 2);
}

static void test_what_is_over_is_swept(void **state)
{
	struct bench_store *s = *state;
	struct grey_heard h = {.base.s = s};

	ask(s, "192.0.2.1", "a@b", "u@c", 1000);
	hit(s, "192.0.2.1", 1000);
	queue_sweep(s->port, 1999 * SECOND_US, on_done, &h);
	assert_int_equal(wait_for(&h.base), 0);
	assert_int_equal(counts_of(s).clients, 1);
	h = (struct grey_heard){.base.s = s};
	queue_sweep(s->port, 4600 * SECOND_US, on_done, &h);
	assert_int_equal(wait_for(&h.base), 0);
	assert_int_equal(counts_of(s).clients, 0);
	assert_int_equal(counts_of(s).triplets, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		QUEUE_TEST(test_a_stranger_comes_again),
		QUEUE_TEST(test_another_triplet_is_another_stranger),
		QUEUE_TEST(test_triplets_are_bounded),
		QUEUE_TEST(test_traps_count),
		QUEUE_TEST(test_traps_are_listed_bounded_and_let_go),
		QUEUE_TEST(test_what_is_over_is_swept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
