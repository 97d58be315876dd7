/* mime -- the parts of a message as it streams by
 *
 * For who looks into a mail (smtpgw/door: is there a URL?). Octets go in as they come, however they
 * are cut; the sink is told of each part that is a leaf, and, if it wants it, given its body,
 * decoded. multipart parts and messages inside of messages are gone into.
 *
 * A walk has limits, so that a tree 10,000 deep costs what its first few lines cost. Over them, or
 * where mail programs would not agree about what is a part (two Content-Types, a boundary in
 * pieces), it gives up: `is_over`, and nothing more is told. Whoever wants to be safe takes that
 * for what he fears.
 *
 * The line end before a boundary is given as part of the body. A part without Content-Type is
 * text/plain, in a digest message/rfc822; a message in base64 or quoted-printable, which there must
 * not be, is given as text/plain, decoded. Encoded multiparts are walked as they stand.
 *
 * OWNERSHIP  mime_fini frees; what a sink is told lives until it returns
 * THREADS    any; a struct belongs to one
 * BOUNDS     the struct, and 2 * field_max octets for a header; linear in the octets
 * ERRORS     E_NOMEM, after which it is over
 * TRUST      any octets
 * SEE        RFC 2045, 2046 5.1, 5.2.1
 */
#ifndef HATO_LIB_WIRE_SMTP_MIME_H
#define HATO_LIB_WIRE_SMTP_MIME_H

#include "lib/wire/smtp/header.h"
#include "lib/wire/smtp/mime_decode.h"

#define MIME_DEPTH_MAX 32

struct mime_limits {
	size_t depth; /* of multiparts and messages inside of each other; up to MIME_DEPTH_MAX */
	size_t parts; /* leaves or not */
	size_t field_max; /* octets of a header field */
};

struct mime_sink {
	/* A leaf begins. True: its body is wanted. */
	bool (*part)(void *arg, const struct mime_type *type);
	/* Of the body, decoded. */
	void (*octets)(void *arg, const uint8_t *octets, size_t n);
};

struct mime {
	const struct mime_sink *sink;
	void *arg;
	bool is_over; /* it gave up: not all was seen */

	struct mime_limits limits; /* from here on: its own */
	enum { MIME_HEADER, MIME_SKIP, MIME_LEAF } at;
	struct header header;
	struct mime_type type; /* of the part whose header it is */
	enum mime_encoding encoding;
	bool has_type, has_header;
	size_t parts, depth;
	struct mime_level {
		char boundary[MIME_BOUNDARY_MAX + 1];
		size_t len, depth;
		bool is_digest;
	} levels[MIME_DEPTH_MAX]; /* the multiparts that are open */
	size_t level_count;
	struct mime_decode decode;
	/* What may be a boundary: of a line that began with '-'. */
	uint8_t line[2 + MIME_BOUNDARY_MAX + 2 + 64];
	size_t line_n;
	enum { MIME_LINE_BEGINS, MIME_LINE_HELD, MIME_LINE_GOES_ON } line_at;
};

/* The sink is borrowed. */
void mime_init(struct mime *m, const struct mime_limits *limits, const struct mime_sink *sink,
	       void *arg);
void mime_fini(struct mime *m);
int mime_feed(struct mime *m, const uint8_t *in, size_t n);
/* The message is over. */
int mime_finish(struct mime *m);

#endif
