/* esme_link -- a link's life */
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/tls.h"
#include "pushsrv/esme_private.h"

#define PROVEN_US      (60 * CLOCK_S) /* a link that held so long was no failure */
#define PAUSE_LEAST_US (CLOCK_S / 10) /* between attempts, but for the first one */

static const char *const ends[] = {
	[ESME_END_CLOSED] = "closed",     [ESME_END_REFUSED] = "refused",
	[ESME_END_SILENT] = "silent",     [ESME_END_UNBOUND] = "unbound",
	[ESME_END_STOPPED] = "stopped",   [ESME_END_LOST] = "bind-lost",
	[ESME_END_SYNTAX] = "syntax",     [ESME_END_TLS] = "tls",
	[ESME_END_LOGIN] = "no-password",
};

struct esme_leg *esme_link_sender(struct esme_link *l)
{
	return &l->legs[0];
}

bool esme_link_is_at_rest(const struct esme_link *l)
{
	return l->state == ESME_DOWN;
}

/* ---- time ---- */

static int64_t nearer(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t legs_due_us(const struct esme_link *l)
{
	int64_t at_us = INT64_MAX;

	for (size_t i = 0; i < l->leg_count; i++)
		if (l->legs[i].has_session)
			at_us = nearer(at_us, esme_session_due_us(&l->legs[i].session));
	return at_us;
}

/* When a request has waited so long that a full window means silence. */
static int64_t silent_at_us(const struct esme_link *l)
{
	int64_t oldest_us = esme_session_oldest_us(&l->legs[0].session);

	return oldest_us == INT64_MAX ? INT64_MAX
				      : oldest_us + l->conf->response_us / ESME_STALL_PARTS;
}

/* Of CLOSING: it waits for its connections to end, however long that takes, unless we stop. */
static int64_t own_due_us(const struct esme_link *l)
{
	return l->state == ESME_CLOSING && !l->pool->is_stopping ? INT64_MAX : l->due_us;
}

static int64_t due_us(const struct esme_link *l, int64_t now_us)
{
	int64_t at_us = nearer(own_due_us(l), legs_due_us(l));

	if (l->state != ESME_UP || !(l->partial || l->pool->is_room_wanted))
		return at_us;
	/* Somebody waits for this link to have room, or for its being known that it will not. */
	int64_t wait_us = esme_pace_wait_us(&l->pace, now_us), silent_us = silent_at_us(l);

	if (wait_us > 0)
		at_us = nearer(at_us, now_us + wait_us);
	if (silent_us > now_us)
		at_us = nearer(at_us, silent_us);
	return at_us;
}

/* The timer is left where it is when its time moves away: it finds out. */
void esme_link_arm(struct esme_link *l)
{
	int64_t now_us = clock_mono_us(), at_us = due_us(l, now_us);

	if (at_us >= l->armed_us)
		return;
	l->armed_us = at_us;
	loop_timer_set(l->timer, at_us > now_us ? at_us - now_us : 0);
}

/* ---- up ---- */

static void open_link(struct esme_link *l)
{
	int err = 0;

	l->state = ESME_OPENING;
	l->due_us = clock_mono_us() + l->conf->response_us;
	for (size_t i = 0; !err && i < l->leg_count; i++)
		err = esme_leg_open(&l->legs[i]);
	if (err)
		esme_link_down(l, ESME_END_CLOSED, SMPP_ROK);
}

void esme_link_bound(struct esme_link *l)
{
	int64_t now_us = clock_mono_us();

	for (size_t i = 0; i < l->leg_count; i++)
		if (!l->legs[i].has_session || !esme_session_is_bound(&l->legs[i].session))
			return;
	l->state = ESME_UP;
	l->up_us = now_us;
	l->due_us = INT64_MAX;
	esme_count(l->index, ESME_COUNT_BINDS, 1);
	esme_gauge(l->index, ESME_COUNT_UP, 1);
	esme_gauge(l->index, ESME_COUNT_REFUSED, 0);
	log_event(LOG_INFO, "smsc-bound", LOG_TEXT("smsc", l->conf->name),
		  LOG_TEXT("host", l->conf->host), LOG_INT("port", l->conf->port),
		  LOG_TEXT("tls", l->tls ? "yes" : "no"), LOG_END);
}

/* ---- down ---- */

/* The next one of the list, the last one for ever; a fifth more or less, so that many ESMEs do not
 * come back at once. */
static int64_t pause_us(struct esme_link *l, bool is_refused)
{
	const struct conf_list *list = &l->conf->reconnect;
	size_t at = l->tries < list->count ? l->tries : list->count - 1;
	int64_t us = is_refused ? l->conf->refused_us : list->value[at] * CLOCK_S;

	if (l->tries > 0 && us < PAUSE_LEAST_US)
		us = PAUSE_LEAST_US;
	return us - us / 5 + (int64_t)esme_dice(l->pool, (uint64_t)(us / 5 * 2 + 1));
}

static void say_why(const struct esme_link *l, enum esme_end why, uint32_t status, bool is_refused,
		    bool was_up, int64_t again_us)
{
	/* The first failure is news, the tenth is not. */
	enum log_level level = is_refused ? LOG_ERROR : was_up || !l->tries ? LOG_WARN : LOG_DEBUG;

	if (why == ESME_END_STOPPED)
		level = LOG_INFO;
	log_event(level, is_refused ? "smsc-refused" : "smsc-down", LOG_TEXT("smsc", l->conf->name),
		  LOG_TEXT("why", ends[why]), LOG_TEXT("status", smpp_status_name(status)),
		  LOG_INT("again_ms", again_us / 1000), LOG_END);
}

static void count_end(const struct esme_link *l, enum esme_end why, bool is_refused)
{
	esme_count(l->index, ESME_COUNT_CLOSED, 1);
	esme_gauge(l->index, ESME_COUNT_UP, 0);
	if (why == ESME_END_SILENT)
		esme_count(l->index, ESME_COUNT_SILENT, 1);
	if (why == ESME_END_REFUSED)
		esme_count(l->index, ESME_COUNT_BINDS_REFUSED, 1);
	if (is_refused)
		esme_gauge(l->index, ESME_COUNT_REFUSED, 1);
}

void esme_link_down(struct esme_link *l, enum esme_end why, uint32_t status)
{
	int64_t now_us = clock_mono_us();
	bool was_up = l->state == ESME_UP;
	bool is_refused =
		why == ESME_END_REFUSED && smpp_status_class(status) == SMPP_CLASS_BIND_REFUSED;

	if (l->state == ESME_CLOSING || l->state == ESME_DOWN)
		return;
	l->state = ESME_CLOSING;
	if (was_up && why == ESME_END_SILENT)
		l->is_silent = true;
	else if (was_up && now_us - l->up_us >= PROVEN_US)
		l->tries = 0;
	int64_t again_us = pause_us(l, is_refused);
	if (l->pool->is_stopping)
		why = ESME_END_STOPPED;
	say_why(l, why, status, is_refused, was_up, l->pool->is_stopping ? 0 : again_us);
	count_end(l, why, is_refused);
	l->tries++;
	l->due_us = now_us + (l->pool->is_stopping ? ESME_STOP_US : again_us);
	for (size_t i = 0; i < l->leg_count; i++) {
		struct esme_leg *leg = &l->legs[i];

		if (leg->has_session)
			esme_session_cut(&leg->session);
		/* Whoever said nothing does not hear our last words either. */
		esme_leg_close(leg, why == ESME_END_SILENT || why == ESME_END_CLOSED);
	}
	esme_sending_break(l);
	esme_link_closed(l);
	esme_changed(l->pool);
}

void esme_link_closed(struct esme_link *l)
{
	if (l->state != ESME_CLOSING)
		return;
	for (size_t i = 0; i < l->leg_count; i++)
		if (l->legs[i].conn)
			return;
	l->state = ESME_DOWN;
	if (l->pool->is_stopping)
		l->due_us = INT64_MAX;
	esme_link_arm(l);
	esme_changed(l->pool);
}

/* ---- room ---- */

enum esme_room esme_link_room(struct esme_link *l, int64_t now_us)
{
	struct esme_leg *leg = esme_link_sender(l);

	if (l->state != ESME_UP)
		return ESME_IS_OUT;
	if (l->partial || esme_session_room(&leg->session) == 0 ||
	    conn_unsent(leg->conn) > ESME_UNSENT_MAX)
		return l->is_silent || silent_at_us(l) <= now_us ? ESME_IS_OUT : ESME_IS_FULL;
	if (esme_pace_wait_us(&l->pace, now_us) > 0)
		return esme_pace_is_slowed(&l->pace) ? ESME_IS_OUT : ESME_IS_FULL;
	return ESME_HAS_ROOM;
}

/* ---- the stop ---- */

static void due_in(struct esme_link *l, int64_t in_us)
{
	l->due_us = clock_mono_us() + in_us;
	esme_link_arm(l);
}

static void unbind(struct esme_link *l)
{
	int64_t now_us = clock_mono_us();

	l->is_unbinding = true;
	due_in(l, ESME_STOP_US);
	for (size_t i = 0; i < l->leg_count && l->state == ESME_UP; i++)
		if (l->legs[i].has_session)
			esme_session_unbind(&l->legs[i].session, now_us);
}

void esme_link_stop(struct esme_link *l)
{
	if (!l->is_stopping) {
		l->is_stopping = true;
		due_in(l, ESME_STOP_US);
	}
	if (l->state == ESME_DOWN)
		l->due_us = INT64_MAX;
	else if (l->state == ESME_OPENING)
		esme_link_down(l, ESME_END_STOPPED, SMPP_ROK);
	else if (l->state == ESME_UP && !l->sendings && !l->is_unbinding)
		unbind(l);
}

/* Each step has its time: answers, the unbind. Who has not answered that one by now will not see us
 * leave either. */
static void stop_is_due(struct esme_link *l)
{
	if (l->state == ESME_UP && !l->is_unbinding) {
		unbind(l);
		return;
	}
	esme_link_down(l, ESME_END_STOPPED, SMPP_ROK);
	for (size_t i = 0; i < l->leg_count; i++)
		esme_leg_close(&l->legs[i], true);
}

/* ---- the timer ---- */

static void is_due(struct esme_link *l)
{
	l->due_us = INT64_MAX;
	if (l->pool->is_stopping)
		stop_is_due(l);
	else if (l->state == ESME_DOWN)
		open_link(l);
	else if (l->state == ESME_OPENING)
		esme_link_down(l, ESME_END_SILENT, SMPP_ROK);
}

static void on_timer(void *arg)
{
	struct esme_link *l = arg;
	int64_t now_us = clock_mono_us();

	l->armed_us = INT64_MAX;
	for (size_t i = 0; i < l->leg_count; i++)
		if (l->legs[i].has_session)
			esme_session_tick(&l->legs[i].session, now_us);
	if (own_due_us(l) <= now_us)
		is_due(l);
	esme_sending_pump(l);
	esme_link_arm(l);
	esme_changed(l->pool);
}

/* ---- the beginning and the end ---- */

static int open_tls(struct esme_link *l, char error[256])
{
	char *ca = *l->conf->tls_ca ? conf_path(l->pool->conf, l->conf->tls_ca) : strdup("");
	const struct tls_client_options options = {
		.certificates = ca,
		.name = *l->conf->tls_name ? l->conf->tls_name : l->conf->host,
		.is_unverified = l->conf->tls == CONF_SMSC_TLS,
	};
	int err = !ca ? E_NOMEM : tls_client_open(&options, &l->tls, error);

	free(ca);
	return err;
}

int esme_link_init(struct esme *e, struct esme_link *l, size_t index, char error[256])
{
	const struct conf_smsc *c = &e->conf->smscs[index];
	bool is_pair = c->bind == CONF_SMSC_PAIR;
	const uint32_t binds[ESME_LEGS] = {is_pair ? SMPP_BIND_TRANSMITTER : SMPP_BIND_TRANSCEIVER,
					   SMPP_BIND_RECEIVER};

	*l = (struct esme_link){.pool = e,
				.conf = c,
				.index = index,
				.leg_count = is_pair ? 2 : 1,
				.armed_us = INT64_MAX,
				.due_us = clock_mono_us()};
	for (size_t i = 0; i < l->leg_count; i++)
		l->legs[i] = (struct esme_leg){.link = l, .bind = binds[i]};
	while (strcmp(e->conf->smscs[l->account].account, c->account) != 0)
		l->account++;
	esme_pace_init(&l->pace, c->rate, clock_mono_us());
	l->reference = (uint16_t)esme_dice(e, UINT16_MAX);
	l->timer = loop_timer_new(e->loop, on_timer, l);
	return !l->timer ? E_NOMEM : c->tls == CONF_SMSC_PLAIN ? 0 : open_tls(l, error);
}

void esme_link_fini(struct esme_link *l)
{
	esme_sending_free_all(l);
	esme_inbox_free_all(l);
	loop_timer_free(l->timer);
	tls_client_free(l->tls);
}
