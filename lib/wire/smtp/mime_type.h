/* mime_type -- Content-Type and Content-Transfer-Encoding, as far as a walk over the parts needs
 * them
 *
 * Lenient as mail programs are: comments and blanks anywhere, names in any case, parameters quoted
 * or not. What cannot be read is text/plain (RFC 2045 5.2).
 *
 * OWNERSHIP  values. THREADS any. TRUST the value of a field off the network: any octets. Linear
 * SEE        RFC 2045 5.1, 6.1; RFC 2046 5.1.1; RFC 2231 3, 4
 */
#ifndef HATO_LIB_WIRE_SMTP_MIME_TYPE_H
#define HATO_LIB_WIRE_SMTP_MIME_TYPE_H

#include <stdbool.h>
#include <stddef.h>

#define MIME_WORD_MAX     64  /* of a type, a character set; what is longer is cut */
#define MIME_BOUNDARY_MAX 200 /* RFC 2046 has 70 */

struct mime_type {
	char type[MIME_WORD_MAX + 1]; /* "text/html", in lower case */
	char charset[MIME_WORD_MAX + 1];
	char boundary[MIME_BOUNDARY_MAX + 1]; /* "": none */
	bool is_hidden; /* a boundary that is too long, or in pieces (RFC 2231): one that not all
			   see */
};

enum mime_encoding { MIME_PLAIN, MIME_BASE64, MIME_QUOTED };

void mime_type_read(const char *value, size_t n, struct mime_type *out);
enum mime_encoding mime_encoding_read(const char *value, size_t n);

#endif
