/* daemon_open -- what a daemon opens as every other does, with its one clear line when it fails
 *
 * Called by the start functions of a daemon_program (daemon.h): the TLS server from
 * paths.tls_certificate and paths.tls_key, and a listener of a worker. (Its database:
 * db/daemon_db.h. Addresses among the settings were checked when the configuration was read.)
 *
 * OWNERSHIP  *out is the caller's: tls_server_free, listener_close
 * THREADS    daemon_open_tls: the main thread; daemon_open_listener: the loop's
 * ERRORS     those of tls_server_new and listener_open, E_NOMEM; said with daemon_fail already
 */
#ifndef HATO_LIB_DAEMON_OPEN_H
#define HATO_LIB_DAEMON_OPEN_H

#include "lib/daemon.h"
#include "lib/listener.h"
#include "lib/tls.h"

int daemon_open_tls(struct daemon *d, struct tls_server **out);
/* `what` in "WHAT port 110: in use", or in "WHAT PATH: ..." of a unix socket. Neither port nor path
 * in the options: there is to be no such door, 0 and *out as it was. */
int daemon_open_listener(struct daemon *d, struct loop *loop, const char *what,
			 const struct listener_options *options, struct listener **out);

#endif
