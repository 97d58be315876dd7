/* Acknowledged means durable: a process that accepts mail and lease events and says so for each is
 * killed at any moment, again and again; what it had said is there, all of it, and the files are
 * sound. CRASH_ROUNDS (25) in the environment. */
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include "db/db_testing.h"

#define IN_FLIGHT 24
#define ROUNDS    25
#define ROUND     INT64_C(1000000) /* numbers of one round */
#define DELETES   100              /* a round; of mail that lies there from the start */

/* One acknowledgement on the pipe. */
struct ack {
	char what; /* 'm' mail, 'l' lease, 'd' deleted, 'b' large body */
	int64_t number;
};

struct worker {
	struct bench_store s;
	int out;
	int64_t subscriber, next;
	struct access_via via;
	uint8_t *large;
};

struct job {
	struct worker *w;
	struct ack ack;
	int64_t body;
};

static void acknowledge(struct job *job, int err)
{
	if (!err && write(job->w->out, &job->ack, sizeof job->ack) != sizeof job->ack)
		_exit(2);
	if (err)
		_exit(3);
}

static void next_job(struct worker *w);

static void end_job(struct job *job, int err)
{
	struct worker *w = job->w;

	acknowledge(job, err);
	free(job);
	next_job(w);
}

static void on_mail(void *arg, int err, const int *errs, size_t n)
{
	end_job(arg, err ? err : n == 1 ? errs[0] : E_IO);
}

static void on_lease(void *arg, int err, const struct lease_outcome *out, size_t n)
{
	end_job(arg, err ? err : n == 1 && out[0].result == LEASE_APPLIED ? 0 : E_CONFLICT);
}

static void on_delete(void *arg, int err)
{
	end_job(arg, err);
}

static void submit_mail(struct job *job, const uint8_t *octets, uint64_t size)
{
	char number[32];
	struct mail_recipient r = {job->w->subscriber, "P: 1\r\n", 6};

	snprintf(number, sizeof number, "%lld", (long long)job->ack.number);
	mail_accept(job->w->s.port,
		    &(struct mail_accept){.recipients = &r,
					  .recipient_count = 1,
					  .reverse_path = number,
					  .octets = octets,
					  .body = job->body,
					  .size = size,
					  .received_us = clock_now_us()},
		    on_mail, job);
}

static void on_second_piece(void *arg, int err, int64_t body)
{
	struct job *job = arg;

	if (err)
		_exit(4);
	job->body = body;
	submit_mail(job, NULL, BODY_PIECE_MAX + 1000);
}

static void on_first_piece(void *arg, int err, int64_t body)
{
	struct job *job = arg;

	if (err)
		_exit(4);
	body_append(job->w->s.port, body, 1, job->w->large, 1000, on_second_piece, job);
}

static void submit_lease(struct job *job)
{
	char ip[32], session[32];

	snprintf(ip, sizeof ip, "10.1.%d.%d", (int)(job->ack.number / 200 % 200),
		 1 + (int)(job->ack.number % 200));
	snprintf(session, sizeof session, "n%lld", (long long)job->ack.number);
	struct lease_event ev = an_event(LEASE_START, ip, 2, session, clock_now_us());
	binding_apply(job->w->s.port, &ev, 1, on_lease, job);
}

static void submit_delete(struct job *job)
{
	uint32_t uid = (uint32_t)job->ack.number;

	maildrop_update(
		job->w->s.port,
		&(struct maildrop_update){.via = job->w->via, .deleted = &uid, .deleted_count = 1},
		on_delete, job);
}

static void next_job(struct worker *w)
{
	static const char kinds[] = "mlmlmlmdb";
	struct job *job = calloc(1, sizeof *job);

	job->w = w;
	job->ack.number = w->next++;
	job->ack.what = kinds[job->ack.number % ROUND % 9];
	if (job->ack.what == 'd' && job->ack.number % ROUND / 9 >= DELETES)
		job->ack.what = 'm';
	if (job->ack.what == 'm') {
		submit_mail(job, (const uint8_t *)"hello\r\n", 7);
	} else if (job->ack.what == 'l') {
		submit_lease(job);
	} else if (job->ack.what == 'd') {
		/* The uid, a new one each time. */
		job->ack.number =
			job->ack.number / ROUND * DELETES + job->ack.number % ROUND / 9 + 1;
		submit_delete(job);
	} else {
		body_append(w->s.port, 0, 0, w->large, BODY_PIECE_MAX, on_first_piece, job);
	}
}

static void work_until_killed(const char *dir, struct access_via via, int64_t subscriber,
			      int64_t first, int out)
{
	struct worker w = {.out = out, .next = first, .via = via, .subscriber = subscriber};

	w.large = calloc(1, BODY_PIECE_MAX);
	snprintf(w.s.dir, sizeof w.s.dir, "%s", dir);
	store_open(&w.s);
	for (int i = 0; i < IN_FLIGHT; i++)
		next_job(&w);
	for (;;)
		loop_run(w.s.loop);
}

/* ---- what is found afterwards ---- */

static sqlite3 *open_raw(const struct bench_store *s, const char *file)
{
	char path[512];
	sqlite3 *db;

	snprintf(path, sizeof path, "%s/%s", s->dir, file);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	return db;
}

static int64_t ask(sqlite3 *db, const char *sql, int64_t number)
{
	sqlite3_stmt *stmt;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	if (sqlite3_bind_parameter_count(stmt))
		sqlite3_bind_int64(stmt, 1, number);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	int64_t value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return value;
}

static void assert_sound(sqlite3 *bindings, sqlite3 *mail)
{
	static const char *const zero[] = {
		"SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
		/* A message has its body, a body its references and its chunks. */
		"SELECT count(*) FROM message WHERE body NOT IN (SELECT id FROM body)",
		"SELECT count(*) FROM body b LEFT JOIN (SELECT body, count(*) AS n FROM message "
		"GROUP BY body) m"
		" ON m.body = b.id WHERE b.refs <> coalesce(m.n, 0)",
		"SELECT count(*) FROM body b WHERE size <> (SELECT coalesce(sum(length(octets)), "
		"0) FROM chunk"
		" WHERE id >= b.id * 4096 AND id < b.id * 4096 + 4096)",
		"SELECT count(*) FROM chunk WHERE id / 4096 NOT IN (SELECT id FROM body)",
		"SELECT count(*) FROM mailbox m WHERE messages <> (SELECT count(*) FROM message "
		"WHERE mailbox = m.id)"
		" OR bytes <> (SELECT coalesce(sum(body_size + length(prefix)), 0) FROM message "
		"WHERE mailbox = m.id)"
		" OR uidnext <= (SELECT coalesce(max(uid), 0) FROM message WHERE mailbox = m.id)",
		/* Unread mail has its trigger row. */
		"SELECT count(*) FROM mailbox m JOIN message g ON g.mailbox = m.id WHERE NOT EXISTS"
		" (SELECT 1 FROM outbox o WHERE o.subscriber = m.subscriber AND o.newest_uid >= "
		"g.uid)",
	};

	for (size_t i = 0; i < sizeof zero / sizeof *zero; i++) {
		int64_t n = ask(mail, zero[i], 0);
		if (n)
			print_error("%s: %lld\n", zero[i], (long long)n);
		assert_int_equal(n, 0);
	}
	assert_int_equal(ask(bindings, zero[0], 0), 0);
	assert_int_equal(
		ask(bindings,
		    "SELECT count(*) FROM current_session c WHERE NOT EXISTS (SELECT 1 FROM"
		    " session s WHERE s.id = c.session AND s.subscriber = c.subscriber AND"
		    " s.realm = c.realm AND s.ended_us = 0)",
		    0),
		0);
	/* A held key has its session, and that session is active. */
	assert_int_equal(ask(bindings,
			     "SELECT count(*) FROM binding b WHERE state IN (1, 2) AND NOT EXISTS "
			     "(SELECT 1 FROM"
			     " current_session c WHERE c.session = b.session)",
			     0),
			 0);
}

static void run_raw(sqlite3 *db, const char *sql)
{
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

/* Each kind's own proof: exactly one such row. */
static bool is_there(sqlite3 *bindings, sqlite3 *mail, const struct ack *ack)
{
	switch (ack->what) {
	case 'l':
		return ask(bindings, "SELECT count(*) FROM starts WHERE n = ?1", ack->number) == 1;
	case 'd':
		return ask(mail, "SELECT count(*) FROM message_tombstone WHERE uid = ?1",
			   ack->number) == 1 &&
		       ask(mail, "SELECT count(*) FROM message WHERE mailbox = 1 AND uid = ?1",
			   ack->number) == 0;
	default:
		return ask(mail, "SELECT count(*) FROM numbers WHERE n = ?1", ack->number) == 1;
	}
}

static int64_t check_acks(struct bench_store *s, int in)
{
	sqlite3 *bindings = open_raw(s, "bindings.db"), *mail = open_raw(s, "mail.db");
	struct ack ack;
	int64_t acks = 0;

	assert_sound(bindings, mail);
	run_raw(mail, "CREATE TEMP TABLE numbers AS SELECT CAST(reverse_path AS INTEGER) AS n FROM "
		      "message;"
		      "CREATE INDEX temp.numbers_n ON numbers (n)");
	run_raw(bindings, "CREATE TEMP TABLE starts AS SELECT CAST(substr(session_id, 2) AS "
			  "INTEGER) AS n FROM"
			  " lease_event WHERE event = 'start' AND session_id LIKE 'n%';"
			  "CREATE INDEX temp.starts_n ON starts (n)");
	for (; read(in, &ack, sizeof ack) == sizeof ack; acks++) {
		if (!is_there(bindings, mail, &ack))
			print_error("lost: %c %lld\n", ack.what, (long long)ack.number);
		assert_true(is_there(bindings, mail, &ack));
	}
	sqlite3_close(bindings);
	sqlite3_close(mail);
	return acks;
}

static void one_round(struct bench_store *s, const struct access_via *via, int64_t subscriber,
		      int64_t first, unsigned delay_us, int64_t *acks)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(ends[0]);
		work_until_killed(s->dir, *via, subscriber, first, ends[1]);
	}
	close(ends[1]);
	/* Most rounds wait until it is at work; the others may hit it while it opens its files. */
	if (first / ROUND % 5)
		poll(&(struct pollfd){.fd = ends[0], .events = POLLIN}, 1, 20000);
	usleep(delay_us);
	/* It must not have ended by itself. */
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	*acks += check_acks(s, ends[0]);
	close(ends[0]);
}

/* The mail that the rounds delete. */
static void fill_mailbox(struct bench_store *s, int64_t subscriber, size_t n)
{
	struct mail_recipient *r = calloc(n, sizeof *r);
	struct heard *h = HEARD(s);

	for (size_t i = 0; i < n; i++)
		r[i] = (struct mail_recipient){subscriber, "P: 1\r\n", 6};
	mail_accept(s->port,
		    &(struct mail_accept){.recipients = r,
					  .recipient_count = n,
					  .reverse_path = "-1",
					  .octets = (const uint8_t *)"x",
					  .size = 1,
					  .received_us = clock_now_us()},
		    on_accepted, h);
	assert_int_equal(wait_for(h), 0);
	free(r);
}

static void test_killed(void **state)
{
	struct bench_store *s = *state;
	const char *wanted = getenv("CRASH_ROUNDS");
	int rounds = wanted ? atoi(wanted) : ROUNDS;
	int64_t reader = make_subscriber(s, 1), id = make_subscriber(s, 3), acks = 0;
	struct binding b = {0};

	make_subscriber(s, 2);
	apply(s, an_event(LEASE_START, "10.0.0.1", 1, "s1", clock_now_us()));
	check(s, "10.0.0.1", &b);
	claim(s, "10.0.0.1", b.generation, reader, &b);
	struct access_via via = {b.key, b.generation, reader};
	fill_mailbox(s, reader, (size_t)rounds * DELETES);
	store_close(s);
	srandom((unsigned)getpid());
	for (int i = 0; i < rounds; i++)
		one_round(s, &via, id, ROUND * i, 30000 + (unsigned)(random() % 150000), &acks);
	print_message("%lld acknowledged in %d rounds\n", (long long)acks, rounds);
	assert_true(acks > rounds);
	store_open(s);
	assert_int_equal(accept_mail(s, id, "x\r\n", clock_now_us()), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_killed)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
