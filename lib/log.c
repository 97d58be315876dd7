#include "lib/log.h"

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

/* Decimal, with zeros in front up to `width`. A line has a dozen: printf would be half of its cost.
 */
static void put_number(struct line *l, int64_t value, int width)
{
	char digits[24];
	size_t at = sizeof digits;
	uint64_t rest = value < 0 ? -(uint64_t)value : (uint64_t)value;

	do {
		digits[--at] = (char)('0' + rest % 10);
		rest /= 10;
		width--;
	} while (rest || width > 0);
	if (value < 0)
		digits[--at] = '-';
	put(l, digits + at, sizeof digits - at);
}

static bool is_plain(unsigned char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void put_escaped(struct line *l, unsigned char c)
{
	char escaped[8];

	if (c == '"' || c == '\\') {
		escaped[0] = '\\';
		escaped[1] = (char)c;
		put(l, escaped, 2);
	} else {
		/* Outside bytes may be no UTF-8: each is shown by its number. */
		snprintf(escaped, sizeof escaped, "\\u%04x", c);
		put(l, escaped, 6);
	}
}

/* A JSON string; a text that is too long for the line is cut, the line stays whole. */
static void put_string(struct line *l, const char *s)
{
	put(l, "\"", 1);
	while (*s && l->length < sizeof l->text - 64) {
		size_t room = sizeof l->text - 64 - l->length, n = 0;

		while (n < room && is_plain((unsigned char)s[n]))
			n++;
		put(l, s, n);
		s += n;
		if (n == 0)
			put_escaped(l, (unsigned char)*s++);
	}
	put(l, "\"", 1);
}

static void put_text(struct line *l, const char *s)
{
	put(l, s, strlen(s));
}

static void put_time(struct line *l)
{
	struct timespec now;
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	const int parts[] = {tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
			     tm.tm_hour,        tm.tm_min,     tm.tm_sec};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		put_number(l, parts[i], 2);
		put(l, &"--T::."[i], 1);
	}
	put_number(l, now.tv_nsec / 1000000, 3);
	put_text(l, "Z");
}

static void put_head(struct line *l, enum log_level level, const char *event)
{
	put_text(l, "{\"time\":\"");
	put_time(l);
	put_text(l, "\",\"level\":\"");
	put_text(l, level_names[level]);
	put_text(l, "\",\"daemon\":");
	put_string(l, daemon_name);
	put_text(l, ",\"event\":");
	put_string(l, event);
}

void log_fields(enum log_level level, const char *event, const struct log_field *fields)
{
	struct line l; /* its text is written before it is read: not cleared */

	l.length = 0;
	put_head(&l, level, event);
	for (; fields->name && l.length < sizeof l.text - 128; fields++) {
		put(&l, ",", 1);
		put_string(&l, fields->name);
		put(&l, ":", 1);
		if (fields->text)
			put_string(&l, fields->text);
		else
			put_number(&l, fields->number, 1);
	}
	l.text[l.length++] = '}';
	l.text[l.length++] = '\n';
	ssize_t written = write(STDERR_FILENO, l.text, l.length);
	(void)written; /* nowhere to complain to */
}
