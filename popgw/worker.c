#include "popgw/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/addr_range.h"
#include "lib/daemon_open.h"
#include "lib/err.h"
#include "lib/log.h"
#include "popgw/session.h"

#define KEYRING_TICK_US INT64_C(1000000)
#define REFUSAL_LINE    "-ERR [SYS/TEMP] too many connections\r\n"

/* ---- which sessions a change concerns ---- */

static size_t bucket_of_subscriber(int64_t subscriber)
{
	uint64_t mixed = (uint64_t)subscriber * UINT64_C(0x9E3779B97F4A7C15);

	return (mixed >> 32) & (WORKER_BUCKETS - 1);
}

static size_t bucket_of_key(const struct key *k)
{
	uint64_t mixed = UINT64_C(0xCBF29CE484222325); /* FNV-1a over the address: realms are few */

	for (size_t i = 0; i < sizeof(k->addr.bytes); i++)
		mixed = (mixed ^ k->addr.bytes[i]) * UINT64_C(0x100000001B3);
	return (mixed >> 32) & (WORKER_BUCKETS - 1);
}

void worker_watch(struct worker *w, struct session *s)
{
	struct session **subscribers = &w->by_subscriber[bucket_of_subscriber(s->who.subscriber)];
	struct session **keys = &w->by_key[bucket_of_key(&s->who.key)];

	s->next_by_subscriber = *subscribers;
	s->link_by_subscriber = subscribers;
	if (*subscribers)
		(*subscribers)->link_by_subscriber = &s->next_by_subscriber;
	*subscribers = s;

	s->next_by_key = *keys;
	s->link_by_key = keys;
	if (*keys)
		(*keys)->link_by_key = &s->next_by_key;
	*keys = s;
}

static void unwatch(struct session *s)
{
	if (!s->link_by_key)
		return;
	*s->link_by_subscriber = s->next_by_subscriber;
	if (s->next_by_subscriber)
		s->next_by_subscriber->link_by_subscriber = s->link_by_subscriber;
	*s->link_by_key = s->next_by_key;
	if (s->next_by_key)
		s->next_by_key->link_by_key = s->link_by_key;
	s->link_by_key = s->link_by_subscriber = NULL;
}

/* The feed calls from inside the database: the looking is done from the loop. */
static void recheck_later(struct worker *w, struct session *s)
{
	if (s->rechecking || s->state != POP_TRANSACTION)
		return;
	s->rechecking = true;
	s->next_recheck = w->recheck;
	w->recheck = s;
	if (!w->recheck_posted) {
		w->recheck_posted = true;
		loop_post(w->loop, &w->rechecking);
	}
}

/* A frozen NAS may be thousands of sessions: the others have their turn between. */
#define RECHECKS_A_TURN 256

static void recheck_all(struct loop_task *task)
{
	struct worker *w = (struct worker *)((char *)task - offsetof(struct worker, rechecking));

	w->recheck_posted = false;
	for (int left = RECHECKS_A_TURN; w->recheck; left--) {
		if (!left) {
			w->recheck_posted = true;
			loop_post(w->loop, &w->rechecking);
			return;
		}
		struct session *s = w->recheck;
		w->recheck = s->next_recheck;
		s->rechecking = false;
		session_recheck(s);
		session_settle(s);
	}
}

static void recheck_subscriber(struct worker *w, int64_t subscriber)
{
	if (!subscriber)
		return;
	for (struct session *s = w->by_subscriber[bucket_of_subscriber(subscriber)]; s;
	     s = s->next_by_subscriber)
		if (s->who.subscriber == subscriber)
			recheck_later(w, s);
}

/* A freeze: of a subscriber, or of a prefix or a NAS, whose sessions the store will tell. */
static void recheck_frozen(struct worker *w, const struct change *c)
{
	const struct addr_range frozen = {.base = c->key.addr, .plen = c->key.plen};

	if (c->subscriber) {
		recheck_subscriber(w, c->subscriber);
		return;
	}
	for (struct session *s = w->sessions; s; s = s->next)
		if (strcmp(s->realm, c->key.realm) == 0 &&
		    (frozen.plen == 0 || addr_range_holds(&frozen, &s->addr)))
			recheck_later(w, s);
}

static void on_change(void *arg, const struct change *c)
{
	struct worker *w = arg;

	if (c->kind == CHANGE_FREEZE)
		recheck_frozen(w, c);

	if (c->kind != CHANGE_BINDING && c->kind != CHANGE_GONE)
		return;
	recheck_subscriber(w, c->subscriber);
	recheck_subscriber(w, c->former);
	if (c->kind != CHANGE_BINDING)
		return;
	for (struct session *s = w->by_key[bucket_of_key(&c->key)]; s; s = s->next_by_key)
		if (key_equal(&s->who.key, &c->key))
			recheck_later(w, s);
}

/* ---- sessions ---- */

void worker_add(struct worker *w, struct session *s)
{
	s->next = w->sessions;
	s->link = &w->sessions;
	if (w->sessions)
		w->sessions->link = &s->next;
	w->sessions = s;
}

/* Idle is: no connection, and no session that waits for its last completion. */
static void tell_idle(struct worker *w)
{
	if (!w->stopped || w->sessions || w->told_idle)
		return;
	w->told_idle = true;
	daemon_worker_idle(w->daemon, w->index);
}

void worker_remove(struct worker *w, struct session *s)
{
	unwatch(s);
	*s->link = s->next;
	if (s->next)
		s->next->link = s->link;
	tell_idle(w);
}

/* ---- doors ---- */

static void on_accepted(void *arg, struct conn *c)
{
	struct realm_door *d = arg;

	session_accept(d->worker, d->realm, c);
}

static int open_door(struct worker *w, size_t index, uint16_t port, bool is_tls)
{
	const struct popgw *p = w->popgw;
	const char *realm = p->conf->realms[index].name;
	struct realm_door *d = &w->doors[w->door_count];
	char what[sizeof "realm : POP3" + REALM_MAX];
	struct listener_options options = {
		.addr = p->listen,
		.port = port,
		.device = index ? p->conf->realms[index].device : p->conf->popgw_device,
		.tls = is_tls ? p->tls : NULL,
		.sniff_tls_ms = is_tls ? 0 : p->conf->popgw_sniff_tls,
		.sniff_tls = is_tls ? NULL : p->tls,
		.balancers = p->balancers[index],
		.admission = p->admission,
		.connections = w->connections,
		.refusal = REFUSAL_LINE,
		.accepted = on_accepted,
		.arg = d,
	};

	if (!port)
		return 0;
	*d = (struct realm_door){.worker = w, .realm = realm};
	snprintf(what, sizeof what, "realm %s: POP3", realm);
	int err = daemon_open_listener(w->daemon, w->loop, what, &options, &d->listener);
	if (!err)
		w->door_count++;
	return err;
}

static int open_doors(struct worker *w)
{
	const struct conf *c = w->popgw->conf;

	for (size_t i = 0; i < c->realm_count; i++) {
		const struct conf_realm *r = &c->realms[i];
		int err = open_door(w, i, r->pop3_port, false);
		if (!err)
			err = open_door(w, i, r->pop3s_port, true);
		if (err)
			return err;
	}
	return 0;
}

static void close_doors(struct worker *w)
{
	for (size_t i = 0; i < w->door_count; i++)
		listener_close(w->doors[i].listener);
	w->door_count = 0;
}

/* ---- life ---- */

static void on_tick(void *arg)
{
	struct worker *w = arg;
	int err = keyring_refresh(w->ring);

	if (err)
		log_event(LOG_ERROR, "keyring-unread", LOG_TEXT("error", err_text(err)), LOG_END);
	loop_timer_set(w->tick, KEYRING_TICK_US);
}

static int open_keyring(struct worker *w)
{
	char *path = conf_path(w->popgw->conf, w->popgw->conf->paths_token_keys);
	int err = path ? keyring_open(path, &w->ring) : E_NOMEM;

	if (err)
		daemon_fail(w->daemon, "token keys %s: %s", path ? path : "", err_text(err));
	free(path);
	return err;
}

int worker_start(struct daemon *d, void *shared, struct loop *loop, unsigned index, void **out)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (!w)
		return E_NOMEM;
	w->popgw = shared;
	w->daemon = d;
	w->index = index;
	w->loop = loop;
	w->rechecking.run = recheck_all;
	int err = open_keyring(w);
	if (!err)
		err = db_port_open(w->popgw->db, loop, &w->db);
	if (!err)
		err = db_watch(w->db, DB_BINDINGS, on_change, w);
	if (!err && !(w->tick = loop_timer_new(loop, on_tick, w)))
		err = E_NOMEM;
	if (!err && !(w->connections = connections_new()))
		err = E_NOMEM;
	if (!err)
		err = open_doors(w);
	if (err) {
		worker_free(w);
		return err;
	}
	loop_timer_set(w->tick, KEYRING_TICK_US);
	*out = w;
	return 0;
}

static void on_connections_ended(void *arg)
{
	struct worker *w = arg;

	w->stopped = true;
	tell_idle(w);
}

void worker_stop(struct daemon *d, void *arg, unsigned index)
{
	struct worker *w = arg;

	(void)d;
	(void)index;
	close_doors(w);
	connections_close_all(w->connections, on_connections_ended, w);
}

void worker_free(void *arg)
{
	struct worker *w = arg;

	if (!w)
		return;
	close_doors(w);
	loop_timer_free(w->tick);
	if (w->db)
		db_port_close(w->db);
	keyring_free(w->ring);
	if (w->connections && !connections_count(w->connections))
		connections_free(w->connections);
	free(w);
}
