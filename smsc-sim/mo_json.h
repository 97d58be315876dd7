/* mo_json -- the body of POST /v1/mo: a short message as if a phone had sent it
 *
 *     {"source":"819012345678","destination":"2000","text":"hello"}
 *     {"source":"819012345678","destination":"2000","udh":"06050423f00b84","data":"01020304"}
 *
 * `text` becomes the 7-bit alphabet, or UCS-2 where it has other characters; `udh` and `data` are
 * hexadecimal, 8-bit data. Numbers are digits; a `+` before them may be written.
 *
 * TRUST any octets. OWNERSHIP values. THREADS any. ERRORS a static sentence: what is wrong with it
 */
#ifndef HATO_SMSC_SIM_MO_JSON_H
#define HATO_SMSC_SIM_MO_JSON_H

#include <stddef.h>
#include <stdint.h>

#define MO_NUMBER_MAX 21   /* with the NUL */
#define MO_OCTETS_MAX 4096 /* of the message, its header too: 15 parts and more */

struct mo {
	char source[MO_NUMBER_MAX], destination[MO_NUMBER_MAX];
	uint8_t octets[MO_OCTETS_MAX]; /* as SMPP carries it: the header first; septets one an octet
					*/
	size_t length;
	size_t udh_len;      /* of which are the header */
	uint8_t data_coding; /* 0, 4, 8 */
};

/* Null: taken; else what is wrong, and nothing is in `out` that means anything. */
const char *mo_json_read(const char *body, size_t length, struct mo *out);

#endif
