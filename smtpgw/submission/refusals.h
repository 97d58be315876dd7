/* refusals -- the words for why a login at a submission port was refused, and what is counted
 *
 * The rows are refusals.def's. THREADS refusals_register before the workers start; the rest any.
 */
#ifndef HATO_SMTPGW_SUBMISSION_REFUSALS_H
#define HATO_SMTPGW_SUBMISSION_REFUSALS_H

#include "db/identity.h"
#include "lib/log.h"

struct refusal {
	const char *word, *enhanced, *text;
	enum log_level level;
	int code;
};

void refusals_register(void);
/* Of any verdict but IDENTITY_GOOD. */
const struct refusal *refusal_of(enum identity_verdict verdict);
void refusal_count(enum identity_verdict verdict);

#endif
