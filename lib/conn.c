#include "lib/conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/conn_private.h"
#include "lib/err.h"

static _Atomic uint64_t last_id;

static const struct conn_ops NO_OPS;

/* ---- beginning ---- */

int conn_new(struct loop *loop, int fd, const struct conn_peer *peer, struct conn **out)
{
	struct conn *c = calloc(1, sizeof *c);

	if (!c)
		return E_NOMEM;
	c->loop = loop;
	c->fd = fd;
	c->ops = &NO_OPS;
	c->state = CONN_OPEN;
	c->input_cap = CONN_INPUT_CAP;
	c->last_us = clock_mono_us();
	c->id = atomic_fetch_add_explicit(&last_id, 1, memory_order_relaxed) + 1;
	if (peer)
		c->peer = *peer;
	else
		c->peer.is_unix = true;
	c->in = evbuffer_new();
	c->out = evbuffer_new();
	if (!c->in || !c->out) {
		conn_io_fini(c);
		free(c);
		return E_NOMEM;
	}
	conn_io_init(c);
	event_assign(&c->wake, loop_base(loop), -1, 0, conn_on_wake, c);
	conn_timer_init(c);
	*out = c;
	return 0;
}

/* from null: the kernel chooses our address. */
static int conn_connect_to(struct loop *loop, const struct sockaddr *from,
			   const struct sockaddr *sa, socklen_t len, const struct conn_peer *peer,
			   const struct conn_ops *ops, void *session, struct conn **out)
{
	struct conn *c;
	int fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return E_IO;
	if (from && bind(fd, from, len)) {
		close(fd);
		return E_IO;
	}
	int rc = conn_new(loop, fd, peer, &c);
	if (rc) {
		close(fd);
		return rc;
	}
	if (sa->sa_family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	c->state = CONN_CONNECTING;
	c->ops = ops;
	c->session = session;
	/* Room to write says that it is up, or that it failed. */
	if (connect(fd, sa, len) && errno != EINPROGRESS && errno != EINTR)
		conn_end(c, CONN_END_PEER);
	else
		conn_write_on(c);
	*out = c;
	return 0;
}

int conn_connect_unix(struct loop *loop, const char *path, const struct conn_ops *ops,
		      void *session, struct conn **out)
{
	struct sockaddr_un sun = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof sun.sun_path)
		return E_RANGE;
	memcpy(sun.sun_path, path, strlen(path));
	return conn_connect_to(loop, NULL, (struct sockaddr *)&sun, sizeof sun, NULL, ops, session,
			       out);
}

int conn_connect_from(struct loop *loop, const struct addr *from, const struct addr *to,
		      uint16_t port, const struct conn_ops *ops, void *session, struct conn **out)
{
	struct sockaddr_storage ss, own;
	socklen_t len = addr_to_sockaddr(to, port, &ss);
	struct conn_peer peer = {.addr = *to, .port = port};

	if (from && addr_to_sockaddr(from, 0, &own) != len)
		return E_RANGE;
	return conn_connect_to(loop, from ? (struct sockaddr *)&own : NULL, (struct sockaddr *)&ss,
			       len, &peer, ops, session, out);
}

int conn_connect(struct loop *loop, const struct addr *to, uint16_t port,
		 const struct conn_ops *ops, void *session, struct conn **out)
{
	return conn_connect_from(loop, NULL, to, port, ops, session, out);
}

void conn_attach(struct conn *c, const struct conn_ops *ops, void *session)
{
	c->ops = ops;
	c->session = session;
	if (c->state == CONN_OPEN && !c->paused) {
		conn_read_on(c);
		c->input_due = true; /* TLS may have some already */
		conn_wake(c);
	}
}

/* ---- what a session may do ---- */

void conn_write(struct conn *c, const void *octets, size_t n)
{
	if (c->state > CONN_OPEN || !n)
		return;
	if (evbuffer_add(c->out, octets, n))
		conn_cut(c, CONN_END_ABORT);
	else
		conn_wake(c);
}

void conn_printf(struct conn *c, const char *format, ...)
{
	va_list args;
	int n;

	if (c->state > CONN_OPEN)
		return;
	va_start(args, format);
	n = evbuffer_add_vprintf(c->out, format, args);
	va_end(args);
	if (n < 0)
		conn_cut(c, CONN_END_ABORT);
	else
		conn_wake(c);
}

void conn_hold(struct conn *c, bool holds)
{
	if (c->holding == holds)
		return;
	c->holding = holds;
	if (!holds && conn_unsent(c))
		conn_wake(c);
}

size_t conn_unsent(const struct conn *c)
{
	return c->out ? evbuffer_get_length(c->out) : 0;
}

/* Reading is turned off when something comes, which it seldom does while a peer waits for an
 * answer. */
void conn_pause(struct conn *c)
{
	c->paused = true;
}

void conn_resume(struct conn *c)
{
	if (!c->paused)
		return;
	c->paused = false;
	c->last_us = clock_mono_us();
	if (c->state != CONN_OPEN)
		return;
	conn_read_on(c);
	c->input_due = true;
	conn_wake(c);
}

static void start_tls(struct conn *c, SSL_CTX *context, bool client)
{
	if (c->state != CONN_OPEN)
		return;
	if (c->ssl) {
		conn_cut(c, CONN_END_ABORT);
		return;
	}
	conn_read_off(c);
	evbuffer_drain(c->in, evbuffer_get_length(c->in));
	c->scanned = 0;
	c->skipping = false;
	c->state = CONN_BEFORE_TLS;
	c->tls_next = context;
	c->tls_client = client;
	conn_wake(c);
}

void conn_start_tls(struct conn *c, struct tls_server *tls)
{
	start_tls(c, tls_server_context(tls), false);
}

void conn_start_client_tls(struct conn *c, struct tls_client *tls)
{
	start_tls(c, tls_client_context(tls), true);
}

void conn_start_client_tls_with(struct conn *c, struct tls_client *tls, const char *name)
{
	free(c->tls_name);
	c->tls_name = strdup(name);
	if (c->tls_name)
		conn_start_client_tls(c, tls);
	else
		conn_cut(c, CONN_END_ABORT);
}

void conn_close(struct conn *c)
{
	enum conn_end why = c->asking ? (enum conn_end)c->why : CONN_END_LOCAL;

	if (c->state == CONN_OPEN || c->state == CONN_BEFORE_TLS) {
		conn_finish(c, why);
		if (c->state == CONN_FLUSHING && !c->eof)
			conn_read_on(c);
	} else if (c->state < CONN_FLUSHING) {
		conn_end(c, why);
	}
}

void conn_abort(struct conn *c)
{
	if (c->state != CONN_DONE)
		conn_cut(c, CONN_END_ABORT);
}

const struct conn_peer *conn_peer(const struct conn *c)
{
	return &c->peer;
}

uint64_t conn_id(const struct conn *c)
{
	return c->id;
}

bool conn_is_tls(const struct conn *c)
{
	return c->ssl && c->state != CONN_HANDSHAKE;
}
