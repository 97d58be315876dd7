#include "smtpgw/checks/inspection.h"

#include <event2/event.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/clock.h"

/* ---- a check that does what the test tells it ---- */

struct puppet {
	struct check_job *job; /* of the mail that has begun */
	bool is_absent;        /* no business with the mail */
	bool holds[INSPECTION_STAGES];
	int refuses_at; /* of enum inspection_stage, -1: nowhere */
	int recipients, fields, headers, octets, body, completes, expired, concluded, ended;
};

static struct puppet puppets[2];

static bool puppet_begin(struct puppet *p, struct check_job *job)
{
	p->job = job;
	for (int s = 0; s < INSPECTION_STAGES; s++)
		if (p->holds[s])
			check_hold(job, (enum inspection_stage)s);
	return !p->is_absent;
}

static struct puppet *puppet_of(const struct check_job *job)
{
	return &puppets[job == puppets[1].job];
}

static bool begin_first(struct check_job *job)
{
	return puppet_begin(&puppets[0], job);
}

static bool begin_second(struct check_job *job)
{
	assert_null(*(void **)job->own);
	*(void **)job->own = job;
	return puppet_begin(&puppets[1], job);
}

static void count_recipient(struct check_job *job, const struct mailaddr *to)
{
	(void)to;
	puppet_of(job)->recipients++;
}

static void count_octets(struct check_job *job, const uint8_t *octets, size_t n)
{
	(void)octets;
	puppet_of(job)->octets += (int)n;
}

static void count_body(struct check_job *job, const uint8_t *octets, size_t n)
{
	assert_memory_equal(octets, "A: c", n);
	puppet_of(job)->body += (int)n;
}

static void count_field(struct check_job *job, const struct header_field *field)
{
	struct puppet *p = puppet_of(job);

	assert_int_equal(p->headers, 0);
	p->fields += header_is(field, "A");
}

static void count_header(struct check_job *job)
{
	puppet_of(job)->headers++;
}

static void count_complete(struct check_job *job)
{
	puppet_of(job)->completes++;
}

static void count_expire(struct check_job *job)
{
	puppet_of(job)->expired++;
	check_findings(job)->spf_helo.result = AUTHRES_TEMPERROR;
}

static void count_conclude(struct check_job *job)
{
	puppet_of(job)->concluded++;
}

static void rule_as_told(struct check_job *job, enum inspection_stage stage, struct ruling *out)
{
	if (puppet_of(job)->refuses_at == (int)stage)
		ruling_refuse(out, 550, "5.7.1", "%s says no", job->check->name);
}

static void count_end(struct check_job *job)
{
	puppet_of(job)->ended++;
}

#define PUPPET(word, own_size, begins)                                                             \
	{                                                                                          \
		.name = word, .size = own_size, .begin = begins, .recipient = count_recipient,     \
		.field = count_field, .header = count_header, .octets = count_octets,              \
		.body = count_body, .complete = count_complete, .expire = count_expire,            \
		.conclude = count_conclude, .rule = rule_as_told, .end = count_end                 \
	}

static const struct check first = PUPPET("first", 0, begin_first),
			  second = PUPPET("second", sizeof(void *), begin_second);
static const struct check *const both[] = {&first, &second, NULL};

/* ---- a mail ---- */

struct bed {
	struct addr client;
	struct loop *loop;
	struct inspector in;
	struct inspection *i;
	int rulings;
	struct ruling last;
	bool ends_at_once; /* the session lets go in the ruling */
};

static void on_ruled(void *arg, const struct ruling *ruling)
{
	struct bed *b = arg;

	b->rulings++;
	b->last = *ruling;
	if (b->ends_at_once) {
		inspection_end(b->i);
		b->i = NULL;
	}
}

static void bed_open(struct bed *b)
{
	memset(puppets, 0, sizeof puppets);
	puppets[0].refuses_at = puppets[1].refuses_at = -1;
	*b = (struct bed){.in = {.timeout_us = 20 * CLOCK_S, .max_field = 100, .checks = both}};
	assert_int_equal(addr_parse("192.0.2.1", &b->client), 0);
	assert_int_equal(loop_new(&b->loop), 0);
	b->in.loop = b->loop;
	assert_int_equal(inspector_open(&b->in), 0);
}

static void bed_begin(struct bed *b)
{
	static const struct mailaddr from = {"a", "b.test", false};
	const struct inspection_mail mail = {.client = b->client,
					     .helo = "c.test",
					     .reverse_path = &from,
					     .id = "id",
					     .ruled = on_ruled,
					     .arg = b};

	b->rulings = 0;
	b->i = inspection_begin(&b->in, &mail);
}

static void bed_close(struct bed *b)
{
	inspection_end(b->i);
	inspector_close(&b->in);
	loop_free(b->loop);
}

static void wait_for_ruling(struct bed *b)
{
	while (b->rulings == 0)
		event_base_loop(loop_base(b->loop), EVLOOP_ONCE);
}

/* ---- */

static void nothing_to_check(void **unused)
{
	struct bed b;

	(void)unused;
	bed_open(&b);
	puppets[0].is_absent = puppets[1].is_absent = true;
	bed_begin(&b);
	assert_null(b.i);
	assert_int_equal(puppets[0].ended, 0);
	bed_close(&b);
}

static void answers_at_once(void **unused)
{
	struct bed b;

	(void)unused;
	bed_open(&b);
	bed_begin(&b);
	inspection_rcpt(b.i, &inspection_findings(b.i)->reverse_path);
	assert_int_equal(b.rulings, 1);
	inspection_octets(b.i, (const uint8_t *)"A: b\r\n", 6);
	inspection_octets(b.i, (const uint8_t *)"\r\nA: c", 6);
	inspection_complete(b.i);
	assert_int_equal(b.rulings, 2);
	assert_int_equal(b.last.code, 0);
	assert_int_equal(inspection_findings(b.i)->size, 12);
	for (int k = 0; k < 2; k++) {
		assert_int_equal(puppets[k].recipients, 1);
		assert_int_equal(puppets[k].octets, 12);
		assert_int_equal(puppets[k].body, 4);
		assert_int_equal(puppets[k].fields, 1);
		assert_int_equal(puppets[k].headers, 1);
		assert_int_equal(puppets[k].completes, 1);
		assert_int_equal(puppets[k].concluded, 1);
	}
	bed_close(&b);
	assert_int_equal(puppets[0].ended, 1);
	assert_int_equal(puppets[1].ended, 1);
}

static void header_without_end(void **unused)
{
	struct bed b;

	(void)unused;
	bed_open(&b);
	bed_begin(&b);
	inspection_octets(b.i, (const uint8_t *)"A: b", 4);
	inspection_complete(b.i);
	assert_int_equal(puppets[0].fields, 1);
	assert_int_equal(puppets[0].headers, 1);
	bed_close(&b);
}

/* Nothing that is published about senders is about them. */
static void private_clients(void **unused)
{
	static const char *const clients[] = {"127.0.0.1",   "::1",        "10.1.2.3", "172.31.0.1",
					      "192.168.1.1", "100.64.0.1", "fd00::1",  "fe80::1"};
	struct bed b;

	(void)unused;
	for (size_t i = 0; i < sizeof clients / sizeof clients[0]; i++) {
		bed_open(&b);
		assert_int_equal(addr_parse(clients[i], &b.client), 0);
		bed_begin(&b);
		assert_false(check_is_outside(puppets[0].job));
		b.in.with_private = true;
		assert_true(check_is_outside(puppets[0].job));
		bed_close(&b);
	}
}

/* RCPT waits for what is held there, the content for all. */
static void waits_for_what_is_held(void **unused)
{
	struct bed b;

	(void)unused;
	bed_open(&b);
	puppets[0].holds[INSPECTION_RCPT] = true;
	puppets[1].holds[INSPECTION_CONTENT] = true;
	bed_begin(&b);
	inspection_rcpt(b.i, &inspection_findings(b.i)->reverse_path);
	assert_int_equal(b.rulings, 0);
	check_release(puppets[0].job, INSPECTION_RCPT);
	assert_int_equal(b.rulings, 1);
	inspection_complete(b.i);
	assert_int_equal(b.rulings, 1);
	assert_int_equal(puppets[0].concluded, 0);
	b.ends_at_once = true;
	check_release(puppets[1].job, INSPECTION_CONTENT);
	assert_int_equal(b.rulings, 2);
	assert_int_equal(puppets[1].ended, 1);
	bed_close(&b);
}

static void released_before_it_is_asked(void **unused)
{
	struct bed b;

	(void)unused;
	bed_open(&b);
	puppets[0].holds[INSPECTION_CONTENT] = true;
	bed_begin(&b);
	check_release(puppets[0].job, INSPECTION_CONTENT);
	assert_int_equal(b.rulings, 0);
	inspection_complete(b.i);
	assert_int_equal(b.rulings, 1);
	bed_close(&b);
}

static void first_refusal_counts(void **unused)
{
	struct bed b;

	(void)unused;
	for (int k = 1; k >= 0; k--) {
		bed_open(&b);
		puppets[k].refuses_at = puppets[1].refuses_at = INSPECTION_CONTENT;
		bed_begin(&b);
		inspection_rcpt(b.i, &inspection_findings(b.i)->reverse_path);
		assert_int_equal(b.last.code, 0);
		inspection_complete(b.i);
		assert_int_equal(b.last.code, 550);
		assert_string_equal(b.last.check, k ? "second" : "first");
		assert_string_equal(b.last.text, k ? "second says no" : "first says no");
		bed_close(&b);
	}
}

/* One mail waits for so long, in however many pieces; then it goes on with what is known. */
static void time_is_over(void **unused)
{
	struct bed b;

	(void)unused;
	bed_open(&b);
	b.in.timeout_us = 3000;
	puppets[0].holds[INSPECTION_RCPT] = true;
	puppets[1].holds[INSPECTION_CONTENT] = true;
	bed_begin(&b);
	inspection_rcpt(b.i, &inspection_findings(b.i)->reverse_path);
	assert_int_equal(b.rulings, 0);
	assert_true(check_deadline_us(puppets[1].job) <= clock_mono_us() + 3000);
	wait_for_ruling(&b);
	assert_int_equal(puppets[0].expired, 1);
	assert_int_equal(puppets[1].expired, 0);
	inspection_complete(b.i); /* there is no time left */
	assert_int_equal(b.rulings, 2);
	assert_int_equal(b.last.code, 0);
	assert_int_equal(puppets[1].expired, 1);
	assert_int_equal(puppets[1].concluded, 1);
	assert_int_equal(inspection_findings(b.i)->spf_helo.result, AUTHRES_TEMPERROR);
	bed_close(&b);
}

static void ended_while_it_waits(void **unused)
{
	struct bed b;

	(void)unused;
	bed_open(&b);
	puppets[0].holds[INSPECTION_RCPT] = true;
	bed_begin(&b);
	inspection_rcpt(b.i, &inspection_findings(b.i)->reverse_path);
	inspection_end(b.i);
	b.i = NULL;
	assert_int_equal(puppets[0].ended, 1);
	event_base_loop(loop_base(b.loop), EVLOOP_NONBLOCK);
	assert_int_equal(b.rulings, 0);
	bed_close(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_to_check),
		cmocka_unit_test(answers_at_once),
		cmocka_unit_test(header_without_end),
		cmocka_unit_test(private_clients),
		cmocka_unit_test(waits_for_what_is_held),
		cmocka_unit_test(released_before_it_is_asked),
		cmocka_unit_test(first_refusal_counts),
		cmocka_unit_test(time_is_over),
		cmocka_unit_test(ended_while_it_waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
