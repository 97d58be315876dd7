#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/conn_private.h"
#include "lib/clock.h"
#include "lib/err.h"

#define READ_OCTETS   16384 /* commands, or a small mail whole; of a greater one the rest at once */
#define PAUSED_OCTETS 4096  /* of a paused session's peer */
#define RECORD_OCTETS 16384 /* RFC 8446 5.1: of a record at most */
#define SEND_PARTS    64    /* pieces of output, in one call */

/* ---- what is waited for ---- */

void conn_io_init(struct conn *c)
{
	struct event_base *base = loop_base(c->loop);

	event_assign(&c->readable, base, c->fd, EV_READ | EV_PERSIST, conn_on_readable, c);
	event_assign(&c->writable, base, c->fd, EV_WRITE | EV_PERSIST, conn_on_writable, c);
}

void conn_io_fini(struct conn *c)
{
	if (c->in)
		evbuffer_free(c->in);
	if (c->out)
		evbuffer_free(c->out);
	c->in = c->out = NULL;
	conn_write_off(c);
}

static void wait_for_more(struct conn *c)
{
	if (!c->reading)
		event_add(&c->readable, NULL);
	c->reading = true;
}

void conn_read_on(struct conn *c)
{
	c->full = false;
	if (c->eof)
		return;
	wait_for_more(c);
	/* What TLS holds already, the kernel does not tell of. */
	if (c->ssl && SSL_has_pending(c->ssl))
		event_active(&c->readable, EV_READ, 0);
}

void conn_read_off(struct conn *c)
{
	c->full = false;
	if (!c->reading)
		return;
	c->reading = false;
	event_del(&c->readable);
}

void conn_write_on(struct conn *c)
{
	if (c->writing)
		return;
	c->writing = true;
	event_add(&c->writable, NULL);
}

void conn_write_off(struct conn *c)
{
	if (!c->writing)
		return;
	c->writing = false;
	event_del(&c->writable);
}

void conn_room_made(struct conn *c)
{
	if (c->full && evbuffer_get_length(c->in) < c->input_cap)
		conn_read_on(c);
}

/* ---- sending ---- */

/* The end of a TLS handshake is followed by a greeting, if we speak first, the last words by our
 * end: neither is worth a packet of its own, nor the peer's waking. */
static bool more_comes(const struct conn *c)
{
	return c->state == CONN_FLUSHING || (c->state == CONN_HANDSHAKE && c->answered);
}

static int send_flags(struct conn *c)
{
	c->corked = more_comes(c);
	return c->corked ? MSG_NOSIGNAL | MSG_MORE : MSG_NOSIGNAL;
}

ssize_t conn_put(struct conn *c, const void *octets, size_t n)
{
	return send(c->fd, octets, n, send_flags(c));
}

/* tcp(7): this option, set anew, pushes what waits. */
void conn_uncork(struct conn *c)
{
	if (c->corked)
		setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	c->corked = false;
}

static ssize_t send_parts(struct conn *c)
{
	struct evbuffer_iovec parts[SEND_PARTS];
	int n = evbuffer_peek(c->out, -1, NULL, parts, SEND_PARTS);
	struct msghdr message = {.msg_iov = parts,
				 .msg_iovlen = (size_t)(n < SEND_PARTS ? n : SEND_PARTS)};

	if (n == 1)
		return conn_put(c, parts[0].iov_base, parts[0].iov_len);
	return sendmsg(c->fd, &message, send_flags(c));
}

static bool send_plain(struct conn *c)
{
	while (evbuffer_get_length(c->out)) {
		ssize_t n = send_parts(c);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR;
		evbuffer_drain(c->out, (size_t)n);
		c->last_us = clock_mono_us();
		if (evbuffer_get_length(c->out))
			return true; /* the socket is full, or nearly */
	}
	return true;
}

/* A record of what was written together. */
static bool send_tls(struct conn *c)
{
	size_t length;

	while ((length = evbuffer_get_length(c->out))) {
		size_t n = length < RECORD_OCTETS ? length : RECORD_OCTETS;
		const unsigned char *octets = evbuffer_pullup(c->out, (ev_ssize_t)n);
		if (!octets)
			return false;
		ERR_clear_error();
		int sent = SSL_write(c->ssl, octets, (int)n);
		if (sent <= 0) {
			int why = SSL_get_error(c->ssl, sent);
			return why == SSL_ERROR_WANT_WRITE || why == SSL_ERROR_WANT_READ;
		}
		evbuffer_drain(c->out, (size_t)sent);
		c->last_us = clock_mono_us();
	}
	return true;
}

bool conn_send(struct conn *c)
{
	return c->ssl ? send_tls(c) : send_plain(c);
}

/* ---- receiving ---- */

static size_t room_of(const struct conn *c)
{
	size_t have = evbuffer_get_length(c->in);

	return have < c->input_cap ? c->input_cap - have : 0;
}

/* Of a paused session's peer no more is held than one short read brings. */
static bool wants_more(const struct conn *c)
{
	return c->state == CONN_OPEN && !c->paused;
}

/* A mail has thousands of pieces: the rest of what may be held comes at once. An end or an error is
 * left for the next event. */
static void receive_more(struct conn *c)
{
	size_t want = room_of(c);
	struct evbuffer_iovec room;

	if (!want || evbuffer_reserve_space(c->in, (ev_ssize_t)want, &room, 1) != 1)
		return;
	ssize_t n = recv(c->fd, room.iov_base, room.iov_len < want ? room.iov_len : want, 0);

	room.iov_len = n > 0 ? (size_t)n : 0;
	evbuffer_commit_space(c->in, &room, 1);
}

static int receive_plain(struct conn *c)
{
	char octets[READ_OCTETS];
	size_t room = room_of(c), most = wants_more(c) ? sizeof octets : PAUSED_OCTETS;
	ssize_t n = recv(c->fd, octets, room < most ? room : most, 0);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? E_AGAIN : E_IO;
	if (n == 0)
		return E_CLOSED;
	if (evbuffer_add(c->in, octets, (size_t)n))
		return E_IO;
	if (n == READ_OCTETS && wants_more(c))
		receive_more(c);
	return 0;
}

static int tls_error(struct conn *c, int rc)
{
	switch (SSL_get_error(c->ssl, rc)) {
	case SSL_ERROR_WANT_READ:
		return E_AGAIN;
	case SSL_ERROR_WANT_WRITE:
		conn_write_on(c);
		return E_AGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return E_CLOSED;
	case SSL_ERROR_SYSCALL: /* hung up without a close_notify */
		return errno ? E_IO : E_CLOSED;
	default:
		return E_IO;
	}
}

/* Record by record, while TLS has some. What it has beyond our room is told of by conn_read_on. */
static int receive_tls(struct conn *c)
{
	char octets[RECORD_OCTETS];
	size_t room;
	int got = E_AGAIN;

	while ((room = room_of(c)) > 0) {
		ERR_clear_error();
		errno = 0;
		int n = SSL_read(c->ssl, octets,
				 (int)(room < sizeof octets ? room : sizeof octets));
		if (n <= 0) {
			int err = tls_error(c, n);
			if (got || err == E_AGAIN)
				return got ? err : 0;
			/* What came before the end is shown first; of the end, which TLS has read
			 * already, the kernel would not tell again. */
			event_active(&c->readable, EV_READ, 0);
			return 0;
		}
		if (evbuffer_add(c->in, octets, (size_t)n))
			return E_IO;
		got = 0;
		if (!SSL_has_pending(c->ssl) || !wants_more(c))
			break;
	}
	if (!room)
		event_active(&c->readable, EV_READ, 0);
	return got;
}

int conn_receive(struct conn *c)
{
	if (!room_of(c)) {
		conn_read_off(c);
		c->full = true;
		return E_AGAIN;
	}
	return c->ssl ? receive_tls(c) : receive_plain(c);
}

/* ---- the handshake ---- */

int conn_shake_hands(struct conn *c)
{
	ERR_clear_error();
	errno = 0;
	int rc = SSL_do_handshake(c->ssl);

	if (rc == 1)
		return 0;
	conn_write_off(c);
	if (tls_error(c, rc) != E_AGAIN)
		return E_IO;
	conn_uncork(c); /* it was not the end of it */
	c->answered = !c->tls_client && BIO_number_written(SSL_get_wbio(c->ssl)) > 0;
	wait_for_more(c);
	return E_AGAIN;
}
