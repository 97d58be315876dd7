#include <event2/buffer.h>
#include <stdlib.h>

#include "lib/conn_private.h"
#include "lib/err.h"

static struct evbuffer *conn_input(const struct conn *c)
{
	return c->state == CONN_OPEN ? c->in : NULL;
}

size_t conn_waiting(const struct conn *c)
{
	struct evbuffer *in = conn_input(c);

	return in ? evbuffer_get_length(in) : 0;
}

void conn_take(struct conn *c, size_t n)
{
	struct evbuffer *in = conn_input(c);

	if (!in)
		return;
	evbuffer_drain(in, n);
	c->scanned = c->scanned > n ? c->scanned - n : 0;
	conn_room_made(c);
}

/* A session that wants more at once than we hold of a peer may have it. */
static void conn_raise_cap(struct conn *c, size_t want)
{
	if (want <= c->input_cap)
		return;
	c->input_cap = want;
	conn_room_made(c);
}

const uint8_t *conn_peek(struct conn *c, size_t want, size_t *n)
{
	struct evbuffer *in = conn_input(c);
	size_t have = conn_waiting(c);

	*n = 0;
	if (!in)
		return NULL;
	conn_raise_cap(c, want);
	if (have > want)
		have = want;
	if (!have)
		return NULL;
	const uint8_t *octets = evbuffer_pullup(in, (ev_ssize_t)have);
	if (octets)
		*n = have;
	return octets;
}

/* Where the first line feed is; false: none in what is there. */
static bool conn_find_lf(struct conn *c, struct evbuffer *in, size_t *at)
{
	struct evbuffer_ptr from, found;
	size_t have = evbuffer_get_length(in);

	if (c->scanned >= have || evbuffer_ptr_set(in, &from, c->scanned, EVBUFFER_PTR_SET))
		return false;
	found = evbuffer_search(in, "\n", 1, &from);
	if (found.pos < 0) {
		c->scanned = have;
		return false;
	}
	*at = (size_t)found.pos;
	return true;
}

static int conn_no_line(struct conn *c, struct evbuffer *in, size_t limit)
{
	size_t have = evbuffer_get_length(in);
	bool too_large = have > limit + 1; /* one of them may be the CR */

	free(c->line);
	c->line = NULL;
	c->line_size = 0;
	if (!too_large && !c->skipping) {
		conn_raise_cap(c, limit + 2);
		return E_AGAIN;
	}
	evbuffer_drain(in, have);
	c->scanned = 0;
	conn_room_made(c);
	if (c->skipping)
		return E_AGAIN;
	c->skipping = true;
	return E_TOO_LARGE;
}

/* The first `n` octets, the last of which is the line feed, are the line's. */
static int conn_copy_line(struct conn *c, struct evbuffer *in, size_t n)
{
	if (c->line_size < n) {
		char *grown = realloc(c->line, n);

		if (!grown) {
			conn_abort(c);
			return E_AGAIN;
		}
		c->line = grown;
		c->line_size = n;
	}
	evbuffer_remove(in, c->line, n);
	c->scanned = 0;
	conn_room_made(c);
	return 0;
}

int conn_line(struct conn *c, size_t limit, char **line, size_t *length, bool *bare_lf)
{
	struct evbuffer *in = conn_input(c);
	size_t at;

	if (!in)
		return E_AGAIN;
	if (c->skipping && conn_find_lf(c, in, &at)) {
		conn_take(c, at + 1);
		c->scanned = 0;
		c->skipping = false;
	}
	if (c->skipping || !conn_find_lf(c, in, &at))
		return conn_no_line(c, in, limit);
	if (at > limit + 1) {
		conn_take(c, at + 1);
		c->scanned = 0;
		return E_TOO_LARGE;
	}
	int rc = conn_copy_line(c, in, at + 1);
	if (rc)
		return rc;
	bool crlf = at && c->line[at - 1] == '\r';
	if (at - crlf > limit)
		return E_TOO_LARGE;
	c->line[at - crlf] = '\0';
	*line = c->line;
	*length = at - crlf;
	if (bare_lf)
		*bare_lf = !crlf;
	return 0;
}
