#include "pushsrv/return_path.h"

#include <string.h>

static const char name[] = RETURN_PATH_NAME;

static void give_held(struct return_path *f, smtp_sink sink, void *arg)
{
	if (f->matched > 0)
		sink(arg, f->held, f->matched);
	f->matched = 0;
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c - 'A' + 'a') : c;
}

/* One octet of what may be the name of a field. False: it is not, the octet is to be looked at
 * again. */
static bool match(struct return_path *f, uint8_t c)
{
	bool is_first = f->matched == 0;

	if (is_first && (c == '\r' || c == '\n')) {
		f->state = RETURN_PATH_BODY;
		return false;
	}
	if (is_first && f->is_dropping && (c == ' ' || c == '\t')) {
		f->state = RETURN_PATH_DROP;
		return false;
	}
	f->is_dropping = false;
	if (lower(c) != (uint8_t)name[f->matched]) {
		f->state = RETURN_PATH_KEEP;
		return false;
	}
	f->held[f->matched++] = c;
	if (f->matched == sizeof f->held) {
		f->matched = 0;
		f->is_dropping = true;
		f->state = RETURN_PATH_DROP;
	}
	return true;
}

/* The octets up to the end of the line, or all of them. */
static size_t rest_of_line(struct return_path *f, const uint8_t *in, size_t n)
{
	const uint8_t *end = memchr(in, '\n', n);

	if (!end)
		return n;
	f->state = RETURN_PATH_NAMING;
	return (size_t)(end - in) + 1;
}

void return_path_feed(struct return_path *f, const uint8_t *in, size_t n, smtp_sink sink, void *arg)
{
	size_t used;

	for (; n > 0; in += used, n -= used) {
		switch (f->state) {
		case RETURN_PATH_NAMING:
			used = match(f, *in);
			if (used == 0)
				give_held(f, sink, arg);
			break;
		case RETURN_PATH_KEEP:
			used = rest_of_line(f, in, n);
			sink(arg, in, used);
			break;
		case RETURN_PATH_DROP:
			used = rest_of_line(f, in, n);
			break;
		case RETURN_PATH_BODY:
		default:
			used = n;
			sink(arg, in, n);
		}
	}
}

void return_path_finish(struct return_path *f, smtp_sink sink, void *arg)
{
	give_held(f, sink, arg);
}
