/* mend -- the header of a submitted mail, made fit to leave the house, as the mail streams by
 *
 * What a phone says of itself is checked against whose phone it is, and what it should not say or
 * forgot to say is put right (RFC 6409 8):
 *
 *   From, Sender, Resent-From, Resent-Sender
 *                   every address in them is the subscriber's own, else MEND_FOREIGN; or, with
 *                   `rewrites`, the field names his address instead, without the name before it.
 *                   What cannot be read as an address is nobody's. A second From or Sender likewise
 *   From            is added if it is missing
 *   Bcc, Resent-Bcc, Authentication-Results, Return-Path
 *                   are left out: the first is nobody's business, the others are not a phone's to
 *                   say
 *   Date, Message-ID
 *                   are added if they are missing
 *
 * All other octets pass unchanged and in order; added fields stand last. A line in the header that
 * is no field, and a header over its limits, are refused: below them other readers may see a From
 * that was not seen here.
 *
 * Nothing is buffered but one field (lib/wire/smtp/header). After a verdict other than MEND_GOOD
 * nothing more is written; what was written before is void.
 *
 * OWNERSHIP  mend_end frees; rules and their texts are borrowed until then
 * THREADS    one
 * TRUST      octets come off the network
 * SEE        RFC 5322 3.6; RFC 6409 6.1, 8; RFC 8601 5 (Authentication-Results); docs/submission.md
 */
#ifndef HATO_SMTPGW_SUBMISSION_MEND_H
#define HATO_SMTPGW_SUBMISSION_MEND_H

#include "db/db.h"
#include "lib/wire/mailaddr.h"
#include "lib/wire/smtp/data.h"
#include "lib/wire/smtp/header.h"

struct mend_rules {
	const struct subscriber *owner;
	const struct mailaddr *own; /* which of his addresses is written */
	bool rewrites;              /* else foreign addresses are refused */
	const char *hostname, *id;  /* of the Message-ID */
	int64_t now_s;
	struct header_limits limits;
};

enum mend_verdict {
	MEND_GOOD,
	MEND_FOREIGN,   /* From or Sender is not the subscriber's */
	MEND_NO_FIELD,  /* a line of the header is no field */
	MEND_TOO_LARGE, /* the header, or a field that must be read */
	MEND_NO_MEMORY,
	MEND_VERDICTS
};

struct mend {
	const struct mend_rules *rules;
	smtp_sink sink;
	void *arg;
	enum mend_verdict verdict;

	struct header header; /* from here on: its own */
	unsigned seen;
	bool drops; /* what follows of this field, too */
};

void mend_begin(struct mend *m, const struct mend_rules *rules, smtp_sink sink, void *arg);
void mend_octets(struct mend *m, const uint8_t *in, size_t n);
/* After the last octet. */
enum mend_verdict mend_finish(struct mend *m);
/* At any time; a zeroed struct is an ended one. */
void mend_end(struct mend *m);

/* The n-th address of a subscriber, as provisioned. */
void mend_own_address(const struct subscriber *owner, size_t n, struct mailaddr *out);

#endif
