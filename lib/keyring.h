/* keyring -- the keys that seal tokens, and how they rotate
 *
 * A text file, DIR/keys/token.keys (mode 0600), one key a line: `id state active_from_s retired_s
 * hex(64 octets)`, ids 1..255; state: `active` when retired_s is 0, else `retired` (for people: the
 * times decide). It is replaced by rename, never edited in place. Rotation: publish a new key whose
 * active_from lies a few seconds ahead (every daemon re-reads the file within a second when it
 * changed), then it becomes the newest active one by time alone; the old key opens tokens until
 * `retired + longest token life`. Revoking drops a key at once. `hato key rotate` and `hato init`
 * write; authsrv seals with the newest active key; popgw and smtpgw open. THREADS    one ring per
 * worker; nothing is shared but the file
 */
#ifndef HATO_LIB_KEYRING_H
#define HATO_LIB_KEYRING_H

#include <stddef.h>
#include <stdint.h>

#define KEYRING_KEY_BYTES 64 /* AES-256-SIV */
#define KEYRING_MAX       255

struct keyring;

struct keyring_entry {
	uint8_t id;
	int64_t active_from_s;
	int64_t retired_s; /* 0: not retired */
	uint8_t key[KEYRING_KEY_BYTES];
};

/* E_IO, E_SYNTAX (bad line), E_NOT_FOUND (no such file). The caller frees. */
int keyring_open(const char *path, struct keyring **out);
void keyring_free(struct keyring *ring);

/* Re-reads the file if it changed since the last read; call it once a second from the worker's
 * timer. Keeps the old keys when the new file cannot be read. 0, or why it was not read. */
int keyring_refresh(struct keyring *ring);

/* The key that seals at now_s: the one with the latest active_from_s <= now_s that is not retired;
 * null if none. */
const struct keyring_entry *keyring_active(const struct keyring *ring, int64_t now_s);
/* Re-reads the file once a second at most when the id is unknown. Null if it stays unknown. */
const struct keyring_entry *keyring_find(struct keyring *ring, uint8_t id);

/* Writers. create: a new file with one key active now (E_EXISTS). rotate: adds a key active at now
 * + delay_s, retires the former at that time, forgets keys retired longer than keep_s ago; *id is
 * the new one. revoke: drops a key at once and, if it was the active one, adds a new key active
 * now. All write a new file, sync it, rename, sync the folder. */
int keyring_create(const char *path, int64_t now_s);
int keyring_rotate(const char *path, int64_t now_s, int64_t delay_s, int64_t keep_s, uint8_t *id);
int keyring_revoke(const char *path, int64_t now_s, uint8_t id);

#endif
