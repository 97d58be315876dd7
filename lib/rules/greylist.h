/* greylist -- may a mail from a stranger come in now, or is it to come again?
 *
 * A stranger is a triplet (network of the client, reverse-path, recipient) that never got through.
 * It is asked to come again; who does so after `delay_us` and before `window_us` is let in, and so
 * is the same triplet as long as it keeps coming within `keep_us`. Pure: what is known of the
 * triplet and the time come from the caller (db/greylist), who stores the row when told so.
 *
 * OWNERSHIP  values. THREADS any. UNITS microseconds since 1970
 * SEE        RFC 6647 (4.1 delay, 4.2 what identifies, 5.1 defaults)
 */
#ifndef HATO_LIB_RULES_GREYLIST_H
#define HATO_LIB_RULES_GREYLIST_H

#include <stdbool.h>
#include <stdint.h>

struct greylist_rules {
	int64_t delay_us, window_us, keep_us;
};

struct greylist_row {
	int64_t first_us, expires_us;
	bool has_passed;
};

enum greylist_answer { GREYLIST_PASS, GREYLIST_WAIT };

struct greylist_verdict {
	enum greylist_answer answer;
	int64_t wait_us;    /* GREYLIST_WAIT: how much longer */
	bool is_stored;     /* false: `row` is to be stored now */
	bool is_first_pass; /* it was let in for the first time */
	struct greylist_row row;
};

/* known: null if there is no row. */
void greylist_judge(const struct greylist_row *known, const struct greylist_rules *rules,
		    int64_t now_us, struct greylist_verdict *out);

#endif
