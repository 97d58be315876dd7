#include <errno.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/conn_private.h"
#include "lib/err.h"
#include "lib/log.h"

#define PARTING_READS   16 /* a tick, of PARTING_OCTETS each */
#define PARTING_OCTETS  16384
#define NOTIFY_RETRY_US 20000 /* no room in the socket for a close_notify: look again */

/* ---- towards the end ---- */

void conn_end(struct conn *c, enum conn_end why)
{
	c->state = CONN_DONE;
	c->why = (uint8_t)why;
	conn_wake(c);
}

void conn_finish(struct conn *c, enum conn_end why)
{
	int64_t now = clock_mono_us();

	c->state = CONN_FLUSHING;
	c->why = (uint8_t)why;
	c->last_us = now;
	c->flush_by_us = now + (c->shutdown_due ? CONN_SHUTDOWN_US : CONN_LINGER_US);
	conn_timer_arm(c);
	conn_wake(c);
}

/* What is still in the kernel is thrown away too, and the peer sees a reset. */
void conn_cut(struct conn *c, enum conn_end why)
{
	struct linger at_once = {.l_onoff = 1};

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	conn_end(c, why);
}

void conn_give_up(struct conn *c)
{
	conn_cut(c, c->why == CONN_END_SHUTDOWN ? CONN_END_SHUTDOWN : CONN_END_IDLE);
}

/* All output has left us: say so, and wait for the peer to hang up, so that no reset by what it
 * still sends can overtake our last words. False: not yet. */
static bool conn_part(struct conn *c)
{
	if (c->ssl) {
		ERR_clear_error();
		int rc = SSL_shutdown(c->ssl);
		bool full = rc < 0 && SSL_get_error(c->ssl, rc) == SSL_ERROR_WANT_WRITE;

		ERR_clear_error();
		if (full)
			return false;
	}
	conn_io_fini(c);
	if (shutdown(c->fd, SHUT_WR) || c->eof) {
		c->state = CONN_DONE;
		return true;
	}
	c->state = CONN_PARTING;
	conn_read_on(c);
	c->cut_at_us = clock_mono_us() + (c->shutdown_due ? CONN_SHUTDOWN_US : CONN_PARTING_US);
	conn_timer_arm(c);
	return true;
}

static void conn_read_off_rest(struct conn *c)
{
	char octets[PARTING_OCTETS];

	for (int i = 0; i < PARTING_READS; i++) {
		ssize_t n = recv(c->fd, octets, sizeof octets, 0);

		if (n > 0)
			continue;
		if (n == 0 || (errno != EAGAIN && errno != EINTR))
			c->state = CONN_DONE;
		return;
	}
}

static void conn_destroy(struct conn *c)
{
	conn_io_fini(c);
	conn_read_off(c);
	SSL_free(c->ssl);
	event_del(&c->wake);
	event_del(&c->timer);
	close(c->fd);
	c->fd = -1;
	if (c->gone)
		c->gone(c->gone_arg, c);
	if (c->ops->closed)
		c->ops->closed(c->session, (enum conn_end)c->why);
	connections_remove(c);
	free(c->line);
	free(c->tls_name);
	free(c);
}

/* ---- the tick ---- */

static void log_tls_failure(struct conn *c)
{
	unsigned long code = ERR_peek_error();
	const char *reason = code ? ERR_reason_error_string(code) : "cut off";
	char text[ADDR_TEXT_MAX];

	log_event(LOG_DEBUG, "tls-failed", LOG_INT("conn", c->id),
		  LOG_TEXT("peer", addr_format(&c->peer.addr, text)),
		  LOG_TEXT("reason", reason ? reason : "unknown"), LOG_END);
	ERR_clear_error();
}

static void on_up(struct conn *c)
{
	bool tls = c->state == CONN_HANDSHAKE;

	c->state = CONN_OPEN;
	c->last_us = clock_mono_us();
	conn_write_off(c);
	if (c->paused)
		conn_read_off(c);
	else
		conn_read_on(c);
	if (tls && c->ops->secured)
		c->ops->secured(c->session);
	else if (!tls && c->ops->connected)
		c->ops->connected(c->session);
	conn_wake(c);
}

static void conn_handshake(struct conn *c)
{
	int rc = conn_shake_hands(c);

	if (rc == E_AGAIN)
		return;
	if (rc) {
		log_tls_failure(c);
		conn_end(c, CONN_END_TLS);
	} else {
		on_up(c);
	}
}

/* The client's hello is often there already. */
static void conn_begin_tls(struct conn *c)
{
	c->ssl = SSL_new(c->tls_next);
	if (!c->ssl || !conn_bio_set(c) ||
	    (c->tls_name && tls_client_expect(c->ssl, c->tls_name))) {
		conn_end(c, CONN_END_TLS);
		return;
	}
	SSL_set_mode(c->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_set_read_ahead(c->ssl, 1);
	if (c->tls_client)
		SSL_set_connect_state(c->ssl);
	else
		SSL_set_accept_state(c->ssl);
	c->state = CONN_HANDSHAKE;
	conn_handshake(c);
}

static void conn_feed(struct conn *c)
{
	c->input_due = false;
	if (c->state != CONN_OPEN || c->paused)
		return;
	if (c->shutdown_due) {
		conn_ask(c, CONN_END_SHUTDOWN);
		return;
	}
	if (c->ops->input && evbuffer_get_length(c->in))
		c->ops->input(c->session);
	if (c->eof && c->state == CONN_OPEN && !c->paused)
		conn_finish(c, CONN_END_PEER);
}

/* Sent by the tick, and by events only while the socket is full. One that will never take it says
 * so at the next event: what the peer said before comes first. */
static void conn_push(struct conn *c)
{
	if (c->writing || !conn_unsent(c) || (c->holding && c->state == CONN_OPEN))
		return;
	c->drained_due = true;
	if (!conn_send(c) || conn_unsent(c))
		conn_write_on(c);
}

/* What a session writes here leaves in the next round of the loop: a peer that reads as fast as we
 * write must not keep the loop from the others. */
static void conn_say_drained(struct conn *c)
{
	static const struct timeval next_round;

	c->drained_due = false;
	if (!c->ops->drained)
		return;
	c->streaming = true;
	c->ops->drained(c->session);
	c->streaming = false;
	if (c->wake_due)
		event_add(&c->wake, &next_round);
	c->wake_due = false;
}

static void conn_move_on(struct conn *c)
{
	static const struct timeval retry = {.tv_usec = NOTIFY_RETRY_US};
	bool sent = !conn_unsent(c);

	if (c->state == CONN_OPEN && sent && c->drained_due)
		conn_say_drained(c);
	else if (c->state == CONN_BEFORE_TLS && sent)
		conn_begin_tls(c);
	else if (c->state == CONN_FLUSHING && sent && !conn_part(c))
		event_add(&c->wake, &retry);
}

void conn_on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	if (c->input_due)
		conn_feed(c);
	if (c->state == CONN_OPEN || c->state == CONN_BEFORE_TLS || c->state == CONN_FLUSHING)
		conn_push(c);
	if (c->state == CONN_OPEN)
		conn_uncork(c);
	if (c->out)
		conn_move_on(c);
	if (c->state == CONN_DONE)
		conn_destroy(c);
}

void conn_wake(struct conn *c)
{
	if (c->streaming)
		c->wake_due = true;
	else
		event_active(&c->wake, EV_READ, 0);
}

/* ---- what the events say ---- */

static void on_input(struct conn *c)
{
	c->last_us = clock_mono_us();
	if (c->state == CONN_FLUSHING)
		evbuffer_drain(c->in, evbuffer_get_length(c->in));
	else if (c->state != CONN_OPEN || c->paused)
		conn_read_off(c);
	else
		conn_feed(c);
}

static void on_eof(struct conn *c)
{
	c->eof = true;
	conn_read_off(c);
	if (c->state == CONN_OPEN) {
		c->input_due = true;
		conn_wake(c);
	} else if (c->state != CONN_FLUSHING) {
		conn_end(c, CONN_END_PEER);
	}
}

void conn_on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	if (c->state == CONN_PARTING) {
		conn_read_off_rest(c);
		if (c->state == CONN_DONE)
			conn_wake(c);
	} else if (c->state == CONN_HANDSHAKE) {
		conn_handshake(c);
	} else if (c->state != CONN_DONE) {
		if (c->state == CONN_FLUSHING) /* also what a session left: the end is behind it */
			evbuffer_drain(c->in, evbuffer_get_length(c->in));
		int rc = conn_receive(c);
		if (!rc)
			on_input(c);
		else if (rc == E_CLOSED)
			on_eof(c);
		else if (rc != E_AGAIN)
			conn_end(c, CONN_END_PEER);
	}
}

static void on_connected(struct conn *c)
{
	int error = 0;
	socklen_t length = sizeof error;

	if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &length) || error)
		conn_end(c, CONN_END_PEER);
	else
		on_up(c);
}

void conn_on_writable(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;

	(void)fd;
	(void)what;
	if (c->state == CONN_CONNECTING) {
		on_connected(c);
	} else if (c->state == CONN_HANDSHAKE) {
		conn_handshake(c);
	} else if (c->state < CONN_PARTING) {
		if (!conn_send(c)) {
			conn_end(c, CONN_END_PEER);
		} else if (!conn_unsent(c)) {
			conn_write_off(c);
			conn_wake(c);
		}
	}
}
