/* roaming -- what reaches a phone abroad, and what it says, arrives later
 *
 * Holds datagrams and radio frames for their time, in the order of it. Callers: phone_radio,
 * phone_heard. OWNERSHIP octets are copied in and borrowed for the callback; roaming_free frees
 * what waits. THREADS the loop's. ERRORS E_NOMEM
 */
#ifndef HATO_HANDSET_SIM_ROAMING_H
#define HATO_HANDSET_SIM_ROAMING_H

#include <stddef.h>
#include <stdint.h>

#include "lib/loop.h"

enum roaming_what { ROAMING_DATAGRAM, ROAMING_HEARD, ROAMING_SAID };

struct roaming;
/* tag: the caller's. */
typedef void roaming_arrived(void *arg, uint32_t phone, enum roaming_what what, unsigned tag,
			     const uint8_t *octets, size_t n);

int roaming_new(struct loop *loop, roaming_arrived *arrived, void *arg, struct roaming **out);
void roaming_free(struct roaming *r);
int roaming_hold(struct roaming *r, int64_t in_us, uint32_t phone, enum roaming_what what,
		 unsigned tag, const uint8_t *octets, size_t n);

#endif
