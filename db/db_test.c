/* The store end to end: from a lease to a deleted mail, and again after a restart. */
#include "db/db_testing.h"

static int read_all(struct bench_store *s, int64_t subscriber, const struct maildrop_message *m,
		    char *out, size_t size)
{
	size_t n = 0;

	for (;;) {
		struct heard *h = HEARD(s);
		message_read(s->port, subscriber, m, n, on_octets, h);
		int err = wait_for(h);
		if (!err && h->n) {
			assert_true(n + h->n < size);
			memcpy(out + n, h->octets, h->n);
			n += h->n;
		}
		bool end = err || !h->n;
		free(h->octets);
		if (end) {
			out[n] = '\0';
			return err;
		}
	}
}

static void test_one_mail(void **state)
{
	struct bench_store *s = *state;
	int64_t now_us = clock_now_us();
	char text[100];
	struct binding b = {0};
	int64_t id = make_subscriber(s, 1);

	assert_int_equal(apply(s, an_event(LEASE_START, "10.0.0.1", 1, "s1", now_us)).result,
			 LEASE_APPLIED);
	assert_int_equal(check(s, "10.0.0.1", &b), 0);
	assert_int_equal(b.state, KEY_UNCONFIRMED);
	assert_int_equal(claim(s, "10.0.0.1", b.generation, id, &b), CLAIM_ACCEPTED);
	assert_int_equal(b.state, KEY_CONFIRMED);

	assert_int_equal(accept_mail(s, id, "Subject: x\r\n\r\nhello\r\n", now_us), 0);
	struct maildrop *drop = open_drop(s, id);
	assert_int_equal(drop->count, 1);
	assert_int_equal(read_all(s, id, &drop->messages[0], text, sizeof text), 0);
	assert_string_equal(text, "Return-Path: <>\r\nSubject: x\r\n\r\nhello\r\n");

	reopen_store(s);
	struct heard *h = HEARD(s);
	maildrop_update(s->port,
			&(struct maildrop_update){.via = {key_at("10.0.0.1"), b.generation, id},
						  .deleted = &drop->messages[0].uid,
						  .deleted_count = 1,
						  .listed_uid = drop->messages[0].uid},
			on_done, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(read_all(s, id, &drop->messages[0], text, sizeof text), E_NOT_FOUND);
	maildrop_free(drop);
	drop = open_drop(s, id);
	assert_int_equal(drop->count, 0);
	assert_int_equal(drop->uidnext, 2);
	maildrop_free(drop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_one_mail, setup_store, teardown_store),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
