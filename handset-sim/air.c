#include "handset-sim/air.h"

#include <errno.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/err.h"

#define DATAGRAM_MAX  2048
#define BURST         256
#define RECEIVE_BYTES (8 * 1024 * 1024)

struct air_ear {
	struct air *air;
	struct addr at; /* of the ear's own socket */
	bool is_wildcard;
	int fd;
	struct event *event;
};

struct air {
	struct loop *loop;
	uint16_t port;
	air_heard *heard;
	void *arg;
	struct air_ear *all; /* the one socket; null: one each */
};

/* The address the datagram was sent to. */
static void destination(struct msghdr *m, struct addr *to)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			struct in_pktinfo info;
			struct sockaddr_in sin = {.sin_family = AF_INET};
			memcpy(&info, CMSG_DATA(c), sizeof info);
			sin.sin_addr = info.ipi_addr;
			addr_from_sockaddr((struct sockaddr *)&sin, to, NULL);
		}
}

static void on_readable(evutil_socket_t fd, short what, void *arg)
{
	struct air_ear *ear = arg;
	struct air *air = ear->air;

	(void)what;
	for (int i = 0; i < BURST; i++) {
		uint8_t datagram[DATAGRAM_MAX];
		_Alignas(struct cmsghdr) char control[256];
		struct iovec iov = {datagram, sizeof datagram};
		struct msghdr m = {.msg_iov = &iov,
				   .msg_iovlen = 1,
				   .msg_control = control,
				   .msg_controllen = sizeof control};
		struct addr to = ear->at;
		ssize_t n = recvmsg(fd, &m, 0);
		if (n < 0)
			return;
		if (ear->is_wildcard)
			destination(&m, &to);
		air->heard(air->arg, &to, datagram, (size_t)n);
		if (!ear->is_wildcard)
			return; /* hearing may have ended this ear */
	}
}

static int ear_open(struct air *a, const struct addr *at, struct air_ear **out)
{
	struct air_ear *ear = calloc(1, sizeof *ear);
	struct sockaddr_storage ss;
	int yes = 1, bytes = RECEIVE_BYTES;

	if (!ear)
		return E_NOMEM;
	ear->air = a;
	ear->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t n;
	if (at) {
		ear->at = *at;
		n = addr_to_sockaddr(at, a->port, &ss);
	} else {
		struct sockaddr_in *sin = (struct sockaddr_in *)&ss;
		*sin = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(a->port)};
		n = sizeof *sin;
		ear->is_wildcard = true;
		setsockopt(ear->fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes);
		setsockopt(ear->fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
		setsockopt(ear->fd, IPPROTO_IP, IP_PKTINFO, &yes, sizeof yes);
	}
	int rc = ear->fd < 0 || bind(ear->fd, (struct sockaddr *)&ss, n)
			 ? (errno == EADDRINUSE ? E_EXISTS : E_IO)
			 : 0;
	if (!rc) {
		ear->event = event_new(loop_base(a->loop), ear->fd, EV_READ | EV_PERSIST,
				       on_readable, ear);
		rc = ear->event && !event_add(ear->event, NULL) ? 0 : E_NOMEM;
	}
	if (rc) {
		air_leave(ear);
		return rc;
	}
	*out = ear;
	return 0;
}

int air_open(struct loop *loop, uint16_t port, bool one_socket, air_heard *heard, void *arg,
	     struct air **out)
{
	struct air *a = calloc(1, sizeof *a);

	if (!a)
		return E_NOMEM;
	*a = (struct air){.loop = loop, .port = port, .heard = heard, .arg = arg};
	int rc = one_socket ? ear_open(a, NULL, &a->all) : 0;
	if (rc) {
		free(a);
		return rc;
	}
	*out = a;
	return 0;
}

void air_close(struct air *a)
{
	if (!a)
		return;
	air_leave(a->all);
	free(a);
}

int air_listen(struct air *a, const struct addr *at, struct air_ear **out)
{
	*out = NULL;
	return a->all ? 0 : ear_open(a, at, out);
}

void air_leave(struct air_ear *ear)
{
	if (!ear)
		return;
	if (ear->event)
		event_free(ear->event);
	if (ear->fd >= 0)
		close(ear->fd);
	free(ear);
}
