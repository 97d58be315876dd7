#include "handset-sim/air_sms.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/conn.h"
#include "lib/err.h"

#define PAUSE_US INT64_C(200000)

/* A connection outlives the air by the time that conn needs to close it. */
struct mast {
	struct air_sms *air; /* null: given up */
	struct conn *conn;
};

struct air_sms {
	struct loop *loop;
	struct addr to;
	uint16_t port;
	const struct air_sms_ops *ops;
	void *arg;
	struct mast *mast; /* null: none */
	bool is_up;
	struct loop_timer *pause;
};

static void on_connected(void *session)
{
	struct mast *m = session;

	if (!m->air)
		return;
	m->air->is_up = true;
	m->air->ops->linked(m->air->arg, true);
}

static void on_input(void *session)
{
	struct mast *m = session;
	struct radio_frame frame;
	size_t n, taken;

	while (m->air) {
		const uint8_t *octets = conn_peek(m->conn, RADIO_FRAME_MAX, &n);
		int rc = radio_decode(octets, n, &frame, &taken);
		if (rc == E_AGAIN)
			return;
		if (rc) {
			conn_abort(m->conn);
			return;
		}
		m->air->ops->frame(m->air->arg, &frame);
		conn_take(m->conn, taken);
	}
}

static void on_closed(void *session, enum conn_end why)
{
	struct mast *m = session;
	struct air_sms *a = m->air;

	(void)why;
	free(m);
	if (!a)
		return;
	bool was_up = a->is_up;
	a->mast = NULL;
	a->is_up = false;
	loop_timer_set(a->pause, PAUSE_US);
	if (was_up)
		a->ops->linked(a->arg, false);
}

static const struct conn_ops mast_ops = {
	.input = on_input, .connected = on_connected, .closed = on_closed};

static void raise_mast(void *arg)
{
	struct air_sms *a = arg;
	struct mast *m = calloc(1, sizeof *m);

	if (!m || conn_connect(a->loop, &a->to, a->port, &mast_ops, m, &m->conn)) {
		free(m);
		loop_timer_set(a->pause, PAUSE_US);
		return;
	}
	m->air = a;
	a->mast = m;
}

void air_sms_say(struct air_sms *a, enum radio_kind kind, const char *number,
		 const uint8_t *payload, size_t n)
{
	struct radio_frame f = {.kind = kind, .payload = payload, .payload_len = n};
	uint8_t octets[RADIO_FRAME_MAX];
	size_t len;

	snprintf(f.number, sizeof f.number, "%s", number);
	if (a->is_up && !radio_encode(&f, octets, sizeof octets, &len))
		conn_write(a->mast->conn, octets, len);
}

int air_sms_open(struct loop *loop, const struct addr *to, uint16_t port,
		 const struct air_sms_ops *ops, void *arg, struct air_sms **out)
{
	struct air_sms *a = calloc(1, sizeof *a);

	if (!a)
		return E_NOMEM;
	*a = (struct air_sms){.loop = loop, .to = *to, .port = port, .ops = ops, .arg = arg};
	a->pause = loop_timer_new(loop, raise_mast, a);
	if (!a->pause) {
		free(a);
		return E_NOMEM;
	}
	raise_mast(a);
	*out = a;
	return 0;
}

void air_sms_close(struct air_sms *a)
{
	if (!a)
		return;
	if (a->mast) {
		a->mast->air = NULL;
		conn_abort(a->mast->conn);
	}
	loop_timer_free(a->pause);
	free(a);
}
