/* radius_socket -- the UDP sockets of the RADIUS listener, and who may fill them
 *
 * Two sockets share the port. A small program in the kernel (classic BPF, SO_ATTACH_REUSEPORT_CBPF)
 * looks at each datagram's source: what comes from a client's range goes to the clients' socket,
 * all else to the strangers', whose queue is short and is emptied once a second, only to be
 * counted. So a stranger cannot push a client's datagram out of the queue. A plain SO_ATTACH_FILTER
 * would keep strangers out as well, but the kernel counts what it refuses as drops of that socket,
 * and then anybody could make every NAS `behind`: here the clients' drops are the clients' own.
 *
 * Times of arrival are the kernel's, so that waiting in the queue shows; an answer leaves from the
 * address that the request came to.
 *
 * OWNERSHIP  radius_socket_close. THREADS its worker's. ERRORS E_EXISTS: the port is taken
 */
#ifndef HATO_AUTHSRV_RADIUS_SOCKET_H
#define HATO_AUTHSRV_RADIUS_SOCKET_H

#include <sys/socket.h>

#include "authsrv/radius/clients.h"

#define RADIUS_BATCH 32 /* datagrams of one system call */

struct radius_socket;

/* Where an answer goes, and from which of our addresses. */
struct radius_peer {
	struct sockaddr_storage name;
	socklen_t name_len;
	struct addr addr;
	uint16_t port;
	struct addr local; /* all zero: not told */
};

struct radius_datagram {
	struct radius_peer peer;
	int64_t received_us;
	size_t n;
	uint8_t octets[RADIUS_PACKET_MAX]; /* what is longer is padding */
};

int radius_socket_open(const struct addr *listen, uint16_t port, size_t receive_buffer,
		       const struct radius_clients *clients, struct radius_socket **out);
void radius_socket_close(struct radius_socket *s);
int radius_socket_fd(const struct radius_socket *s);

/* What waits, at most `most` (up to RADIUS_BATCH); 0: nothing. Borrowed until the next call. */
size_t radius_socket_receive(struct radius_socket *s, size_t most,
			     const struct radius_datagram **out);
/* False: the kernel took it not. Nobody waits for it: the NAS asks again. */
bool radius_socket_send(struct radius_socket *s, const struct radius_peer *to,
			const uint8_t *octets, size_t n);
/* Datagrams of clients that the kernel dropped since the last call. */
uint32_t radius_socket_drops(struct radius_socket *s);
/* Empties the strangers' queue, calling for each that is still there; returns how many more there
 * were. */
uint32_t radius_socket_strangers(struct radius_socket *s,
				 void (*fn)(void *arg, const struct addr *source), void *arg);

#endif
