#include "smtpgw/checks/table.h"

#include "smtpgw/checks/author.h"
#include "smtpgw/checks/client_name.h"
#include "smtpgw/checks/null_mx.h"
#include "smtpgw/checks/spf.h"

const struct check *const check_table[] = {
	&check_author, &check_client_name, &check_dnsbl, &check_null_mx, &check_spf, NULL,
};
