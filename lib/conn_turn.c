#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent_ssl.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/conn_private.h"
#include "lib/err.h"
#include "lib/log.h"

#define BEV_READ_OCTETS 4096
#define PARTING_READS   16 /* a tick, of PARTING_OCTETS each */
#define PARTING_OCTETS  16384
#define NOTIFY_RETRY_US 20000 /* no room in the socket for a close_notify: look again */

static void on_read(struct bufferevent *bev, void *arg);
static void on_written(struct bufferevent *bev, void *arg);
static void on_event(struct bufferevent *bev, short what, void *arg);

/* ---- the bufferevent ---- */

static void on_output_changed(struct evbuffer *out, const struct evbuffer_cb_info *info, void *arg)
{
	struct conn *c = arg;

	(void)out;
	if (info->n_deleted)
		c->last_us = clock_mono_us();
}

/* Output is sent by the tick, and by the bufferevent only while the socket is full. */
int conn_use(struct conn *c, struct bufferevent *bev)
{
	if (!bev || !evbuffer_add_cb(bufferevent_get_output(bev), on_output_changed, c)) {
		if (bev)
			bufferevent_free(bev);
		return E_NOMEM;
	}
	bufferevent_setcb(bev, on_read, on_written, on_event, c);
	bufferevent_setwatermark(bev, EV_READ, 0, c->input_cap);
	c->bev = bev;
	return 0;
}

static void conn_unuse(struct conn *c)
{
	if (!c->bev)
		return;
	evbuffer_remove_cb(bufferevent_get_output(c->bev), on_output_changed, c);
	bufferevent_disable(c->bev, EV_READ | EV_WRITE);
	bufferevent_free(c->bev);
	c->bev = NULL;
	c->reading = c->writing = false;
}

void conn_read_on(struct conn *c)
{
	if (c->reading || c->eof)
		return;
	c->reading = true;
	bufferevent_enable(c->bev, EV_READ);
}

void conn_read_off(struct conn *c)
{
	if (!c->reading)
		return;
	c->reading = false;
	bufferevent_disable(c->bev, EV_READ);
}

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
	conn_unuse(c);
	if (shutdown(c->fd, SHUT_WR) || c->eof) {
		c->state = CONN_DONE;
		return true;
	}
	c->state = CONN_PARTING;
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
	conn_unuse(c);
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

static void conn_begin_tls(struct conn *c)
{
	struct bufferevent *bev;

	conn_unuse(c);
	c->ssl = SSL_new(c->tls_next);
	if (!c->ssl || (c->tls_name && tls_client_expect(c->ssl, c->tls_name))) {
		conn_end(c, CONN_END_TLS);
		return;
	}
	bev = bufferevent_openssl_socket_new(loop_base(c->loop), c->fd, c->ssl,
					     c->tls_client ? BUFFEREVENT_SSL_CONNECTING
							   : BUFFEREVENT_SSL_ACCEPTING,
					     BEV_OPT_DEFER_CALLBACKS);
	if (conn_use(c, bev)) {
		conn_end(c, CONN_END_TLS);
		return;
	}
	bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
	c->state = CONN_HANDSHAKE;
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
	if (c->ops->input && evbuffer_get_length(bufferevent_get_input(c->bev)))
		c->ops->input(c->session);
	if (c->eof && c->state == CONN_OPEN && !c->paused)
		conn_finish(c, CONN_END_PEER);
}

static void conn_push(struct conn *c)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);

	if (c->writing || !evbuffer_get_length(out) || (c->holding && c->state == CONN_OPEN))
		return;
	c->drained_due = true;
	if (!c->ssl) {
		evbuffer_unfreeze(out, 1);
		evbuffer_write(out, c->fd); /* an error shows again below */
		evbuffer_freeze(out, 1);
		if (!evbuffer_get_length(out))
			return;
	}
	c->writing = true;
	bufferevent_enable(c->bev, EV_WRITE);
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

static void conn_watch_parting(struct conn *c)
{
	event_del(&c->wake);
	event_assign(&c->wake, loop_base(c->loop), c->fd, EV_READ | EV_PERSIST, conn_on_wake, c);
	event_add(&c->wake, NULL);
}

void conn_on_wake(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	bool was_parting = c->state == CONN_PARTING;

	(void)fd;
	(void)what;
	if (c->input_due)
		conn_feed(c);
	if (c->state == CONN_OPEN || c->state == CONN_BEFORE_TLS || c->state == CONN_FLUSHING)
		conn_push(c);
	if (c->bev)
		conn_move_on(c);
	if (c->state == CONN_PARTING) {
		conn_read_off_rest(c);
		if (!was_parting)
			conn_watch_parting(c);
	}
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

/* ---- what the bufferevent says ---- */

/* libevent reads 4 KiB an event. When that was all it could take there is more, and a mail has
 * thousands of them: the rest of what we may hold comes at once. An end or an error is left for it
 * to find. */
static void conn_read_more(struct conn *c, struct evbuffer *in)
{
	size_t have = evbuffer_get_length(in), want = c->input_cap - have;
	struct evbuffer_iovec room;

	if (c->ssl || have < BEV_READ_OCTETS || have >= c->input_cap)
		return;
	evbuffer_unfreeze(in, 0);
	if (evbuffer_reserve_space(in, (ev_ssize_t)want, &room, 1) == 1) {
		ssize_t n = read(c->fd, room.iov_base, room.iov_len < want ? room.iov_len : want);

		room.iov_len = n > 0 ? (size_t)n : 0;
		evbuffer_commit_space(in, &room, 1);
	}
	evbuffer_freeze(in, 0);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);

	c->last_us = clock_mono_us();
	if (c->state == CONN_FLUSHING)
		evbuffer_drain(in, evbuffer_get_length(in));
	else if (c->state != CONN_OPEN || c->paused)
		conn_read_off(c);
	else {
		conn_read_more(c, in);
		conn_feed(c);
	}
}

static void on_written(struct bufferevent *bev, void *arg)
{
	struct conn *c = arg;

	if (c->state == CONN_HANDSHAKE || c->state == CONN_CONNECTING || conn_unsent(c))
		return;
	c->writing = false;
	bufferevent_disable(bev, EV_WRITE);
	conn_wake(c);
}

static void on_up(struct conn *c)
{
	bool tls = c->state == CONN_HANDSHAKE;

	c->state = CONN_OPEN;
	c->last_us = clock_mono_us();
	c->writing = false;
	bufferevent_disable(c->bev, EV_WRITE);
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

static void on_eof(struct conn *c)
{
	c->eof = true;
	c->reading = false;
	if (c->ssl && c->writing) {
		/* libevent stops writing too when TLS has come to its end; the peer may still be
		 * reading. */
		c->writing = false;
		bufferevent_disable(c->bev, EV_WRITE);
		conn_wake(c);
	}
	if (c->state == CONN_OPEN) {
		c->input_due = true;
		conn_wake(c);
	} else if (c->state != CONN_FLUSHING) {
		conn_end(c, c->state == CONN_HANDSHAKE ? CONN_END_TLS : CONN_END_PEER);
	}
}

static void log_tls_failure(struct conn *c)
{
	unsigned long code = bufferevent_get_openssl_error(c->bev);
	const char *reason = code ? ERR_reason_error_string(code) : "cut off";
	char text[ADDR_TEXT_MAX];

	log_event(LOG_DEBUG, "tls-failed", LOG_INT("conn", c->id),
		  LOG_TEXT("peer", addr_format(&c->peer.addr, text)), LOG_TEXT("reason", reason),
		  LOG_END);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	struct conn *c = arg;

	(void)bev;
	if (c->state >= CONN_PARTING)
		return;
	if (what & BEV_EVENT_CONNECTED) {
		on_up(c);
	} else if (what & (BEV_EVENT_ERROR | BEV_EVENT_WRITING)) {
		/* Before EOF: libevent hands over both at once when reading ended and writing
		 * failed in one round, and under TLS it calls a failed write an EOF. Nothing will
		 * be written any more. */
		if (c->state == CONN_HANDSHAKE)
			log_tls_failure(c);
		conn_end(c, c->state == CONN_HANDSHAKE ? CONN_END_TLS : CONN_END_PEER);
	} else if (what & BEV_EVENT_EOF) {
		on_eof(c);
	}
}
