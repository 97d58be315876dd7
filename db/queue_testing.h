/* queue_testing -- what the tests of the queue share, on top of db_testing: a store with queue.db,
 * mails by a few words, and calls that wait for their completion */
#ifndef HATO_DB_QUEUE_TESTING_H
#define HATO_DB_QUEUE_TESTING_H

#include "db/db_testing.h"
#include "db/queue.h"

#define QUEUE_FILES (DB_FILE(DB_BINDINGS) | DB_FILE(DB_MAIL) | DB_FILE(DB_QUEUE))

static inline int setup_queue(void **state)
{
	struct bench_store *s = malloc(sizeof *s);

	store_dir(s);
	s->options.files = QUEUE_FILES;
	store_open(s);
	*state = s;
	return 0;
}

#define QUEUE_TEST(f) cmocka_unit_test_setup_teardown(f, setup_queue, teardown_store)

/* ---- putting in ---- */

static inline void on_queued(void *arg, int err, int64_t mail)
{
	struct heard *h = arg;

	h->id = mail;
	heard_one(h, err);
}

static inline int put_mail(struct bench_store *s, const struct queue_new *m, int64_t *mail)
{
	struct heard h = {.s = s};

	queue_put(s->port, m, on_queued, &h);
	int err = wait_for(&h);
	if (!err)
		*mail = h.id;
	return err;
}

static inline struct queue_recipient_new to(const char *address, const char *lane)
{
	return (struct queue_recipient_new){
		.address = address, .canonical = address, .lane = lane, .orcpt = ""};
}

/* Ours (no binding to look up), due at once. */
static inline struct queue_new mail_of(const char *octets, int64_t received_us,
				       const struct queue_recipient_new *r, size_t n)
{
	return (struct queue_new){.reverse_path = "sender@hato.example",
				  .envid = "",
				  .octets = (const uint8_t *)octets,
				  .size = strlen(octets),
				  .received_us = received_us,
				  .recipients = r,
				  .recipient_count = n};
}

/* One recipient: u@LANE. */
static inline int64_t put_simple(struct bench_store *s, const char *lane, int64_t received_us)
{
	char address[300];
	int64_t mail = 0;

	snprintf(address, sizeof address, "u@%s", lane);
	struct queue_recipient_new r = to(address, lane);
	struct queue_new m = mail_of("Subject: x\r\n\r\nbody\r\n", received_us, &r, 1);
	assert_int_equal(put_mail(s, &m, &mail), 0);
	return mail;
}

/* ---- taking ---- */

struct seen_lanes {
	int err;
	size_t n;
	struct queue_lane lanes[64];
	int64_t next_us;
};

static inline void on_lanes(void *arg, int err, const struct queue_lane *lanes, size_t n,
			    int64_t next_us)
{
	struct seen_lanes *l = arg;

	l->err = err;
	l->n = n;
	l->next_us = next_us;
	for (size_t i = 0; i < n && i < 64; i++)
		l->lanes[i] = lanes[i];
}

static inline struct seen_lanes lanes_at(struct bench_store *s, int64_t now_us)
{
	struct seen_lanes l = {0};

	queue_lanes(s->port, now_us, NULL, 64, on_lanes, &l);
	assert_int_equal(l.err, 0);
	return l;
}

/* 0: not among those that are due. */
static inline int64_t lane_named(struct bench_store *s, const char *name, int64_t now_us)
{
	struct seen_lanes l = lanes_at(s, now_us);

	for (size_t i = 0; i < l.n; i++) {
		if (!strcmp(l.lanes[i].name, name))
			return l.lanes[i].id;
	}
	return 0;
}

struct seen_job {
	int64_t mail, sender, received_us;
	uint64_t size;
	char reverse_path[300], envid[101];
	enum smtp_ret ret;
	bool is_utf8, is_8bit;
	size_t count;
	struct {
		uint32_t id, attempts;
		char address[300], orcpt[501], text[QUEUE_TEXT_MAX], remote[300], enhanced[12];
		int code;
		unsigned notify;
		bool is_warned;
	} r[16];
};
struct seen_jobs {
	int err;
	size_t n;
	struct seen_job jobs[32];
};

static inline void see_recipient(struct seen_job *seen, const struct queue_recipient *r)
{
	size_t i = seen->count++;

	assert_true(i < 16);
	seen->r[i].id = r->id;
	seen->r[i].attempts = r->attempts;
	seen->r[i].notify = r->notify;
	seen->r[i].is_warned = r->is_warned;
	seen->r[i].code = r->last.code;
	snprintf(seen->r[i].address, sizeof seen->r[i].address, "%s", r->address);
	snprintf(seen->r[i].orcpt, sizeof seen->r[i].orcpt, "%s", r->orcpt);
	snprintf(seen->r[i].text, sizeof seen->r[i].text, "%s", r->last.text);
	snprintf(seen->r[i].remote, sizeof seen->r[i].remote, "%s", r->last.remote);
	snprintf(seen->r[i].enhanced, sizeof seen->r[i].enhanced, "%s", r->last.enhanced);
}

static inline void on_jobs(void *arg, int err, const struct queue_job *jobs, size_t n)
{
	struct seen_jobs *seen = arg;

	seen->err = err;
	seen->n = n;
	for (size_t i = 0; i < n && i < 32; i++) {
		const struct queue_job *j = &jobs[i];
		struct seen_job *job = &seen->jobs[i];
		*job = (struct seen_job){.mail = j->mail,
					 .sender = j->sender,
					 .received_us = j->received_us,
					 .size = j->size,
					 .ret = j->ret,
					 .is_utf8 = j->is_utf8,
					 .is_8bit = j->is_8bit};
		snprintf(job->reverse_path, sizeof job->reverse_path, "%s", j->reverse_path);
		snprintf(job->envid, sizeof job->envid, "%s", j->envid);
		for (size_t k = 0; k < j->recipient_count; k++)
			see_recipient(job, &j->recipients[k]);
	}
}

static inline size_t take_from(struct bench_store *s, const char *lane, int64_t now_us, size_t jobs,
			       size_t recipients, struct seen_jobs *seen)
{
	struct queue_take take = {.lane = lane_named(s, lane, now_us),
				  .now_us = now_us,
				  .jobs = jobs,
				  .recipients = recipients};

	seen->n = 0;
	if (!take.lane)
		return 0;
	queue_lane_take(s->port, &take, on_jobs, seen);
	assert_int_equal(seen->err, 0);
	return seen->n;
}

/* ---- settling and the rest ---- */

static inline int settle(struct bench_store *s, const struct queue_settlement *what)
{
	struct heard h = {.s = s};

	queue_settle(s->port, what, on_done, &h);
	return wait_for(&h);
}

static inline struct queue_reply reply(int code, const char *enhanced, const char *text)
{
	return (struct queue_reply){.code = code,
				    .enhanced = enhanced,
				    .text = text,
				    .remote = "mx.example [192.0.2.1]"};
}

static inline int settle_as(struct bench_store *s, int64_t mail, uint32_t recipient,
			    enum queue_fate fate, int64_t next_us)
{
	struct queue_outcome o = {.recipient = recipient,
				  .fate = fate,
				  .next_us = next_us,
				  .reply = reply(450, "4.2.0", "later")};

	return settle(s, &(struct queue_settlement){
				 .mail = mail, .outcomes = &o, .count = 1, .now_us = 7});
}

static inline void on_stats(void *arg, int err, const struct queue_stats *s)
{
	assert_int_equal(err, 0);
	*(struct queue_stats *)arg = *s;
}

static inline struct queue_stats stats_of(struct bench_store *s)
{
	struct queue_stats stats = {0};

	queue_stats(s->port, on_stats, &stats);
	return stats;
}

static inline void on_steered(void *arg, int err, uint64_t mails)
{
	struct heard *h = arg;

	h->n = mails;
	heard_one(h, err);
}

/* How many mails it was; -1: E_NOT_FOUND. */
static inline int64_t steer(struct bench_store *s, enum queue_act act, int64_t mail,
			    const char *lane, int64_t now_us)
{
	struct heard h = {.s = s};
	struct queue_steer what = {.act = act, .mail = mail, .lane = lane, .now_us = now_us};

	queue_steer(s->port, &what, on_steered, &h);
	int err = wait_for(&h);
	if (err == E_NOT_FOUND)
		return -1;
	assert_int_equal(err, 0);
	return (int64_t)h.n;
}

#endif
