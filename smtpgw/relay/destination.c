#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "smtpgw/counters.h"
#include "smtpgw/relay/destination_private.h"

#define SETTLE_PIECE 100 /* mails of a destination that is down, at a time */
#define MAILS_A_LEG  2
#define PLAN_KEEP_US (60 * CLOCK_S) /* DNS keeps it longer, if it may be */

/* ---- mails that wait ---- */

void destination_enqueue(struct destination *d, struct job *j, bool is_first)
{
	if (is_first) {
		j->next = d->first;
		d->first = j;
		if (!j->next)
			d->last = &j->next;
	} else {
		j->next = NULL;
		*d->last = j;
		d->last = &j->next;
	}
	d->waiting++;
}

struct job *destination_dequeue(struct destination *d)
{
	struct job *j = d->first;

	if (!j)
		return NULL;
	d->first = j->next;
	if (!d->first)
		d->last = &d->first;
	j->next = NULL;
	d->waiting--;
	return j;
}

void destination_give_back_all(struct destination *d)
{
	struct job *j;

	while ((j = destination_dequeue(d)))
		intake_give_back(d->all->with.intake, j);
}

static void on_taken(void *arg, struct job *j)
{
	destination_enqueue(arg, j, false);
}

static void take(struct destination *d, size_t have, size_t want)
{
	if (!d->is_dry && have < want)
		intake_take(d->all->with.intake, d->lane, want - have, &d->is_dry, on_taken, d);
}

/* ---- down ---- */

static bool is_down(struct destination *d)
{
	if (d->down_until_us && clock_now_us() >= d->down_until_us)
		d->down_until_us = 0;
	return d->down_until_us != 0;
}

/* The answer for all stands for the missing one of each. */
static void settle_down(struct destination *d, struct job *j)
{
	bool is_soon = relay_judge(&d->down) == RELAY_DEFERRED;

	job_answer_rest(j, &d->down);
	memcpy(j->remote, d->down_remote, sizeof j->remote);
	intake_settle(d->all->with.intake, j, is_soon ? d->down_until_us : 0);
}

static void settle_all_down(struct destination *d)
{
	struct job *j;

	do {
		while ((j = destination_dequeue(d)))
			settle_down(d, j);
		if (intake_settling(d->all->with.intake) < SETTLE_PIECE)
			take(d, 0, SETTLE_PIECE);
	} while (d->first);
}

/* Its connections look into it. */
static void drop_plan(struct destination *d)
{
	if (d->leg_count > 0)
		return;
	free(d->plan);
	free(d->targets);
	d->plan = NULL;
	d->targets = NULL;
}

void destination_down(struct destination *d, const struct relay_answer *a, const char *remote)
{
	counter_add(COUNT_RELAY_DOWN, 1);
	d->down = *a;
	snprintf(d->down_remote, sizeof d->down_remote, "%s", remote);
	d->down_until_us = clock_now_us() + d->all->with.down_us;
	d->is_proven = false;
	drop_plan(d);
	destinations_wait_no_more(d);
	log_event(LOG_WARN, "destination-down", LOG_TEXT("lane", d->name),
		  LOG_TEXT("remote", remote), LOG_INT("code", a->code),
		  LOG_TEXT("enhanced", relay_enhanced(a)), LOG_TEXT("answer", a->text), LOG_END);
}

/* ---- where to ---- */

static void keep_plan(struct destination *d, const struct route_plan *plan)
{
	d->plan = malloc(sizeof *d->plan);
	d->targets = calloc(plan->count, sizeof *d->targets);
	if (!d->plan || !d->targets) {
		static const struct relay_answer a = {
			.stage = RELAY_STAGE_ROUTE, .enhanced = "4.3.0", .text = "out of memory"};
		destination_down(d, &a, "");
		return;
	}
	*d->plan = *plan;
	d->planned_us = clock_mono_us();
	d->good = 0;
}

static void on_planned(void *arg, const struct route_plan *plan)
{
	struct destination *d = arg;

	d->question = NULL;
	if (plan->count == 0)
		destination_down(d, &plan->failure, "");
	else
		keep_plan(d, plan);
	destination_go(d);
}

static void ask(struct destination *d)
{
	if (!d->question && !d->all->is_stopping)
		d->question =
			route_ask(d->all->with.routes, d->all->with.dns, d->name, on_planned, d);
}

/* ---- the next step ---- */

static size_t legs_allowed(const struct destination *d)
{
	return d->is_proven ? d->window.size : 1;
}

static void open_more(struct destination *d)
{
	while (d->opening < d->waiting && d->leg_count < legs_allowed(d)) {
		if (!destinations_has_slot(d->all)) {
			destinations_wait(d);
			return;
		}
		if (!leg_open(d))
			return;
	}
}

static void send_waiting(struct destination *d)
{
	struct leg *g;

	while (d->first && (g = leg_idle(d)))
		leg_send(g, destination_dequeue(d));
}

static void step(struct destination *d)
{
	if (d->all->is_stopping) {
		destination_give_back_all(d);
		return;
	}
	if (is_down(d)) {
		settle_all_down(d);
		return;
	}
	if (d->waiting * MAILS_A_LEG < legs_allowed(d))
		take(d, d->waiting + d->out, d->is_proven ? MAILS_A_LEG * d->window.size : 1);
	send_waiting(d);
	if (clock_mono_us() - d->planned_us > PLAN_KEEP_US)
		drop_plan(d);
	if (d->first && !d->plan)
		ask(d);
	else if (d->first)
		open_more(d);
}

/* What it does may end a mail, or a connection, and so call it again: once more round then, rather
 * than deeper. */
void destination_go(struct destination *d)
{
	d->is_again = true;
	if (d->is_busy)
		return;
	d->is_busy = true;
	while (d->is_again) {
		d->is_again = false;
		step(d);
	}
	d->is_busy = false;
}
