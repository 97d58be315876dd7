/* weed -- takes header fields that must not go on out of a mail on its way in
 *
 * Authentication-Results that bear our own name, always: whoever reads mail behind us believes what
 * stands there under our name, so nobody else may write it. One that is longer than what is held
 * goes too: where its id would stand is not known.
 *
 * Requests for a receipt, where the recipients want them taken out (docs/filter.md): the reader's
 * program then never asks him, nor answers.
 *
 * A filter over runs of octets, however they are cut; only the header is looked at, and of it one
 * field is held at a time. All other octets pass unchanged.
 *
 * OWNERSHIP  weed_fini frees; zeroed is nothing to free
 * THREADS    one
 * TRUST      any octets
 * ERRORS     feed and finish: E_NOMEM
 * SEE        RFC 8601 5; RFC 8098 2.1
 */
#ifndef HATO_SMTPGW_WEED_H
#define HATO_SMTPGW_WEED_H

#include "lib/wire/smtp/data.h"
#include "lib/wire/smtp/header.h"

struct weed {
	struct header header;
	const char *id; /* borrowed */
	bool takes_receipts;
	smtp_sink sink;
	void *arg;
	bool is_body;
	bool is_dropping; /* the field that is told of goes, and what more there is of it */
	unsigned removed;
};

/* held: octets of one field. id null: no results are taken out. takes_receipts may be set before
 * the first octet. */
void weed_init(struct weed *f, const char *id, size_t held, smtp_sink sink, void *arg);
void weed_fini(struct weed *f);
int weed_feed(struct weed *f, const uint8_t *in, size_t n);
int weed_finish(struct weed *f);

#endif
