/* notices -- the bounces that the outcome of a job makes due
 *
 * Called by the settler, which puts them into the queue in the transaction that settles the job. A
 * notice goes to the mail's reverse-path, from <>, in the lane of that address, and is itself
 * nobody's mail (NOTIFY=NEVER). One tells of one action and of at most NOTICE_RECIPIENTS of the
 * job. Its Message-ID is made from the mail's place in the queue, its first recipient and the
 * action: whoever writes it again, after a crash, writes the same one.
 *
 * OWNERSHIP  notices_free frees what notices_make made; the job and the settings are borrowed
 * until then
 * THREADS    any
 * SEE        lib/wire/smtp/dsn.h; RFC 3461 6; docs/bounces.md
 */
#ifndef HATO_SMTPGW_RELAY_NOTICES_H
#define HATO_SMTPGW_RELAY_NOTICES_H

#include "lib/rules/relay.h"
#include "lib/wire/smtp/dsn.h"
#include "smtpgw/local_domains.h"
#include "smtpgw/relay/job.h"

#define NOTICE_RECIPIENTS 30

struct notices_settings {
	const char *hostname; /* ours */
	const struct local_domains *ours;
	int64_t give_up_us;
	size_t header_max; /* of a mail's header that goes back */
	size_t full_max;   /* of a mail that goes back whole, if RET=FULL was said */
};

/* What the sender hears of one recipient. */
struct notice_about {
	enum relay_notice notice;
	bool is_expired;
};

struct notices {
	struct queue_new *mails;
	size_t count;

	struct dsn_letter *letters; /* from here on: its own */
	struct queue_recipient_new to;
	char address[MAILADDR_TEXT_MAX + 1], canonical[MAILADDR_TEXT_MAX + 1];
	char lane[QUEUE_LANE_MAX];
};

/* Is there anybody to be told? Not for a mail from <>. */
bool notices_can_go(const struct notices_settings *settings, const struct job *j);

/* `about`: one for each of the job's recipients. E_NOMEM. */
int notices_make(const struct notices_settings *settings, const struct job *j,
		 const struct notice_about *about, int64_t now_us, struct notices *out);
void notices_free(struct notices *n);

#endif
