/* The file of a keyring: its text, and those who write it. keyring.c reads it for a worker. */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/digest.h"
#include "lib/err.h"
#include "lib/keyfile.h"
#include "lib/keyring.h"
#include "lib/keyring_private.h"

#define HEX_DIGITS    ((size_t)2 * KEYRING_KEY_BYTES)
#define DIGITS_MAX    12 /* of a time in seconds: far beyond any, far from an overflow */
#define STATE_ACTIVE  "active"
#define STATE_RETIRED "retired"

/* ---- the text ---- */

/* A decimal number without a sign or a leading zero, and the space behind it. */
static bool take_number(const char **at, int64_t *value)
{
	size_t len = strspn(*at, "0123456789");
	int64_t sum = 0;

	if (len == 0 || len > DIGITS_MAX || (len > 1 && **at == '0') || (*at)[len] != ' ')
		return false;
	for (size_t i = 0; i < len; i++)
		sum = sum * 10 + ((*at)[i] - '0');
	*at += len + 1;
	*value = sum;
	return true;
}

static bool take_word(const char **at, const char *word)
{
	size_t len = strlen(word);

	if (strncmp(*at, word, len) != 0 || (*at)[len] != ' ')
		return false;
	*at += len + 1;
	return true;
}

/* One line with its newline. The state is there for people: it must agree with the time that
 * counts. */
static bool take_entry(const char **at, struct keyring_entry *e)
{
	int64_t id;
	bool active;

	if (!take_number(at, &id) || id < 1 || id > KEYRING_MAX)
		return false;
	active = take_word(at, STATE_ACTIVE);
	if (!active && !take_word(at, STATE_RETIRED))
		return false;
	if (!take_number(at, &e->active_from_s) || !take_number(at, &e->retired_s) ||
	    active != (e->retired_s == 0))
		return false;
	if (!keyfile_unhex(*at, e->key, sizeof e->key) || (*at)[HEX_DIGITS] != '\n')
		return false;
	*at += HEX_DIGITS + 1;
	e->id = (uint8_t)id;
	return true;
}

int keyring_parse(const char *text, size_t len, struct keyring_keys *out)
{
	const char *at = text, *end = text + len;
	bool taken[KEYRING_MAX + 1] = {false};
	struct keyring_entry e;
	bool good = true;

	out->count = 0;
	memset(&e, 0, sizeof e);
	while (good && at < end) {
		good = out->count < KEYRING_MAX && take_entry(&at, &e) && !taken[e.id];
		if (good) {
			taken[e.id] = true;
			out->entries[out->count++] = e;
		}
	}
	explicit_bzero(&e, sizeof e);
	return good && out->count > 0 ? 0 : E_SYNTAX;
}

size_t keyring_format(const struct keyring_keys *keys, char text[KEYRING_TEXT_MAX])
{
	char hex[HEX_DIGITS + 1];
	size_t len = 0;

	for (size_t i = 0; i < keys->count; i++) {
		const struct keyring_entry *e = &keys->entries[i];
		size_t room = KEYRING_TEXT_MAX - len;
		int n;

		keyfile_hex(e->key, sizeof e->key, hex);
		n = snprintf(text + len, room, "%u %s %" PRId64 " %" PRId64 " %s\n", e->id,
			     e->retired_s ? STATE_RETIRED : STATE_ACTIVE, e->active_from_s,
			     e->retired_s, hex);
		assert(n > 0 && (size_t)n < room);
		len += (size_t)n;
	}
	explicit_bzero(hex, sizeof hex);
	return len;
}

/* ---- the writers: lock, read, change, replace ---- */

static int read_file(const char *path, struct keyring_keys *keys)
{
	char *text;
	size_t len;
	int err = keyfile_read(path, &text, &len, NULL);

	if (err)
		return err;
	err = keyring_parse(text, len, keys);
	keyfile_wipe(text, len);
	return err;
}

static int write_file(const char *path, int lock, const struct keyring_keys *keys, bool replace)
{
	char *text = malloc(KEYRING_TEXT_MAX);
	int err;

	if (!text)
		return E_NOMEM;
	err = keyfile_write(path, lock, text, keyring_format(keys, text), replace);
	keyfile_wipe(text, KEYRING_TEXT_MAX);
	return err;
}

static bool has_id(const struct keyring_keys *keys, unsigned id)
{
	for (size_t i = 0; i < keys->count; i++) {
		if (keys->entries[i].id == id)
			return true;
	}
	return false;
}

/* The free id after the last key's; 0 if all are taken. An id comes back as late as can be, so that
 * no daemon holds another key under it. */
static uint8_t free_id(const struct keyring_keys *keys)
{
	unsigned id = keys->count ? keys->entries[keys->count - 1].id : 0;

	for (int i = 0; i < KEYRING_MAX; i++) {
		id = id % KEYRING_MAX + 1;
		if (!has_id(keys, id))
			return (uint8_t)id;
	}
	return 0;
}

static int add_key(struct keyring_keys *keys, uint8_t id, int64_t active_from_s, int64_t retired_s)
{
	struct keyring_entry *e = &keys->entries[keys->count];
	int err = random_bytes(e->key, sizeof e->key);

	if (err)
		return err;
	e->id = id;
	e->active_from_s = active_from_s;
	e->retired_s = retired_s;
	keys->count++;
	return 0;
}

static void drop_key(struct keyring_keys *keys, size_t i)
{
	memmove(&keys->entries[i], &keys->entries[i + 1],
		(keys->count - i - 1) * sizeof keys->entries[0]);
	keys->count--;
}

static int keys_rotate(struct keyring_keys *keys, int64_t now_s, int64_t delay_s, int64_t keep_s,
		       uint8_t *id)
{
	int64_t from_s = now_s + delay_s;
	uint8_t new_id;

	assert(now_s > 0 && delay_s >= 0 && keep_s >= 0);
	for (size_t i = keys->count; i-- > 0;) {
		int64_t retired_s = keys->entries[i].retired_s;

		if (retired_s && now_s - retired_s > keep_s)
			drop_key(keys, i);
	}
	new_id = free_id(keys);
	if (!new_id)
		return E_FULL;
	for (size_t i = 0; i < keys->count; i++) {
		if (!keys->entries[i].retired_s)
			keys->entries[i].retired_s = from_s;
	}
	*id = new_id;
	return add_key(keys, new_id, from_s, 0);
}

/* Whatever was revoked, one key must stay in force from now on without an end. */
static int keys_revoke(struct keyring_keys *keys, int64_t now_s, uint8_t id)
{
	/* Taken before the key goes: for a second daemons may still hold the revoked key under its
	 * id. */
	uint8_t new_id = free_id(keys);
	const struct keyring_entry *active;
	size_t i = 0;

	while (i < keys->count && keys->entries[i].id != id)
		i++;
	if (i == keys->count)
		return E_NOT_FOUND;
	active = keyring_newest_active(keys, now_s);
	if (active == &keys->entries[i] || !active) {
		drop_key(keys, i);
		return add_key(keys, new_id ? new_id : id, now_s, 0);
	}
	drop_key(keys, i);
	for (i = 0; i < keys->count; i++) {
		if (!keys->entries[i].retired_s)
			return 0;
	}
	/* It was the successor, on its way in: the key that was to retire for it stays. */
	active = keyring_newest_active(keys, now_s);
	keys->entries[active - keys->entries].retired_s = 0;
	return 0;
}

int keyring_create(const char *path, int64_t now_s)
{
	struct keyring_keys keys = {.count = 0};
	int lock, err = keyfile_lock(path, &lock);

	if (err)
		return E_IO;
	err = add_key(&keys, 1, now_s, 0);
	if (!err)
		err = write_file(path, lock, &keys, false);
	close(lock);
	explicit_bzero(&keys, sizeof keys);
	return err;
}

int keyring_rotate(const char *path, int64_t now_s, int64_t delay_s, int64_t keep_s, uint8_t *id)
{
	struct keyring_keys keys;
	uint8_t new_id;
	int lock, err = keyfile_lock(path, &lock);

	if (err)
		return err;
	err = read_file(path, &keys);
	if (!err)
		err = keys_rotate(&keys, now_s, delay_s, keep_s, &new_id);
	if (!err)
		err = write_file(path, lock, &keys, true);
	if (!err)
		*id = new_id;
	close(lock);
	explicit_bzero(&keys, sizeof keys);
	return err;
}

int keyring_revoke(const char *path, int64_t now_s, uint8_t id)
{
	struct keyring_keys keys;
	int lock, err = keyfile_lock(path, &lock);

	if (err)
		return err;
	err = read_file(path, &keys);
	if (!err)
		err = keys_revoke(&keys, now_s, id);
	if (!err)
		err = write_file(path, lock, &keys, true);
	close(lock);
	explicit_bzero(&keys, sizeof keys);
	return err;
}
