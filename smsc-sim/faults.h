/* faults -- what a bad day does to this PDU, this attempt, this receipt
 *
 * The links, the spool and the delivery ask here at the few points where an SMSC can misbehave, and
 * do what the answer says; nothing of theirs is known here. A decision is a function of the
 * scenario's seed, of the fault's kind and place among its kind, and of what is struck (account,
 * destination, the how manieth message between them, the how manieth attempt): the same seed and
 * the same input give the same day, whatever links and threads interleave. Only two faults look at
 * the clock beside their `at` and `until`: throttling above a rate, and cuts by the clock.
 *
 *     link bound           faults_link_begin     refused while links are down
 *     any PDU on it        faults_link_pdu       cut, or nothing is said
 *     a cut by the clock   faults_next_us, faults_turn, faults_cut_due
 *     submit arrives       faults_number, then faults_submit
 *     attempt              faults_attempt        with the message's number, attempt = 1, 2, ...
 *     receipt              faults_receipt
 *
 * Where several faults decide one thing the first in the list that strikes wins; delays add up.
 * Without faults (`faults_idle`) all answers are "nothing", at no cost.
 *
 * OWNERSHIP  faults_free frees; the texts of a subject are the caller's
 * THREADS    one
 * UNITS      now_us: clock_mono_us() or any other clock that does not go back
 * ERRORS     E_NOMEM of faults_new alone
 * SEE        smsc-sim/fault_script (what there is), docs/smsc-sim.md
 */
#ifndef HATO_SMSC_SIM_FAULTS_H
#define HATO_SMSC_SIM_FAULTS_H

#include "smsc-sim/fault_script.h"

struct faults;

/* numbers_most: account-destination pairs whose messages are counted apart (smsc-sim/census).
 * Begins without faults. */
int faults_new(uint64_t seed, size_t numbers_most, struct faults **out);
void faults_free(struct faults *f);

/* The script's day begins now: all counts begin anew. A script without a seed has that of
 * faults_new. Copied. */
void faults_begin(struct faults *f, const struct fault_script *script, int64_t now_us);
const struct fault_script *faults_script(const struct faults *f);
int64_t faults_elapsed_us(const struct faults *f, int64_t now_us);
/* How often fault i of the script has struck. */
uint64_t faults_hits(const struct faults *f, size_t i);
uint64_t faults_hits_of(const struct faults *f, enum fault_what what); /* since faults_new */
bool faults_idle(const struct faults *f);

/* ---- links ---- */

struct fault_link {      /* lies in the link; zeroed by its owner once */
	uint64_t number; /* the how manieth of its account */
	uint64_t pdus;   /* received since it was bound, or since the script began */
	uint64_t day;    /* of which script */
};

/* At a bind that would be accepted. False: links are down, answer RBINDFAIL (0x0D) and close. */
bool faults_link_begin(struct faults *f, int64_t now_us, const char *account,
		       struct fault_link *link);

struct fault_pdu {
	bool cut;    /* close the link without a word ... */
	bool answer; /* ... after this PDU was answered; else it is carried out, unanswered */
	bool silent; /* carry it out, say nothing */
};
/* Each PDU received on a bound link, requests and responses alike. */
struct fault_pdu faults_link_pdu(struct faults *f, int64_t now_us, const char *account,
				 struct fault_link *link);

/* Cuts by the clock: a timer of the daemon's is set to faults_next_us (INT64_MAX: there is none),
 * also anew after each faults_begin. When it rings, faults_turn, then faults_cut_due of each bound
 * link. */
int64_t faults_next_us(const struct faults *f);
void faults_turn(struct faults *f, int64_t now_us);
bool faults_cut_due(struct faults *f, const char *account);

/* ---- messages ---- */

struct fault_subject {
	const char *account;     /* who submitted; "": a phone */
	const char *destination; /* digits */
	uint64_t number;         /* faults_number(); the message keeps it */
	unsigned attempt;        /* of a delivery: 1, 2, ...; of a receipt likewise; else 0 */
};

/* The identity of the next message from this account to this destination. Once a submit, also if it
 * is refused. 0 while there are no faults. */
uint64_t faults_number(struct faults *f, const char *account, const char *destination);

struct fault_submit {
	uint32_t status;       /* not 0: refuse it with this, the message does not exist */
	bool nack;             /* refuse it with generic_nack of `status` ... */
	bool nack_zero;        /* ... with sequence number 0 */
	bool silent;           /* accept it, answer nothing */
	bool lost;             /* accept it; no delivery and no receipt will be */
	uint32_t sequence_add; /* to the response's sequence number; 0: right */
	int64_t delay_us;      /* of the response; the message is accepted now */
};
struct fault_submit faults_submit(struct faults *f, int64_t now_us, const struct fault_subject *s);

enum fault_outcome {
	FAULT_OUTCOME_NONE,   /* go on */
	FAULT_OUTCOME_LOST,   /* sent, and nobody hears of it: no answer will come, try later */
	FAULT_OUTCOME_ABSENT, /* as if the phone were detached */
	FAULT_OUTCOME_FULL,   /* as if it said RP-ERROR 22, memory capacity exceeded */
	FAULT_OUTCOME_FAILED  /* permanent: UNDELIV */
};
struct fault_attempt {
	enum fault_outcome outcome;
	unsigned copies; /* so many more, right after it */
};
struct fault_attempt faults_attempt(struct faults *f, int64_t now_us,
				    const struct fault_subject *s);
/* How long an attempt waits before it is made: asked when it would be due, once for each. */
int64_t faults_attempt_delay_us(struct faults *f, int64_t now_us, const struct fault_subject *s);

struct fault_receipt {
	bool never;
	unsigned copies;
	int64_t delay_us;
};
struct fault_receipt faults_receipt(struct faults *f, int64_t now_us,
				    const struct fault_subject *s);

#endif
