/* held_session -- a POP3 session that is left open while its address goes to somebody else
 *
 * Logs in with a token, asks how much there is, and waits. When the address is another's it goes on
 * reading: whatever comes then comes to a stranger. held_session_read makes it go on. `ended` comes
 * once; `message` for every message that was read after all. OWNERSHIP held_session_free at any
 * time
 */
#ifndef HATO_HANDSET_SIM_HELD_SESSION_H
#define HATO_HANDSET_SIM_HELD_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/loop.h"

struct held_session;

struct held_request {
	struct addr from, to;
	uint16_t port;
	const char *token;                           /* borrowed for held_session_start */
	void (*holds)(void *arg, unsigned messages); /* logged in */
	void (*message)(void *arg, const uint8_t *octets, size_t n);
	void (*ended)(void *arg, bool was_cut); /* cut: before it had read anything */
	void *arg;
};

int held_session_start(struct loop *loop, const struct held_request *r, struct held_session **out);
void held_session_read(struct held_session *l);
void held_session_free(struct held_session *l);

#endif
