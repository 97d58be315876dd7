/* fault_script -- a scenario: which faults there are, for whom and when, as JSON and as a table
 *
 *     {"name":"flaky links","seed":7,"faults":[
 *       {"what":"delay","of":"receipt","distribution":"exponential","mean_ms":800},
 *       {"what":"cut","at":30,"every_s":20,"until":120,"down_s":5},
 *       {"what":"absent","destination":"8190","share":0.1,"at":60,"until":90}]}
 *
 * `at` and `until` are seconds since the scenario began; without them a fault lasts all day. The
 * same text is what PUT /v1/faults takes, what GET answers with, and what a file for --scenario
 * holds. Which members a fault may have depends on `what`; an unknown or misplaced one, a value out
 * of its bounds, a fault without what it needs: nothing is taken, and the problem names the place
 * ("faults[2].share: a number from 0 to 1"). smsc-sim/faults decides with what this reads.
 *
 * TRUST      any octets
 * OWNERSHIP  values; JSON that is written is the caller's
 * THREADS    any
 * ERRORS     a sentence in a bounded text: the caller shows it as it is
 * UNITS      in JSON as the member's name says (seconds without a name), here microseconds
 * SEE        docs/smsc-sim.md, which lists every member; SMPP 3.4 5.1.3 (command_status)
 */
#ifndef HATO_SMSC_SIM_FAULT_SCRIPT_H
#define HATO_SMSC_SIM_FAULT_SCRIPT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "smsc-sim/dice.h"

#define FAULTS_MAX              128
#define FAULT_PROBLEM_MAX       160
#define FAULT_ACCOUNT_MAX       32 /* with the NUL */
#define FAULT_DESTINATION_MAX   21
#define FAULT_NAME_MAX          64
#define FAULT_DESCRIPTION_MAX   512
#define FAULT_NOTE_MAX          120
#define FAULT_COPIES_MAX        100
#define FAULT_NEVER_US          INT64_MAX
#define FAULT_SCRIPT_OCTETS_MAX (1 << 20) /* of a scenario file */

enum fault_what {
	FAULT_DELAY,        /* what `of` says comes later */
	FAULT_LOSS,         /* and never */
	FAULT_DUPLICATE,    /* and more than once */
	FAULT_REORDER,      /* and after what should come after it */
	FAULT_THROTTLE,     /* a submit hears RTHROTTLED or RMSGQFUL */
	FAULT_REFUSE,       /* a submit hears another status */
	FAULT_GENERIC_NACK, /* a submit is answered with generic_nack */
	FAULT_SEQUENCE,     /* a response has a wrong sequence number */
	FAULT_SILENCE,      /* taken, and nothing is said */
	FAULT_CUT,          /* the link is cut */
	FAULT_ABSENT,       /* the phone is not there */
	FAULT_MEMORY_FULL,  /* the phone has no room */
	FAULT_FAIL,         /* the phone will never take it */
	FAULT_WHATS
};

enum fault_of {
	FAULT_OF_SUBMIT_RESP,
	FAULT_OF_DELIVERY, /* an attempt to hand the message to its destination */
	FAULT_OF_RECEIPT,
	FAULT_OF_MESSAGE, /* the message itself, once it was accepted */
	FAULT_OF_ALL,     /* whatever the SMSC would say on the link */
	FAULT_OFS
};

/* What the dice are thrown for, when a share is struck. */
enum fault_per { FAULT_PER_EACH, FAULT_PER_MESSAGE, FAULT_PER_DESTINATION, FAULT_PERS };

struct fault {
	enum fault_what what;
	enum fault_of of;
	enum fault_per per;
	unsigned nth; /* among those of its kind: so one fault's luck does not hang on others */
	int64_t at_us, until_us;                 /* since the beginning; FAULT_NEVER_US: no end */
	double share;                            /* 0 to 1 */
	char account[FAULT_ACCOUNT_MAX];         /* "": every one */
	char destination[FAULT_DESTINATION_MAX]; /* a prefix; "": every one */
	char note[FAULT_NOTE_MAX];               /* for people */
	struct spread spread;                    /* delay */
	int64_t copies;                          /* duplicate: beside the first */
	int64_t within_us;                       /* reorder: held up for so long at most */
	int64_t above_per_s;         /* throttle: only what is more; 0: by share alone */
	int64_t status;              /* command_status of a refusal */
	int64_t by;                  /* sequence: how much is added */
	bool zero;                   /* generic_nack: sequence number 0 */
	int64_t after_pdus, to_pdus; /* cut: 0: by the clock */
	int64_t every_us;            /* cut by the clock: again and again; 0: once */
	int64_t down_us;             /* cut: so long no link is let in */
	bool answered;               /* cut after a PDU: it is answered before */
};

struct fault_script {
	char name[FAULT_NAME_MAX];
	char description[FAULT_DESCRIPTION_MAX];
	uint64_t seed;
	bool has_seed;
	struct fault faults[FAULTS_MAX];
	size_t count;
};

/* False, `out` untouched, and `problem` tells what is wrong with it. */
bool fault_script_read(const json_t *json, struct fault_script *out,
		       char problem[FAULT_PROBLEM_MAX]);
/* The same of a text; what is no JSON is told by line and column. */
bool fault_script_parse(const char *text, size_t length, struct fault_script *out,
			char problem[FAULT_PROBLEM_MAX]);
/* A file's. */
bool fault_script_load(const char *path, struct fault_script *out, char problem[FAULT_PROBLEM_MAX]);

/* As it would be read again. Null: no memory. */
json_t *fault_script_write(const struct fault_script *s);
json_t *fault_write(const struct fault *f);

const char *fault_what_name(enum fault_what what);

#endif
