/* idn -- domains with non-ASCII letters, as DNS has them
 *
 * A domain of an SMTPUTF8 address becomes A-labels (`xn--...`) in lower case; one that is ASCII
 * already is only put into lower case. The one place where libidn2 is used. Pure; any thread.
 * ERRORS E_SYNTAX: no such name can be looked up; E_NOMEM. SEE RFC 5891, UTS 46, RFC 8616
 */
#ifndef HATO_LIB_IDN_H
#define HATO_LIB_IDN_H

#include <stddef.h>

int idn_to_ascii(const char *domain, char *out, size_t size);
/* The other way: A-labels become letters (UTF-8). */
int idn_to_unicode(const char *domain, char *out, size_t size);

#endif
