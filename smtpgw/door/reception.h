/* reception -- the subscribers' own doors, in the dialogue of one mail
 *
 * What a recipient has chosen (lib/rules/filter.h) is read at RCPT, so the last choice holds. What
 * the envelope decides is said there; the rest at the end of the content: 550 5.7.1 either way,
 * in the same words whatever the reason, so that nobody reads a subscriber's lists out of them.
 * Nothing is refused after the mail was accepted: no bounce, no backscatter.
 *
 * One answer ends a mail for all its recipients. So those whose choice looks at the content share a
 * mail only with others of the same choice; one who chose otherwise gets 452 4.5.3, and his sender
 * brings the mail to him alone (RFC 5321 4.5.3.1.10). Likewise those who want requests for a
 * receipt taken out.
 *
 * Used by peer, after the inspection (smtpgw/checks) has no objection; what was found out about the
 * sender comes from there. And by submission/submitter: our own subscribers write to each other,
 * and who they are is proved.
 *
 * OWNERSHIP  reception_new .. reception_free; the host is borrowed
 * THREADS    one loop's; nothing here waits: the store is read at once
 * ERRORS     no store, no memory: 451, never yes
 */
#ifndef HATO_SMTPGW_DOOR_RECEPTION_H
#define HATO_SMTPGW_DOOR_RECEPTION_H

#include "lib/rules/filter.h"
#include "smtpgw/checks/inspection.h"

struct db_port;
struct reception;

/* What a worker's have in common. */
struct reception_host {
	struct db_port *port;
	const char *carriers; /* carriers.h */
	size_t max_field;     /* octets of a header field that are held */
};

struct reception_mail {
	const struct mailaddr *reverse_path;
	const struct mailaddr *author; /* one who has proved himself: a submission; null: the header
					  tells */
	uint64_t declared;             /* SIZE; 0: not said */
	const char *id;                /* for the log */
};

/* Null: no memory. */
struct reception *reception_new(const struct reception_host *host,
				const struct reception_mail *mail);
/* Null is ignored. */
void reception_free(struct reception *r);

/* Leaves *out alone if this recipient may be taken. is_first: there is no other in the mail. */
void reception_rcpt(struct reception *r, const struct mailaddr *to, bool is_first,
		    struct ruling *out);
/* Do the recipients want requests for a receipt taken out? */
bool reception_takes_receipts(const struct reception *r);
/* Content as the client sent it, less dot stuffing. */
void reception_octets(struct reception *r, const uint8_t *octets, size_t n);
/* The content has ended. found null: nothing was found out. Leaves *out alone if it may be taken.
 */
void reception_complete(struct reception *r, const struct findings *found, struct ruling *out);

#endif
