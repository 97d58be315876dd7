/* link -- one connection to another host: the SMTP client joined to its socket, its timers and the
 * mail that is on it
 *
 *     link_open      connects; ops.ready when the host has welcomed us, or ops.closed with
 *                    link_failure's answer
 *     link_send      READY: a job; ops.done when each of its recipients has an answer. If the host
 *                    takes another one, link_is_ready then
 *     link_close     says QUIT when nothing is on it, else after its mail
 *
 * Content is read from the queue in pieces, the next one when the one before has left for the
 * kernel: a mail of any size costs one piece. Each wait has a limit (link_settings.wait_us), the
 * content one a piece. A host that is idle for idle_us is let go.
 *
 * OWNERSHIP  a job is the link's from link_send to ops.done. The link is gone when ops.closed
 *            returns; that comes from the loop, never from inside a call of the owner's.
 * THREADS    one loop's
 */
#ifndef HATO_SMTPGW_RELAY_LINK_H
#define HATO_SMTPGW_RELAY_LINK_H

#include "lib/conn.h"
#include "smtpgw/relay/job.h"
#include "smtpgw/relay/route.h"

struct link;

/* What all links of a process share; outlives them. */
struct link_settings {
	struct loop *loop;
	struct db_port *port; /* of the queue */
	const char *hostname;
	struct addr source; /* all zero: the system's choice */
	struct tls_client *anybody, *verified;
	int64_t connect_us, idle_us;
	int64_t wait_us[CLIENT_WAITS];
	uint32_t mails_max; /* over one connection */
	const struct job_seals *seals;
};

struct link_ops {
	void (*ready)(void *arg, struct link *l); /* for the first time */
	void (*done)(void *arg, struct link *l, struct job *j);
	void (*closed)(void *arg, struct link *l);
};

/* E_IO: no descriptor, no such source address; E_RANGE: the source is of the other family;
 * E_NOMEM. */
int link_open(const struct link_settings *settings, const struct route_target *to,
	      enum client_tls tls, const struct link_ops *ops, void *arg, struct link **out);
void link_send(struct link *l, struct job *j);
void link_close(struct link *l);
/* At once, whatever is on it: ops.done, if there was a mail, then ops.closed. */
void link_abort(struct link *l);

bool link_is_ready(const struct link *l);
bool link_was_ready(const struct link *l);
/* The end of a mail was sent, the answer has not come. */
bool link_is_final(const struct link *l);
uint32_t link_mails(const struct link *l);
const char *link_remote(const struct link *l); /* "host [address]" */
/* Never READY: why. */
const struct relay_answer *link_failure(const struct link *l);

#endif
