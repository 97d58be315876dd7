/* bearer -- the token of an Authorization field
 *
 * OWNERSHIP borrows from the header's text. TRUST any text. SEE RFC 6750 2.1, RFC 9110 11.6.2
 */
#ifndef HATO_AUTHSRV_BEARER_H
#define HATO_AUTHSRV_BEARER_H

#include <stdbool.h>
#include <stddef.h>

/* "Bearer TOKEN", the scheme in any case, TOKEN without spaces. authorization may be null. */
bool bearer_read(const char *authorization, const char **token, size_t *length);

#endif
