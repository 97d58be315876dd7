/* octets -- read and write binary fields inside fixed bounds
 *
 * A reader takes fields off the front of what is left; a take that does not fit says false and
 * takes nothing. A writer appends; the first append that does not fit sets is_full, and nothing is
 * written from then on, so only the end needs a check. For WSP and WBXML, whose numbers are both
 * uintvar (mb_u_int32): seven bits an octet, the highest group first, bit 7 = more follows, at most
 * five octets and 32 bits.
 *
 * OWNERSHIP  pointers go into the caller's buffer. THREADS any. TRUST a reader's octets: none
 * SEE        WAP-230 WSP 8.1.2 (uintvar), WAP-192 WBXML 5.1 (mb_u_int32)
 */
#ifndef HATO_LIB_WIRE_OCTETS_H
#define HATO_LIB_WIRE_OCTETS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct octets_reader {
	const uint8_t *at;
	size_t left;
};

struct octets_writer {
	uint8_t *at;
	size_t room; /* of the whole buffer */
	size_t len;  /* written */
	bool is_full;
};

bool octets_take(struct octets_reader *r, size_t len, const uint8_t **at);
bool octets_take_u8(struct octets_reader *r, uint8_t *value);
bool octets_take_u16(struct octets_reader *r, uint16_t *value); /* big endian, as the next */
bool octets_take_u32(struct octets_reader *r, uint32_t *value);
bool octets_take_uintvar(struct octets_reader *r, uint32_t *value);
/* Up to and over a NUL; *text is NUL-ended inside the buffer, *len without the NUL. */
bool octets_take_text(struct octets_reader *r, const char **text, size_t *len);

void octets_put(struct octets_writer *w, const void *data, size_t len);
void octets_put_u8(struct octets_writer *w, uint8_t value);
void octets_put_u16(struct octets_writer *w, uint16_t value); /* big endian, as the next */
void octets_put_u32(struct octets_writer *w, uint32_t value);
void octets_put_uintvar(struct octets_writer *w, uint32_t value);
void octets_put_text(struct octets_writer *w, const char *text); /* with its NUL */

#endif
