/* counters -- what smtpgw counts, and the words for why a session ends
 *
 * The rows are in counters.def and close_reasons.def; nothing is written twice.
 * THREADS  counters_register before the workers start; the rest any
 */
#ifndef HATO_SMTPGW_COUNTERS_H
#define HATO_SMTPGW_COUNTERS_H

#include <stdint.h>

enum counter {
#define SMTP_COUNTER(id, kind, name, text) COUNT_##id,
#include "smtpgw/counters.def"
	COUNTERS
};

enum close_reason {
#define SMTP_CLOSE(id, word, goodbye, text) CLOSE_##id,
#include "smtpgw/close_reasons.def"
	CLOSE_REASONS
};

void counters_register(void);
void counter_add(enum counter c, int64_t n);
void counter_set(enum counter c, int64_t n); /* a gauge */
int64_t counter_read(enum counter c);

void count_close(enum close_reason reason);
const char *close_word(enum close_reason reason);
/* What follows "421 "; "" if the client is told nothing, or was told already. */
const char *close_goodbye(enum close_reason reason);

#endif
