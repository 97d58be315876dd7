/* cfws -- comments of a structured header field, stepped over
 *
 * The readers of single fields (authres, mime_type) have their own blanks and tokens; what a
 * comment is, they share. Pure; any thread. SEE RFC 5322 3.2.2
 */
#ifndef HATO_LIB_WIRE_CFWS_H
#define HATO_LIB_WIRE_CFWS_H

#include <stdbool.h>

/* What is still to be read of a field's value. */
struct cfws {
	const char *at, *end;
};

/* At a `(`: steps over the comment; they nest, and a backslash quotes. False: it is not closed, and
 * reaches to the end. */
bool cfws_skip_comment(struct cfws *r);

#endif
