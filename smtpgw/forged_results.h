/* forged_results -- takes Authentication-Results fields that bear our own name out of a mail on its
 * way in
 *
 * Whoever reads mail behind us believes what stands there under our name, so nobody else may write
 * it. A filter over runs of octets, however they are cut; only the header is looked at, and of it
 * one field is held at a time. All other octets pass unchanged. A field of that name that is longer
 * than what is held goes too: where its id would stand is not known.
 *
 * OWNERSHIP  forged_results_fini frees; zeroed is nothing to free
 * THREADS    one
 * TRUST      any octets
 * ERRORS     feed and finish: E_NOMEM
 * SEE        RFC 8601 5
 */
#ifndef HATO_SMTPGW_FORGED_RESULTS_H
#define HATO_SMTPGW_FORGED_RESULTS_H

#include "lib/wire/smtp/data.h"
#include "lib/wire/smtp/header.h"

struct forged_results {
	struct header header;
	const char *id; /* borrowed */
	smtp_sink sink;
	void *arg;
	bool is_body;
	bool is_dropping; /* the field that is told of goes, and what more there is of it */
	unsigned removed;
};

/* held: octets of one field. id null: nothing is taken out. */
void forged_results_init(struct forged_results *f, const char *id, size_t held, smtp_sink sink,
			 void *arg);
void forged_results_fini(struct forged_results *f);
int forged_results_feed(struct forged_results *f, const uint8_t *in, size_t n);
int forged_results_finish(struct forged_results *f);

#endif
