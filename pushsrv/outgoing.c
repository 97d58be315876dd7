#include "pushsrv/outgoing.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/wire/push/trigger.h"
#include "pushsrv/counters.h"

#define SOCKET_FULL_US 20000
#define STORE_US       CLOCK_S /* before the store is asked again */

struct outgoing {
	struct outgoing_options with;
	uint32_t application_id;
	bool is_signed, is_stopping, is_posted;
	bool is_waiting; /* for the timer: nothing leaves until then */
	struct loop_task task;
	struct loop_timer *timer;
	int64_t refusal_told_us;
	size_t first, count;
	struct trigger_out queue[OUTGOING_MAX];
};

/* A group while it is sent. */
struct group {
	const struct outgoing *o; /* what of it does not change */
	const struct trigger_out *list;
	size_t count, at;
	struct datagram datagrams[OUTGOING_GROUP];
	size_t of[OUTGOING_GROUP]; /* datagrams[i] is of list[of[i]] */
	size_t made;
	bool left[OUTGOING_GROUP]; /* list[i] is still to be sent */
};

/* ---- the last look ---- */

static bool is_same(const struct trigger_out *out, const struct binding *b)
{
	return key_equal(&b->key, &out->key) && b->generation == out->generation &&
	       b->subscriber == out->subscriber && binding_host(b);
}

/* b is the committed row of this moment. */
static void make(struct group *g, const struct trigger_out *out, const struct binding *b)
{
	struct datagram *d = &g->datagrams[g->made];
	struct trigger push = {
		.tid = out->tid,
		.application_id = g->o->application_id,
		.timestamp_s = out->timestamp_s,
		.realm = out->key.realm,
		.generation = b->generation,
	};

	memcpy(push.mailbox, out->mailbox, sizeof push.mailbox);
	d->realm = out->key.realm;
	d->to = *binding_host(b);
	int err = trigger_encode(&push, g->o->is_signed ? b->trigger_key : NULL, TRIGGER_KEY_BYTES,
				 d->octets, &d->size);
	if (err) {
		counter_add(COUNT_SEND_ERRORS, 1);
		log_event(LOG_ERROR, "trigger-not-encoded", LOG_INT("subscriber", out->subscriber),
			  LOG_TEXT("why", err_text(err)), LOG_END);
		return;
	}
	g->of[g->made++] = g->at - 1;
}

static void looked(void *arg, int err, const struct binding *b, bool behind)
{
	struct group *g = arg;
	const struct trigger_out *out = &g->list[g->at++];

	if (!err && !behind && is_same(out, b) &&
	    binding_allows(b, USE_UDP_TRIGGER, clock_now_us()))
		make(g, out, b);
	else
		counter_add(COUNT_TRIGGERS_MOVED, 1);
}

static int look_again(struct group *g)
{
	return triggers_check(g->o->with.port, g->list, g->count, looked, g);
}

/* ---- what became of them ---- */

static void note_sent(const struct trigger_out *out)
{
	counter_add(out->attempts > 1 ? COUNT_TRIGGERS_REPEAT : COUNT_TRIGGERS_FIRST, 1);
	if (out->attempts == 1) {
		int64_t took_us = clock_now_us() - out->mailed_us;
		counter_add(COUNT_LATENCY_SUM_US, took_us);
		counter_most(COUNT_LATENCY_MAX_US, took_us);
	}
	if (!log_wants(LOG_DEBUG))
		return;
	char key[KEY_TEXT_MAX];
	log_event(LOG_DEBUG, "trigger-sent", LOG_INT("subscriber", out->subscriber),
		  LOG_TEXT("realm", out->key.realm), LOG_TEXT("key", key_format(&out->key, key)),
		  LOG_INT("generation", out->generation), LOG_INT("tid", out->tid),
		  LOG_INT("attempt", out->attempts), LOG_END);
}

/* A network that is down refuses everything: a line a second is enough. */
static void tell_refusal(struct outgoing *o, const char *realm, int err)
{
	int64_t now_us = clock_mono_us();

	if (o->refusal_told_us && now_us - o->refusal_told_us < CLOCK_S)
		return;
	o->refusal_told_us = now_us;
	log_event(LOG_WARN, "trigger-refused", LOG_TEXT("realm", realm),
		  LOG_TEXT("why", err_text(err)), LOG_END);
}

static void unsent_noted(void *arg, int err)
{
	struct outgoing *o = arg;

	if (err)
		counter_add(COUNT_STORE_ERRORS, 1); /* then the attempt counts, and is repeated */
	if (!o->is_stopping)
		o->with.moved(o->with.arg);
}

static void settle(struct outgoing *o, struct group *g)
{
	struct trigger_unsent refused[OUTGOING_GROUP];
	size_t n = 0;

	for (size_t i = 0; i < g->made; i++) {
		const struct datagram *d = &g->datagrams[i];
		const struct trigger_out *out = &g->list[g->of[i]];
		if (!d->err) {
			note_sent(out);
		} else if (d->err == E_AGAIN) {
			counter_add(COUNT_SEND_FULL, 1);
			g->left[g->of[i]] = true;
		} else {
			counter_add(COUNT_SEND_ERRORS, 1);
			tell_refusal(o, d->realm, d->err);
			refused[n++] = (struct trigger_unsent){.subscriber = out->subscriber,
							       .timestamp_s = out->timestamp_s,
							       .bearer = BEARER_UDP};
		}
	}
	if (n)
		triggers_unsent(o->with.port, refused, n, unsent_noted, o);
}

static void pause_for(struct outgoing *o, int64_t us)
{
	o->is_waiting = true;
	loop_timer_set(o->timer, us);
}

/* Up to OUTGOING_GROUP of them. Which are left: g->left. */
static void send_group(struct outgoing *o, struct group *g)
{
	bool any = false;
	int err = look_again(g);

	if (err) {
		counter_add(COUNT_STORE_ERRORS, 1);
		for (size_t i = 0; i < g->count; i++)
			g->left[i] = true;
		pause_for(o, STORE_US);
		return;
	}
	bearer_udp_send(o->with.bearer, g->datagrams, g->made);
	settle(o, g);
	for (size_t i = 0; i < g->count; i++)
		any |= g->left[i];
	if (any)
		pause_for(o, SOCKET_FULL_US);
}

void outgoing_prompt(const struct outgoing *o, struct trigger_sight *sight,
		     const struct trigger_out *list, size_t n, bool left[])
{
	struct group g = {.o = o, .list = list, .count = n};
	int err = trigger_sight_check(sight, list, n, looked, &g);

	for (size_t i = 0; i < n; i++)
		left[i] = err != 0;
	if (err)
		return;
	bearer_udp_send(o->with.bearer, g.datagrams, g.made);
	for (size_t i = 0; i < g.made; i++)
		if (g.datagrams[i].err)
			left[g.of[i]] = true;
		else
			note_sent(&list[g.of[i]]);
}

/* ---- the queue ---- */

static void wake(struct outgoing *o)
{
	if (o->is_posted || o->is_waiting || o->is_stopping || o->count == 0)
		return;
	o->is_posted = true;
	loop_post(o->with.loop, &o->task);
}

static struct trigger_out *at(struct outgoing *o, size_t i)
{
	return &o->queue[(o->first + i) % OUTGOING_MAX];
}

/* One group a turn of the loop: a mail that comes meanwhile is in between. */
static void send_some(struct loop_task *task)
{
	struct outgoing *o = (struct outgoing *)((char *)task - offsetof(struct outgoing, task));
	size_t in_a_row = OUTGOING_MAX - o->first, n = o->count < in_a_row ? o->count : in_a_row;
	struct group g = {.o = o, .list = at(o, 0)};
	size_t kept = 0;

	o->is_posted = false;
	if (o->is_stopping || o->is_waiting || o->count == 0)
		return;
	g.count = n < OUTGOING_GROUP ? n : OUTGOING_GROUP;
	send_group(o, &g);
	/* Those that are left move up to the end of the group, in their order. */
	for (size_t i = g.count; i-- > 0;) {
		if (!g.left[i])
			continue;
		kept++;
		*at(o, g.count - kept) = *at(o, i);
	}
	o->first = (o->first + g.count - kept) % OUTGOING_MAX;
	o->count -= g.count - kept;
	wake(o);
	o->with.moved(o->with.arg);
}

static void waited(void *arg)
{
	struct outgoing *o = arg;

	o->is_waiting = false;
	wake(o);
}

size_t outgoing_room(const struct outgoing *o)
{
	return o->is_stopping ? 0 : OUTGOING_MAX - o->count;
}

void outgoing_add(struct outgoing *o, const struct trigger_out *list, size_t n)
{
	for (size_t i = 0; i < n && o->count < OUTGOING_MAX; i++)
		*at(o, o->count++) = list[i];
	wake(o);
}

void outgoing_now(struct outgoing *o, const struct trigger_out *list, size_t n)
{
	while (n > 0 && !o->is_stopping) {
		struct group g = {
			.o = o, .list = list, .count = n < OUTGOING_GROUP ? n : OUTGOING_GROUP};
		if (o->is_waiting) {
			outgoing_add(o, list, n);
			return;
		}
		send_group(o, &g);
		for (size_t i = 0; i < g.count; i++)
			if (g.left[i])
				outgoing_add(o, &list[i], 1);
		list += g.count;
		n -= g.count;
	}
}

/* ---- */

int outgoing_new(const struct outgoing_options *options, struct outgoing **out)
{
	struct outgoing *o = calloc(1, sizeof *o);

	if (!o)
		return E_NOMEM;
	o->with = *options;
	o->task.run = send_some;
	o->is_signed = options->conf->pushsrv_trigger_mac;
	o->application_id = strcmp(options->conf->pushsrv_application_id, "spmode") == 0
				    ? WSP_APPLICATION_SPMODE
				    : WSP_APPLICATION_EMN;
	o->timer = loop_timer_new(options->loop, waited, o);
	if (!o->timer) {
		outgoing_free(o);
		return E_NOMEM;
	}
	*out = o;
	return 0;
}

void outgoing_stop(struct outgoing *o)
{
	o->is_stopping = true;
	loop_timer_stop(o->timer);
}

void outgoing_free(struct outgoing *o)
{
	if (!o)
		return;
	loop_timer_free(o->timer);
	free(o);
}
