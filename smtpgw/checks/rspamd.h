/* rspamd -- a mail's content is shown to rspamd, for those who run it (smtpgw.rspamd_url)
 *
 * The content is kept as it streams by and, at its end, put to rspamd's normal worker with the
 * envelope; what it says decides: `reject` 550 5.7.1 with its words, `soft reject` and `greylist`
 * 451 4.7.1 (a mail that it wants greylisted is let in when it comes again after
 * smtpgw.greylist_delay, whether or not smtpgw.greylist is on), `add header` and `rewrite subject`
 * a field X-Spam: Yes on top. X-Spamd-Result tells action and score of every mail that it saw. A
 * mail that is too large, or one too many at a time, is not shown; and without a sensible answer in
 * time the mail goes on.
 *
 * rspamd asks DNS and keeps statistics on its own account.
 *
 * THREADS    a worker's loop
 * SEE        rspamd's "Protocol": POST /checkv2
 */
#ifndef HATO_SMTPGW_CHECKS_RSPAMD_H
#define HATO_SMTPGW_CHECKS_RSPAMD_H

#include "smtpgw/checks/inspection.h"

extern const struct check check_rspamd;

#endif
