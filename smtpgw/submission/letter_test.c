/* A letter over a real store: small and large, in any pieces, freed at any moment, refused by a
 * binding that has moved. */
#include "db/queue_testing.h"
#include "smtpgw/submission/letter.h"

#define HEAD "From: <u1@hato.example>\r\nDate: d\r\nMessage-ID: i\r\n\r\n"

struct post {
	struct bench_store *s;
	struct letter *letter;
	struct access_via via;
	struct subscriber owner;
	int stored, err;
	unsigned drained;
	int64_t mail;
};

static void on_letter_drained(void *arg)
{
	struct post *p = arg;

	p->drained++;
	loop_stop(p->s->loop);
}

static void on_letter_stored(void *arg, int err, int64_t mail)
{
	struct post *p = arg;

	p->stored++;
	p->err = err;
	p->mail = mail;
	loop_stop(p->s->loop);
}

static const struct letter_ops ops = {.drained = on_letter_drained, .stored = on_letter_stored};

/* Subscriber n, bound at 10.0.0.n, and his letter to one recipient. */
static struct post begin(struct bench_store *s, int n)
{
	struct post p = {.s = s};
	char ip[32], session[32];
	struct binding b = {0};

	snprintf(ip, sizeof ip, "10.0.0.%d", n);
	snprintf(session, sizeof session, "s%d", n);
	int64_t id = make_subscriber(s, n);
	apply(s, an_event(LEASE_START, ip, n, session, clock_now_us()));
	check(s, ip, &b);
	assert_int_equal(claim(s, ip, b.generation, id, &b), CLAIM_ACCEPTED);
	p.via = (struct access_via){b.key, b.generation, id};
	p.owner.id = id;
	p.owner.address_count = 1;
	strcpy(p.owner.addresses[0].shown, "u1@hato.example");
	strcpy(p.owner.addresses[0].canonical, "u1@hato.example");
	return p;
}

static void write_letter(struct post *p)
{
	struct letter_new how = {
		.port = p->s->port,
		.owner = &p->owner,
		.hostname = "mx.test",
		.id = "s.1",
		.limits = {.field_max = 1000, .octets_max = 10000, .fields_max = 100},
		.ops = &ops,
		.arg = p,
	};
	struct mailaddr to;

	mend_own_address(&p->owner, 0, &how.own);
	p->letter = letter_new(&how);
	assert_non_null(p->letter);
	assert_int_equal(mailaddr_parse("X@b.example", 11, 0, &to), 0);
	assert_int_equal(letter_add(p->letter, &to, "b.example", SMTP_NOTIFY_NEVER, "rfc822;x"), 0);
}

/* As a driver does: while it is full, it waits. */
static void give(struct post *p, const char *octets, size_t n, size_t step)
{
	for (size_t at = 0; at < n; at += step) {
		letter_octets(p->letter, (const uint8_t *)octets + at,
			      n - at < step ? n - at : step);
		while (letter_is_full(p->letter))
			loop_run(p->s->loop);
	}
}

static enum mend_verdict finish(struct post *p)
{
	struct mailaddr path;
	const struct letter_envelope e = {.via = p->via, .reverse_path = &path, .envid = "E"};

	mend_own_address(&p->owner, 0, &path);
	enum mend_verdict v = letter_finish(p->letter, &e);
	while (v == MEND_GOOD && !p->stored)
		loop_run(p->s->loop);
	assert_int_equal(p->stored, v == MEND_GOOD);
	return v;
}

struct read_back {
	char *text;
	size_t n;
	bool is_end;
};

static void on_piece(void *arg, int err, const uint8_t *octets, size_t n)
{
	struct read_back *r = arg;

	assert_int_equal(err, 0);
	memcpy(r->text + r->n, octets, n);
	r->n += n;
	r->is_end = n == 0;
}

static void is_stored_as(struct post *p, const char *want, size_t n)
{
	struct read_back r = {.text = malloc(n + BODY_PIECE_MAX)};

	assert_non_null(r.text);
	while (!r.is_end)
		queue_octets(p->s->port, p->mail, r.n, on_piece, &r);
	assert_int_equal(r.n, n);
	assert_memory_equal(r.text, want, n);
	free(r.text);
}

static void test_sizes(void **state)
{
	static const size_t sizes[] = {sizeof HEAD - 1, 5000, BODY_INLINE_MAX, BODY_INLINE_MAX + 1,
				       2 * BODY_PIECE_MAX + 7};
	static const size_t steps[] = {65536, 3 * BODY_PIECE_MAX / 2};
	struct bench_store *s = *state;
	struct post p = begin(s, 1);
	char *text = malloc(4 * BODY_PIECE_MAX);

	assert_non_null(text);
	memset(text, 'x', 4 * BODY_PIECE_MAX);
	memcpy(text, HEAD, sizeof HEAD - 1);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (size_t j = 0; j < sizeof steps / sizeof *steps; j++) {
			p.stored = 0;
			write_letter(&p);
			give(&p, text, sizes[i], steps[j]);
			assert_int_equal(finish(&p), MEND_GOOD);
			assert_int_equal(p.err, 0);
			assert_int_equal(letter_size(p.letter), sizes[i]);
			letter_free(p.letter);
			is_stored_as(&p, text, sizes[i]);
		}
	free(text);
}

static void test_what_is_stored(void **state)
{
	struct bench_store *s = *state;
	struct post p = begin(s, 1);

	write_letter(&p);
	give(&p, HEAD, sizeof HEAD - 1, 10);
	assert_int_equal(finish(&p), MEND_GOOD);
	letter_free(p.letter);
	struct seen_jobs *jobs = calloc(1, sizeof *jobs);
	assert_non_null(jobs);
	assert_int_equal(take_from(s, "b.example", clock_now_us(), 32, 16, jobs), 1);
	assert_int_equal(jobs->jobs[0].sender, p.via.subscriber);
	assert_string_equal(jobs->jobs[0].reverse_path, "u1@hato.example");
	assert_string_equal(jobs->jobs[0].envid, "E");
	assert_string_equal(jobs->jobs[0].r[0].address, "X@b.example");
	assert_string_equal(jobs->jobs[0].r[0].orcpt, "rfc822;x");
	assert_int_equal(jobs->jobs[0].r[0].notify, SMTP_NOTIFY_NEVER);
	free(jobs);
}

/* Small and large: the transaction looks at the binding itself. */
static void test_binding_that_moved(void **state)
{
	struct bench_store *s = *state;
	struct post p = begin(s, 1);
	char *text = calloc(1, BODY_INLINE_MAX + 1000);

	assert_non_null(text);
	memset(text, 'x', BODY_INLINE_MAX + 1000);
	memcpy(text, HEAD, sizeof HEAD - 1);
	apply(s, an_event(LEASE_START, "10.0.0.1", 2, "other", clock_now_us() + 1));
	for (size_t n = 1000; n < BODY_INLINE_MAX + 1000; n += BODY_INLINE_MAX - 1) {
		p.stored = 0;
		write_letter(&p);
		give(&p, text, n, 65536);
		assert_int_equal(finish(&p), MEND_GOOD);
		assert_int_equal(p.err, E_CONFLICT);
		letter_free(p.letter);
	}
	assert_int_equal(lane_named(s, "b.example", clock_now_us()), 0);
	free(text);
}

static void test_refused_header(void **state)
{
	struct bench_store *s = *state;
	struct post p = begin(s, 1);

	write_letter(&p);
	give(&p, "From: <x@y>\r\n\r\n", 15, 4);
	assert_int_equal(finish(&p), MEND_FOREIGN);
	letter_free(p.letter);
	assert_int_equal(lane_named(s, "b.example", clock_now_us()), 0);
}

/* Given up with a piece in flight: it completes, and nobody is told. */
static void test_freed_in_flight(void **state)
{
	struct bench_store *s = *state;
	struct post p = begin(s, 1);
	char *text = calloc(1, 2 * BODY_PIECE_MAX);

	assert_non_null(text);
	memset(text, 'x', 2 * BODY_PIECE_MAX);
	memcpy(text, HEAD, sizeof HEAD - 1);
	write_letter(&p);
	letter_octets(p.letter, (const uint8_t *)text, 2 * BODY_PIECE_MAX);
	letter_free(p.letter);
	reopen_store(s);
	assert_int_equal(p.stored + (int)p.drained, 0);
	assert_int_equal(lane_named(s, "b.example", clock_now_us()), 0);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		QUEUE_TEST(test_sizes),           QUEUE_TEST(test_what_is_stored),
		QUEUE_TEST(test_refused_header),  QUEUE_TEST(test_binding_that_moved),
		QUEUE_TEST(test_freed_in_flight),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
