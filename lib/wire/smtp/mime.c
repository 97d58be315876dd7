#include "lib/wire/smtp/mime.h"

#include <string.h>

#include "lib/err.h"

static void give_up(struct mime *m)
{
	m->is_over = true;
}

/* ---- headers of parts ---- */

static void on_field(void *arg, const struct header_field *field)
{
	struct mime *m = arg;

	if (header_is(field, "Content-Type")) {
		if (m->has_type || field->is_cut)
			give_up(m);
		m->has_type = true;
		mime_type_read(field->value, field->value_len, &m->type);
	} else if (header_is(field, "Content-Transfer-Encoding")) {
		m->encoding = mime_encoding_read(field->value, field->value_len);
	}
}

static void begin_body(struct mime *m);

static void on_header_end(void *arg, enum header_end how)
{
	struct mime *m = arg;

	if (how == HEADER_EMPTY_LINE && !m->is_over)
		begin_body(m);
	else
		m->at = MIME_SKIP;
}

static const struct header_sink header_sink = {.field = on_field, .end = on_header_end};

static void end_header(struct mime *m)
{
	if (m->has_header)
		header_fini(&m->header);
	m->has_header = false;
}

/* A part, or a message in one. */
static void begin_header(struct mime *m, bool is_in_digest)
{
	const struct header_limits limits = {m->limits.field_max, SIZE_MAX, SIZE_MAX};

	end_header(m);
	if (++m->parts > m->limits.parts) {
		give_up(m);
		return;
	}
	m->type = (struct mime_type){.type = "text/plain"};
	if (is_in_digest)
		strcpy(m->type.type, "message/rfc822");
	m->encoding = MIME_PLAIN;
	m->has_type = false;
	header_init(&m->header, &limits, &header_sink, m);
	m->has_header = true;
	m->at = MIME_HEADER;
}

/* ---- bodies ---- */

static bool go_deeper(struct mime *m)
{
	if (m->depth >= m->limits.depth || m->depth >= MIME_DEPTH_MAX)
		give_up(m);
	else
		m->depth++;
	return !m->is_over;
}

static void begin_multipart(struct mime *m)
{
	struct mime_level *level = &m->levels[m->level_count];

	if (!go_deeper(m))
		return;
	m->level_count++;
	level->len = strlen(m->type.boundary);
	memcpy(level->boundary, m->type.boundary, level->len);
	level->depth = m->depth;
	level->is_digest = strcmp(m->type.type, "multipart/digest") == 0;
	m->at = MIME_SKIP;
}

static void begin_leaf(struct mime *m)
{
	m->at = m->sink->part(m->arg, &m->type) ? MIME_LEAF : MIME_SKIP;
	mime_decode_init(&m->decode, m->encoding);
}

static bool is_message(const char *type)
{
	return strcmp(type, "message/rfc822") == 0 || strcmp(type, "message/global") == 0 ||
	       strcmp(type, "message/news") == 0;
}

/* The header has ended; it may be inside of header_feed, so what begins a new one waits until that
 * has returned (feed_header). */
static void begin_body(struct mime *m)
{
	bool is_multipart = strncmp(m->type.type, "multipart/", 10) == 0;

	if (is_multipart && m->type.is_hidden) {
		give_up(m);
	} else if (is_multipart && m->type.boundary[0]) {
		begin_multipart(m);
	} else if (is_multipart || (is_message(m->type.type) && m->encoding != MIME_PLAIN)) {
		strcpy(m->type.type, "text/plain");
		begin_leaf(m);
	} else if (!is_message(m->type.type)) {
		begin_leaf(m);
	} else {
		go_deeper(m); /* and feed_header begins the message's header */
	}
}

static int feed_header(struct mime *m, const uint8_t *in, size_t n)
{
	size_t used = 0;
	int err = header_feed(&m->header, in, n, &used);

	if (err) {
		give_up(m);
		return err;
	}
	if (!m->header.has_ended || m->is_over)
		return 0;
	if (m->at == MIME_HEADER)
		begin_header(m, false);
	else
		end_header(m);
	return 0;
}

static void on_decoded(void *arg, const uint8_t *run, size_t n)
{
	struct mime *m = arg;

	m->sink->octets(m->arg, run, n);
}

/* A piece of one line that is no boundary. */
static int deliver(struct mime *m, const uint8_t *in, size_t n)
{
	if (m->at == MIME_HEADER)
		return feed_header(m, in, n);
	if (m->at == MIME_LEAF)
		mime_decode_feed(&m->decode, in, n, on_decoded, m);
	return 0;
}

/* ---- lines ---- */

/* The line is whole, or all of it that counts. */
static size_t trimmed(const uint8_t *line, size_t n)
{
	while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r' || line[n - 1] == ' ' ||
			 line[n - 1] == '\t'))
		n--;
	return n;
}

/* -1: it is none. */
static int find_level(const struct mime *m, bool *is_last)
{
	size_t n = trimmed(m->line, m->line_n);

	if (n < 2 || memcmp(m->line, "--", 2) != 0)
		return -1;
	for (size_t i = m->level_count; i-- > 0;) {
		const struct mime_level *level = &m->levels[i];
		if (n < 2 + level->len || memcmp(m->line + 2, level->boundary, level->len) != 0)
			continue;
		size_t rest = n - 2 - level->len;
		*is_last = rest == 2 && memcmp(m->line + n - 2, "--", 2) == 0;
		if (rest == 0 || *is_last)
			return (int)i;
	}
	return -1;
}

/* A boundary of an outer level ends all that is inside of it. */
static void cross_boundary(struct mime *m, size_t at, bool is_last)
{
	const struct mime_level *level = &m->levels[at];

	end_header(m);
	m->at = MIME_SKIP;
	m->depth = level->depth - is_last;
	m->level_count = at + !is_last;
	if (!is_last)
		begin_header(m, level->is_digest);
}

static int judge_line(struct mime *m)
{
	bool is_last = false;
	int level = find_level(m, &is_last);
	size_t n = m->line_n;

	m->line_n = 0;
	if (level < 0)
		return deliver(m, m->line, n);
	cross_boundary(m, (size_t)level, is_last);
	return 0;
}

/* Takes what it can of a line that begins like a boundary. */
static int hold(struct mime *m, const uint8_t *in, size_t n, size_t *used)
{
	size_t room = sizeof m->line - m->line_n, len = n < room ? n : room;
	const uint8_t *end = memchr(in, '\n', len);

	if (end)
		len = (size_t)(end - in) + 1;
	memcpy(m->line + m->line_n, in, len);
	m->line_n += len;
	*used = len;
	bool is_dashes = memcmp(m->line, "--", m->line_n < 2 ? m->line_n : 2) == 0;
	if (end) {
		m->line_at = MIME_LINE_BEGINS;
		return judge_line(m);
	}
	if (is_dashes && m->line_n < sizeof m->line)
		return 0;
	m->line_at = MIME_LINE_GOES_ON; /* too long, or none */
	n = m->line_n;
	m->line_n = 0;
	return deliver(m, m->line, n);
}

static int pass(struct mime *m, const uint8_t *in, size_t n, size_t *used)
{
	const uint8_t *end = memchr(in, '\n', n);

	*used = end ? (size_t)(end - in) + 1 : n;
	m->line_at = end ? MIME_LINE_BEGINS : MIME_LINE_GOES_ON;
	return deliver(m, in, *used);
}

/* Where no boundary can be met, lines are of no interest. */
static bool is_free(const struct mime *m)
{
	return m->level_count == 0 && m->at != MIME_HEADER;
}

int mime_feed(struct mime *m, const uint8_t *in, size_t n)
{
	int err = 0;

	while (n > 0 && !m->is_over && !err) {
		size_t used = n;
		if (is_free(m) && m->line_n == 0)
			return deliver(m, in, n);
		if (m->line_at == MIME_LINE_BEGINS && m->level_count > 0 && in[0] == '-')
			m->line_at = MIME_LINE_HELD;
		err = m->line_at == MIME_LINE_HELD ? hold(m, in, n, &used) : pass(m, in, n, &used);
		in += used;
		n -= used;
	}
	return err;
}

void mime_init(struct mime *m, const struct mime_limits *limits, const struct mime_sink *sink,
	       void *arg)
{
	memset(m, 0, sizeof *m);
	m->limits = *limits;
	m->sink = sink;
	m->arg = arg;
	begin_header(m, false);
}

int mime_finish(struct mime *m)
{
	int err = 0;

	if (m->line_n > 0 && !m->is_over)
		err = judge_line(m);
	if (m->at == MIME_HEADER && m->has_header && !m->is_over)
		err = err ? err : header_finish(&m->header);
	return err;
}

void mime_fini(struct mime *m)
{
	end_header(m);
}
