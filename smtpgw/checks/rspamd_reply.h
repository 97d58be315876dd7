/* rspamd_reply -- what rspamd's answer says
 *
 * Pure: the JSON of /checkv2 in, a verdict out. An action that is not known is none (E_RANGE), as
 * is what is no such JSON (E_SYNTAX). OWNERSHIP values. THREADS any. TRUST rspamd's word about
 * mail, and so partly the sender's: what goes into a reply or a header is made printable ASCII.
 */
#ifndef HATO_SMTPGW_CHECKS_RSPAMD_REPLY_H
#define HATO_SMTPGW_CHECKS_RSPAMD_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#define RSPAMD_TEXT_MAX 200

enum rspamd_action {
	RSPAMD_NONE,
	RSPAMD_GREYLIST,
	RSPAMD_MARK, /* add header, rewrite subject */
	RSPAMD_SOFT_REJECT,
	RSPAMD_REJECT
};

struct rspamd_reply {
	enum rspamd_action action;
	const char *word; /* a literal: rspamd's own for it */
	double score;
	char text[RSPAMD_TEXT_MAX + 1]; /* for the sender; "" */
};

int rspamd_reply_read(const char *json, size_t n, struct rspamd_reply *out);

#endif
