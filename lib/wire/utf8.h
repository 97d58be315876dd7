/* utf8 -- is this a character, and how long is it
 *
 * For parsers that let non-ASCII text in where an extension (SMTPUTF8, POP3 UTF8) allows it: no
 * overlong forms, no surrogates, nothing above U+10FFFF, and no control characters in any spelling
 * (C0, DEL, C1). Pure; any thread. SEE RFC 3629
 */
#ifndef HATO_LIB_WIRE_UTF8_H
#define HATO_LIB_WIRE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Octets (1..4) of the character at text[0..len); 0 if there is none, or it is malformed, cut short
 * or a control. */
size_t utf8_char_len(const char *text, size_t len);

/* All of text[0..len) is such characters, ASCII ones alone unless `with_utf8`. The empty text is.
 */
bool utf8_is_printable(const char *text, size_t len, bool with_utf8);

#endif
