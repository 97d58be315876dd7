/* dnsbl -- lists of senders' addresses in DNS: which are asked, what an answer means
 *
 * A list is named with a score: positive for bad senders (DNSBL), negative for good ones (DNSWL).
 * An address that several lists have gets the sum of their scores.
 *
 *     bl.example=5                any answer in 127.0.0.0/8 is a listing
 *     zen.example=3:4-7           only 127.x.x.4 to 127.x.x.7
 *     zen.example=1:10+11         another row for the same zone: its other codes weigh less
 *     bits.example=2:&12          an answer whose last octet has one of the bits 4 and 8
 *     good.example=-4:2+3         a list of good senders
 *
 * An answer outside 127/8 is a dead or hijacked zone and ignored; 127.255.255.x is the list's way
 * to say that it does not answer us (wrong name, public resolver, too many questions): an error,
 * never a listing.
 *
 * OWNERSHIP  values. THREADS any
 * ERRORS     E_SYNTAX: no NAME=SCORE[:CODES], a name that is none, a score or code out of bounds
 *            (*bad is then where in the text); E_TOO_LARGE: more than max lists
 * SEE        RFC 5782 2.1, 2.3, 2.4, 5
 */
#ifndef HATO_LIB_RULES_DNSBL_H
#define HATO_LIB_RULES_DNSBL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/wire/dns/name.h"

#define DNSBL_LISTS_MAX 32
#define DNSBL_CODES_MAX 16
#define DNSBL_SCORE_MAX 1000

struct dnsbl_code {
	uint8_t first, last; /* of the last octet; is_bits: first is a mask */
	bool is_bits;
};

struct dnsbl_list {
	char zone[DNS_NAME_MAX];
	int score;
	struct dnsbl_code codes[DNSBL_CODES_MAX];
	size_t code_count; /* 0: any */
};

/* Rows, divided by commas or blanks. An empty text is no list. */
int dnsbl_parse(const char *text, struct dnsbl_list *out, size_t max, size_t *n, const char **bad);

enum dnsbl_says { DNSBL_CLEAR, DNSBL_LISTED, DNSBL_ERROR };
enum dnsbl_says dnsbl_judge(const struct dnsbl_list *list, const struct addr *answers, size_t n);

/* Is there a point in asking about it? Not of loopback, private, shared (CGN), link-local, unique
 * local, documentation and reserved addresses. */
bool dnsbl_is_public(const struct addr *a);

#endif
