/* keyfile -- small files that hold secrets
 *
 * Read whole, replaced whole: a reader sees the old file or the new one, never a half, also across
 * a power cut. The formats are their owners' (keyring, seal); here are only the octets, the hex
 * digits and the order of the system calls.
 *
 * OWNERSHIP  keyfile_read allocates; the caller ends it with keyfile_wipe
 * THREADS    any; writers of one folder exclude each other, across processes too, by keyfile_lock
 */
#ifndef HATO_LIB_KEYFILE_H
#define HATO_LIB_KEYFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define KEYFILE_MAX_BYTES 65536

/* The whole file, NUL-terminated behind len. `st`, which may be null, is of what was read.
 * E_NOT_FOUND, E_IO, E_NOMEM, E_SYNTAX: no regular file, longer than KEYFILE_MAX_BYTES, or with a
 * NUL. */
int keyfile_read(const char *path, char **text, size_t *len, struct stat *st);
void keyfile_wipe(char *text, size_t len);

/* Takes the lock of the path's folder, waiting for it; *lock is closed to let it go. E_NOT_FOUND
 * (no folder), E_IO. */
int keyfile_lock(const char *path, int *lock);

/* Under the lock: writes beside the path, syncs, renames, syncs the folder. Mode 0600. E_EXISTS:
 * `replace` is false and there is a file (it stays); E_IO. */
int keyfile_write(const char *path, int lock, const char *text, size_t len, bool replace);

/* hex: 2 * len lower case digits and a NUL. */
void keyfile_hex(const uint8_t *bytes, size_t len, char *hex);
/* Exactly 2 * len digits, of either case; more may follow. False: they are not there. */
bool keyfile_unhex(const char *hex, uint8_t *bytes, size_t len);

#endif
