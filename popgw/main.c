/* popgw -- POP3(S) out of the mailbox, by token and source address: no password. README.md has the
 * states. */
#include <stdlib.h>

#include "db/daemon_db.h"
#include "lib/daemon_open.h"
#include "lib/err.h"
#include "popgw/counters.h"
#include "popgw/worker.h"

static void popgw_stop(void *shared)
{
	struct popgw *p = shared;

	if (!p)
		return;
	if (p->db)
		db_close(p->db);
	maildrop_locks_free(p->locks);
	admission_free(p->admission);
	for (size_t i = 0; i < CONF_REALMS_MAX; i++)
		balancers_free(p->balancers[i]);
	tls_server_free(p->tls);
	free(p);
}

static int read_settings(struct daemon *d, struct popgw *p)
{
	if (login_ids_parse(p->conf->popgw_login_id, &p->login_ids)) {
		daemon_fail(d, "popgw.login_id is account, address or both, not %s",
			    p->conf->popgw_login_id);
		return E_SYNTAX;
	}
	addr_parse(p->conf->popgw_listen, &p->listen);
	return 0;
}

/* The default realm's are the daemon's setting; another realm names its own. */
static int open_balancers(struct popgw *p)
{
	const struct conf *c = p->conf;
	int err = 0;

	for (size_t i = 0; !err && i < c->realm_count; i++)
		err = balancers_new(i ? c->realms[i].proxy_from : c->popgw_proxy_from,
				    c->popgw_proxy_wait, (size_t)c->popgw_max_connections,
				    counters_balanced(), &p->balancers[i]);
	return err;
}

static int popgw_start(struct daemon *d, void **shared)
{
	struct popgw *p = calloc(1, sizeof(*p));

	if (!p)
		return E_NOMEM;
	p->conf = daemon_conf(d);
	counters_register();
	int err = read_settings(d, p);
	if (!err)
		err = daemon_open_tls(d, &p->tls);
	if (!err)
		err = open_balancers(p);
	if (!err)
		err = daemon_db_open(d, &(struct db_options){.daemon = "popgw"}, &p->db);
	if (!err) {
		p->admission = admission_new((size_t)p->conf->popgw_max_connections,
					     (size_t)p->conf->popgw_max_connections_per_address);
		p->locks = maildrop_locks_new();
		if (!p->admission || !p->locks)
			err = E_NOMEM;
	}
	if (err) {
		popgw_stop(p);
		return err;
	}
	*shared = p;
	return 0;
}

static int64_t popgw_workers(const struct conf *c)
{
	return c->popgw_workers;
}

static int64_t popgw_admin_port(const struct conf *c)
{
	return c->popgw_admin_port;
}

int main(int argc, char **argv)
{
	static const struct daemon_program program = {
		.name = "popgw",
		.summary = "POP3 and POP3S out of the mailbox, by token and source address",
		.start = popgw_start,
		.worker_start = worker_start,
		.worker_stop = worker_stop,
		.worker_free = worker_free,
		.stop = popgw_stop,
		.workers = popgw_workers,
		.admin_port = popgw_admin_port,
	};

	return daemon_main(&program, argc, argv);
}
