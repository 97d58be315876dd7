/* smsc.db: batches are whole or nothing, rows come back as they were put, and nobody else's file is
 * made. */
#include "db/db_testing.h"
#include "db/smsc.h"

static int setup(void **state)
{
	struct bench_store *s = malloc(sizeof *s);

	store_dir(s);
	s->options.files = DB_FILE(DB_SMSC);
	store_open(s);
	*state = s;
	return 0;
}

static void on_commit(void *arg, int err)
{
	struct heard *h = arg;

	h->calls++;
	h->err = err;
	loop_stop(h->s->loop);
}

static int commit(struct bench_store *s, struct smsc_batch *b)
{
	struct heard h = {.s = s};

	smsc_batch_commit(s->port, b, on_commit, &h);
	loop_run(s->loop);
	assert_int_equal(h.calls, 1);
	return h.err;
}

static struct smsc_row row(int64_t id)
{
	struct smsc_row r = {.id = id,
			     .shown_id = id - 1,
			     .account = "hato",
			     .origin = 2,
			     .reference = 42,
			     .source = {5, 0, "SPMAIL"},
			     .destination = {1, 1, "819012345678"},
			     .service_type = "WAP",
			     .esm_class = 0x40,
			     .data_coding = 0xf5,
			     .registered = 17,
			     .octets = (const uint8_t *)"\0push",
			     .length = 5,
			     .state = 1,
			     .attempts = 3,
			     .error = 27,
			     .submitted_us = 1,
			     .expires_us = INT64_MAX,
			     .next_us = 4,
			     .part = 2,
			     .told = 6};
	return r;
}

struct found {
	struct smsc_row rows[8];
	uint8_t octets[8][16];
	size_t n;
};

static void on_loaded(void *arg, int err, const struct smsc_row *rows, size_t n)
{
	struct found *f = arg;

	assert_int_equal(err, 0);
	f->n = n;
	for (size_t i = 0; i < n; i++) {
		f->rows[i] = rows[i];
		memcpy(f->octets[i], rows[i].octets ? rows[i].octets : (const uint8_t *)"",
		       rows[i].length);
	}
}

static struct found load(struct bench_store *s, int64_t after, size_t limit)
{
	struct found f = {0};

	smsc_load(s->port, after, limit, on_loaded, &f);
	return f;
}

static void test_what_was_put_is_found(void **state)
{
	struct bench_store *s = *state;
	struct smsc_batch *b = smsc_batch_new();

	for (int64_t id = 1; id <= 5; id++) {
		struct smsc_row r = row(id);
		assert_int_equal(smsc_batch_put(b, &r), 0);
	}
	assert_int_equal(smsc_batch_count(b), 5);
	assert_int_equal(commit(s, b), 0);
	store_close(s);
	store_open(s);
	struct found f = load(s, 0, 3);
	assert_int_equal(f.n, 3);
	f = load(s, 3, 8);
	assert_int_equal(f.n, 2);
	struct smsc_row want = row(4), *got = &f.rows[0];
	assert_memory_equal(f.octets[0], want.octets, 5);
	assert_int_equal(got->shown_id, want.shown_id);
	assert_string_equal(got->account, want.account);
	assert_int_equal(got->origin, want.origin);
	assert_int_equal(got->reference, want.reference);
	assert_string_equal(got->source.number, want.source.number);
	assert_int_equal(got->source.ton, want.source.ton);
	assert_string_equal(got->destination.number, want.destination.number);
	assert_int_equal(got->destination.npi, want.destination.npi);
	assert_string_equal(got->service_type, want.service_type);
	assert_int_equal(got->esm_class, want.esm_class);
	assert_int_equal(got->data_coding, want.data_coding);
	assert_int_equal(got->registered, want.registered);
	assert_int_equal(got->length, want.length);
	assert_int_equal(got->tlvs_length, 0);
	assert_int_equal(got->attempts, want.attempts);
	assert_int_equal(got->error, want.error);
	assert_true(got->expires_us == want.expires_us);
	assert_int_equal(got->next_us, want.next_us);
	assert_int_equal(got->part, want.part);
	assert_int_equal(got->told, want.told);
}

static void test_changes(void **state)
{
	struct bench_store *s = *state;
	struct smsc_batch *b = smsc_batch_new();
	struct smsc_row r = row(1);

	smsc_batch_put(b, &r);
	r.id = 2;
	smsc_batch_put(b, &r);
	r.id = 1;
	r.state = 2;
	r.done_us = 9;
	r.length = 0; /* not part of an update */
	smsc_batch_update(b, &r);
	smsc_batch_forget(b, 2);
	smsc_batch_forget(b, 77);
	assert_int_equal(commit(s, b), 0);
	struct found f = load(s, 0, 8);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.rows[0].state, 2);
	assert_int_equal(f.rows[0].done_us, 9);
	assert_int_equal(f.rows[0].length, 5);
}

static void test_all_or_nothing(void **state)
{
	struct bench_store *s = *state;
	struct smsc_batch *b = smsc_batch_new();
	struct smsc_row r = row(1);

	r.state = 2;
	smsc_batch_put(b, &r);
	assert_int_equal(commit(s, b), 0);
	b = smsc_batch_new();
	r = row(2);
	smsc_batch_put(b, &r);
	r = row(1);
	r.state = 3; /* a final message stays as it is */
	smsc_batch_update(b, &r);
	assert_int_not_equal(commit(s, b), 0);
	struct found f = load(s, 0, 8);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.rows[0].state, 2);
	smsc_batch_free(smsc_batch_new());
}

static void test_only_its_file_is_made(void **state)
{
	struct bench_store *s = *state;
	char path[400];

	snprintf(path, sizeof path, "%s/smsc.db", s->dir);
	assert_int_equal(access(path, F_OK), 0);
	snprintf(path, sizeof path, "%s/bindings.db", s->dir);
	assert_int_not_equal(access(path, F_OK), 0);
	snprintf(path, sizeof path, "%s/mail.db", s->dir);
	assert_int_not_equal(access(path, F_OK), 0);
}

#define SMSC_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown_store)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SMSC_TEST(test_what_was_put_is_found),
		SMSC_TEST(test_changes),
		SMSC_TEST(test_all_or_nothing),
		SMSC_TEST(test_only_its_file_is_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
