/* returned -- a bounce that comes back late puts its address on the sender's suppression list
 *
 * A host that took a mail of ours may find out later that it cannot deliver it, and then sends a
 * notice from <> to the sender. The check holds such a mail's octets as they stream by
 * (smtpgw.return_octets), has returned_report judge them, and notes what is proved in queue.db
 * before the mail goes on into its mailbox. It refuses nothing and marks nothing: the notice is
 * delivered, whatever it proves.
 *
 * Looked at is a mail from <> with a multipart/report to one recipient, who is a subscriber. The
 * session waits for the commit (within checks_timeout). So a notice that was answered 250 has its
 * entry on disk, unless the store was out of reach or too slow, which is counted; one that was not
 * answered comes again, and is noted once.
 */
#ifndef HATO_SMTPGW_CHECKS_RETURNED_H
#define HATO_SMTPGW_CHECKS_RETURNED_H

#include "smtpgw/checks/inspection.h"

extern const struct check check_returned;

#endif
