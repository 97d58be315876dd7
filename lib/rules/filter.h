/* filter -- the subscriber's door: which mail he takes, as pure functions
 *
 * What carriers offer their subscribers, in the order in which docomo judges it:
 *
 *   1 size             larger than he takes                                          refused
 *   2 denied-address   an address of the sender's is on his deny list                refused
 *   3 forwarded        To or Cc has an address of `allow_to`: mail that is           taken
 *                      forwarded to him, a mailing list
 *   4 allowed          the author is on his allow list ("domain-specified            taken
 *                      reception"): beats all that follows
 *   5 denied-domain    a domain of the sender's is on his deny list                  refused
 *   6 forged           the sender is not who he says, by a strength (below)          refused
 *   7 from             not from whom he takes mail: carriers, or who is listed       refused
 *   8 url              there is a URL in the text                                    refused
 *
 * The sender is the envelope's and the author (header From) together where he is denied; the author
 * alone, all of them if there are several, where he is allowed: who is shown is who is meant.
 *
 * An entry of a list: `taro@b.example` that address, in any case of letters; `b.example` that
 * domain and those below it; `@b.example` that domain alone.
 *
 * Strengths of `forged` (au's three, and docomo's):
 *   low      a carrier's (or our own) domain is named, and SPF says that it is not from there
 *   middle   and: SPF of the envelope's sender says so
 *   high     and: SPF of the author's domain says so, or it cannot be told of either
 *   header   SPF of the author's domain says so, or DMARC; nothing else counts
 * A DMARC pass proves the author at each of them, so forwarded mail that its author signed gets in.
 * What DNS did not answer is never a reason. `carriers` does not let a forged carrier in.
 *
 * Judged twice. At RCPT, when only the envelope is known (is_whole false), the verdict is final if
 * the rest cannot change it, else FILTER_OPEN: look at the content and ask again.
 *
 * OWNERSHIP  a filter borrows its lists; filter_make gives one block with them in it, for free()
 * THREADS    any
 * TRUST      addresses come off the network, lists have been through filter_entry
 * SEE        protocols 6.6; docs/filter.md
 */
#ifndef HATO_LIB_RULES_FILTER_H
#define HATO_LIB_RULES_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire/mailaddr.h"

#define FILTER_ENTRY_MAX (MAILADDR_TEXT_MAX + 1) /* with its NUL */

enum filter_list { FILTER_ALLOW, FILTER_ALLOW_TO, FILTER_DENY, FILTER_LISTS };
enum filter_from { FILTER_FROM_ANYONE, FILTER_FROM_CARRIERS, FILTER_FROM_LISTED, FILTER_FROMS };
enum filter_forged {
	FILTER_FORGED_OFF,
	FILTER_FORGED_LOW,
	FILTER_FORGED_MIDDLE,
	FILTER_FORGED_HIGH,
	FILTER_FORGED_HEADER,
	FILTER_FORGEDS
};

/* Zero but for the lists, which are "": everything is taken. */
struct filter {
	enum filter_from from;
	enum filter_forged forged;
	bool refuses_urls;
	bool strips_receipts;            /* requests for a receipt are taken out: no verdict */
	uint64_t max_size;               /* octets; 0: no limit of his own */
	const char *lists[FILTER_LISTS]; /* entries, each ended by '\n', in the order of octets */
};

/* "anyone", "off" ...; E_SYNTAX. */
const char *filter_from_name(enum filter_from from);
int filter_from_parse(const char *text, enum filter_from *out);
const char *filter_forged_name(enum filter_forged forged);
int filter_forged_parse(const char *text, enum filter_forged *out);

struct filter filter_default(void);
/* A copy of `like` whose lists are the first len octets of its. Null: no memory. */
struct filter *filter_make(const struct filter *like, const size_t len[FILTER_LISTS]);
struct filter *filter_copy(const struct filter *like);
bool filter_equal(const struct filter *a, const struct filter *b);

/* An entry as it is kept, which is an entry again: quoted only where it must be, and not for dots.
 * E_SYNTAX: it is none; E_TOO_LARGE; E_RANGE: a domain that is not in ASCII (write it as DNS does,
 * xn--...). */
int filter_entry(const char *text, size_t len, char out[FILTER_ENTRY_MAX]);
/* Entries as they are kept, as a list; repeated ones once. The caller frees; null: no memory. */
char *filter_list_make(char (*entries)[FILTER_ENTRY_MAX], size_t n);
/* Do entries of a list that name addresses, or domains, have this address? */
bool filter_list_has_address(const char *list, const struct mailaddr *a);
bool filter_list_has_domain(const char *list, const struct mailaddr *a);

/* What is known about who a name belongs to. */
enum filter_proof {
	FILTER_PROOF_UNKNOWN, /* nobody looked, or DNS did not answer */
	FILTER_PROOF_NONE,    /* nothing is published to judge by */
	FILTER_PROOF_GOOD,
	FILTER_PROOF_FORGED
};

/* About one mail, for one filter. Zero to begin with. */
struct filter_facts {
	bool is_whole; /* the content was seen */
	uint64_t size; /* declared, then as it came; 0: not known */
	bool has_url;
	bool is_authentic;                  /* DMARC pass */
	bool is_disowned;                   /* DMARC fail */
	enum filter_proof envelope, author; /* SPF of the reverse-path (of HELO if it is null), of
					       the first author's domain */
	/* Of filter_note_*. */
	bool is_null; /* the reverse-path is */
	bool has_carrier_envelope;
	bool has_denied_address, has_denied_domain;
	bool is_forwarded;
	size_t authors, carrier_authors, allowed_authors;
};

/* Whose domains are carriers': a list as above. */
void filter_note_envelope(const struct filter *f, const char *carriers, const struct mailaddr *from,
			  struct filter_facts *facts);
/* Each address of the header From; null: one that cannot be read. */
void filter_note_author(const struct filter *f, const char *carriers, const struct mailaddr *author,
			struct filter_facts *facts);
/* Each address of To and Cc. */
void filter_note_addressee(const struct filter *f, const struct mailaddr *to,
			   struct filter_facts *facts);

enum filter_verdict { FILTER_TAKE, FILTER_REFUSE, FILTER_OPEN };

/* *rule: the name of the one that decided, "" if none did; may be null. */
enum filter_verdict filter_judge(const struct filter *f, const struct filter_facts *facts,
				 const char **rule);

#endif
