/* queue -- the outbound queue of a running system (db/queue.h), by words: for tests of what an
 * operator sees
 *
 * queue DIR put MSISDN|- FROM LANE TO...     prints the mail's id; - is ours
 * queue DIR defer MAIL RECIPIENT CODE ENHANCED TEXT SECONDS
 * queue DIR suppress MSISDN ADDRESS CODE ENHANCED TEXT SECONDS
 *
 * DIR is the folder of the database files. A put by a subscriber goes by his confirmed binding.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/queue.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"

#define OCTETS "Subject: secret words\r\n\r\nnobody but the recipient reads this\r\n"

struct drive {
	struct db *db;
	struct loop *loop;
	struct db_port *port;
	struct access_via via;
	int64_t id;
	bool done;
};

static void check(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "queue: %s: %s\n", what, err_text(err));
	exit(1);
}

static void on_subscriber(void *arg, int err, const struct subscriber *s)
{
	struct drive *d = arg;

	check(err, "subscriber");
	d->via.subscriber = s->id;
}

static void on_bindings(void *arg, int err, const struct binding_found *f, size_t n)
{
	struct drive *d = arg;

	check(err ? err : n ? 0 : E_NOT_FOUND, "binding");
	d->via.key = f->b.key;
	d->via.generation = f->b.generation;
}

static void on_put(void *arg, int err, int64_t id)
{
	struct drive *d = arg;

	check(err, "put");
	d->id = id;
	d->done = true;
	loop_stop(d->loop);
}

static void on_done(void *arg, int err)
{
	struct drive *d = arg;

	check(err, "store");
	d->done = true;
	loop_stop(d->loop);
}

static void put(struct drive *d, char **words, int n)
{
	struct queue_recipient_new *r = calloc((size_t)n, sizeof *r);
	bool is_ours = strcmp(words[0], "-") == 0;

	if (!is_ours) {
		subscriber_by_msisdn(d->port, words[0], on_subscriber, d);
		binding_of_subscriber(d->port, "", d->via.subscriber, on_bindings, d);
	}
	for (int i = 3; i < n; i++)
		r[i - 3] = (struct queue_recipient_new){
			.address = words[i], .canonical = words[i], .lane = words[2], .orcpt = ""};
	queue_put(d->port,
		  &(struct queue_new){.via = is_ours ? NULL : &d->via,
				      .reverse_path = words[1],
				      .envid = "",
				      .octets = (const uint8_t *)OCTETS,
				      .size = strlen(OCTETS),
				      .received_us = clock_now_us(),
				      .recipients = r,
				      .recipient_count = (size_t)n - 3},
		  on_put, d);
	while (!d->done)
		loop_run(d->loop);
	free(r);
	printf("%lld\n", (long long)d->id);
}

/* CODE ENHANCED TEXT */
static struct queue_reply reply_of(char **words)
{
	return (struct queue_reply){.code = atoi(words[0]),
				    .enhanced = words[1],
				    .text = words[2],
				    .remote = "mx.b.example [192.0.2.1]"};
}

static void defer(struct drive *d, char **words)
{
	struct queue_outcome o = {.recipient = (uint32_t)atoi(words[1]),
				  .fate = QUEUE_DEFERRED,
				  .next_us = clock_now_us() + atoll(words[5]) * CLOCK_S,
				  .reply = reply_of(words + 2)};

	queue_settle(d->port,
		     &(struct queue_settlement){.mail = atoll(words[0]),
						.outcomes = &o,
						.count = 1,
						.now_us = clock_now_us()},
		     on_done, d);
	while (!d->done)
		loop_run(d->loop);
}

static void suppress(struct drive *d, char **words)
{
	subscriber_by_msisdn(d->port, words[0], on_subscriber, d);
	suppression_put(
		d->port,
		&(struct suppression){.sender = d->via.subscriber,
				      .address = words[1],
				      .reason = reply_of(words + 2),
				      .since_us = clock_now_us(),
				      .expires_us = clock_now_us() + atoll(words[5]) * CLOCK_S},
		on_done, d);
	while (!d->done)
		loop_run(d->loop);
}

int main(int argc, char **argv)
{
	struct drive d = {.db = NULL};

	if (argc < 7)
		return 2;
	const struct db_options options = {.dir = argv[1],
					   .daemon = "drive",
					   .files = DB_FILE(DB_BINDINGS) | DB_FILE(DB_QUEUE)};
	log_level_set("error");
	check(db_open(&options, &d.db), argv[1]);
	check(loop_new(&d.loop), "loop");
	check(db_port_open(d.db, d.loop, &d.port), "port");
	if (!strcmp(argv[2], "put"))
		put(&d, argv + 3, argc - 3);
	else if (argc == 9 && !strcmp(argv[2], "defer"))
		defer(&d, argv + 3);
	else if (argc == 9 && !strcmp(argv[2], "suppress"))
		suppress(&d, argv + 3);
	db_port_close(d.port);
	db_close(d.db);
	loop_free(d.loop);
	return d.done ? 0 : 2;
}
