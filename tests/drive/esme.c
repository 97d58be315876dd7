/* esme -- pushsrv's links to SMSCs (pushsrv/esme.h) alone, driven by lines: for tests and benches
 *
 * esme CONFIG: opens the links of its [smsc NAME] sections. Commands on stdin, a line each:
 *
 *     submit NUMBER HEX [CODING]         octets from port 9200 to port 2948
 *     text NUMBER HEX CODING             the same without ports
 *     flood COUNT FIRST STEP             COUNT triggers of 90 octets, to numbers from FIRST on, as
 *                                        fast as there is room; a refused one goes again
 *     later N                            the next N tickets are answered "later"
 *     hold                               tickets are kept from now on; `release` answers them
 *     release
 *     metrics                            what lib/metrics prints, then {"event":"metrics"}
 *     stop                               unbinds and ends, as the end of stdin does
 *
 * Events on stdout, a JSON object a line: up, submitted, receipt, incoming, flooded, stopped. Logs
 * on stderr.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/loop.h"
#include "lib/metrics.h"
#include "pushsrv/esme.h"

#define LINE_MAX_LEN 70000
#define OCTETS_MAX   32000
#define QUEUE_MAX    1024
#define KEPT_MAX     4096
#define FLOOD_OCTETS 90
#define UP_LOOK_US   20000

struct queued {
	char number[ESME_NUMBER_MAX + 1];
	uint8_t *octets;
	size_t size;
	uint8_t coding;
	bool has_ports;
	int id;
};

struct drive {
	struct loop *loop;
	struct conf *conf;
	struct esme *esme;
	struct loop_reader *reader;
	struct loop_timer *look;
	char line[LINE_MAX_LEN];
	size_t line_len, up;
	/* What found no room yet. */
	struct queued queue[QUEUE_MAX];
	size_t first, queued;
	int ids, later;
	bool is_holding;
	struct esme_ticket *kept[KEPT_MAX];
	size_t kept_count;
	/* The flood; its messages' arg is null. */
	int64_t flood_left, flood_answered, flood_receipts, flood_count, flood_again;
	int64_t flood_number, flood_step, flood_from_us, flood_answered_us;
};

/* ---- out ---- */

static void print_hex(const char *name, const uint8_t *octets, size_t n)
{
	printf(",\"%s\":\"", name);
	for (size_t i = 0; i < n; i++)
		printf("%02x", octets[i]);
	printf("\"");
}

static void end_event(void)
{
	printf("}\n");
	fflush(stdout);
}

static void flood_is_done(struct drive *d)
{
	int64_t now_us = clock_mono_us();

	if (!d->flood_count || d->flood_answered < d->flood_count ||
	    d->flood_receipts < d->flood_count)
		return;
	printf("{\"event\":\"flooded\",\"count\":%lld,\"again\":%lld,\"submit_us\":%lld,"
	       "\"receipts_us\":%lld",
	       (long long)d->flood_count, (long long)d->flood_again,
	       (long long)(d->flood_answered_us - d->flood_from_us),
	       (long long)(now_us - d->flood_from_us));
	d->flood_count = 0;
	end_event();
}

static void pump(struct drive *d);

static void flood_submitted(struct drive *d, const struct esme_result *r)
{
	if (r->outcome == ESME_ACCEPTED) {
		d->flood_answered++;
		d->flood_answered_us = clock_mono_us();
		flood_is_done(d);
	} else {
		d->flood_left++;
		d->flood_again++;
		pump(d);
	}
}

static void submitted(void *arg, void *message, const struct esme_result *r)
{
	static const char *const outcomes[] = {[ESME_ACCEPTED] = "accepted",
					       [ESME_TEMPORARY] = "temporary",
					       [ESME_PERMANENT] = "permanent",
					       [ESME_UNKNOWN] = "unknown"};

	if (!message) {
		flood_submitted(arg, r);
		return;
	}
	printf("{\"event\":\"submitted\",\"id\":%d,\"outcome\":\"%s\",\"smsc\":\"%s\","
	       "\"link\":\"%s\",\"status\":%u",
	       (int)(intptr_t)message, outcomes[r->outcome], r->smsc, r->link, (unsigned)r->status);
	print_hex("message_id", (const uint8_t *)r->message_id, strlen(r->message_id));
	end_event();
}

static void settle(struct drive *d, struct esme_ticket *t)
{
	if (d->is_holding && d->kept_count < KEPT_MAX) {
		d->kept[d->kept_count++] = t;
	} else if (d->later > 0) {
		d->later--;
		esme_answer(t, ESME_LATER);
	} else {
		esme_answer(t, ESME_TAKEN);
	}
}

static void receipt(void *arg, const char *smsc, const struct smpp_receipt *r,
		    struct esme_ticket *t)
{
	struct drive *d = arg;

	if (d->flood_count) {
		d->flood_receipts++;
		settle(d, t);
		flood_is_done(d);
		return;
	}
	printf("{\"event\":\"receipt\",\"smsc\":\"%s\",\"state\":\"%s\"", smsc,
	       smpp_state_name(r->state));
	print_hex("message_id", (const uint8_t *)r->message_id, strlen(r->message_id));
	end_event();
	settle(d, t);
}

static void incoming(void *arg, const char *smsc, const struct esme_incoming *m,
		     struct esme_ticket *t)
{
	printf("{\"event\":\"incoming\",\"smsc\":\"%s\",\"coding\":%u,\"udh\":%s", smsc,
	       m->data_coding, m->has_udh ? "true" : "false");
	print_hex("source", (const uint8_t *)m->source, strlen(m->source));
	print_hex("octets", m->octets, m->size);
	end_event();
	settle(arg, t);
}

static void room(void *arg)
{
	pump(arg);
}

/* ---- in ---- */

static int submit(struct drive *d, const char *number, const uint8_t *octets, size_t size,
		  uint8_t coding, bool has_ports, intptr_t id)
{
	const struct esme_message m = {
		.destination = number,
		.octets = octets,
		.size = size,
		.data_coding = coding,
		.registered_delivery = SMPP_REGISTERED_FINAL,
		.validity_s = 600,
		.source_port = has_ports ? 9200 : 0,
		.destination_port = has_ports ? 2948 : 0,
	};

	return esme_submit(d->esme, &m, (void *)id);
}

static void pump(struct drive *d)
{
	static const uint8_t trigger[FLOOD_OCTETS] = {0x2a, 0x06};
	char number[24];

	while (d->queued > 0) {
		struct queued *q = &d->queue[d->first];
		int err = submit(d, q->number, q->octets, q->size, q->coding, q->has_ports, q->id);

		if (err == E_AGAIN)
			return;
		if (err) {
			printf("{\"event\":\"submitted\",\"id\":%d,\"outcome\":\"error\","
			       "\"error\":%d",
			       q->id, err);
			end_event();
		}
		free(q->octets);
		d->first = (d->first + 1) % QUEUE_MAX;
		d->queued--;
	}
	while (d->flood_left > 0) {
		snprintf(number, sizeof number, "%lld", (long long)d->flood_number);
		if (submit(d, number, trigger, sizeof trigger, SMPP_CODING_OCTETS, true, 0))
			return;
		d->flood_left--;
		d->flood_number += d->flood_step;
	}
}

static size_t unhex(const char *hex, uint8_t *octets, size_t max)
{
	size_t n = 0;
	unsigned value;

	while (n < max && sscanf(hex + 2 * n, "%2x", &value) == 1)
		octets[n++] = (uint8_t)value;
	return n;
}

static void queue(struct drive *d, const char *number, const char *hex, unsigned coding,
		  bool has_ports)
{
	struct queued *q = &d->queue[(d->first + d->queued) % QUEUE_MAX];

	if (d->queued == QUEUE_MAX)
		return;
	*q = (struct queued){.octets = malloc(OCTETS_MAX),
			     .coding = (uint8_t)coding,
			     .has_ports = has_ports,
			     .id = ++d->ids};
	if (!q->octets)
		return;
	snprintf(q->number, sizeof q->number, "%s", number);
	q->size = unhex(hex, q->octets, OCTETS_MAX);
	d->queued++;
	pump(d);
}

static void flood(struct drive *d, long long count, long long first, long long step)
{
	d->flood_count = d->flood_left = count;
	d->flood_answered = d->flood_receipts = d->flood_again = 0;
	d->flood_number = first;
	d->flood_step = step;
	d->flood_from_us = clock_mono_us();
	pump(d);
}

static void stopped(void *arg)
{
	struct drive *d = arg;

	printf("{\"event\":\"stopped\"");
	end_event();
	loop_stop(d->loop);
}

static void stop(struct drive *d)
{
	loop_reader_turn(d->reader, false);
	esme_stop(d->esme, stopped, d);
}

static void release(struct drive *d)
{
	d->is_holding = false;
	while (d->kept_count > 0)
		settle(d, d->kept[--d->kept_count]);
}

static void obey(struct drive *d, const char *line)
{
	static char hex[LINE_MAX_LEN];
	char number[24];
	unsigned coding = SMPP_CODING_8BIT_CLASS_1;
	long long a, b, c;

	if (sscanf(line, "submit %23s %69999s %u", number, hex, &coding) >= 2) {
		queue(d, number, hex, coding, true);
	} else if (sscanf(line, "text %23s %69999s %u", number, hex, &coding) == 3) {
		queue(d, number, hex, coding, false);
	} else if (sscanf(line, "flood %lld %lld %lld", &a, &b, &c) == 3) {
		flood(d, a, b, c);
	} else if (sscanf(line, "later %lld", &a) == 1) {
		d->later = (int)a;
	} else if (!strcmp(line, "hold")) {
		d->is_holding = true;
	} else if (!strcmp(line, "release")) {
		release(d);
	} else if (!strcmp(line, "metrics")) {
		metrics_print(stdout);
		printf("{\"event\":\"metrics\"");
		end_event();
	} else if (!strcmp(line, "stop")) {
		stop(d);
	}
}

static void readable(void *arg)
{
	struct drive *d = arg;
	ssize_t n = read(STDIN_FILENO, d->line + d->line_len, sizeof d->line - d->line_len);
	char *from = d->line, *end;

	if (n <= 0) {
		stop(d);
		return;
	}
	d->line_len += (size_t)n;
	while ((end = memchr(from, '\n', d->line_len - (size_t)(from - d->line)))) {
		*end = '\0';
		obey(d, from);
		from = end + 1;
	}
	d->line_len -= (size_t)(from - d->line);
	memmove(d->line, from, d->line_len);
}

/* How many links are up has no callback: pushsrv has no need of it. */
static void look(void *arg)
{
	struct drive *d = arg;
	size_t up = esme_links_up(d->esme);

	if (up != d->up) {
		d->up = up;
		printf("{\"event\":\"up\",\"links\":%zu", up);
		end_event();
	}
	loop_timer_set(d->look, UP_LOOK_US);
}

int main(int argc, char **argv)
{
	static struct drive d;
	char error[256] = "";
	const struct esme_client client = {.submitted = submitted,
					   .receipt = receipt,
					   .incoming = incoming,
					   .room = room,
					   .arg = &d};

	signal(SIGPIPE, SIG_IGN);
	log_init("esme");
	if (argc != 2 || conf_load(argv[1], NULL, NULL, 0, &d.conf, error)) {
		fprintf(stderr, "esme CONFIG: %s\n", error);
		return 2;
	}
	log_level_set(d.conf->log_level);
	esme_counters_register(d.conf);
	if (loop_new(&d.loop) ||
	    !(d.reader = loop_reader_new(d.loop, STDIN_FILENO, readable, &d)) ||
	    !(d.look = loop_timer_new(d.loop, look, &d)) ||
	    esme_open(d.conf, d.loop, &client, &d.esme, error)) {
		fprintf(stderr, "esme: %s\n", error);
		return 1;
	}
	loop_reader_turn(d.reader, true);
	loop_timer_set(d.look, 0);
	loop_run(d.loop);
	esme_close(d.esme);
	loop_reader_free(d.reader);
	loop_timer_free(d.look);
	loop_free(d.loop);
	conf_free(d.conf);
	return 0;
}
