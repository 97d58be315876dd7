#include "pushsrv/bearer_udp.h"

#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/err.h"

#define SEND_MAX 64 /* datagrams of one system call */

enum family { FAMILY_V4, FAMILY_V6, FAMILIES };

struct egress {
	const struct conf_realm *realm;
	int fd[FAMILIES]; /* -1: this family does not leave here */
};

struct bearer_udp {
	size_t count;
	struct egress egress[CONF_REALMS_MAX];
};

/* SO_REUSEADDR lets the port be shared with a stopped predecessor's, SO_REUSEPORT with the other
 * realms' sockets. */
static int set_options(int fd, enum family family, const char *device)
{
	static struct sock_filter none[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
	const struct sock_fprog drop_all = {.len = 1, .filter = none};
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &drop_all, sizeof drop_all) < 0)
		return -1;
	if (family == FAMILY_V6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0)
		return -1;
	if (!*device)
		return 0;
	return setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, (socklen_t)strlen(device));
}

static int open_socket(enum family family, const struct addr *source, uint16_t port,
		       const char *device)
{
	struct sockaddr_storage name = {.ss_family = family == FAMILY_V4 ? AF_INET : AF_INET6};
	socklen_t size = sizeof(struct sockaddr_in6);

	if (family == FAMILY_V4) {
		((struct sockaddr_in *)&name)->sin_port = htons(port);
		size = sizeof(struct sockaddr_in);
	} else {
		((struct sockaddr_in6 *)&name)->sin6_port = htons(port);
	}
	if (source)
		size = addr_to_sockaddr(source, port, &name);
	int fd = socket(name.ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (set_options(fd, family, device) == 0 && bind(fd, (struct sockaddr *)&name, size) == 0)
		return fd;
	int why = errno;
	close(fd);
	errno = why;
	return -1;
}

/* With a source address the realm has that family only. Without one it has IPv4, and IPv6 where the
 * machine does. */
static int open_egress(struct egress *e, uint16_t port, char error[256])
{
	const struct conf_realm *realm = e->realm;
	const char *text = realm->trigger_source ? realm->trigger_source : "";
	const char *device = realm->trigger_device ? realm->trigger_device : "";
	struct addr source;
	enum family must = FAMILY_V4;

	if (*text) {
		if (addr_parse(text, &source) != 0) {
			snprintf(error, 256, "realm %s: trigger_source: %s is no address",
				 realm->name, text);
			return E_SYNTAX;
		}
		must = addr_is_v4(&source) ? FAMILY_V4 : FAMILY_V6;
	} else {
		e->fd[FAMILY_V6] = open_socket(FAMILY_V6, NULL, port, device);
	}
	e->fd[must] = open_socket(must, *text ? &source : NULL, port, device);
	if (e->fd[must] >= 0)
		return 0;
	snprintf(error, 256, "realm %s: triggers cannot leave from %s%s%s port %u: %s", realm->name,
		 *text ? text : "any address", *device ? " on " : "", device, port,
		 strerror(errno));
	return E_IO;
}

int bearer_udp_open(const struct conf *c, struct bearer_udp **out, char error[256])
{
	struct bearer_udp *b = calloc(1, sizeof *b);

	if (!b)
		return E_NOMEM;
	for (size_t i = 0; i < c->realm_count; i++) {
		struct egress *e = &b->egress[b->count++];
		*e = (struct egress){.realm = &c->realms[i], .fd = {-1, -1}};
		int err = open_egress(e, (uint16_t)c->pushsrv_trigger_source_port, error);
		if (err) {
			bearer_udp_close(b);
			return err;
		}
	}
	*out = b;
	return 0;
}

void bearer_udp_close(struct bearer_udp *b)
{
	if (!b)
		return;
	for (size_t i = 0; i < b->count; i++)
		for (size_t f = 0; f < FAMILIES; f++)
			if (b->egress[i].fd[f] >= 0)
				close(b->egress[i].fd[f]);
	free(b);
}

static const struct egress *egress_of(const struct bearer_udp *b, const char *realm)
{
	for (size_t i = 0; i < b->count; i++)
		if (strcmp(b->egress[i].realm->name, realm) == 0)
			return &b->egress[i];
	return NULL;
}

uint16_t bearer_udp_port(const struct bearer_udp *b, const char *realm)
{
	const struct egress *e = egress_of(b, realm);

	return e ? e->realm->trigger_port : 0;
}

static int fd_of(const struct bearer_udp *b, const struct datagram *d, uint16_t *port)
{
	const struct egress *e = egress_of(b, d->realm);

	if (!e || e->realm->trigger_port == 0)
		return -1;
	*port = e->realm->trigger_port;
	return e->fd[addr_is_v4(&d->to) ? FAMILY_V4 : FAMILY_V6];
}

static bool is_full(int error)
{
	return error == EAGAIN || error == EWOULDBLOCK || error == ENOBUFS;
}

/* All by one socket. An error that sendmmsg tells of may be that of an earlier datagram, and is
 * then told once: so each is tried twice. */
static void send_run(int fd, struct mmsghdr *messages, struct datagram *list, size_t n)
{
	size_t at = 0;
	bool again = false;

	while (at < n) {
		int sent = sendmmsg(fd, messages + at, (unsigned)(n - at), MSG_NOSIGNAL);
		if (sent > 0) {
			for (; sent > 0; sent--)
				list[at++].err = 0;
			again = false;
		} else if (is_full(errno)) {
			for (; at < n; at++)
				list[at].err = E_AGAIN;
		} else if (again) {
			list[at++].err = E_IO;
			again = false;
		} else {
			again = true;
		}
	}
}

/* As many as leave by the socket of the first one; how many that were. */
static size_t send_some(const struct bearer_udp *b, struct datagram *list, size_t n)
{
	struct sockaddr_storage names[SEND_MAX];
	struct iovec iov[SEND_MAX];
	struct mmsghdr messages[SEND_MAX];
	uint16_t port = 0;
	int fd = fd_of(b, &list[0], &port);
	size_t i = 0;

	if (fd < 0) {
		list[0].err = E_NOT_FOUND;
		return 1;
	}
	for (; i < n && i < SEND_MAX && fd_of(b, &list[i], &port) == fd; i++) {
		iov[i] = (struct iovec){list[i].octets, list[i].size};
		messages[i].msg_hdr = (struct msghdr){
			.msg_name = &names[i],
			.msg_namelen = addr_to_sockaddr(&list[i].to, port, &names[i]),
			.msg_iov = &iov[i],
			.msg_iovlen = 1};
	}
	send_run(fd, messages, list, i);
	return i;
}

void bearer_udp_send(const struct bearer_udp *b, struct datagram *list, size_t n)
{
	for (size_t at = 0; at < n;)
		at += send_some(b, list + at, n - at);
}
