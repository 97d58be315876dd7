/* spf -- may this address send mail for this domain? The domain's own answer (RFC 7208)
 *
 * check_host() as a machine without I/O: it says what it wants to know of DNS, is told, and ends
 * with a result. Its driver (smtpgw/checks/spf; in the tests the official suite) asks:
 *
 *     struct spf *s;
 *     for (err = spf_begin(&question, &s); (ask = spf_ask(s)); )
 *             spf_answer(s, ...the answer to ask->name, ask->type...);
 *     spf_result(s), spf_explanation(s)
 *
 * How much a record may cost is bounded as the RFC says: 10 terms that ask DNS, over all includes
 * and redirects together; 10 names of an MX, 10 of a PTR; 2 look-ups that come back empty (`a`,
 * `mx`, `exists`; those of PTR are the client's to cause, not the domain's). What passes a limit is
 * `permerror`. So a check asks at most 10 * 11 + 11 + 12 times, and in most cases once to five
 * times.
 *
 * Decided where the RFC leaves it open: a name that cannot be one (an empty label, one over 63
 * octets) is a name that does not exist, and is not asked for; a record over SPF_RECORD_MAX octets
 * is `permerror`; an explanation over SPF_EXPLANATION_MAX is cut.
 *
 * OWNERSHIP  the question and its texts are copied; spf_free at any time. What spf_ask gives lives
 *            until spf_answer, what spf_explanation gives until spf_free.
 * THREADS    any; a check belongs to one
 * TRUST      everything: the sender writes envelope and record. Names in asks hold octets from the
 *            record and from the local part: visible ASCII and spaces.
 * ERRORS     out of memory is SPF_TEMPERROR, later; E_NOMEM from spf_begin
 * SEE        RFC 7208, above all 4.6.4 (limits), 5 (mechanisms), 6 (modifiers), 7 (macros)
 */
#ifndef HATO_LIB_RULES_SPF_H
#define HATO_LIB_RULES_SPF_H

#include "lib/addr.h"

#define SPF_NAME_MAX        253
#define SPF_RECORD_MAX      16384
#define SPF_EXPLANATION_MAX 511
#define SPF_TERMS_MAX       10 /* that ask DNS */
#define SPF_MX_MAX          10
#define SPF_PTR_MAX         10
#define SPF_VOID_MAX        2

enum spf_result {
	SPF_NONE,
	SPF_NEUTRAL,
	SPF_PASS,
	SPF_FAIL,
	SPF_SOFTFAIL,
	SPF_TEMPERROR,
	SPF_PERMERROR,
	SPF_RESULTS
};

struct spf_question {
	struct addr client;
	const char *domain; /* whose record: of the reverse-path, or of HELO */
	/* What %{s}, %{l}, %{o} are: local part dequoted; null or "" is "postmaster". */
	const char *sender_local, *sender_domain;
	const char *helo;
	const char *receiver; /* our own name, for explanations */
	int64_t time_s;
};

enum spf_type { SPF_A, SPF_AAAA, SPF_MX, SPF_TXT, SPF_PTR };

struct spf_ask {
	const char *name; /* no final dot */
	enum spf_type type;
};

enum spf_outcome { SPF_FOUND, SPF_EMPTY, SPF_UNKNOWN }; /* UNKNOWN: no answer, SERVFAIL, ... */

struct spf_text {
	const char *octets;
	size_t length;
};

struct spf_answer {
	enum spf_outcome outcome;
	size_t count;                 /* FOUND: >= 1, of: */
	const struct addr *addresses; /* A, AAAA */
	const char *const *names;     /* MX in order of preference, PTR */
	const struct spf_text *texts; /* TXT, the strings of each joined */
};

struct spf;

int spf_begin(const struct spf_question *q, struct spf **out);
/* Null: it is done. */
const struct spf_ask *spf_ask(const struct spf *s);
void spf_answer(struct spf *s, const struct spf_answer *answer);
void spf_free(struct spf *s);

/* When it is done. */
enum spf_result spf_result(const struct spf *s);
/* What the domain says about a fail, ASCII; "" if nothing. */
const char *spf_explanation(const struct spf *s);
/* Whose record decided, after redirects. */
const char *spf_domain(const struct spf *s);

/* "none", "pass", ... */
const char *spf_word(enum spf_result r);

#endif
