#include "pushsrv/purge.h"

#include <stdlib.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "pushsrv/counters.h"

#define SWEEP_US CLOCK_S

struct purge {
	struct db_port *port;
	struct loop_timer *timer;
	bool is_purging, is_sweeping, is_stopping;
	bool is_due; /* somebody was removed; stays until a purge that began later has done it */
};

static void begin(struct purge *p);

static void purged(void *arg, int err, uint64_t messages)
{
	struct purge *p = arg;

	p->is_purging = false;
	if (err) {
		p->is_due = true; /* the next second tries again */
		return;
	}
	counter_add(COUNT_PURGED, (int64_t)messages);
	if (messages > 0)
		log_event(LOG_INFO, "mail-purged", LOG_INT("messages", messages), LOG_END);
	begin(p);
}

static void begin(struct purge *p)
{
	if (!p->is_due || p->is_purging || p->is_stopping)
		return;
	p->is_due = false;
	p->is_purging = true;
	mail_purge_gone(p->port, purged, p);
}

static void swept(void *arg, int err)
{
	struct purge *p = arg;

	(void)err; /* the next second tries again */
	p->is_sweeping = false;
}

static void every_second(void *arg)
{
	struct purge *p = arg;

	begin(p);
	if (!p->is_sweeping) {
		p->is_sweeping = true;
		mail_sweep(p->port, clock_now_us(), swept, p);
	}
	loop_timer_set(p->timer, SWEEP_US);
}

int purge_new(struct loop *loop, struct db_port *port, struct purge **out)
{
	struct purge *p = calloc(1, sizeof *p);

	if (!p)
		return E_NOMEM;
	p->port = port;
	p->timer = loop_timer_new(loop, every_second, p);
	if (!p->timer) {
		free(p);
		return E_NOMEM;
	}
	loop_timer_set(p->timer, SWEEP_US);
	*out = p;
	return 0;
}

void purge_stop(struct purge *p)
{
	p->is_stopping = true;
	loop_timer_stop(p->timer);
}

void purge_free(struct purge *p)
{
	if (!p)
		return;
	loop_timer_free(p->timer);
	free(p);
}

void purge_gone(struct purge *p)
{
	p->is_due = true;
	begin(p);
}
