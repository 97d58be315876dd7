/* smpp_bind -- who may say what on a link, by its state
 *
 * One table: command, and the states in which an ESME and in which an SMSC may send it. Both ends
 * ask it before they send and when they receive; both move the state by what passed.
 *
 *     OPEN --bind_x_resp, status 0--> BOUND_x --unbind--> UNBOUND --unbind_resp--> CLOSED
 *
 * UNBOUND takes responses to what was asked before, and the other side's unbind, if both said it
 * at once. A request that came in the wrong state or from the wrong side is answered with the
 * status; a response is passed over.
 *
 * THREADS any: pure functions
 * SEE     SMPP 3.4 2.2, 2.3 (table 2-1); protocols 3.4
 */
#ifndef HATO_LIB_WIRE_SMPP_BIND_H
#define HATO_LIB_WIRE_SMPP_BIND_H

#include <stdbool.h>
#include <stdint.h>

enum smpp_bind_state {
	SMPP_OPEN, /* connected; outbind may have been said */
	SMPP_BOUND_TX,
	SMPP_BOUND_RX,
	SMPP_BOUND_TRX,
	SMPP_UNBOUND, /* unbind was said */
	SMPP_CLOSED
};

enum smpp_side { SMPP_ESME, SMPP_SMSC };

/* SMPP_ROK; SMPP_RALYBND: a bind on a bound link; SMPP_RINVBNDSTS; SMPP_RINVCMDID: no command. */
uint32_t smpp_bind_allows(enum smpp_bind_state state, enum smpp_side from, uint32_t id);
/* The state after that PDU, which was allowed, passed. */
enum smpp_bind_state smpp_bind_next(enum smpp_bind_state state, uint32_t id, uint32_t status);

bool smpp_bind_is_bound(enum smpp_bind_state state);
bool smpp_bind_is_bind(uint32_t id); /* one of the three requests */
/* "BOUND_TRX" */
const char *smpp_bind_state_name(enum smpp_bind_state state);

#endif
