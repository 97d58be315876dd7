/* dmarc -- does the domain in From stand by this mail, and what does it ask for if not?
 *
 * For one domain of a header From, without I/O: it says which TXT records it wants (at the domain,
 * then at its organisation's), is told, and then judges what SPF and DKIM found.
 *
 *     dmarc_begin(&d, "news.example.co.jp");
 *     while (dmarc_ask(&d, name))
 *             dmarc_answer(&d, ...the TXT records of name...);
 *     v = dmarc_judge(&d, &evidence, sample);
 *
 *   pass       SPF or DKIM passed for a domain that is aligned with it
 *   fail       neither did; v.policy is what the domain asks to be done
 *   none       it has no policy
 *   permerror  what it has published cannot be read, or is there twice: no policy
 *   temperror  its policy, or a result that might have made it pass, is not known now
 *
 * OWNERSHIP  values; texts are read at once. THREADS any
 * TRUST      From and DNS are the sender's
 * SEE        RFC 7489 3.1 (alignment), 3.2, 6.3, 6.4, 6.6
 */
#ifndef HATO_LIB_RULES_DMARC_H
#define HATO_LIB_RULES_DMARC_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/wire/dns/name.h"
#include "lib/wire/smtp/authres.h"

#define DMARC_EVIDENCE_MAX 16
#define DMARC_SAMPLES      100

enum dmarc_policy { DMARC_NONE, DMARC_QUARANTINE, DMARC_REJECT };

struct dmarc_record {
	enum dmarc_policy policy, subdomain_policy; /* p=, sp= */
	bool is_dkim_strict, is_spf_strict;         /* adkim=s, aspf=s */
	unsigned percent;                           /* pct= */
};

/* Does it begin as one of ours (v=DMARC1)? Others at the name do not count. */
bool dmarc_record_is(const char *text, size_t n);
/* E_SYNTAX. */
int dmarc_record_read(const char *text, size_t n, struct dmarc_record *out);

enum dmarc_stage { DMARC_ASKS_DOMAIN, DMARC_ASKS_ORGANISATION, DMARC_KNOWN };

struct dmarc {
	char domain[DNS_NAME_MAX];
	size_t organisation; /* where it begins in `domain` */
	enum dmarc_stage stage;
	bool is_inherited;            /* the record is the organisation's */
	enum authres_result obstacle; /* there is no record, and that is why */
	struct dmarc_record record;
};

enum dmarc_outcome { DMARC_FOUND, DMARC_EMPTY, DMARC_UNKNOWN };

struct dmarc_text {
	const char *octets;
	size_t length;
};

/* In lower case, A-labels. What is no domain (an address literal) has no policy. */
void dmarc_begin(struct dmarc *d, const char *domain);
/* False: nothing more. */
bool dmarc_ask(const struct dmarc *d, char name[DNS_NAME_MAX]);
void dmarc_answer(struct dmarc *d, enum dmarc_outcome outcome, const struct dmarc_text *texts,
		  size_t count);

/* Results of SPF (MAIL FROM, or HELO for the null path) and DKIM. */
struct dmarc_evidence {
	enum authres_result spf;
	const char *spf_domain;
	bool is_dkim_unknown; /* nobody looked */
	size_t dkim_count;
	struct {
		enum authres_result result;
		const char *domain;
	} dkim[DMARC_EVIDENCE_MAX];
};

struct dmarc_verdict {
	enum authres_result result;
	enum dmarc_policy policy; /* of a fail too: for this mail, after sp= and pct= */
	bool is_spf_aligned, is_dkim_aligned;
};

/* sample: 0..99 by chance; the mail is one of those that pct= is about if it is below that. */
struct dmarc_verdict dmarc_judge(const struct dmarc *d, const struct dmarc_evidence *e,
				 unsigned sample);

#endif
