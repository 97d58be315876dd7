/* trigger_tally -- was a phone triggered more often than the schedule allows?
 *
 * Counts what each phone heard, by news: a mailbox's timestamp, which all repeats of one trigger
 * share. What the schedule allows until a moment follows from the time since the news came, since
 * whatever a phone hears was sent before:
 *
 *     UDP   the first datagram and one for each gap of pushsrv.retry that has passed, as many over
 *           again for each lease that the phone has claimed since, and one more for each
 *           death of pushsrv since: what it logged last may not have left, and goes at once
 *     SMS   the first message and one for each gap of pushsrv.sms_retry, the last one repeating
 *     both  as long as the mailbox is not read, one in each coalescing time; and no more news than
 *           mails that were sent
 *
 * An SMSC may deliver a message twice: a TID that was heard for this news by SMS already is the
 * network's repeat, not pushsrv's. A timestamp has whole seconds and may run ahead of the clock by
 * one for each other news of its second: TALLY_SLACK_US is allowed for, and news that was heard has
 * come.
 *
 * Callers: ledger and phones count, the day judges. Pure: the caller brings monotonic times.
 * OWNERSHIP trigger_tally_free frees all. THREADS one. ERRORS what finds no memory makes the
 * verdict bad. SEE docs/sms.md
 */
#ifndef HATO_HANDSET_SIM_TRIGGER_TALLY_H
#define HATO_HANDSET_SIM_TRIGGER_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/rules/schedule.h"

#define TALLY_GAPS_MAX 16
#define TALLY_SLACK_US INT64_C(2000000)

struct trigger_gaps {
	int64_t us[TALLY_GAPS_MAX];
	size_t count;
	bool repeats_last;
	int64_t coalesce_us; /* 0: not judged */
};

struct trigger_limits {
	struct trigger_gaps by[BEARERS];
	int64_t clock_ahead_us; /* Unix time less the monotonic one */
};

struct tallied_phone;
struct trigger_tally {
	struct trigger_limits limits;
	struct tallied_phone *phones; /* owned */
	uint32_t phone_count;
	uint32_t deaths; /* of pushsrv */
	bool is_short;   /* of memory */
};

struct trigger_verdict {
	uint64_t heard[BEARERS]; /* without the network's repeats */
	uint64_t news, repeated_by_network;
	uint32_t most[BEARERS];      /* of one news */
	uint64_t over[BEARERS];      /* news of which more was heard than allowed */
	uint64_t too_dense[BEARERS]; /* phones that heard more than coalescing allows */
	uint64_t over_mails;         /* phones with more news than mails */
	bool is_clean;
};

int trigger_tally_init(struct trigger_tally *t, uint32_t phones); /* E_NOMEM */
void trigger_tally_free(struct trigger_tally *t);

/* A mail is on its way to it, or once more; it claims its lease; its mailbox was read. */
void trigger_tally_mail(struct trigger_tally *t, uint32_t phone, int64_t now_us);
void trigger_tally_lease(struct trigger_tally *t, uint32_t phone);
void trigger_tally_read(struct trigger_tally *t, uint32_t phone);
/* pushsrv is killed. */
void trigger_tally_death(struct trigger_tally *t);
void trigger_tally_heard(struct trigger_tally *t, uint32_t phone, enum bearer by,
			 int64_t timestamp_s, uint8_t tid, int64_t now_us);
void trigger_tally_judge(const struct trigger_tally *t, struct trigger_verdict *out);

#endif
