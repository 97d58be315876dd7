#include "smtpgw/submission/rate.h"

#include <pthread.h>
#include <stdlib.h>

#define HOUR_US     INT64_C(3600000000)
#define FORGET_US   INT64_C(1000000)
#define BUCKETS_MAX 65536

struct entry {
	struct entry *next;
	int64_t subscriber;
	int64_t full_us; /* when his hour is free again */
};

struct rate {
	pthread_mutex_t lock; /* protects what is below */
	int64_t step_us;      /* of the hour that a recipient takes; 0: no limit */
	int64_t forgot_us;
	size_t max, count, bucket_count;
	struct entry **buckets;
};

struct rate *rate_new(uint64_t per_hour, size_t max_subscribers)
{
	struct rate *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	r->step_us = per_hour ? HOUR_US / (int64_t)per_hour : 0;
	r->max = max_subscribers;
	for (r->bucket_count = 16; r->bucket_count < r->max && r->bucket_count < BUCKETS_MAX;)
		r->bucket_count *= 2;
	r->buckets = calloc(r->bucket_count, sizeof(struct entry *));
	if (!r->buckets) {
		free(r);
		return NULL;
	}
	pthread_mutex_init(&r->lock, NULL);
	return r;
}

static void drop(struct rate *r, struct entry **at)
{
	struct entry *gone = *at;

	*at = gone->next;
	free(gone);
	r->count--;
}

void rate_free(struct rate *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->bucket_count; i++)
		while (r->buckets[i])
			drop(r, &r->buckets[i]);
	pthread_mutex_destroy(&r->lock);
	free(r->buckets);
	free(r);
}

static struct entry **bucket_of(struct rate *r, int64_t subscriber)
{
	uint64_t mixed = (uint64_t)subscriber * UINT64_C(0x9E3779B97F4A7C15);

	return &r->buckets[(mixed >> 32) & (r->bucket_count - 1)];
}

/* His entry, if there is one. Those of his bucket whose hour is free are forgotten on the way. */
static struct entry *find(struct rate *r, int64_t subscriber, int64_t now_us)
{
	struct entry *found = NULL;

	for (struct entry **at = bucket_of(r, subscriber); *at;) {
		if ((*at)->full_us <= now_us) {
			drop(r, at);
			continue;
		}
		if ((*at)->subscriber == subscriber)
			found = *at;
		at = &(*at)->next;
	}
	return found;
}

/* All buckets: the price of a full table, paid once a second at most. */
static void forget_old(struct rate *r, int64_t now_us)
{
	if (now_us - r->forgot_us < FORGET_US)
		return;
	r->forgot_us = now_us;
	for (size_t i = 0; i < r->bucket_count; i++)
		for (struct entry **at = &r->buckets[i]; *at;) {
			if ((*at)->full_us <= now_us)
				drop(r, at);
			else
				at = &(*at)->next;
		}
}

static struct entry *remember(struct rate *r, int64_t subscriber, int64_t now_us)
{
	if (r->count >= r->max)
		forget_old(r, now_us);
	struct entry *e = r->count < r->max ? calloc(1, sizeof *e) : NULL;
	if (!e)
		return NULL;
	struct entry **bucket = bucket_of(r, subscriber);
	*e = (struct entry){.next = *bucket, .subscriber = subscriber, .full_us = now_us};
	*bucket = e;
	r->count++;
	return e;
}

bool rate_take(struct rate *r, int64_t subscriber, int64_t now_us)
{
	bool may = true;

	if (r->step_us == 0)
		return true;
	pthread_mutex_lock(&r->lock);
	struct entry *e = find(r, subscriber, now_us);
	if (!e)
		e = remember(r, subscriber, now_us);
	may = e && e->full_us - now_us + r->step_us <= HOUR_US;
	if (may)
		e->full_us += r->step_us;
	pthread_mutex_unlock(&r->lock);
	return may;
}

size_t rate_remembered(struct rate *r)
{
	pthread_mutex_lock(&r->lock);
	size_t n = r->count;
	pthread_mutex_unlock(&r->lock);
	return n;
}
