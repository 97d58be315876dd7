/* prompt -- a mail's first datagrams, handed to whoever sends them by the thread that committed it
 *
 * The transaction of a mailbox's first mail logs its datagrams (outbox_send_first). The writer
 * keeps them until its COMMIT has returned, and calls db/outbox.h's trigger_prompt before anybody
 * else hears of the commit: no thread has to be woken, and nothing has to be read again, before
 * they leave. Up to PROMPT_MAX a group; those of others are told by the change feed, as all are
 * where nobody prompts.
 *
 * CALLERS    mail_accept.c, writer.c
 * THREADS    the writer of mail.db; triggers_prompt() any
 */
#ifndef HATO_DB_PROMPT_H
#define HATO_DB_PROMPT_H

#include "db/db_private.h"
#include "db/outbox.h"

#define PROMPT_MAX 32 /* a larger group is a backlog: its sessions wait for their replies, too */

/* In a transaction: they are the prompt's, if it is committed. False: there is none, or no room. */
bool prompt_keep(struct db *, struct engine *e, const struct trigger_out *out, size_t n);
/* After the COMMIT. */
void prompt_committed(struct db *, struct engine *e);

#endif
