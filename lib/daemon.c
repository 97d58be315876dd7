#include "lib/daemon.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/daemon_args.h"
#include "lib/err.h"
#include "lib/http.h"
#include "lib/log.h"
#include "lib/metrics.h"

#define WORKERS_MAX 256
/* what is still in flight then is cut: SIGTERM means gone within 5 s */
#define STOP_LIMIT_US 4000000

struct worker {
	struct daemon *daemon;
	unsigned index;
	pthread_t thread;
	struct loop *loop;
	void *own;
	int rc;
	bool started;
	struct loop_task starting, stopping, ready, idle; /* idle and ready run on the main loop */
};

struct daemon {
	const struct daemon_program *program;
	struct conf *conf;
	struct loop *main_loop;
	void *shared;
	struct worker *workers;
	unsigned worker_count, ready_count, idle_count;
	bool ready, stopping;
	atomic_bool failed;
	struct http_server *admin[2];
	struct loop_timer *stop_limit;
	struct event *signals[2];
};

#define OWNER(task, member) ((struct worker *)((char *)(task)-offsetof(struct worker, member)))

const struct conf *daemon_conf(const struct daemon *d)
{
	return d->conf;
}

void daemon_fail(struct daemon *d, const char *format, ...)
{
	char why[256];
	va_list ap;

	va_start(ap, format);
	vsnprintf(why, sizeof why, format, ap);
	va_end(ap);
	/* Each worker fails for the same reason: it is said once. */
	if (!atomic_exchange(&d->failed, true))
		fprintf(stderr, "%s: %s\n", d->program->name, why);
}

/* ---- admin HTTP: on the main thread ---- */

static void show_metrics(void *arg, struct http_request *r)
{
	char *text = NULL;
	size_t length = 0;
	FILE *to = open_memstream(&text, &length);

	(void)arg;
	if (!to) {
		http_problem(r, 503, "overloaded", "out of memory", 1);
		return;
	}
	metrics_print(to);
	fclose(to);
	http_reply_text(r, 200, "text/plain; version=0.0.4", text, length);
	free(text);
}

static void show_health(void *arg, struct http_request *r)
{
	(void)arg;
	http_reply_text(r, 200, "text/plain", "ok\n", 3);
}

static void show_ready(void *arg, struct http_request *r)
{
	const struct daemon *d = arg;

	if (d->ready && !d->stopping)
		http_reply_text(r, 200, "text/plain", "ready\n", 6);
	else
		http_reply_text(r, 503, "text/plain", "not ready\n", 10);
}

static const struct http_route admin_routes[] = {{"GET", "/metrics", show_metrics},
						 {"GET", "/healthz", show_health},
						 {"GET", "/readyz", show_ready},
						 {0}};

static int admin_open(struct daemon *d)
{
	char relative[64];
	struct http_options o = {.max_body = 1024,
				 .max_connections = 64,
				 .max_connections_per_address = 64,
				 .idle_s = 10,
				 .routes = admin_routes,
				 .arg = d};

	char *run = conf_path(d->conf, d->conf->paths_run);
	snprintf(relative, sizeof relative, "%s.admin", d->program->name);
	char *path = NULL;
	if (!run || (mkdir(run, 0750) && errno != EEXIST) ||
	    asprintf(&path, "%s/%s", run, relative) < 0) {
		daemon_fail(d, "%s: %s", run ? run : "run", strerror(errno));
		free(run);
		return E_IO;
	}
	o.unix_path = path;
	int rc = http_server_open(d->main_loop, &o, &d->admin[0]);
	if (rc)
		daemon_fail(d, "%s: %s", path, err_text(rc));
	free(run);
	free(path);
	int64_t port = d->program->admin_port(d->conf);
	if (rc || !port)
		return rc;
	o.unix_path = NULL;
	o.port = (uint16_t)port;
	addr_parse("127.0.0.1", &o.addr);
	rc = http_server_open(d->main_loop, &o, &d->admin[1]);
	if (rc)
		daemon_fail(d, "admin port %u: %s", o.port,
			    rc == E_EXISTS ? "in use" : err_text(rc));
	return rc;
}

/* ---- workers ---- */

static void say_ready(struct daemon *d)
{
	const char *fd = getenv("HATO_READY_FD");

	d->ready = true;
	log_event(LOG_INFO, "ready", LOG_INT("workers", d->worker_count), LOG_END);
	if (!fd)
		return;
	int n = atoi(fd);
	if (n > 2) {
		ssize_t written = write(n, "ready\n", 6);
		(void)written;
		close(n);
	}
}

static void begin_stop(struct daemon *d);

static void on_worker_ready(struct loop_task *task)
{
	struct worker *w = OWNER(task, ready);
	struct daemon *d = w->daemon;

	if (w->rc) {
		atomic_store(&d->failed, true);
		begin_stop(d);
		return;
	}
	if (++d->ready_count == d->worker_count && !d->stopping)
		say_ready(d);
}

static void on_worker_idle(struct loop_task *task)
{
	struct daemon *d = OWNER(task, idle)->daemon;

	if (++d->idle_count >= d->worker_count)
		loop_stop(d->main_loop);
}

void daemon_worker_idle(struct daemon *d, unsigned index)
{
	loop_post(d->main_loop, &d->workers[index].idle);
}

static void stop_worker(struct loop_task *task)
{
	struct worker *w = OWNER(task, stopping);

	if (w->started && !w->rc)
		w->daemon->program->worker_stop(w->daemon, w->own, w->index);
	else
		daemon_worker_idle(w->daemon, w->index);
}

static void start_worker(struct loop_task *task)
{
	struct worker *w = OWNER(task, starting);
	struct daemon *d = w->daemon;

	w->started = true;
	w->rc = d->program->worker_start(d, d->shared, w->loop, w->index, &w->own);
	loop_post(d->main_loop, &w->ready);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;

	loop_run(w->loop);
	if (w->own)
		w->daemon->program->worker_free(w->own);
	return NULL;
}

static int workers_start(struct daemon *d)
{
	int64_t wanted = d->program->workers(d->conf);
	long cores = sysconf(_SC_NPROCESSORS_ONLN);

	if (!wanted)
		wanted = cores > 0 ? cores : 1;
	if (wanted > WORKERS_MAX)
		wanted = WORKERS_MAX;
	d->workers = calloc((size_t)wanted, sizeof *d->workers);
	if (!d->workers)
		return E_NOMEM;
	for (unsigned i = 0; i < (unsigned)wanted; i++) {
		struct worker *w = &d->workers[i];
		*w = (struct worker){.daemon = d, .index = i};
		w->starting.run = start_worker;
		w->stopping.run = stop_worker;
		w->ready.run = on_worker_ready;
		w->idle.run = on_worker_idle;
		int rc = loop_new(&w->loop);
		if (rc)
			return rc;
		loop_post(w->loop, &w->starting);
		if (pthread_create(&w->thread, NULL, worker_main, w)) {
			loop_free(w->loop);
			return E_IO;
		}
		d->worker_count++;
	}
	return 0;
}

static void workers_join(struct daemon *d)
{
	for (unsigned i = 0; i < d->worker_count; i++)
		loop_stop(d->workers[i].loop);
	for (unsigned i = 0; i < d->worker_count; i++) {
		pthread_join(d->workers[i].thread, NULL);
		loop_free(d->workers[i].loop);
	}
}

/* ---- stopping ---- */

static void on_stop_limit(void *arg)
{
	struct daemon *d = arg;

	log_event(LOG_WARN, "stop-cut", LOG_INT("busy_workers", d->worker_count - d->idle_count),
		  LOG_END);
	loop_stop(d->main_loop);
}

static void begin_stop(struct daemon *d)
{
	if (d->stopping)
		return;
	d->stopping = true;
	loop_timer_set(d->stop_limit, STOP_LIMIT_US);
	for (unsigned i = 0; i < d->worker_count; i++)
		loop_post(d->workers[i].loop, &d->workers[i].stopping);
}

static void on_signal(evutil_socket_t signal, short what, void *arg)
{
	(void)what;
	log_event(LOG_INFO, "stopping", LOG_INT("signal", signal), LOG_END);
	begin_stop(arg);
}

static int signals_watch(struct daemon *d)
{
	static const int numbers[2] = {SIGTERM, SIGINT};

	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < 2; i++) {
		d->signals[i] = evsignal_new(loop_base(d->main_loop), numbers[i], on_signal, d);
		if (!d->signals[i] || evsignal_add(d->signals[i], NULL))
			return E_NOMEM;
	}
	return 0;
}

/* Signals are for the main thread's loop: everybody else starts with them blocked. */
static void signals_block(sigset_t *before)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, before);
}

/* ---- the whole life ---- */

static int run(struct daemon *d)
{
	sigset_t before;
	int rc = loop_new(&d->main_loop);

	if (!rc)
		rc = signals_watch(d);
	if (!rc && !(d->stop_limit = loop_timer_new(d->main_loop, on_stop_limit, d)))
		rc = E_NOMEM;
	signals_block(&before);
	if (!rc)
		rc = d->program->start(d, &d->shared);
	if (!rc)
		rc = admin_open(d);
	if (!rc)
		rc = workers_start(d);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!rc)
		loop_run(d->main_loop);
	else if (!d->failed)
		daemon_fail(d, "%s", err_text(rc));

	workers_join(d);
	for (int i = 0; i < 2; i++) {
		if (d->admin[i])
			http_server_close(d->admin[i]);
		if (d->signals[i])
			event_free(d->signals[i]);
	}
	if (d->shared)
		d->program->stop(d->shared);
	loop_timer_free(d->stop_limit);
	loop_free(d->main_loop);
	free(d->workers);
	return rc || d->failed ? 1 : 0;
}

/* A shell's and systemd's soft limit is 1,024, for programs that select(); max_connections are
 * more. */
static void raise_files(void)
{
	struct rlimit files;

	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
}

int daemon_main(const struct daemon_program *program, int argc, char **argv)
{
	struct daemon d = {.program = program};
	struct daemon_args args;
	char error[256];

	log_init(program->name);
	int status = daemon_args_read(program, argc, argv, &args);
	if (status >= 0)
		return status;
	if (conf_load(args.config, args.dir, args.sets, args.set_count, &d.conf, error)) {
		fprintf(stderr, "%s: %s\n", program->name, error);
		return 2;
	}
	if (args.check_only) {
		conf_free(d.conf);
		return 0;
	}
	log_level_set(d.conf->log_level);
	raise_files();
	status = run(&d);
	log_event(LOG_INFO, "stopped", LOG_INT("status", status), LOG_END);
	conf_free(d.conf);
	return status;
}
