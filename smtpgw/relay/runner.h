/* runner -- the thread of smtpgw that empties the outbound queue
 *
 *     change feed, timer ──► lanes with something due ──► a lane's destination (or pushsrv)
 *                                                          takes jobs, delivers, settles
 *
 * One thread of its own beside the workers. The queue's file is the truth: in memory are the jobs
 * that are on their way, the destinations that they go to, and nothing of what waits. It looks at
 * the lanes when the change feed says that something became due, when the first one that was not
 * due yet is, and when there is room again; a page of lanes a turn of the loop.
 *
 * A stop takes nothing new, gives back what is not sent yet, and lets a mail whose end has been
 * sent have its answer, for RUNNER_STOP_US; what has none then goes out again, later and maybe
 * twice.
 *
 * THREADS    runner_start from the main thread before the workers start, runner_stop after they
 *            ended; runner_begin_stop from any, once, so that both can end at the same time
 * OWNERSHIP  db, the configuration and our domains are borrowed
 */
#ifndef HATO_SMTPGW_RELAY_RUNNER_H
#define HATO_SMTPGW_RELAY_RUNNER_H

#include "db/db.h"
#include "lib/conf.h"
#include "smtpgw/lmtp_pool.h"
#include "smtpgw/local_domains.h"

#define RUNNER_STOP_US INT64_C(3000000)

struct runner;

/* db: with DB_QUEUE. error[] tells why: certificates, name servers, no thread. */
int runner_start(struct db *db, const struct conf *c, const struct local_domains *ours,
		 const struct lmtp_settings *lmtp, struct runner **out, char error[256]);
void runner_begin_stop(struct runner *r);
void runner_stop(struct runner *r);

#endif
