/* trigger_tally -- was a phone triggered more often than the schedule allows?
 *
 * Counts what each phone heard, by news: a mailbox's timestamp, which all repeats of one trigger
 * share. Of one news a phone may hear by UDP the first trigger and the repeats of pushsrv.retry,
 * and once more for each of its leases that was confirmed since; by SMS the first and the repeats
 * of pushsrv.sms_retry. An SMSC may deliver the same message twice: a TID that was heard for this
 * news by SMS already is a repeat of the network's and not of pushsrv's. And there are no more news
 * than mails that were sent.
 *
 * Callers: world and phones count, report judges. Pure: no I/O, the caller brings the time.
 * OWNERSHIP trigger_tally_free frees all. THREADS one. ERRORS what finds no memory makes the
 * verdict bad
 */
#ifndef HATO_HANDSET_SIM_TRIGGER_TALLY_H
#define HATO_HANDSET_SIM_TRIGGER_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum bearer { BEARER_UDP, BEARER_SMS, BEARERS };

struct trigger_limits {
	unsigned most[BEARERS]; /* of one news, without leases */
	int64_t apart_us;       /* two datagrams of one news, without a lease in between; 0: any */
};

struct tallied_phone;
struct trigger_tally {
	struct trigger_limits limits;
	struct tallied_phone *phones; /* owned */
	uint32_t phone_count;
	bool is_short; /* of memory */
};

struct trigger_verdict {
	uint64_t heard[BEARERS];
	uint64_t news, repeated_by_network;
	unsigned most[BEARERS]; /* of one news */
	uint64_t over[BEARERS]; /* news of which more was heard than allowed */
	uint64_t too_close;     /* datagrams */
	uint64_t over_mails;    /* phones with more news than mails */
	bool is_clean;
};

int trigger_tally_init(struct trigger_tally *t, uint32_t phones,
		       const struct trigger_limits *limits); /* E_NOMEM */
void trigger_tally_free(struct trigger_tally *t);

void trigger_tally_mail(struct trigger_tally *t,
			uint32_t phone); /* one is sent to it, or once more */
void trigger_tally_lease(struct trigger_tally *t, uint32_t phone); /* it confirmed a lease */
void trigger_tally_heard(struct trigger_tally *t, uint32_t phone, enum bearer by,
			 int64_t timestamp_s, uint8_t tid, int64_t now_us);
void trigger_tally_judge(const struct trigger_tally *t, struct trigger_verdict *out);

#endif
