/* outbound -- puts mails into a Hato's outbound queue, as submission does, and tells what is in it
 *
 * outbound DIR [OWN-DOMAIN], lines on stdin, a word of each answered by a line on stdout:
 *
 *     put FLAGS FROM FILE TO...    FLAGS: of u (SMTPUTF8), 8 (8-bit), - (none); FROM "<>" for none;
 *                                  FILE: the content, CRLF lines. "ok ID"
 *     many N FROM FILE TO          N mails, all put at once, `%d` in TO is their number. "ok N"
 *     retry LANE                   all that a lane holds is due now. "ok N"
 *     show                         "ok MAILS", then a line a recipient: id, lane, address,
 * attempts, code, enhanced, remote, text, tabs between them
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/queue.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"

#define WORDS_MAX   1100
#define LINE_OCTETS (256 * 1024)
#define PIECE       (64 * 1024)
#define AT_ONCE     500

struct drive {
	struct db *db;
	struct loop *loop;
	struct db_port *port;
	const char *own_domain;
	int waiting, err;
	int64_t id, body;
};

static void die(const char *what, int err)
{
	fprintf(stderr, "outbound: %s: %s\n", what, err_text(err));
	exit(1);
}

static void ended(struct drive *d, int err)
{
	if (err)
		d->err = err;
	if (--d->waiting == 0)
		loop_stop(d->loop);
}

/* A stop of before may still be heard. */
static void wait_all(struct drive *d)
{
	while (d->waiting > 0)
		loop_run(d->loop);
}

static void on_put(void *arg, int err, int64_t mail)
{
	struct drive *d = arg;

	d->id = mail;
	ended(d, err);
}

static void on_body(void *arg, int err, int64_t body)
{
	struct drive *d = arg;

	d->body = body;
	ended(d, err);
}

/* ---- one mail ---- */

static uint8_t *read_file(const char *path, size_t *n)
{
	FILE *f = fopen(path, "re");
	uint8_t *octets = NULL;

	if (!f || fseek(f, 0, SEEK_END) != 0)
		die(path, E_IO);
	*n = (size_t)ftell(f);
	rewind(f);
	octets = malloc(*n + 1);
	if (!octets || fread(octets, 1, *n, f) != *n)
		die(path, E_IO);
	fclose(f);
	return octets;
}

static struct queue_recipient_new recipient(const struct drive *d, const char *address)
{
	const char *domain = strrchr(address, '@') + 1;

	return (struct queue_recipient_new){.address = address,
					    .canonical = address,
					    .lane = strcmp(domain, d->own_domain) == 0 ? ""
										       : domain,
					    .orcpt = ""};
}

static void put_large(struct drive *d, const uint8_t *octets, size_t n)
{
	uint32_t piece = 0;

	d->body = 0;
	for (size_t at = 0; at < n; at += PIECE, piece++) {
		d->waiting++;
		queue_body_append(d->port, d->body, piece, octets + at,
				  n - at < PIECE ? n - at : PIECE, on_body, d);
		wait_all(d);
		if (d->err)
			return;
	}
}

static void put(struct drive *d, char **words, size_t count)
{
	static struct queue_recipient_new to[WORDS_MAX];
	size_t n;
	uint8_t *octets = read_file(words[3], &n);
	bool is_large = n > BODY_INLINE_MAX;

	for (size_t i = 4; i < count; i++)
		to[i - 4] = recipient(d, words[i]);
	if (is_large)
		put_large(d, octets, n);
	const struct queue_new m = {.reverse_path = strcmp(words[2], "<>") == 0 ? "" : words[2],
				    .envid = "",
				    .is_utf8 = strchr(words[1], 'u') != NULL,
				    .is_8bit = strchr(words[1], '8') != NULL,
				    .octets = is_large ? NULL : octets,
				    .body = is_large ? d->body : 0,
				    .size = n,
				    .received_us = clock_now_us(),
				    .recipients = to,
				    .recipient_count = count - 4};
	d->waiting++;
	queue_put(d->port, &m, on_put, d);
	wait_all(d);
	free(octets);
	if (d->err)
		printf("err %s\n", err_text(d->err));
	else
		printf("ok %lld\n", (long long)d->id);
}

/* ---- many ---- */

static void fill_in(const char *form, int number, char *out, size_t size)
{
	const char *at = strstr(form, "%d");

	if (at)
		snprintf(out, size, "%.*s%d%s", (int)(at - form), form, number, at + 2);
	else
		snprintf(out, size, "%s", form);
}

static void many(struct drive *d, char **words)
{
	int total = atoi(words[1]);
	size_t n;
	uint8_t *octets = read_file(words[3], &n);
	char address[400];

	for (int i = 0; i < total && !d->err; i++) {
		fill_in(words[4], i, address, sizeof address);
		struct queue_recipient_new to = recipient(d, address);
		const struct queue_new m = {.reverse_path = words[2],
					    .envid = "",
					    .octets = octets,
					    .size = n,
					    .received_us = clock_now_us(),
					    .recipients = &to,
					    .recipient_count = 1};
		d->waiting++;
		queue_put(d->port, &m, on_put, d);
		if (i % AT_ONCE == AT_ONCE - 1)
			wait_all(d);
	}
	wait_all(d);
	free(octets);
	if (d->err)
		printf("err %s\n", err_text(d->err));
	else
		printf("ok %d\n", total);
}

/* ---- the operator's ---- */

static void on_steered(void *arg, int err, uint64_t mails)
{
	struct drive *d = arg;

	d->id = (int64_t)mails;
	ended(d, err);
}

static void retry(struct drive *d, const char *lane)
{
	const struct queue_steer what = {
		.act = QUEUE_RETRY, .lane = lane, .now_us = clock_now_us()};

	d->waiting++;
	queue_steer(d->port, &what, on_steered, d);
	wait_all(d);
	printf(d->err ? "err %lld\n" : "ok %lld\n", (long long)d->id);
}

struct listing {
	struct drive *drive;
	struct queue_place next;
	int64_t ids[100];
	size_t n;
};

static void on_list(void *arg, int err, const struct queue_mail *mails, size_t n,
		    const struct queue_place *next)
{
	struct listing *l = arg;

	l->drive->err = err;
	for (l->n = 0; l->n < n && l->n < 100; l->n++)
		l->ids[l->n] = mails[l->n].id;
	memset(&l->next, 0, sizeof l->next);
	if (!err)
		l->next = *next;
}

static void on_mail(void *arg, int err, const struct queue_mail *mail,
		    const struct queue_waiting *all, size_t n)
{
	(void)arg;
	for (size_t i = 0; !err && i < n; i++) {
		const struct queue_recipient *r = &all[i].recipient;
		printf("%lld\t%s\t%s\t%u\t%d\t%s\t%s\t%s\n", (long long)mail->id, all[i].lane,
		       r->address, r->attempts, r->last.code, r->last.enhanced, r->last.remote,
		       r->last.text);
	}
}

static void on_stats(void *arg, int err, const struct queue_stats *s)
{
	struct drive *d = arg;

	d->err = err;
	d->id = err ? 0 : (int64_t)s->mails;
}

static void show(struct drive *d)
{
	struct listing l = {.drive = d};

	queue_stats(d->port, on_stats, d);
	do {
		const struct queue_question q = {.after = l.next, .limit = 100};
		queue_list(d->port, &q, on_list, &l);
		for (size_t i = 0; i < l.n; i++)
			queue_get(d->port, l.ids[i], on_mail, d);
	} while (l.next.next_us || l.next.mail);
	printf("ok %lld\n", (long long)d->id);
}

/* ---- lines ---- */

static void obey(struct drive *d, char *line)
{
	static char *words[WORDS_MAX];
	size_t n = 0;
	char *save = NULL;

	for (char *w = strtok_r(line, " \n", &save); w && n < WORDS_MAX;
	     w = strtok_r(NULL, " \n", &save))
		words[n++] = w;
	d->err = 0;
	if (n >= 5 && strcmp(words[0], "put") == 0)
		put(d, words, n);
	else if (n == 5 && strcmp(words[0], "many") == 0)
		many(d, words);
	else if (n == 2 && strcmp(words[0], "retry") == 0)
		retry(d, words[1]);
	else if (n == 1 && strcmp(words[0], "show") == 0)
		show(d);
	else
		printf("err what?\n");
	fflush(stdout);
}

int main(int argc, char **argv)
{
	struct drive d = {.own_domain = argc > 2 ? argv[2] : "hato.example"};
	char dir[4000], hints[4000];
	static char line[LINE_OCTETS];

	if (argc < 2)
		return 2;
	log_init("outbound");
	log_level_set("warn");
	snprintf(dir, sizeof dir, "%s/db", argv[1]);
	snprintf(hints, sizeof hints, "%s/run", argv[1]);
	const struct db_options options = {.dir = dir,
					   .hint_dir = hints,
					   .daemon = "drive",
					   .files = DB_FILE(DB_BINDINGS) | DB_FILE(DB_QUEUE)};
	int err = db_open(&options, &d.db);
	if (!err)
		err = loop_new(&d.loop);
	if (!err)
		err = db_port_open(d.db, d.loop, &d.port);
	if (err)
		die(dir, err);
	while (fgets(line, sizeof line, stdin))
		obey(&d, line);
	db_port_close(d.port);
	loop_free(d.loop);
	db_close(d.db);
	return 0;
}
