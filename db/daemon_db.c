#include "db/daemon_db.h"

#include <stdlib.h>

#include "lib/clock.h"
#include "lib/err.h"

#define DAY_US (86400 * CLOCK_S)

int daemon_db_open(struct daemon *d, const struct db_options *own, struct db **out)
{
	const struct conf *c = daemon_conf(d);
	char *dir = conf_path(c, c->db_dir), *run = conf_path(c, c->paths_run);
	struct db_options o = *own;

	o.dir = dir;
	o.hint_dir = o.files == DB_FILE(DB_SMSC) ? NULL : run;
	o.lease = (struct lease_limits){.max_skew_us = c->authsrv_max_skew * CLOCK_S,
					.max_age_us = c->authsrv_max_age * CLOCK_S,
					.lag_us = c->authsrv_lag * CLOCK_S};
	o.queue_max = (size_t)c->db_queue_max;
	o.group_max = (size_t)c->db_group_max;
	o.group_bytes = (size_t)c->db_group_bytes;
	o.queue_mails = (uint64_t)c->smtpgw_queue_mails;
	o.queue_octets = (uint64_t)c->smtpgw_queue_octets;
	o.history_keep_us = c->authsrv_history * DAY_US;
	o.tombstone_us = c->authsrv_tombstone * DAY_US;
	int err = dir && run ? db_open(&o, out) : E_NOMEM;
	if (err)
		daemon_fail(d, "database in %s: %s", dir ? dir : c->db_dir, err_text(err));
	free(dir);
	free(run);
	return err;
}
