/* complaints -- a line in the log for the first of many: once a source, reason and minute
 *
 * Whoever sends rubbish sends much of it. The caller asks before it logs; what stays unsaid is
 * counted and told with the next line of the same source and reason. The table is fixed: where too
 * many sources complain at once, the later ones are counted only.
 *
 * OWNERSHIP  values; a zeroed struct is an empty table. THREADS its worker's
 */
#ifndef HATO_AUTHSRV_COMPLAINTS_H
#define HATO_AUTHSRV_COMPLAINTS_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/addr.h"

#define COMPLAINTS_MAX 512 /* sources and reasons that are told apart: lines a minute, at most */

struct complaint {
	struct addr source;
	unsigned reason;
	int64_t said_us; /* 0: an empty place */
	int64_t unsaid;  /* since then */
};

struct complaints {
	struct complaint at[COMPLAINTS_MAX];
};

/* True: say it now; *unsaid is how many were not said since the last line. */
bool complaints_say(struct complaints *c, const struct addr *source, unsigned reason,
		    int64_t now_us, int64_t *unsaid);

#endif
