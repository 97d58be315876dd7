#include "smtpgw/checks/table.h"

#include "smtpgw/checks/author.h"
#include "smtpgw/checks/client_name.h"
#include "smtpgw/checks/dkim.h"
#include "smtpgw/checks/dmarc.h"
#include "smtpgw/checks/dnsbl.h"
#include "smtpgw/checks/greylist.h"
#include "smtpgw/checks/lookalike.h"
#include "smtpgw/checks/null_mx.h"
#include "smtpgw/checks/returned.h"
#include "smtpgw/checks/rspamd.h"
#include "smtpgw/checks/spf.h"
#include "smtpgw/checks/traps.h"

const struct check *const check_table[] = {
	&check_author, /* whose header From it is, for those below */
	&check_client_name,
	&check_traps,
	&check_dnsbl,
	&check_null_mx,
	&check_spf,
	&check_dkim,
	&check_dmarc,     /* by what the two before it found */
	&check_lookalike, /* and this by what DMARC says */
	&check_rspamd,
	&check_returned,
	&check_greylist, /* for now, after all that is for good */
	NULL,
};
