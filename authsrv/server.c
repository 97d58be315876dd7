#include "authsrv/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "authsrv/counters.h"
#include "authsrv/handset_api.h"
#include "authsrv/network_api.h"
#include "authsrv/radius/radius.h"
#include "authsrv/radius/clients.h"
#include "authsrv/radius/counters.h"
#include "authsrv/watch.h"
#include "db/daemon_db.h"
#include "db/queue.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/keyfile.h"
#include "lib/log.h"
#include "lib/seal.h"

#define HEARTBEAT_S 5
#define SHED_PART   2 /* tokens are shed when the store's queue is over 1/2 of its limit */

/* ---- what all workers share ---- */

static int text_load(struct daemon *d, const struct conf *c, const char *name, char **out)
{
	char *path = conf_path(c, name);
	size_t length;
	int rc = path ? keyfile_read(path, out, &length, NULL) : E_NOMEM;

	if (rc)
		daemon_fail(d, "cannot read %s (authsrv.handset_tls_port = 0 turns HTTPS off): %s",
			    path ? path : name, err_text(rc));
	free(path);
	return rc;
}

static int tls_load(struct daemon *d, struct authsrv *s)
{
	bool wanted = false;

	for (size_t i = 0; i < s->conf->realm_count; i++)
		wanted = wanted || s->conf->realms[i].handset_tls_port;
	if (!wanted)
		return 0;
	int rc = text_load(d, s->conf, s->conf->paths_tls_certificate, &s->certificate_pem);
	return rc ? rc : text_load(d, s->conf, s->conf->paths_tls_key, &s->key_pem);
}

/* Without the file K and OPc cannot be provisioned; everything else works. A file that cannot be
 * read is an error. */
static int secret_load(struct daemon *d, const struct conf *c, uint8_t key[SECRET_KEY_BYTES],
		       bool *found)
{
	char *path = conf_path(c, c->paths_secret_key);
	int rc = path ? secret_key_load(path, key) : E_NOMEM;

	*found = rc == 0;
	if (rc == E_NOT_FOUND) {
		log_event(LOG_WARN, "no-secret-key", LOG_TEXT("path", path), LOG_END);
		rc = 0;
	}
	if (rc)
		daemon_fail(d, "%s: %s", path ? path : c->paths_secret_key, err_text(rc));
	free(path);
	return rc;
}

static int store_open(struct daemon *d, struct authsrv *s)
{
	uint8_t secret[SECRET_KEY_BYTES];
	int rc = secret_load(d, s->conf, secret, &s->keeps_sim_keys);
	const struct db_options own = {.daemon = "authsrv",
				       .files = DB_FILE(DB_BINDINGS) | DB_FILE(DB_MAIL) |
						DB_FILE(DB_QUEUE),
				       .secret_key = s->keeps_sim_keys ? secret : NULL};

	if (!rc)
		rc = daemon_db_open(d, &own, &s->db);
	explicit_bzero(secret, sizeof secret);
	return rc;
}

static int keys_load(struct daemon *d, struct authsrv *s)
{
	char error[256];
	struct keyring *probe;
	int rc = network_keys_load(s->conf, &s->keys, error);

	if (rc) {
		daemon_fail(d, "%s", error);
		return rc;
	}
	s->keyring_path = conf_path(s->conf, s->conf->paths_token_keys);
	if (!s->keyring_path)
		return E_NOMEM;
	rc = keyring_open(s->keyring_path, &probe);
	if (rc)
		daemon_fail(d, "%s: %s", s->keyring_path, err_text(rc));
	else
		keyring_free(probe);
	return rc;
}

static int radius_load(struct daemon *d, struct authsrv *s)
{
	char error[256];

	if (!s->conf->authsrv_radius_port)
		return 0;
	int rc = radius_clients_load(s->conf, &s->radius_clients, error);
	if (rc)
		daemon_fail(d, "%s", error);
	return rc;
}

struct first_word {
	struct loop *loop;
	int rc;
};

static void on_started(void *arg, int err)
{
	struct first_word *w = arg;

	w->rc = err;
	loop_stop(w->loop);
}

/* Was nobody here to hear the feeds? That must be known before the first handset is let in. */
static int feed_begin(struct daemon *d, struct authsrv *s)
{
	struct first_word word = {.rc = E_IO};
	struct db_port *port = NULL;
	int rc = loop_new(&word.loop);

	if (!rc)
		rc = db_port_open(s->db, word.loop, &port);
	if (!rc) {
		feed_started(port, clock_now_us(), on_started, &word);
		loop_run(word.loop);
		rc = word.rc;
	}
	if (rc)
		daemon_fail(d, "database: %s", err_text(rc));
	if (port)
		db_port_close(port);
	if (word.loop)
		loop_free(word.loop);
	return rc;
}

/* One network client may well be the whole network; a handset is one address among many. */
static int admissions_open(struct authsrv *s)
{
	size_t all = (size_t)s->conf->authsrv_max_connections;

	s->network = admission_new(all, all);
	s->handsets = admission_new(all, (size_t)s->conf->authsrv_max_connections_per_address);
	return s->network && s->handsets ? 0 : E_NOMEM;
}

/* The default realm's are the daemon's setting; another realm names its own. */
static int balancers_open(struct authsrv *s)
{
	const struct conf *c = s->conf;
	int rc = 0;

	for (size_t i = 0; !rc && i < c->realm_count; i++)
		rc = balancers_new(i ? c->realms[i].proxy_from : c->authsrv_proxy_from,
				   c->authsrv_proxy_wait, (size_t)c->authsrv_max_connections,
				   counters_balanced(), &s->balancers[i]);
	return rc;
}

static int counting_open(struct daemon *d, struct authsrv *s)
{
	char error[256];
	int rc = breakers_new(s->conf, &s->breakers, error);

	if (rc)
		daemon_fail(d, "%s", error);
	return rc;
}

int authsrv_start(struct daemon *d, void **shared)
{
	struct authsrv *s = calloc(1, sizeof *s);

	if (!s)
		return E_NOMEM;
	s->conf = daemon_conf(d);
	pthread_mutex_init(&s->complaints_lock, NULL);
	counters_register();
	radius_counters_register();
	int rc = keys_load(d, s);
	if (!rc)
		rc = radius_load(d, s);
	if (!rc)
		rc = tls_load(d, s);
	if (!rc)
		rc = admissions_open(s);
	if (!rc)
		rc = balancers_open(s);
	if (!rc)
		rc = counting_open(d, s);
	if (!rc)
		rc = store_open(d, s);
	if (!rc)
		rc = feed_begin(d, s);
	if (rc)
		authsrv_stop(s);
	else
		*shared = s;
	return rc;
}

void authsrv_stop(void *shared)
{
	struct authsrv *s = shared;

	if (s->db)
		db_close(s->db);
	pthread_mutex_destroy(&s->complaints_lock);
	admission_free(s->network);
	admission_free(s->handsets);
	for (size_t i = 0; i < CONF_REALMS_MAX; i++)
		balancers_free(s->balancers[i]);
	breakers_free(s->breakers);
	network_keys_free(s->keys);
	radius_clients_free(s->radius_clients);
	free(s->certificate_pem);
	if (s->key_pem)
		explicit_bzero(s->key_pem, strlen(s->key_pem));
	free(s->key_pem);
	free(s->keyring_path);
	free(s);
}

int64_t authsrv_batch(struct authsrv *shared)
{
	int64_t now = clock_now_us(), last = atomic_load(&shared->last_batch), next;

	do
		next = now > last ? now : last + 1;
	while (!atomic_compare_exchange_weak(&shared->last_batch, &last, next));
	return next;
}

/* ---- the house: every second ---- */

static void on_swept(void *arg, int err)
{
	struct worker *w = arg;

	w->sweeping = false;
	if (err && err != E_CLOSED && err != E_BUSY)
		log_event(LOG_ERROR, "sweep-failed", LOG_TEXT("why", err_text(err)), LOG_END);
}

static void on_beaten(void *arg, int err)
{
	struct worker *w = arg;

	w->beating = false;
	if (err && err != E_CLOSED && err != E_BUSY)
		log_event(LOG_ERROR, "heartbeat-failed", LOG_TEXT("why", err_text(err)), LOG_END);
}

static void on_queue_stats(void *arg, int err, const struct queue_stats *stats)
{
	(void)arg;
	if (!err)
		counters_queue(stats, clock_now_us());
}

static void keep_house(struct worker *w)
{
	struct db_stats stats;

	if (!w->sweeping) {
		w->sweeping = true;
		bindings_sweep(w->port, clock_now_us(), on_swept, w);
	}
	if (w->seconds % HEARTBEAT_S == 0 && !w->beating) {
		w->beating = true;
		feed_heartbeat(w->port, clock_now_us(), on_beaten, w);
	}
	db_stats_read(w->shared->db, &stats);
	counters_store(&stats);
	queue_stats(w->port, on_queue_stats, w);
	watch_second(w);
	if (w->radius)
		radius_second(w->radius);
}

static void on_second(void *arg)
{
	struct worker *w = arg;

	if (w->stopping)
		return;
	breakers_second(w);
	loop_timer_set(w->each_second, CLOCK_S);
	int rc = keyring_refresh(w->ring);
	if (rc) {
		count(COUNT_KEYRING_UNREADABLE, 1);
		if (w->index == 0)
			log_event(LOG_ERROR, "keyring-unreadable", LOG_TEXT("why", err_text(rc)),
				  LOG_END);
	}
	if (w->index == 0)
		keep_house(w);
	w->seconds++;
}

/* ---- a worker and its listeners ---- */

static int64_t retry_after(void *arg)
{
	return worker_retry_after(arg);
}

static int serve(struct worker *w, struct http_options *o, const char *listen, int64_t port)
{
	const struct conf *c = w->shared->conf;
	int rc = addr_parse(listen, &o->addr);

	o->port = (uint16_t)port;
	o->max_body = (size_t)c->authsrv_max_body;
	o->max_connections = (size_t)c->authsrv_max_connections;
	o->idle_s = c->authsrv_idle_seconds;
	o->retry_after = retry_after;
	o->arg = w;
	if (!rc)
		rc = http_server_open(w->loop, o, &w->servers[w->server_count]);
	if (!rc)
		w->server_count++;
	else if (!atomic_exchange(&w->shared->failed, true))
		daemon_fail(w->daemon, "%s:%lld: %s", listen, (long long)port,
			    rc == E_EXISTS      ? "the port is in use"
			    : rc == E_NOT_FOUND ? "there is no such device"
						: err_text(rc));
	return rc;
}

static int network_serve(struct worker *w)
{
	const struct conf *c = w->shared->conf;
	struct http_options o = {.routes = network_routes,
				 .guard = network_guard,
				 .body_limit = resync_body_limit,
				 .urgent = true,
				 .max_connections_per_address = (size_t)c->authsrv_max_connections};

	return c->authsrv_network_port
		       ? serve(w, &o, c->authsrv_network_listen, c->authsrv_network_port)
		       : 0;
}

static int realm_serve(struct worker *w, size_t index)
{
	const struct authsrv *s = w->shared;
	const struct conf_realm *realm = &s->conf->realms[index];
	struct http_options o = {.device = index ? realm->device : s->conf->authsrv_handset_device,
				 .routes = handset_routes,
				 .guard = handset_guard,
				 .realm = realm->name,
				 .balancers = s->balancers[index],
				 .admission = s->handsets};
	int rc = 0;

	if (realm->handset_port)
		rc = serve(w, &o, s->conf->authsrv_handset_listen, realm->handset_port);
	if (rc || !realm->handset_tls_port)
		return rc;
	o.certificate_pem = s->certificate_pem;
	o.key_pem = s->key_pem;
	return serve(w, &o, s->conf->authsrv_handset_listen, realm->handset_tls_port);
}

static int radius_serve(struct worker *w)
{
	const struct conf *c = w->shared->conf;
	int rc = c->authsrv_radius_port ? radius_open(w, &w->radius) : 0;

	if (rc && !atomic_exchange(&w->shared->failed, true))
		daemon_fail(w->daemon, "%s:%lld (RADIUS): %s", c->authsrv_radius_listen,
			    (long long)c->authsrv_radius_port,
			    rc == E_EXISTS ? "the port is in use" : err_text(rc));
	return rc;
}

int authsrv_worker_start(struct daemon *d, void *shared, struct loop *loop, unsigned index,
			 void **worker)
{
	struct worker *w = calloc(1, sizeof *w);
	int rc;

	if (!w)
		return E_NOMEM;
	*w = (struct worker){.shared = shared, .daemon = d, .loop = loop, .index = index};
	w->gate = (struct gate){.max = (size_t)w->shared->conf->authsrv_tokens_in_flight,
				.wait_us = w->shared->conf->authsrv_token_wait * 1000};
	w->dice = (uint64_t)clock_now_us() * 2 + 1 + index * UINT64_C(0x9e3779b97f4a7c15);
	rc = db_port_open(w->shared->db, loop, &w->port);
	w->feed.port = w->port;
	if (!rc)
		rc = keyring_open(w->shared->keyring_path, &w->ring);
	if (!rc && !(w->each_second = loop_timer_new(loop, on_second, w)))
		rc = E_NOMEM;
	if (!rc && index == 0)
		rc = radius_serve(w);
	if (!rc && index == 0)
		rc = watch_start(w);
	if (!rc)
		rc = network_serve(w);
	for (size_t i = 0; !rc && i < w->shared->conf->realm_count; i++)
		rc = realm_serve(w, i);
	if (rc) {
		authsrv_worker_free(w);
		return rc;
	}
	loop_timer_set(w->each_second, CLOCK_S);
	*worker = w;
	return 0;
}

static void say_idle(struct worker *w)
{
	if (!w->stopping || w->calls || w->idle_said)
		return;
	w->idle_said = true;
	daemon_worker_idle(w->daemon, w->index);
}

void authsrv_worker_stop(struct daemon *d, void *worker, unsigned index)
{
	struct worker *w = worker;

	(void)d;
	(void)index;
	w->stopping = true;
	if (w->radius)
		radius_stop(w->radius);
	feed_line_stop(&w->feed);
	say_idle(w);
}

/* The port first: its last completions answer the requests that still wait. */
void authsrv_worker_free(void *worker)
{
	struct worker *w = worker;

	loop_timer_free(w->each_second);
	if (w->port)
		db_port_close(w->port);
	radius_close(w->radius);
	for (size_t i = 0; i < w->server_count; i++)
		http_server_close(w->servers[i]);
	keyring_free(w->ring);
	free(w);
}

/* ---- calls ---- */

void *call_begin(struct worker *w, struct http_request *r, size_t size)
{
	struct call *call = calloc(1, size);

	if (!call) {
		http_problem(r, 503, "overloaded", "out of memory", worker_retry_after(w));
		return NULL;
	}
	call->worker = w;
	call->r = r;
	if (http_realm(r)) /* a handset's: the network side has none */
		gate_enter(&w->gate, &call->pass, clock_mono_us());
	worker_hold(w);
	return call;
}

void call_end(void *call)
{
	struct worker *w = ((struct call *)call)->worker;

	gate_leave(&w->gate, &((struct call *)call)->pass);
	free(call);
	worker_release(w);
}

void worker_hold(struct worker *w)
{
	w->calls++;
}

void worker_release(struct worker *w)
{
	w->calls--;
	say_idle(w);
}

int64_t worker_retry_after(struct worker *w)
{
	int64_t base = w->shared->conf->authsrv_retry_after;

	w->dice ^= w->dice << 13;
	w->dice ^= w->dice >> 7;
	w->dice ^= w->dice << 17;
	int64_t spread = base * w->shared->conf->authsrv_retry_spread;
	return base + (int64_t)(w->dice % (uint64_t)(spread + 1));
}

bool worker_sheds(const struct worker *w)
{
	struct db_stats stats;

	if (gate_is_shut(&w->gate, clock_mono_us(), loop_turn_us(w->loop)))
		return true;
	db_stats_read(w->shared->db, &stats);
	return stats.queue_depth > (uint64_t)w->shared->conf->db_queue_max / SHED_PART;
}
