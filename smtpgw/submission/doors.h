/* doors -- the submission ports of all realms, and what their sessions share
 *
 * A realm has its own pair (STARTTLS, implicit TLS): where a phone's connection came in says in
 * which address space its address is. The default realm's ports, device and balancers are smtpgw's
 * settings; another realm names its own. A struct submission is the process's, a struct
 * submission_worker one worker's, with its keyring.
 *
 * OWNERSHIP  submission_free, submission_worker_free; conf, port and tls are borrowed
 * THREADS    submission_new: the main thread; the workers' on their loops
 * ERRORS     said with daemon_fail already
 */
#ifndef HATO_SMTPGW_SUBMISSION_DOORS_H
#define HATO_SMTPGW_SUBMISSION_DOORS_H

#include "lib/balancers.h"
#include "lib/daemon.h"
#include "lib/listener.h"
#include "smtpgw/submission/submitter.h"

#define SUBMISSION_DOORS_MAX (CONF_REALMS_MAX * 2)

struct submission {
	const struct conf *conf;
	struct tls_server *tls;
	struct addr listen;
	struct admission *admission; /* its own: a crowd at the MX port keeps no phone out */
	struct balancers *balancers[CONF_REALMS_MAX]; /* of each realm; null: none */
	struct rate *rate;
	enum login_ids login_ids;
};

int submission_new(struct daemon *d, struct tls_server *tls, struct submission **out);
void submission_free(struct submission *s);

struct submission_worker {
	const struct submission *all;
	struct daemon *daemon;
	struct loop *loop;
	struct submission_host host;
	struct loop_timer *tick; /* re-reads the keyring */
	struct connections *connections;
	struct submission_door doors[SUBMISSION_DOORS_MAX];
	size_t door_count;
};

/* `reception` and `driver`: the MX port's, from which what both have is taken. */
int submission_worker_new(struct daemon *d, const struct submission *all, struct loop *loop,
			  const struct reception_host *reception, const struct driver_host *driver,
			  struct connections *connections, struct submission_worker **out);
/* No more connections. */
void submission_worker_stop(struct submission_worker *w);
/* When all of them have ended and the port was closed: what was in flight there has completed. */
void submission_worker_free(struct submission_worker *w);

#endif
