/* fault_members -- the members of a fault in JSON: one table that reads, checks and writes them
 *
 * fault_script's own: which member belongs to which kind of fault, its bounds, where it lies in
 * struct fault, and what it is when it is not there. OWNERSHIP static tables. THREADS any
 */
#ifndef HATO_SMSC_SIM_FAULT_MEMBERS_H
#define HATO_SMSC_SIM_FAULT_MEMBERS_H

#include "smsc-sim/fault_script.h"

enum member_kind {
	MEMBER_NUMBER,  /* double */
	MEMBER_WHOLE,   /* int64_t */
	MEMBER_SECONDS, /* int64_t, microseconds */
	MEMBER_MS,      /* the same */
	MEMBER_TEXT,
	MEMBER_DIGITS,
	MEMBER_FLAG, /* bool */
	MEMBER_WORD  /* an enum, by its names */
};

struct member {
	const char *name;
	enum member_kind kind;
	size_t offset, size; /* in struct fault; size: of a text */
	double least, most;
	const char *const *words; /* MEMBER_WORD: ends with null */
	unsigned whats;           /* bits of enum fault_what */
	bool needed;
};

extern const struct member fault_members[]; /* ends with a null name */
extern const char *const fault_what_names[FAULT_WHATS + 1];

/* What a fault of this kind is before a member was read. */
void fault_defaults(enum fault_what what, struct fault *out);
/* Which `of` a kind may have, bits of enum fault_of; 0: it has no such member. */
unsigned fault_ofs(enum fault_what what);
/* What is wrong with how the members go together; null: nothing. *member: where. */
const char *fault_misfit(const struct fault *f, const char **member);
/* A distribution's member that another distribution has. */
bool fault_has_member(const struct fault *f, const struct member *m);

#endif
