/* smsc-sim -- an SMSC that one can trust to misbehave. README.md has the way of one message. */
#include <stdlib.h>
#include <string.h>

#include "db/daemon_db.h"
#include "lib/daemon_open.h"
#include "lib/err.h"
#include "smsc-sim/control_api.h"
#include "smsc-sim/counters.h"
#include "smsc-sim/fault_counters.h"
#include "smsc-sim/link.h"
#include "smsc-sim/radio_link.h"
#include "smsc-sim/scenario.h"
#include "smsc-sim/smsc.h"

enum { LISTEN_SMPP, LISTEN_SMPP_TLS, LISTEN_RADIO, LISTENERS };

struct smsc_sim {
	const struct conf *conf;
	struct db *db; /* null: store = memory */
	struct tls_server *tls;
	struct admission *links, *radios;
	struct fault_script *scenario; /* null: none */
};

struct worker {
	struct daemon *daemon;
	unsigned index;
	struct smsc smsc;
	struct control *control; /* null: off */
	struct listener *listeners[LISTENERS];
};

/* ---- what is opened before the loop ---- */

static void smsc_sim_stop(void *shared)
{
	struct smsc_sim *p = shared;

	db_close(p->db);
	tls_server_free(p->tls);
	admission_free(p->links);
	admission_free(p->radios);
	free(p->scenario);
	free(p);
}

static int open_scenario(struct daemon *d, struct smsc_sim *p)
{
	char problem[SCENARIO_PROBLEM_MAX];
	struct fault_script *script = calloc(1, sizeof *script);
	int err = script ? scenario_read(p->conf, script, problem) : E_NOMEM;

	if (err == E_SYNTAX)
		daemon_fail(d, "%s", problem);
	if (err)
		free(script);
	else
		p->scenario = script;
	return err == E_NOT_FOUND ? 0 : err;
}

static int smsc_sim_start(struct daemon *d, void **shared)
{
	const struct db_options options = {.files = DB_FILE(DB_SMSC), .daemon = "smsc-sim"};
	struct smsc_sim *p = calloc(1, sizeof *p);

	if (!p)
		return E_NOMEM;
	p->conf = daemon_conf(d);
	smsc_counters_register();
	fault_counters_register();
	p->links = admission_new((size_t)p->conf->smsc_sim_links_max,
				 (size_t)p->conf->smsc_sim_links_max);
	p->radios = admission_new((size_t)p->conf->smsc_sim_radio_links_max,
				  (size_t)p->conf->smsc_sim_radio_links_max);
	int err = p->links && p->radios ? 0 : E_NOMEM;
	if (!err && strcmp(p->conf->smsc_sim_store, "memory") != 0)
		err = daemon_db_open(d, &options, &p->db);
	if (!err && p->conf->smsc_sim_smpp_tls_port)
		err = daemon_open_tls(d, &p->tls);
	if (!err)
		err = open_scenario(d, p);
	if (err) {
		smsc_sim_stop(p);
		return err;
	}
	*shared = p;
	return 0;
}

/* ---- the loop's ---- */

static void worker_free(void *own)
{
	struct worker *w = own;

	for (size_t i = 0; i < LISTENERS; i++)
		listener_close(w->listeners[i]);
	control_close(w->control);
	smsc_close(&w->smsc);
	free(w);
}

static int open_listener(struct worker *w, const struct smsc_sim *p, int which)
{
	const struct conf *c = p->conf;
	const int64_t ports[LISTENERS] = {[LISTEN_SMPP] = c->smsc_sim_smpp_port,
					  [LISTEN_SMPP_TLS] = c->smsc_sim_smpp_tls_port,
					  [LISTEN_RADIO] = c->smsc_sim_radio_port};
	bool is_radio = which == LISTEN_RADIO;
	struct listener_options options = {
		.port = (uint16_t)ports[which],
		.tls = which == LISTEN_SMPP_TLS ? p->tls : NULL,
		.admission = is_radio ? p->radios : p->links,
		.accepted = is_radio ? radio_accepted : link_accepted,
		.arg = &w->smsc,
	};

	addr_parse(is_radio ? "127.0.0.1" : c->smsc_sim_listen, &options.addr);
	return daemon_open_listener(w->daemon, w->smsc.loop, is_radio ? "radio" : "SMPP", &options,
				    &w->listeners[which]);
}

static int open_control(struct worker *w, const struct smsc_sim *p)
{
	int64_t port = p->conf->smsc_sim_control_port;
	int err = port ? control_open(&w->smsc, &w->control) : 0;

	if (err)
		daemon_fail(w->daemon, "control port %lld: %s", (long long)port,
			    err == E_EXISTS ? "in use" : err_text(err));
	return err;
}

static int worker_start(struct daemon *d, void *shared, struct loop *loop, unsigned index,
			void **worker)
{
	const struct smsc_sim *p = shared;
	struct worker *w = calloc(1, sizeof *w);
	char error[256];

	if (!w)
		return E_NOMEM;
	w->daemon = d;
	w->index = index;
	int err = smsc_open(&w->smsc, loop, p->conf, p->db, error);
	if (err) {
		daemon_fail(d, "%s", *error ? error : err_text(err));
		free(w);
		return err;
	}
	if (p->scenario)
		control_begin(&w->smsc, p->scenario);
	for (int i = 0; !err && i < LISTENERS; i++)
		err = open_listener(w, p, i);
	if (!err)
		err = open_control(w, p);
	if (err) {
		worker_free(w);
		return err;
	}
	*worker = w;
	return 0;
}

static void stopped(void *arg)
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
	smsc_stop(&w->smsc, stopped, w);
}

/* One message is one loop's matter from its submit_sm to its receipt. */
static int64_t workers(const struct conf *c)
{
	(void)c;
	return 1;
}

static int64_t admin_port(const struct conf *c)
{
	return c->smsc_sim_admin_port;
}

int main(int argc, char **argv)
{
	static const struct daemon_program program = {
		.name = "smsc-sim",
		.summary = "an SMSC for prototypes: SMPP, short messages, a radio side, and faults",
		.start = smsc_sim_start,
		.worker_start = worker_start,
		.worker_stop = worker_stop,
		.worker_free = worker_free,
		.stop = smsc_sim_stop,
		.workers = workers,
		.admin_port = admin_port,
	};

	char **args = scenario_args(argc, argv);
	if (!args)
		return 1;
	int count = 0;
	while (args[count])
		count++;
	int status = daemon_main(&program, count, args);
	scenario_args_free(args);
	return status;
}
