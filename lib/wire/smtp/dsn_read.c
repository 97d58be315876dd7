/* A notice of another mail system, read: the part of the report that is for programs is looked for
 * among the parts of a multipart, then taken block by block. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/err.h"
#include "lib/wire/smtp/dsn.h"
#include "lib/wire/smtp/header.h"

#define DEPTH_MAX    4 /* of multiparts in each other */
#define PARTS_MAX    100
#define BLOCKS_MAX   10000 /* recipients */
#define FIELD_MAX    4096
#define FIELDS_MAX   1000
#define TYPE_MAX     80
#define BOUNDARY_MAX 200 /* RFC 2046 5.1.1 has 70 */

struct reading {
	const struct dsn_listener *listener;
	void *arg;
	size_t parts;  /* looked at so far */
	bool is_found; /* the report: the mail was told of */
};

struct span {
	const uint8_t *at;
	size_t n;
};

/* ---- a header ---- */

struct fields {
	void (*each)(void *arg, const struct header_field *field);
	void *arg;
};

static void on_field(void *arg, const struct header_field *field)
{
	const struct fields *f = arg;

	if (field->name_len > 0)
		f->each(f->arg, field);
}

static void on_end(void *arg, enum header_end how)
{
	(void)arg;
	(void)how;
}

/* *used: up to behind the empty line. */
static int read_header(struct span in, void (*each)(void *arg, const struct header_field *field),
		       void *arg, size_t *used)
{
	static const struct header_sink sink = {.field = on_field, .end = on_end};
	const struct header_limits limits = {
		.field_max = FIELD_MAX, .octets_max = in.n, .fields_max = FIELDS_MAX};
	struct fields f = {each, arg};
	struct header h;

	header_init(&h, &limits, &sink, &f);
	int err = header_feed(&h, in.at, in.n, used);
	if (!err)
		err = header_finish(&h);
	header_fini(&h);
	return err;
}

/* ---- what kind of part it is ---- */

struct part {
	char type[TYPE_MAX]; /* lower case, without parameters */
	char boundary[BOUNDARY_MAX];
	char message_id[DSN_VALUE_MAX + 1];
};

static void copy(char *to, size_t room, const char *from, size_t n)
{
	if (n >= room)
		n = room - 1;
	memcpy(to, from, n);
	to[n] = '\0';
}

static void lower(char *text)
{
	for (; *text; text++)
		if (*text >= 'A' && *text <= 'Z')
			*text = (char)(*text - 'A' + 'a');
}

/* One parameter's value, quoted or not: *end is behind it. */
static void read_value(const char *at, const char *limit, char *out, size_t room, const char **end)
{
	size_t n = 0;
	bool is_quoted = at < limit && *at == '"';

	for (at += is_quoted; at < limit; at++) {
		if (is_quoted ? *at == '"' : *at == ';' || *at == ' ' || *at == '\t')
			break;
		if (is_quoted && *at == '\\' && at + 1 < limit)
			at++;
		if (n + 1 < room)
			out[n++] = *at;
	}
	out[n] = '\0';
	*end = at;
}

static void read_parameters(const char *at, const char *limit, struct part *p)
{
	char value[BOUNDARY_MAX];

	while ((at = memchr(at, ';', (size_t)(limit - at)))) {
		at++;
		while (at < limit && (*at == ' ' || *at == '\t'))
			at++;
		const char *equals = memchr(at, '=', (size_t)(limit - at));
		if (!equals)
			return;
		bool is_boundary = equals - at == 8 && strncasecmp(at, "boundary", 8) == 0;
		read_value(equals + 1, limit, value, sizeof value, &at);
		if (is_boundary)
			memcpy(p->boundary, value, sizeof p->boundary);
	}
}

static void note_part(void *arg, const struct header_field *field)
{
	struct part *p = arg;

	if (header_is(field, "Message-ID")) {
		copy(p->message_id, sizeof p->message_id, field->value, field->value_len);
		return;
	}
	if (!header_is(field, "Content-Type"))
		return;
	size_t n = 0;
	while (n < field->value_len && !strchr("; \t", field->value[n]))
		n++;
	copy(p->type, sizeof p->type, field->value, n);
	lower(p->type);
	read_parameters(field->value + n, field->value + field->value_len, p);
}

/* ---- the report ---- */

struct block {
	struct dsn_of_mail mail;
	struct dsn_of_recipient recipient;
	bool has_mail, has_recipient;
};

/* "type; text", the text without < > and blanks around it. */
static void split(const struct header_field *field, struct dsn_value *out)
{
	const char *at = field->value, *limit = at + field->value_len;
	const char *semicolon = memchr(at, ';', field->value_len);

	if (semicolon) {
		size_t n = (size_t)(semicolon - at);
		while (n > 0 && (at[n - 1] == ' ' || at[n - 1] == '\t'))
			n--;
		copy(out->type, sizeof out->type, at, n);
		lower(out->type);
		at = semicolon + 1;
	}
	while (at < limit && (*at == ' ' || *at == '\t'))
		at++;
	if (limit - at >= 2 && *at == '<' && limit[-1] == '>') {
		at++;
		limit--;
	}
	copy(out->text, sizeof out->text, at, (size_t)(limit - at));
}

static enum dsn_action action_of(const struct header_field *field)
{
	for (enum dsn_action a = 0; a < DSN_ACTIONS; a++) {
		const char *word = dsn_action_word(a);
		size_t n = strlen(word);
		if (field->value_len >= n && strncasecmp(field->value, word, n) == 0)
			return a;
	}
	return DSN_ACTIONS;
}

static void note_status(void *arg, const struct header_field *field)
{
	struct block *b = arg;
	struct dsn_of_recipient *r = &b->recipient;

	if (header_is(field, "Reporting-MTA")) {
		split(field, &b->mail.reporter);
		b->has_mail = true;
	} else if (header_is(field, "Original-Envelope-Id")) {
		copy(b->mail.envid, sizeof b->mail.envid, field->value, field->value_len);
	} else if (header_is(field, "Arrival-Date")) {
		copy(b->mail.arrival, sizeof b->mail.arrival, field->value, field->value_len);
	} else if (header_is(field, "Final-Recipient")) {
		split(field, &r->final);
		b->has_recipient = true;
	} else if (header_is(field, "Original-Recipient")) {
		split(field, &r->original);
	} else if (header_is(field, "Action")) {
		r->action = action_of(field);
	} else if (header_is(field, "Status")) {
		size_t n = 0;
		while (n < field->value_len && strchr("0123456789.", field->value[n]))
			n++;
		copy(r->status, sizeof r->status, field->value, n);
	} else if (header_is(field, "Remote-MTA")) {
		split(field, &r->remote);
	} else if (header_is(field, "Diagnostic-Code")) {
		split(field, &r->diagnostic);
	}
}

static void tell(struct reading *r, const struct block *b)
{
	if (!r->is_found && (b->has_mail || b->has_recipient)) {
		r->is_found = true;
		r->listener->mail(r->arg, &b->mail);
	}
	if (b->has_recipient)
		r->listener->recipient(r->arg, &b->recipient);
}

/* Blocks with an empty line between them: the first tells of the mail, the others of a recipient
 * each. */
static int read_status(struct reading *r, struct span in)
{
	struct block *b = malloc(sizeof *b);
	int err = b ? 0 : E_NOMEM;

	for (size_t i = 0; !err && in.n > 0 && i < BLOCKS_MAX; i++) {
		size_t used = 0;
		memset(b, 0, sizeof *b);
		b->recipient.action = DSN_ACTIONS;
		err = read_header(in, note_status, b, &used);
		if (!err)
			tell(r, b);
		in.at += used;
		in.n -= used;
		if (used == 0)
			break;
	}
	free(b);
	return err;
}

/* ---- parts ---- */

static int read_part(struct reading *r, struct span in, size_t depth, bool is_report);

/* Where the next delimiter line begins, with the line end before it; *behind: the line after it. */
static const uint8_t *find_delimiter(struct span in, const char *boundary, const uint8_t **behind,
				     bool *is_last)
{
	const uint8_t *at = in.at, *end = in.at + in.n;
	size_t n = strlen(boundary);

	while (at < end) {
		const uint8_t *lf = memchr(at, '\n', (size_t)(end - at));
		const uint8_t *next = lf ? lf + 1 : end;
		size_t len = (size_t)(next - at);
		if (len >= n + 2 && at[0] == '-' && at[1] == '-' &&
		    memcmp(at + 2, boundary, n) == 0) {
			*behind = next;
			*is_last = len >= n + 4 && at[n + 2] == '-' && at[n + 3] == '-';
			return at;
		}
		at = next;
	}
	*behind = end;
	*is_last = true;
	return end;
}

static int read_parts(struct reading *r, struct span in, const struct part *p, size_t depth)
{
	bool is_report = strcmp(p->type, "multipart/report") == 0;
	const uint8_t *end = in.at + in.n, *behind;
	bool is_last = false;
	int err = 0;

	find_delimiter(in, p->boundary, &behind, &is_last);
	while (!err && !is_last && r->parts++ < PARTS_MAX) {
		const uint8_t *at = behind;
		const uint8_t *stop = find_delimiter((struct span){at, (size_t)(end - at)},
						     p->boundary, &behind, &is_last);
		err = read_part(r, (struct span){at, (size_t)(stop - at)}, depth, is_report);
	}
	return err;
}

static bool is_one_of(const char *type, const char *a, const char *b, const char *c, const char *d)
{
	return strcmp(type, a) == 0 || strcmp(type, b) == 0 || strcmp(type, c) == 0 ||
	       strcmp(type, d) == 0;
}

struct original {
	struct reading *reading;
	struct part part;
};

static void note_original(void *arg, const struct header_field *field)
{
	struct original *o = arg;
	const struct reading *r = o->reading;

	note_part(&o->part, field);
	if (r->is_found && r->listener->field)
		r->listener->field(r->arg, field);
}

static int read_original(struct reading *r, struct span in)
{
	struct original o = {.reading = r};
	size_t used;
	int err = read_header(in, note_original, &o, &used);

	if (!err && r->is_found && *o.part.message_id)
		r->listener->message_id(r->arg, o.part.message_id);
	return err;
}

static int read_part(struct reading *r, struct span in, size_t depth, bool is_report)
{
	struct part p = {0};
	size_t used = 0;
	int err = read_header(in, note_part, &p, &used);
	const struct span body = {in.at + used, in.n - used};

	if (err)
		return err;
	if (strncmp(p.type, "multipart/", 10) == 0)
		return *p.boundary && depth < DEPTH_MAX ? read_parts(r, body, &p, depth + 1) : 0;
	if (!is_report)
		return 0;
	if (strcmp(p.type, "message/delivery-status") == 0 ||
	    strcmp(p.type, "message/global-delivery-status") == 0)
		return r->is_found ? 0 : read_status(r, body);
	if (is_one_of(p.type, "message/rfc822", "text/rfc822-headers", "message/global",
		      "message/global-headers"))
		return read_original(r, body);
	return 0;
}

int dsn_read(const uint8_t *octets, size_t n, const struct dsn_listener *listener, void *arg)
{
	struct reading r = {.listener = listener, .arg = arg};
	int err = read_part(&r, (struct span){octets, n}, 0, false);

	if (err)
		return err;
	return r.is_found ? 0 : E_NOT_FOUND;
}
