/* popgw -- POP3(S) out of the mailbox, by token and source address: no password. README.md has the
 * states. */
#include <stdlib.h>
#include <string.h>

#include "lib/daemon.h"
#include "lib/err.h"
#include "lib/tls.h"
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

static int open_tls(struct daemon *d, struct popgw *p)
{
	char error[256] = "";
	char *certificate = conf_path(p->conf, p->conf->paths_tls_certificate);
	char *key = conf_path(p->conf, p->conf->paths_tls_key);
	int err = certificate && key ? tls_server_new(certificate, key, &p->tls, error) : E_NOMEM;

	if (err)
		daemon_fail(d, "TLS: %s", error[0] ? error : err_text(err));
	free(certificate);
	free(key);
	return err;
}

static int open_db(struct daemon *d, struct popgw *p)
{
	const struct conf *c = p->conf;
	char *dir = conf_path(c, c->db_dir);
	char *run = conf_path(c, c->paths_run);
	struct db_options options = {
		.dir = dir,
		.hint_dir = run,
		.daemon = "popgw",
		.lease = {.max_skew_us = c->authsrv_max_skew * INT64_C(1000000),
			  .max_age_us = c->authsrv_max_age * INT64_C(1000000),
			  .lag_us = c->authsrv_lag * INT64_C(1000000)},
		.queue_max = (size_t)c->db_queue_max,
		.group_max = (size_t)c->db_group_max,
		.group_bytes = (size_t)c->db_group_bytes,
		.history_keep_us = c->authsrv_history * INT64_C(86400000000),
		.tombstone_us = c->authsrv_tombstone * INT64_C(86400000000),
	};
	int err = dir && run ? db_open(&options, &p->db) : E_NOMEM;

	if (err)
		daemon_fail(d, "database %s: %s", dir ? dir : "", err_text(err));
	free(dir);
	free(run);
	return err;
}

static int read_settings(struct daemon *d, struct popgw *p)
{
	if (login_ids_parse(p->conf->popgw_login_id, &p->login_ids)) {
		daemon_fail(d, "popgw.login_id is account, address or both, not %s",
			    p->conf->popgw_login_id);
		return E_SYNTAX;
	}
	if (addr_parse(p->conf->popgw_listen, &p->listen)) {
		daemon_fail(d, "popgw.listen is no address: %s", p->conf->popgw_listen);
		return E_SYNTAX;
	}
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
		err = open_tls(d, p);
	if (!err)
		err = open_balancers(p);
	if (!err)
		err = open_db(d, p);
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
