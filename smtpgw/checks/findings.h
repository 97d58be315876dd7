/* findings -- what was found out about one mail on its way in
 *
 * Pure data: each check of the inspection writes its own part, the trace fields are written from
 * it, the policy of the MX and the subscriber's door (which copies what it needs) judge by it. A
 * part that nobody looked at is zero, which is AUTHRES_UNCHECKED for a result. Parts that come from
 * the header or the body are there only when the content has ended.
 *
 * A `temperror` says that DNS did not answer; it never is a reason to refuse.
 *
 * OWNERSHIP  values; the whole belongs to its inspection
 * TRUST      all texts come from the sender or from DNS. Domains are checked by who writes them: in
 *            lower case, without a final dot, no blank and no control character in them.
 * SEE        RFC 7208, 6376, 7489, 5782, 8601
 */
#ifndef HATO_SMTPGW_CHECKS_FINDINGS_H
#define HATO_SMTPGW_CHECKS_FINDINGS_H

#include "lib/addr.h"
#include "lib/wire/mailaddr.h"
#include "lib/wire/smtp/authres.h"
#include "lib/wire/smtp/command.h"

#define FINDINGS_DOMAIN_MAX   255
#define FINDINGS_SELECTOR_MAX 255
#define FINDINGS_TEXT_MAX     255 /* of an explanation or a list's reason */
#define FINDINGS_DKIM_MAX     8   /* signatures that are looked at */
#define FINDINGS_ACTION_MAX   23  /* of rspamd */
#define FINDINGS_LISTS_MAX    8   /* lists whose name is kept; the score counts all */

struct finding_spf {
	enum authres_result result;
	char domain[FINDINGS_DOMAIN_MAX + 1];    /* whose record was asked for */
	char explanation[FINDINGS_TEXT_MAX + 1]; /* fail: what the domain says (exp=); else "" */
};

struct finding_dkim {
	enum authres_result result;
	char domain[FINDINGS_DOMAIN_MAX + 1];     /* d= */
	char selector[FINDINGS_SELECTOR_MAX + 1]; /* s= */
	char reason[FINDINGS_TEXT_MAX + 1];       /* "" if there is nothing to add */
};

enum finding_policy { FINDING_POLICY_NONE, FINDING_POLICY_QUARANTINE, FINDING_POLICY_REJECT };

struct finding_dmarc {
	enum authres_result result;
	char domain[FINDINGS_DOMAIN_MAX + 1]; /* the header From's that was judged */
	enum finding_policy policy;           /* what that domain asks for, of this mail */
	bool is_spf_aligned, is_dkim_aligned;
};

struct finding_list {
	char zone[FINDINGS_DOMAIN_MAX + 1];
	char reason[FINDINGS_TEXT_MAX + 1];
	int score; /* negative: a list of good senders */
};

struct findings {
	/* The envelope: there from MAIL on. */
	struct addr client;
	char helo[SMTP_HELO_MAX + 1];
	struct mailaddr reverse_path;

	/* The client's address and its name. */
	enum authres_result iprev;          /* pass: the name leads back to the address */
	char rdns[FINDINGS_DOMAIN_MAX + 1]; /* such a name; "" if there is none */
	bool is_sender_null_mx;             /* its domain says that it never sends mail */
	int score;                          /* of all lists that have the client */
	size_t list_count;
	struct finding_list lists[FINDINGS_LISTS_MAX];

	/* Who says that it is from whom. */
	struct finding_spf spf_helo, spf_mail_from;
	struct finding_spf spf_from; /* of the header From's domain: the carriers' way */
	size_t from_count;           /* addresses in all From fields; only one is orderly */
	struct mailaddr from;        /* the first */
	size_t dkim_count;           /* 0, and the first is `none`: there is no signature */
	struct finding_dkim dkim[FINDINGS_DKIM_MAX];
	struct finding_dmarc dmarc;
	char lookalike[FINDINGS_DOMAIN_MAX + 1]; /* the domain that From imitates; "" */
	bool is_lookalike_told; /* the only recipient knows that domain: it may be named to him */

	/* rspamd's word (smtpgw.rspamd_url), "" if there is none. */
	char rspamd_action[FINDINGS_ACTION_MAX + 1]; /* "no action", "add header", ... */
	double rspamd_score;
	bool is_spam; /* it wants the mail to be marked */

	/* The content. */
	bool has_url;
	bool asks_receipt; /* Disposition-Notification-To */
	uint64_t size;     /* octets, as the client sent them */
};

#endif
