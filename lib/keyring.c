/* The reading side: a ring of one worker. keyring_file.c has the text and the writers. */
#include "lib/keyring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/keyfile.h"
#include "lib/keyring_private.h"

static struct keyring_stamp stamp_of(const struct stat *st)
{
	return (struct keyring_stamp){st->st_dev, st->st_ino, st->st_size, st->st_mtim,
				      st->st_ctim};
}

static bool time_equal(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool stamp_equal(const struct keyring_stamp *a, const struct keyring_stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       time_equal(&a->modified, &b->modified) && time_equal(&a->changed, &b->changed);
}

static void empty_slots(struct keyring *ring)
{
	for (size_t i = 0; i < KEYRING_SLOTS; i++) {
		siv_free(ring->slots[i].siv);
		ring->slots[i].siv = NULL;
	}
}

/* The ring changes only when all of the file was understood. */
static int read_keys(struct keyring *ring)
{
	struct keyring_keys keys;
	struct stat st;
	char *text;
	size_t len;
	int err = keyfile_read(ring->path, &text, &len, &st);

	if (err)
		return err;
	err = keyring_parse(text, len, &keys);
	keyfile_wipe(text, len);
	if (!err) {
		empty_slots(ring);
		ring->keys = keys;
		ring->seen = stamp_of(&st);
	}
	explicit_bzero(&keys, sizeof keys);
	return err;
}

int keyring_open(const char *path, struct keyring **out)
{
	struct keyring *ring = calloc(1, sizeof *ring);
	int err = E_NOMEM;

	if (ring)
		ring->path = strdup(path);
	if (ring && ring->path)
		err = read_keys(ring);
	if (err) {
		keyring_free(ring);
		return err;
	}
	*out = ring;
	return 0;
}

void keyring_free(struct keyring *ring)
{
	if (!ring)
		return;
	empty_slots(ring);
	free(ring->path);
	explicit_bzero(ring, sizeof *ring);
	free(ring);
}

int keyring_refresh(struct keyring *ring)
{
	struct keyring_stamp now;
	struct stat st;

	if (stat(ring->path, &st))
		return errno == ENOENT ? E_NOT_FOUND : E_IO;
	now = stamp_of(&st);
	return stamp_equal(&now, &ring->seen) ? 0 : read_keys(ring);
}

const struct keyring_entry *keyring_newest_active(const struct keyring_keys *keys, int64_t now_s)
{
	const struct keyring_entry *best = NULL;

	for (size_t i = 0; i < keys->count; i++) {
		const struct keyring_entry *e = &keys->entries[i];
		bool active =
			e->active_from_s <= now_s && (e->retired_s == 0 || e->retired_s > now_s);

		if (active && (!best || e->active_from_s >= best->active_from_s))
			best = e;
	}
	return best;
}

const struct keyring_entry *keyring_active(const struct keyring *ring, int64_t now_s)
{
	return keyring_newest_active(&ring->keys, now_s);
}

static const struct keyring_entry *find(const struct keyring *ring, uint8_t id)
{
	for (size_t i = 0; i < ring->keys.count; i++) {
		if (ring->keys.entries[i].id == id)
			return &ring->keys.entries[i];
	}
	return NULL;
}

const struct keyring_entry *keyring_find(struct keyring *ring, uint8_t id)
{
	const struct keyring_entry *found = find(ring, id);
	int64_t now_us;

	/* No key has the id 0, so no file could help. */
	if (found || id == 0)
		return found;
	now_us = clock_mono_us();
	if (ring->looked && now_us - ring->looked_us < CLOCK_S)
		return NULL;
	ring->looked = true;
	ring->looked_us = now_us;
	return keyring_refresh(ring) ? NULL : find(ring, id);
}
