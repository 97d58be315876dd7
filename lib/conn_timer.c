#include "lib/clock.h"
#include "lib/conn_private.h"

static int64_t nearer(int64_t a, int64_t b)
{
	if (!a || !b)
		return a ? a : b;
	return a < b ? a : b;
}

/* 0: none. */
static int64_t conn_deadline(const struct conn *c)
{
	switch ((enum conn_state)c->state) {
	case CONN_CONNECTING:
	case CONN_OPEN:
	case CONN_BEFORE_TLS:
	case CONN_HANDSHAKE:
		return nearer(nearer(c->idle_us ? c->last_us + c->idle_us : 0, c->total_at_us),
			      c->cut_at_us);
	case CONN_FLUSHING:
		return nearer(c->flush_by_us, c->last_us + CONN_STALL_US);
	case CONN_PARTING:
		return c->cut_at_us;
	case CONN_DONE:
		break;
	}
	return 0;
}

/* Traffic moves deadlines away all the time: the timer stays where it is, finds out, and is set
 * anew. So ten thousand idle connections cost one timer each in idle_s, and busy ones nothing. */
void conn_timer_arm(struct conn *c)
{
	int64_t at = conn_deadline(c), in;
	struct timeval tv;

	if (!at || (c->armed_us && c->armed_us <= at))
		return;
	in = at - clock_mono_us();
	if (in < 0)
		in = 0;
	tv.tv_sec = (time_t)(in / CLOCK_S);
	tv.tv_usec = (suseconds_t)(in % CLOCK_S);
	if (event_add(&c->timer, &tv) == 0)
		c->armed_us = at;
}

void conn_ask(struct conn *c, enum conn_end why)
{
	if (c->state == CONN_OPEN && c->ops->timed_out) {
		c->why = (uint8_t)why;
		c->asking = true;
		c->ops->timed_out(c->session, why);
		c->asking = false;
	}
	if (c->state < CONN_FLUSHING)
		conn_end(c, why);
}

static void conn_check_open(struct conn *c, int64_t now)
{
	if (c->cut_at_us && now >= c->cut_at_us) {
		conn_end(c, CONN_END_SHUTDOWN);
	} else if (c->total_at_us && now >= c->total_at_us) {
		c->total_at_us = 0;
		conn_ask(c, CONN_END_TOTAL);
	} else if (c->idle_us && now >= c->last_us + c->idle_us) {
		/* A paused session waits for us, not for its peer. */
		if (c->paused && (c->holding || !conn_unsent(c)))
			c->last_us = now;
		else
			conn_ask(c, CONN_END_IDLE);
	}
}

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct conn *c = arg;
	int64_t now = clock_mono_us();

	(void)fd;
	(void)what;
	c->armed_us = 0;
	if (c->state < CONN_FLUSHING)
		conn_check_open(c, now);
	else if (c->state == CONN_FLUSHING && now >= conn_deadline(c))
		conn_give_up(c);
	else if (c->state == CONN_PARTING && now >= c->cut_at_us)
		conn_end(c, (enum conn_end)c->why);
	conn_timer_arm(c);
}

void conn_timer_init(struct conn *c)
{
	evtimer_assign(&c->timer, loop_base(c->loop), on_timer, c);
}

void conn_set_idle(struct conn *c, int64_t idle_s)
{
	c->idle_us = idle_s * CLOCK_S;
	conn_timer_arm(c);
}

void conn_set_total(struct conn *c, int64_t total_s)
{
	c->total_at_us = total_s ? clock_mono_us() + total_s * CLOCK_S : 0;
	conn_timer_arm(c);
}

void conn_shut_down(struct conn *c)
{
	int64_t by = clock_mono_us() + CONN_SHUTDOWN_S * CLOCK_S;

	if (c->shutdown_due)
		return;
	c->shutdown_due = true;
	if (c->state == CONN_OPEN) {
		c->cut_at_us = by;
		c->input_due = true;
		conn_wake(c);
	} else if (c->state < CONN_FLUSHING) {
		conn_end(c, CONN_END_SHUTDOWN);
	} else {
		c->flush_by_us = nearer(c->flush_by_us, clock_mono_us() + CONN_SHUTDOWN_US);
		c->cut_at_us = nearer(c->cut_at_us, c->flush_by_us);
	}
	conn_timer_arm(c);
}
