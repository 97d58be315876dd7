#include "lib/door.h"

#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/err.h"

#define KEEPALIVE_IDLE_S  60
#define KEEPALIVE_EVERY_S 15
#define KEEPALIVE_TRIES   4

struct door {
	struct door *next;
	pid_t owner; /* what a child inherits is not its own */
	unsigned users;
	struct sockaddr_storage where;
	socklen_t where_len;
	char interface[IFNAMSIZ]; /* "": any */
	int unix_fd;              /* -1: TCP, a socket each */
	dev_t device; /* what we bound: at the end the path is removed only if it is still that */
	ino_t inode;
};

/* Protects the list below. Held while a socket is opened or closed: at start and stop. */
static pthread_mutex_t doors_lock = PTHREAD_MUTEX_INITIALIZER;
static struct door *doors;

static struct door *door_find(const struct sockaddr_storage *where, socklen_t len,
			      const char *device)
{
	struct door *d = doors;

	while (d && (d->owner != getpid() || d->where_len != len ||
		     memcmp(&d->where, where, len) != 0 || strcmp(d->interface, device) != 0))
		d = d->next;
	return d;
}

static int door_add(const struct sockaddr_storage *where, socklen_t len, const char *device,
		    struct door **out)
{
	struct door *d = calloc(1, sizeof *d);

	if (!d)
		return E_NOMEM;
	d->owner = getpid();
	d->where = *where;
	d->where_len = len;
	strcpy(d->interface, device);
	d->unix_fd = -1;
	d->next = doors;
	doors = d;
	*out = d;
	return 0;
}

static int stream_socket(int family)
{
	return socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* ---- unix ---- */

static const char *unix_path(const struct sockaddr_storage *where)
{
	return ((const struct sockaddr_un *)where)->sun_path;
}

/* Somebody answers there. What nobody answers at is left from a process that died. */
static bool unix_is_live(const struct sockaddr_storage *where, socklen_t len)
{
	int fd = stream_socket(AF_UNIX);
	bool live = fd >= 0 &&
		    (connect(fd, (const struct sockaddr *)where, len) == 0 || errno == EAGAIN);

	if (fd >= 0)
		close(fd);
	return live;
}

static int unix_listen(const struct sockaddr_storage *where, socklen_t len, int *out)
{
	struct stat st;
	int fd;

	if (unix_is_live(where, len))
		return E_EXISTS;
	if (lstat(unix_path(where), &st) == 0 && S_ISSOCK(st.st_mode))
		unlink(unix_path(where));
	fd = stream_socket(AF_UNIX);
	if (fd < 0)
		return E_IO;
	if (bind(fd, (const struct sockaddr *)where, len) || listen(fd, DOOR_BACKLOG)) {
		int rc = errno == EADDRINUSE ? E_EXISTS : E_IO;

		close(fd);
		return rc;
	}
	*out = fd;
	return 0;
}

static int unix_open(const char *path, struct door **out)
{
	struct sockaddr_storage where = {.ss_family = AF_UNIX};
	struct sockaddr_un *sun = (struct sockaddr_un *)&where;
	struct stat st;
	int fd, rc;

	if (strlen(path) >= sizeof sun->sun_path)
		return E_RANGE;
	memcpy(sun->sun_path, path, strlen(path));
	*out = door_find(&where, sizeof *sun, "");
	if (*out)
		return 0;
	rc = unix_listen(&where, sizeof *sun, &fd);
	if (rc)
		return rc;
	rc = door_add(&where, sizeof *sun, "", out);
	if (rc) {
		close(fd);
		return rc;
	}
	(*out)->unix_fd = fd;
	if (lstat(path, &st) == 0) {
		(*out)->device = st.st_dev;
		(*out)->inode = st.st_ino;
	}
	return 0;
}

static void unix_close(struct door *d)
{
	struct stat st;
	const char *path = unix_path(&d->where);

	if (lstat(path, &st) == 0 && st.st_dev == d->device && st.st_ino == d->inode)
		unlink(path);
	close(d->unix_fd);
}

/* ---- TCP ---- */

static int set_flag(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof value);
}

/* `::` is every address of both families: an IPv4 peer is v4-mapped there, which is how we keep it
 * anyway. */
static bool is_one_family(const struct sockaddr_storage *where)
{
	return where->ss_family == AF_INET6 &&
	       !IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)where)->sin6_addr);
}

/* A phone that lost its radio says nothing more: within two minutes its connection is known to be
 * dead. What is accepted inherits this from the listening socket. */
static int keep_alive(int fd)
{
	return set_flag(fd, SOL_SOCKET, SO_KEEPALIVE, 1) ||
	       set_flag(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S) ||
	       set_flag(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_EVERY_S) ||
	       set_flag(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_TRIES);
}

/* The first of the process binds alone, so that the kernel refuses it beside strangers, and opens
 * the port to the others after. */
static int tcp_bind(int fd, const struct sockaddr_storage *where, socklen_t len, const char *device,
		    bool first)
{
	if (*device &&
	    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device)))
		return errno == ENODEV ? E_NOT_FOUND : E_IO;
	if (set_flag(fd, SOL_SOCKET, SO_REUSEADDR, 1) || keep_alive(fd) ||
	    (where->ss_family == AF_INET6 &&
	     set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY, is_one_family(where))) ||
	    (!first && set_flag(fd, SOL_SOCKET, SO_REUSEPORT, 1)) ||
	    bind(fd, (const struct sockaddr *)where, len) ||
	    (first && set_flag(fd, SOL_SOCKET, SO_REUSEPORT, 1)) || listen(fd, DOOR_BACKLOG))
		return errno == EADDRINUSE ? E_EXISTS : E_IO;
	return 0;
}

static int tcp_listen(struct sockaddr_storage *where, socklen_t *len, const char *device,
		      bool first, int *out)
{
	int rc, fd = stream_socket(where->ss_family);

	if (fd < 0)
		return E_IO;
	rc = tcp_bind(fd, where, *len, device, first);
	if (!rc && getsockname(fd, (struct sockaddr *)where, len))
		rc = E_IO;
	if (rc) {
		close(fd);
		return rc;
	}
	*out = fd;
	return 0;
}

static int tcp_open(const struct door_place *place, struct door **out, int *fd, uint16_t *bound)
{
	const char *device = place->device ? place->device : "";
	struct sockaddr_storage where;
	socklen_t len = addr_to_sockaddr(&place->addr, place->port, &where);
	struct addr ignored;
	int rc;

	if (strlen(device) >= IFNAMSIZ)
		return E_RANGE;
	*out = place->port ? door_find(&where, len, device) : NULL;
	rc = tcp_listen(&where, &len, device, !*out, fd);
	if (rc)
		return rc;
	if (!*out)
		rc = door_add(&where, len, device, out);
	if (rc)
		close(*fd);
	else
		addr_from_sockaddr((struct sockaddr *)&where, &ignored, bound);
	return rc;
}

int door_open(const struct door_place *place, struct door **out, int *fd, uint16_t *bound)
{
	struct door *d;
	int rc;

	pthread_mutex_lock(&doors_lock);
	if (place->unix_path) {
		rc = unix_open(place->unix_path, &d);
		if (!rc) {
			*fd = d->unix_fd;
			*bound = 0;
		}
	} else {
		rc = tcp_open(place, &d, fd, bound);
	}
	if (!rc) {
		d->users++;
		*out = d;
	}
	pthread_mutex_unlock(&doors_lock);
	return rc;
}

void door_close(struct door *d, int fd)
{
	if (!d)
		return;
	pthread_mutex_lock(&doors_lock);
	if (d->unix_fd < 0)
		close(fd);
	if (--d->users == 0) {
		struct door **at = &doors;

		while (*at != d)
			at = &(*at)->next;
		*at = d->next;
		if (d->unix_fd >= 0)
			unix_close(d);
		free(d);
	}
	pthread_mutex_unlock(&doors_lock);
}
