/* smpp_layout -- the table of commands: which fields a body has, in which order, how long
 *
 * Only for smpp_pdu.c, which walks it to decode and to encode, and smpp_list.c. A row names the
 * place in struct smpp_pdu, the bound, and the status that a value of a wrong form is answered
 * with.
 *
 * THREADS any. SEE SMPP 3.4 4.1 to 4.12
 */
#ifndef HATO_LIB_WIRE_SMPP_LAYOUT_H
#define HATO_LIB_WIRE_SMPP_LAYOUT_H

#include "lib/wire/octets.h"
#include "lib/wire/smpp/smpp.h"

enum smpp_field_kind {
	SMPP_FIELD_END,
	SMPP_FIELD_U8,
	SMPP_FIELD_TEXT,         /* ASCII and a NUL, `size` at most together */
	SMPP_FIELD_TIME,         /* a text, empty or of 16 characters that are a time */
	SMPP_FIELD_SHORT,        /* sm_length and short_message, a span */
	SMPP_FIELD_DESTINATIONS, /* number_of_dests and they themselves, a list */
	SMPP_FIELD_UNSUCCESSFUL  /* no_unsuccess and they themselves, a list */
};

struct smpp_field {
	uint8_t kind, size;
	uint16_t offset; /* in struct smpp_pdu */
	uint16_t status; /* enum smpp_status */
};

struct smpp_layout {
	uint32_t id;
	bool strict; /* an ESME sends it: its TLVs have the standard's lengths */
	const char *name;
	const struct smpp_field *fields;
};

/* Null: there is no such command. */
const struct smpp_layout *smpp_layout_of(uint32_t id);

/* A text of at most `size` octets with its NUL, all ASCII; false takes or puts nothing. */
bool smpp_take_text(struct octets_reader *r, size_t size, char *out);
bool smpp_put_text(struct octets_writer *w, size_t size, const char *text);

/* One entry of a list: SMPP_ROK, or the status for a malformed one. */
uint32_t smpp_take_destination(struct octets_reader *r, struct smpp_destination *out);
uint32_t smpp_take_unsuccessful(struct octets_reader *r, struct smpp_unsuccessful *out);

#endif
