/* smtpgw -- mail from outside comes in by SMTP and is stored by pushsrv while the sender waits;
 * mail of our own subscribers comes in by submission and is queued. README.md has the states. */
#include <stdlib.h>

#include "db/daemon_db.h"
#include "lib/clock.h"
#include "lib/daemon_open.h"
#include "lib/dns.h"
#include "lib/err.h"
#include "smtpgw/checks/table.h"
#include "smtpgw/counters.h"
#include "smtpgw/door/carriers.h"
#include "smtpgw/peer.h"
#include "smtpgw/relay/runner.h"
#include "smtpgw/submission/doors.h"

#define STALL_US (5 * CLOCK_S) /* of a client, while others wait for what it holds */
#define REFUSAL  "421 4.7.0 too many connections\r\n"

struct smtpgw {
	const struct conf *conf;
	struct tls_server *tls;
	struct submission *submission;
	struct admission *admission;
	struct local_domains *domains;
	char *carriers;
	struct addr listen;
	struct lmtp_settings lmtp;
	char *lmtp_path; /* null: by TCP */
	struct db *db;
	struct runner *runner;
};

struct worker {
	struct daemon *daemon;
	const struct smtpgw *shared;
	unsigned index;
	struct peer_host host;
	struct db_port *port;
	struct dns *dns;
	struct inspector inspector;
	struct connections *connections;
	struct listener *mx;
	struct submission_worker *submission;
};

/* ---- what the workers share ---- */

static void smtpgw_stop(void *shared)
{
	struct smtpgw *g = shared;

	runner_stop(g->runner);
	submission_free(g->submission);
	if (g->db)
		db_close(g->db);
	local_domains_free(g->domains);
	free(g->carriers);
	admission_free(g->admission);
	tls_server_free(g->tls);
	free(g->lmtp_path);
	free(g);
}

static int read_domains(struct daemon *d, struct smtpgw *g)
{
	const char *bad;
	int err = local_domains_new(g->conf->smtpgw_local_domains, &g->domains, &bad);

	if (err == E_SYNTAX)
		daemon_fail(d,
			    *bad ? "smtpgw.local_domains: no domain: %s"
				 : "smtpgw.local_domains names none%s",
			    bad);
	return err;
}

static int read_carriers(struct daemon *d, struct smtpgw *g)
{
	const struct conf *c = g->conf;
	const char *bad = "";
	int err = carriers_new(c->smtpgw_carrier_domains, c->smtpgw_local_domains, &g->carriers,
			       &bad);

	if (err == E_SYNTAX)
		daemon_fail(d, "smtpgw.carrier_domains: no domain: %s", bad);
	return err;
}

/* The unix socket if there is one: no port to guard. */
static int read_lmtp(struct daemon *d, struct smtpgw *g)
{
	const struct conf *c = g->conf;

	g->lmtp.hostname = c->smtpgw_hostname;
	g->lmtp.step_us = c->smtpgw_lmtp_seconds * CLOCK_S;
	g->lmtp.stall_us = STALL_US;
	if (*c->pushsrv_lmtp_socket) {
		g->lmtp.where.path = g->lmtp_path = conf_path(c, c->pushsrv_lmtp_socket);
		return g->lmtp_path ? 0 : E_NOMEM;
	}
	g->lmtp.where.port = (uint16_t)c->pushsrv_lmtp_port;
	if (!g->lmtp.where.port || addr_parse(c->pushsrv_listen, &g->lmtp.where.addr) != 0) {
		daemon_fail(d, "pushsrv has neither lmtp_socket nor listen and lmtp_port");
		return E_SYNTAX;
	}
	return 0;
}

static bool trusts_pop(const struct conf *c)
{
	for (size_t i = 0; i < c->realm_count; i++)
		if (conf_realm_trusts_pop(&c->realms[i]))
			return true;
	return false;
}

static int open_db(struct daemon *d, struct smtpgw *g)
{
	/* mail.db is asked for logins by POP alone. */
	unsigned mail = trusts_pop(g->conf) ? DB_FILE(DB_MAIL) : 0U;
	const struct db_options options = {
		.daemon = "smtpgw", .files = DB_FILE(DB_BINDINGS) | DB_FILE(DB_QUEUE) | mail};

	return daemon_db_open(d, &options, &g->db);
}

static int open_relay(struct daemon *d, struct smtpgw *g)
{
	char error[256] = "";
	int err = open_db(d, g);

	if (err || !g->conf->smtpgw_relay)
		return err;
	err = runner_start(g->db, g->conf, g->domains, &g->lmtp, &g->runner, error);
	if (err)
		daemon_fail(d, "%s", error);
	return err;
}

static int open_all(struct daemon *d, struct smtpgw *g)
{
	int err = read_domains(d, g);

	if (!err)
		err = read_carriers(d, g);
	if (!err)
		err = read_lmtp(d, g);
	if (!err)
		err = daemon_open_tls(d, &g->tls);
	if (!err)
		err = submission_new(d, g->tls, &g->submission);
	if (err)
		return err;
	addr_parse(g->conf->smtpgw_listen, &g->listen);
	g->admission = admission_new((size_t)g->conf->smtpgw_max_connections,
				     (size_t)g->conf->smtpgw_max_connections_per_address);
	return g->admission ? open_relay(d, g) : E_NOMEM;
}

static int smtpgw_start(struct daemon *d, void **shared)
{
	struct smtpgw *g = calloc(1, sizeof *g);

	if (!g)
		return E_NOMEM;
	g->conf = daemon_conf(d);
	counters_register();
	dns_register_metrics();
	int err = open_all(d, g);
	if (err) {
		smtpgw_stop(g);
		return err;
	}
	*shared = g;
	return 0;
}

/* ---- a worker ---- */

static void worker_free(void *own)
{
	struct worker *w = own;

	listener_close(w->mx);
	lmtp_pool_free(w->host.pool);
	inspector_close(&w->inspector);
	dns_close(w->dns);
	if (w->port)
		db_port_close(w->port);
	submission_worker_free(w->submission);
	if (w->connections && connections_count(w->connections) == 0)
		connections_free(w->connections);
	free(w);
}

static struct driver_host host_of(const struct smtpgw *g)
{
	const struct conf *c = g->conf;

	return (struct driver_host){
		.limits = {.kind = &session_mx,
			   .hostname = c->smtpgw_hostname,
			   .domains = g->domains,
			   .mail = {.max_size = (uint64_t)c->smtpgw_max_size,
				    .max_line = (uint64_t)c->smtpgw_max_line,
				    .max_received = (unsigned)c->smtpgw_max_received,
				    .hostname = c->smtpgw_hostname,
				    .max_field = (size_t)c->smtpgw_max_header_field},
			   .max_recipients = (size_t)c->smtpgw_max_recipients,
			   .max_refused = (size_t)c->smtpgw_max_refused,
			   .max_errors = (size_t)c->smtpgw_max_errors,
			   .has_tls = true},
		.tls = g->tls,
		.max_command = (size_t)c->smtpgw_max_command,
		.idle_s = c->smtpgw_idle_seconds,
		.total_s = c->smtpgw_total_seconds,
	};
}

static int open_mx(struct worker *w, struct loop *loop, const struct smtpgw *g)
{
	const struct listener_options options = {
		.addr = g->listen,
		.port = (uint16_t)g->conf->smtpgw_mx_port,
		.admission = g->admission,
		.connections = w->connections,
		.refusal = REFUSAL,
		.accepted = peer_accepted,
		.arg = &w->host,
	};

	return daemon_open_listener(w->daemon, loop, "SMTP", &options, &w->mx);
}

static int open_inspector(struct worker *w, struct loop *loop, const struct conf *c)
{
	const struct dns_settings dns = dns_settings_of(c);
	int err = dns_open(loop, &dns, &w->dns);

	if (err)
		return err;
	w->inspector = (struct inspector){
		.loop = loop,
		.conf = c,
		.dns = w->dns,
		.port = w->port,
		.is_first = w->index == 0,
		.timeout_us = c->smtpgw_checks_timeout * 1000,
		.max_field = (size_t)c->smtpgw_max_header_field,
		.with_private = c->smtpgw_checks_private,
		.checks = check_table,
	};
	w->host.inspector = &w->inspector;
	return inspector_open(&w->inspector);
}

static int worker_start(struct daemon *d, void *shared, struct loop *loop, unsigned index,
			void **worker)
{
	const struct smtpgw *g = shared;
	struct worker *w = calloc(1, sizeof *w);

	if (!w)
		return E_NOMEM;
	w->daemon = d;
	w->shared = g;
	w->index = index;
	w->host.driver = host_of(g);
	w->connections = connections_new();
	int err = w->connections
			  ? lmtp_pool_new(loop, &g->lmtp, (size_t)g->conf->smtpgw_lmtp_connections,
					  g->lmtp.step_us, &w->host.pool)
			  : E_NOMEM;
	if (!err)
		err = db_port_open(g->db, loop, &w->port);
	if (!err)
		err = open_inspector(w, loop, g->conf);
	w->host.reception = (struct reception_host){
		.port = w->port,
		.carriers = g->carriers,
		.max_field = (size_t)g->conf->smtpgw_max_header_field,
	};
	if (!err)
		err = open_mx(w, loop, g);
	if (!err)
		err = submission_worker_new(d, g->submission, loop, &w->host.reception,
					    &w->host.driver, w->connections, &w->submission);
	if (err) {
		worker_free(w);
		return err;
	}
	*worker = w;
	return 0;
}

static void on_pool_closed(void *arg)
{
	struct worker *w = arg;

	daemon_worker_idle(w->daemon, w->index);
}

/* Commits whose clients have gone are still under way to us: the pool waits for them. */
static void on_peers_ended(void *arg)
{
	struct worker *w = arg;

	lmtp_pool_close(w->host.pool, on_pool_closed, w);
}

static void worker_stop(struct daemon *d, void *worker, unsigned index)
{
	struct worker *w = worker;

	(void)d;
	if (index == 0)
		runner_begin_stop(w->shared->runner);
	listener_close(w->mx);
	w->mx = NULL;
	submission_worker_stop(w->submission);
	connections_close_all(w->connections, on_peers_ended, w);
}

static int64_t workers(const struct conf *c)
{
	return c->smtpgw_workers;
}

static int64_t admin_port(const struct conf *c)
{
	return c->smtpgw_admin_port;
}

int main(int argc, char **argv)
{
	static const struct daemon_program program = {
		.name = "smtpgw",
		.summary = "SMTP: mail from outside, stored by pushsrv before it is accepted, and "
			   "submission by token",
		.start = smtpgw_start,
		.worker_start = worker_start,
		.worker_stop = worker_stop,
		.worker_free = worker_free,
		.stop = smtpgw_stop,
		.workers = workers,
		.admin_port = admin_port,
	};

	return daemon_main(&program, argc, argv);
}
