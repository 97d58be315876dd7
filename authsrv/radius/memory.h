/* radius_memory -- requests that come again: those in flight, and the last answers
 *
 * RADIUS repeats what was not answered in time, with the same octets. A repetition of what is still
 * on its way to the store says nothing new; one of what was answered gets the same answer without a
 * second effect. Both bounded: in flight by the listener's limit, answers by number (the oldest
 * goes) and by age, since after a NAS's restart an equal packet may be a new request.
 *
 * A request is known by source address, source port, Identifier and authenticator (which is over
 * all its octets and the secret). Only requests that were verified come here.
 *
 * OWNERSHIP  the memory owns entries and answers; an entry is the caller's from radius_memory_begin
 *            until radius_memory_answer or radius_memory_forget
 * THREADS    its worker's. SEE RFC 2866 2, RFC 5080 2.2.2
 */
#ifndef HATO_AUTHSRV_RADIUS_MEMORY_H
#define HATO_AUTHSRV_RADIUS_MEMORY_H

#include "lib/addr.h"
#include "lib/wire/radius/radius.h"

struct radius_memory;
struct radius_entry;

struct radius_known {
	struct addr source;
	uint16_t port;
	uint8_t id;
	uint8_t authenticator[RADIUS_AUTHENTICATOR_LEN];
};

enum radius_seen {
	RADIUS_NEW,      /* *entry is the caller's */
	RADIUS_WAITING,  /* on its way */
	RADIUS_ANSWERED, /* *answer, *n: borrowed until the next call */
	RADIUS_FULL      /* as many in flight as may be, or no memory */
};

int radius_memory_new(size_t in_flight, size_t answers, int64_t keep_us,
		      struct radius_memory **out);
void radius_memory_free(struct radius_memory *m);

enum radius_seen radius_memory_begin(struct radius_memory *m, const struct radius_known *request,
				     int64_t now_us, struct radius_entry **entry,
				     const uint8_t **answer, size_t *n);
/* Keeps a copy of the answer; without memory for it the request is forgotten. */
void radius_memory_answer(struct radius_memory *m, struct radius_entry *e, const uint8_t *answer,
			  size_t n, int64_t now_us);
void radius_memory_forget(struct radius_memory *m, struct radius_entry *e);
size_t radius_memory_in_flight(const struct radius_memory *m);

#endif
