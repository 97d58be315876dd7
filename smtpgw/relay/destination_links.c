/* destination_links -- a destination's connections: which host is tried, and what each of them
 * tells of the destination
 */
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "smtpgw/counters.h"
#include "smtpgw/relay/destination_private.h"

static const struct link_ops link_ops;

/* ---- the list ---- */

static struct leg *leg_new(struct destination *d)
{
	struct leg *g = calloc(1, sizeof *g);

	if (!g)
		return NULL;
	g->of = d;
	g->next = d->legs;
	g->at = &d->legs;
	if (g->next)
		g->next->at = &g->next;
	d->legs = g;
	d->leg_count++;
	d->opening++;
	d->all->leg_count++;
	return g;
}

static void leg_free(struct leg *g)
{
	struct destination *d = g->of;

	destinations_note_idle(g, false);
	*g->at = g->next;
	if (g->next)
		g->next->at = g->at;
	d->leg_count--;
	free(g);
	destinations_leg_gone(d->all);
}

struct leg *leg_idle(struct destination *d)
{
	for (struct leg *g = d->legs; g; g = g->next)
		if (g->idle_at && link_is_ready(g->link))
			return g;
	return NULL;
}

/* ---- which host ---- */

/* The one that answered last, then in the plan's order; those that did not answer lately last. */
static size_t first_target(const struct destination *d)
{
	int64_t now_us = clock_mono_us();

	if (d->targets[d->good].bad_until_us <= now_us)
		return d->good;
	for (size_t i = 0; i < d->plan->count; i++)
		if (d->targets[i].bad_until_us <= now_us)
			return i;
	return 0;
}

static int connect_to(struct leg *g, size_t target)
{
	struct destination *d = g->of;
	enum client_tls tls = d->plan->tls;

	g->target = target;
	if (tls == CLIENT_TLS_OPPORTUNISTIC && d->targets[target].is_plain)
		tls = CLIENT_TLS_OFF;
	return link_open(&d->all->with.links, &d->plan->targets[target], tls, &link_ops, g,
			 &g->link);
}

static struct relay_answer no_connection(void)
{
	return (struct relay_answer){.stage = RELAY_STAGE_CONNECT,
				     .enhanced = "4.4.1",
				     .text = "a connection could not be opened"};
}

/* The next host of the plan that can be tried; false: all were. */
static bool try_next(struct leg *g)
{
	struct destination *d = g->of;

	while (g->tried < d->plan->count) {
		size_t target = (g->target + 1) % d->plan->count;
		g->tried++;
		if (connect_to(g, target) == 0)
			return true;
	}
	return false;
}

bool leg_open(struct destination *d)
{
	struct relay_answer a = no_connection();
	struct leg *g = leg_new(d);

	if (!g) {
		destination_down(d, &a, "");
		return false;
	}
	g->tried = 1;
	if (connect_to(g, first_target(d)) == 0 || try_next(g))
		return true;
	d->opening--;
	leg_free(g);
	if (d->leg_count == 0)
		destination_down(d, &a, "");
	return false;
}

/* ---- what a connection tells ---- */

static void on_ready(void *arg, struct link *l)
{
	struct leg *g = arg;
	struct destination *d = g->of;

	(void)l;
	d->opening--;
	d->good = g->target;
	d->targets[g->target].bad_until_us = 0;
	if (!d->is_proven) {
		d->is_proven = true;
		window_init(&d->window, d->all->with.first, d->all->with.most);
	}
	destinations_note_idle(g, true);
	destination_go(d);
}

void leg_send(struct leg *g, struct job *j)
{
	destinations_note_idle(g, false);
	g->of->out++;
	link_send(g->link, j);
}

/* Of the connection rather than of the mail: nobody answered, or goodbye was said. */
static bool is_lost(const struct job *j)
{
	const struct relay_answer *a = &j->recipients[j->count - 1].answer;

	return a->code == 421 ||
	       (a->code == 0 && a->stage > RELAY_STAGE_ROUTE && *a->enhanced == '4');
}

/* A host may close an idle connection in the moment in which we send the next mail: that is no
 * fault of the mail's. */
static bool came_too_late(const struct leg *g, struct job *j)
{
	if (j->is_late || link_mails(g->link) < 2 ||
	    j->recipients[j->count - 1].answer.stage != RELAY_STAGE_MAIL)
		return false;
	j->is_late = true;
	return true;
}

static void on_done(void *arg, struct link *l, struct job *j)
{
	struct leg *g = arg;
	struct destination *d = g->of;
	bool was_lost = is_lost(j), is_late = was_lost && came_too_late(g, j);

	d->out--;
	if (!was_lost)
		window_good(&d->window);
	else if (!is_late)
		window_bad(&d->window);
	if (was_lost && d->all->is_stopping)
		intake_give_back(d->all->with.intake, j);
	else if (is_late || job_again(j))
		destination_enqueue(d, j, true);
	else
		intake_settle(d->all->with.intake, j, 0);
	if (link_is_ready(l))
		destinations_note_idle(g, true);
	destination_go(d);
}

static void note_bad(struct leg *g)
{
	struct destination *d = g->of;

	if (d->targets)
		d->targets[g->target].bad_until_us = clock_mono_us() + d->all->with.down_us;
}

/* With TLS that does not work, once more without, where that may be. */
static bool try_plain(struct leg *g, const struct relay_answer *why)
{
	struct destination *d = g->of;

	if (why->stage != RELAY_STAGE_TLS || d->plan->tls != CLIENT_TLS_OPPORTUNISTIC ||
	    d->targets[g->target].is_plain)
		return false;
	d->targets[g->target].is_plain = true;
	return connect_to(g, g->target) == 0;
}

static bool try_elsewhere(struct leg *g, const struct relay_answer *why)
{
	struct destination *d = g->of;

	if (!d->plan || d->all->is_stopping || d->waiting == 0)
		return false;
	if (try_plain(g, why))
		return true;
	note_bad(g);
	return try_next(g);
}

static void on_never_ready(struct leg *g, struct link *l)
{
	struct destination *d = g->of;
	struct relay_answer why = *link_failure(l);
	char remote[JOB_REMOTE_MAX];

	log_event(LOG_INFO, "relay-host-failed", LOG_TEXT("lane", d->name),
		  LOG_TEXT("remote", link_remote(l)), LOG_INT("code", why.code),
		  LOG_TEXT("answer", why.text), LOG_END);
	if (try_elsewhere(g, &why))
		return;
	snprintf(remote, sizeof remote, "%s", why.code ? link_remote(l) : "");
	d->opening--;
	leg_free(g);
	if (d->leg_count > d->opening)
		window_bad(&d->window);
	else if (!d->all->is_stopping && d->plan && d->waiting > 0 && d->leg_count == 0)
		destination_down(d, &why, remote);
	destination_go(d);
}

static void on_closed(void *arg, struct link *l)
{
	struct leg *g = arg;
	struct destination *d = g->of;

	if (!link_was_ready(l)) {
		on_never_ready(g, l);
		return;
	}
	leg_free(g);
	destination_go(d);
}

static const struct link_ops link_ops = {.ready = on_ready, .done = on_done, .closed = on_closed};
