/* Which mail a subscriber takes, in the store. */
#include "db/filter.h"

#include "db/db_testing.h"
#include "db/engine.h"

struct filter_heard {
	struct heard base;
	struct filter *filter;
	bool is_own;
};

static void on_filter(void *arg, int err, const struct filter *f, bool is_own)
{
	struct filter_heard *h = arg;

	h->filter = f ? filter_copy(f) : NULL;
	h->is_own = is_own;
	heard_one(&h->base, err);
}

static const struct filter_owner one = {.msisdn = "819000000001"}, two = {.msisdn = "819000000002"},
				 nobody = {.msisdn = "819000000009"}, no_id = {.id = 4711};

static struct filter a_choice(void)
{
	return (struct filter){.from = FILTER_FROM_CARRIERS,
			       .forged = FILTER_FORGED_HEADER,
			       .refuses_urls = true,
			       .strips_receipts = true,
			       .max_size = 1234567890123,
			       .lists = {"a@b.test\nb.test\n", "", "@c.test\n"}};
}

static int put(struct bench_store *s, const struct filter_owner *owner, const struct filter *f)
{
	struct heard *h = HEARD(s);

	filter_put(s->port, owner, f, on_done, h);
	return wait_for(h);
}

static int reset(struct bench_store *s, const struct filter_owner *owner)
{
	struct heard *h = HEARD(s);

	filter_reset(s->port, owner, on_done, h);
	return wait_for(h);
}

/* Is it that, and his own or the default's? */
static void must_be(struct bench_store *s, struct filter_heard *h, const struct filter *want,
		    bool is_own)
{
	(void)s;
	assert_int_equal(wait_for(&h->base), 0);
	assert_int_equal(h->is_own, is_own);
	assert_true(filter_equal(h->filter, want));
	free(h->filter);
}

static void must_have(struct bench_store *s, const struct filter_owner *owner,
		      const struct filter *want, bool is_own)
{
	struct filter_heard h = {.base.s = s};

	filter_get(s->port, owner, on_filter, &h);
	must_be(s, &h, want, is_own);
}

static void must_have_at(struct bench_store *s, const char *address, const struct filter *want,
			 bool is_own)
{
	struct filter_heard h = {.base.s = s};

	filter_of_address(s->port, address, on_filter, &h);
	must_be(s, &h, want, is_own);
}

static void test_kept_and_reset(void **state)
{
	struct bench_store *s = *state;
	struct filter want = a_choice(), open = filter_default();
	int64_t id = make_subscriber(s, 1);
	const struct filter_owner by_id = {.id = id};

	make_subscriber(s, 2);
	must_have(s, &one, &open, false);
	assert_int_equal(put(s, &one, &want), 0);
	must_have(s, &one, &want, true);
	must_have(s, &by_id, &want, true);
	must_have(s, &two, &open, false);
	/* the next choice takes the place of the whole of it */
	assert_int_equal(put(s, &by_id, &open), 0);
	must_have(s, &one, &open, true);
	assert_int_equal(reset(s, &one), 0);
	assert_int_equal(reset(s, &by_id), 0);
	must_have(s, &one, &open, false);
}

static void test_by_address(void **state)
{
	struct bench_store *s = *state;
	struct subscriber_put p = {.subscriber = {.msisdn = "819000000001", .address_count = 2}};
	struct filter want = a_choice(), open = filter_default();
	struct heard *h = HEARD(s);

	for (size_t i = 0; i < 2; i++) {
		const char *address = i ? "second@hato.example" : "first@hato.example";
		strcpy(p.subscriber.addresses[i].shown, address);
		strcpy(p.subscriber.addresses[i].canonical, address);
	}
	subscriber_put(s->port, &p, on_put, h);
	assert_int_equal(wait_for(h), 0);
	must_have_at(s, "first@hato.example", &open, false);
	assert_int_equal(put(s, &one, &want), 0);
	must_have_at(s, "first@hato.example", &want, true);
	must_have_at(s, "second@hato.example", &want, true);
	must_have_at(s, "third@hato.example", &open, false);
}

static void test_of_nobody(void **state)
{
	struct bench_store *s = *state;
	struct filter f = filter_default();
	const struct filter_owner *owners[] = {&nobody, &no_id};

	for (size_t i = 0; i < 2; i++) {
		struct filter_heard h = {.base.s = s};
		assert_int_equal(put(s, owners[i], &f), E_NOT_FOUND);
		assert_int_equal(reset(s, owners[i]), E_NOT_FOUND);
		filter_get(s->port, owners[i], on_filter, &h);
		assert_int_equal(wait_for(&h.base), E_NOT_FOUND);
		assert_null(h.filter);
	}
}

/* It goes with him: who has his number one day has not chosen. */
static void test_goes_with_the_subscriber(void **state)
{
	struct bench_store *s = *state;
	struct filter want = a_choice();
	struct heard *h = HEARD(s);
	int64_t id = make_subscriber(s, 1), left = 1;
	struct engine *e;
	struct query q;

	assert_int_equal(put(s, &one, &want), 0);
	subscriber_remove(s->port, one.msisdn, on_done, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(engine_open(s->dir, DB_BINDINGS, ENGINE_READER, &e), 0);
	query_begin(&q, e, STMT_FILTER_GET);
	query_int(&q, id);
	assert_int_equal(query_run_int(&q, &left), E_NOT_FOUND);
	engine_close(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kept_and_reset, setup_store, teardown_store),
		cmocka_unit_test_setup_teardown(test_by_address, setup_store, teardown_store),
		cmocka_unit_test_setup_teardown(test_of_nobody, setup_store, teardown_store),
		cmocka_unit_test_setup_teardown(test_goes_with_the_subscriber, setup_store,
						teardown_store),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
