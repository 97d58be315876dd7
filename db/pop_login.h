/* pop_login -- when an address last opened a maildrop: POP before SMTP
 *
 * Written by popgw at a login and read by smtpgw at MAIL, only where smtpgw.pop_before_smtp is set.
 * A row proves nothing by itself: whoever reads it compares its subscriber and generation with the
 * committed binding of the address now (a lease that moved, a token that was revoked and a
 * quarantine all raise the generation or close the state). Rows are as good as their time: the
 * sweep takes old ones.
 *
 * SEE protocols 6.1; docs/submission.md
 */
#ifndef HATO_DB_POP_LOGIN_H
#define HATO_DB_POP_LOGIN_H

#include "db/db.h"

#define POP_LOGIN_KEEP_US (INT64_C(86400) * 1000000) /* the longest that a setting may ask for */

struct pop_login {
	int64_t subscriber;
	uint32_t generation; /* of the key that holds the address */
	int64_t at_us;
};

/* A login from `source`; done may be null. */
void pop_login_put(struct db_port *, const char *realm, const struct addr *source,
		   const struct pop_login *, db_done *, void *arg);
/* E_NOT_FOUND: none of that address. */
typedef void pop_login_got(void *arg, int err, const struct pop_login *);
void pop_login_find(struct db_port *, const char *realm, const struct addr *source, pop_login_got *,
		    void *arg);

#endif
