/* dnsbl_zones -- a worker's lists of senders: whether each of them works
 *
 * A list is asked only while its last self-test said that it does not list the whole world: a list
 * that is given up, or whose domain was sold, has been known to. The test asks for 127.0.0.2 (must
 * be listed; else it is said in the log, and goes on) and 127.0.0.1 (must not be): at the start,
 * then every DNSBL_TEST_US, or sooner while the answer is not known. And a list that failed
 * DNSBL_FAILURES times in a row, or said that it does not answer us, is left alone for
 * DNSBL_PAUSE_US (the breaker).
 *
 * OWNERSHIP  the worker's, by smtpgw/checks/dnsbl
 * THREADS    one loop's
 * SEE        RFC 5782 5
 */
#ifndef HATO_SMTPGW_CHECKS_DNSBL_ZONES_H
#define HATO_SMTPGW_CHECKS_DNSBL_ZONES_H

#include "lib/dns.h"
#include "lib/loop.h"
#include "lib/rules/dnsbl.h"

#define DNSBL_TEST_US   (600 * INT64_C(1000000))
#define DNSBL_RETEST_US (5 * INT64_C(1000000))
#define DNSBL_FAILURES  5
#define DNSBL_PAUSE_US  (30 * INT64_C(1000000))

enum dnsbl_state { DNSBL_UNTESTED, DNSBL_WORKS, DNSBL_EMPTY, DNSBL_LISTS_ALL };

struct dnsbl_zone {
	struct dnsbl_list list;
	struct dnsbl_zones *zones;
	enum dnsbl_state state;
	struct dns_question *listed, *unlisted; /* the tests that are under way */
	bool has_listed;                        /* 127.0.0.2 was */
	unsigned failures;                      /* in a row */
	int64_t until_us;                       /* it is left alone */
};

struct dnsbl_zones {
	struct dns *dns;
	struct loop_timer *timer;
	bool is_first; /* of the workers: it writes the log */
	size_t count;
	struct dnsbl_zone zone[DNSBL_LISTS_MAX];
};

/* E_SYNTAX, E_TOO_LARGE, E_NOMEM. The tests begin. */
int dnsbl_zones_open(struct loop *loop, struct dns *dns, const char *text, bool is_first,
		     struct dnsbl_zones **out);
void dnsbl_zones_close(struct dnsbl_zones *z);

bool dnsbl_zone_is_asked(const struct dnsbl_zone *z, int64_t now_us);
/* What became of a question, for the breaker; and what it means. */
enum dnsbl_says dnsbl_zone_heard(struct dnsbl_zone *z, const struct dns_answer *a);

#endif
