/* keyring_private -- what keyring.c, keyring_file.c, token.c and their tests share; nobody else
 * includes it */
#ifndef HATO_LIB_KEYRING_PRIVATE_H
#define HATO_LIB_KEYRING_PRIVATE_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "lib/key.h"
#include "lib/keyring.h"
#include "lib/seal.h"

#define KEYRING_TEXT_MAX 49152 /* KEYRING_MAX lines of 192, with room */

struct keyring_keys {
	size_t count;
	struct keyring_entry
		entries[KEYRING_MAX]; /* in the order of the file: a newer key stands later */
};

/* A file that was replaced differs in one of these. */
struct keyring_stamp {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec modified, changed;
};

#define KEYRING_SLOTS 16 /* keys in use, times realms of a worker: seldom more than four */

/* A key made ready for the tokens of a realm (token.c). Empty: siv is null. */
struct keyring_slot {
	uint8_t id;
	char realm[REALM_MAX];
	struct siv *siv;
};

struct keyring {
	char *path;
	struct keyring_stamp seen;
	bool looked; /* for an unknown id, at looked_us of the monotonic clock */
	int64_t looked_us;
	struct keyring_keys keys;
	struct keyring_slot slots[KEYRING_SLOTS]; /* emptied when the keys change */
	size_t next_slot;                         /* the oldest, the next to be given up */
};

/* The text of the file. parse: E_SYNTAX for whatever keyring_format would not have written. */
int keyring_parse(const char *text, size_t len, struct keyring_keys *out);
size_t keyring_format(const struct keyring_keys *keys, char text[KEYRING_TEXT_MAX]);

/* keyring_active for keys without a ring. */
const struct keyring_entry *keyring_newest_active(const struct keyring_keys *keys, int64_t now_s);

#endif
