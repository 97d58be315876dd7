/* counters -- what popgw counts, and the words for why it refuses and why it ends
 *
 * The words, counters and answers are the rows of close_reasons.def and refusals.def; nothing is
 * written twice. THREADS  counters_register before the workers start; the rest any.
 */
#ifndef HATO_POPGW_COUNTERS_H
#define HATO_POPGW_COUNTERS_H

#include <stdbool.h>

#include "lib/balancers.h"
#include "lib/log.h"
#include "lib/metrics.h"

enum close_reason {
#define POP_CLOSE(id, cut, word, text) CLOSE_##id,
#include "popgw/close_reasons.def"
	CLOSE_REASONS
};

enum refusal {
	REFUSAL_NONE,
#define POP_REFUSAL(id, level, word, answer) REFUSAL_##id,
#include "popgw/refusals.def"
	REFUSALS
};

enum counter {
	COUNT_SESSIONS, /* gauge */
	COUNT_LOGINS,
	COUNT_RETRIEVED,
	COUNT_OCTETS,
	COUNT_DELETED,
	COUNT_TAKEOVERS,
	COUNT_QUARANTINES,
	COUNTERS
};

void counters_register(void);
void count(enum counter what, int64_t n);
void count_close(enum close_reason reason);
struct metric *counters_balanced(void); /* [BALANCED_OUTCOMES] */
void count_refusal(enum refusal why);

const char *close_word(enum close_reason reason);
bool close_cuts(enum close_reason reason); /* without flushing */

const char *refusal_word(enum refusal why);
const char *refusal_answer(enum refusal why); /* what follows "-ERR " */
enum log_level refusal_level(enum refusal why);

#endif
