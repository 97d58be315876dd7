/* reader -- what a subscriber's door wants to know of a mail's content, as it streams by
 *
 * Looks only for what the filter asks about: the authors (From), the addressees (To and Cc, the
 * first READER_ADDRESSEES_MAX), a URL in the text. A part of the mail that cannot be looked at
 * (lib/wire/smtp/mime.h: too deep, too many) counts as a URL; an author that cannot be read, or is
 * longer than what is held, counts as one that is on no list. Domains are compared as DNS has them.
 *
 * OWNERSHIP  reader_new .. reader_free; the filter, carriers and facts are borrowed
 * THREADS    one. ERRORS E_NOMEM: what was not seen is not known. TRUST any octets
 */
#ifndef HATO_SMTPGW_DOOR_READER_H
#define HATO_SMTPGW_DOOR_READER_H

#include "lib/rules/filter.h"

#define READER_ADDRESSEES_MAX 500

struct reader;

/* Null: no memory. */
struct reader *reader_new(const struct filter *f, const char *carriers, size_t max_field,
			  struct filter_facts *facts);
/* The author is known otherwise: From is not looked at. */
void reader_skip_author(struct reader *r);
void reader_free(struct reader *r);
int reader_feed(struct reader *r, const uint8_t *in, size_t n);
/* Then the facts are whole, but for what others find out. */
int reader_finish(struct reader *r);

/* The address with its domain as DNS has it; *out may be *in. */
void reader_normalise(const struct mailaddr *in, struct mailaddr *out);

#endif
