/* prompt -- the first datagram of a mail leaves by the thread that committed the mail
 *
 *     COMMIT returned -> last look at the binding -> sign -> sendmmsg -> 250, change feed
 *
 * On the writer's thread of the store (db/outbox.h, triggers_prompt): waking our own would be what
 * a datagram waits for longest when the processors are busy. It never blocks: what the socket, the
 * network or the store would not do at once is handed to the triggers' loop, which sends it from
 * the send log, and sees to refusals. More than fits is left to the schedule, which repeats it.
 *
 * OWNERSHIP  all in the options is borrowed. prompt_free after the loop has ended
 * THREADS    prompt_new, prompt_free, prompt_is_any_left: the loop's or before and after it; the
 *            rest is the writer's
 * SEE        binding rules 6
 */
#ifndef HATO_PUSHSRV_PROMPT_H
#define HATO_PUSHSRV_PROMPT_H

#include "db/outbox.h"
#include "pushsrv/outgoing.h"

struct prompt;

struct prompt_options {
	struct db *db;
	struct loop *loop;
	const struct outgoing *outgoing;
	/* On the loop: a row of the send log that did not leave. False: it cannot leave now. */
	bool (*left)(void *arg, int64_t log);
	void *arg;
};

int prompt_new(const struct prompt_options *options, struct prompt **out);
/* Is there one that was logged and did not leave, and was not handed over? */
bool prompt_is_any_left(struct prompt *p);
void prompt_free(struct prompt *p);

#endif
