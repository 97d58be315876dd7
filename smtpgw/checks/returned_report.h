/* returned_report -- what a bounce of another host proves
 *
 * Reads a delivery status notification that came to one subscriber, and says which addresses it
 * proves to be dead for his mail. A proof has three parts, and a notice without all of them proves
 * nothing, whatever it says:
 *
 *     a seal of ours (return_seal), in Original-Envelope-Id or in the header that was returned,
 *         that opens and is not too old
 *     the sender in it is the subscriber that the notice came to
 *     who failed (action `failed`, 5.1.1, 5.1.2 or 5.1.10) is a recipient in it
 *
 * Called by the check `returned`. Pure but for the key.
 *
 * OWNERSHIP  values; the rules and the octets are borrowed
 * THREADS    the seal's
 * ERRORS     E_NOMEM
 * TRUST      octets come off the network. Texts that go into an entry are one line of visible ASCII
 * SEE        RFC 3464 2.2.1, 2.3; docs/bounces.md
 */
#ifndef HATO_SMTPGW_CHECKS_RETURNED_REPORT_H
#define HATO_SMTPGW_CHECKS_RETURNED_REPORT_H

#include "db/queue.h"
#include "lib/rules/relay.h"
#include "lib/wire/mailaddr.h"
#include "smtpgw/return_seal.h"

#define RETURNED_SEALS_MAX 4 /* fields of one returned header that are tried */

struct returned_rules {
	struct return_seal *seal;
	int64_t to; /* the subscriber that it came to */
	int64_t now_s, valid_s;
	size_t recipients_max; /* that are looked at */
};

enum returned_verdict {
	RETURNED_UNSEALED, /* no report, or one without anything that looks like a seal */
	RETURNED_FORGED,   /* a seal that does not open */
	RETURNED_FOREIGN,  /* of another subscriber's mail */
	RETURNED_EXPIRED,
	RETURNED_NOTHING, /* about his mail, but of no address that is dead */
	RETURNED_DEAD,
	RETURNED_VERDICTS
};
/* "forged", ..., for the log. */
const char *returned_verdict_word(enum returned_verdict verdict);

struct returned_address {
	char address[MAILADDR_TEXT_MAX + 1]; /* canonical */
	int code;
	char enhanced[SMTP_ENHANCED_MAX + 1];
	char text[RELAY_TEXT_MAX + 1];
	char remote[QUEUE_REMOTE_MAX];
};

struct returned_report {
	enum returned_verdict verdict;
	int64_t mail; /* in the queue, once; from RETURNED_FOREIGN on */
	size_t count; /* RETURNED_DEAD: > 0 */
	struct returned_address dead[RETURN_SEAL_RECIPIENTS];
};

/* The beginning of a message, or all of it. */
int returned_report_read(const struct returned_rules *rules, const uint8_t *octets, size_t n,
			 struct returned_report *out);

#endif
