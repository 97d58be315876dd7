#include "lib/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "lib/err.h"

static int err_of_errno(void)
{
	return errno == ENOENT ? E_NOT_FOUND : errno == EEXIST ? E_EXISTS : E_IO;
}

/* Until the end of the file or of the room. */
static ssize_t read_all(int fd, char *text, size_t room)
{
	size_t got = 0;

	while (got < room) {
		ssize_t n = read(fd, text + got, room - got);

		if (n == 0)
			break;
		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0)
			got += (size_t)n;
	}
	return (ssize_t)got;
}

static int read_open(int fd, char **text, size_t *len, struct stat *st)
{
	size_t room = KEYFILE_MAX_BYTES + 2; /* one to see that there is more, one for the NUL */
	char *buffer;
	ssize_t got;

	if (fstat(fd, st))
		return E_IO;
	if (!S_ISREG(st->st_mode))
		return E_SYNTAX;
	buffer = malloc(room);
	if (!buffer)
		return E_NOMEM;
	got = read_all(fd, buffer, room - 1);
	if (got < 0 || got > KEYFILE_MAX_BYTES || memchr(buffer, '\0', (size_t)got)) {
		keyfile_wipe(buffer, room);
		return got < 0 ? E_IO : E_SYNTAX;
	}
	buffer[got] = '\0';
	*text = buffer;
	*len = (size_t)got;
	return 0;
}

int keyfile_read(const char *path, char **text, size_t *len, struct stat *st)
{
	struct stat local;
	/* Non-blocking: a pipe that was put there must not stop a daemon. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int err;

	if (fd < 0)
		return err_of_errno();
	err = read_open(fd, text, len, st ? st : &local);
	close(fd);
	return err;
}

void keyfile_wipe(char *text, size_t len)
{
	if (!text)
		return;
	explicit_bzero(text, len);
	free(text);
}

int keyfile_lock(const char *path, int *lock)
{
	char copy[PATH_MAX];
	int fd, failed;

	if (strlen(path) >= sizeof copy)
		return E_IO;
	memcpy(copy, path, strlen(path) + 1);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_of_errno();
	do
		failed = flock(fd, LOCK_EX);
	while (failed && errno == EINTR);
	if (failed) {
		close(fd);
		return E_IO;
	}
	*lock = fd;
	return 0;
}

/* A new file beside the path, on the disk. */
static int write_beside(const char *beside, const char *text, size_t len)
{
	size_t put = 0;
	int fd, err = 0;

	/* What a writer left that died: nobody else writes while we hold the lock. */
	if (unlink(beside) && errno != ENOENT)
		return E_IO;
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return E_IO;
	while (put < len) {
		ssize_t n = write(fd, text + put, len - put);

		if (n < 0 && errno != EINTR)
			break;
		if (n > 0)
			put += (size_t)n;
	}
	if (put < len || fsync(fd))
		err = E_IO;
	if (close(fd))
		err = E_IO;
	return err;
}

int keyfile_write(const char *path, int lock, const char *text, size_t len, bool replace)
{
	char beside[PATH_MAX];
	int err;

	if (snprintf(beside, sizeof beside, "%s.new", path) >= (int)sizeof beside)
		return E_IO;
	err = write_beside(beside, text, len);
	if (err)
		goto out;
	/* Unlike a rename, a link never replaces: two that create the same file cannot undo each
	 * other. */
	if (replace ? rename(beside, path) : link(beside, path))
		err = err_of_errno() == E_EXISTS ? E_EXISTS : E_IO;
	else if (fsync(lock))
		err = E_IO;
out:
	if (err || !replace)
		unlink(beside);
	return err;
}

void keyfile_hex(const uint8_t *bytes, size_t len, char *hex)
{
	static const char DIGITS[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		hex[2 * i] = DIGITS[bytes[i] >> 4];
		hex[2 * i + 1] = DIGITS[bytes[i] & 15];
	}
	hex[2 * len] = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool keyfile_unhex(const char *hex, uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		int high = hex_value(hex[2 * i]);
		int low = high < 0 ? -1 : hex_value(hex[2 * i + 1]);

		if (low < 0)
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}
