/* sms_reassembly -- parts of longer messages until they are whole
 *
 * One table for any number of phones. A message is known by the phone, the sender, the reference
 * and its width, and the total: parts that disagree about the total are two messages, of which one
 * cannot spoil the other. The same part again is a duplicate and changes nothing; a part whose
 * number is there with other octets (a reference that came round again) or another coding starts
 * the message anew with it: the newest word counts.
 *
 * What never completes is dropped when its first part is `age_us` old, or, oldest first, when there
 * are more than `messages_max` messages or `octets_max` octets (what the table itself takes for
 * them is counted).
 *
 * OWNERSHIP  the table holds copies; a whole message's body belongs to the table until its next
 *            call. THREADS one. TIME is the caller's, in microseconds, of any clock that does not
 *            run back. TRUST parts: any
 * ERRORS     of sms_reassembly_add:
 *            E_AGAIN: kept, others are missing; E_EXISTS: a duplicate; E_SYNTAX: the header is
 *            none; E_TOO_LARGE: this message alone is over octets_max, or the phone's number is
 *            none; E_NOMEM. What was there stays, but for E_TOO_LARGE.
 * SEE        TS 23.040 9.2.3.24.1, 9.2.3.24.8
 */
#ifndef HATO_LIB_WIRE_SMS_REASSEMBLY_H
#define HATO_LIB_WIRE_SMS_REASSEMBLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire/sms/addr.h"
#include "lib/wire/sms/data.h"
#include "lib/wire/sms/udh.h"

#define SMS_PHONE_MAX 15 /* digits of a phone's number */

struct sms_reassembly;

struct sms_reassembly_limits {
	size_t messages_max; /* 1.. */
	size_t octets_max;
	int64_t age_us;
};

struct sms_reassembly_counts {
	uint64_t whole, duplicates, restarted, expired, evicted;
	size_t messages, octets; /* now */
};

/* A whole message: septets, one an octet, or octets, by its coding. */
struct sms_whole {
	uint8_t dcs;
	bool has_ports;
	struct sms_ports ports;
	const uint8_t *body;
	size_t body_len;
};

struct sms_reassembly *sms_reassembly_new(const struct sms_reassembly_limits *limits);
void sms_reassembly_free(struct sms_reassembly *table);

/* 0: *out is whole, at once when the part is the whole message. */
int sms_reassembly_add(struct sms_reassembly *table, const char *phone, const struct sms_addr *from,
		       const struct sms_data *part, int64_t now_us, struct sms_whole *out);
/* Drops what is too old; sms_reassembly_add does so too. */
void sms_reassembly_expire(struct sms_reassembly *table, int64_t now_us);

struct sms_reassembly_counts sms_reassembly_counts(const struct sms_reassembly *table);

#endif
