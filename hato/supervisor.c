#include "hato/supervisor.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"

#define PAUSE_FIRST_US 100000
#define PAUSE_MOST_US  5000000
#define STEADY_US      10000000 /* one that ran so long is started again at once */

/* In the order of a mail's way backwards: who is asked comes before who asks. */
static const char *const daemon_names[] = {"authsrv", "smsc-sim", "pushsrv", "smtpgw", "popgw"};
#define DAEMONS (sizeof daemon_names / sizeof *daemon_names)

struct child {
	struct supervisor *owner;
	const char *name;
	char path[PATH_MAX];
	pid_t pid;
	bool ready, present;
	unsigned restarts;
	int64_t started_us, pause_us;
	int ready_fd;
	struct event *ready_event;
	struct loop_timer *restart;
};

struct supervisor {
	struct loop *loop;
	const struct conf *conf;
	const char *const *sets;
	size_t set_count;
	struct supervisor_ops ops;
	void *arg;
	struct child children[DAEMONS];
	struct loop_timer *kill_timer;
	bool announced, stopping;
	int status;
};

static void child_spawn(struct child *c);

static void ready_forget(struct child *c)
{
	if (c->ready_event)
		event_free(c->ready_event);
	if (c->ready_fd >= 0)
		close(c->ready_fd);
	c->ready_event = NULL;
	c->ready_fd = -1;
}

static void announce(struct supervisor *s)
{
	for (size_t i = 0; i < DAEMONS; i++)
		if (s->children[i].present && !s->children[i].ready)
			return;
	if (!s->announced && !s->stopping) {
		s->announced = true;
		s->ops.all_ready(s->arg);
	}
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct child *c = arg;
	char word[16];
	ssize_t n = read(fd, word, sizeof word);

	(void)what;
	if (n > 0) {
		c->ready = true;
		log_event(LOG_INFO, "daemon-ready", LOG_TEXT("name", c->name),
			  LOG_INT("pid", c->pid),
			  LOG_INT("after_us", clock_mono_us() - c->started_us), LOG_END);
	}
	ready_forget(c);
	announce(c->owner);
}

/* ---- the child's side ---- */

static void exec_daemon(const struct child *c, int ready_fd)
{
	const struct supervisor *s = c->owner;
	char config[PATH_MAX], number[16];
	const char **argv = calloc(2 * s->set_count + 4, sizeof *argv);
	size_t n = 0;
	sigset_t none;

	if (!argv)
		_exit(1);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	snprintf(config, sizeof config, "%s/hato.conf", s->conf->dir);
	snprintf(number, sizeof number, "%d", ready_fd);
	setenv("HATO_READY_FD", number, 1);
	argv[n++] = c->path;
	argv[n++] = "--config";
	argv[n++] = config;
	for (size_t i = 0; i < s->set_count; i++) {
		argv[n++] = "--set";
		argv[n++] = s->sets[i];
	}
	/* Nothing a daemon prints may follow "ready" on our stdout. */
	dup2(STDERR_FILENO, STDOUT_FILENO);
	execv(c->path, (char *const *)(uintptr_t)argv);
	fprintf(stderr, "hato: %s: %s\n", c->path, strerror(errno));
	_exit(1);
}

static void child_spawn(struct child *c)
{
	int fds[2];

	if (pipe2(fds, O_CLOEXEC)) {
		log_event(LOG_ERROR, "daemon-start-failed", LOG_TEXT("name", c->name), LOG_END);
		loop_timer_set(c->restart, PAUSE_MOST_US);
		return;
	}
	c->started_us = clock_mono_us();
	c->pid = fork();
	if (c->pid == 0) {
		fcntl(fds[1], F_SETFD, 0);
		exec_daemon(c, fds[1]);
	}
	close(fds[1]);
	if (c->pid < 0) {
		c->pid = 0;
		close(fds[0]);
		loop_timer_set(c->restart, PAUSE_MOST_US);
		return;
	}
	c->ready_fd = fds[0];
	c->ready_event = event_new(loop_base(c->owner->loop), fds[0], EV_READ, on_ready, c);
	if (c->ready_event)
		event_add(c->ready_event, NULL);
}

static void on_restart(void *arg)
{
	struct child *c = arg;

	if (!c->owner->stopping && !c->pid)
		child_spawn(c);
}

/* ---- life and death ---- */

static void check_stopped(struct supervisor *s)
{
	for (size_t i = 0; i < DAEMONS; i++)
		if (s->children[i].pid)
			return;
	loop_timer_stop(s->kill_timer);
	s->ops.stopped(s->arg, s->status);
}

static void child_died(struct child *c, int status)
{
	struct supervisor *s = c->owner;
	bool was_ready = c->ready;

	c->pid = 0;
	c->ready = false;
	ready_forget(c);
	if (s->stopping)
		return;
	log_event(LOG_WARN, "daemon-died", LOG_TEXT("name", c->name),
		  LOG_INT("status", WIFEXITED(status) ? WEXITSTATUS(status) : -1),
		  LOG_INT("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0), LOG_END);
	if (!s->announced && !was_ready) {
		s->status = WIFEXITED(status) && WEXITSTATUS(status) ? WEXITSTATUS(status) : 1;
		supervisor_stop(s, PAUSE_MOST_US);
		return;
	}
	c->restarts++;
	if (clock_mono_us() - c->started_us > STEADY_US)
		c->pause_us = 0;
	loop_timer_set(c->restart, c->pause_us);
	c->pause_us = c->pause_us ? 2 * c->pause_us : PAUSE_FIRST_US;
	if (c->pause_us > PAUSE_MOST_US)
		c->pause_us = PAUSE_MOST_US;
}

void supervisor_reap(struct supervisor *s)
{
	for (size_t i = 0; i < DAEMONS; i++) {
		int status;
		struct child *c = &s->children[i];
		if (c->pid && waitpid(c->pid, &status, WNOHANG) == c->pid)
			child_died(c, status);
	}
	if (s->stopping)
		check_stopped(s);
}

static void on_kill(void *arg)
{
	struct supervisor *s = arg;

	for (size_t i = 0; i < DAEMONS; i++)
		if (s->children[i].pid) {
			log_event(LOG_WARN, "daemon-killed", LOG_TEXT("name", s->children[i].name),
				  LOG_END);
			kill(s->children[i].pid, SIGKILL);
		}
}

void supervisor_stop(struct supervisor *s, int64_t patience_us)
{
	if (s->stopping)
		return;
	s->stopping = true;
	loop_timer_set(s->kill_timer, patience_us);
	for (size_t i = 0; i < DAEMONS; i++) {
		loop_timer_stop(s->children[i].restart);
		if (s->children[i].pid)
			kill(s->children[i].pid, SIGTERM);
	}
	supervisor_reap(s);
}

/* The SMSC is simulated unless its port is 0. */
static bool is_wanted(const struct child *c)
{
	if (strcmp(c->name, "smsc-sim") == 0 && c->owner->conf->smsc_sim_smpp_port == 0)
		return false;
	return access(c->path, X_OK) == 0;
}

int supervisor_start(struct supervisor *s)
{
	size_t present = 0;

	for (size_t i = 0; i < DAEMONS; i++)
		present += s->children[i].present = is_wanted(&s->children[i]);
	if (!present)
		return E_NOT_FOUND;
	for (size_t i = 0; i < DAEMONS; i++)
		if (s->children[i].present)
			child_spawn(&s->children[i]);
	return 0;
}

int supervisor_new(struct loop *loop, const struct conf *c, const char *programs,
		   const char *const *sets, size_t set_count, const struct supervisor_ops *ops,
		   void *arg, struct supervisor **out)
{
	struct supervisor *s = calloc(1, sizeof *s);

	if (!s)
		return E_NOMEM;
	*s = (struct supervisor){.loop = loop,
				 .conf = c,
				 .sets = sets,
				 .set_count = set_count,
				 .ops = *ops,
				 .arg = arg};
	s->kill_timer = loop_timer_new(loop, on_kill, s);
	bool whole = s->kill_timer != NULL;
	for (size_t i = 0; i < DAEMONS; i++) {
		struct child *child = &s->children[i];
		child->owner = s;
		child->name = daemon_names[i];
		child->ready_fd = -1;
		child->restart = loop_timer_new(loop, on_restart, child);
		whole = whole && child->restart;
		snprintf(child->path, sizeof child->path, "%s/%s", programs, daemon_names[i]);
	}
	if (!whole) {
		supervisor_free(s);
		return E_NOMEM;
	}
	*out = s;
	return 0;
}

void supervisor_free(struct supervisor *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < DAEMONS; i++) {
		ready_forget(&s->children[i]);
		loop_timer_free(s->children[i].restart);
	}
	loop_timer_free(s->kill_timer);
	free(s);
}

size_t supervisor_view(const struct supervisor *s, struct daemon_view *out, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < DAEMONS && n < max; i++) {
		const struct child *c = &s->children[i];
		if (c->present)
			out[n++] = (struct daemon_view){c->name, c->pid, c->ready, c->restarts};
	}
	return n;
}
