/* bare_store -- the bare limit of the lease path: the same rows, changed by SQL alone, in one
 *thread
 *
 * bare_store fill FILE SUBSCRIBERS
 *	puts that many subscribers into a bindings.db that has its schema; each holds one address.
 * bare_store phones FILE SUBSCRIBERS
 *	the same, but subscriber n's address is 127.16.0.0 + n and its binding is confirmed.
 * bare_store move FILE SUBSCRIBERS GROUP SECONDS
 *	a Start of a random subscriber at a random address, GROUP of them a transaction (WAL,
 *	synchronous=FULL): the look-ups and the row changes of such an event, and nothing else: no
 *	rules, no parsing, no answer, one thread. The WAL is checkpointed between groups and the
 *time of that is not counted. bare_store confirm FILE SUBSCRIBERS GROUP SECONDS the rows of a first
 *token instead: the binding confirmed, its history, its change.
 *
 * One line of JSON. The rows are those of db/lease_scope.c and db/binding_writes.c: a change there
 * that adds or saves a row belongs here too.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sqlite3.h>

#include "bench/bare_sql.h"

enum query {
	SUBSCRIBER,
	NAS,
	BINDING,
	SESSION,
	ACTIVE,
	FREE,
	ATTACH,
	TAKE,
	FIRST,
	HOLD,
	HISTORY,
	CHANGE,
	COUNT,
	CONFIRM,
	QUERIES
};

static const char *const sql[QUERIES] = {
	[SUBSCRIBER] = "SELECT id FROM subscriber WHERE msisdn = ?1",
	[NAS] = "SELECT id, epoch, on_us, offset_us FROM nas WHERE realm = 'default' AND nas_id = "
		"'bench'",
	[BINDING] = "SELECT generation, session FROM binding WHERE realm = 'default' AND addr = ?1 "
		    "AND plen = 128 AND port_first = 0 AND port_last = 65535",
	[SESSION] = "SELECT id FROM session WHERE nas = ?1 AND session_id = ?2 AND epoch <= 0",
	[ACTIVE] = "SELECT s.id, substr(s.key_v4, 1, 16) FROM current_session c JOIN session s ON "
		   "s.id = c.session WHERE c.subscriber = ?1 AND c.realm = 'default'",
	[FREE] =
		"UPDATE binding SET state = 0, subscriber = 0, session = 0, confirmed_us = 0 WHERE "
		"realm = 'default' AND addr = ?1 AND plen = 128 AND port_first = 0 AND port_last = "
		"65535 AND session = ?2",
	[ATTACH] = "INSERT INTO session (nas, session_id, epoch, realm, subscriber, started_us, "
		   "normalised_us, renewed_us, ended_us, key_v4) VALUES (?1, ?2, 0, "
		   "'default', ?3, ?4, ?4, ?4, 0, ?5)",
	[TAKE] = "UPDATE current_session SET session = ?2 WHERE subscriber = ?1 AND realm = "
		 "'default'",
	[FIRST] = "INSERT INTO current_session (subscriber, realm, session) VALUES (?1, 'default', "
		  "?2)",
	[HOLD] =
		"INSERT INTO binding (realm, addr, plen, port_first, port_last, state, generation, "
		"subscriber, session, watermark_us, watermark_batch, started_us, expires_us, "
		"renewed_us, confirmed_us, rival, reason, trigger_key) VALUES ('default', ?1, 128, "
		"0, 65535, 1, 1, ?2, ?3, ?4, 0, ?4, 0, ?4, 0, 0, 0, NULL) ON CONFLICT DO UPDATE "
		"SET "
		"state = 1, generation = generation + 1, subscriber = ?2, session = ?3, "
		"watermark_us = ?4, started_us = ?4, renewed_us = ?4, confirmed_us = 0, "
		"trigger_key "
		"= NULL",
	[HISTORY] = "INSERT INTO lease_event (commit_no, received_us, time_us, event, outcome, "
		    "realm, addr, plen, port_first, port_last, generation, decides, msisdn, imsi, "
		    "session_id, nas_id, feeder, evidence) VALUES (?1, ?2, ?2, ?3, ?4, 'default', "
		    "?5, 128, 0, 65535, 1, 1, ?6, '', ?7, 'bench', 'feeder', '')",
	[CHANGE] = "INSERT INTO change (at_us, kind, subscriber, former, realm, addr, plen, "
		   "port_first, port_last, generation, state) VALUES (?1, 0, ?2, 0, 'default', ?3, "
		   "128, 0, 65535, 1, 1)",
	[COUNT] = "UPDATE counter SET value = value + 1 WHERE name = 'commit' RETURNING value",
	[CONFIRM] = "UPDATE binding SET state = 2, confirmed_us = ?2, host = ?1, trigger_key = ?3 "
		    "WHERE realm = 'default' AND addr = ?1 AND plen = 128 AND port_first = 0 AND "
		    "port_last = 65535",
};

struct bare {
	sqlite3 *db;
	sqlite3_stmt *q[QUERIES];
	int64_t subscribers, nas, now_us, commit, serial;
	uint64_t seed;
	uint32_t base; /* address 0 */
};

static uint64_t next_random(struct bare *b)
{
	b->seed ^= b->seed << 13;
	b->seed ^= b->seed >> 7;
	b->seed ^= b->seed << 17;
	return b->seed;
}

static int64_t any_of(struct bare *b, int64_t n)
{
	return 1 + (int64_t)(next_random(b) % (uint64_t)n);
}

/* Subscriber n has number 81 and ten digits; address n is 10.0.0.0 + n (phones: 127.16.0.0 + n). */
static void address_of(const struct bare *b, int64_t n, uint8_t out[16])
{
	uint32_t address = b->base + (uint32_t)n;

	memset(out, 0, 16);
	out[10] = out[11] = 0xff;
	out[12] = (uint8_t)(address >> 24);
	out[13] = (uint8_t)(address >> 16);
	out[14] = (uint8_t)(address >> 8);
	out[15] = (uint8_t)address;
}

/* As a session's row has it (lib/key key_bytes). */
static void key_of(const uint8_t addr[16], uint8_t out[21])
{
	memset(out, 0, 21);
	memcpy(out, addr, 16);
	out[16] = 128;
	out[19] = out[20] = 0xff;
}

/* ---- statements ---- */

static sqlite3_stmt *text(sqlite3_stmt *q, int at, const char *value)
{
	sqlite3_bind_text(q, at, value, -1, SQLITE_TRANSIENT);
	return q;
}

static void blob(sqlite3_stmt *q, int at, const uint8_t addr[16])
{
	sqlite3_bind_blob(q, at, addr, 16, SQLITE_TRANSIENT);
}

/* The first column of the first row; 0: none. */
static int64_t ask(struct bare *b, enum query id)
{
	int status = sqlite3_step(b->q[id]);
	int64_t value = status == SQLITE_ROW ? sqlite3_column_int64(b->q[id], 0) : 0;

	if (status != SQLITE_ROW && status != SQLITE_DONE)
		bare_die(b->db, sql[id]);
	sqlite3_reset(b->q[id]);
	return value;
}

static void history(struct bare *b, const char *event, const char *outcome, const uint8_t addr[16],
		    const char *msisdn, const char *session)
{
	sqlite3_stmt *q = b->q[HISTORY];

	sqlite3_bind_int64(q, 1, b->commit);
	sqlite3_bind_int64(q, 2, b->now_us);
	text(text(q, 3, event), 4, outcome);
	blob(q, 5, addr);
	text(text(q, 6, msisdn), 7, session);
	ask(b, HISTORY);
}

static void change(struct bare *b, int64_t subscriber, const uint8_t addr[16])
{
	sqlite3_bind_int64(b->q[CHANGE], 1, b->now_us);
	sqlite3_bind_int64(b->q[CHANGE], 2, subscriber);
	blob(b->q[CHANGE], 3, addr);
	ask(b, CHANGE);
}

/* ---- the events ---- */

/* The address of the subscriber's session before this one is free. */
static void retire(struct bare *b, int64_t subscriber, const char *session)
{
	sqlite3_stmt *q = b->q[ACTIVE];
	uint8_t held[16];
	int64_t old = 0;

	sqlite3_bind_int64(q, 1, subscriber);
	if (sqlite3_step(q) == SQLITE_ROW) {
		old = sqlite3_column_int64(q, 0);
		if (sqlite3_column_bytes(q, 1) == 16)
			memcpy(held, sqlite3_column_blob(q, 1), 16);
		else
			memset(held, 0, 16);
	}
	sqlite3_reset(q);
	if (!old)
		return;
	blob(b->q[FREE], 1, held);
	sqlite3_bind_int64(b->q[FREE], 2, old);
	ask(b, FREE);
	if (sqlite3_changes(b->db)) {
		history(b, "ended", "replaced", held, "", session);
		change(b, 0, held);
	}
}

static void move(struct bare *b, int64_t n, int64_t address)
{
	char msisdn[32], session[32];
	uint8_t addr[16];

	b->now_us++;
	snprintf(msisdn, sizeof msisdn, "81%010lld", (long long)n);
	snprintf(session, sizeof session, "s%016lld", (long long)++b->serial);
	address_of(b, address, addr);
	text(b->q[SUBSCRIBER], 1, msisdn);
	int64_t subscriber = ask(b, SUBSCRIBER);
	ask(b, NAS);
	sqlite3_bind_int64(b->q[SESSION], 1, b->nas);
	text(b->q[SESSION], 2, session);
	ask(b, SESSION);
	blob(b->q[BINDING], 1, addr);
	ask(b, BINDING);
	retire(b, subscriber, session);
	sqlite3_bind_int64(b->q[ATTACH], 1, b->nas);
	text(b->q[ATTACH], 2, session);
	sqlite3_bind_int64(b->q[ATTACH], 3, subscriber);
	sqlite3_bind_int64(b->q[ATTACH], 4, b->now_us);
	uint8_t key[21];
	key_of(addr, key);
	sqlite3_bind_blob(b->q[ATTACH], 5, key, sizeof key, SQLITE_TRANSIENT);
	ask(b, ATTACH);
	int64_t id = sqlite3_last_insert_rowid(b->db);
	sqlite3_bind_int64(b->q[TAKE], 1, subscriber);
	sqlite3_bind_int64(b->q[TAKE], 2, id);
	ask(b, TAKE);
	blob(b->q[HOLD], 1, addr);
	sqlite3_bind_int64(b->q[HOLD], 2, subscriber);
	sqlite3_bind_int64(b->q[HOLD], 3, id);
	sqlite3_bind_int64(b->q[HOLD], 4, b->now_us);
	ask(b, HOLD);
	history(b, "start", "applied", addr, msisdn, session);
	change(b, subscriber, addr);
}

static void confirm(struct bare *b, int64_t n, int64_t address)
{
	uint8_t addr[16];

	(void)n;
	b->now_us++;
	address_of(b, address, addr);
	blob(b->q[BINDING], 1, addr);
	ask(b, BINDING);
	blob(b->q[CONFIRM], 1, addr);
	sqlite3_bind_int64(b->q[CONFIRM], 2, b->now_us);
	blob(b->q[CONFIRM], 3, addr);
	ask(b, CONFIRM);
	history(b, "confirmed", "", addr, "", "");
	change(b, 1, addr);
}

/* ---- the run ---- */

static void group_of(struct bare *b, void (*event)(struct bare *, int64_t, int64_t), int64_t group)
{
	bare_execute(b->db, "BEGIN IMMEDIATE");
	b->commit = ask(b, COUNT);
	for (int64_t i = 0; i < group; i++)
		event(b, any_of(b, b->subscribers), any_of(b, b->subscribers));
	bare_execute(b->db, "COMMIT");
}

static void run(struct bare *b, const char *what, void (*event)(struct bare *, int64_t, int64_t),
		int64_t group, double seconds)
{
	int64_t events = 0, groups = 0;
	double took = 0;

	while (took < seconds) {
		double begun = bare_now_s();
		group_of(b, event, group);
		took += bare_now_s() - begun;
		events += group;
		if (++groups * group % 8192 < group)
			bare_execute(b->db, "PRAGMA wal_checkpoint(RESTART)");
	}
	printf("{\"what\":\"%s\",\"subscribers\":%lld,\"group\":%lld,\"events\":%lld,\"seconds\":%."
	       "2f,"
	       "\"per_second\":%.0f}\n",
	       what, (long long)b->subscribers, (long long)group, (long long)events, took,
	       (double)events / took);
}

static void fill(struct bare *b, int are_phones)
{
	sqlite3_stmt *q;
	char msisdn[32], imsi[32], address[40];

	bare_execute(
		b->db,
		"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA foreign_keys=OFF; INSERT "
		"OR IGNORE INTO nas (realm, nas_id, epoch, on_us, "
		"offset_us, offset_known, behind_us) VALUES ('default', 'bench', 0, "
		"-9223372036854775808, 0, 0, 0); INSERT OR IGNORE INTO key_length VALUES "
		"('default', 1, 128, 0); BEGIN");
	if (sqlite3_prepare_v2(
		    b->db,
		    "INSERT INTO subscriber (msisdn, imsi, first_address) VALUES (?1, ?2, ?3)", -1,
		    &q, NULL) != SQLITE_OK)
		bare_die(b->db, "subscriber");
	sqlite3_stmt *a;
	if (sqlite3_prepare_v2(b->db, "INSERT INTO address VALUES (?2, ?1, 0, ?2)", -1, &a, NULL) !=
	    SQLITE_OK)
		bare_die(b->db, "address");
	b->nas = ask(b, NAS);
	for (int64_t n = 1; n <= b->subscribers; n++) {
		uint8_t addr[16];
		char session[32];
		snprintf(msisdn, sizeof msisdn, "81%010lld", (long long)n);
		snprintf(imsi, sizeof imsi, "44010%010lld", (long long)n);
		snprintf(address, sizeof address, "u%lld@hato.example", (long long)n);
		snprintf(session, sizeof session, "f%016lld", (long long)n);
		text(text(text(q, 1, msisdn), 2, imsi), 3, address);
		if (sqlite3_step(q) != SQLITE_DONE)
			bare_die(b->db, "subscriber");
		sqlite3_reset(q);
		int64_t id = sqlite3_last_insert_rowid(b->db);
		sqlite3_bind_int64(a, 1, id);
		text(a, 2, address);
		if (sqlite3_step(a) != SQLITE_DONE)
			bare_die(b->db, "address");
		sqlite3_reset(a);
		address_of(b, n, addr);
		b->now_us++;
		sqlite3_bind_int64(b->q[ATTACH], 1, b->nas);
		text(b->q[ATTACH], 2, session);
		sqlite3_bind_int64(b->q[ATTACH], 3, id);
		sqlite3_bind_int64(b->q[ATTACH], 4, b->now_us);
		uint8_t key[21];
		key_of(addr, key);
		sqlite3_bind_blob(b->q[ATTACH], 5, key, sizeof key, SQLITE_TRANSIENT);
		ask(b, ATTACH);
		int64_t held = sqlite3_last_insert_rowid(b->db);
		sqlite3_bind_int64(b->q[FIRST], 1, id);
		sqlite3_bind_int64(b->q[FIRST], 2, held);
		ask(b, FIRST);
		blob(b->q[HOLD], 1, addr);
		sqlite3_bind_int64(b->q[HOLD], 2, id);
		sqlite3_bind_int64(b->q[HOLD], 3, held);
		sqlite3_bind_int64(b->q[HOLD], 4, b->now_us);
		ask(b, HOLD);
		if (!are_phones)
			continue;
		blob(b->q[CONFIRM], 1, addr);
		sqlite3_bind_int64(b->q[CONFIRM], 2, b->now_us);
		blob(b->q[CONFIRM], 3, addr);
		ask(b, CONFIRM);
	}
	sqlite3_finalize(q);
	sqlite3_finalize(a);
	bare_execute(b->db, "COMMIT; PRAGMA journal_mode=WAL");
}

static void open_store(struct bare *b, const char *path)
{
	if (sqlite3_open_v2(path, &b->db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		bare_die(b->db, path);
	bare_execute(
		b->db,
		"PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-65536; "
		"PRAGMA foreign_keys=ON");
	for (int i = 0; i < QUERIES; i++) {
		if (sqlite3_prepare_v3(b->db, sql[i], -1, SQLITE_PREPARE_PERSISTENT, &b->q[i],
				       NULL) != SQLITE_OK)
			bare_die(b->db, sql[i]);
	}
}

int main(int argc, char **argv)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	struct bare b = {.seed = 88172645463325252u,
			 .serial = (int64_t)t.tv_sec * 1000000,
			 .now_us = (int64_t)t.tv_sec * 1000000 - INT64_C(60000000)};
	int are_phones = argc > 3 && strcmp(argv[1], "phones") == 0;
	int is_fill = are_phones || (argc > 3 && strcmp(argv[1], "fill") == 0);
	b.base = are_phones ? 0x7f100000 : 0x0a000000;
	if (argc < 4 || (!is_fill && argc < 6)) {
		fprintf(stderr,
			"usage: bare_store fill|phones FILE SUBSCRIBERS | move|confirm FILE "
			"SUBSCRIBERS GROUP SECONDS\n");
		return 2;
	}
	b.subscribers = atoll(argv[3]);
	open_store(&b, argv[2]);
	if (is_fill) {
		fill(&b, are_phones);
	} else {
		b.nas = ask(&b, NAS);
		run(&b, argv[1], strcmp(argv[1], "move") == 0 ? move : confirm, atoll(argv[4]),
		    atof(argv[5]));
	}
	for (int i = 0; i < QUERIES; i++)
		sqlite3_finalize(b.q[i]);
	sqlite3_close(b.db);
	return 0;
}
