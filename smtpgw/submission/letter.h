/* letter -- a submitted mail on its way into the queue
 *
 * Gathers recipients, mends the header (mend) and puts the content by: up to BODY_INLINE_MAX in
 * memory, a larger one into queue.db piece by piece as it comes, one piece in flight at a time.
 * While it is full the giver waits (letter_is_full, then `drained`), so a mail costs about two
 * pieces of memory however large it is. letter_finish commits: the binding of the sender is looked
 * at in that very transaction. When it is on disk, the domains that it goes to are noted as ones
 * that its sender corresponds with.
 *
 * OWNERSHIP  letter_free at any time, also from inside its callbacks; with an operation of the
 * store in flight it lives on unseen until that has completed, and its pieces are swept. The texts
 * of letter_new's argument are borrowed until letter_free, the rest is copied THREADS    the port's
 */
#ifndef HATO_SMTPGW_SUBMISSION_LETTER_H
#define HATO_SMTPGW_SUBMISSION_LETTER_H

#include "db/queue.h"
#include "smtpgw/submission/mend.h"

struct letter_ops {
	/* After letter_is_full: more may come. What failed is told of at the end. */
	void (*drained)(void *arg);
	/* After letter_finish: on disk, or why not (errors of queue_put). */
	void (*stored)(void *arg, int err, int64_t mail);
};

struct letter_new {
	struct db_port *port;
	const struct subscriber *owner; /* copied */
	struct mailaddr own;            /* his address as the sender */
	bool rewrites;
	int64_t correspondents; /* of the owner, that are kept (db/correspondent); 0: none */
	const char *hostname, *id;
	struct header_limits limits;
	const struct letter_ops *ops;
	void *arg;
};

/* What the envelope says. */
struct letter_envelope {
	struct access_via via;
	const struct mailaddr *reverse_path;
	const char *envid;
	enum smtp_ret ret;
	bool is_utf8, is_8bit;
};

struct letter;

/* Null: out of memory. */
struct letter *letter_new(const struct letter_new *n);
void letter_free(struct letter *l);

/* `lane` as db/queue.h has it. E_NOMEM. */
int letter_add(struct letter *l, const struct mailaddr *to, const char *lane, unsigned notify,
	       const char *orcpt);
void letter_octets(struct letter *l, const uint8_t *octets, size_t n);
bool letter_is_full(const struct letter *l);

/* After the last octet. What the header was found to be: if it is good, `stored` follows, maybe
 * before this returns. Else nothing was stored. */
enum mend_verdict letter_finish(struct letter *l, const struct letter_envelope *envelope);

/* Of the mended content. */
uint64_t letter_size(const struct letter *l);

#endif
