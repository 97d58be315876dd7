/* The change feed: every change once, in order, to every watcher, whichever process wrote it, with
 * hints and without. */
#include <sys/wait.h>

#include "db/db_testing.h"

#define CHANGES_MAX 4000

struct watcher {
	struct bench_store *s;
	struct change seen[CHANGES_MAX];
	size_t n, wanted;
	int64_t last_us;
};

static void on_change(void *arg, const struct change *c)
{
	struct watcher *w = arg;

	assert_true(w->n < CHANGES_MAX);
	if (w->n)
		assert_int_equal(c->seq, w->seen[w->n - 1].seq + 1); /* none twice, none missing */
	w->seen[w->n++] = *c;
	w->last_us = clock_mono_us();
	if (w->n >= w->wanted)
		loop_stop(w->s->loop);
}

static void wait_changes(struct watcher *w, size_t n)
{
	w->wanted = n;
	while (w->n < n)
		loop_run(w->s->loop);
	assert_int_equal(w->n, n);
}

static void test_what_it_tells(void **state)
{
	struct bench_store *s = *state;
	struct watcher *b = calloc(1, sizeof *b), *m = calloc(1, sizeof *m);
	struct binding row = {0};
	int64_t id = make_subscriber(s, 1), other = make_subscriber(s, 2);
	uint32_t uid = 1;

	b->s = m->s = s;
	apply(s, an_event(LEASE_START, "10.0.0.9", 2, "s0", clock_now_us())); /* before: not told */
	assert_int_equal(db_watch(s->port, DB_BINDINGS, on_change, b), 0);
	assert_int_equal(db_watch(s->port, DB_MAIL, on_change, m), 0);

	apply(s, an_event(LEASE_START, "10.0.0.1", 1, "s1", clock_now_us()));
	check(s, "10.0.0.1", &row);
	claim(s, "10.0.0.1", row.generation, id, &row);
	claim(s, "10.0.0.1", row.generation, id, &row); /* no change */
	apply(s, an_event(LEASE_UPDATE, "10.0.0.1", 1, "s1", clock_now_us()));
	apply(s, an_event(LEASE_START, "10.0.0.1", 2, "s2", clock_now_us() + 1));
	/* 10.0.0.1 to 1, confirmed, 10.0.0.9 free, 10.0.0.1 from 1 to 2 */
	wait_changes(b, 4);
	assert_int_equal(b->seen[0].kind, CHANGE_BINDING);
	assert_int_equal(b->seen[0].subscriber, id);
	assert_int_equal(b->seen[0].former, 0);
	assert_int_equal(b->seen[0].state, KEY_UNCONFIRMED);
	assert_int_equal(b->seen[1].state, KEY_CONFIRMED);
	assert_int_equal(b->seen[1].former, id);
	assert_int_equal(b->seen[2].former, other);
	assert_int_equal(b->seen[2].subscriber, 0);
	assert_int_equal(b->seen[2].state, KEY_FREE);
	assert_int_equal(b->seen[3].subscriber, other);
	assert_int_equal(b->seen[3].former, id);
	assert_true(b->seen[3].generation > row.generation);
	assert_true(key_equal(&b->seen[3].key, &row.key));

	accept_mail(s, other, "x\r\n", clock_now_us());
	check(s, "10.0.0.1", &row);
	claim(s, "10.0.0.1", row.generation, other, &row);
	struct heard *h = HEARD(s);
	maildrop_update(s->port,
			&(struct maildrop_update){.via = {row.key, row.generation, other},
						  .deleted = &uid,
						  .deleted_count = 1},
			on_done, h);
	assert_int_equal(wait_for(h), 0);
	/* A session that changed nothing appends nothing. */
	h = HEARD(s);
	maildrop_update(
		s->port,
		&(struct maildrop_update){.via = {row.key, row.generation, other}, .listed_uid = 1},
		on_done, h);
	assert_int_equal(wait_for(h), 0);
	wait_changes(m, 2);
	assert_int_equal(m->seen[0].kind, CHANGE_MAIL);
	assert_int_equal(m->seen[0].subscriber, other);
	assert_int_equal(m->seen[1].kind, CHANGE_SESSION);

	h = HEARD(s);
	subscriber_remove(s->port, "819000000002", on_done, h);
	assert_int_equal(wait_for(h), 0);
	wait_changes(b, 7); /* confirmed, freed, gone */
	assert_int_equal(b->seen[5].state, KEY_FREE);
	assert_int_equal(b->seen[6].kind, CHANGE_GONE);
	assert_int_equal(b->seen[6].subscriber, other);
	free(b);
	free(m);
}

/* A binding of a NAS that is behind was renewed: it moved nowhere, and who waits for it hears of
 * it. */
static void test_caught_up(void **state)
{
	struct bench_store *s = *state;
	struct watcher *w = calloc(1, sizeof *w);
	struct binding row = {0};
	int64_t id = make_subscriber(s, 1), now_us = clock_now_us();
	struct lease_event late = an_event(LEASE_START, "10.0.0.2", 0, "s2", now_us + 1);

	w->s = s;
	apply(s, an_event(LEASE_START, "10.0.0.1", 1, "s1", now_us));
	check(s, "10.0.0.1", &row);
	claim(s, "10.0.0.1", row.generation, id, &row);
	late.delay_us = 40 * SECOND_US;
	late.received_us = now_us + late.delay_us;
	apply(s, late);
	assert_int_equal(db_watch(s->port, DB_BINDINGS, on_change, w), 0);
	struct lease_event update = an_event(LEASE_UPDATE, "10.0.0.1", 1, "s1", now_us + 2);
	update.received_us = late.received_us + 1;
	apply(s, update);
	wait_changes(w, 1);
	assert_int_equal(w->seen[0].subscriber, id);
	assert_int_equal(w->seen[0].state, KEY_CONFIRMED);
	assert_int_equal(w->seen[0].generation, row.generation);
	update.time_us++;
	apply(s, update); /* and once */
	apply(s, an_event(LEASE_STOP, "10.0.0.1", 1, "s1", now_us + 3));
	wait_changes(w, 2);
	assert_int_equal(w->seen[1].state, KEY_FREE);
	free(w);
}

/* Numbers go on over a restart, also when all old rows were swept. */
static void test_numbers_go_on(void **state)
{
	struct bench_store *s = *state;
	struct watcher *w = calloc(1, sizeof *w);
	struct heard *h;

	make_subscriber(s, 1);
	w->s = s;
	assert_int_equal(db_watch(s->port, DB_BINDINGS, on_change, w), 0);
	apply(s, an_event(LEASE_START, "10.0.0.1", 1, "s1", clock_now_us()));
	wait_changes(w, 1);
	h = HEARD(s);
	bindings_sweep(s->port, clock_now_us() + 3600 * SECOND_US, on_done, h);
	assert_int_equal(wait_for(h), 0);
	reopen_store(s);
	assert_int_equal(db_watch(s->port, DB_BINDINGS, on_change, w), 0);
	apply(s, an_event(LEASE_STOP, "10.0.0.1", 1, "s1", clock_now_us()));
	wait_changes(w, 2); /* on_change checks the numbers */
	free(w);
}

/* ---- between processes ---- */

static void child_delivers(const char *dir, const char *run, int64_t subscriber, int n,
			   const char *name)
{
	struct bench_store s = {0};

	snprintf(s.dir, sizeof s.dir, "%s", dir);
	s.options.hint_dir = run;
	s.options.daemon = name;
	store_open(&s);
	for (int i = 0; i < n; i++) {
		if (accept_mail(&s, subscriber, "x\r\n", clock_now_us()))
			_exit(1);
	}
	store_close(&s);
	_exit(0);
}

static void deliver_from_others(struct bench_store *s, const char *run, struct watcher *w)
{
	enum { CHILDREN = 3, MAILS = 200 };
	pid_t pids[CHILDREN];
	int64_t ids[CHILDREN];
	int status;

	for (int i = 0; i < CHILDREN; i++)
		ids[i] = make_subscriber(s, i + 1);
	store_close(s);
	/* The children wait for the gate until the watcher watches. */
	int gate[2];
	assert_int_equal(pipe(gate), 0);
	for (int i = 0; i < CHILDREN; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			char octet, name[16];
			close(gate[1]);
			while (read(gate[0], &octet, 1) > 0)
				;
			snprintf(name, sizeof name, "child%d", i);
			child_delivers(s->dir, run, ids[i], MAILS, name);
		}
	}
	close(gate[0]);
	store_open(s);
	w->s = s;
	assert_int_equal(db_watch(s->port, DB_MAIL, on_change, w), 0);
	close(gate[1]);
	wait_changes(w, CHILDREN * MAILS);
	for (int i = 0; i < CHILDREN; i++) {
		size_t mine = 0;
		for (size_t j = 0; j < w->n; j++)
			mine += w->seen[j].subscriber == ids[i];
		assert_int_equal(mine, MAILS);
		assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
		assert_int_equal(status, 0);
	}
}

static int setup_hints(void **state)
{
	struct bench_store *s = malloc(sizeof *s);

	store_dir(s);
	s->options.hint_dir = s->run;
	store_open(s);
	*state = s;
	return 0;
}

static void test_other_processes(void **state)
{
	struct bench_store *s = *state;
	struct watcher *w = calloc(1, sizeof *w);

	deliver_from_others(s, s->run, w);
	free(w);
}

static void test_without_hints(void **state)
{
	struct bench_store *s = *state;
	struct watcher *w = calloc(1, sizeof *w);

	deliver_from_others(s, NULL, w);
	free(w);
}

static void none(void *arg, const struct change *c)
{
	(void)arg;
	(void)c;
	fail();
}

static bool has_socket(const struct bench_store *s, const char *name)
{
	char path[400];

	snprintf(path, sizeof path, "%s/%s", s->run, name);
	return access(path, F_OK) == 0;
}

/* A hint saves the wait for the next second: one mail at a time, each to another mailbox, is heard
 * of sooner. Who watches a file has a socket for it, and none for another's. */
static void test_hints_are_quick(void **state)
{
	enum { MAILS = 20 };
	struct bench_store *s = *state;
	struct watcher *w = calloc(1, sizeof *w);
	int64_t ids[MAILS];
	int go[2];
	char octet = 0;

	for (int i = 0; i < MAILS; i++)
		ids[i] = make_subscriber(s, i + 1);
	store_close(s);
	assert_int_equal(pipe(go), 0);
	pid_t pid = fork();
	if (pid == 0) {
		struct bench_store c = {0};
		snprintf(c.dir, sizeof c.dir, "%s", s->dir);
		c.options.hint_dir = s->run;
		c.options.daemon = "child";
		store_open(&c);
		close(go[1]);
		for (int i = 0; read(go[0], &octet, 1) > 0; i++)
			accept_mail(&c, ids[i], "x\r\n", clock_now_us());
		store_close(&c);
		_exit(0);
	}
	close(go[0]);
	store_open(s);
	w->s = s;
	assert_int_equal(db_watch(s->port, DB_BINDINGS, none, NULL), 0);
	assert_true(has_socket(s, "test.bindings.hint") && !has_socket(s, "test.mail.hint"));
	assert_int_equal(db_watch(s->port, DB_MAIL, on_change, w), 0);
	assert_true(has_socket(s, "test.mail.hint"));
	int quick = 0;
	for (size_t i = 1; i <= MAILS; i++) {
		int64_t asked_us = clock_mono_us();
		assert_int_equal(write(go[1], &octet, 1), 1);
		wait_changes(w, i);
		quick += w->last_us - asked_us < SECOND_US / 4;
	}
	close(go[1]);
	waitpid(pid, NULL, 0);
	print_message("%d of %d within a quarter of a second\n", quick, MAILS);
	assert_true(quick >= MAILS * 3 / 4);
	free(w);
}

/* Two processes of one name, and a socket that a dead one left. */
static void test_socket_names(void **state)
{
	struct bench_store *s = *state;
	struct bench_store second = {0};
	struct watcher *a = calloc(1, sizeof *a), *b = calloc(1, sizeof *b);
	char path[400];
	int64_t id = make_subscriber(s, 1);

	snprintf(path, sizeof path, "%s/test.mail.hint", s->run);
	FILE *stale = fopen(path, "w");
	assert_non_null(stale);
	fclose(stale);
	a->s = s;
	assert_int_equal(db_watch(s->port, DB_MAIL, on_change, a), 0);
	second.options.hint_dir = s->run;
	snprintf(second.dir, sizeof second.dir, "%s", s->dir);
	store_open(&second);
	b->s = &second;
	assert_int_equal(db_watch(second.port, DB_MAIL, on_change, b), 0);
	accept_mail(s, id, "x\r\n", clock_now_us());
	wait_changes(a, 1);
	wait_changes(b, 1);
	store_close(&second);
	assert_int_equal(access(path, F_OK), 0);
	store_close(s);
	assert_int_not_equal(access(path, F_OK), 0);
	store_open(s);
	free(a);
	free(b);
}

/* Watching may end in the middle of it: the port is closed by a callback's consequence. */
static void test_closed_while_watching(void **state)
{
	struct bench_store *s = *state;
	struct watcher *w = calloc(1, sizeof *w);
	int64_t id = make_subscriber(s, 1);
	struct db_port *writing;

	w->s = s;
	assert_int_equal(db_watch(s->port, DB_MAIL, on_change, w), 0);
	struct heard *h = HEARD(s);
	struct mail_recipient r = {id, "", 0};
	mail_accept(s->port,
		    &(struct mail_accept){.recipients = &r,
					  .recipient_count = 1,
					  .reverse_path = "",
					  .octets = (const uint8_t *)"x",
					  .size = 1,
					  .received_us = 1},
		    on_accepted, h);
	db_port_close(s->port);
	assert_int_equal(h->calls, 1);
	assert_int_equal(h->err, 0);
	/* Another port's traffic runs what the loop still holds of the closed one. */
	assert_int_equal(db_port_open(s->db, s->loop, &writing), 0);
	s->port = writing;
	assert_int_equal(accept_mail(s, id, "y\r\n", clock_now_us()), 0);
	assert_int_equal(w->n, 0);
	free(w);
}

int main(void)
{
#define HINTED(name) cmocka_unit_test_setup_teardown(name, setup_hints, teardown_store)
	const struct CMUnitTest tests[] = {
		TEST(test_what_it_tells),  TEST(test_numbers_go_on),
		TEST(test_caught_up),      HINTED(test_other_processes),
		TEST(test_without_hints),  HINTED(test_hints_are_quick),
		HINTED(test_socket_names), TEST(test_closed_while_watching),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
