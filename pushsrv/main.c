/* pushsrv -- mail is kept, the handset is told. README.md has the way of one mail. */
#include <stdlib.h>

#include "db/daemon_db.h"
#include "lib/daemon_open.h"
#include "lib/err.h"
#include "pushsrv/counters.h"
#include "pushsrv/esme.h"
#include "pushsrv/lmtp_peer.h"
#include "pushsrv/push.h"
#include "pushsrv/trigger_rules.h"

#define REFUSAL "421 4.3.2 too many connections\r\n"

struct pushsrv {
	const struct conf *conf;
	struct db *db;
	struct admission *admission;
	struct push *push;
	struct addr listen;
	char *socket_path; /* null: no unix socket */
};

enum { LISTEN_TCP, LISTEN_UNIX, LISTENERS };

struct worker {
	struct daemon *daemon;
	unsigned index;
	struct lmtp_host host;
	struct connections *connections;
	struct listener *listeners[LISTENERS];
};

/* ---- what the workers share ---- */

static void pushsrv_stop(void *shared)
{
	struct pushsrv *p = shared;

	push_stop(p->push);
	db_close(p->db);
	admission_free(p->admission);
	free(p->socket_path);
	free(p);
}

static int open_all(struct daemon *d, struct pushsrv *p)
{
	char error[256] = "";
	const struct conf *c = p->conf;
	const struct db_options options = {.daemon = "pushsrv", .schedule = trigger_rules(c)};
	int err = daemon_db_open(d, &options, &p->db);

	if (err)
		return err;
	addr_parse(c->pushsrv_listen, &p->listen);
	if (*c->pushsrv_lmtp_socket && !(p->socket_path = conf_path(c, c->pushsrv_lmtp_socket)))
		return E_NOMEM;
	p->admission = admission_new((size_t)c->pushsrv_max_connections,
				     (size_t)c->pushsrv_max_connections_per_address);
	if (!p->admission)
		return E_NOMEM;
	err = push_start(p->db, c, &p->push, error);
	if (err)
		daemon_fail(d, "%s", error);
	return err;
}

static int pushsrv_start(struct daemon *d, void **shared)
{
	struct pushsrv *p = calloc(1, sizeof *p);

	if (!p)
		return E_NOMEM;
	p->conf = daemon_conf(d);
	push_counters_register();
	if (trigger_rules(p->conf).sms)
		esme_counters_register(p->conf);
	int err = open_all(d, p);
	if (err) {
		pushsrv_stop(p);
		return err;
	}
	*shared = p;
	return 0;
}

/* ---- a worker ---- */

static void worker_free(void *own)
{
	struct worker *w = own;

	for (size_t i = 0; i < LISTENERS; i++)
		listener_close(w->listeners[i]);
	/* Mail that is on its way to the disk gets there; nobody hears of it, so it comes again. */
	db_port_close(w->host.port);
	if (w->connections && connections_count(w->connections) == 0)
		connections_free(w->connections);
	free(w);
}

static int open_listener(struct worker *w, struct loop *loop, const struct pushsrv *p, int which)
{
	struct listener_options options = {
		.addr = p->listen,
		.port = (uint16_t)p->conf->pushsrv_lmtp_port,
		.admission = p->admission,
		.connections = w->connections,
		.refusal = REFUSAL,
		.accepted = lmtp_peer_accepted,
		.arg = &w->host,
	};

	if (which == LISTEN_UNIX)
		options.unix_path = p->socket_path;
	return daemon_open_listener(w->daemon, loop, "LMTP", &options, &w->listeners[which]);
}

static struct lmtp_host host_of(const struct conf *c)
{
	return (struct lmtp_host){
		.limits = {.hostname = c->smtpgw_hostname,
			   .max_size = (uint64_t)c->pushsrv_max_size,
			   .max_line = (uint64_t)c->pushsrv_max_line,
			   .max_command = (size_t)c->pushsrv_max_command,
			   .max_recipients = (size_t)c->pushsrv_max_recipients,
			   .max_errors = (size_t)c->pushsrv_max_errors},
		.quota_bytes = (uint64_t)c->pushsrv_quota_bytes,
		.idle_s = c->pushsrv_idle_seconds,
	};
}

/* A unix socket cannot be shared as a port can: the first worker has it. */
static int worker_start(struct daemon *d, void *shared, struct loop *loop, unsigned index,
			void **worker)
{
	const struct pushsrv *p = shared;
	struct worker *w = calloc(1, sizeof *w);

	if (!w)
		return E_NOMEM;
	w->daemon = d;
	w->index = index;
	w->host = host_of(p->conf);
	w->connections = connections_new();
	int err = w->connections ? db_port_open(p->db, loop, &w->host.port) : E_NOMEM;
	if (!err)
		err = open_listener(w, loop, p, LISTEN_TCP);
	if (!err && index == 0 && p->socket_path)
		err = open_listener(w, loop, p, LISTEN_UNIX);
	if (err) {
		worker_free(w);
		return err;
	}
	*worker = w;
	return 0;
}

static void all_ended(void *arg)
{
	struct worker *w = arg;

	daemon_worker_idle(w->daemon, w->index);
}

static void worker_stop(struct daemon *d, void *worker, unsigned index)
{
	struct worker *w = worker;

	(void)d;
	(void)index;
	for (size_t i = 0; i < LISTENERS; i++) {
		listener_close(w->listeners[i]);
		w->listeners[i] = NULL;
	}
	connections_close_all(w->connections, all_ended, w);
}

static int64_t workers(const struct conf *c)
{
	return c->pushsrv_workers;
}

static int64_t admin_port(const struct conf *c)
{
	return c->pushsrv_admin_port;
}

int main(int argc, char **argv)
{
	static const struct daemon_program program = {
		.name = "pushsrv",
		.summary = "LMTP in, mailboxes, and the triggers that wake handsets",
		.start = pushsrv_start,
		.worker_start = worker_start,
		.worker_stop = worker_stop,
		.worker_free = worker_free,
		.stop = pushsrv_stop,
		.workers = workers,
		.admin_port = admin_port,
	};

	return daemon_main(&program, argc, argv);
}
