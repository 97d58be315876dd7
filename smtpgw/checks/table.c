#include "smtpgw/checks/table.h"

const struct check *const check_table[] = {
	&check_dnsbl,
	NULL,
};
