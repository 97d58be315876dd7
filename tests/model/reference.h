/* reference -- binding-rules 2 and 3 once more: slow, obvious, and nothing but a list of facts
 *
 * Written from the law's text, to judge lib/rules by. Nothing is ever changed here: each event adds
 * facts ("this session began", "this key was given to it", "this Stop was heard") to one list, and
 * every question is answered by going through the whole list from its beginning. No store, no rows,
 * no texts: realms, NASes, names, subscribers and keys are numbers. Who calls it: the property
 * tests of tests/model. A value without ownership; one thread.
 */
#ifndef HATO_TESTS_MODEL_REFERENCE_H
#define HATO_TESTS_MODEL_REFERENCE_H

#include "lib/rules/lease.h"

#define MODEL_KEYS     24
#define MODEL_FACTS    1500
#define MODEL_SESSIONS 128

/* A key as two ranges: whom it overlaps is seen by looking. */
struct model_key {
	int realm, family;
	uint64_t first, last;
	int port_first, port_last;
};

/* Whom an event names: 1 and on are subscribers. */
enum { WHO_UNNAMED = 0, WHO_STRANGER = 100, WHO_TWO, WHO_UNREADABLE };

struct model_event {
	enum lease_kind kind;
	int realm, nas; /* NASes are numbered over all realms */
	int name;       /* of the session; 0: none said */
	int who;
	int keys[2];
	int key_count;
	int64_t time_us, delay_us, received_us, lease_us, batch;
};

enum fact_kind {
	FACT_BEGAN,       /* session, nas, name, subscriber; time, normalised in `more_us` */
	FACT_NAMED,       /* session, subscriber */
	FACT_ENDED,       /* session; time */
	FACT_CHOSEN,      /* session: it is its subscriber's */
	FACT_DROPPED,     /* session: it is not any more */
	FACT_MARK,        /* key; time, batch in `more_us`: a Start or Stop was applied */
	FACT_GIVEN,       /* key to session and subscriber; expiry in `time_us` */
	FACT_EVICTED,     /* key: whoever held it goes, quarantined or not */
	FACT_FREED,       /* key: its holder is gone; a doubt stays */
	FACT_STATE,       /* key: is now in state `name` */
	FACT_RENEWED,     /* key; expiry in `time_us`, 0: as before */
	FACT_RIVAL,       /* key, session; time */
	FACT_GENERATION,  /* key: a new one, of the same holder */
	FACT_PROVED,      /* key; SQN in `time_us` */
	FACT_NAS_BEGAN,   /* nas; time: On or Off */
	FACT_CLOCK,       /* nas; offset in `time_us` */
	FACT_CLOCK_UNSEEN /* nas: its clock is to be measured anew */
};

struct fact {
	enum fact_kind kind;
	int key, nas, session, subscriber, name;
	int64_t time_us, more_us;
};

struct model {
	const struct model_key *keys;
	int key_count;
	int64_t max_skew_us, max_age_us;
	int sessions; /* numbers given so far */
	int fact_count;
	struct fact facts[MODEL_FACTS];
};

/* What the list says of a key. */
struct model_view {
	enum key_state state;
	int session, subscriber; /* 0: none */
	int64_t watermark_us, watermark_batch, expires_us;
	int rival;
	int64_t rival_us, proved_sqn;
	uint32_t generation;
};

/* keys are borrowed. */
void model_init(struct model *m, const struct model_key *keys, int key_count,
		const struct lease_limits *limits);

enum lease_result model_hear(struct model *m, const struct model_event *ev);
/* A handset's word from the key, a proof, a refresh by a valid token. */
void model_claim(struct model *m, int key, int subscriber, int64_t now_us);
void model_prove(struct model *m, int key, int subscriber, int64_t sqn, int64_t now_us);
void model_refresh(struct model *m, int key, int64_t now_us);
/* Hard evidence; the operator's release; the end of tokens. */
void model_quarantine(struct model *m, int key);
void model_release(struct model *m, int key);
void model_restart(struct model *m, int key);
/* What expired is free. */
void model_sweep(struct model *m, int64_t now_us);
/* The subscriber's session in the realm ends by provisioning's word. */
void model_remove(struct model *m, int realm, int subscriber, int64_t now_us);

struct model_view model_look(const struct model *m, int key);
void model_look_all(const struct model *m, struct model_view views[]);
/* The subscriber's session in the realm; 0: none. */
int model_chosen(const struct model *m, int realm, int subscriber);
/* Which NAS's, under which name. */
void model_session_name(const struct model *m, int session, int *nas, int *name);

#endif
