#include "authsrv/breakers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authsrv/breaker_pools.h"
#include "authsrv/counters.h"
#include "authsrv/server.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"

#define LIST_PAGE 1000

struct breakers {
	int64_t grace_us;
	/* Protects pools. Held for a tally's notes, or for a second's judging; never while the
	 * store is asked. */
	pthread_mutex_t lock;
	struct pools *pools;
	_Atomic bool waiting; /* pools_wait, for a look without the lock */
};

int breakers_new(const struct conf *c, struct breakers **out, char error[256])
{
	const struct breaker_limits limits = {.window_us = c->authsrv_breaker_window * CLOCK_S,
					      .grace_us = c->authsrv_breaker_grace * CLOCK_S,
					      .share = c->authsrv_breaker_share,
					      .bare_cap = c->authsrv_breaker_bare_cap,
					      .least = c->authsrv_breaker_least};
	struct addr_range prefixes[BREAKER_PREFIXES_MAX];
	size_t n = 0;

	if (addr_ranges_parse(c->authsrv_breaker_prefixes, prefixes, BREAKER_PREFIXES_MAX, &n)) {
		snprintf(error, 256, "authsrv.breaker_prefixes is no list of up to %d prefixes",
			 BREAKER_PREFIXES_MAX);
		return E_SYNTAX;
	}
	struct breakers *b = calloc(1, sizeof *b);
	if (!b || pools_new(&limits, prefixes, n, (uint64_t)clock_now_us(), &b->pools)) {
		free(b);
		snprintf(error, 256, "out of memory");
		return E_NOMEM;
	}
	b->grace_us = limits.grace_us;
	pthread_mutex_init(&b->lock, NULL);
	*out = b;
	return 0;
}

void breakers_free(struct breakers *b)
{
	if (!b)
		return;
	pools_free(b->pools);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

/* ---- a worker's tally ---- */

static void flush(struct worker *w)
{
	struct breakers *b = w->shared->breakers;

	if (!w->tally.n)
		return;
	pthread_mutex_lock(&b->lock);
	for (size_t i = 0; i < w->tally.n; i++)
		pools_note(b->pools, &w->tally.notes[i]);
	atomic_store(&b->waiting, pools_wait(b->pools));
	pthread_mutex_unlock(&b->lock);
	w->tally.n = 0;
}

/* Null: a realm that the configuration does not have. */
static struct breaker_note *note(struct worker *w, const struct key *k, const char *nas_id,
				 int64_t subscriber)
{
	const struct conf_realm *realm = conf_realm(w->shared->conf, k->realm);

	if (!realm)
		return NULL;
	if (w->tally.n == BREAKER_TALLY)
		flush(w);
	struct breaker_note *n = &w->tally.notes[w->tally.n++];
	n->realm = realm->name;
	memcpy(n->nas_id, nas_id, strnlen(nas_id, NAS_ID_MAX - 1) + 1);
	n->addr = k->addr;
	n->subscriber = subscriber;
	n->claimant = 0;
	n->at_us = clock_mono_us();
	n->kind = NOTE_ATTEMPT;
	return n;
}

void breakers_attempt(struct worker *w, const struct binding_found *f)
{
	note(w, &f->b.key, f->nas_id, f->b.subscriber);
}

/* ---- bare words ---- */

struct asking {
	struct worker *worker;
	struct key key;
	char nas_id[NAS_ID_MAX];
	int64_t subscriber, claimant;
};

/* The claimant's own Start may have come just now: then his phone is only quick. */
static void on_claimant(void *arg, int err, const struct binding_found *list, size_t n)
{
	struct asking *a = arg;
	int64_t since_us = clock_now_us() - a->worker->shared->breakers->grace_us;
	bool lately = err && err != E_NOT_FOUND;

	for (size_t i = 0; !err && i < n; i++)
		lately = lately || list[i].b.started_us > since_us;
	struct breaker_note *said =
		lately ? NULL : note(a->worker, &a->key, a->nas_id, a->subscriber);
	if (said) {
		said->kind = NOTE_BARE;
		said->claimant = a->claimant;
		count(COUNT_BREAKER_WORDS, 1);
	}
	free(a);
}

void breakers_disagree(struct worker *w, const struct binding_found *f, int64_t claimant)
{
	struct asking *a;

	/* A name that nobody has says nothing of the feed. */
	if (!claimant || claimant == f->b.subscriber || !(a = malloc(sizeof *a)))
		return;
	*a = (struct asking){
		.worker = w, .key = f->b.key, .subscriber = f->b.subscriber, .claimant = claimant};
	memcpy(a->nas_id, f->nas_id, sizeof a->nas_id);
	binding_of_subscriber(w->port, f->b.key.realm, claimant, on_claimant, a);
}

/* ---- hard evidence, by the change feed ---- */

/* Of a contradictory event nobody may be bound: then the key stands for him. */
static int64_t whom(const struct binding *b)
{
	uint8_t bytes[KEY_BYTES_MAX];
	uint64_t h = 14695981039346656037U;

	if (b->subscriber)
		return b->subscriber;
	for (size_t i = 0; i < key_bytes(&b->key, bytes); i++)
		h = (h ^ bytes[i]) * UINT64_C(0x100000001B3);
	return (int64_t)(h >> 2 | UINT64_C(1) << 62);
}

struct evidence {
	struct worker *worker;
	struct binding b;
};

static void blame(struct worker *w, const struct binding *b, const char *nas_id)
{
	struct breaker_note *n = note(w, &b->key, nas_id, whom(b));

	if (!n)
		return;
	n->kind = NOTE_HARD;
	count(COUNT_BREAKER_EVIDENCE, 1);
}

/* Whoever fed the event that made it so. */
static void on_history(void *arg, int err, const struct history_row *rows, size_t n)
{
	struct evidence *e = arg;

	if (!err && n)
		blame(e->worker, &e->b, rows[n - 1].nas_id);
	free(e);
}

static void on_quarantined(void *arg, int err, const struct binding_found *f)
{
	struct worker *w = arg;
	struct evidence *e;

	if (err || f->b.state != KEY_QUARANTINED || f->b.reason == QUARANTINE_OPERATOR)
		return;
	if (*f->nas_id) {
		blame(w, &f->b, f->nas_id);
	} else if ((e = malloc(sizeof *e))) {
		*e = (struct evidence){.worker = w, .b = f->b};
		binding_history(w->port, &f->b.key, &(struct history_question){.limit = 1},
				on_history, e);
	}
}

/* ---- what the store has ---- */

static void log_pool(const char *event, const struct breaker_pool *p)
{
	char text[BREAKER_POOL_MAX];

	log_event(LOG_WARN, event, LOG_TEXT("realm", p->realm),
		  LOG_TEXT("kind", p->is_prefix ? "prefix" : "nas"),
		  LOG_TEXT("pool", breaker_pool_name(p, text)), LOG_END);
}

static void on_released(void *arg, const struct breaker_pool *name)
{
	(void)arg;
	count(COUNT_BREAKER_RELEASES, 1);
	log_pool("breaker-closed", name);
}

/* The list is read to its end; a change that comes meanwhile has it read again. */
static void read_list(struct worker *w, int64_t after);

static void list_ended(struct worker *w, int err)
{
	struct breakers *b = w->shared->breakers;

	pthread_mutex_lock(&b->lock);
	if (!err)
		pools_list_end(b->pools, on_released, NULL);
	size_t tripped = pools_tripped(b->pools);
	pthread_mutex_unlock(&b->lock);
	counters_breakers(tripped);
	w->breakers.reading = false;
	w->breakers.unread = w->breakers.unread || err;
}

static void on_listed(void *arg, int err, const struct breaker_row *list, size_t n)
{
	struct worker *w = arg;
	struct breakers *b = w->shared->breakers;

	pthread_mutex_lock(&b->lock);
	for (size_t i = 0; i < n; i++)
		pools_list_row(b->pools, &list[i].pool);
	pthread_mutex_unlock(&b->lock);
	if (!err && n == LIST_PAGE)
		read_list(w, list[n - 1].id);
	else
		list_ended(w, err);
}

static void read_list(struct worker *w, int64_t after)
{
	breaker_list(w->port, "", after, LIST_PAGE, on_listed, w);
}

void breakers_start(struct worker *w)
{
	struct breakers *b = w->shared->breakers;

	if (w->breakers.reading) {
		w->breakers.unread = true;
		return;
	}
	w->breakers.reading = true;
	w->breakers.unread = false;
	pthread_mutex_lock(&b->lock);
	pools_list_begin(b->pools);
	pthread_mutex_unlock(&b->lock);
	read_list(w, 0);
}

void breakers_changed(struct worker *w, const struct change *change)
{
	struct breakers *b = w->shared->breakers;

	if (change->kind == CHANGE_BREAKER)
		breakers_start(w);
	if (change->kind != CHANGE_BINDING)
		return;
	if (change->state == KEY_QUARANTINED) {
		binding_find(w->port, change->key.realm, &change->key.addr, change->key.port_first,
			     on_quarantined, w);
	} else if (change->state == KEY_UNCONFIRMED && change->subscriber &&
		   atomic_load_explicit(&b->waiting, memory_order_relaxed)) {
		pthread_mutex_lock(&b->lock);
		pools_started(b->pools, change->subscriber);
		pthread_mutex_unlock(&b->lock);
	}
}

/* ---- judging ---- */

struct putting {
	struct worker *worker;
	struct pool *pool;
	struct breaker_row row;
};

static void on_put(void *arg, int err)
{
	struct putting *p = arg;
	struct breakers *b = p->worker->shared->breakers;
	char text[BREAKER_POOL_MAX];

	pthread_mutex_lock(&b->lock);
	p->pool->putting = false;
	p->pool->tripped = !err || err == E_EXISTS; /* else it is judged again */
	pthread_mutex_unlock(&b->lock);
	if (!err) {
		count(COUNT_BREAKER_TRIPS, 1);
		log_event(LOG_ERROR, "breaker-tripped", LOG_TEXT("realm", p->row.pool.realm),
			  LOG_TEXT("kind", p->row.pool.is_prefix ? "prefix" : "nas"),
			  LOG_TEXT("pool", breaker_pool_name(&p->row.pool, text)),
			  LOG_INT("attempts", p->row.attempts), LOG_INT("hard", p->row.hard),
			  LOG_INT("bare", p->row.bare), LOG_END);
	} else if (err != E_EXISTS && err != E_CLOSED && err != E_BUSY) {
		log_event(LOG_ERROR, "breaker-not-stored", LOG_TEXT("why", err_text(err)), LOG_END);
	}
	free(p);
}

#define TRIPS_MAX 64 /* in one second; the rest in the next */

struct tripping {
	struct worker *worker;
	size_t n;
	struct putting *found[TRIPS_MAX];
};

static void on_trip(void *arg, struct pool *pool, const struct breaker_row *row)
{
	struct tripping *t = arg;
	struct putting *p = t->n < TRIPS_MAX ? malloc(sizeof *p) : NULL;

	if (!p) {
		pool->tripped = pool->putting = false;
		return;
	}
	*p = (struct putting){.worker = t->worker, .pool = pool, .row = *row};
	t->found[t->n++] = p;
}

static void judge(struct worker *w)
{
	struct breakers *b = w->shared->breakers;
	struct tripping t = {.worker = w};

	pthread_mutex_lock(&b->lock);
	pools_judge(b->pools, clock_mono_us(), on_trip, &t);
	atomic_store(&b->waiting, pools_wait(b->pools));
	uint64_t uncounted = pools_uncounted(b->pools);
	pthread_mutex_unlock(&b->lock);
	if (uncounted)
		log_event(LOG_WARN, "breaker-uncounted", LOG_INT("notes", uncounted), LOG_END);
	for (size_t i = 0; i < t.n; i++)
		breaker_put(w->port, &t.found[i]->row, on_put, t.found[i]);
}

void breakers_second(struct worker *w)
{
	flush(w);
	if (w->index != 0)
		return;
	if (w->breakers.unread)
		breakers_start(w);
	judge(w);
}
