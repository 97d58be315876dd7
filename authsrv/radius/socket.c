#include "authsrv/radius/socket.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "authsrv/radius/steer.h"
#include "lib/clock.h"
#include "lib/err.h"

#define STRANGERS_BUFFER 65536
#define STRANGERS_MOST   256 /* counted one by one, a second */
#define CONTROL_MAX                                                                                \
	(CMSG_SPACE(sizeof(struct timespec)) + CMSG_SPACE(sizeof(struct in6_pktinfo)) + 64)

struct radius_socket {
	int clients, strangers;
	bool is_v4;
	uint32_t clients_drops, strangers_drops; /* of the kernel's counters, told already */
	struct radius_datagram datagrams[RADIUS_BATCH];
	/* Of recvmmsg. */
	struct mmsghdr messages[RADIUS_BATCH];
	struct iovec iovecs[RADIUS_BATCH];
	_Alignas(struct cmsghdr) uint8_t control[RADIUS_BATCH][CONTROL_MAX];
};

/* ---- opening ---- */

static int flag(int fd, int level, int name, int value)
{
	return setsockopt(fd, level, name, &value, sizeof value);
}

static int buffer_set(int fd, size_t octets)
{
	int value = octets > INT32_MAX / 2 ? INT32_MAX / 2 : (int)octets;

	/* Over the system's limit where we may. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &value, sizeof value) == 0)
		return 0;
	return flag(fd, SOL_SOCKET, SO_RCVBUF, value);
}

static int socket_bound(const struct sockaddr_storage *name, socklen_t len, bool shared,
			size_t buffer, int *out)
{
	bool v4 = name->ss_family == AF_INET;
	int fd = socket(name->ss_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int rc = fd < 0 ? -1 : 0;

	if (!rc && !v4)
		rc = flag(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	if (!rc && shared)
		rc = flag(fd, SOL_SOCKET, SO_REUSEPORT, 1) || buffer_set(fd, buffer) ||
		     flag(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1) ||
		     (v4 ? flag(fd, IPPROTO_IP, IP_PKTINFO, 1)
			 : flag(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1));
	if (!rc)
		rc = bind(fd, (const struct sockaddr *)name, len);
	if (!rc) {
		*out = fd;
		return 0;
	}
	rc = errno == EADDRINUSE ? E_EXISTS : E_IO;
	if (fd >= 0)
		close(fd);
	return rc;
}

static int steer(int fd, const struct radius_clients *clients)
{
	struct sock_filter *program = malloc(RADIUS_STEER_MAX * sizeof *program);
	struct sock_fprog f = {.filter = program};

	if (!program)
		return E_NOMEM;
	f.len = (unsigned short)radius_steer(clients, program);
	int rc = setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &f, sizeof f) ? E_IO : 0;
	free(program);
	return rc;
}

/* The order of binding is the order in the group: clients, then strangers. */
static int sockets_open(struct radius_socket *s, const struct sockaddr_storage *name, socklen_t len,
			size_t buffer, const struct radius_clients *clients)
{
	int probe;
	/* Another process of ours would let us share its port without a word. */
	int rc = socket_bound(name, len, false, 0, &probe);

	if (rc)
		return rc;
	close(probe);
	rc = socket_bound(name, len, true, buffer, &s->clients);
	if (!rc)
		rc = steer(s->clients, clients);
	if (!rc)
		rc = socket_bound(name, len, true, STRANGERS_BUFFER, &s->strangers);
	return rc;
}

static void messages_set(struct radius_socket *s)
{
	for (size_t i = 0; i < RADIUS_BATCH; i++) {
		struct radius_datagram *d = &s->datagrams[i];
		s->iovecs[i] = (struct iovec){.iov_base = d->octets, .iov_len = sizeof d->octets};
		s->messages[i].msg_hdr = (struct msghdr){.msg_name = &d->peer.name,
							 .msg_namelen = sizeof d->peer.name,
							 .msg_iov = &s->iovecs[i],
							 .msg_iovlen = 1,
							 .msg_control = s->control[i],
							 .msg_controllen = CONTROL_MAX};
	}
}

int radius_socket_open(const struct addr *listen, uint16_t port, size_t receive_buffer,
		       const struct radius_clients *clients, struct radius_socket **out)
{
	struct sockaddr_storage name;
	struct radius_socket *s = calloc(1, sizeof *s);

	if (!s)
		return E_NOMEM;
	s->clients = s->strangers = -1;
	socklen_t len = addr_to_sockaddr(listen, port, &name);
	s->is_v4 = addr_is_v4(listen);
	int rc = sockets_open(s, &name, len, receive_buffer, clients);
	if (rc) {
		radius_socket_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

void radius_socket_close(struct radius_socket *s)
{
	if (!s)
		return;
	if (s->clients >= 0)
		close(s->clients);
	if (s->strangers >= 0)
		close(s->strangers);
	free(s);
}

int radius_socket_fd(const struct radius_socket *s)
{
	return s->clients;
}

/* ---- receiving ---- */

static void read_control(struct radius_datagram *d, struct msghdr *h)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_TIMESTAMPNS) {
			struct timespec at;
			memcpy(&at, CMSG_DATA(c), sizeof at);
			d->received_us = at.tv_sec * CLOCK_S + at.tv_nsec / 1000;
		} else if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof info);
			d->peer.local = (struct addr){.bytes = {[10] = 0xff, [11] = 0xff}};
			memcpy(d->peer.local.bytes + 12, &info.ipi_addr, 4);
		} else if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			struct in6_pktinfo info;
			memcpy(&info, CMSG_DATA(c), sizeof info);
			memcpy(d->peer.local.bytes, &info.ipi6_addr, 16);
		}
	}
}

size_t radius_socket_receive(struct radius_socket *s, size_t most,
			     const struct radius_datagram **out)
{
	if (most > RADIUS_BATCH)
		most = RADIUS_BATCH;
	messages_set(s);
	int n = recvmmsg(s->clients, s->messages, (unsigned)most, MSG_DONTWAIT, NULL);
	int64_t now = n > 0 ? clock_now_us() : 0;
	for (int i = 0; i < n; i++) {
		struct radius_datagram *d = &s->datagrams[i];
		struct msghdr *h = &s->messages[i].msg_hdr;
		d->n = s->messages[i].msg_len;
		d->received_us = now;
		d->peer.name_len = h->msg_namelen;
		d->peer.local = (struct addr){.bytes = {0}};
		if (addr_from_sockaddr((struct sockaddr *)&d->peer.name, &d->peer.addr,
				       &d->peer.port))
			d->n = 0;
		read_control(d, h);
	}
	*out = s->datagrams;
	return n > 0 ? (size_t)n : 0;
}

/* ---- sending ---- */

static bool is_told(const struct addr *a)
{
	static const struct addr none;

	return !addr_equal(a, &none);
}

bool radius_socket_send(struct radius_socket *s, const struct radius_peer *to,
			const uint8_t *octets, size_t n)
{
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct in6_pktinfo))] = {0};
	struct sockaddr_storage name = to->name;
	struct iovec iov = {.iov_base = (void *)(uintptr_t)octets, .iov_len = n};
	struct msghdr h = {
		.msg_name = &name, .msg_namelen = to->name_len, .msg_iov = &iov, .msg_iovlen = 1};

	if (is_told(&to->local)) {
		struct cmsghdr *c = (struct cmsghdr *)control;
		h.msg_control = control;
		if (s->is_v4) {
			struct in_pktinfo info = {.ipi_ifindex = 0};
			memcpy(&info.ipi_spec_dst, to->local.bytes + 12, 4);
			*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof info),
					      .cmsg_level = IPPROTO_IP,
					      .cmsg_type = IP_PKTINFO};
			memcpy(CMSG_DATA(c), &info, sizeof info);
			h.msg_controllen = CMSG_SPACE(sizeof info);
		} else {
			struct in6_pktinfo info = {.ipi6_ifindex = 0};
			memcpy(&info.ipi6_addr, to->local.bytes, 16);
			*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof info),
					      .cmsg_level = IPPROTO_IPV6,
					      .cmsg_type = IPV6_PKTINFO};
			memcpy(CMSG_DATA(c), &info, sizeof info);
			h.msg_controllen = CMSG_SPACE(sizeof info);
		}
	}
	return sendmsg(s->clients, &h, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

/* ---- drops ---- */

static uint32_t drops_since(int fd, uint32_t *told)
{
	uint32_t info[SK_MEMINFO_VARS] = {0};
	socklen_t len = sizeof info;

	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) ||
	    len < (SK_MEMINFO_DROPS + 1) * sizeof *info)
		return 0;
	uint32_t new = info[SK_MEMINFO_DROPS] - *told;
	*told = info[SK_MEMINFO_DROPS];
	return new;
}

uint32_t radius_socket_drops(struct radius_socket *s)
{
	return drops_since(s->clients, &s->clients_drops);
}

uint32_t radius_socket_strangers(struct radius_socket *s,
				 void (*fn)(void *arg, const struct addr *source), void *arg)
{
	uint8_t octet;
	struct sockaddr_storage name;
	struct addr source;

	for (int i = 0; i < STRANGERS_MOST; i++) {
		socklen_t len = sizeof name;
		if (recvfrom(s->strangers, &octet, sizeof octet, MSG_DONTWAIT,
			     (struct sockaddr *)&name, &len) < 0)
			break;
		if (!addr_from_sockaddr((struct sockaddr *)&name, &source, NULL))
			fn(arg, &source);
	}
	return drops_since(s->strangers, &s->strangers_drops);
}
