/* Mail: in, out, deleted; bodies in pieces; who may not delete; whose mail goes when he goes. */
#include <sqlite3.h>

#include "db/db_testing.h"
#include "db/handed_over.h"

#define PREFIX "Return-Path: <>\r\n" /* accept_mail's */

static int64_t row_count(struct bench_store *s, const char *table)
{
	char path[512], sql[128];
	sqlite3 *db;
	sqlite3_stmt *stmt;

	snprintf(path, sizeof path, "%s/mail.db", s->dir);
	snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	int64_t n = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return n;
}

/* A subscriber with a confirmed binding at 10.0.0.N. */
static struct access_via attach(struct bench_store *s, int n)
{
	char ip[32], session[32];
	int64_t id = make_subscriber(s, n);
	struct binding b = {0};

	snprintf(ip, sizeof ip, "10.0.0.%d", n);
	snprintf(session, sizeof session, "s%d", n);
	apply(s, an_event(LEASE_START, ip, n, session, clock_now_us()));
	check(s, ip, &b);
	assert_int_equal(claim(s, ip, b.generation, id, &b), CLAIM_ACCEPTED);
	return (struct access_via){b.key, b.generation, id};
}

static int update(struct bench_store *s, const struct maildrop_update *u)
{
	struct heard *h = HEARD(s);

	maildrop_update(s->port, u, on_done, h);
	return wait_for(h);
}

static int delete_one(struct bench_store *s, const struct access_via *via, uint32_t uid)
{
	return update(s,
		      &(struct maildrop_update){
			      .via = *via, .deleted = &uid, .deleted_count = 1, .listed_uid = uid});
}

static uint64_t read_all(struct bench_store *s, int64_t subscriber,
			 const struct maildrop_message *m, uint64_t offset, uint8_t *out,
			 int *calls)
{
	uint64_t n = 0;

	for (*calls = 0;; (*calls)++) {
		struct heard *h = malloc(sizeof *h);
		*h = (struct heard){.s = s};
		message_read(s->port, subscriber, m, offset + n, on_octets, h);
		assert_int_equal(wait_for(h), 0);
		assert_true(h->n <= BODY_PIECE_MAX);
		memcpy(out + n, h->octets, h->n);
		n += h->n;
		bool end = !h->n;
		free(h->octets);
		free(h);
		if (end)
			return n;
	}
}

static int recipient(struct bench_store *s, const char *address, uint64_t size, uint64_t quota,
		     int64_t *id)
{
	struct heard *h = HEARD(s);

	recipient_check(s->port, address, size, quota, on_recipient, h);
	int err = wait_for(h);
	*id = h->id;
	return err;
}

static void test_recipients_and_quota(void **state)
{
	struct bench_store *s = *state;
	int64_t id = make_subscriber(s, 1), found;
	const char *address = "u819000000001@hato.example";
	static const struct {
		uint64_t size, quota;
		int err;
	} cases[] = {
		{0, 0, 0},
		{1000, 0, 0},
		{100, 117, 0},
		{100, 116, 0},
		/* 117 are stored: */
		{0, 117, E_FULL},
		{0, 118, 0},
		{1, 118, 0},
		{2, 118, E_FULL},
		{UINT64_MAX, 118, E_FULL},
		{UINT64_MAX, UINT64_MAX, E_FULL},
	};
	char body[101];

	assert_int_equal(recipient(s, "nobody@hato.example", 1, 0, &found), E_NOT_FOUND);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		if (i == 4) {
			memset(body, 'x', 100);
			body[100] = '\0';
			assert_int_equal(accept_mail(s, id, body, clock_now_us()), 0);
		}
		assert_int_equal(recipient(s, address, cases[i].size, cases[i].quota, &found),
				 cases[i].err);
		assert_int_equal(found, id);
	}
}

static int accept_as(struct bench_store *s, const char *xid, const int64_t *subscribers, size_t n,
		     bool all_or_none, uint64_t quota, int *errs)
{
	struct mail_recipient r[8] = {0};
	struct heard *h = malloc(sizeof *h);

	*h = (struct heard){.s = s};
	for (size_t i = 0; i < n; i++)
		r[i] = (struct mail_recipient){subscribers[i], "P: 1\r\n", 6};
	mail_accept(s->port,
		    &(struct mail_accept){.recipients = r,
					  .recipient_count = n,
					  .all_or_none = all_or_none,
					  .reverse_path = "a@b.example",
					  .octets = (const uint8_t *)"0123456789",
					  .size = 10,
					  .quota_bytes = quota,
					  .received_us = clock_now_us(),
					  .xid = xid},
		    on_accepted, h);
	int err = wait_for(h);
	assert_int_equal(h->n, n);
	memcpy(errs, h->errs, n * sizeof *errs);
	free(h);
	return err;
}

static int accept_for(struct bench_store *s, const int64_t *subscribers, size_t n, bool all_or_none,
		      uint64_t quota, int *errs)
{
	return accept_as(s, NULL, subscribers, n, all_or_none, quota, errs);
}

static size_t message_count(struct bench_store *s, int64_t subscriber)
{
	struct maildrop *drop = open_drop(s, subscriber);
	size_t n = drop->count;

	maildrop_free(drop);
	return n;
}

/* smtpgw died before it could write down that it had delivered: the same mail comes again. */
static void test_a_mail_of_the_queue_comes_once(void **state)
{
	struct bench_store *s = *state;
	int64_t ids[3] = {make_subscriber(s, 1), make_subscriber(s, 2), 999};
	int errs[3];

	assert_int_equal(accept_as(s, "7.1", ids, 1, true, 0, errs), 0);
	assert_int_equal(errs[0], 0);
	assert_true(handed_over_has(s->port, "7.1", ids[0]));
	assert_false(handed_over_has(s->port, "7.1", ids[1]));
	assert_int_equal(accept_as(s, "7.1", ids, 1, true, 0, errs), 0);
	assert_int_equal(errs[0], 0);
	assert_int_equal(message_count(s, ids[0]), 1);
	/* one more recipient of it; who has it already may be full */
	assert_int_equal(accept_as(s, "7.1", ids, 2, true, 16, errs), 0);
	assert_int_equal(errs[0] | errs[1], 0);
	assert_int_equal(message_count(s, ids[0]), 1);
	assert_int_equal(message_count(s, ids[1]), 1);
	/* all or none: nothing was written down either */
	assert_int_equal(accept_as(s, "8.1", ids, 3, true, 0, errs), 0);
	assert_int_equal(errs[2], E_NOT_FOUND);
	assert_false(handed_over_has(s->port, "8.1", ids[0]));
	/* each name for itself, and no name is none */
	assert_int_equal(accept_as(s, "8.1", ids, 2, true, 0, errs), 0);
	assert_int_equal(accept_as(s, "", ids, 2, true, 0, errs), 0);
	assert_int_equal(accept_as(s, "", ids, 2, true, 0, errs), 0);
	assert_int_equal(message_count(s, ids[0]), 4);
}

static void test_handed_over_is_forgotten_after_a_day(void **state)
{
	struct bench_store *s = *state;
	int64_t id = make_subscriber(s, 1), now_us = clock_now_us();
	struct heard *h = calloc(1, sizeof *h);
	int err;

	assert_int_equal(accept_as(s, "7.1", &id, 1, true, 0, &err), 0);
	h->s = s;
	mail_sweep(s->port, now_us + HANDED_OVER_KEEP_US - 60 * SECOND_US, on_done, h);
	assert_int_equal(wait_for(h), 0);
	assert_true(handed_over_has(s->port, "7.1", id));
	*h = (struct heard){.s = s};
	mail_sweep(s->port, now_us + HANDED_OVER_KEEP_US + 60 * SECOND_US, on_done, h);
	assert_int_equal(wait_for(h), 0);
	assert_false(handed_over_has(s->port, "7.1", id));
	free(h);
}

static void test_several_recipients(void **state)
{
	struct bench_store *s = *state;
	int64_t ids[4] = {make_subscriber(s, 1), 999, make_subscriber(s, 2), make_subscriber(s, 3)};
	int errs[4];

	/* 2 is full: quota for one message of 16. */
	assert_int_equal(accept_for(s, &ids[2], 1, false, 16, errs), 0);
	assert_int_equal(accept_for(s, ids, 4, true, 16, errs), 0);
	assert_int_equal(errs[0], 0);
	assert_int_equal(errs[1], E_NOT_FOUND);
	assert_int_equal(errs[2], E_FULL);
	assert_int_equal(message_count(s, ids[0]), 0); /* all or none */
	assert_int_equal(row_count(s, "body"), 1);

	assert_int_equal(accept_for(s, ids, 4, false, 16, errs), 0);
	assert_int_equal(errs[1], E_NOT_FOUND);
	assert_int_equal(errs[2], E_FULL);
	assert_int_equal(message_count(s, ids[0]), 1);
	assert_int_equal(message_count(s, ids[3]), 1);
	assert_int_equal(row_count(s, "body"), 2); /* stored once for both */

	/* One for whom nobody can be served leaves nothing. */
	assert_int_equal(accept_for(s, &ids[1], 2, false, 16, errs), 0);
	assert_int_equal(row_count(s, "body"), 2);
}

static void test_deleted_and_gone(void **state)
{
	struct bench_store *s = *state;
	struct access_via first = attach(s, 1), second = attach(s, 2);
	int64_t ids[2] = {first.subscriber, second.subscriber};
	struct mailbox_info info;
	int errs[2];

	assert_int_equal(accept_for(s, ids, 2, false, 0, errs), 0);
	assert_int_equal(accept_mail(s, ids[0], "second\r\n", clock_now_us()), 0);
	assert_int_equal(delete_one(s, &first, 1), 0);
	assert_int_equal(delete_one(s, &first, 1), 0); /* already gone: no matter */
	assert_int_equal(row_count(s, "chunk"), 2);    /* the other still has it */
	assert_int_equal(delete_one(s, &second, 1), 0);
	assert_int_equal(row_count(s, "chunk"), 1);
	assert_int_equal(row_count(s, "message_tombstone"), 2);

	/* Uids are not used again. */
	assert_int_equal(delete_one(s, &first, 2), 0);
	assert_int_equal(row_count(s, "body"), 0);
	assert_int_equal(accept_mail(s, ids[0], "third\r\n", clock_now_us()), 0);
	struct maildrop *drop = open_drop(s, ids[0]);
	assert_int_equal(drop->messages[0].uid, 3);
	assert_int_equal(drop->uidnext, 4);
	assert_int_not_equal(drop->uidvalidity, 0);
	maildrop_free(drop);

	struct heard *h = HEARD(s);
	mailbox_info(s->port, ids[0], on_info, h);
	assert_int_equal(wait_for(h), 0);
	info = h->info;
	assert_int_equal(info.messages, 1);
	assert_int_equal(info.bytes, strlen(PREFIX) + 7);
	assert_true(info.trigger_pending);
	assert_true(info.oldest_us == info.newest_us && info.oldest_us > 0);
	h = HEARD(s);
	mailbox_info(s->port, 99, on_info, h);
	assert_int_equal(wait_for(h), E_NOT_FOUND);
}

/* The three keys at the moment of deleting: another generation, another subscriber, no binding any
 * more: nothing goes. */
static void test_not_his_any_more(void **state)
{
	struct bench_store *s = *state;
	struct access_via via = attach(s, 1), other = attach(s, 2), wrong;
	uint32_t uid = 1;
	struct outbox_row row;

	assert_int_equal(accept_mail(s, via.subscriber, "mine\r\n", clock_now_us()), 0);
	wrong = via;
	wrong.generation++;
	assert_int_equal(delete_one(s, &wrong, 1), E_CONFLICT);
	wrong = via;
	wrong.key = other.key;
	assert_int_equal(delete_one(s, &wrong, 1), E_CONFLICT);
	wrong = via;
	wrong.key = key_at("10.9.9.9");
	assert_int_equal(delete_one(s, &wrong, 1), E_CONFLICT);
	wrong = other; /* he has no such message */
	assert_int_equal(delete_one(s, &wrong, 1), 0);

	/* The address went to another: the reads of the old session are on record, and nothing else
	 * happened. */
	apply(s, an_event(LEASE_START, "10.0.0.1", 2, "s9", clock_now_us()));
	int64_t accesses = row_count(s, "access");
	assert_int_equal(update(s, &(struct maildrop_update){.via = via,
							     .deleted = &uid,
							     .deleted_count = 1,
							     .read = &uid,
							     .read_count = 1,
							     .listed_uid = 1}),
			 E_CONFLICT);
	assert_int_equal(row_count(s, "access"), accesses + 1);
	assert_int_equal(message_count(s, via.subscriber), 1);
	assert_int_equal(get_outbox_row(s, via.subscriber, &row), 0);
}

static void test_empty_mailbox(void **state)
{
	struct bench_store *s = *state;
	int64_t id = make_subscriber(s, 1);
	struct maildrop *drop = open_drop(s, id);

	assert_int_equal(drop->count, 0);
	assert_int_not_equal(drop->uidvalidity, 0);
	maildrop_free(drop);
}

static int append(struct bench_store *s, int64_t *body, uint32_t piece, const uint8_t *octets,
		  size_t n)
{
	struct heard *h = HEARD(s);

	body_append(s->port, *body, piece, octets, n, on_body, h);
	int err = wait_for(h);
	if (!err)
		*body = h->id;
	return err;
}

static int take_body(struct bench_store *s, int64_t subscriber, int64_t body, uint64_t size,
		     bool dots)
{
	struct heard *h = HEARD(s);
	struct mail_recipient r = {subscriber, "P: 1\r\n", 6};

	mail_accept(s->port,
		    &(struct mail_accept){.recipients = &r,
					  .recipient_count = 1,
					  .reverse_path = "",
					  .body = body,
					  .size = size,
					  .has_dot_lines = dots,
					  .received_us = clock_now_us()},
		    on_accepted, h);
	int err = wait_for(h);
	return err ? err : h->errs[0];
}

static void fill(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(i * 31 + i / 251);
}

/* Bodies of every awkward size come back as they were, from any offset, each chunk loaded once. */
static void test_large_bodies(void **state)
{
	struct bench_store *s = *state;
	struct access_via via = attach(s, 1);
	enum { MAX = 3 * BODY_PIECE_MAX + 17 };
	uint8_t *octets = malloc(MAX + 1), *back = malloc(MAX + 100);
	static const size_t sizes[] = {
		1, BODY_PIECE_MAX - 7, BODY_PIECE_MAX, BODY_PIECE_MAX + 1, 2 * BODY_PIECE_MAX, MAX};
	static const size_t steps[] = {BODY_PIECE_MAX, 65536, 200001};

	fill(octets, MAX);
	for (size_t i = 0; i < 18; i++) {
		size_t size = sizes[i / 3], step = steps[i % 3];
		int64_t body = 0;
		uint32_t piece = 0;
		int calls;

		for (size_t at = 0; at < size; at += step, piece++) {
			size_t n = size - at < step ? size - at : step;
			assert_int_equal(append(s, &body, piece, octets + at, n), 0);
		}
		assert_int_equal(take_body(s, via.subscriber, body, size, true), 0);
		struct maildrop *drop = open_drop(s, via.subscriber);
		const struct maildrop_message *m = &drop->messages[drop->count - 1];
		assert_int_equal(m->body_size, size);
		assert_int_equal(m->prefix_size, 6);
		assert_true(m->has_dot_lines);
		assert_int_equal(read_all(s, via.subscriber, m, 0, back, &calls), size + 6);
		assert_memory_equal(back, "P: 1\r\n", 6);
		assert_memory_equal(back + 6, octets, size);
		assert_true((size_t)calls <= 1 + piece);
		for (size_t offset = 3; offset < size + 6; offset = offset * 7 + 1) {
			uint64_t rest = size + 6 - offset;
			assert_int_equal(read_all(s, via.subscriber, m, offset, back, &calls),
					 rest);
			if (offset >= 6)
				assert_memory_equal(back, octets + offset - 6, rest);
		}
		maildrop_free(drop);
	}
	/* Deleted: small ones at once, large ones by the sweep, and the file gets smaller. */
	uint32_t uids[18];
	for (uint32_t i = 0; i < 18; i++)
		uids[i] = i + 1;
	assert_int_equal(update(s, &(struct maildrop_update){.via = via,
							     .deleted = uids,
							     .deleted_count = 18,
							     .listed_uid = 18}),
			 0);
	assert_true(row_count(s, "chunk") > 0);
	struct heard *h = HEARD(s);
	mail_sweep(s->port, clock_now_us(), on_done, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(row_count(s, "chunk"), 0);
	assert_int_equal(row_count(s, "body"), 0);
	free(octets);
	free(back);
}

static void test_hostile_appends(void **state)
{
	struct bench_store *s = *state;
	int64_t id = make_subscriber(s, 1), body = 0, none = 0, unknown = 12345;
	static uint8_t octets[BODY_PIECE_MAX + 1];

	assert_int_equal(append(s, &none, 0, octets, sizeof octets), E_TOO_LARGE);
	assert_int_equal(append(s, &none, 4096, octets, 1), E_TOO_LARGE);
	assert_int_equal(append(s, &none, 1, octets, 1),
			 E_CONFLICT); /* begins with its second piece */
	assert_int_equal(append(s, &unknown, 1, octets, 1), E_NOT_FOUND);
	assert_int_equal(append(s, &body, 0, octets, 10), 0);
	assert_int_equal(append(s, &body, 0, octets, 10), E_CONFLICT);   /* the same piece again */
	assert_int_equal(append(s, &body, 2, octets, 10), E_CONFLICT);   /* a gap */
	assert_int_equal(take_body(s, id, body, 11, false), E_CONFLICT); /* of another size */
	assert_int_equal(take_body(s, id, unknown, 10, false), E_NOT_FOUND);
	assert_int_equal(take_body(s, id, body, 10, false), 0);
	assert_int_equal(take_body(s, id, body, 10, false), E_CONFLICT); /* somebody's already */
	assert_int_equal(append(s, &body, 1, octets, 10), E_CONFLICT);
	assert_int_equal(message_count(s, id), 1);
}

static void test_orphans(void **state)
{
	struct bench_store *s = *state;
	int64_t now_us = clock_now_us(), old = 0, named = 0;
	int64_t id = make_subscriber(s, 1);
	uint8_t octets[1000] = {0};

	assert_int_equal(append(s, &old, 0, octets, sizeof octets), 0);
	assert_int_equal(append(s, &named, 0, octets, sizeof octets), 0);
	assert_int_equal(take_body(s, id, named, sizeof octets, false), 0);
	struct heard *h = HEARD(s);
	mail_sweep(s->port, now_us + 3500 * SECOND_US, on_done, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(row_count(s, "body"), 2);
	h = HEARD(s);
	mail_sweep(s->port, now_us + 3700 * SECOND_US, on_done, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(row_count(s, "body"), 1);
	assert_int_equal(row_count(s, "chunk"), 1);
	assert_int_equal(take_body(s, id, old, sizeof octets, false), E_NOT_FOUND);
}

/* A list from before must not lead to what came after. */
static void test_stale_list(void **state)
{
	struct bench_store *s = *state;
	struct access_via via = attach(s, 1), other = attach(s, 2);
	struct heard *h = HEARD(s);

	assert_int_equal(accept_mail(s, via.subscriber, "old\r\n", clock_now_us()), 0);
	struct maildrop *drop = open_drop(s, via.subscriber);
	assert_int_equal(delete_one(s, &via, 1), 0);
	assert_int_equal(accept_mail(s, other.subscriber, "of another\r\n", clock_now_us()), 0);
	message_read(s->port, via.subscriber, &drop->messages[0], 0, on_octets, h);
	assert_int_equal(wait_for(h), E_NOT_FOUND);
	free(h->octets);
	/* Nor may one subscriber read another's by his own list. */
	struct maildrop *others = open_drop(s, other.subscriber);
	h = HEARD(s);
	message_read(s->port, via.subscriber, &others->messages[0], 0, on_octets, h);
	assert_int_equal(wait_for(h), E_NOT_FOUND);
	free(h->octets);
	/* Nor by a body that is not his message's. */
	assert_int_equal(accept_mail(s, via.subscriber, "new\r\n", clock_now_us()), 0);
	maildrop_free(drop);
	drop = open_drop(s, via.subscriber);
	drop->messages[0].body = others->messages[0].body;
	h = HEARD(s);
	message_read(s->port, via.subscriber, &drop->messages[0], 0, on_octets, h);
	assert_int_equal(wait_for(h), E_NOT_FOUND);
	free(h->octets);
	maildrop_free(drop);
	maildrop_free(others);
}

static void test_purge(void **state)
{
	struct bench_store *s = *state;
	int64_t ids[3] = {make_subscriber(s, 1), make_subscriber(s, 2), make_subscriber(s, 3)};
	struct outbox_row row;
	struct heard *h;

	for (int i = 0; i < 450; i++)
		assert_int_equal(accept_mail(s, ids[i % 2], "x\r\n", clock_now_us()), 0);
	h = HEARD(s);
	mail_purge_gone(s->port, on_purged, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(h->n, 0);
	h = HEARD(s);
	subscriber_remove(s->port, "819000000001", on_done, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(accept_mail(s, ids[0], "x\r\n", clock_now_us()), E_NOT_FOUND);
	h = HEARD(s);
	mail_purge_gone(s->port, on_purged, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(h->n, 225);
	assert_int_equal(get_outbox_row(s, ids[0], &row), E_NOT_FOUND);
	assert_int_equal(get_outbox_row(s, ids[1], &row), 0);
	assert_int_equal(message_count(s, ids[1]), 225);
	assert_int_equal(row_count(s, "chunk"), 225);
	h = HEARD(s);
	mail_purge_gone(s->port, on_purged, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(h->n, 0);
}

static void test_list_limit(void **state)
{
	struct bench_store *s = *state;
	int64_t id = make_subscriber(s, 1);
	struct heard *h = HEARD(s);

	for (int i = 0; i < 30; i++)
		assert_int_equal(accept_mail(s, id, "x\r\n", clock_now_us()), 0);
	maildrop_open(s->port, id, 10, on_drop, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(h->drop->count, 10);
	for (uint32_t i = 0; i < 10; i++)
		assert_int_equal(h->drop->messages[i].uid, i + 1);
	maildrop_free(h->drop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_recipients_and_quota),
		TEST(test_several_recipients),
		TEST(test_a_mail_of_the_queue_comes_once),
		TEST(test_handed_over_is_forgotten_after_a_day),
		TEST(test_deleted_and_gone),
		TEST(test_not_his_any_more),
		TEST(test_empty_mailbox),
		TEST(test_large_bodies),
		TEST(test_hostile_appends),
		TEST(test_orphans),
		TEST(test_stale_list),
		TEST(test_purge),
		TEST(test_list_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
