/* queue_bench -- what the outbound queue costs on this machine, without daemons
 *
 * queue_bench fill DIR MAILS
 *
 * Puts that many into the store in DIR (made if need be): half of them into one lane, whose
 * destination is dead, the others into 1,000 lanes; 200 senders, each by his binding.
 *
 * queue_bench start DIR
 *
 * A runner that starts: from the open to the first job with its octets; then what a take costs, in
 * a lane of few and in the long one, and the memory.
 *
 * queue_bench settle DIR MAILS
 *
 * Takes from the lanes of few and settles as delivered.
 *
 * One line of JSON each. Octets are 2,000 a mail. queue_bare.c does the same rows by SQL alone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "db/queue.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"

#define IN_FLIGHT  2048
#define OCTETS     2000
#define LANES      1000
#define SENDERS    200
#define DEAD       "dead.example"
#define TAKES      2000
#define LANES_PAGE 256
#define JOBS       16

struct bench {
	struct db *db;
	struct loop *loop;
	struct db_port *port;
	struct access_via senders[SENDERS];
	int64_t wanted, submitted, completed, in_flight;
	/* Of a runner. */
	struct queue_lane lanes[LANES_PAGE];
	size_t lane_count;
	bool starved;
	int64_t first_job;
};

static void die(const char *what, int err)
{
	fprintf(stderr, "queue_bench: %s: %s\n", what, err_text(err));
	exit(1);
}

/* Of this process, kilobytes: what it allocated, not what it has mapped. */
static int64_t memory_kb(void)
{
	char line[128];
	long long kb = 0;
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof line, f))
		sscanf(line, "RssAnon: %lld", &kb);
	if (f)
		fclose(f);
	return kb;
}

static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void open_store(struct bench *b, const char *dir)
{
	const struct db_options options = {
		.dir = dir, .daemon = "bench", .files = DB_FILE(DB_BINDINGS) | DB_FILE(DB_QUEUE)};

	log_level_set("error");
	int err = db_open(&options, &b->db);
	if (!err)
		err = loop_new(&b->loop);
	if (!err)
		err = db_port_open(b->db, b->loop, &b->port);
	if (err)
		die(dir, err);
}

static void close_store(struct bench *b)
{
	db_port_close(b->port);
	db_close(b->db);
	loop_free(b->loop);
}

/* ---- senders ---- */

static void one_done(struct bench *b, int err)
{
	if (err)
		die("sender", err);
	b->in_flight--;
	loop_stop(b->loop);
}

static void wait_one(struct bench *b)
{
	b->in_flight++;
	while (b->in_flight)
		loop_run(b->loop);
}

static void on_subscriber(void *arg, int err, int64_t id, bool created)
{
	struct bench *b = arg;

	(void)created;
	b->senders[b->completed].subscriber = id;
	one_done(b, err);
}

static void on_applied(void *arg, int err, const struct lease_outcome *out, size_t n)
{
	one_done(arg, !err && (n != 1 || out->result != LEASE_APPLIED) ? E_CONFLICT : err);
}

static void on_claimed(void *arg, int err, enum claim_answer answer, const struct binding *now)
{
	struct bench *b = arg;

	if (!err && answer != CLAIM_ACCEPTED)
		err = E_CONFLICT;
	if (now)
		b->senders[b->completed].generation = now->generation;
	one_done(b, err);
}

static void on_checked(void *arg, int err, const struct binding *row, bool behind)
{
	struct bench *b = arg;

	(void)behind;
	if (err)
		die("binding", err);
	b->senders[b->completed].key = row->key;
	b->senders[b->completed].generation = row->generation;
}

static void make_sender(struct bench *b, unsigned n)
{
	struct subscriber_put put = {.subscriber = {.address_count = 1}};
	struct lease_event ev = {.kind = LEASE_START, .key_count = 1};
	struct addr a;
	char ip[32];

	snprintf(put.subscriber.msisdn, MSISDN_MAX, "8190%08u", n);
	snprintf(put.subscriber.addresses[0].shown, ADDRESS_MAX, "u%u@hato.example", n);
	snprintf(put.subscriber.addresses[0].canonical, ADDRESS_MAX, "u%u@hato.example", n);
	subscriber_put(b->port, &put, on_subscriber, b);
	wait_one(b);
	snprintf(ip, sizeof ip, "10.0.%u.%u", n / 200, n % 200 + 1);
	addr_parse(ip, &a);
	key_of_addr(REALM_DEFAULT, &a, &ev.keys[0]);
	ev.time_us = ev.received_us = clock_now_us();
	snprintf(ev.realm, sizeof ev.realm, "%s", REALM_DEFAULT);
	snprintf(ev.nas_id, sizeof ev.nas_id, "bench");
	snprintf(ev.session_id, sizeof ev.session_id, "s%u", n);
	snprintf(ev.feeder, sizeof ev.feeder, "bench");
	memcpy(ev.msisdn, put.subscriber.msisdn, MSISDN_MAX);
	binding_apply(b->port, &ev, 1, on_applied, b);
	wait_one(b);
	binding_check(b->port, REALM_DEFAULT, &a, 4711, &(struct binding_told){0}, on_checked, b);
	struct access_via *via = &b->senders[b->completed];
	binding_claim(b->port, &via->key, via->generation, via->subscriber, &a, on_claimed, b);
	wait_one(b);
	b->completed++;
}

/* ---- filling ---- */

static void refill(struct bench *b);

static void on_put(void *arg, int err, int64_t mail)
{
	struct bench *b = arg;

	(void)mail;
	if (err)
		die("put", err);
	b->in_flight--;
	b->completed++;
	refill(b);
}

static void put_one(struct bench *b)
{
	static uint8_t octets[OCTETS];
	unsigned n = (unsigned)b->submitted;
	char lane[32] = DEAD, address[64];
	struct queue_recipient_new r = {
		.address = address, .canonical = address, .lane = lane, .orcpt = ""};

	if (!octets[0])
		memset(octets, 'x', sizeof octets);
	if (n % 2)
		snprintf(lane, sizeof lane, "d%u.example", n / 2 % LANES);
	snprintf(address, sizeof address, "user%u@%s", n, lane);
	queue_put(b->port,
		  &(struct queue_new){.via = &b->senders[n * 7919 % SENDERS],
				      .reverse_path = "u1@hato.example",
				      .envid = "",
				      .octets = octets,
				      .size = sizeof octets,
				      .received_us = clock_now_us(),
				      .recipients = &r,
				      .recipient_count = 1},
		  on_put, b);
}

static void refill(struct bench *b)
{
	while (b->submitted < b->wanted && b->in_flight < IN_FLIGHT) {
		put_one(b);
		b->submitted++;
		b->in_flight++;
	}
	if (!b->in_flight)
		loop_stop(b->loop);
}

static void tell_rate(struct bench *b, const char *what, int64_t begun_us, double begun_cpu_us,
		      const struct db_stats *before, int64_t begun_kb)
{
	struct db_stats after;
	double took_s = (double)(clock_mono_us() - begun_us) / 1e6, n = (double)b->completed;

	if (b->completed == 0) {
		printf("{}\n");
		return;
	}
	db_stats_read(b->db, &after);
	printf("{\"what\":\"%s\",\"mails\":%.0f,\"per_second\":%.0f,\"cpu_us\":%.1f,"
	       "\"group\":%.0f,\"memory_per_mail\":%.1f}\n",
	       what, n, n / took_s, (cpu_us() - begun_cpu_us) / n,
	       n / (double)(after.commits - before->commits),
	       (double)(memory_kb() - begun_kb) * 1024 / n);
}

static void fill(struct bench *b, int64_t mails)
{
	struct db_stats before;

	for (unsigned n = 0; n < SENDERS; n++)
		make_sender(b, n);
	b->completed = 0;
	b->wanted = mails;
	db_stats_read(b->db, &before);
	int64_t begun_us = clock_mono_us(), begun_kb = memory_kb();
	double begun_cpu_us = cpu_us();
	refill(b);
	while (b->in_flight)
		loop_run(b->loop);
	tell_rate(b, "put", begun_us, begun_cpu_us, &before, begun_kb);
}

/* ---- a runner ---- */

static void on_lanes(void *arg, int err, const struct queue_lane *lanes, size_t n, int64_t next_us)
{
	struct bench *b = arg;

	(void)next_us;
	if (err)
		die("lanes", err);
	b->lane_count = 0;
	for (size_t i = 0; i < n; i++)
		b->lanes[b->lane_count++] = lanes[i];
}

static void on_first(void *arg, int err, const struct queue_job *jobs, size_t n)
{
	struct bench *b = arg;

	if (err || !n)
		die("no job", err);
	b->first_job = jobs[0].mail;
	queue_give_back(b->port, jobs[0].mail, NULL, 0);
}

static void on_octets(void *arg, int err, const uint8_t *octets, size_t n)
{
	struct bench *b = arg;

	(void)octets;
	if (err || !n)
		die("no octets", err);
	b->completed += (int64_t)n;
}

static double take_us(struct bench *b, int64_t lane, int takes)
{
	int64_t begun_us = clock_mono_us();

	for (int i = 0; i < takes; i++)
		queue_lane_take(b->port,
				&(struct queue_take){.lane = lane,
						     .now_us = clock_now_us(),
						     .jobs = 1,
						     .recipients = 100},
				on_first, b);
	return (double)(clock_mono_us() - begun_us) / takes;
}

static void on_stats(void *arg, int err, const struct queue_stats *s)
{
	if (err)
		die("stats", err);
	*(int64_t *)arg = (int64_t)s->mails;
}

static void start(const char *dir)
{
	struct bench b = {0};
	int64_t begun_us = clock_mono_us(), begun_kb = memory_kb(), mails = 0;

	open_store(&b, dir);
	queue_lanes(b.port, clock_now_us(), NULL, LANES_PAGE, on_lanes, &b);
	if (b.lane_count < 2)
		die("no lanes", 0);
	take_us(&b, b.lanes[0].id, 1);
	queue_octets(b.port, b.first_job, 0, on_octets, &b);
	int64_t first_us = clock_mono_us() - begun_us;
	size_t dead = strcmp(b.lanes[0].name, DEAD) == 0 ? 0 : 1;
	double dead_us = take_us(&b, b.lanes[dead].id, TAKES),
	       few_us = take_us(&b, b.lanes[!dead].id, TAKES);
	int64_t lanes_us = clock_mono_us();
	queue_lanes(b.port, clock_now_us(), NULL, LANES_PAGE, on_lanes, &b);
	lanes_us = clock_mono_us() - lanes_us;
	queue_stats(b.port, on_stats, &mails);
	printf("{\"what\":\"start\",\"mails\":%lld,\"first_job_ms\":%.1f,\"take_us\":%.1f,"
	       "\"take_long_lane_us\":%.1f,\"lanes_us\":%lld,\"memory_per_mail\":%.1f}\n",
	       (long long)mails, (double)first_us / 1e3, few_us, dead_us, (long long)lanes_us,
	       (double)(memory_kb() - begun_kb) * 1024 / (double)mails);
	close_store(&b);
}

/* ---- settling ---- */

static void take_more(struct bench *b);

static void on_settled(void *arg, int err)
{
	struct bench *b = arg;

	if (err)
		die("settle", err);
	b->in_flight--;
	b->completed++;
	if (b->in_flight < IN_FLIGHT / 2)
		take_more(b);
}

static void on_jobs(void *arg, int err, const struct queue_job *jobs, size_t n)
{
	struct bench *b = arg;

	if (err)
		die("take", err);
	for (size_t i = 0; i < n; i++) {
		struct queue_outcome o = {.recipient = jobs[i].recipients[0].id,
					  .fate = QUEUE_DELIVERED,
					  .reply = {250, "2.0.0", "ok", "sink"}};
		b->submitted++;
		b->in_flight++;
		queue_settle(b->port,
			     &(struct queue_settlement){.mail = jobs[i].mail,
							.outcomes = &o,
							.count = 1,
							.now_us = clock_now_us()},
			     on_settled, b);
	}
	b->starved = n == 0;
}

static void take_more(struct bench *b)
{
	size_t starved = 0;

	while (b->submitted < b->wanted && b->in_flight < IN_FLIGHT && starved < LANES_PAGE) {
		size_t i = (size_t)b->submitted / JOBS % LANES_PAGE + starved;
		if (b->lane_count == 0)
			queue_lanes(b->port, clock_now_us(), NULL, LANES_PAGE, on_lanes, b);
		i %= b->lane_count;
		if (strcmp(b->lanes[i].name, DEAD) == 0)
			i = (i + 1) % b->lane_count;
		queue_lane_take(b->port,
				&(struct queue_take){.lane = b->lanes[i].id,
						     .now_us = clock_now_us(),
						     .jobs = JOBS,
						     .recipients = 100},
				on_jobs, b);
		starved = b->starved ? starved + 1 : 0;
	}
	if (starved == LANES_PAGE)
		b->lane_count = 0; /* other ones */
	if (!b->in_flight)
		loop_stop(b->loop);
}

static void settle(struct bench *b, int64_t mails)
{
	struct db_stats before;
	int64_t begun_us = clock_mono_us(), begun_kb = memory_kb();
	double begun_cpu_us = cpu_us();

	db_stats_read(b->db, &before);
	b->wanted = mails;
	while (b->completed < mails) {
		take_more(b);
		if (b->in_flight)
			loop_run(b->loop);
	}
	tell_rate(b, "settle", begun_us, begun_cpu_us, &before, begun_kb);
}

int main(int argc, char **argv)
{
	struct bench *b = calloc(1, sizeof *b);
	bool is_fill = argc == 4 && !strcmp(argv[1], "fill");

	if (argc == 3 && !strcmp(argv[1], "start")) {
		start(argv[2]);
	} else if (b && (is_fill || (argc == 4 && !strcmp(argv[1], "settle")))) {
		open_store(b, argv[2]);
		if (is_fill)
			fill(b, atoll(argv[3]));
		else
			settle(b, atoll(argv[3]));
		close_store(b);
	} else {
		fprintf(stderr, "queue_bench fill DIR MAILS | start DIR | settle DIR MAILS\n");
		return 2;
	}
	free(b);
	return 0;
}
