/* queue_bare -- the bare limit of the outbound queue: the same rows by SQL alone, in one thread
 *
 * queue_bare FILE MAILS GROUP SETTLED
 *
 * Puts that many mails into a queue.db that has its schema and is empty, GROUP a transaction (WAL,
 * synchronous=FULL), then takes them away again as a delivered one goes, SETTLED a transaction: the
 * statements of db/queue_put.c and db/queue_settle.c, and nothing else: no sender looked up,
 * nothing copied, no completions, no feed to wake. The WAL is checkpointed between groups, and the
 * time of that is not counted. Lanes and octets are queue_bench's.
 *
 * One line of JSON. A change of the rows there belongs here too.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sqlite3.h>

#include "bench/bare_sql.h"

#define OCTETS 2000
#define LANES  1000
#define DEAD   "dead.example"

enum query {
	TOTAL,
	LANE,
	LANE_NEW,
	LANE_NEXT,
	BODY,
	CHUNK,
	MAIL,
	RECIPIENT,
	CHANGE,
	GONE,
	FIRST,
	LANE_SET,
	LANE_DROP,
	LEFT,
	MAIL_GONE,
	BODY_GET,
	CHUNK_GONE,
	BODY_GONE,
	QUERIES
};

static const char *const sql[QUERIES] = {
	[TOTAL] = "SELECT mails, octets FROM total WHERE id = 1",
	[LANE] = "SELECT id, next_us FROM lane WHERE name = ?1",
	[LANE_NEW] = "INSERT INTO lane (name, next_us, is_held) VALUES (?1, ?2, 0)",
	[BODY] = "INSERT INTO body (refs, pieces, size, touched_us) VALUES (1, 1, ?1, ?2)",
	[CHUNK] = "INSERT INTO chunk (id, start, octets) VALUES (?1, 0, ?2)",
	[MAIL] =
		"INSERT INTO mail (id, sender, reverse_path, envid, ret, is_utf8, is_8bit, size, "
		"received_us, recipients, is_held) VALUES (?1, ?2, 'u1@hato.example', '', 0, 0, 0, "
		"?3, ?4, 1, 0)",
	[RECIPIENT] = "INSERT INTO recipient (mail, number, lane, next_us, address, canonical, "
		      "notify, orcpt, attempts, is_warned, tried_us, code, enhanced, text, remote) "
		      "VALUES (?1, 1, ?2, ?3, ?4, ?4, 0, '', 0, 0, 0, 0, '', '', '')",
	[CHANGE] = "INSERT INTO change (at_us, kind, subscriber, former, realm, addr, plen, "
		   "port_first, port_last, generation, state) VALUES (?1, 8, 0, ?2, '', "
		   "zeroblob(16), 0, 0, 0, 0, 0)",
	[GONE] = "DELETE FROM recipient WHERE mail = ?1 AND number = 1 RETURNING lane",
	[FIRST] = ("SELECT next_us FROM recipient WHERE lane = ?1 AND next_us IS NOT NULL ORDER BY "
		   "next_us LIMIT 1"),
	[LANE_SET] = "UPDATE lane SET next_us = ?2 WHERE id = ?1 AND next_us IS NOT ?2",
	[LANE_DROP] = "DELETE FROM lane WHERE id = ?1",
	[LEFT] = "SELECT recipients FROM mail WHERE id = ?1",
	[MAIL_GONE] = "DELETE FROM mail WHERE id = ?1",
	[BODY_GET] = "SELECT refs, pieces, size FROM body WHERE id = ?1",
	[CHUNK_GONE] = "DELETE FROM chunk WHERE id >= ?1 AND id < ?1 + 4096",
	[BODY_GONE] = "DELETE FROM body WHERE id = ?1",
	[LANE_NEXT] = "SELECT 1 FROM recipient WHERE lane = ?1 LIMIT 1",
};

struct bare {
	sqlite3 *db;
	sqlite3_stmt *q[QUERIES];
};

static sqlite3_stmt *ready(struct bare *b, enum query id)
{
	if (!b->q[id] && sqlite3_prepare_v2(b->db, sql[id], -1, &b->q[id], NULL) != SQLITE_OK)
		bare_die(b->db, sql[id]);
	sqlite3_reset(b->q[id]);
	return b->q[id];
}

static int64_t run(struct bare *b, sqlite3_stmt *q)
{
	int rc = sqlite3_step(q);
	int64_t value = rc == SQLITE_ROW ? sqlite3_column_int64(q, 0) : -1;

	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		bare_die(b->db, sqlite3_sql(q));
	sqlite3_reset(q);
	return value;
}

/* Of integers. */
static int64_t ask(struct bare *b, enum query id, int count, int64_t first, int64_t second)
{
	sqlite3_stmt *q = ready(b, id);

	if (count > 0)
		sqlite3_bind_int64(q, 1, first);
	if (count > 1)
		sqlite3_bind_int64(q, 2, second);
	return run(b, q);
}

static int64_t lane_of(struct bare *b, const char *name, int64_t now_us)
{
	sqlite3_stmt *q = ready(b, LANE);

	sqlite3_bind_text(q, 1, name, -1, SQLITE_STATIC);
	int64_t id = run(b, q);
	if (id >= 0)
		return id;
	q = ready(b, LANE_NEW);
	sqlite3_bind_text(q, 1, name, -1, SQLITE_STATIC);
	sqlite3_bind_int64(q, 2, now_us);
	run(b, q);
	return sqlite3_last_insert_rowid(b->db);
}

static void put(struct bare *b, int64_t n)
{
	static uint8_t octets[OCTETS];
	int64_t now_us = 1700000000000000 + n;
	char lane[32] = DEAD, address[64];

	if (n % 2)
		snprintf(lane, sizeof lane, "d%u.example", (unsigned)n / 2 % LANES);
	snprintf(address, sizeof address, "user%u@%s", (unsigned)n, lane);
	ask(b, TOTAL, 0, 0, 0);
	ask(b, BODY, 2, OCTETS, now_us);
	int64_t id = sqlite3_last_insert_rowid(b->db);
	sqlite3_stmt *q = ready(b, CHUNK);
	sqlite3_bind_int64(q, 1, id * 4096);
	sqlite3_bind_blob(q, 2, octets, OCTETS, SQLITE_STATIC);
	run(b, q);
	q = ready(b, MAIL);
	sqlite3_bind_int64(q, 1, id);
	sqlite3_bind_int64(q, 2, n * 7919 % 200 + 1);
	sqlite3_bind_int64(q, 3, OCTETS);
	sqlite3_bind_int64(q, 4, now_us);
	run(b, q);
	int64_t at = lane_of(b, lane, now_us);
	q = ready(b, RECIPIENT);
	sqlite3_bind_int64(q, 1, id);
	sqlite3_bind_int64(q, 2, at);
	sqlite3_bind_int64(q, 3, now_us);
	sqlite3_bind_text(q, 4, address, -1, SQLITE_STATIC);
	run(b, q);
	ask(b, CHANGE, 2, now_us, at);
}

static void settle(struct bare *b, int64_t n)
{
	int64_t id = n + 1, lane = ask(b, GONE, 1, id, 0), next_us = ask(b, FIRST, 1, lane, 0);

	if (next_us >= 0) {
		ask(b, LANE_SET, 2, lane, next_us);
	} else {
		ask(b, LANE_NEXT, 1, lane, 0);
		ask(b, LANE_DROP, 1, lane, 0);
	}
	ask(b, LEFT, 1, id, 0);
	ask(b, MAIL_GONE, 1, id, 0);
	ask(b, BODY_GET, 1, id, 0);
	ask(b, CHUNK_GONE, 1, id * 4096, 0);
	ask(b, BODY_GONE, 1, id, 0);
}

/* How many a second. */
static double all(struct bare *b, void (*one)(struct bare *, int64_t), int64_t mails, int64_t group)
{
	double counted_s = 0;

	for (int64_t n = 0; n < mails;) {
		double begun_s = bare_now_s();
		bare_execute(b->db, "BEGIN IMMEDIATE");
		for (int64_t i = 0; i < group && n < mails; i++)
			one(b, n++);
		bare_execute(b->db, "COMMIT");
		counted_s += bare_now_s() - begun_s;
		sqlite3_wal_checkpoint_v2(b->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
	}
	return (double)mails / counted_s;
}

int main(int argc, char **argv)
{
	struct bare b = {.db = NULL};

	if (argc != 5) {
		fprintf(stderr, "queue_bare FILE MAILS GROUP SETTLED\n");
		return 2;
	}
	int64_t mails = atoll(argv[2]), group = atoll(argv[3]), settled = atoll(argv[4]);
	if (sqlite3_open_v2(argv[1], &b.db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		bare_die(b.db, argv[1]);
	bare_execute(b.db,
		     "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cache_size = "
		     "-65536; PRAGMA wal_autocheckpoint = 0; PRAGMA temp_store = MEMORY");
	double puts = all(&b, put, mails, group), settles = all(&b, settle, mails, settled);
	printf("{\"what\":\"bare\",\"mails\":%lld,\"group\":%lld,\"puts_per_second\":%.0f,"
	       "\"settles_per_second\":%.0f}\n",
	       (long long)mails, (long long)group, puts, settles);
	for (int i = 0; i < QUERIES; i++)
		sqlite3_finalize(b.q[i]);
	sqlite3_close(b.db);
	return 0;
}
