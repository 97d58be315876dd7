/* message -- an answer of the domain name system, read as the answer to one question
 *
 * Followed from the name that was asked for, along its CNAMEs in whatever order they stand, to the
 * records of the type that was asked for; what else the server added is not believed. How long
 * there is nothing is the SOA's word. Called by lib/dns with what c-ares brought, which has seen to
 * sockets, ids and repetitions (its own parsers do not tell the time to live of MX and TXT records,
 * nor that of an absence).
 *
 * OWNERSHIP  records point into the message. THREADS any
 * TRUST      any octets: pointers go backwards only, all counts and lengths are checked
 * ERRORS     E_SYNTAX: not well formed, not an answer, to another question, cut, a loop of CNAMEs
 * SEE        RFC 1035 4.1 and 3.3, RFC 2181 5.4.1, RFC 2308 5, RFC 3596
 */
#ifndef HATO_LIB_WIRE_DNS_MESSAGE_H
#define HATO_LIB_WIRE_DNS_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire/dns/name.h"

#define DNS_ANSWERS_MAX 1024 /* records of the answer section that are looked at */
#define DNS_CNAMES_MAX  16   /* in a chain */

enum dns_record_type {
	DNS_RECORD_A = 1,
	DNS_RECORD_CNAME = 5,
	DNS_RECORD_SOA = 6,
	DNS_RECORD_PTR = 12,
	DNS_RECORD_MX = 15,
	DNS_RECORD_TXT = 16,
	DNS_RECORD_AAAA = 28
};

enum dns_rcode { DNS_RCODE_OK = 0, DNS_RCODE_NO_NAME = 3 };

struct dns_record {
	const uint8_t *data; /* A: 4 octets; AAAA: 16; TXT: strings, for dns_strings_join */
	size_t length;
	uint16_t preference;     /* MX */
	char name[DNS_NAME_MAX]; /* MX, PTR */
};

struct dns_message {
	unsigned rcode; /* of enum dns_rcode, or another one */
	size_t count;   /* records given to the sink */
	bool is_cut;    /* of more than DNS_ANSWERS_MAX the rest was not looked at */
	uint32_t ttl_s; /* the least on the way; of an absence 0 if there is no SOA */
};

typedef void dns_record_sink(void *arg, const struct dns_record *r);

/* name: as dns_name gives it. type: of enum dns_record_type, not CNAME, not SOA. A record whose
 * name is none that dns_name would pass is left out. */
int dns_message_read(const uint8_t *octets, size_t n, const char *name, uint16_t type,
		     dns_record_sink *sink, void *arg, struct dns_message *out);

/* The strings of a TXT record without what divides them: at most length - 1 octets, how many is
 * returned. `out` may be null. */
size_t dns_strings_join(const uint8_t *data, size_t length, char *out);

#endif
