/* A NAS's On/Off in pieces, in the real store: others have their turn between them, the batch keeps
 * its order, and a process that is killed between two pieces has lost nothing. */
#include <signal.h>
#include <sys/wait.h>

#include "db/db_testing.h"

#define SESSIONS 12

static int64_t t0_us;

/* Each session that an Off ends is a commit of its own. */
static int setup(void **state)
{
	struct bench_store *s;

	setup_store(state);
	s = *state;
	s->options.lease.ends_max = 1;
	reopen_store(s);
	t0_us = clock_now_us() - 1000 * SECOND_US;
	for (int i = 1; i <= SESSIONS; i++) {
		char ip[32], session[16];
		make_subscriber(s, i);
		snprintf(ip, sizeof ip, "10.0.0.%d", i);
		snprintf(session, sizeof session, "s%d", i);
		apply(s, an_event(LEASE_START, ip, i, session, t0_us + i * SECOND_US));
	}
	make_subscriber(s, SESSIONS + 1);
	return 0;
}

static struct lease_event of_other_nas(void)
{
	struct lease_event ev = an_event(LEASE_START, "10.9.9.9", SESSIONS + 1, "o", t0_us);

	strcpy(ev.nas_id, "other");
	return ev;
}

static struct lease_event the_off(void)
{
	return an_event(LEASE_NAS_OFF, NULL, 0, "", t0_us + 500 * SECOND_US);
}

static int held(struct bench_store *s)
{
	int n = 0;

	for (int i = 1; i <= SESSIONS; i++) {
		char ip[32];
		snprintf(ip, sizeof ip, "10.0.0.%d", i);
		n += check(s, ip, NULL) == 0;
	}
	return n;
}

/* Each address left one row when its holder went. */
static void assert_ended_once(struct bench_store *s)
{
	struct heard *h = malloc(sizeof *h);

	for (int i = 1; i <= SESSIONS; i++) {
		char ip[32];
		snprintf(ip, sizeof ip, "10.0.0.%d", i);
		struct key k = key_at(ip);
		*h = (struct heard){.s = s};
		binding_history(s->port, &k, &(struct history_question){.limit = 60}, on_history,
				h);
		assert_int_equal(wait_for(h), 0);
		assert_int_equal(h->n, 2);
		assert_string_equal(h->history[1].event, "nas-off");
		assert_int_equal(h->history[1].time_us, t0_us + 500 * SECOND_US);
	}
	free(h);
}

static void test_others_between(void **state)
{
	struct bench_store *s = *state;
	struct heard *off = HEARD(s), *other = HEARD(s);
	struct lease_event a = the_off(), b = of_other_nas();

	binding_apply(s->port, &a, 1, on_applied, off);
	binding_apply(s->port, &b, 1, on_applied, other);
	assert_int_equal(wait_for(other), 0);
	assert_int_equal(off->calls, 0);
	assert_int_equal(wait_for(off), 0);
	assert_int_equal(off->outcomes[0].result, LEASE_APPLIED);
	assert_int_equal(held(s), 0);
	assert_ended_once(s);
}

/* What came before it in its batch is before it, what came after it after; no older Start slips
 * in. */
static void test_batch(void **state)
{
	struct bench_store *s = *state;
	struct heard *h = HEARD(s);
	struct lease_event batch[] = {
		an_event(LEASE_START, "10.0.0.1", SESSIONS + 1, "s1b", t0_us + 499 * SECOND_US),
		the_off(),
		an_event(LEASE_START, "10.0.0.2", 3, "s2", t0_us + 499 * SECOND_US),
		an_event(LEASE_START, "10.0.0.2", 2, "s1", t0_us + 500 * SECOND_US),
		an_event(LEASE_NAS_ON, NULL, 0, "", t0_us + 600 * SECOND_US),
		an_event(LEASE_START, "10.0.0.3", 3, "s1", t0_us + 601 * SECOND_US)};
	static const enum lease_result results[] = {LEASE_APPLIED, LEASE_APPLIED, LEASE_STALE,
						    LEASE_APPLIED, LEASE_APPLIED, LEASE_APPLIED};

	for (size_t i = 0; i < 6; i++)
		batch[i].batch = 7;
	binding_apply(s->port, batch, 6, on_applied, h);
	assert_int_equal(wait_for(h), 0);
	for (size_t i = 0; i < 6; i++)
		assert_int_equal(h->outcomes[i].result, results[i]);
	assert_int_equal(held(s), 1);
	assert_int_equal(check(s, "10.0.0.3", NULL), 0);
}

static void on_between(void *arg, int err, const struct lease_outcome *out, size_t n)
{
	(void)arg;
	(void)err;
	(void)out;
	(void)n;
	kill(getpid(), SIGKILL);
}

static void on_whole(void *arg, int err, const struct lease_outcome *out, size_t n)
{
	(void)arg;
	(void)err;
	(void)out;
	(void)n;
	_exit(1); /* all of it, before anybody else had a turn */
}

static void die_between(struct bench_store *s)
{
	struct lease_event a = the_off(), b = of_other_nas();

	store_open(s);
	binding_apply(s->port, &a, 1, on_whole, NULL);
	binding_apply(s->port, &b, 1, on_between, NULL);
	loop_run(s->loop);
	_exit(2);
}

static void test_killed_between(void **state)
{
	struct bench_store *s = *state;
	int status;

	store_close(s);
	pid_t pid = fork();
	if (pid == 0)
		die_between(s);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	store_open(s);
	assert_in_range(held(s), 1, SESSIONS - 1);
	/* No answer came: the NAS repeats it. */
	assert_int_equal(apply(s, the_off()).result, LEASE_STALE);
	assert_int_equal(held(s), 0);
	assert_ended_once(s);
	assert_int_equal(check(s, "10.9.9.9", NULL), 0);
}

/* A port that closes meanwhile: the caller hears that it is not done. */
static void test_closed_between(void **state)
{
	struct bench_store *s = *state;
	struct heard *h = HEARD(s);
	struct lease_event a = the_off();

	binding_apply(s->port, &a, 1, on_applied, h);
	store_close(s);
	assert_int_equal(h->calls, 1);
	assert_int_equal(h->err, E_CLOSED);
	store_open(s);
	assert_in_range(held(s), 1, SESSIONS - 1);
}

#define TEST_OFF(name) cmocka_unit_test_setup_teardown(name, setup, teardown_store)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST_OFF(test_others_between), TEST_OFF(test_batch),
					   TEST_OFF(test_killed_between),
					   TEST_OFF(test_closed_between)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
