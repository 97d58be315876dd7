#include "db/queue_flight.h"

#include <stdlib.h>

#include "lib/err.h"

#define SLOTS_FIRST 64

/* Open addressing, linear probing, never more than half full. */
struct slot {
	int64_t mail;
	uint32_t recipient; /* 0: empty */
};

struct queue_flight {
	struct slot *slots;
	size_t size; /* a power of two */
	size_t count;
};

struct queue_flight *queue_flight_new(void)
{
	struct queue_flight *f = calloc(1, sizeof *f);

	if (!f)
		return NULL;
	f->size = SLOTS_FIRST;
	f->slots = calloc(f->size, sizeof *f->slots);
	if (!f->slots) {
		free(f);
		return NULL;
	}
	return f;
}

void queue_flight_free(struct queue_flight *f)
{
	if (!f)
		return;
	free(f->slots);
	free(f);
}

size_t queue_flight_count(const struct queue_flight *f)
{
	return f->count;
}

static size_t home_of(const struct queue_flight *f, int64_t mail, uint32_t recipient)
{
	uint64_t h = ((uint64_t)mail * 31 + recipient) * UINT64_C(0x9e3779b97f4a7c15);

	return (size_t)(h >> 32) & (f->size - 1);
}

/* Its slot, or the empty one where it would be. */
static size_t find(const struct queue_flight *f, int64_t mail, uint32_t recipient)
{
	size_t i = home_of(f, mail, recipient);

	while (f->slots[i].recipient &&
	       (f->slots[i].mail != mail || f->slots[i].recipient != recipient))
		i = (i + 1) & (f->size - 1);
	return i;
}

static int resize(struct queue_flight *f, size_t size)
{
	struct queue_flight larger = {.size = size, .count = f->count};

	larger.slots = calloc(size, sizeof *larger.slots);
	if (!larger.slots)
		return E_NOMEM;
	for (size_t i = 0; i < f->size; i++) {
		const struct slot *s = &f->slots[i];
		if (s->recipient)
			larger.slots[find(&larger, s->mail, s->recipient)] = *s;
	}
	free(f->slots);
	*f = larger;
	return 0;
}

int queue_flight_add(struct queue_flight *f, int64_t mail, uint32_t recipient)
{
	int err = f->count * 2 >= f->size ? resize(f, f->size * 2) : 0;

	if (err)
		return err;
	struct slot *s = &f->slots[find(f, mail, recipient)];
	if (!s->recipient)
		f->count++;
	*s = (struct slot){.mail = mail, .recipient = recipient};
	return 0;
}

bool queue_flight_has(const struct queue_flight *f, int64_t mail, uint32_t recipient)
{
	return f->slots[find(f, mail, recipient)].recipient != 0;
}

/* Those behind it that an empty slot would hide move up. */
static void empty_slot(struct queue_flight *f, size_t hole)
{
	size_t mask = f->size - 1;

	f->slots[hole] = (struct slot){.recipient = 0};
	f->count--;
	for (size_t i = (hole + 1) & mask; f->slots[i].recipient; i = (i + 1) & mask) {
		size_t home = home_of(f, f->slots[i].mail, f->slots[i].recipient);
		if (((i - home) & mask) < ((i - hole) & mask))
			continue;
		f->slots[hole] = f->slots[i];
		f->slots[i] = (struct slot){.recipient = 0};
		hole = i;
	}
}

void queue_flight_remove(struct queue_flight *f, int64_t mail, uint32_t recipient)
{
	size_t i = find(f, mail, recipient);

	if (f->slots[i].recipient)
		empty_slot(f, i);
}

void queue_flight_remove_mail(struct queue_flight *f, int64_t mail)
{
	for (size_t i = 0; i < f->size;) {
		/* Another one may have moved into it: it is looked at again. */
		if (f->slots[i].recipient && f->slots[i].mail == mail)
			empty_slot(f, i);
		else
			i++;
	}
}
