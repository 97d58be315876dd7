/* base64 -- octets as text, and strictly back
 *
 * Two forms: BASE64_STD, the mail alphabet with its padding (SASL, MIME, HTTP bodies), and
 * BASE64_URL, the URL alphabet without padding (tokens, the trigger's MAC). Decoding takes exactly
 * what encoding gives: no line breaks, no foreign characters, no missing or extra padding, no set
 * bits behind the last octet. So two different texts never decode to the same octets, and a text
 * may be compared instead of what it stands for.
 *
 * OWNERSHIP  values; nothing to free. THREADS any. Not constant in time.
 * ERRORS     E_SYNTAX; E_TOO_LARGE: more octets than the buffer holds
 * SEE        RFC 4648 4 and 5, 3.5 (the bits behind the end)
 */
#ifndef HATO_LIB_WIRE_BASE64_H
#define HATO_LIB_WIRE_BASE64_H

#include <stddef.h>
#include <stdint.h>

/* Room for the text of n octets in either form with its NUL; for the octets of n characters. */
#define BASE64_TEXT_MAX(n)   (((n) + 2) / 3 * 4 + 1)
#define BASE64_OCTETS_MAX(n) ((n) / 4 * 3 + 2)

enum base64_form { BASE64_STD, BASE64_URL };

/* Writes the text and a NUL, at most BASE64_TEXT_MAX(len); returns the length without the NUL. */
size_t base64_encode(enum base64_form form, const void *data, size_t len, char *text);

/* All of text[0..len) into out[0..size); *out_len octets of it. */
int base64_decode(enum base64_form form, const char *text, size_t len, void *out, size_t size,
		  size_t *out_len);

#endif
