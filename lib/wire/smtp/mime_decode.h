/* mime_decode -- a part's body out of base64 or quoted-printable, as it streams by
 *
 * Lenient as mail programs are: in base64 what is not of the alphabet is skipped and padding may
 * stand in the middle; in quoted-printable what is no escape is itself.
 *
 * OWNERSHIP  values; a run lives until the sink returns. THREADS any; a struct belongs to one
 * TRUST      any octets. SEE RFC 2045 6.7, 6.8
 */
#ifndef HATO_LIB_WIRE_SMTP_MIME_DECODE_H
#define HATO_LIB_WIRE_SMTP_MIME_DECODE_H

#include <stdint.h>

#include "lib/wire/smtp/data.h"
#include "lib/wire/smtp/mime_type.h"

struct mime_decode {
	enum mime_encoding encoding;
	uint32_t bits;   /* base64: not given out yet, */
	unsigned count;  /* so many characters of four */
	uint8_t held[3]; /* quoted: an escape that has begun */
	size_t held_n;
};

void mime_decode_init(struct mime_decode *d, enum mime_encoding encoding);
void mime_decode_feed(struct mime_decode *d, const uint8_t *in, size_t n, smtp_sink sink,
		      void *arg);

#endif
