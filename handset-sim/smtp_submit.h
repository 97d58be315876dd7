/* smtp_submit -- one submission session of a phone: log in, send its letters, quit
 *
 * From the phone's own address, with its token (AUTH PLAIN), letter by letter: `next` says which,
 * `answered` what became of it. `ended` comes once, unless the session is abandoned by
 * smtp_submit_abandon.
 */
#ifndef HATO_HANDSET_SIM_SMTP_SUBMIT_H
#define HATO_HANDSET_SIM_SMTP_SUBMIT_H

#include "handset-sim/letters.h"
#include "lib/addr.h"
#include "lib/loop.h"
#include "lib/tls.h"

enum submit_end {
	SUBMIT_DONE,
	SUBMIT_DENIED, /* AUTH or the binding: a new token is needed */
	SUBMIT_LATER   /* 4yz, or the connection failed */
};

struct submit_mail {
	char from[64], to[256];
	char octets[LETTER_MAX];
	size_t size;
};

struct submit_request {
	struct addr from, to;
	uint16_t port;
	struct tls_client *tls;                            /* from the first octet; null: plain */
	const char *login, *token;                         /* borrowed until the end */
	bool (*next)(void *arg, struct submit_mail *mail); /* false: no more */
	void (*answered)(void *arg, bool is_accepted, int64_t took_us);
	void (*ended)(void *arg, enum submit_end end);
	void *arg;
};

struct smtp_submit;
int smtp_submit_start(struct loop *loop, const struct submit_request *request,
		      struct smtp_submit **out);
/* The phone is gone from the address: the connection is cut, no callback comes any more. */
void smtp_submit_abandon(struct smtp_submit *s);

#endif
