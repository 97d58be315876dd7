/* bearer -- what a trigger costs on this machine, without daemons
 *
 * bearer fill DIR MAILBOXES due|asleep|forgotten
 *	makes a store in DIR: that many subscribers, each with a confirmed lease at an address of
 *	127/8 and one mail waiting. due: its trigger is due, in an order that has nothing to do
 *	with theirs. asleep: it was sent, was not answered, and sleeps; one in a hundred had its
 *	lease confirmed since, and the change feed tells of it. forgotten: the same, but nobody
 *	knows how far the feed was followed.
 * bearer outbox DIR MAILBOXES
 *	pushsrv's trigger thread over that store until all are sent: from rows of the outbox, the
 *	owner checked and the send log committed before each leaves.
 * bearer pending DIR MAILBOXES
 *	the same thread over the sleeping ones: when it has looked at all of them, and what memory
 *	it took meanwhile.
 * bearer last SECONDS
 *	the last stage alone: datagrams that are resolved and signed go out (and: are signed and go
 *	out), beside a bare sendmmsg loop of the same datagrams. Each on one thread.
 *
 * One line of JSON. The datagrams go to one socket of this process that drops them in the kernel.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#include "db/db.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "pushsrv/bearer_udp.h"
#include "pushsrv/counters.h"
#include "pushsrv/push.h"
#include "pushsrv/trigger_rules.h"

#define GROUP    64
#define PREPARED 8192 /* datagrams that are sent round and round */
#define WOKEN    100  /* one in so many had its lease confirmed while nobody watched */

static void die(const char *what)
{
	fprintf(stderr, "bearer: %s\n", what);
	exit(1);
}

static double cpu_s(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
	       (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

static void address_of(int64_t n, uint8_t out[16])
{
	memset(out, 0, 16);
	out[10] = out[11] = 0xff;
	out[12] = 127;
	out[13] = (uint8_t)(n >> 16);
	out[14] = (uint8_t)(n >> 8);
	out[15] = (uint8_t)n;
}

static uint16_t sink(void)
{
	static struct sock_filter none[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
	const struct sock_fprog drop_all = {.len = 1, .filter = none};
	struct sockaddr_in name = {.sin_family = AF_INET};
	socklen_t size = sizeof name;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&name, size) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &drop_all, sizeof drop_all) < 0 ||
	    getsockname(fd, (struct sockaddr *)&name, &size) < 0)
		die("no socket");
	return ntohs(name.sin_port);
}

static struct conf *settings(const char *dir)
{
	char port[64], error[256];
	const char *sets[] = {"pushsrv.trigger_source_port=0", port, "pushsrv.sms=off",
			      "pushsrv.retry=600,600"};
	struct conf *c;

	snprintf(port, sizeof port, "pushsrv.trigger_port=%u", sink());
	if (conf_load(NULL, dir, sets, 4, &c, error))
		die(error);
	return c;
}

/* ---- a store ---- */

static void execute(sqlite3 *db, const char *sql)
{
	char *why = NULL;

	if (sqlite3_exec(db, sql, NULL, NULL, &why) != SQLITE_OK)
		die(why ? why : "sql");
}

static sqlite3 *open_file(const char *dir, const char *name)
{
	char path[4096];
	sqlite3 *db;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		die(path);
	execute(db, "PRAGMA synchronous=OFF; PRAGMA cache_size=-262144; BEGIN");
	return db;
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *q;

	if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK)
		die(sqlite3_errmsg(db));
	return q;
}

static void run(sqlite3_stmt *q)
{
	if (sqlite3_step(q) != SQLITE_DONE)
		die(sqlite3_errmsg(sqlite3_db_handle(q)));
	sqlite3_reset(q);
}

static void close_file(sqlite3 *db, sqlite3_stmt **q, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sqlite3_finalize(q[i]);
	execute(db, "COMMIT; PRAGMA wal_checkpoint(TRUNCATE)");
	sqlite3_close(db);
}

static void fill_bindings(const char *dir, int64_t mailboxes, bool is_due, int64_t now_us)
{
	sqlite3 *db = open_file(dir, "bindings.db");
	char text[4][40];
	uint8_t key[21] = {[16] = 128, [19] = 0xff, [20] = 0xff};

	execute(db, "INSERT INTO nas (id, realm, nas_id, epoch, on_us, offset_us, offset_known,"
		    " behind_us) VALUES (1, 'default', 'bench', 0, -9223372036854775808, 0, 0, 0);"
		    " INSERT INTO key_length (realm, v4, plen) VALUES ('default', 1, 128)");
	sqlite3_stmt *q[] = {
		prepare(db, "INSERT INTO subscriber (id, msisdn, imsi, first_address) VALUES (?1, "
			    "?2, ?3, ?4)"),
		prepare(db, "INSERT INTO address VALUES (?2, ?1, 0, ?2)"),
		prepare(db, "INSERT INTO session (id, nas, session_id, epoch, realm, subscriber,"
			    " started_us, normalised_us, renewed_us, ended_us, key_v4)"
			    " VALUES (?1, 1, ?2, 0, 'default', ?1, ?3, ?3, ?3, 0, ?4)"),
		prepare(db, "INSERT INTO binding (realm, addr, plen, port_first, port_last, state,"
			    " generation, subscriber, session, watermark_us, watermark_batch,"
			    " started_us, expires_us, renewed_us, confirmed_us, rival, reason,"
			    " trigger_key) VALUES ('default', ?1, 128, 0, 65535, 2, 1, ?2, ?2, ?3,"
			    " 0, ?3, 0, ?3, ?4, 0, 0, randomblob(16))"),
		prepare(db, "INSERT INTO current_session VALUES (?1, 'default', ?1)"),
	};
	for (int64_t n = 1; n <= mailboxes; n++) {
		snprintf(text[0], 40, "81%010lld", (long long)n);
		snprintf(text[1], 40, "44010%010lld", (long long)n);
		snprintf(text[2], 40, "u81%010lld@hato.example", (long long)n);
		snprintf(text[3], 40, "s%lld", (long long)n);
		address_of(n, key);
		sqlite3_bind_int64(q[0], 1, n);
		sqlite3_bind_text(q[0], 2, text[0], -1, SQLITE_STATIC);
		sqlite3_bind_text(q[0], 3, text[1], -1, SQLITE_STATIC);
		sqlite3_bind_text(q[0], 4, text[2], -1, SQLITE_STATIC);
		sqlite3_bind_int64(q[1], 1, n);
		sqlite3_bind_text(q[1], 2, text[2], -1, SQLITE_STATIC);
		sqlite3_bind_int64(q[2], 1, n);
		sqlite3_bind_text(q[2], 2, text[3], -1, SQLITE_STATIC);
		sqlite3_bind_int64(q[2], 3, now_us - 3600 * CLOCK_S);
		sqlite3_bind_blob(q[2], 4, key, sizeof key, SQLITE_STATIC);
		sqlite3_bind_blob(q[3], 1, key, 16, SQLITE_STATIC);
		sqlite3_bind_int64(q[3], 2, n);
		sqlite3_bind_int64(q[3], 3, now_us - 3600 * CLOCK_S);
		sqlite3_bind_int64(q[3], 4,
				   is_due || n % WOKEN ? now_us - 3600 * CLOCK_S
						       : now_us - 10 * CLOCK_S);
		sqlite3_bind_int64(q[4], 1, n);
		for (size_t i = 0; i < 5; i++)
			run(q[i]);
	}
	execute(db, "UPDATE counter SET value = 1 WHERE name = 'commit'");
	close_file(db, q, 5);
}

/* What the change feed tells of those whose lease was confirmed. */
static void fill_feed(const char *dir, int64_t mailboxes, int64_t now_us)
{
	sqlite3 *db = open_file(dir, "bindings.db");
	uint8_t addr[16];
	sqlite3_stmt *q = prepare(
		db, "INSERT INTO change (at_us, kind, subscriber, former, realm, addr, plen,"
		    " port_first, port_last, generation, state) VALUES"
		    " (?1, 0, ?2, 0, 'default', ?3, 128, 0, 65535, 1, 2)");

	for (int64_t n = 0; n <= mailboxes; n += WOKEN) { /* the first is nobody's */
		address_of(n, addr);
		sqlite3_bind_int64(q, 1, now_us);
		sqlite3_bind_int64(q, 2, n);
		sqlite3_bind_blob(q, 3, addr, sizeof addr, SQLITE_STATIC);
		run(q);
	}
	close_file(db, &q, 1);
	db = open_file(dir, "mail.db");
	execute(db, "UPDATE bindings_heard SET seq = 1");
	close_file(db, NULL, 0);
}

/* 1 to n, each once, in no order: n is not a multiple of the prime. */
static int64_t shuffled(int64_t i, int64_t n)
{
	return (int64_t)((unsigned __int128)i * 2654435761u % (uint64_t)n) + 1;
}

static void fill_mail(const char *dir, int64_t mailboxes, bool is_due, int64_t now_us)
{
	sqlite3 *db = open_file(dir, "mail.db");
	sqlite3_stmt *q[] = {
		prepare(db, "INSERT INTO mailbox (id, subscriber, name, uidvalidity, uidnext,"
			    " modseq, messages, bytes, last_timestamp_s) VALUES (?1, ?1, 'INBOX',"
			    " 1, 2, 1, 1, 1000, ?2)"),
		prepare(db, "INSERT INTO outbox (subscriber, newest_uid, covered_uid, timestamp_s,"
			    " attempts, next_us, mailed_us, sent_us, bearer, sms_attempts,"
			    " sms_state, sms_us, waiting_us) VALUES (?1, 1, 1, ?2, ?3, ?4, ?5, ?6,"
			    " 0, 0, 0, 0, 0)"),
	};

	for (int64_t i = 0; i < mailboxes; i++) {
		/* As mail comes: over the last quarter of an hour, for anybody. */
		int64_t mailed_us = now_us - 900 * CLOCK_S + i * 800 * CLOCK_S / mailboxes;
		int64_t n = shuffled(i, mailboxes);
		sqlite3_bind_int64(q[0], 1, n);
		sqlite3_bind_int64(q[0], 2, mailed_us / CLOCK_S);
		sqlite3_bind_int64(q[1], 1, n);
		sqlite3_bind_int64(q[1], 2, mailed_us / CLOCK_S);
		sqlite3_bind_int64(q[1], 3, is_due ? 0 : 3);
		sqlite3_bind_int64(q[1], 4, is_due ? mailed_us : INT64_MAX);
		sqlite3_bind_int64(q[1], 5, mailed_us);
		sqlite3_bind_int64(q[1], 6, is_due ? 0 : now_us - 60 * CLOCK_S);
		run(q[0]);
		run(q[1]);
	}
	close_file(db, q, 2);
}

static struct db *open_store(const char *dir, const struct conf *c)
{
	struct db_options options = {.dir = dir, .daemon = "bench"};
	struct db *db;

	if (c)
		options.schedule = trigger_rules(c);
	if (db_open(&options, &db))
		die("store");
	return db;
}

static void fill(const char *dir, int64_t mailboxes, const char *state)
{
	bool is_due = strcmp(state, "due") == 0;
	int64_t now_us = clock_now_us();
	db_close(open_store(dir, NULL));
	fill_bindings(dir, mailboxes, is_due, now_us);
	fill_mail(dir, mailboxes, is_due, now_us);
	if (strcmp(state, "forgotten") != 0)
		fill_feed(dir, is_due ? 0 : mailboxes, now_us);
}

/* ---- from the outbox ---- */

static int64_t sent(void)
{
	return counter_read(COUNT_TRIGGERS_FIRST) + counter_read(COUNT_TRIGGERS_REPEAT);
}

/* Anonymous memory of this process, in octets. */
static int64_t memory(void)
{
	char line[256];
	long long kib = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "RssAnon: %lld", &kib) == 1)
			break;
	if (f)
		fclose(f);
	return kib * 1024;
}

static double send_until(const char *dir, const struct conf *c, int64_t wanted, int64_t *most)
{
	char error[256];
	struct push *push;
	struct db *db = open_store(dir, c);
	double begun = (double)clock_mono_us();

	if (push_start(db, c, &push, error))
		die(error);
	for (int64_t before = 0, at = 0; sent() < wanted;) {
		usleep(5000);
		int64_t now = memory();
		*most = now > *most ? now : *most;
		at = sent() == before ? at + 1 : 0;
		before = sent();
		if (at > 10000)
			die("nothing is sent any more");
	}
	double took = ((double)clock_mono_us() - begun) / 1e6;
	push_stop(push);
	db_close(db);
	return took;
}

static void outbox(const char *dir, int64_t mailboxes)
{
	struct conf *c = settings(dir);
	int64_t most = 0;
	double took = send_until(dir, c, mailboxes, &most);

	printf("{\"triggers\": %lld, \"seconds\": %.2f, \"per_second\": %.0f, \"cpu_us_each\": "
	       "%.1f, \"moved\": %lld, \"store_errors\": %lld}\n",
	       (long long)mailboxes, took, (double)mailboxes / took,
	       cpu_s() * 1e6 / (double)mailboxes, (long long)counter_read(COUNT_TRIGGERS_MOVED),
	       (long long)counter_read(COUNT_STORE_ERRORS));
	conf_free(c);
}

static void pending(const char *dir, int64_t mailboxes)
{
	struct conf *c = settings(dir);
	int64_t before = memory(), most = 0;
	double took = send_until(dir, c, mailboxes / WOKEN, &most);

	printf("{\"pending\": %lld, \"woken\": %lld, \"resumed_seconds\": %.2f, \"octets_each\": "
	       "%.1f, \"anonymous_mib\": %.1f}\n",
	       (long long)mailboxes, (long long)(mailboxes / WOKEN), took,
	       (double)(most - before) / (double)mailboxes, (double)most / 1048576);
	conf_free(c);
}

/* ---- the last stage ---- */

static struct datagram prepared[PREPARED];
static uint8_t trigger_keys[PREPARED][TRIGGER_KEY_BYTES];

static void sign(size_t i)
{
	struct trigger t = {.tid = (uint8_t)i,
			    .application_id = WSP_APPLICATION_EMN,
			    .timestamp_s = 1795330000 + (int64_t)i,
			    .realm = REALM_DEFAULT,
			    .generation = 7};

	snprintf(t.mailbox, sizeof t.mailbox, "u81%010zu@hato.example", i);
	if (trigger_encode(&t, trigger_keys[i], TRIGGER_KEY_BYTES, prepared[i].octets,
			   &prepared[i].size))
		die("encode");
}

static void prepare_all(void)
{
	for (size_t i = 0; i < PREPARED; i++) {
		prepared[i].realm = REALM_DEFAULT;
		address_of((int64_t)i + 1, prepared[i].to.bytes);
		memset(trigger_keys[i], (int)i, TRIGGER_KEY_BYTES);
		sign(i);
	}
}

/* The thread's own time: on a machine that does other work too, what one core would do. */
static int64_t core_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * CLOCK_S + t.tv_nsec / 1000;
}

static double rate(int64_t n, int64_t begun_us)
{
	return (double)n * 1e6 / (double)(core_us() - begun_us);
}

static double ours(const struct bearer_udp *b, double seconds, bool with_signing)
{
	int64_t begun_us = core_us(), n = 0;

	while (core_us() - begun_us < (int64_t)(seconds * 1e6)) {
		for (size_t i = 0; i < PREPARED; i += GROUP) {
			for (size_t k = 0; with_signing && k < GROUP; k++)
				sign(i + k);
			bearer_udp_send(b, &prepared[i], GROUP);
			for (size_t k = 0; k < GROUP; k++)
				n += prepared[i + k].err == 0;
		}
	}
	return rate(n, begun_us);
}

static double bare(uint16_t port, double seconds)
{
	static struct sockaddr_in names[PREPARED];
	static struct iovec iov[PREPARED];
	static struct mmsghdr messages[PREPARED];
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int64_t n = 0;

	for (size_t i = 0; i < PREPARED; i++) {
		names[i] = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(port)};
		memcpy(&names[i].sin_addr, prepared[i].to.bytes + 12, 4);
		iov[i] = (struct iovec){prepared[i].octets, prepared[i].size};
		messages[i].msg_hdr = (struct msghdr){.msg_name = &names[i],
						      .msg_namelen = sizeof names[i],
						      .msg_iov = &iov[i],
						      .msg_iovlen = 1};
	}
	int64_t begun_us = core_us();
	while (core_us() - begun_us < (int64_t)(seconds * 1e6)) {
		for (size_t i = 0; i < PREPARED; i += GROUP) {
			int sent_now = sendmmsg(fd, messages + i, GROUP, 0);
			n += sent_now > 0 ? sent_now : 0;
		}
	}
	double per_second = rate(n, begun_us);
	close(fd);
	return per_second;
}

static void last(double seconds)
{
	struct conf *c = settings("/");
	struct bearer_udp *b;
	char error[256];

	if (bearer_udp_open(c, &b, error))
		die(error);
	prepare_all();
	double bare_rate = bare(bearer_udp_port(b, REALM_DEFAULT), seconds);
	double ours_rate = ours(b, seconds, false), signed_rate = ours(b, seconds, true);
	printf("{\"bare_per_second\": %.0f, \"per_second\": %.0f, \"ratio\": %.2f, "
	       "\"with_signing_per_second\": %.0f, \"with_signing_ratio\": %.2f}\n",
	       bare_rate, ours_rate, ours_rate / bare_rate, signed_rate, signed_rate / bare_rate);
	bearer_udp_close(b);
	conf_free(c);
}

int main(int argc, char **argv)
{
	log_level_set("error");
	if (argc == 3 && strcmp(argv[1], "last") == 0)
		last(atof(argv[2]));
	else if (argc == 5 && strcmp(argv[1], "fill") == 0)
		fill(argv[2], atoll(argv[3]), argv[4]);
	else if (argc == 4 && strcmp(argv[1], "outbox") == 0)
		outbox(argv[2], atoll(argv[3]));
	else if (argc == 4 && strcmp(argv[1], "pending") == 0)
		pending(argv[2], atoll(argv[3]));
	else
		die("fill DIR MAILBOXES due|asleep|forgotten, outbox|pending DIR MAILBOXES, last "
		    "SECONDS");
	return 0;
}
