/* letters -- the mails that phones submit, and the verdict: lost, altered, to a stranger
 *
 * Each phone that writes has the same number of them, one after the other: to the phones behind it,
 * or all to an address that is given; what becomes of those is not known here. A letter is known
 * again by its first field, X-Hato-Letter: RUN-NUMBER, and has all that a submission server would
 * add: below the trace fields it must arrive as it was written. A bounce has that field in what it
 * returns.
 *
 * Callers: world_letters, report. Pure. OWNERSHIP letters_fini frees all; `to` is borrowed. THREADS
 * one. ERRORS E_NOMEM
 */
#ifndef HATO_HANDSET_SIM_LETTERS_H
#define HATO_HANDSET_SIM_LETTERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handset-sim/latency.h"

#define LETTER_MAX 1024 /* octets of one */

struct letter {
	bool is_accepted, has_arrived, is_back;
};

struct letters {
	struct letter *letters; /* those of phone p: each of them from p * each on */
	uint32_t *answered;     /* of each phone: its first so many were accepted or refused */
	uint32_t phones, each, first;
	const char *to; /* null: phones */
	uint64_t run;
	uint32_t wanted, accepted, refused, arrived, bounced, again, altered, stranger;
	struct latency accept; /* from the end of the content to its 250 */
};

struct letters_plan {
	uint32_t phones, each;
	uint32_t first; /* number of the first phone: addresses follow */
	const char *to;
	uint64_t run;
};
int letters_init(struct letters *l, const struct letters_plan *plan);
void letters_fini(struct letters *l);
/* This phone writes none. */
void letters_spare(struct letters *l, uint32_t phone);

/* The letter that it has to send now; false: none. */
bool letters_next(const struct letters *l, uint32_t phone, uint32_t *index);
void letters_addresses(const struct letters *l, uint32_t index, char from[64], char to[256]);
/* Returns its length; NUL-ended. */
size_t letters_compose(const struct letters *l, uint32_t index, char out[LETTER_MAX]);
/* What the server said of the phone's next letter. */
void letters_answered(struct letters *l, uint32_t phone, bool is_accepted);

/* A phone has a message; false: it is no letter of this run, nor a bounce of one. */
bool letters_fetched(struct letters *l, uint32_t phone, const uint8_t *octets, size_t n);

uint32_t letters_lost(const struct letters *l); /* accepted, and with no phone, nor back */
bool letters_are_done(const struct letters *l);
bool letters_are_clean(const struct letters *l);

#endif
