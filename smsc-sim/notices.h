/* notices -- what ESMEs get by deliver_sm: receipts, intermediate notifications, messages
 *
 * Each account has a queue; its receiving links take turns, each as far as its window goes. What an
 * ESME does not answer before its link ends goes back to the front; what it refuses for now is
 * sent again after receipt_retry_seconds, what it refuses for good is dropped. A message is in one
 * place of one queue at a time: when it becomes final while an intermediate notification waits,
 * that becomes the receipt.
 *
 * OWNERSHIP  a queued message is pinned. THREADS the loop's
 * SEE        SMPP 3.4 4.6, 5.2.12, 5.2.17, Appendix B; protocols 3.2
 */
#ifndef HATO_SMSC_SIM_NOTICES_H
#define HATO_SMSC_SIM_NOTICES_H

#include "smsc-sim/smsc.h"

/* Something of m is due to an account. NOTICE_NONE: nothing. */
void notices_add(struct smsc *s, struct message *m, int account, enum notice what);
/* Takes the message itself (NOTICE_MESSAGE) out of its queue: it expired or was cancelled. False:
 * it is on its way. */
bool notices_remove(struct smsc *s, struct message *m);
/* Sends what can be sent. */
void notices_pump(struct smsc *s, struct account *a);
/* Once a second: those that were refused for now. */
void notices_tick(struct smsc *s, int64_t now_us);

/* By link: the ESME answered; the link ended before it did. */
void notices_answered(struct smsc *s, struct account *a, struct message *m, uint32_t status);
void notices_returned(struct smsc *s, struct message *m);

/* At the end: no link is open, nothing will be sent. */
void notices_drop_all(struct smsc *s);

#endif
