/* The write-ahead log stays short, while others write, and while somebody reads a long mail slowly.
 */
#include "db/db_testing.h"

#define WAL_LIMIT (32 << 20)

static off_t wal_size(const struct bench_store *s, const char *file)
{
	char path[512];
	struct stat st;

	snprintf(path, sizeof path, "%s/%s-wal", s->dir, file);
	return stat(path, &st) ? 0 : st.st_size;
}

struct flood {
	struct bench_store *s;
	int64_t subscriber;
	int in_flight, left, failed;
	off_t worst;
};

static void flood_more(struct flood *f);

static void on_flooded(void *arg, int err, const int *errs, size_t n)
{
	struct flood *f = arg;

	f->failed += err || n != 1 || errs[0];
	f->in_flight--;
	off_t now = wal_size(f->s, "mail.db");
	f->worst = now > f->worst ? now : f->worst;
	flood_more(f);
	if (!f->in_flight)
		loop_stop(f->s->loop);
}

static void flood_more(struct flood *f)
{
	static uint8_t body[100000];
	struct mail_recipient r = {f->subscriber, "", 0};

	for (; f->left && f->in_flight < 16; f->left--, f->in_flight++)
		mail_accept(f->s->port,
			    &(struct mail_accept){.recipients = &r,
						  .recipient_count = 1,
						  .reverse_path = "",
						  .octets = body,
						  .size = sizeof body,
						  .received_us = clock_now_us()},
			    on_flooded, f);
}

static void run_flood(struct flood *f, int mails)
{
	f->left = mails;
	flood_more(f);
	while (f->in_flight)
		loop_run(f->s->loop);
	assert_int_equal(f->failed, 0);
}

static void test_log_is_bounded(void **state)
{
	struct bench_store *s = *state;
	struct flood f = {.s = s, .subscriber = make_subscriber(s, 1)};

	run_flood(&f, 1500); /* 150 MB */
	print_message("150 MB written, the log at most %lld KB\n", (long long)f.worst >> 10);
	assert_true(f.worst > 0 && f.worst < WAL_LIMIT);
}

/* The reader takes a piece of a large mail now and then, as a slow phone does; between the pieces
 * it holds nothing. */
static void test_slow_reader(void **state)
{
	struct bench_store *s = *state;
	struct flood f = {.s = s, .subscriber = make_subscriber(s, 1)};
	static uint8_t piece[BODY_PIECE_MAX];
	int64_t body = 0;
	uint64_t size = 0, offset = 0;

	for (uint32_t i = 0; i < 12; i++) {
		struct heard *h = HEARD(s);
		body_append(s->port, body, i, piece, sizeof piece, on_body, h);
		assert_int_equal(wait_for(h), 0);
		body = h->id;
		size += sizeof piece;
	}
	struct heard *h = HEARD(s);
	struct mail_recipient r = {f.subscriber, "", 0};
	mail_accept(s->port,
		    &(struct mail_accept){.recipients = &r,
					  .recipient_count = 1,
					  .reverse_path = "",
					  .body = body,
					  .size = size,
					  .received_us = clock_now_us()},
		    on_accepted, h);
	assert_int_equal(wait_for(h), 0);
	struct maildrop *drop = open_drop(s, f.subscriber);
	while (offset < size) {
		h = HEARD(s);
		message_read(s->port, f.subscriber, &drop->messages[0], offset, on_octets, h);
		assert_int_equal(wait_for(h), 0);
		assert_true(h->n > 0);
		offset += h->n;
		free(h->octets);
		run_flood(&f, 60);
	}
	maildrop_free(drop);
	print_message("72 MB written between pieces, the log at most %lld KB\n",
		      (long long)f.worst >> 10);
	assert_true(f.worst < WAL_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_log_is_bounded), TEST(test_slow_reader)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
