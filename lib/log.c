#include "lib/log.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_OCTETS 2048

static const char *const level_names[] = {
	[LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error"};
static char daemon_name[32] = "hato";
static _Atomic int least = LOG_INFO;

void log_init(const char *daemon)
{
	snprintf(daemon_name, sizeof daemon_name, "%s", daemon);
}

int log_level_set(const char *level)
{
	for (int i = LOG_DEBUG; i <= LOG_ERROR; i++)
		if (!strcmp(level, level_names[i])) {
			atomic_store(&least, i);
			return 1;
		}
	return 0;
}

bool log_wants(enum log_level level)
{
	return (int)level >= atomic_load_explicit(&least, memory_order_relaxed);
}

struct line {
	char text[LINE_MAX_OCTETS];
	size_t length;
};

static void put(struct line *l, const char *s, size_t n)
{
	size_t room = sizeof l->text - l->length - 4; /* always room for "}\n" */

	if (n > room)
		n = room;
	memcpy(l->text + l->length, s, n);
	l->length += n;
}

/* A JSON string; a text that is too long for the line is cut, the line stays whole. */
static void put_string(struct line *l, const char *s)
{
	put(l, "\"", 1);
	for (; *s && l->length < sizeof l->text - 64; s++) {
		unsigned char c = (unsigned char)*s;
		char escaped[8];
		if (c == '"' || c == '\\') {
			escaped[0] = '\\';
			escaped[1] = (char)c;
			put(l, escaped, 2);
		} else if (c < 0x20 || c == 0x7f) {
			snprintf(escaped, sizeof escaped, "\\u%04x", c);
			put(l, escaped, 6);
		} else if (c < 0x80) {
			put(l, s, 1);
		} else {
			/* Outside bytes may be no UTF-8: each is shown by its number. */
			snprintf(escaped, sizeof escaped, "\\u%04x", c);
			put(l, escaped, 6);
		}
	}
	put(l, "\"", 1);
}

static void put_head(struct line *l, enum log_level level, const char *event)
{
	struct timespec now;
	struct tm tm;
	char stamp[80];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	size_t n = strftime(stamp, sizeof stamp, "{\"time\":\"%Y-%m-%dT%H:%M:%S", &tm);
	n += (size_t)snprintf(stamp + n, sizeof stamp - n,
			      ".%03ldZ\",\"level\":\"%s\",\"daemon\":", now.tv_nsec / 1000000,
			      level_names[level]);
	put(l, stamp, n);
	put_string(l, daemon_name);
	put(l, ",\"event\":", 9);
	put_string(l, event);
}

void log_fields(enum log_level level, const char *event, const struct log_field *fields)
{
	struct line l = {.length = 0};

	put_head(&l, level, event);
	for (; fields->name && l.length < sizeof l.text - 128; fields++) {
		put(&l, ",", 1);
		put_string(&l, fields->name);
		put(&l, ":", 1);
		if (fields->text) {
			put_string(&l, fields->text);
		} else {
			char number[24];
			int n = snprintf(number, sizeof number, "%" PRId64, fields->number);
			put(&l, number, (size_t)n);
		}
	}
	l.text[l.length++] = '}';
	l.text[l.length++] = '\n';
	ssize_t written = write(STDERR_FILENO, l.text, l.length);
	(void)written; /* nowhere to complain to */
}
