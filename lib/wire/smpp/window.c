#include "lib/wire/smpp/window.h"

#include <stdlib.h>

#include "lib/err.h"
#include "lib/wire/smpp/smpp.h"

#define NONE UINT32_MAX

/* Places are linked three times: free ones among themselves (`next`); used ones by age (`older`,
 * `newer`) and, by sequence number, in one of the buckets (`next`). Numbers are given one after the
 * other, so buckets hold one or none but when old requests stay long. */
struct place {
	struct smpp_request request;
	uint32_t next, older, newer;
};

struct smpp_window {
	uint32_t limit, messages, controls;
	uint32_t sequence; /* the last one that was given */
	uint32_t free, oldest, newest;
	uint32_t mask; /* of the buckets, a power of two of them */
	int64_t response_us;
	uint32_t *buckets;
	struct place places[];
};

struct smpp_window *smpp_window_new(uint32_t limit, int64_t response_us)
{
	uint32_t count = limit + SMPP_WINDOW_CONTROLS, buckets = 1;
	struct smpp_window *w = malloc(sizeof *w + count * sizeof w->places[0]);

	if (!w)
		return NULL;
	while (buckets < count)
		buckets *= 2;
	*w = (struct smpp_window){.limit = limit,
				  .oldest = NONE,
				  .newest = NONE,
				  .mask = buckets - 1,
				  .response_us = response_us,
				  .buckets = malloc(buckets * sizeof *w->buckets)};
	if (!w->buckets) {
		free(w);
		return NULL;
	}
	for (uint32_t i = 0; i < buckets; i++)
		w->buckets[i] = NONE;
	for (uint32_t i = 0; i < count; i++)
		w->places[i].next = i + 1 < count ? i + 1 : NONE;
	return w;
}

void smpp_window_free(struct smpp_window *w)
{
	if (!w)
		return;
	free(w->buckets);
	free(w);
}

static bool is_control(uint32_t id)
{
	return id == SMPP_BIND_TRANSMITTER || id == SMPP_BIND_RECEIVER ||
	       id == SMPP_BIND_TRANSCEIVER || id == SMPP_ENQUIRE_LINK || id == SMPP_UNBIND;
}

static uint32_t *counter(struct smpp_window *w, uint32_t id)
{
	return is_control(id) ? &w->controls : &w->messages;
}

static uint32_t *bucket(struct smpp_window *w, uint32_t sequence)
{
	return &w->buckets[sequence & w->mask];
}

/* Where the link to the place of that number stands; what it points to is NONE if there is none. */
static uint32_t *find(struct smpp_window *w, uint32_t sequence)
{
	uint32_t *at = bucket(w, sequence);

	while (*at != NONE && w->places[*at].request.sequence != sequence)
		at = &w->places[*at].next;
	return at;
}

static void give_number(struct smpp_window *w)
{
	do
		w->sequence = w->sequence >= SMPP_SEQUENCE_MAX ? 1 : w->sequence + 1;
	while (*find(w, w->sequence) != NONE);
}

int smpp_window_add(struct smpp_window *w, uint32_t id, int64_t now_us, void *arg,
		    uint32_t *sequence)
{
	uint32_t i = w->free;
	struct place *p = &w->places[i];

	if (*counter(w, id) >= (is_control(id) ? SMPP_WINDOW_CONTROLS : w->limit))
		return E_FULL;
	w->free = p->next;
	++*counter(w, id);
	give_number(w);
	*p = (struct place){.request = {id, w->sequence, now_us, arg},
			    .next = *bucket(w, w->sequence),
			    .older = w->newest,
			    .newer = NONE};
	*bucket(w, w->sequence) = i;
	if (w->newest == NONE)
		w->oldest = i;
	else
		w->places[w->newest].newer = i;
	w->newest = i;
	*sequence = w->sequence;
	return 0;
}

static void drop(struct smpp_window *w, uint32_t *at, struct smpp_request *out)
{
	uint32_t i = *at;
	struct place *p = &w->places[i];

	*out = p->request;
	--*counter(w, p->request.id);
	*at = p->next;
	if (p->older == NONE)
		w->oldest = p->newer;
	else
		w->places[p->older].newer = p->newer;
	if (p->newer == NONE)
		w->newest = p->older;
	else
		w->places[p->newer].older = p->older;
	p->next = w->free;
	w->free = i;
}

int smpp_window_take(struct smpp_window *w, uint32_t response_id, uint32_t sequence,
		     struct smpp_request *out)
{
	uint32_t *at = find(w, sequence);

	if (*at == NONE)
		return E_NOT_FOUND;
	if (response_id != SMPP_GENERIC_NACK &&
	    response_id != (w->places[*at].request.id | SMPP_RESPONSE_BIT))
		return E_CONFLICT;
	drop(w, at, out);
	return 0;
}

int64_t smpp_window_deadline_us(const struct smpp_window *w)
{
	return w->oldest == NONE ? INT64_MAX
				 : w->places[w->oldest].request.sent_us + w->response_us;
}

bool smpp_window_drain(struct smpp_window *w, struct smpp_request *out)
{
	if (w->oldest == NONE)
		return false;
	drop(w, find(w, w->places[w->oldest].request.sequence), out);
	return true;
}

bool smpp_window_expire(struct smpp_window *w, int64_t now_us, struct smpp_request *out)
{
	return smpp_window_deadline_us(w) <= now_us && smpp_window_drain(w, out);
}

uint32_t smpp_window_count(const struct smpp_window *w)
{
	return w->messages;
}

uint32_t smpp_window_room(const struct smpp_window *w)
{
	return w->limit - w->messages;
}
