/* The write-ahead log stays short, while others write, and while somebody reads a long mail slowly.
 */
#include <sqlite3.h>

#include "db/db_testing.h"

#define WAL_LIMIT (128 << 20)

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
		run_flood(&f, 120);
	}
	maildrop_free(drop);
	print_message("144 MB written between pieces, the log at most %lld KB\n",
		      (long long)f.worst >> 10);
	assert_true(f.worst < WAL_LIMIT);
}

/* ---- a reader in the way of the log's new beginning ---- */

static sqlite3 *stranger(const struct bench_store *s, const char *sql)
{
	char path[512];
	sqlite3 *db;

	snprintf(path, sizeof path, "%s/bindings.db", s->dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 10000);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	return db;
}

static void grow(sqlite3 *db, int mib)
{
	for (int i = 0; i < mib; i++)
		assert_int_equal(sqlite3_exec(db, "INSERT INTO ballast VALUES (zeroblob(1 << 20))",
					      NULL, NULL, NULL),
				 SQLITE_OK);
}

/* One small commit of ours; the log's length behind it. */
static uint64_t commit_one(struct bench_store *s)
{
	static int number = 1000;
	struct db_stats stats;

	make_subscriber(s, ++number);
	db_stats_read(s->db, &stats);
	return stats.wal_bytes[DB_BINDINGS];
}

static void test_a_reader_in_the_way(void **state)
{
	enum { LONG_MIB = 130, AGAIN_MIB = 6, MEANWHILE = 300, LIMIT_MIB = 200 };
	struct bench_store *s = *state;
	sqlite3 *writer = stranger(s, "PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = OFF;"
				      "CREATE TABLE ballast(octets)");
	sqlite3 *reader = stranger(s, "BEGIN; SELECT count(*) FROM ballast");

	grow(writer, LONG_MIB);
	/* It is tried, by the checkpointer's thread, and fails. */
	for (int i = 0; i < MEANWHILE; i++)
		assert_true(commit_one(s) > LONG_MIB << 20);
	sqlite3_close(reader);
	grow(writer, AGAIN_MIB);
	uint64_t now = commit_one(s), worst = now;
	while (now > 1 << 20 && now < LIMIT_MIB << 20) {
		now = commit_one(s);
		worst = now > worst ? now : worst;
	}
	print_message("the log began anew behind %llu MB\n", (unsigned long long)worst >> 20);
	assert_true(now <= 1 << 20);
	sqlite3_close(writer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_log_is_bounded), TEST(test_slow_reader),
					   TEST(test_a_reader_in_the_way)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
