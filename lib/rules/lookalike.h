/* lookalike -- do two domains look the same to a reader, though they are not?
 *
 * A skeleton is what is left of a domain when all that looks alike is written alike: by Unicode's
 * list of confusables (ICU's uspoof: Cyrillic а and Latin a), then by the shapes that mail is
 * forged with in plain ASCII: rn m, 0 o, 1 i l |, vv w, cl d, and hyphens that come and go. Two
 * different domains with the same skeleton are lookalikes: arnazon.com, amaz0n.com and
 * xn--mazon-3ve.com of amazon.com, but not amazon.co.jp, which has a name of its own.
 *
 * Compared are organisations (lib/public_suffix): mail.arnazon.com is arnazon.com's. Skeletons are
 * compared, never shown. The one place where ICU comes in.
 *
 * OWNERSHIP  values. THREADS any; ICU's tables are loaded once and constant from then on
 * ERRORS     E_SYNTAX: no domain, or one that is too long; E_NOMEM: no tables
 * SEE        UTS 39 4 (skeleton), RFC 5890
 */
#ifndef HATO_LIB_RULES_LOOKALIKE_H
#define HATO_LIB_RULES_LOOKALIKE_H

#include "lib/wire/dns/name.h"

#define LOOKALIKE_SKELETON_MAX 1024 /* a confusable may become several characters */

struct lookalike {
	char domain[DNS_NAME_MAX]; /* the organisation, A-labels */
	char skeleton[LOOKALIKE_SKELETON_MAX];
};

/* domain: as it stands in an address, or in A-labels. */
int lookalike_of(const char *domain, struct lookalike *out);

#endif
