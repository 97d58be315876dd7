/* pop_fetch -- one POP3 session of a phone: log in, take all that is there, delete it, quit
 *
 * From the phone's own address, with its token, in one of the login forms. Pipelines RETR, then
 * DELE and QUIT. Every message goes to `message` as it was sent (unstuffed). `ended` comes once,
 * unless the session is abandoned by pop_fetch_abandon.
 */
#ifndef HATO_HANDSET_SIM_POP_FETCH_H
#define HATO_HANDSET_SIM_POP_FETCH_H

#include "handset-sim/scenario.h"
#include "lib/addr.h"
#include "lib/loop.h"
#include "lib/tls.h"

enum fetch_end {
	FETCH_DONE,   /* QUIT was answered +OK: what was taken is deleted */
	FETCH_DENIED, /* -ERR [AUTH]: a new token is needed */
	FETCH_LATER,  /* [SYS/TEMP], [IN-USE], or the connection failed */
};

struct fetch_request {
	struct addr from, to;
	uint16_t port;
	struct tls_client *tls; /* POP3S; null: plain */
	enum login_form form;
	const char *login, *token; /* borrowed until the end */
	void (*message)(void *arg, const uint8_t *octets, size_t n);
	void (*ended)(void *arg, enum fetch_end end);
	void *arg;
};

struct pop_fetch;
int pop_fetch_start(struct loop *loop, const struct fetch_request *request, struct pop_fetch **out);
/* The phone is gone from the address: the connection is cut, no callback comes any more. */
void pop_fetch_abandon(struct pop_fetch *f);

#endif
