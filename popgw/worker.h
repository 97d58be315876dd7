/* worker -- one thread of popgw: its loop, database port, keyring, doors, and the sessions that
 * live on it
 *
 * Workers share what is in struct popgw, all of it read-only after start but the lock table and the
 * admission counter. A worker follows the change feed of the bindings: when a key moves, its
 * sessions on that key or of that subscriber are checked at once, so that an idle session ends with
 * its binding and not with its next command. THREADS  a worker belongs to its loop's thread
 */
#ifndef HATO_POPGW_WORKER_H
#define HATO_POPGW_WORKER_H

#include "db/identity.h"
#include "lib/conf.h"
#include "lib/daemon.h"
#include "lib/keyring.h"
#include "lib/listener.h"
#include "popgw/maildrop_lock.h"

struct session;

struct popgw {
	const struct conf *conf;
	struct db *db;
	struct tls_server *tls;
	struct admission *admission;
	struct balancers *balancers[CONF_REALMS_MAX]; /* of each realm; null: none */
	struct maildrop_locks *locks;
	enum login_ids login_ids;
	struct addr listen;
};

#define WORKER_BUCKETS  4096 /* a power of two */
#define DOORS_PER_REALM 2

struct worker;

/* One listening socket: what comes in here is of this realm. */
struct realm_door {
	struct worker *worker;
	const char *realm;
	struct listener *listener;
};

struct worker {
	struct popgw *popgw;
	struct daemon *daemon;
	unsigned index;
	struct loop *loop;
	struct db_port *db;
	struct keyring *ring;
	struct loop_timer *tick; /* re-reads the keyring */
	struct realm_door doors[CONF_REALMS_MAX * DOORS_PER_REALM];
	size_t door_count;

	struct session *sessions; /* all of them */
	struct session *by_subscriber[WORKER_BUCKETS], *by_key[WORKER_BUCKETS];
	struct loop_task rechecking; /* runs through `recheck` */
	struct session *recheck;
	bool recheck_posted;
	struct connections *connections;
	bool stopped, told_idle;
};

int worker_start(struct daemon *d, void *shared, struct loop *loop, unsigned index, void **out);
void worker_stop(struct daemon *d, void *arg, unsigned index);
void worker_free(void *arg);

/* A session comes and goes. */
void worker_add(struct worker *w, struct session *s);
void worker_remove(struct worker *w, struct session *s);
/* From the moment that s->who is known until worker_remove: the feed's changes of its key and
 * subscriber concern it. */
void worker_watch(struct worker *w, struct session *s);

#endif
