/* mail_fill -- mailboxes with mail in them, put into a mail.db that has its schema, by SQL alone
 *
 * mail_fill FILE FIRST BOXES MESSAGES OCTETS
 *	subscribers FIRST .. FIRST + BOXES - 1 get MESSAGES mails of OCTETS each: bodies, chunks,
 *messages and the mailbox's row, as if all had been announced and none fetched (no outbox, no
 *change feed). Each body begins "X-Owner: " and the subscriber in ten digits, which
 *bench/scale_pop.c checks. The store must stand still.
 *
 * The rows are those of db/mail_accept.c.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sqlite3.h>

#include "bench/bare_sql.h"

#define PREFIX "Return-Path: <load@sender.example>\r\n"

enum query { BOX, BODY, CHUNK, MESSAGE, QUERIES };

static const char *const sql[QUERIES] = {
	[BOX] = "INSERT INTO mailbox (subscriber, name, uidvalidity, uidnext, modseq, messages, "
		"bytes, last_timestamp_s)"
		" VALUES (?1, 'INBOX', 1, ?2 + 1, ?2, ?2, ?2 * ?3, 1)",
	[BODY] = "INSERT INTO body (refs, pieces, size, touched_us) VALUES (1, 1, ?1, ?2)",
	[CHUNK] = "INSERT INTO chunk (id, start, octets) VALUES (?1 * 4096, 0, ?2)",
	[MESSAGE] = "INSERT INTO message (mailbox, uid, modseq, body, body_size, has_dot_lines, "
		    "received_us, prefix, reverse_path)"
		    " VALUES (?1, ?2, ?2, ?3, ?4, 0, ?5, ?6, 'load@sender.example')",
};

struct filler {
	sqlite3 *db;
	sqlite3_stmt *q[QUERIES];
	char *octets;
	size_t size;
	int64_t now_us;
};

static int64_t run(struct filler *f, enum query id, const int64_t *numbers, int n)
{
	for (int i = 0; i < n; i++)
		sqlite3_bind_int64(f->q[id], i + 1, numbers[i]);
	if (sqlite3_step(f->q[id]) != SQLITE_DONE)
		bare_die(f->db, sql[id]);
	sqlite3_reset(f->q[id]);
	return sqlite3_last_insert_rowid(f->db);
}

/* Lines of 78 letters, and whose it is on top. */
static void make_octets(struct filler *f, size_t size)
{
	f->size = size < 40 ? 40 : size;
	f->octets = malloc(f->size);
	if (!f->octets)
		bare_die(f->db, "memory");
	memset(f->octets, 'a', f->size);
	for (size_t i = 78; i + 2 <= f->size; i += 80)
		memcpy(f->octets + i, "\r\n", 2);
	memcpy(f->octets + f->size - 2, "\r\n", 2);
}

static void set_owner(struct filler *f, int64_t owner)
{
	char line[32];
	int n = snprintf(line, sizeof line, "X-Owner: %010lld\r\n\r\n", (long long)owner);

	memcpy(f->octets, line, (size_t)n);
}

static void put_mail(struct filler *f, int64_t box, int64_t uid)
{
	int64_t now = ++f->now_us, size = (int64_t)f->size;
	int64_t body = run(f, BODY, (int64_t[]){size, now}, 2);

	sqlite3_bind_blob(f->q[CHUNK], 2, f->octets, (int)f->size, SQLITE_STATIC);
	run(f, CHUNK, &body, 1);
	sqlite3_bind_blob(f->q[MESSAGE], 6, PREFIX, sizeof PREFIX - 1, SQLITE_STATIC);
	run(f, MESSAGE, (int64_t[]){box, uid, body, size, now}, 5);
}

static void fill(struct filler *f, int64_t first, int64_t boxes, int64_t messages)
{
	int64_t each = (int64_t)(f->size + sizeof PREFIX - 1);

	for (int64_t i = 0; i < boxes; i++) {
		int64_t box = run(f, BOX, (int64_t[]){first + i, messages, each}, 3);
		set_owner(f, first + i);
		for (int64_t uid = 1; uid <= messages; uid++)
			put_mail(f, box, uid);
	}
}

int main(int argc, char **argv)
{
	struct filler f = {.now_us = (int64_t)time(NULL) * 1000000};

	if (argc != 6) {
		fprintf(stderr, "usage: mail_fill FILE FIRST BOXES MESSAGES OCTETS\n");
		return 2;
	}
	make_octets(&f, (size_t)atoll(argv[5]));
	if (sqlite3_open_v2(argv[1], &f.db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		bare_die(f.db, argv[1]);
	bare_execute(f.db,
		     "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-262144; "
		     "BEGIN IMMEDIATE");
	for (int i = 0; i < QUERIES; i++)
		if (sqlite3_prepare_v3(f.db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &f.q[i],
				       NULL) != SQLITE_OK)
			bare_die(f.db, sql[i]);
	fill(&f, atoll(argv[2]), atoll(argv[3]), atoll(argv[4]));
	bare_execute(f.db, "COMMIT; PRAGMA journal_mode=WAL");
	for (int i = 0; i < QUERIES; i++)
		sqlite3_finalize(f.q[i]);
	sqlite3_close(f.db);
	free(f.octets);
	return 0;
}
