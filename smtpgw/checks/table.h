/* table -- which checks there are
 *
 * In the order in which a refusal counts, and in which each concludes: who judges by what others
 * found stands behind them. A new check is a file with a `const struct check` and a row here.
 */
#ifndef HATO_SMTPGW_CHECKS_TABLE_H
#define HATO_SMTPGW_CHECKS_TABLE_H

#include "smtpgw/checks/inspection.h"

/* For inspector.checks; null at the end. */
extern const struct check *const check_table[];

#endif
