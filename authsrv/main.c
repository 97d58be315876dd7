/* authsrv -- who holds which address: lease events in, tokens out
 *
 * Its network side (bearer keys) hears from the operator's network who holds an address, provisions
 * subscribers and shows bindings, history and quarantine; its handset side gives tokens to the
 * callers that are bound and say so themselves. SEE README.md beside this file, design 5 for the
 * HTTP contract, lib/daemon.h for arguments and exit status
 */
#include "authsrv/server.h"

static int64_t workers(const struct conf *c)
{
	return c->authsrv_workers;
}

static int64_t admin_port(const struct conf *c)
{
	return c->authsrv_admin_port;
}

static const struct daemon_program program = {
	.name = "authsrv",
	.summary = "bindings and tokens: lease events in, tokens out",
	.start = authsrv_start,
	.worker_start = authsrv_worker_start,
	.worker_stop = authsrv_worker_stop,
	.worker_free = authsrv_worker_free,
	.stop = authsrv_stop,
	.workers = workers,
	.admin_port = admin_port,
};

int main(int argc, char **argv)
{
	return daemon_main(&program, argc, argv);
}
