/* binding -- the states of a key and what each allows: binding-rules 2 as a table
 *
 * A key (lib/key.h) is free, or bound to one subscriber's session. What a state allows is looked up
 * here and nowhere else: authsrv asks before it seals a token, popgw and smtpgw before they open a
 * mailbox, pushsrv before a datagram leaves. Pure functions over the stored row: no I/O, no clock
 * (`now_us` is handed in), any thread. The rows are values.
 */
#ifndef HATO_LIB_RULES_BINDING_H
#define HATO_LIB_RULES_BINDING_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/key.h"

#define TRIGGER_KEY_BYTES 16
#define NAS_ID_MAX        64
#define SESSION_ID_MAX    128

enum key_state {
	KEY_FREE,        /* nobody holds it: Stop, expiry, never leased */
	KEY_UNCONFIRMED, /* a Start won; the handset has not said its own word yet */
	KEY_CONFIRMED,   /* an agreeing claim or proof came from this key in this generation */
	KEY_CONTESTED,   /* a bare word disagreed: nothing new is given, what works goes on */
	KEY_QUARANTINED, /* hard evidence: nothing works */
	KEY_STATES
};

enum quarantine_reason {
	QUARANTINE_NONE,
	QUARANTINE_PROOF_OF_OTHER,   /* a valid SIM proof of another SIM than the bound one */
	QUARANTINE_TOKEN_OF_OTHER,   /* a token for this key and generation names another subscriber
				      */
	QUARANTINE_IDENTITIES,       /* one event, msisdn and imsi of two subscribers */
	QUARANTINE_TWO_SESSIONS,     /* two sessions at the same time on one key */
	QUARANTINE_SESSION_IDENTITY, /* one session, two subscribers */
	QUARANTINE_MISDIRECTED, /* a trigger reported by a stranger, and our send log confirms it */
	QUARANTINE_OPERATOR,
	QUARANTINE_REASONS
};

/* The address directory's row: what is committed for one key. */
struct binding {
	struct key key;
	enum key_state state;
	uint32_t generation;     /* only ever grows; 0: never bound */
	int64_t subscriber;      /* 0: nobody (free, or quarantined by a contradiction) */
	int64_t session;         /* row id of the session that holds it; 0: none */
	int64_t watermark_us;    /* event time of the last Start or Stop applied; INT64_MIN: none */
	int64_t watermark_batch; /* the REST batch that set it: order inside a batch is known; 0:
				    none */
	int64_t started_us, expires_us; /* expires 0: no end */
	int64_t renewed_us;   /* when the feed last spoke of the holder (arrival less delay) */
	int64_t confirmed_us; /* the last agreeing claim or proof of this generation; 0: none */
	int64_t rival;        /* the session whose update contests it; 0: none */
	int64_t rival_us;     /* event time of that update; 0: none */
	enum quarantine_reason reason;
	struct addr host; /* where the holder claimed from last: a prefix has many addresses. All
			     zero: nowhere yet */
	uint8_t trigger_key[TRIGGER_KEY_BYTES]; /* made at confirmation; all zero before */
	int64_t proved_sqn; /* of the last SIM proof in this generation, whose trigger key it is
			       then; 0: none */
	bool frozen; /* its subscriber, NAS or address is frozen now: not of the row itself, told by
			whoever read it (binding-rules 9) */
};

/* What somebody wants to do on the strength of a binding. */
enum binding_use {
	USE_TOKEN_BARE,  /* a token for a bare claim that agrees */
	USE_TOKEN_PROOF, /* a token for a SIM proof of the bound SIM */
	USE_TOKEN_RENEW, /* refresh of a token of this generation */
	USE_MAIL,        /* a token of this generation opens mail */
	USE_UDP_TRIGGER,
	USE_SMS_TRIGGER,
	BINDING_USES
};

/* The state that counts at now_us: an expired lease is free whatever the row says (quarantine
 * outlives expiry). */
enum key_state binding_state_at(const struct binding *b, int64_t now_us);

/* The cell of the table for the state at now_us. */
bool binding_allows(const struct binding *b, enum binding_use use, int64_t now_us);

/* Where the holder is: the key's one address, or of a prefix the one he claimed from. Null: not
 * known. */
const struct addr *binding_host(const struct binding *b);

/* Rule (b) of the three keys: the committed row binds `subscriber` in `generation`, and its state
 * still opens mail. */
bool binding_opens_mail(const struct binding *b, int64_t subscriber, uint32_t generation,
			int64_t now_us);

/* A handset's word, from the key itself. `claimed` is the subscriber its IMSI belongs to, 0 if
 * unknown to us. Changes *b in place; the caller commits it (compare-and-set on the generation)
 * before it answers. */
enum claim_answer {
	CLAIM_ACCEPTED, /* a token may be given */
	CLAIM_NO_BINDING,
	CLAIM_MISMATCH, /* it disagrees: the key is contested from now on */
	CLAIM_CONTESTED,
	CLAIM_QUARANTINED,
	CLAIM_PROOF_REQUIRED, /* agrees, but its subscriber has a SIM key */
	CLAIM_STALE,          /* refresh: the last claim is older than it may be: claim again */
	CLAIM_REPLAYED,       /* a proof whose SQN is not greater than the last one's */
	CLAIM_FROZEN
};
enum claim_answer binding_claim_bare(struct binding *b, int64_t claimed, int64_t now_us);
/* A valid SIM proof, from the key itself, for a challenge of this generation. `proved` is the
 * subscriber whose SIM it is: another than the bound one is hard evidence (the key is quarantined).
 * The bound one's ends `contested` and its rival; out of quarantine it makes a new generation, if a
 * session still holds the key. */
enum claim_answer binding_claim_proof(struct binding *b, int64_t proved, int64_t sqn,
				      int64_t now_us);
/* A refresh with a valid token of this generation: ends `contested` and the rival. reprove_us: how
 * old the last claim may be. */
enum claim_answer binding_renew(struct binding *b, int64_t now_us, int64_t reprove_us);

/* Hard evidence. False: already quarantined or free (nothing changed). */
bool binding_quarantine_apply(struct binding *b, enum quarantine_reason reason);
/* All tokens of this generation end: new generation, unconfirmed (free stays free). DELETE
 * /v1/token, SIM change. */
void binding_restart(struct binding *b);
/* The operator's release: new generation; unconfirmed if a session still holds it, else free.
 * False: not quarantined. */
bool binding_release_apply(struct binding *b);
/* Nobody holds it any more; generation and watermark stay. A quarantined key stays quarantined. */
void binding_free_apply(struct binding *b);

const char *key_state_name(enum key_state s);                 /* "free", "unconfirmed", ... */
const char *quarantine_reason_name(enum quarantine_reason r); /* "token-of-other", ... */

#endif
