/* run -- `hato run`: everything on one machine, in the foreground */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "hato/command.h"
#include "hato/console.h"
#include "hato/init.h"
#include "hato/supervisor.h"
#include "lib/conf_running.h"
#include "lib/err.h"
#include "lib/log.h"

#define STOP_PATIENCE_US 4500000 /* SIGTERM means gone within 5 s */

struct running {
	struct loop *loop;
	struct conf *conf;
	struct supervisor *supervisor;
	struct console *console;
	struct event *signals[3];
	int status;
};

static void endpoint(const char *what, const char *host, int64_t port)
{
	if (port)
		printf("%-28s %s:%lld\n", what, host, (long long)port);
}

static void on_all_ready(void *arg)
{
	const struct running *r = arg;
	const struct conf *c = r->conf;

	endpoint("network API (HTTP)", c->authsrv_network_listen, c->authsrv_network_port);
	for (size_t i = 0; i < c->realm_count; i++) {
		const struct conf_realm *realm = &c->realms[i];
		const char *host = c->authsrv_handset_listen;
		if (i)
			printf("realm %s:\n", realm->name);
		endpoint("handset API (HTTP)", host, realm->handset_port);
		endpoint("handset API (HTTPS)", host, realm->handset_tls_port);
		endpoint("POP3 (STLS)", c->popgw_listen, realm->pop3_port);
		endpoint("POP3S", c->popgw_listen, realm->pop3s_port);
		endpoint("submission (STARTTLS)", c->smtpgw_listen, realm->submission_port);
		endpoint("submission (TLS)", c->smtpgw_listen, realm->submissions_port);
	}
	endpoint("RADIUS accounting (UDP)", c->authsrv_radius_listen, c->authsrv_radius_port);
	endpoint("SMTP (MX)", c->smtpgw_listen, c->smtpgw_mx_port);
	endpoint("LMTP", c->pushsrv_listen, c->pushsrv_lmtp_port);
	if (*c->pushsrv_lmtp_socket)
		printf("%-28s %s/%s\n", "LMTP socket", c->dir, c->pushsrv_lmtp_socket);
	if (c->smsc_sim_smpp_port) {
		endpoint("SMPP (simulated SMSC)", c->smsc_sim_listen, c->smsc_sim_smpp_port);
		endpoint("SMPP over TLS", c->smsc_sim_listen, c->smsc_sim_smpp_tls_port);
		endpoint("radio of the SMSC", "127.0.0.1", c->smsc_sim_radio_port);
		endpoint("page, control of the SMSC", "127.0.0.1", c->smsc_sim_control_port);
	}
	endpoint("console and metrics", "127.0.0.1", c->hato_console_port);
	printf("%-28s %s/%s\n", "feeder key", c->dir, c->paths_feeder_key);
	puts("ready");
	fflush(stdout);
}

static void on_stopped(void *arg, int status)
{
	struct running *r = arg;

	r->status = status;
	loop_stop(r->loop);
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	struct running *r = arg;

	(void)what;
	if (number == SIGCHLD) {
		supervisor_reap(r->supervisor);
		return;
	}
	log_event(LOG_INFO, "stopping", LOG_INT("signal", number), LOG_END);
	supervisor_stop(r->supervisor, STOP_PATIENCE_US);
}

static int signals_watch(struct running *r)
{
	static const int numbers[3] = {SIGTERM, SIGINT, SIGCHLD};

	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < 3; i++) {
		r->signals[i] = evsignal_new(loop_base(r->loop), numbers[i], on_signal, r);
		if (!r->signals[i] || evsignal_add(r->signals[i], NULL))
			return E_NOMEM;
	}
	return 0;
}

/* The daemons lie beside us unless the configuration says where. */
static char *programs_folder(const struct conf *c)
{
	char self[PATH_MAX];

	if (*c->hato_programs)
		return conf_path(c, c->hato_programs);
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n < 0)
		return NULL;
	self[n] = 0;
	return strdup(dirname(self));
}

/* Two systems in one DIR would fight over ports and sockets: the second one leaves at once. */
static int dir_lock(const struct conf *c, int *lock)
{
	char *run = conf_path(c, c->paths_run), *path = NULL;
	int rc = E_IO;

	if (run && asprintf(&path, "%s/hato.lock", run) > 0) {
		*lock = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0640);
		if (*lock >= 0)
			rc = flock(*lock, LOCK_EX | LOCK_NB) ? E_BUSY : 0;
	}
	free(run);
	free(path);
	return rc;
}

static int serve(struct running *r, const struct command_line *line)
{
	static const struct supervisor_ops ops = {on_all_ready, on_stopped};
	char error[256] = "";
	char *programs = programs_folder(r->conf);
	int rc = programs ? loop_new(&r->loop) : E_IO;

	if (!rc)
		rc = supervisor_new(r->loop, r->conf, programs, line->sets, line->set_count, &ops,
				    r, &r->supervisor);
	if (!rc)
		rc = signals_watch(r);
	if (!rc)
		rc = console_open(r->loop, r->conf, r->supervisor, &r->console, error);
	if (!rc)
		rc = conf_running_write(r->conf, line->sets, line->set_count);
	if (!rc && (rc = supervisor_start(r->supervisor)))
		snprintf(error, sizeof error, "%.200s: no daemons there", programs);
	if (!rc)
		loop_run(r->loop);
	else
		r->status = command_fail("%s", *error ? error : err_text(rc));
	free(programs);
	return r->status;
}

int command_run(const struct command_line *line)
{
	struct running r = {0};
	char error[256];
	int lock = -1;

	log_init("hato");
	if (init_dir(line->dir, error))
		return command_fail("%s", error);
	char path[PATH_MAX];
	snprintf(path, sizeof path, "%s/%s", line->dir, CONF_FILE);
	if (conf_load(path, NULL, line->sets, line->set_count, &r.conf, error)) {
		command_fail("%s", error);
		return 2;
	}
	log_level_set(r.conf->log_level);
	int rc = dir_lock(r.conf, &lock);
	if (rc) {
		r.status = rc == E_BUSY
				   ? command_fail("%s: a Hato is running there already", line->dir)
				   : command_fail("%s: %s", line->dir, strerror(errno));
	} else {
		serve(&r, line);
		conf_running_remove(r.conf);
	}
	if (r.console)
		console_close(r.console);
	for (int i = 0; i < 3; i++)
		if (r.signals[i])
			event_free(r.signals[i]);
	supervisor_free(r.supervisor);
	loop_free(r.loop);
	if (lock >= 0)
		close(lock);
	conf_free(r.conf);
	return r.status;
}

int command_init(const struct command_line *line)
{
	char error[256];

	if (init_dir(line->dir, error))
		return command_fail("%s", error);
	if (line->json)
		printf("{\"dir\":\"%s\"}\n", line->dir);
	else
		printf("%s is ready: hato run --dir %s\n", line->dir, line->dir);
	return 0;
}
