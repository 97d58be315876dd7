/* A freeze is seen wherever a binding is, also in the transaction that writes on its strength. */
#include "db/containment.h"
#include "db/db_testing.h"

#define IP "192.0.2.1"

static void on_frozen(void *arg, int err, int64_t id)
{
	struct heard *h = arg;

	h->id = id;
	heard_one(h, err);
}

static int freeze(struct bench_store *s, struct freeze f, int64_t *id)
{
	struct heard *h = HEARD(s);

	strcpy(f.realm, REALM_DEFAULT);
	freeze_put(s->port, &f, 3, on_frozen, h);
	int err = wait_for(h);
	*id = h->id;
	return err;
}

static int thaw(struct bench_store *s, int64_t id)
{
	struct heard *h = HEARD(s);

	freeze_remove(s->port, REALM_DEFAULT, id, "test", on_done, h);
	return wait_for(h);
}

/* The transaction of QUIT. */
static int quit(struct bench_store *s, int64_t subscriber, uint32_t generation)
{
	struct heard *h = HEARD(s);
	uint32_t uid = 1;

	maildrop_update(s->port,
			&(struct maildrop_update){.via = {.key = key_at(IP),
							  .generation = generation,
							  .subscriber = subscriber},
						  .deleted = &uid,
						  .deleted_count = 1},
			on_done, h);
	return wait_for(h);
}

static struct freeze of_prefix(const char *text)
{
	struct freeze f = {.kind = FREEZE_PREFIX};

	assert_int_equal(addr_range_parse(text, &f.prefix), 0);
	return f;
}

static void test_every_look_sees_it(void **state)
{
	struct bench_store *s = *state;
	int64_t subscriber = make_subscriber(s, 1), id;
	struct freeze whom = {.kind = FREEZE_SUBSCRIBER}, nas = {.kind = FREEZE_NAS};
	struct binding b;

	apply(s, an_event(LEASE_START, IP, 1, "s", clock_now_us()));
	assert_int_equal(check(s, IP, &b), 0);
	assert_int_equal(claim(s, IP, b.generation, subscriber, NULL), CLAIM_ACCEPTED);
	strcpy(whom.msisdn, "819000000001");
	strcpy(nas.nas_id, "nas-1");
	const struct freeze freezes[] = {whom, nas, of_prefix("192.0.2.0/24"), of_prefix(IP)};
	for (size_t i = 0; i < sizeof freezes / sizeof *freezes; i++) {
		assert_int_equal(freeze(s, freezes[i], &id), 0);
		assert_int_equal(check(s, IP, &b), 0);
		assert_true(b.frozen);
		assert_false(binding_opens_mail(&b, subscriber, b.generation, clock_now_us()));
		assert_int_equal(claim(s, IP, b.generation, subscriber, NULL), CLAIM_FROZEN);
		assert_int_equal(quit(s, subscriber, b.generation), E_CONFLICT);
		reopen_store(s);
		assert_int_equal(quit(s, subscriber, b.generation), E_CONFLICT);
		assert_int_equal(thaw(s, id), 0);
		assert_int_equal(thaw(s, id), E_NOT_FOUND);
		assert_int_equal(check(s, IP, &b), 0);
		assert_false(b.frozen);
		assert_int_equal(quit(s, subscriber, b.generation), 0);
	}
	assert_int_equal(freeze(s, of_prefix("192.0.3.0/24"), &id), 0);
	assert_int_equal(check(s, IP, &b), 0);
	assert_false(b.frozen);
	assert_int_equal(freeze(s, of_prefix("192.0.3.0/24"), &id), E_EXISTS);
	assert_int_equal(freeze(s, nas, &id), 0);
	assert_int_equal(freeze(s, whom, &id), 0);
	assert_int_equal(freeze(s, of_prefix("192.0.4.0/24"), &id), E_FULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_every_look_sees_it)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
