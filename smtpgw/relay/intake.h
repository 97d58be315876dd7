/* intake -- jobs out of the queue, and the count of those that are in memory
 *
 * What a lane has due is taken as jobs, each looked at: its first octets are read, and one that is
 * not to be sent at all (it went in circles) is settled here. No more than `mails_max` jobs are in
 * memory at a time, those with it whose outcome is on its way to the disk: a store that is slow
 * slows the relay down.
 *
 * OWNERSHIP  a job belongs to whom `taken` hands it, who ends it by intake_settle or
 *            intake_give_back
 * THREADS    one loop's
 */
#ifndef HATO_SMTPGW_RELAY_INTAKE_H
#define HATO_SMTPGW_RELAY_INTAKE_H

#include "smtpgw/relay/settler.h"

struct intake;

struct intake_options {
	struct loop *loop;
	struct db_port *port;
	struct settler_rules rules;
	size_t mails_max;
	size_t recipients; /* of a job */
	unsigned received_max;
	/* A job has gone, so there is room; its lane is due again then (INT64_MAX: not by itself).
	 * It must not take any from inside this call. */
	void (*room)(void *arg, int64_t next_us);
	void *arg;
};

int intake_new(const struct intake_options *options, struct intake **out); /* E_NOMEM */
void intake_free(struct intake *in);

/* At most `jobs` of the lane's, in the order in which they are due. *is_dry: nothing more is due
 * there now. Returns how many `taken` was called with. */
size_t intake_take(struct intake *in, int64_t lane, size_t jobs, bool *is_dry,
		   void (*taken)(void *arg, struct job *j), void *arg);
size_t intake_room(const struct intake *in);
/* Jobs in memory; of them those that are being settled. */
size_t intake_count(const struct intake *in);
size_t intake_settling(const struct intake *in);

/* As settler_settle and settler_give_back. */
void intake_settle(struct intake *in, struct job *j, int64_t not_before_us);
void intake_give_back(struct intake *in, struct job *j);

#endif
