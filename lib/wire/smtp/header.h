/* header -- the header block of a message, field by field, as it streams by
 *
 * For whoever reads or mends a header on the way through: octets go in as they come, however they
 * are cut, and a sink is told of each field when it is whole, then of the end. What a sink writes
 * on is its own business: the raw octets of all fields, and of what is told of as `more`, and then
 * what header_feed left, are the message again, byte for byte (less the empty line that ends the
 * header, which HEADER_EMPTY_LINE stands for).
 *
 *   field   a field, or a line that is none (name_len 0: no colon, a name with other octets than
 *           RFC 5322 allows, a first line that begins with a blank). Continuation lines are part of
 *           it. Over field_max octets it is told of when so much of it has come (is_cut); the rest
 *           goes to `more` and belongs to the field before, to be kept or dropped with it.
 *   end     once. HEADER_EMPTY_LINE: the rest is the body. HEADER_NO_BODY: the content ended first.
 *           HEADER_OVER: a limit was passed; what is unread may hold more fields that nobody looked
 *           at, maybe the rest of the last one, so refuse it or say that it was not seen.
 *
 * Only CR LF ends a line. A bare CR or LF is an octet of its line, as in smtp_data. `From : x`
 * (obsolete: blanks before the colon) is a field From.
 *
 * BOUNDS     one field at a time is held: at most 2 * field_max octets of memory; the work is
 * linear in the octets, with memchr from line to line OWNERSHIP  header_fini frees; what a sink is
 * told lives until it returns THREADS    any; a struct belongs to one ERRORS     E_NOMEM: the
 * struct is then over, as after HEADER_OVER, but `end` is not told TRUST      octets come off the
 * network: any SEE        RFC 5322 2.2, 2.2.3, 4.5.8; RFC 6532 3
 */
#ifndef HATO_LIB_WIRE_SMTP_HEADER_H
#define HATO_LIB_WIRE_SMTP_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct header_limits {
	size_t field_max;  /* octets that are held of one field */
	size_t octets_max; /* of the whole header */
	size_t fields_max;
};

struct header_field {
	const char *raw; /* with folding and line ends, as it came */
	size_t raw_len;
	const char *name; /* at the front of raw; case as written */
	size_t name_len;
	const char *value; /* unfolded: without its line ends, and without blanks at both ends */
	size_t value_len;
	bool is_cut; /* there is more of it */
};

enum header_end { HEADER_EMPTY_LINE, HEADER_NO_BODY, HEADER_OVER };

struct header_sink {
	void (*field)(void *arg, const struct header_field *field);
	void (*more)(void *arg, const char *octets, size_t n); /* null: not wanted */
	void (*end)(void *arg, enum header_end how);
};

struct header {
	struct header_limits limits;
	const struct header_sink *sink;
	void *arg;
	size_t fields, octets; /* so far; lines that are no fields count too */
	bool has_ended;

	char *raw, *value; /* from here on: its own */
	size_t len, room;
	int at;
};

/* The sink is borrowed. */
void header_init(struct header *h, const struct header_limits *limits,
		 const struct header_sink *sink, void *arg);
void header_fini(struct header *h);

/* *used octets of it were the header's: all, or up to the end of the header. After the end it uses
 * nothing. */
int header_feed(struct header *h, const uint8_t *in, size_t n, size_t *used);

/* The content is over: tells of what is still held, and of the end if there was none yet. */
int header_finish(struct header *h);

/* In any case of letters. */
bool header_is(const struct header_field *field, const char *name);

#endif
