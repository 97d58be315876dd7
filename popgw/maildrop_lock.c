#include "popgw/maildrop_lock.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/err.h"

#define BUCKETS 4096 /* a power of two */

struct maildrop_locks {
	pthread_mutex_t mutex; /* protects all below, and state, ticket and next of every lock */
	uint64_t last_ticket;
	size_t held;
	struct maildrop_lock *buckets[BUCKETS];
};

struct maildrop_locks *maildrop_locks_new(void)
{
	struct maildrop_locks *locks = calloc(1, sizeof(*locks));

	if (locks)
		pthread_mutex_init(&locks->mutex, NULL);
	return locks;
}

void maildrop_locks_free(struct maildrop_locks *locks)
{
	if (!locks)
		return;
	pthread_mutex_destroy(&locks->mutex);
	free(locks);
}

size_t maildrop_locks_held(struct maildrop_locks *locks)
{
	pthread_mutex_lock(&locks->mutex);
	size_t held = locks->held;
	pthread_mutex_unlock(&locks->mutex);
	return held;
}

/* Where the lock of this subscriber hangs, or would hang. */
static struct maildrop_lock **place_of(struct maildrop_locks *locks, int64_t subscriber)
{
	uint64_t mixed = (uint64_t)subscriber * UINT64_C(0x9E3779B97F4A7C15);
	struct maildrop_lock **at = &locks->buckets[(mixed >> 32) & (BUCKETS - 1)];

	while (*at && (*at)->subscriber != subscriber)
		at = &(*at)->next;
	return at;
}

static void hang(struct maildrop_locks *locks, struct maildrop_lock **at,
		 struct maildrop_lock *lock)
{
	lock->state = MAILDROP_HELD;
	lock->ticket = ++locks->last_ticket;
	lock->next = *at;
	*at = lock;
	locks->held++;
}

static void unhang(struct maildrop_locks *locks, struct maildrop_lock **at)
{
	*at = (*at)->next;
	locks->held--;
}

int maildrop_lock_take(struct maildrop_locks *locks, struct maildrop_lock *lock,
		       struct maildrop_holder *holder)
{
	int err = 0;

	pthread_mutex_lock(&locks->mutex);
	struct maildrop_lock **at = place_of(locks, lock->subscriber);
	if (*at) {
		holder->key = (*at)->key;
		holder->generation = (*at)->generation;
		holder->conn = (*at)->conn;
		holder->ticket = (*at)->ticket;
		err = E_BUSY;
	} else {
		hang(locks, at, lock);
	}
	pthread_mutex_unlock(&locks->mutex);
	return err;
}

int maildrop_lock_take_over(struct maildrop_locks *locks, struct maildrop_lock *lock,
			    uint64_t ticket, bool *evicted)
{
	int err = 0;

	pthread_mutex_lock(&locks->mutex);
	struct maildrop_lock **at = place_of(locks, lock->subscriber);
	struct maildrop_lock *holder = *at;
	if (holder && holder->ticket != ticket) {
		err = E_BUSY;
	} else {
		*evicted = holder != NULL;
		if (holder) {
			unhang(locks, at);
			holder->state = MAILDROP_LOST;
			/* Under the mutex: until it is released the holder's session, and so its
			 * loop, cannot go. */
			loop_post(holder->loop, &holder->lost);
		}
		hang(locks, at, lock);
	}
	pthread_mutex_unlock(&locks->mutex);
	return err;
}

bool maildrop_lock_release(struct maildrop_locks *locks, struct maildrop_lock *lock)
{
	pthread_mutex_lock(&locks->mutex);
	bool lost = lock->state == MAILDROP_LOST;
	if (lock->state == MAILDROP_HELD) {
		unhang(locks, place_of(locks, lock->subscriber));
		lock->state = MAILDROP_NONE;
	}
	pthread_mutex_unlock(&locks->mutex);
	return !lost;
}
