/* dns -- questions to the domain name system, answered on a loop that never waits
 *
 * smtpgw's checks (SPF, DKIM, DMARC, DNSBL) and its way out (MX) ask here. A question that is known
 * is answered from the cache; one that is already under way is joined; any other goes to the
 * configured servers by c-ares, by UDP, and by TCP when the answer was cut. What cannot be known in
 * time is DNS_TEMPORARY, never a guess: when the asker's deadline passes (the question goes on and
 * fills the cache), when too many are under way, when there is no server, and at once while no
 * server answers anything: then one question a second is let through to find out (the breaker).
 *
 *     static void on_mx(void *arg, const struct dns_answer *a) { ... a->mx[i].host ... }
 *     x->question = dns_ask(dns, "example.org", DNS_MX, 0, on_mx, x);
 *
 * Each asker hears exactly one answer, maybe before dns_ask returns (then it returns null), unless
 * it cancels. An `answered` may ask and cancel; it must not dns_close.
 *
 * OWNERSHIP  an answer and all that it points to is borrowed for the call of `answered`: copy what
 *            is to stay. A handle is the asker's until its answer or dns_cancel, then void.
 * THREADS    one loop's. An instance, with a cache of its own, a loop.
 * TRUST      names are checked (lib/wire/dns/name); answers are read by lib/wire/dns/message, so
 *            far as they belong to the question or to the end of its CNAMEs. The way to the
 *            servers is as trustworthy as the network between: have a resolver on this machine.
 * UNITS      deadlines by clock_mono_us; ttl in seconds
 * SEE        RFC 1034, 1035, 2308 (what is not there), 3596 (AAAA), 7505 (null MX)
 */
#ifndef HATO_LIB_DNS_H
#define HATO_LIB_DNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"
#include "lib/wire/dns/name.h"

#define DNS_RECORDS_MAX 256 /* of one answer; more are cut off */

struct conf;
struct loop;
struct dns;
struct dns_question; /* one asker's handle */

enum dns_type { DNS_A, DNS_AAAA, DNS_MX, DNS_TXT, DNS_PTR, DNS_TYPES };

enum dns_outcome {
	DNS_FOUND,    /* count >= 1 */
	DNS_NO_DATA,  /* the name is there, but has nothing of this type */
	DNS_NO_NAME,  /* there is no such name, or it cannot be a name */
	DNS_TEMPORARY /* nobody knows now: no answer, SERVFAIL, REFUSED, nonsense, too many
			 questions */
};

struct dns_mx {
	uint16_t preference;
	const char *host; /* lower case, no final dot; "" is the root: a null MX (RFC 7505) */
};

/* One TXT record, its strings joined; any octets, also NUL. A NUL follows the last one. */
struct dns_text {
	const char *octets;
	size_t length;
};

/* What was asked for decides which list is there. */
struct dns_answer {
	enum dns_outcome outcome;
	size_t count;
	bool is_cut;                  /* there were more than DNS_RECORDS_MAX */
	int64_t ttl_s;                /* how long it may still be believed; 0: now only */
	const struct addr *addresses; /* DNS_A, DNS_AAAA */
	const struct dns_mx *mx;      /* DNS_MX, the most preferred first */
	const struct dns_text *texts; /* DNS_TXT, in the server's order */
	const char *const *names;     /* DNS_PTR: lower case, no final dot */
};

struct dns_settings {
	const char *
		servers; /* "": the system's; "none": no DNS; ADDR[:PORT] or [ADDR6]:PORT, commas */
	int64_t timeout_us;   /* of a question, all servers and repetitions together */
	size_t cache_entries; /* 0: no cache */
	size_t cache_octets;
	size_t in_flight;   /* questions to the servers at a time */
	int64_t ttl_max_s;  /* what is there is believed no longer than this, */
	int64_t ttl_none_s; /* and what is not there no longer than this */
};

/* smtpgw.dns_*; texts borrowed from the configuration. */
struct dns_settings dns_settings_of(const struct conf *c);

/* Before the threads start; idempotent. */
void dns_register_metrics(void);

/* settings are copied. E_SYNTAX: `servers`; E_NOMEM; E_IO: the system's list cannot be read. */
int dns_open(struct loop *loop, const struct dns_settings *settings, struct dns **out);
/* Whoever still asks is not answered. */
void dns_close(struct dns *dns);

typedef void dns_answered(void *arg, const struct dns_answer *answer);

/* name: any case, with or without a final dot. deadline_us: 0 = settings.timeout_us from now. Null:
 * `answered` was called already. */
struct dns_question *dns_ask(struct dns *dns, const char *name, enum dns_type type,
			     int64_t deadline_us, dns_answered *answered, void *arg);
/* Null is nothing. */
void dns_cancel(struct dns_question *q);

/* False: a question asked now, unless its answer is cached, would be DNS_TEMPORARY: there is no
 * server, or none answers. For callers that would rather not begin. */
bool dns_is_up(const struct dns *dns);

#endif
