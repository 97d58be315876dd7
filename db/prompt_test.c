/* What a mail's commit logged is handed to the prompt: after the commit, before anybody else hears
 * of it, once, and with the bindings as they are at that moment. */
#include <sqlite3.h>

#include "db/db_private.h"
#include "db/db_testing.h"
#include "db/feed.h"
#include "db/prompt.h"
#include "db/ticket.h"

#define T0    (INT64_C(1800000000) * SECOND_US)
#define PLACE "10.0.0.1"

struct prompted {
	struct bench_store *s;
	size_t calls, count;
	int64_t log, on_record;
	bool was_accepted; /* the mail's sender had heard of it */
	bool moves;        /* the address goes to somebody else meanwhile */
	bool is_his;
};

/* As another connection sees it. */
static int64_t ask(const struct bench_store *s, const char *file, const char *sql)
{
	char path[512];
	sqlite3 *db;
	sqlite3_stmt *q;

	snprintf(path, sizeof path, "%s/%s", s->dir, file);
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
	int64_t value = sqlite3_step(q) == SQLITE_ROW ? sqlite3_column_int64(q, 0) : -1;
	sqlite3_finalize(q);
	sqlite3_close(db);
	return value;
}

static void is_still_his(void *arg, int err, const struct binding *b, bool behind)
{
	struct prompted *p = arg;

	p->is_his = !err && !behind && b->generation == 1 && b->state == KEY_CONFIRMED;
}

static void prompt(void *arg, struct trigger_sight *sight, const struct trigger_out *list, size_t n)
{
	struct prompted *p = arg;

	p->calls++;
	p->count += n;
	p->log = list[0].log;
	pthread_mutex_lock(&p->s->port->lock);
	p->was_accepted = p->s->port->in_flight == 0;
	pthread_mutex_unlock(&p->s->port->lock);
	p->on_record = ask(p->s, "mail.db", "SELECT count(*) FROM send_log");
	if (p->moves) {
		ask(p->s, "bindings.db", "UPDATE binding SET generation = generation + 1");
		ask(p->s, "bindings.db",
		    "UPDATE counter SET value = value + 1 WHERE name = 'commit'");
	}
	assert_int_equal(trigger_sight_check(sight, list, 1, is_still_his, p), 0);
}

/* Subscriber n with a confirmed lease at 10.0.0.n. */
static int64_t attached(struct bench_store *s, int n)
{
	char ip[32], session[16];
	struct binding b = {0};
	int64_t id = make_subscriber(s, n);

	snprintf(ip, sizeof ip, "10.0.0.%d", n);
	snprintf(session, sizeof session, "s%d", n);
	apply(s, an_event(LEASE_START, ip, n, session, clock_now_us()));
	assert_int_equal(check(s, ip, &b), 0);
	assert_int_equal(claim(s, ip, b.generation, id, &b), CLAIM_ACCEPTED);
	return id;
}

static struct prompted *open_prompt(struct bench_store *s, struct prompted *p)
{
	s->options.schedule = (struct schedule){.retry = {.us = {2 * SECOND_US}, .count = 1},
						.realm_count = 1,
						.realms = {{REALM_DEFAULT, 2948}}};
	reopen_store(s);
	*p = (struct prompted){.s = s};
	triggers_prompt(s->db, prompt, p);
	return p;
}

static void test_after_the_commit_before_the_reply(void **state)
{
	struct bench_store *s = *state;
	struct prompted p;
	struct outbox_row row;
	int64_t alice = attached(s, 1);

	open_prompt(s, &p);
	assert_int_equal(accept_mail(s, alice, "x", clock_now_us()), 0);
	assert_int_equal(p.calls, 1);
	assert_int_equal(p.count, 1);
	assert_int_equal(p.on_record, 1);
	assert_false(p.was_accepted);
	assert_true(p.is_his);
	/* The feed leaves it out, and says when the next step is due. */
	assert_int_equal(get_outbox_row(s, alice, &row), 0);
	assert_int_equal(row.attempts, 1);
	assert_int_equal(ask(s, "mail.db", "SELECT generation FROM change WHERE kind = 1"), 0);
	assert_int_equal(ask(s, "mail.db", "SELECT former FROM change WHERE kind = 1"),
			 row.next_us);
	/* A second mail finds its trigger out already. */
	assert_int_equal(accept_mail(s, alice, "y", clock_now_us()), 0);
	assert_int_equal(p.calls, 1);
}

static void test_without_a_prompt_the_feed_tells(void **state)
{
	struct bench_store *s = *state;
	struct prompted p;
	int64_t alice = attached(s, 1);

	open_prompt(s, &p);
	triggers_prompt(s->db, NULL, NULL);
	assert_int_equal(accept_mail(s, alice, "x", clock_now_us()), 0);
	assert_int_equal(p.calls, 0);
	assert_int_equal(ask(s, "mail.db", "SELECT generation FROM change WHERE kind = 1"), 1);
}

static void test_it_sees_the_bindings_of_this_moment(void **state)
{
	struct bench_store *s = *state;
	struct prompted p;
	int64_t alice = attached(s, 1);

	open_prompt(s, &p)->moves = true;
	assert_int_equal(accept_mail(s, alice, "x", clock_now_us()), 0);
	assert_int_equal(p.calls, 1);
	assert_false(p.is_his);
}

static int spoil(struct write *w, struct engine *e)
{
	struct change change = {.kind = CHANGE_SESSION};

	assert_int_equal(feed_append(e, &change), 0);
	prompt_keep(w->port->db, e, &(struct trigger_out){.subscriber = 7}, 1);
	return E_RANGE;
}

static void spoilt(struct write *w)
{
	(void)w;
}

/* A neighbour in the group fails after it wrote: the group is run again. */
static void test_what_was_run_twice_is_prompted_once(void **state)
{
	struct bench_store *s = *state;
	struct heard *h;
	struct prompted p;
	struct ticket ticket;
	int64_t ids[3];

	for (int i = 0; i < 3; i++)
		ids[i] = attached(s, i + 1);
	open_prompt(s, &p);
	assert_int_equal(ticket_open(s->dir, DB_MAIL, &ticket), 0);
	assert_int_equal(ticket_take(&ticket), 0);
	h = HEARD(s);
	for (int i = 0; i < 3; i++) {
		struct mail_recipient r = {ids[i], "", 0};
		struct mail_accept a = {.recipients = &r,
					.recipient_count = 1,
					.reverse_path = "",
					.octets = (const uint8_t *)"x",
					.size = 1,
					.received_us = clock_now_us()};
		mail_accept(s->port, &a, on_accepted, h);
		if (i == 1)
			write_submit(s->port, DB_MAIL,
				     write_new(sizeof(struct write), 0, spoil, spoilt));
	}
	ticket_release(&ticket);
	ticket_close(&ticket);
	while (h->calls < 3)
		loop_run(s->loop);
	assert_int_equal(p.count, 3);
	assert_int_equal(ask(s, "mail.db", "SELECT count(*) FROM send_log"), 3);
	assert_int_equal(ask(s, "mail.db", "SELECT count(*) FROM change WHERE kind = 2"), 0);
}

int main(void)
{
#define STORE(f) cmocka_unit_test_setup_teardown(f, setup_store, teardown_store)
	const struct CMUnitTest tests[] = {
		STORE(test_after_the_commit_before_the_reply),
		STORE(test_without_a_prompt_the_feed_tells),
		STORE(test_it_sees_the_bindings_of_this_moment),
		STORE(test_what_was_run_twice_is_prompted_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
