/* The writer: groups, what fails in them, queues that are full, ends, other processes, and a disk
 * that is. */
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "db/db_testing.h"

/* ---- many at a time ---- */

struct tally {
	struct bench_store *s;
	int waiting, ok, conflict, busy, closed, io, other;
	bool submitting, early;
	struct db_port *resubmit; /* what a callback does with a port that closes */
};

static void count_err(struct tally *t, int err)
{
	t->early |= t->submitting;
	t->ok += err == 0;
	t->conflict += err == E_CONFLICT;
	t->busy += err == E_BUSY;
	t->closed += err == E_CLOSED;
	t->io += err == E_IO;
	t->other += err && err != E_CONFLICT && err != E_BUSY && err != E_CLOSED && err != E_IO;
	if (--t->waiting == 0)
		loop_stop(t->s->loop);
}

static void on_tally(void *arg, int err, int64_t id, bool created)
{
	struct tally *t = arg;

	(void)id;
	(void)created;
	if (t->resubmit) {
		struct subscriber_put put = a_subscriber("81777", "");
		struct db_port *port = t->resubmit;
		t->resubmit = NULL;
		t->waiting++;
		subscriber_put(port, &put, on_tally, t);
	}
	count_err(t, err);
}

static void submit_puts(struct tally *t, int n, int poison)
{
	t->submitting = true;
	for (int i = 0; i < n; i++) {
		char msisdn[MSISDN_MAX];
		snprintf(msisdn, sizeof msisdn, i == poison ? "666%d" : "8190%d", i);
		struct subscriber_put put = a_subscriber(msisdn, "");
		t->waiting++;
		subscriber_put(t->s->port, &put, on_tally, t);
	}
	t->submitting = false;
}

static void drain(struct tally *t)
{
	while (t->waiting)
		loop_run(t->s->loop);
}

static void raw_sql(struct bench_store *s, const char *file, const char *sql)
{
	char path[512];
	sqlite3 *db;

	snprintf(path, sizeof path, "%s/%s", s->dir, file);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static int64_t raw_int(const char *dir, const char *file, const char *sql)
{
	char path[512];
	sqlite3 *db;
	sqlite3_stmt *stmt;

	snprintf(path, sizeof path, "%s/%s", dir, file);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	int64_t value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return value;
}

/* An operation that fails after it had written goes alone; all the others of its group stay. */
static void test_one_fails(void **state)
{
	struct bench_store *s = *state;
	struct tally t = {.s = s};

	raw_sql(s, "bindings.db",
		"CREATE TRIGGER poison BEFORE INSERT ON address WHEN NEW.canonical LIKE 'u666%'"
		" BEGIN SELECT RAISE (ABORT, 'poison'); END");
	submit_puts(&t, 200, 111);
	drain(&t);
	assert_int_equal(t.ok, 199);
	assert_int_equal(t.conflict, 1);
	assert_false(t.early);
	assert_int_equal(raw_int(s->dir, "bindings.db", "SELECT count(*) FROM subscriber"), 199);
	assert_int_equal(raw_int(s->dir, "bindings.db", "SELECT count(*) FROM address"), 199);
	struct db_stats stats;
	db_stats_read(s->db, &stats);
	assert_true(stats.commits < 100); /* they did come in groups */
	assert_int_equal(stats.operations, 200);
	assert_int_equal(stats.queue_depth, 0);
}

/* The same inside one batch of lease events. */
static void test_one_event_fails(void **state)
{
	struct bench_store *s = *state;
	struct lease_event events[3];
	struct heard *h = HEARD(s);
	struct binding b = {0};

	raw_sql(s, "bindings.db",
		"CREATE TRIGGER poison BEFORE INSERT ON lease_event WHEN NEW.session_id = 's1'"
		" BEGIN SELECT RAISE (ABORT, 'poison'); END");
	for (int i = 0; i < 3; i++) {
		char ip[32], session[16];
		make_subscriber(s, i + 1);
		snprintf(ip, sizeof ip, "10.0.0.%d", i + 1);
		snprintf(session, sizeof session, "s%d", i);
		events[i] = an_event(LEASE_START, ip, i + 1, session, clock_now_us());
	}
	binding_apply(s->port, events, 3, on_applied, h);
	assert_int_equal(wait_for(h), 0);
	assert_int_equal(h->outcomes[0].result, LEASE_APPLIED);
	assert_int_equal(h->outcomes[1].result, LEASE_ERROR);
	assert_string_equal(h->outcomes[1].problem, "conflict");
	assert_int_equal(h->outcomes[2].result, LEASE_APPLIED);
	assert_int_equal(check(s, "10.0.0.1", &b), 0);
	assert_int_equal(check(s, "10.0.0.2", &b), E_NOT_FOUND);
	assert_int_equal(check(s, "10.0.0.3", &b), 0);
}

static int setup_small_queue(void **state)
{
	struct bench_store *s = malloc(sizeof *s);

	store_dir(s);
	s->options.queue_max = 20;
	s->options.group_max = 4;
	store_open(s);
	*state = s;
	return 0;
}

static void test_full_queue(void **state)
{
	struct bench_store *s = *state;
	struct tally t = {.s = s};
	struct db_stats stats;

	submit_puts(&t, 1000, -1);
	drain(&t);
	assert_false(t.early);
	assert_int_equal(t.ok + t.busy, 1000);
	assert_true(t.busy > 0);
	assert_true(t.ok >= 20);
	db_stats_read(s->db, &stats);
	assert_true(stats.commits >= stats.operations / 4); /* bounded groups */
	/* And then there is room again. */
	make_subscriber(s, 7);
}

static void test_closed_port(void **state)
{
	struct bench_store *s = *state;
	struct tally t = {.s = s, .resubmit = s->port};

	submit_puts(&t, 50, -1);
	db_port_close(s->port);
	assert_int_equal(t.waiting, 0);
	assert_int_equal(t.ok, 50);
	assert_int_equal(t.closed, 1);
	/* Another port goes on; a task that the closed one left on the loop does no harm. */
	assert_int_equal(db_port_open(s->db, s->loop, &s->port), 0);
	make_subscriber(s, 1);
	assert_int_equal(raw_int(s->dir, "bindings.db", "SELECT count(*) FROM subscriber"), 51);
}

static void on_told(void *arg, int err)
{
	count_err(arg, err);
}

static void tell(struct tally *t, int n)
{
	static const uint32_t uid = 1;
	const struct maildrop_update up = {
		.via = {.key = key_at("10.0.0.1"), .generation = 1, .subscriber = 1},
		.read = &uid,
		.read_count = 1};

	for (int i = 0; i < n; i++, t->waiting++)
		maildrop_update(t->s->port, &up, on_told, t);
}

static uint64_t commits(struct bench_store *s)
{
	struct db_stats stats;

	db_stats_read(s->db, &stats);
	return stats.commits;
}

/* What nobody waits for gathers; who waits takes it along, and so does the end. */
static void test_lazy(void **state)
{
	struct bench_store *s = *state;
	struct tally t = {.s = s};
	int64_t id = make_subscriber(s, 1);
	uint64_t before = commits(s);

	tell(&t, 50);
	drain(&t);
	assert_int_equal(t.conflict,
			 50); /* nobody is bound: what was read is on record all the same */
	assert_in_range(commits(s) - before, 1, 10);
	tell(&t, 50);
	accept_mail(s, id, "x\r\n", clock_now_us());
	assert_int_equal(t.waiting, 0);
	tell(&t, 50);
	db_port_close(s->port);
	assert_int_equal(t.waiting, 0);
	assert_int_equal(raw_int(s->dir, "mail.db", "SELECT count(*) FROM access"), 150);
	assert_int_equal(db_port_open(s->db, s->loop, &s->port), 0);
}

/* ---- two processes ---- */

struct child_report {
	int64_t done, worst_us;
};

/* Writes for a while, one mail at a time, and says how it went. */
static void child_writes(const char *dir, int64_t subscriber, int seconds, int out)
{
	struct bench_store s = {0};
	struct child_report report = {0};

	snprintf(s.dir, sizeof s.dir, "%s", dir);
	store_open(&s);
	int64_t until_us = clock_mono_us() + seconds * SECOND_US;
	while (clock_mono_us() < until_us) {
		int64_t begun_us = clock_mono_us();
		if (accept_mail(&s, subscriber, "x\r\n", clock_now_us()))
			_exit(1);
		int64_t took_us = clock_mono_us() - begun_us;
		report.done++;
		if (took_us > report.worst_us)
			report.worst_us = took_us;
	}
	store_close(&s);
	if (write(out, &report, sizeof report) != sizeof report)
		_exit(1);
	_exit(0);
}

static void test_fair_processes(void **state)
{
	enum { CHILDREN = 3 };
	struct bench_store *s = *state;
	struct child_report reports[CHILDREN];
	int64_t ids[CHILDREN], least = INT64_MAX, most = 0, total = 0;
	int pipes[CHILDREN][2];
	pid_t pids[CHILDREN];

	for (int i = 0; i < CHILDREN; i++)
		ids[i] = make_subscriber(s, i + 1);
	store_close(s);
	for (int i = 0; i < CHILDREN; i++) {
		assert_int_equal(pipe(pipes[i]), 0);
		pids[i] = fork();
		if (pids[i] == 0)
			child_writes(s->dir, ids[i], 2, pipes[i][1]);
	}
	for (int i = 0; i < CHILDREN; i++) {
		int status;
		assert_int_equal(read(pipes[i][0], &reports[i], sizeof reports[i]),
				 sizeof reports[i]);
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
		close(pipes[i][0]);
		close(pipes[i][1]);
		total += reports[i].done;
		least = reports[i].done < least ? reports[i].done : least;
		most = reports[i].done > most ? reports[i].done : most;
		print_message("process %d: %lld mails, slowest %lld us\n", i,
			      (long long)reports[i].done, (long long)reports[i].worst_us);
	}
	assert_true(least * 4 > most);
	store_open(s);
	assert_int_equal(raw_int(s->dir, "mail.db", "SELECT count(*) FROM message"), total);
}

/* A writer that is stopped while it holds the ticket and then killed does not hold up the others
 * for ever. */
static void test_killed_holder(void **state)
{
	struct bench_store *s = *state;
	int64_t id = make_subscriber(s, 1);
	int out[2];

	for (unsigned i = 0; i < 10; i++) {
		store_close(s); /* SQLite's connections do not survive a fork */
		assert_int_equal(pipe(out), 0);
		pid_t pid = fork();
		if (pid == 0)
			child_writes(s->dir, id, 60, out[1]);
		usleep(100000 + i * 7919);
		kill(pid, SIGSTOP);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		close(out[0]);
		close(out[1]);
		store_open(s);
		assert_int_equal(accept_mail(s, id, "x\r\n", clock_now_us()), 0);
	}
}

/* ---- no space ---- */

static int fill_with_mail(struct bench_store *s, int64_t id, int max, int *stored)
{
	static char body[200001];

	memset(body, 'x', sizeof body - 1);
	for (*stored = 0; *stored < max; (*stored)++) {
		int err = accept_mail(s, id, body, clock_now_us());
		if (err)
			return err;
	}
	return 0;
}

static void assert_sound(struct bench_store *s)
{
	store_close(s);
	for (int i = 0; i < 2; i++)
		assert_int_equal(
			raw_int(s->dir, i ? "mail.db" : "bindings.db",
				"SELECT count(*) FROM pragma_integrity_check WHERE integrity_check"
				" <> 'ok'"),
			0);
	store_open(s);
}

/* No file may grow any more: EFBIG. Nothing is promised; what was, stays; and it goes on when there
 * is room. */
static void test_files_cannot_grow(void **state)
{
	struct bench_store *s = *state;
	struct rlimit limit, small;
	int stored = 0, more = 0;
	int64_t id = make_subscriber(s, 1);

	signal(SIGXFSZ, SIG_IGN);
	log_level_set("none");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	small = limit;
	small.rlim_cur = 3 << 20;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	int err = fill_with_mail(s, id, 200, &stored);
	for (int i = 0; i < 3; i++)
		assert_int_equal(fill_with_mail(s, id, 1, &more), E_IO);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(err, E_IO);
	assert_int_equal(fill_with_mail(s, id, 3, &more), 0);
	assert_sound(s);
	assert_int_equal(raw_int(s->dir, "mail.db", "SELECT count(*) FROM message"), stored + 3);
}

/* A small disk of its own: ENOSPC, and space comes back by deleting a file. */
static void test_disk_full(void **state)
{
	struct bench_store *s = *state;
	char ballast[300];
	int stored = 0, more = 0;

	store_close(s);
	if (mount("tmpfs", s->dir, "tmpfs", 0, "size=12m")) {
		store_open(s);
		print_message("not root: no disk to fill\n");
		skip();
	}
	snprintf(ballast, sizeof ballast, "%s/ballast", s->dir);
	FILE *f = fopen(ballast, "w");
	for (int i = 0; i < 6 << 20; i++)
		fputc('x', f);
	fclose(f);
	store_open(s);
	log_level_set("none");
	int64_t id = make_subscriber(s, 1);
	int err = fill_with_mail(s, id, 200, &stored);
	int again = fill_with_mail(s, id, 1, &more);
	struct binding b;
	int readable = check(s, "10.0.0.1", &b);
	unlink(ballast);
	int after = fill_with_mail(s, id, 3, &more);
	assert_sound(s);
	int64_t rows = raw_int(s->dir, "mail.db", "SELECT count(*) FROM message");
	store_close(s);
	umount2(s->dir, MNT_DETACH);
	assert_int_equal(err, E_IO);
	assert_int_equal(again, E_IO);
	assert_int_equal(readable, E_NOT_FOUND);
	assert_int_equal(after, 0);
	assert_int_equal(rows, stored + 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_fails),
		TEST(test_one_event_fails),
		cmocka_unit_test_setup_teardown(test_lazy, setup_store, teardown_store),
		cmocka_unit_test_setup_teardown(test_full_queue, setup_small_queue, teardown_store),
		TEST(test_closed_port),
		TEST(test_fair_processes),
		TEST(test_killed_holder),
		TEST(test_files_cannot_grow),
		TEST(test_disk_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
