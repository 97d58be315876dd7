/* spf_record -- the text of an SPF record, read
 *
 * The whole record is read before anything is judged by it: a mistake anywhere makes it void. What
 * is read points into the record's text. Pure; any thread. For lib/rules/spf and its tests.
 *
 * SEE RFC 7208 4.5, 4.6.1, 5, 6, 7.1 and 12 (the grammar)
 */
#ifndef HATO_LIB_RULES_SPF_RECORD_H
#define HATO_LIB_RULES_SPF_RECORD_H

#include "lib/rules/spf.h"

enum spf_mechanism {
	SPF_MECHANISM_ALL,
	SPF_MECHANISM_INCLUDE,
	SPF_MECHANISM_A,
	SPF_MECHANISM_MX,
	SPF_MECHANISM_PTR,
	SPF_MECHANISM_IP4,
	SPF_MECHANISM_IP6,
	SPF_MECHANISM_EXISTS,
	SPF_MECHANISMS
};

/* A piece of the record. */
struct spf_piece {
	const char *at; /* null: it was not there */
	size_t len;
};

struct spf_term {
	enum spf_mechanism mechanism;
	enum spf_result qualifier; /* what a match makes */
	struct spf_piece spec;     /* a domain-spec, with its macros */
	struct addr network;       /* IP4, IP6 */
	uint8_t plen4, plen6;      /* 32 and 128 if not said */
};

struct spf_record {
	struct spf_term *terms; /* in their order */
	size_t count;
	struct spf_piece redirect, exp;
};

/* Is this TXT an SPF record of version 1? */
bool spf_record_is(const char *text, size_t n);

/* E_SYNTAX; E_NOMEM. `text` is borrowed until spf_record_clear. */
int spf_record_parse(const char *text, size_t n, struct spf_record *out);
void spf_record_clear(struct spf_record *r);

#endif
