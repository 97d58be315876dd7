#include "pushsrv/prompt.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

#define LEFT_MAX 256

struct prompt {
	struct prompt_options with;
	struct loop_task task;
	/* Protects what follows; held for a few instructions, alone. */
	pthread_mutex_t lock;
	bool is_posted, is_any_lost;
	size_t count;
	int64_t left[LEFT_MAX]; /* rows of the send log */
};

/* ---- the loop's side ---- */

static void hand_over(struct loop_task *task)
{
	struct prompt *p = (struct prompt *)((char *)task - offsetof(struct prompt, task));
	int64_t left[LEFT_MAX];
	bool any_lost = false;

	pthread_mutex_lock(&p->lock);
	size_t n = p->count;
	memcpy(left, p->left, n * sizeof *left);
	p->count = 0;
	p->is_posted = false;
	pthread_mutex_unlock(&p->lock);
	for (size_t i = 0; i < n; i++)
		any_lost |= !p->with.left(p->with.arg, left[i]);
	pthread_mutex_lock(&p->lock);
	p->is_any_lost |= any_lost;
	pthread_mutex_unlock(&p->lock);
}

bool prompt_is_any_left(struct prompt *p)
{
	pthread_mutex_lock(&p->lock);
	bool any = p->is_any_lost || p->count > 0;
	pthread_mutex_unlock(&p->lock);
	return any;
}

/* ---- the writer's side ---- */

static void leave(struct prompt *p, const struct trigger_out *out)
{
	pthread_mutex_lock(&p->lock);
	if (p->count == LEFT_MAX) {
		p->is_any_lost = true;
	} else {
		p->left[p->count++] = out->log;
		if (!p->is_posted)
			loop_post(p->with.loop, &p->task);
		p->is_posted = true;
	}
	pthread_mutex_unlock(&p->lock);
}

static void committed(void *arg, struct trigger_sight *sight, const struct trigger_out *list,
		      size_t n)
{
	struct prompt *p = arg;
	bool left[OUTGOING_GROUP];

	for (size_t at = 0; at < n; at += OUTGOING_GROUP) {
		size_t count = n - at < OUTGOING_GROUP ? n - at : OUTGOING_GROUP;
		outgoing_prompt(p->with.outgoing, sight, list + at, count, left);
		for (size_t i = 0; i < count; i++)
			if (left[i])
				leave(p, &list[at + i]);
	}
}

/* ---- */

int prompt_new(const struct prompt_options *options, struct prompt **out)
{
	struct prompt *p = calloc(1, sizeof *p);

	if (!p)
		return E_NOMEM;
	p->with = *options;
	p->task.run = hand_over;
	pthread_mutex_init(&p->lock, NULL);
	triggers_prompt(p->with.db, committed, p);
	*out = p;
	return 0;
}

void prompt_free(struct prompt *p)
{
	if (!p)
		return;
	triggers_prompt(p->with.db, NULL, NULL);
	pthread_mutex_destroy(&p->lock);
	free(p);
}
