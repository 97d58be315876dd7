/* No mail that was taken on is lost, and no original is gone without its outcome: a process that
 * puts and settles is killed inside its transactions, at every row that they change and right
 * before each commit; then at any moment, under load, again and again. CRASH_ROUNDS (6) in the
 * environment. */
#include <poll.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include "db/queue_testing.h"

#define T0       (1700000000 * SECOND_US)
#define NUMBERS  100000
#define ROUND    5000 /* numbers of one round */
#define ROUNDS   6
#define PUTTING  16 /* in flight */
#define SETTLING 16
#define NOWHERE  "nowhere.example" /* bounces wait there: nobody takes them */

/* By its number a mail is to be delivered, to fail with a bounce, or to be put off. */
enum { TO_DELIVER, TO_FAIL, TO_DEFER, FATES };

/* On the pipe: 'p' acknowledged; 't' about to be settled, so it may be gone from now on; 's'
 * settled. */
struct said {
	char what;
	int64_t number;
};

struct worker {
	struct bench_store s;
	int out;
	int64_t next, last;
	size_t putting, settling;
	bool once; /* a put, and after it a settlement */
};

static void say(struct worker *w, char what, int64_t number)
{
	struct said said = {what, number};

	if (write(w->out, &said, sizeof said) != sizeof said)
		_exit(2);
}

struct step {
	struct worker *w;
	int64_t number;
};

static struct step *step_of(struct worker *w, int64_t number)
{
	struct step *step = calloc(1, sizeof *step);

	step->w = w;
	step->number = number;
	return step;
}

/* ---- the process that dies ---- */

static void work(struct worker *w);

static void on_put_done(void *arg, int err, int64_t mail)
{
	struct step *step = arg;
	struct worker *w = step->w;

	(void)mail;
	if (err)
		_exit(3);
	say(w, 'p', step->number);
	free(step);
	w->putting--;
	work(w);
}

/* Its number is its ENVID; every fifth has a second recipient elsewhere. */
static void put_next(struct worker *w)
{
	char envid[32], address[64];
	int64_t number = w->next++;
	struct queue_recipient_new r[2] = {to(address, "b.example"),
					   to("c@d.example", "d.example")};

	snprintf(envid, sizeof envid, "%lld", (long long)number);
	snprintf(address, sizeof address, "a%s@b.example", envid);
	struct queue_new m = mail_of("Subject: x\r\n\r\nx\r\n", T0, r, number % 5 ? 1 : 2);
	m.envid = envid;
	w->putting++;
	queue_put(w->s.port, &m, on_put_done, step_of(w, number));
}

static void on_settle_done(void *arg, int err)
{
	struct step *step = arg;
	struct worker *w = step->w;

	if (err)
		_exit(4);
	say(w, 's', step->number);
	free(step);
	w->settling--;
	work(w);
}

static void settle_job(struct worker *w, const struct queue_job *j)
{
	int64_t number = atoll(j->envid);
	bool is_failed = number % FATES == TO_FAIL;
	char envid[32];
	struct queue_outcome o = {.recipient = j->recipients[0].id,
				  .fate = number % FATES == TO_DELIVER ? QUEUE_DELIVERED
					  : is_failed                  ? QUEUE_FAILED
								       : QUEUE_DEFERRED,
				  .next_us = T0 + DAY_US_,
				  .reply = reply(550, "5.1.1", "no such user")};
	struct queue_recipient_new back = to("sender@hato.example", NOWHERE);
	struct queue_new bounce = mail_of("a bounce", T0, &back, 1);
	struct suppression sup = {.sender = 1,
				  .address = envid,
				  .reason = o.reply,
				  .since_us = T0,
				  .expires_us = T0 + DAY_US_};

	snprintf(envid, sizeof envid, "B%lld.%u", (long long)number, j->recipients[0].id);
	bounce.envid = envid;
	say(w, 't', number);
	w->settling++;
	queue_settle(w->s.port,
		     &(struct queue_settlement){.mail = j->mail,
						.outcomes = &o,
						.count = 1,
						.notices = &bounce,
						.notice_count = is_failed,
						.suppressions = &sup,
						.suppression_count = is_failed},
		     on_settle_done, step_of(w, number));
}

static void on_work(void *arg, int err, const struct queue_job *jobs, size_t n)
{
	struct worker *w = arg;

	if (err)
		_exit(5);
	for (size_t i = 0; i < n; i++)
		settle_job(w, &jobs[i]);
}

static void on_work_lanes(void *arg, int err, const struct queue_lane *lanes, size_t n,
			  int64_t next_us)
{
	struct worker *w = arg;

	(void)next_us;
	if (err)
		_exit(6);
	for (size_t i = 0; i < n && w->settling < SETTLING; i++) {
		if (strcmp(lanes[i].name, NOWHERE) != 0)
			queue_lane_take(w->s.port,
					&(struct queue_take){.lane = lanes[i].id,
							     .now_us = T0 + 1,
							     .jobs = SETTLING - w->settling,
							     .recipients = 1},
					on_work, w);
	}
}

static void work(struct worker *w)
{
	while (w->putting < PUTTING && w->next < w->last)
		put_next(w);
	if (w->settling < SETTLING && !(w->once && w->putting))
		queue_lanes(w->s.port, T0 + 1, NULL, 8, on_work_lanes, w);
	if (w->once && !w->putting && !w->settling)
		_exit(0);
}

static void work_until_killed(struct worker *w)
{
	store_open(&w->s);
	work(w);
	for (;;)
		loop_run(w->s.loop);
}

/* ---- what is found afterwards ---- */

struct ledger {
	char dir[256];
	struct {
		bool acked, tried;
	} * of;
	int64_t acked, gone;
};

static int64_t ask(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *stmt;

	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	int64_t value = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return value;
}

static void assert_sound(sqlite3 *db)
{
	static const char *const none[] = {
		"SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
		"SELECT count(*) FROM pragma_foreign_key_check",
		"SELECT count(*) FROM mail m WHERE recipients <> (SELECT count(*) FROM recipient"
		" WHERE mail = m.id)",
		/* A mail has its octets, and nothing else has. */
		"SELECT count(*) FROM mail m LEFT JOIN body b ON b.id = m.id WHERE b.refs IS NOT 1"
		" OR b.size <> m.size",
		"SELECT count(*) FROM body WHERE refs <> 0 AND id NOT IN (SELECT id FROM mail)",
		"SELECT count(*) FROM body b WHERE size <> (SELECT sum(length(octets)) FROM chunk"
		" WHERE id / 4096 = b.id)",
		"SELECT count(*) FROM chunk WHERE id / 4096 NOT IN (SELECT id FROM body)",
		"SELECT count(*) FROM lane l WHERE next_us IS NOT (SELECT min(next_us) FROM"
		" recipient WHERE lane = l.id)",
		"SELECT count(*) FROM lane WHERE id NOT IN (SELECT lane FROM recipient)",
		"SELECT count(*) FROM total WHERE mails <> (SELECT count(*) FROM mail) OR octets <>"
		" (SELECT coalesce(sum(size), 0) FROM mail) OR lanes <> (SELECT count(*) FROM lane)"
		" OR suppressions <> (SELECT count(*) FROM suppression)",
	};

	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		int64_t n = ask(db, none[i]);
		if (n)
			print_error("%s: %lld\n", none[i], (long long)n);
		assert_int_equal(n, 0);
	}
}

/* Of every number: how many recipients still wait, how many bounces and entries there are. */
struct left {
	int waiting, bounces, entries;
};

static struct left *read_left(sqlite3 *db)
{
	static const char *const sql[] = {
		("SELECT CAST(m.envid AS INTEGER) FROM recipient r JOIN mail m ON m.id = r.mail"
		 " WHERE m.envid NOT LIKE 'B%'"),
		"SELECT CAST(substr(envid, 2) AS INTEGER) FROM mail WHERE envid LIKE 'B%'",
		"SELECT CAST(substr(address, 2) AS INTEGER) FROM suppression"};
	struct left *left = calloc(NUMBERS, sizeof *left);
	sqlite3_stmt *stmt;

	for (int i = 0; i < 3; i++) {
		assert_int_equal(sqlite3_prepare_v2(db, sql[i], -1, &stmt, NULL), SQLITE_OK);
		while (sqlite3_step(stmt) == SQLITE_ROW) {
			struct left *l = &left[sqlite3_column_int64(stmt, 0)];
			*(i == 0 ? &l->waiting : i == 1 ? &l->bounces : &l->entries) += 1;
		}
		sqlite3_finalize(stmt);
	}
	return left;
}

/* What a mail of this number may look like now. */
static bool is_right(int64_t number, bool acked, bool tried, const struct left *l)
{
	int all = number % 5 ? 1 : 2, gone = all - l->waiting;

	if (!acked && !tried) /* it may have been committed, whole, or not */
		return (gone == 0 || gone == all) && !l->bounces && !l->entries;
	if (number % FATES == TO_DEFER)
		return gone == 0 && !l->bounces;
	if (gone && !tried)
		return false;
	/* Each recipient that is gone from a mail that fails has its bounce and its entry. */
	int due = number % FATES == TO_FAIL ? gone : 0;
	return l->bounces == due && l->entries == due;
}

static void check_ledger(struct ledger *ledger, int in)
{
	char path[300];
	struct said said;
	sqlite3 *db;

	while (read(in, &said, sizeof said) == sizeof said) {
		if (said.what == 'p') {
			ledger->of[said.number].acked = true;
			ledger->acked++;
		} else if (said.what == 't') {
			ledger->of[said.number].tried = true;
		} else {
			ledger->gone++;
		}
	}
	snprintf(path, sizeof path, "%s/queue.db", ledger->dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_sound(db);
	struct left *left = read_left(db);
	sqlite3_close(db);
	for (int64_t n = 0; n < NUMBERS; n++) {
		bool right = is_right(n, ledger->of[n].acked, ledger->of[n].tried, &left[n]);
		if (!right)
			print_error("%lld: acked %d tried %d, waiting %d bounces %d entries %d\n",
				    (long long)n, ledger->of[n].acked, ledger->of[n].tried,
				    left[n].waiting, left[n].bounces, left[n].entries);
		assert_true(right);
	}
	free(left);
}

/* ---- at every row ---- */

static int moments; /* until the end */

static void die_at_moment(void)
{
	if (--moments == 0)
		kill(getpid(), SIGKILL);
}

static void on_row_changed(void *arg, int what, const char *schema, const char *table,
			   sqlite3_int64 id)
{
	(void)arg;
	(void)what;
	(void)schema;
	(void)table;
	(void)id;
	die_at_moment();
}

static int on_commit(void *arg)
{
	(void)arg;
	die_at_moment();
	return 0;
}

static int watch_connection(sqlite3 *db, char **error, const struct sqlite3_api_routines *api)
{
	(void)error;
	(void)api;
	sqlite3_update_hook(db, on_row_changed, NULL);
	sqlite3_commit_hook(db, on_commit, NULL);
	return SQLITE_OK;
}

/* False: it lived to its end. */
static bool die_at(struct ledger *ledger, int64_t number, int moment)
{
	int ends[2], status;

	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct worker w = {
			.out = ends[1], .next = number, .last = number + 1, .once = true};
		close(ends[0]);
		moments = moment;
		sqlite3_auto_extension((void (*)(void))(uintptr_t)watch_connection);
		snprintf(w.s.dir, sizeof w.s.dir, "%s", ledger->dir);
		w.s.options.files = DB_FILE(DB_BINDINGS) | DB_FILE(DB_QUEUE);
		work_until_killed(&w);
	}
	close(ends[1]);
	waitpid(pid, &status, 0);
	check_ledger(ledger, ends[0]);
	close(ends[0]);
	if (WIFEXITED(status))
		assert_int_equal(WEXITSTATUS(status), 0);
	return WIFSIGNALED(status);
}

static struct ledger *ledger_new(struct bench_store *s)
{
	struct ledger *ledger = calloc(1, sizeof *ledger);

	ledger->of = calloc(NUMBERS, sizeof *ledger->of);
	snprintf(ledger->dir, sizeof ledger->dir, "%s", s->dir);
	store_close(s);
	return ledger;
}

static void ledger_end(struct ledger *ledger, struct bench_store *s)
{
	free(ledger->of);
	free(ledger);
	store_open(s);
}

/* Numbers 5, 10, ...: two recipients each, so that each process puts one and settles twice; what
 * the killed ones left over is settled by the next. */
static void test_killed_at_every_row(void **state)
{
	struct bench_store *s = *state;
	struct ledger *ledger = ledger_new(s);
	int moment = 1;

	while (die_at(ledger, moment * 5, moment))
		moment++;
	print_message("%d moments, %lld acknowledged, %lld settled\n", moment,
		      (long long)ledger->acked, (long long)ledger->gone);
	assert_true(moment > 20);
	ledger_end(ledger, s);
}

/* ---- at any moment, under load ---- */

static void one_round(struct ledger *ledger, int64_t first, unsigned delay_us)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct worker w = {.out = ends[1], .next = first, .last = first + ROUND};
		close(ends[0]);
		snprintf(w.s.dir, sizeof w.s.dir, "%s", ledger->dir);
		w.s.options.files = DB_FILE(DB_BINDINGS) | DB_FILE(DB_QUEUE);
		work_until_killed(&w);
	}
	close(ends[1]);
	poll(&(struct pollfd){.fd = ends[0], .events = POLLIN}, 1, 20000);
	usleep(delay_us);
	/* It must not have ended by itself. */
	assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	check_ledger(ledger, ends[0]);
	close(ends[0]);
}

static void test_killed_under_load(void **state)
{
	struct bench_store *s = *state;
	struct ledger *ledger = ledger_new(s);
	const char *wanted = getenv("CRASH_ROUNDS");
	int rounds = wanted ? atoi(wanted) : ROUNDS;

	srandom((unsigned)getpid());
	for (int i = 0; i < rounds && (i + 1) * ROUND <= NUMBERS; i++)
		one_round(ledger, (int64_t)i * ROUND, (unsigned)(random() % 60000));
	print_message("%lld acknowledged, %lld settled in %d rounds\n", (long long)ledger->acked,
		      (long long)ledger->gone, rounds);
	assert_true(ledger->acked > rounds && ledger->gone > rounds);
	ledger_end(ledger, s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {QUEUE_TEST(test_killed_at_every_row),
					   QUEUE_TEST(test_killed_under_load)};

	/* What a killed process wrote the kernel has, on any disk: no need to wait for a slow one.
	 */
	setenv("TMPDIR", "/dev/shm", 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
