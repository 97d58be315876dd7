/* radio -- what stands for the air between smsc-sim and the simulated phones
 *
 * A stream of frames: length (2 octets, of what follows) | kind (1) | length of the number (1) |
 * the phone's number in digits | payload. One connection carries any number of phones; when it
 * closes, all of its phones are detached. An attached number has one place: the newest ATTACH wins
 * and the connection that had it hears DETACH. The real air interface's signalling is far more;
 * what is the same here are the RP messages and the TPDUs in them, octet for octet.
 *
 * Called by smsc-sim and handset-sim.
 *
 * OWNERSHIP  a decoded frame's payload goes into the octets; encoding borrows. THREADS any.
 * TRUST      octets: any
 * ERRORS     E_AGAIN: the frame is not whole yet; E_SYNTAX: no frame: there is no way to find the
 *            next one, the connection must be closed; E_TOO_LARGE: does not fit
 * SEE        TS 24.011 (what RADIO_RP carries)
 */
#ifndef HATO_LIB_WIRE_RADIO_H
#define HATO_LIB_WIRE_RADIO_H

#include <stddef.h>
#include <stdint.h>

#define RADIO_NUMBER_MAX  15 /* digits, E.164 */
#define RADIO_PAYLOAD_MAX 300
#define RADIO_FRAME_MAX   (4 + RADIO_NUMBER_MAX + RADIO_PAYLOAD_MAX)

enum radio_kind {
	RADIO_ATTACH = 1,  /* phone to centre; payload: its IMSI's digits, or none */
	RADIO_DETACH = 2,  /* either way; no payload */
	RADIO_RP = 3,      /* either way; payload: an RP message */
	RADIO_ATTACHED = 4 /* centre to phone, answers ATTACH; payload: one octet, a cause */
};

/* What RADIO_ATTACHED says. */
enum radio_cause { RADIO_OK = 0, RADIO_FULL = 1, RADIO_BAD_IMSI = 2 };

struct radio_frame {
	enum radio_kind kind;
	char number[RADIO_NUMBER_MAX + 1];
	const uint8_t *payload;
	size_t payload_len;
};

/* E_SYNTAX: number or payload are not what this kind has. */
int radio_encode(const struct radio_frame *frame, uint8_t *out, size_t size, size_t *len);
/* The first frame of a stream's octets; *taken: what it used of them. */
int radio_decode(const uint8_t *octets, size_t len, struct radio_frame *out, size_t *taken);

#endif
