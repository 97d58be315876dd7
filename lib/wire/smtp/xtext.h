/* xtext -- the encoding of values in SMTP's DSN and AUTH parameters
 *
 * Visible ASCII but `+` and `=` stands for itself, any other octet is `+` and two upper case
 * hexadecimal digits. smtp_command decodes what clients say; an SMTP client encodes what it passes
 * on. Pure; any thread. SEE RFC 3461 4
 */
#ifndef HATO_LIB_WIRE_XTEXT_H
#define HATO_LIB_WIRE_XTEXT_H

#include <stdbool.h>
#include <stddef.h>

/* buf takes len octets and a NUL. E_SYNTAX: malformed, or it stands for a control character, or for
 * non-ASCII without `with_utf8`; buf is spoilt then. With it, raw UTF-8 (RFC 6533's unitext) passes
 * too. */
int xtext_decode(const char *text, size_t len, bool with_utf8, char *buf);

/* E_TOO_LARGE: it does not fit buf[size], NUL included. Three octets for one are the worst case. */
int xtext_encode(const char *text, char *buf, size_t size);

#endif
