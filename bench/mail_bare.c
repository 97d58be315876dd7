/* mail_bare -- the bare limit of mail that comes in: the same rows, by SQL alone, in one thread
 *
 * mail_bare FILE MAILBOXES GROUP MAILS OCTETS
 *	puts MAILS mails of OCTETS into a mail.db that has its schema, to MAILBOXES mailboxes in
 *turn (made if need be), GROUP of them a transaction (WAL, synchronous=FULL): no SMTP, no owner
 *looked up, no rules. The log is checkpointed between groups and the time of that is not counted.
 *
 * One line of JSON. The rows are those of db/mail_accept.c for mailboxes whose phones have no
 *address: a change there that adds or saves a row belongs here too.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sqlite3.h>

#include "bench/bare_sql.h"

#define FIRST_OWNER                                                                                \
	1000000000 /* nobody's id: the mailboxes of the gateway beside these are left alone */
#define PREFIX 260 /* octets of trace fields, as ours */

enum query { BOX, MAKE, BODY, CHUNK, MESSAGE, ROW, NEW_ROW, RAISE, CHANGE, BOX_PUT, QUERIES };

static const char *const sql[QUERIES] = {
	[BOX] = "SELECT id, uidnext FROM mailbox WHERE subscriber = ?1 AND name = 'INBOX'",
	[MAKE] = "INSERT INTO mailbox (subscriber, name, uidvalidity, uidnext, modseq, messages, "
		 "bytes, last_timestamp_s)"
		 " VALUES (?1, 'INBOX', 1, 1, 0, 0, 0, 0)",
	[BODY] = "INSERT INTO body (refs, pieces, size, touched_us) VALUES (1, 1, ?1, ?2)",
	[CHUNK] = "INSERT INTO chunk (id, start, octets) VALUES (?1 * 4096, 0, ?2)",
	[MESSAGE] = "INSERT INTO message (mailbox, uid, modseq, body, body_size, has_dot_lines, "
		    "received_us, prefix,"
		    " reverse_path) VALUES (?1, ?2, ?2, ?3, ?4, 0, ?5, ?6, 'load@sender.example')",
	[ROW] = "SELECT * FROM outbox WHERE subscriber = ?1",
	[NEW_ROW] = "INSERT INTO outbox (subscriber, newest_uid, covered_uid, timestamp_s, "
		    "attempts, next_us, mailed_us,"
		    " bearer, sms_attempts, sms_state, sent_us, sms_us, waiting_us) VALUES (?1, "
		    "?2, 0, ?3, 0, ?4, ?4, 0, 0,"
		    " 0, 0, 0, 0)",
	[RAISE] = "UPDATE outbox SET newest_uid = ?2, mailed_us = ?3 WHERE subscriber = ?1",
	[CHANGE] = "INSERT INTO change (at_us, kind, subscriber, former, realm, addr, plen, "
		   "port_first, port_last,"
		   " generation, state) VALUES (?1, 1, ?2, 0, '', NULL, 0, 0, 0, 0, 0)",
	[BOX_PUT] = "UPDATE mailbox SET uidnext = ?2 + 1, modseq = ?2, messages = messages + 1, "
		    "bytes = bytes + ?3,"
		    " last_timestamp_s = ?4 WHERE id = ?1",
};

struct bare {
	sqlite3 *db;
	sqlite3_stmt *q[QUERIES];
	uint8_t *octets;
	int64_t size, now_us;
};

/* Binds numbers from 1 on, and steps; the first column of the first row, 0: none. */
static int64_t ask(struct bare *b, enum query id, size_t n, const int64_t *numbers, int64_t *second)
{
	sqlite3_stmt *q = b->q[id];

	for (size_t i = 0; i < n; i++)
		sqlite3_bind_int64(q, (int)i + 1, numbers[i]);
	int status = sqlite3_step(q);
	int64_t value = status == SQLITE_ROW ? sqlite3_column_int64(q, 0) : 0;
	if (status != SQLITE_ROW && status != SQLITE_DONE)
		bare_die(b->db, sql[id]);
	if (second)
		*second = status == SQLITE_ROW ? sqlite3_column_int64(q, 1) : 0;
	sqlite3_reset(q);
	return value;
}
#define ASK(b, id, second, ...)                                                                    \
	ask(b, id, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (int64_t[]){__VA_ARGS__},   \
	    second)

static int64_t mailbox_of(struct bare *b, int64_t owner, int64_t *uid)
{
	int64_t box = ASK(b, BOX, uid, owner);

	if (box)
		return box;
	ASK(b, MAKE, NULL, owner);
	*uid = 1;
	return sqlite3_last_insert_rowid(b->db);
}

static void accept_one(struct bare *b, int64_t owner)
{
	static const uint8_t prefix[PREFIX] = "Return-Path: <load@sender.example>\r\n";
	int64_t uid, box = mailbox_of(b, owner, &uid), now = ++b->now_us;

	ASK(b, BODY, NULL, b->size, now);
	int64_t body = sqlite3_last_insert_rowid(b->db);
	sqlite3_bind_blob(b->q[CHUNK], 2, b->octets, (int)b->size, SQLITE_STATIC);
	ASK(b, CHUNK, NULL, body);
	sqlite3_bind_blob(b->q[MESSAGE], 6, prefix, sizeof prefix, SQLITE_STATIC);
	ASK(b, MESSAGE, NULL, box, uid, body, b->size, now);
	if (ASK(b, ROW, NULL, owner))
		ASK(b, RAISE, NULL, owner, uid, now);
	else
		ASK(b, NEW_ROW, NULL, owner, uid, now / 1000000, now);
	ASK(b, CHANGE, NULL, now, owner);
	ASK(b, BOX_PUT, NULL, box, uid, b->size + PREFIX, now / 1000000);
}

static void open_store(struct bare *b, const char *path)
{
	if (sqlite3_open_v2(path, &b->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		bare_die(b->db, path);
	sqlite3_busy_timeout(b->db, 5000); /* the gateway sweeps meanwhile */
	bare_execute(
		b->db,
		"PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-65536");
	for (int i = 0; i < QUERIES; i++) {
		if (sqlite3_prepare_v3(b->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &b->q[i],
				       NULL) != SQLITE_OK)
			bare_die(b->db, sql[i]);
	}
}

int main(int argc, char **argv)
{
	struct bare b = {.now_us = (int64_t)time(NULL) * 1000000};
	double took = 0;

	if (argc != 6) {
		fprintf(stderr, "usage: mail_bare FILE MAILBOXES GROUP MAILS OCTETS\n");
		return 2;
	}
	int64_t boxes = atoll(argv[2]), group = atoll(argv[3]), mails = atoll(argv[4]);
	b.size = atoll(argv[5]);
	b.octets = malloc((size_t)b.size);
	if (boxes < 1 || group < 1 || !b.octets)
		bare_die(b.db, "numbers from 1 on");
	memset(b.octets, 'a', (size_t)b.size);
	open_store(&b, argv[1]);
	for (int64_t i = 0; i < mails;) {
		double begun = bare_now_s();
		bare_execute(b.db, "BEGIN IMMEDIATE");
		for (int64_t k = 0; k < group && i < mails; k++, i++)
			accept_one(&b, FIRST_OWNER + i % boxes);
		bare_execute(b.db, "COMMIT");
		took += bare_now_s() - begun;
		if (i / 1024 != (i - group) / 1024)
			bare_execute(b.db, "PRAGMA wal_checkpoint(RESTART)");
	}
	printf("{\"mails\": %lld, \"group\": %lld, \"seconds\": %.3f, \"per_second\": %.0f}\n",
	       (long long)mails, (long long)group, took, (double)mails / took);
	for (int i = 0; i < QUERIES; i++)
		sqlite3_finalize(b.q[i]);
	sqlite3_close(b.db);
	free(b.octets);
	return 0;
}
