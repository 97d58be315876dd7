/* server -- the state of authsrv: what its workers share, and what each has for itself
 *
 * Shared and read-only after start: configuration, database handle, network keys, TLS texts. A
 * worker has its loop, its port to the database, its keyring and its HTTP servers: one for the
 * network side, and for each realm one or two (TLS) for handsets; the listener decides the realm.
 * Worker 0 also keeps the house: heartbeat, sweep, gauges, alarms.
 *
 * A request that waits for the store is a `struct call`, the first member of the handler's own
 * struct: begun with call_begin, ended once with call_end after its answer. A stopping worker
 * leaves when its last call has ended. THREADS  a worker and its calls: its own thread; struct
 * authsrv: read by all, its batch number is atomic
 */
#ifndef HATO_AUTHSRV_SERVER_H
#define HATO_AUTHSRV_SERVER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "authsrv/breakers.h"
#include "authsrv/complaints.h"
#include "authsrv/feed_line.h"
#include "authsrv/gate.h"
#include "authsrv/network_auth.h"
#include "db/db.h"
#include "lib/balancers.h"
#include "lib/daemon.h"
#include "lib/http.h"
#include "lib/keyring.h"
#include "lib/listener.h"

struct authsrv {
	const struct conf *conf;
	struct db *db;
	struct network_keys *keys;
	struct radius_clients *radius_clients;
	char *certificate_pem, *key_pem; /* null: no HTTPS door is open */
	char *keyring_path;
	struct admission *network, *handsets; /* connections, over all workers and listeners */
	struct balancers *balancers[CONF_REALMS_MAX]; /* of each realm; null: none */
	struct breakers *breakers;
	bool keeps_sim_keys; /* there is a secret key */
	/* Protects what follows: about answers to challenges. A source comes to any worker. */
	pthread_mutex_t complaints_lock;
	struct complaints complaints;
	_Atomic int64_t last_batch;
	_Atomic unsigned resyncs; /* whole lists that are being taken */
	_Atomic bool failed;      /* a worker has said why it cannot start; the others fail alike */
};

#define SERVERS_MAX (1 + 2 * CONF_REALMS_MAX)

struct worker {
	struct authsrv *shared;
	struct daemon *daemon;
	struct loop *loop;
	struct db_port *port;
	struct keyring *ring;
	struct feed_line feed;
	struct http_server *servers[SERVERS_MAX];
	size_t server_count;
	unsigned index;
	struct gate gate; /* handsets' requests */
	size_t calls;     /* in flight, with all that holds the worker */
	bool stopping, idle_said;
	uint64_t dice; /* of Retry-After's jitter: no secret */
	struct loop_timer *each_second;
	unsigned seconds;
	bool sweeping, beating; /* worker 0: one of each at a time */
	struct radius *radius;  /* worker 0: the listener of RADIUS; null: off */
	unsigned alarms;        /* worker 0: written this second (watch.h) */
	struct breaker_tally tally;
	struct {
		bool reading, unread;
	} breakers; /* worker 0: of the list of what has tripped */
};

/* The functions of struct daemon_program. */
int authsrv_start(struct daemon *d, void **shared);
int authsrv_worker_start(struct daemon *d, void *shared, struct loop *loop, unsigned index,
			 void **worker);
void authsrv_worker_stop(struct daemon *d, void *worker, unsigned index);
void authsrv_worker_free(void *worker);
void authsrv_stop(void *shared);

/* A number that no other batch had, also not before a restart. */
int64_t authsrv_batch(struct authsrv *shared);

/* authsrv.retry_after and up to retry_spread times as much again, so that those who were refused
 * together do not return together. */
int64_t worker_retry_after(struct worker *w);
/* Only lease events should still be taken on: the gate is shut, or the store's queue is long. */
bool worker_sheds(const struct worker *w);

/* Something is on its way that a stopping worker waits for. */
void worker_hold(struct worker *w);
void worker_release(struct worker *w);

struct call {
	struct worker *worker;
	struct http_request *r;
	struct gate_pass pass; /* of a handset's */
};

/* `size` octets, zeroed, that begin with a struct call. Null: no memory, and the request has been
 * answered. */
void *call_begin(struct worker *w, struct http_request *r, size_t size);
/* After the answer; frees. */
void call_end(void *call);

#endif
