#include "db/ticket.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "lib/err.h"

enum { TURNSTILE, TICKET }; /* one octet of the file each */

static int set_lock(int fd, int which, short type)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = which, .l_len = 1};

	while (fcntl(fd, F_OFD_SETLKW, &lock)) {
		if (errno != EINTR)
			return E_IO;
	}
	return 0;
}

int ticket_open(const char *dir, enum db_file file, struct ticket *out)
{
	char path[DB_PATH_MAX];
	int err = db_file_path(dir, file, "-ticket", path);

	if (err)
		return err;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return E_IO;
	out->fd = fd;
	return 0;
}

void ticket_close(struct ticket *t)
{
	if (t->fd >= 0)
		close(t->fd);
	t->fd = -1;
}

int ticket_take(struct ticket *t)
{
	int err = set_lock(t->fd, TURNSTILE, F_WRLCK);

	if (err)
		return err;
	err = set_lock(t->fd, TICKET, F_WRLCK);
	set_lock(t->fd, TURNSTILE, F_UNLCK);
	return err;
}

void ticket_release(struct ticket *t)
{
	set_lock(t->fd, TICKET, F_UNLCK);
}
