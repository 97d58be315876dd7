#include "pushsrv/esme.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "pushsrv/esme_private.h"

uint64_t esme_dice(struct esme *e, uint64_t n)
{
	e->dice ^= e->dice << 13;
	e->dice ^= e->dice >> 7;
	e->dice ^= e->dice << 17;
	return e->dice % n;
}

/* ---- which link ---- */

/* Less in flight, for its window, than the other. */
static bool is_freer(const struct esme_link *a, const struct esme_link *b)
{
	return esme_session_in_flight(&a->legs[0].session) * b->conf->window <
	       esme_session_in_flight(&b->legs[0].session) * a->conf->window;
}

/* The links stand by priority. A better one that is only full is waited for. Equal ones take
 * turns. */
static struct esme_link *choose(struct esme *e)
{
	int64_t now_us = clock_mono_us();
	size_t i = 0;

	while (i < e->link_count) {
		struct esme_link *best = NULL;
		bool is_full = false;
		size_t first = i, n = 0;

		while (first + n < e->link_count &&
		       e->links[first + n].conf->priority == e->links[first].conf->priority)
			n++;
		for (size_t k = 0; k < n; k++) {
			struct esme_link *l = &e->links[first + (e->turn + k) % n];
			enum esme_room room = esme_link_room(l, now_us);

			is_full |= room == ESME_IS_FULL;
			if (room == ESME_HAS_ROOM && (!best || is_freer(l, best)))
				best = l;
		}
		if (best || is_full)
			return best;
		i += n;
	}
	return NULL;
}

static void want_room(struct esme *e)
{
	e->is_room_wanted = true;
	for (size_t i = 0; i < e->link_count; i++)
		esme_link_arm(&e->links[i]);
}

int esme_submit(struct esme *e, const struct esme_message *message, void *arg)
{
	if (e->is_stopping)
		return E_CLOSED;
	struct esme_link *l = choose(e);
	if (!l) {
		want_room(e);
		return E_AGAIN;
	}
	int err = esme_sending_begin(l, message, arg);
	if (err == E_AGAIN)
		want_room(e);
	if (err)
		return err;
	e->turn++;
	esme_link_arm(l);
	return 0;
}

bool esme_has_room(struct esme *e)
{
	if (e->is_stopping)
		return false;
	if (choose(e))
		return true;
	want_room(e);
	return false;
}

size_t esme_links_up(const struct esme *e)
{
	size_t n = 0;

	for (size_t i = 0; i < e->link_count; i++)
		n += e->links[i].state == ESME_UP;
	return n;
}

/* ---- what changed ---- */

static void check_stopped(struct esme *e)
{
	bool is_at_rest = true;

	for (size_t i = 0; i < e->link_count; i++) {
		esme_link_stop(&e->links[i]);
		is_at_rest &= esme_link_is_at_rest(&e->links[i]);
	}
	if (is_at_rest)
		loop_timer_set(e->stopping, 0);
}

void esme_changed(struct esme *e)
{
	/* The client's callbacks come here again by what they do. */
	if (e->is_telling)
		return;
	e->is_telling = true;
	if (e->is_stopping) {
		check_stopped(e);
	} else if (e->is_room_wanted && choose(e)) {
		e->is_room_wanted = false;
		e->client.room(e->client.arg);
	}
	e->is_telling = false;
}

/* ---- the beginning and the end ---- */

static void is_stopped(void *arg)
{
	struct esme *e = arg;

	e->stopped(e->stopped_arg);
}

void esme_stop(struct esme *e, void (*stopped)(void *arg), void *arg)
{
	if (e->is_stopping)
		return;
	e->is_stopping = true;
	e->stopped = stopped;
	e->stopped_arg = arg;
	esme_inbox_stop(e);
	esme_changed(e);
}

void esme_close(struct esme *e)
{
	if (!e)
		return;
	while (e->early)
		esme_inbox_stop(e);
	for (size_t i = 0; i < e->link_count; i++)
		esme_link_fini(&e->links[i]);
	loop_timer_free(e->stopping);
	free(e->links);
	free(e);
}

/* By priority, and as they stand in the file. */
static int open_links(struct esme *e, char error[256])
{
	const struct conf *c = e->conf;

	e->links = calloc(c->smsc_count ? c->smsc_count : 1, sizeof *e->links);
	if (!e->links)
		return E_NOMEM;
	for (int64_t priority = 0; priority <= CONF_SMSC_PRIORITY_MAX; priority++)
		for (size_t i = 0; i < c->smsc_count; i++) {
			if (c->smscs[i].priority != priority)
				continue;
			int err = esme_link_init(e, &e->links[e->link_count++], i, error);
			if (err)
				return err;
		}
	for (size_t i = 0; i < e->link_count; i++)
		esme_link_arm(&e->links[i]);
	return 0;
}

int esme_open(const struct conf *c, struct loop *loop, const struct esme_client *client,
	      struct esme **out, char error[256])
{
	struct esme *e = calloc(1, sizeof *e);

	*error = '\0';
	if (!e)
		return E_NOMEM;
	e->conf = c;
	e->loop = loop;
	e->client = *client;
	e->early_end = &e->early;
	int err = random_bytes(&e->dice, sizeof e->dice);
	e->dice |= 1;
	e->stopping = loop_timer_new(loop, is_stopped, e);
	if (!err && !e->stopping)
		err = E_NOMEM;
	if (!err)
		err = open_links(e, error);
	if (err) {
		esme_close(e);
		return err;
	}
	*out = e;
	return 0;
}
