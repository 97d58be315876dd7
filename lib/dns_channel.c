#include "lib/dns_channel.h"

#include <ares.h>
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/dns_servers.h"
#include "lib/err.h"
#include "lib/log.h"

#define TRIES      3
#define TRIES_TIME 7 /* each try waits twice as long as the one before: 1 + 2 + 4 */
#define CLASS_IN   1

struct watched {
	struct loop_watch *watch;
	int fd;
	struct watched *next;
};

struct dns_channel {
	struct loop *loop;
	ares_channel ares;
	struct loop_timer *timer;
	struct watched *watched;
	bool is_closing;
	int64_t heard_us; /* when a server said something last */
	unsigned silent;  /* questions without an answer since then */
	int64_t probe_us; /* down: when a question may go */
};

struct asked {
	struct dns_channel *channel;
	dns_channel_answered *answered;
	void *arg;
	int64_t at_us;
};

/* ---- c-ares's time and sockets ---- */

static void arm(struct dns_channel *c)
{
	struct timeval tv;

	if (ares_timeout(c->ares, NULL, &tv))
		loop_timer_set(c->timer, (int64_t)tv.tv_sec * CLOCK_S + tv.tv_usec);
	else
		loop_timer_stop(c->timer);
}

static void on_time(void *arg)
{
	struct dns_channel *c = arg;

	ares_process_fd(c->ares, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	arm(c);
}

static void on_watched(void *arg, int fd, bool can_read, bool can_write)
{
	struct dns_channel *c = arg;

	ares_process_fd(c->ares, can_read ? fd : ARES_SOCKET_BAD, can_write ? fd : ARES_SOCKET_BAD);
	arm(c);
}

/* Both false: the socket is about to be closed. */
static void on_socket_state(void *arg, ares_socket_t fd, int read, int write)
{
	struct dns_channel *c = arg;
	struct watched **at = &c->watched;

	while (*at && (*at)->fd != fd)
		at = &(*at)->next;
	if (!read && !write) {
		struct watched *gone = *at;
		if (!gone)
			return;
		*at = gone->next;
		loop_watch_free(gone->watch);
		free(gone);
		return;
	}
	if (!*at) {
		struct watched *w = calloc(1, sizeof *w);
		if (!w || !(w->watch = loop_watch_new(c->loop, fd, on_watched, c))) {
			free(w);
			return; /* its questions run out of time */
		}
		w->fd = fd;
		*at = w;
	}
	loop_watch_want((*at)->watch, read, write);
}

static ares_socket_t open_socket(int domain, int type, int protocol, void *arg)
{
	(void)arg;
	return socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
}

static int close_socket(ares_socket_t fd, void *arg)
{
	(void)arg;
	return close(fd);
}

static int connect_socket(ares_socket_t fd, const struct sockaddr *to, ares_socklen_t n, void *arg)
{
	(void)arg;
	return connect(fd, to, n);
}

static ares_ssize_t receive(ares_socket_t fd, void *data, size_t n, int flags,
			    struct sockaddr *from, ares_socklen_t *from_n, void *arg)
{
	struct dns_channel *c = arg;
	ssize_t got = recvfrom(fd, data, n, flags, from, from_n);

	if (got > 0) {
		if (c->silent >= DNS_CHANNEL_SILENT)
			log_event(LOG_INFO, "dns-answers", LOG_END);
		c->heard_us = clock_mono_us();
		c->silent = 0;
	}
	return got;
}

static ares_ssize_t send_octets(ares_socket_t fd, const struct iovec *pieces, int n, void *arg)
{
	const struct msghdr m = {.msg_iov = (struct iovec *)pieces, .msg_iovlen = (size_t)n};

	(void)arg;
	return sendmsg(fd, &m, MSG_NOSIGNAL);
}

static const struct ares_socket_functions socket_functions = {
	open_socket, close_socket, connect_socket, receive, send_octets,
};

/* ---- open and close ---- */

static void init_library(void)
{
	ares_library_init(ARES_LIB_INIT_ALL);
}

static int init_ares(struct dns_channel *c, int64_t timeout_us, size_t servers)
{
	int64_t try_ms = timeout_us / 1000 / TRIES_TIME / (int64_t)servers;
	struct ares_options options = {
		.flags = ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES,
		.timeout = (int)(try_ms > 0 ? try_ms : 1),
		.tries = TRIES,
		.sock_state_cb = on_socket_state,
		.sock_state_cb_data = c,
	};
	int err = ares_init_options(&c->ares, &options,
				    ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES |
					    ARES_OPT_SOCK_STATE_CB);

	if (err)
		c->ares = NULL;
	else
		ares_set_socket_functions(c->ares, &socket_functions, c);
	return !err ? 0 : err == ARES_ENOMEM ? E_NOMEM : E_IO;
}

static int set_servers(struct dns_channel *c, const struct dns_server *servers, size_t n)
{
	struct ares_addr_port_node nodes[DNS_SERVERS_MAX] = {0};

	for (size_t i = 0; i < n; i++) {
		bool v4 = addr_is_v4(&servers[i].addr);
		nodes[i].next = i + 1 < n ? &nodes[i + 1] : NULL;
		nodes[i].family = v4 ? AF_INET : AF_INET6;
		if (v4)
			memcpy(&nodes[i].addr.addr4, servers[i].addr.bytes + 12, 4);
		else
			memcpy(&nodes[i].addr.addr6, servers[i].addr.bytes, 16);
		nodes[i].udp_port = nodes[i].tcp_port = servers[i].port;
	}
	return ares_set_servers_ports(c->ares, nodes) == ARES_SUCCESS ? 0 : E_NOMEM;
}

/* How long one try may take depends on how many servers there are: the system's are counted first.
 */
static int init_channel(struct dns_channel *c, const char *text, int64_t timeout_us)
{
	struct dns_server servers[DNS_SERVERS_MAX];
	struct ares_addr_port_node *system = NULL;
	size_t n = 0;
	int err = dns_servers_parse(text, servers, DNS_SERVERS_MAX, &n);

	if (err || n > 0) {
		if (!err)
			err = init_ares(c, timeout_us, n);
		return err ? err : set_servers(c, servers, n);
	}
	err = init_ares(c, timeout_us, 1);
	if (err || ares_get_servers_ports(c->ares, &system) != ARES_SUCCESS)
		return err ? err : E_NOMEM;
	for (const struct ares_addr_port_node *s = system; s; s = s->next)
		n++;
	ares_free_data(system);
	if (n < 2)
		return 0;
	ares_destroy(c->ares);
	return init_ares(c, timeout_us, n);
}

int dns_channel_open(struct loop *loop, const char *servers, int64_t timeout_us,
		     struct dns_channel **out)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct dns_channel *c = calloc(1, sizeof *c);

	pthread_once(&once, init_library);
	if (!c)
		return E_NOMEM;
	c->loop = loop;
	c->timer = loop_timer_new(loop, on_time, c);
	int err = c->timer ? init_channel(c, servers, timeout_us) : E_NOMEM;
	if (err)
		dns_channel_close(c);
	else
		*out = c;
	return err;
}

void dns_channel_close(struct dns_channel *c)
{
	if (!c)
		return;
	c->is_closing = true;
	if (c->ares)
		ares_destroy(c->ares);
	assert(!c->watched);
	loop_timer_free(c->timer);
	free(c);
}

/* ---- questions ---- */

bool dns_channel_is_up(const struct dns_channel *c)
{
	return c->silent < DNS_CHANNEL_SILENT || clock_mono_us() >= c->probe_us;
}

static void note_silence(struct dns_channel *c)
{
	if (c->silent >= DNS_CHANNEL_SILENT || ++c->silent < DNS_CHANNEL_SILENT)
		return;
	c->probe_us = clock_mono_us() + DNS_CHANNEL_PROBE_US;
	log_event(LOG_WARN, "dns-silent", LOG_END);
}

static void on_answer(void *arg, int status, int timeouts, unsigned char *octets, int n)
{
	struct asked *a = arg;
	struct dns_channel *c = a->channel;
	bool is_answer =
		status == ARES_SUCCESS || status == ARES_ENODATA || status == ARES_ENOTFOUND;
	bool is_heard = c->heard_us >= a->at_us;

	(void)timeouts;
	if (!c->is_closing) {
		if (!is_heard)
			note_silence(c);
		if (is_answer && octets && n > 0)
			a->answered(a->arg, octets, (size_t)n, is_heard);
		else
			a->answered(a->arg, NULL, 0, is_heard);
	}
	free(a);
}

/* In c-ares's spelling: a backslash is one's own. */
static void escape(const char *name, char out[2 * DNS_NAME_MAX])
{
	for (; *name; name++) {
		if (*name == '\\')
			*out++ = '\\';
		*out++ = *name;
	}
	*out = '\0';
}

void dns_channel_ask(struct dns_channel *c, const char *name, uint16_t type,
		     dns_channel_answered *answered, void *arg)
{
	char text[2 * DNS_NAME_MAX];
	struct asked *a = calloc(1, sizeof *a);

	if (!a) {
		answered(arg, NULL, 0, true);
		return;
	}
	*a = (struct asked){c, answered, arg, clock_mono_us()};
	if (c->silent >= DNS_CHANNEL_SILENT)
		c->probe_us = a->at_us + DNS_CHANNEL_PROBE_US;
	escape(name, text);
	ares_query(c->ares, text, CLASS_IN, type, on_answer, a);
	arm(c);
}
