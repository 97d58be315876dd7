/* db_bench -- what the store costs on this machine, without daemons
 *
 * db_bench [SUBSCRIBERS [SECONDS]]: fills a store in a temporary directory ($TMPDIR), then for
 * SECONDS each: lease events by a Start of a random subscriber at a random address, in batches that
 * keep the writer's queue filled; mail for random subscribers; binding_check from one reader. One
 * line of JSON a measurement on stdout.
 *
 * db_bench look DIR SUBSCRIBERS SECONDS: binding_check alone, in a store that bare_store filled.
 *
 * db_bench lease DIR SUBSCRIBERS EVENTS GROUP: that many Starts as bare_store's and lease_load's,
 * GROUP a transaction, in a store that bare_store filled: for counts that do not depend on what
 * else the machine does (perf stat -e instructions:u, valgrind). With EVENTS 0 the store is made.
 */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "db/db.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"

#define IN_FLIGHT  2048
#define BODY_BYTES 4000

struct bench {
	struct db *db;
	struct loop *loop;
	struct db_port *port;
	int64_t subscribers;
	int64_t until_us;
	/* Of the measurement that runs. */
	void (*submit)(struct bench *b);
	int64_t submitted, completed, failed, in_flight, limit;
	int64_t clock_us; /* event time */
	uint64_t seed;
};

static uint64_t next_random(struct bench *b)
{
	b->seed ^= b->seed << 13;
	b->seed ^= b->seed >> 7;
	b->seed ^= b->seed << 17;
	return b->seed;
}

static void msisdn_of(int64_t n, char out[MSISDN_MAX])
{
	snprintf(out, MSISDN_MAX, "81%010llu", (unsigned long long)n % 10000000000);
}

static struct addr addr_of(int64_t n)
{
	struct addr a = {.bytes = {[10] = 0xff, [11] = 0xff, [12] = 10}};

	a.bytes[13] = (uint8_t)(n >> 16);
	a.bytes[14] = (uint8_t)(n >> 8);
	a.bytes[15] = (uint8_t)n;
	return a;
}

/* ---- keeping the queue filled ---- */

static void refill(struct bench *b)
{
	bool more = b->limit ? b->submitted < b->limit : clock_mono_us() < b->until_us;

	while (more && b->in_flight < IN_FLIGHT) {
		b->in_flight++;
		b->submitted++;
		b->submit(b);
		more = !b->limit || b->submitted < b->limit;
	}
	if (!more && !b->in_flight)
		loop_stop(b->loop);
}

static void completed(struct bench *b, int err)
{
	b->in_flight--;
	b->completed++;
	b->failed += err != 0;
	if (b->in_flight < IN_FLIGHT / 2)
		refill(b);
}

/* Of the whole process: says more than the clock on a machine with other work. */
static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

/* Octets that went through write(2) so far: what an operation costs the disk, whatever else it
 * does. */
static double written(void)
{
	char line[128];
	double octets = 0;
	FILE *f = fopen("/proc/self/io", "r");

	while (f && fgets(line, sizeof line, f))
		sscanf(line, "wchar: %lf", &octets);
	if (f)
		fclose(f);
	return octets;
}

static void measure(struct bench *b, const char *name, void (*submit)(struct bench *),
		    int64_t limit, int64_t seconds)
{
	struct db_stats before, after;
	int64_t begun_us = clock_mono_us();
	double begun_cpu_us = cpu_us(), begun_written = written();

	db_stats_read(b->db, &before);
	b->submit = submit;
	b->limit = limit;
	b->until_us = begun_us + seconds * CLOCK_S;
	b->submitted = b->completed = b->failed = 0;
	refill(b);
	while (b->in_flight)
		loop_run(b->loop);
	double took_s = (double)(clock_mono_us() - begun_us) / 1e6;
	db_stats_read(b->db, &after);
	uint64_t commits = after.commits - before.commits;
	double operations = (double)b->completed;
	printf("{\"what\":\"%s\",\"per_second\":%.0f,\"cpu_us\":%.1f,\"written\":%.0f,"
	       "\"operations\":%.0f,\"failed\":%lld,\"commits\":%llu,\"group_us\":%.0f,"
	       "\"worst_group_us\":%lld,\"wal_bytes\":[%llu,%llu]}\n",
	       name, operations / took_s, (cpu_us() - begun_cpu_us) / operations,
	       (written() - begun_written) / operations, operations, (long long)b->failed,
	       (unsigned long long)commits, commits ? took_s * 1e6 / (double)commits : 0,
	       (long long)after.worst_group_us, (unsigned long long)after.wal_bytes[0],
	       (unsigned long long)after.wal_bytes[1]);
	fflush(stdout);
}

/* ---- what is measured ---- */

static void on_put(void *arg, int err, int64_t id, bool created)
{
	(void)id;
	(void)created;
	completed(arg, err);
}

static void submit_subscriber(struct bench *b)
{
	struct subscriber_put put = {.subscriber = {.address_count = 1}};

	msisdn_of(b->submitted, put.subscriber.msisdn);
	snprintf(put.subscriber.imsi, IMSI_MAX, "44%012lld", (long long)b->submitted);
	snprintf(put.subscriber.addresses[0].shown, ADDRESS_MAX, "u%lld@hato.example",
		 (long long)b->submitted);
	snprintf(put.subscriber.addresses[0].canonical, ADDRESS_MAX, "u%lld@hato.example",
		 (long long)b->submitted);
	subscriber_put(b->port, &put, on_put, b);
}

static void on_applied(void *arg, int err, const struct lease_outcome *out, size_t n)
{
	completed(arg, err ? err : n == 1 && out[0].result == LEASE_APPLIED ? 0 : E_CONFLICT);
}

static void submit_start_of(struct bench *b, int64_t subscriber, int64_t address)
{
	struct lease_event ev = {.kind = LEASE_START, .key_count = 1};
	struct addr a = addr_of(address);

	b->clock_us++;
	ev.time_us = ev.received_us = b->clock_us;
	snprintf(ev.realm, sizeof ev.realm, "%s", REALM_DEFAULT);
	snprintf(ev.nas_id, sizeof ev.nas_id, "nas-%lld", (long long)(subscriber % 16));
	snprintf(ev.session_id, sizeof ev.session_id, "%016llx", (unsigned long long)b->clock_us);
	snprintf(ev.feeder, sizeof ev.feeder, "bench");
	msisdn_of(subscriber, ev.msisdn);
	snprintf(ev.imsi, sizeof ev.imsi, "44%012lld", (long long)subscriber);
	key_of_addr(REALM_DEFAULT, &a, &ev.keys[0]);
	binding_apply(b->port, &ev, 1, on_applied, b);
}

static void submit_attach(struct bench *b)
{
	submit_start_of(b, b->submitted, b->submitted);
}

static void submit_move(struct bench *b)
{
	int64_t n = 1 + (int64_t)(next_random(b) % (uint64_t)b->subscribers);
	int64_t address =
		1 + (int64_t)(next_random(b) % (uint64_t)(b->subscribers + b->subscribers / 4));

	submit_start_of(b, n, address);
}

static void on_accepted(void *arg, int err, const int *errs, size_t n)
{
	completed(arg, err ? err : n == 1 ? errs[0] : E_IO);
}

static void submit_mail(struct bench *b)
{
	static uint8_t body[BODY_BYTES];
	struct mail_recipient r = {.subscriber =
					   1 + (int64_t)(next_random(b) % (uint64_t)b->subscribers),
				   .prefix = "Return-Path: <somebody@elsewhere.example>\r\n",
				   .prefix_size = 43};
	struct mail_accept a = {.recipients = &r,
				.recipient_count = 1,
				.reverse_path = "somebody@elsewhere.example",
				.octets = body,
				.size = sizeof body,
				.received_us = clock_now_us()};

	if (!body[0])
		memset(body, 'x', sizeof body);
	mail_accept(b->port, &a, on_accepted, b);
}

static void on_done(void *arg, int err)
{
	completed(arg, err);
}

static void submit_sweep(struct bench *b)
{
	bindings_sweep(b->port, clock_now_us(), on_done, b);
}

static void on_checked(void *arg, int err, const struct binding *row, bool behind)
{
	struct bench *b = arg;

	(void)behind;
	b->completed++;
	b->failed += err || !row;
}

static void measure_checks(struct bench *b, int64_t seconds)
{
	double begun_cpu_us = cpu_us();
	int64_t begun_us = clock_mono_us(), until_us = begun_us + seconds * CLOCK_S, now_us;

	b->completed = b->failed = 0;
	do {
		for (int i = 0; i < 100; i++) {
			struct addr a =
				addr_of(1 + (int64_t)(next_random(b) % (uint64_t)b->subscribers));
			binding_check(b->port, REALM_DEFAULT, &a, 4711, &(struct binding_told){0},
				      on_checked, b);
		}
		now_us = clock_mono_us();
	} while (now_us < until_us);
	printf("{\"what\":\"binding_check\",\"ns\":%.0f,\"cpu_ns\":%.0f,\"operations\":%lld,\"not_"
	       "found\":%lld}\n",
	       (double)(now_us - begun_us) * 1e3 / (double)b->completed,
	       (cpu_us() - begun_cpu_us) * 1e3 / (double)b->completed, (long long)b->completed,
	       (long long)b->failed);
	fflush(stdout);
}

/* ---- a count of events, in groups of one size ---- */

static void on_group(void *arg, int err, const struct lease_outcome *out, size_t n)
{
	struct bench *b = arg;

	for (size_t i = 0; i < n; i++)
		b->failed += out[i].result != LEASE_APPLIED;
	b->completed += (int64_t)n;
	b->failed += err != 0;
	loop_stop(b->loop);
}

static void start_at_random(struct bench *b, struct lease_event *ev)
{
	struct addr a = addr_of(1 + (int64_t)(next_random(b) % (uint64_t)b->subscribers));

	*ev = (struct lease_event){.kind = LEASE_START, .key_count = 1};
	ev->received_us = ++b->clock_us;
	snprintf(ev->realm, sizeof ev->realm, "%s", REALM_DEFAULT);
	snprintf(ev->nas_id, sizeof ev->nas_id, "bench");
	snprintf(ev->session_id, sizeof ev->session_id, "%016llx", (unsigned long long)b->clock_us);
	snprintf(ev->feeder, sizeof ev->feeder, "feeder");
	msisdn_of(1 + (int64_t)(next_random(b) % (uint64_t)b->subscribers), ev->msisdn);
	key_of_addr(REALM_DEFAULT, &a, &ev->keys[0]);
}

static int lease_groups(struct bench *b, int64_t events, size_t group)
{
	struct lease_event *list = calloc(group, sizeof *list);
	double begun_written = written(), begun_cpu_us = cpu_us();
	int64_t begun_us = clock_mono_us();

	if (!list)
		return 1;
	while (b->completed < events && !b->failed) {
		for (size_t i = 0; i < group; i++)
			start_at_random(b, &list[i]);
		binding_apply(b->port, list, group, on_group, b);
		loop_run(b->loop);
	}
	free(list);
	if (events)
		printf("{\"what\":\"lease\",\"subscribers\":%lld,\"group\":%zu,\"events\":%lld,"
		       "\"failed\":%lld,\"per_second\":%.0f,\"cpu_us\":%.1f,\"written\":%.0f}\n",
		       (long long)b->subscribers, group, (long long)b->completed,
		       (long long)b->failed,
		       (double)events * 1e6 / (double)(clock_mono_us() - begun_us),
		       (cpu_us() - begun_cpu_us) / (double)events,
		       (written() - begun_written) / (double)events);
	return b->failed != 0;
}

/* ---- the store ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static int open_store(struct bench *b, const char *dir)
{
	struct db_options options = {.dir = dir, .daemon = "bench"};

	if (db_open(&options, &b->db) || loop_new(&b->loop) ||
	    db_port_open(b->db, b->loop, &b->port)) {
		fprintf(stderr, "db_bench: cannot make or open a store in %s\n", dir);
		return 1;
	}
	log_level_set("error");
	return 0;
}

static void close_store(struct bench *b)
{
	db_port_close(b->port);
	db_close(b->db);
	loop_free(b->loop);
}

static int look(const char *dir, int64_t subscribers, int64_t seconds)
{
	struct bench b = {.subscribers = subscribers, .seed = 88172645463325252u};

	if (open_store(&b, dir))
		return 1;
	measure_checks(&b, seconds);
	close_store(&b);
	return 0;
}

static int lease(const char *dir, int64_t subscribers, int64_t events, int64_t group)
{
	int64_t now_us = clock_now_us();
	/* Not what the run before did to the store: that would find all as it wants it. */
	struct bench b = {.subscribers = subscribers,
			  .seed = 88172645463325252u ^ (uint64_t)now_us,
			  .clock_us = now_us};

	if (group < 1 || open_store(&b, dir))
		return 1;
	int status = lease_groups(&b, events, (size_t)group);
	close_store(&b);
	return status;
}

int main(int argc, char **argv)
{
	const char *tmp = getenv("TMPDIR");
	char dir[256];

	if (argc == 5 && strcmp(argv[1], "look") == 0)
		return look(argv[2], atoll(argv[3]), atoll(argv[4]));
	if (argc == 6 && strcmp(argv[1], "lease") == 0)
		return lease(argv[2], atoll(argv[3]), atoll(argv[4]), atoll(argv[5]));
	struct bench b = {.subscribers = argc > 1 ? atoll(argv[1]) : 10000,
			  .seed = 88172645463325252u};
	int64_t seconds = argc > 2 ? atoll(argv[2]) : 5;
	snprintf(dir, sizeof dir, "%s/db-bench-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir) || open_store(&b, dir))
		return 1;
	b.clock_us = clock_now_us() - 3600 * CLOCK_S;
	measure(&b, "subscriber_put", submit_subscriber, b.subscribers, 0);
	measure(&b, "lease_attach", submit_attach, b.subscribers, 0);
	measure_checks(&b, seconds); /* every address is held by somebody now */
	measure(&b, "lease_move", submit_move, 0, seconds);
	measure(&b, "sweep", submit_sweep, 1, 0);
	measure(&b, "mail_accept", submit_mail, 0, seconds);
	close_store(&b);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return 0;
}
