/* smsc -- what all parts of the simulated SMSC share: one of it in a process, on one loop
 *
 *     link  <-- SMPP --> ESME        link_verbs   which command does what
 *       |                            submission   an ESME's message, judged
 *     delivery  attempts, retries    spool, inbox, message
 *       |  \--- notices              receipts and messages to ESMEs
 *     radio_link <-- air --> phones  segments, receipt_pdu
 *     store     what survives        later        what comes later by a fault
 *
 * THREADS  the loop's
 */
#ifndef HATO_SMSC_SIM_SMSC_H
#define HATO_SMSC_SIM_SMSC_H

#include "lib/conf.h"
#include "lib/loop.h"
#include "smsc-sim/accounts.h"
#include "smsc-sim/faults.h"
#include "smsc-sim/later.h"
#include "smsc-sim/spool.h"

struct db;
struct store;
struct radio;
struct link;

#define SMSC_SINKS_MAX 16

struct smsc {
	struct loop *loop;
	const struct conf *conf;
	struct accounts accounts;
	struct spool spool;
	struct message_policy policy;
	struct faults *faults;
	struct store *store;
	struct radio *radio;
	struct later later; /* answers and notices that faults hold back */
	struct link *links; /* all, the newest first */
	size_t link_count;
	size_t notice_count;         /* in all accounts' queues and windows */
	char *sinks[SMSC_SINKS_MAX]; /* numbers that begin so need no phone */
	size_t sink_count;
	char *sink_text;
	uint16_t concat_reference;
	uint8_t *scratch; /* for encoding: SMPP_PDU_MAX octets */
	struct loop_timer *turn_timer, *tick_timer;
	int64_t turn_at_us; /* when turn_timer rings; INT64_MAX: not */
	bool is_durable;    /* the store is no memory */
	bool is_stopping;
	void (*stopped)(void *arg); /* all links are closed, all is stored */
	void *stopped_arg;
};

/* E_* and a sentence for the person who starts the daemon. `db` null: the store is memory. */
int smsc_open(struct smsc *s, struct loop *loop, const struct conf *c, struct db *db,
	      char error[256]);
/* Ends links and phones politely; `stopped` is called once all is stored. */
void smsc_stop(struct smsc *s, void (*stopped)(void *arg), void *arg);
void smsc_close(struct smsc *s);

/* By link: one is gone. */
void smsc_link_gone(struct smsc *s);
/* Does this number need no phone? */
bool smsc_is_sink(const struct smsc *s, const char *number);
/* The name of the message's sender for faults and for people: an account's, or "". */
const char *smsc_account_name(const struct smsc *s, const struct message *m);
/* Something is due at that time: the timer rings then at the latest. */
void smsc_due_at(struct smsc *s, int64_t at_us);

#endif
