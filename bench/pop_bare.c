/* pop_bare -- the bare limit of a POP3 session: canned answers by one thread over epoll, with the
 * same round trips
 *
 * pop_bare MESSAGES OCTETS CERTIFICATE KEY
 *	says "PLAIN_PORT TLS_PORT" on stdout; ends with its stdin. Its TLS is ours (lib/tls), over
 *	OpenSSL alone.
 *
 * It looks at the first letter of a command, and nothing else but the digits that end the name of
 * USER: they are put into the mail, so that pop_load finds its owner's mark.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/tls.h"

#define COMMAND_MAX 256
#define DIGITS      10
#define ROOM        65536

struct peer {
	int fd;
	SSL *ssl;
	char owner[DIGITS];
	char in[COMMAND_MAX];
	size_t held;
};

struct bare {
	int epoll, plain, secure;
	SSL_CTX *tls;
	char list[2048], mail[ROOM], stat[64];
	size_t list_size, mail_size, stat_size, owner_at;
};

static void die(const char *what)
{
	fprintf(stderr, "pop_bare: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void make_answers(struct bare *b, unsigned messages, size_t octets)
{
	static const char head[] = "Return-Path: <a@example.org>\r\nX-Owner: ";
	size_t at = (size_t)snprintf(b->mail, sizeof b->mail, "+OK %zu octets\r\n%s", octets, head);
	size_t end = at - sizeof head + 1 + octets;

	b->owner_at = at;
	at += DIGITS;
	memcpy(b->mail + at, "\r\n\r\n", 4);
	for (at += 4; at < end; at++)
		b->mail[at] = end - at == 2 || (end - at) % 78 == 2   ? '\r'
			      : end - at == 1 || (end - at) % 78 == 1 ? '\n'
								      : 'x';
	memcpy(b->mail + end, ".\r\n", 3);
	b->mail_size = end + 3;
	b->stat_size = (size_t)snprintf(b->stat, sizeof b->stat, "+OK %u %zu\r\n", messages,
					messages * octets);
	size_t n = (size_t)snprintf(b->list, sizeof b->list, "+OK\r\n");
	for (unsigned i = 1; i <= messages; i++)
		n += (size_t)snprintf(b->list + n, sizeof b->list - n, "%u %zu\r\n", i, octets);
	b->list_size = n + (size_t)snprintf(b->list + n, sizeof b->list - n, ".\r\n");
}

static void say(struct peer *p, const char *octets, size_t n)
{
	if (p->ssl)
		(void)SSL_write(p->ssl, octets, (int)n);
	else
		(void)!send(p->fd, octets, n, MSG_NOSIGNAL);
}

static void hang_up(struct peer *p)
{
	if (p->ssl) {
		SSL_shutdown(p->ssl);
		SSL_free(p->ssl);
	}
	close(p->fd);
	free(p);
}

#define SAY(p, text) say(p, text, sizeof(text) - 1)

/* False: it is over. */
static bool obey(struct bare *b, struct peer *p)
{
	switch (p->in[0]) {
	case 'U':
		if (p->held >= DIGITS + 2)
			memcpy(p->owner, p->in + p->held - 2 - DIGITS, DIGITS);
		SAY(p, "+OK\r\n");
		return true;
	case 'P':
		SAY(p, "+OK welcome\r\n");
		return true;
	case 'S':
		say(p, b->stat, b->stat_size);
		return true;
	case 'L':
		say(p, b->list, b->list_size);
		return true;
	case 'R':
		memcpy(b->mail + b->owner_at, p->owner, DIGITS);
		say(p, b->mail, b->mail_size);
		return true;
	default:
		SAY(p, "+OK bye\r\n");
		return false;
	}
}

static bool shake_hands(struct peer *p)
{
	int n = SSL_do_handshake(p->ssl);

	if (n == 1)
		SAY(p, "+OK bare\r\n");
	return n == 1 || SSL_get_error(p->ssl, n) == SSL_ERROR_WANT_READ;
}

static void readable(struct bare *b, struct peer *p)
{
	ssize_t n;

	if (p->ssl && !SSL_is_init_finished(p->ssl)) {
		if (!shake_hands(p))
			hang_up(p);
		return;
	}
	if (p->ssl) {
		n = SSL_read(p->ssl, p->in + p->held, (int)(COMMAND_MAX - p->held));
		if (n <= 0 && SSL_get_error(p->ssl, (int)n) == SSL_ERROR_WANT_READ)
			return;
	} else {
		n = recv(p->fd, p->in + p->held, COMMAND_MAX - p->held, 0);
	}
	if (n <= 0) {
		hang_up(p);
		return;
	}
	p->held += (size_t)n;
	if (p->in[p->held - 1] != '\n')
		return;
	bool goes_on = obey(b, p);
	p->held = 0;
	if (!goes_on)
		hang_up(p);
}

static void greet(struct bare *b, int door)
{
	int fd;

	while ((fd = accept4(door, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		struct peer *p = calloc(1, sizeof *p);
		struct epoll_event e = {.events = EPOLLIN, .data.ptr = p};
		if (!p)
			die("no memory");
		p->fd = fd;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
		if (door == b->secure) {
			p->ssl = SSL_new(b->tls);
			if (!p->ssl || !SSL_set_fd(p->ssl, fd))
				die("TLS");
			SSL_set_accept_state(p->ssl);
		} else {
			SAY(p, "+OK bare\r\n");
		}
		epoll_ctl(b->epoll, EPOLL_CTL_ADD, fd, &e);
	}
}

static int open_door(struct bare *b, void *mark, unsigned *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof at;
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = mark};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) || listen(fd, 4096) ||
	    getsockname(fd, (struct sockaddr *)&at, &size) ||
	    epoll_ctl(b->epoll, EPOLL_CTL_ADD, fd, &e))
		die("port");
	*port = ntohs(at.sin_port);
	return fd;
}

static void run(struct bare *b)
{
	struct epoll_event ready[256];
	char octet;

	for (;;) {
		int n = epoll_wait(b->epoll, ready, 256, -1);
		for (int i = 0; i < n; i++) {
			void *what = ready[i].data.ptr;
			if (what == &b->plain || what == &b->secure)
				greet(b, *(int *)what);
			else if (what)
				readable(b, what);
			else if (read(STDIN_FILENO, &octet, 1) <= 0)
				return;
		}
	}
}

int main(int argc, char **argv)
{
	static struct bare b;
	struct tls_server *tls;
	char error[256];
	unsigned plain, secure;
	struct epoll_event end = {.events = EPOLLIN};

	if (argc != 5) {
		fputs("usage: pop_bare MESSAGES OCTETS CERTIFICATE KEY\n", stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	make_answers(&b, (unsigned)atoi(argv[1]), (size_t)atoi(argv[2]));
	if (tls_server_new(argv[3], argv[4], &tls, error)) {
		fprintf(stderr, "pop_bare: %s\n", error);
		return 1;
	}
	b.tls = tls_server_context(tls);
	b.epoll = epoll_create1(EPOLL_CLOEXEC);
	b.plain = open_door(&b, &b.plain, &plain);
	b.secure = open_door(&b, &b.secure, &secure);
	epoll_ctl(b.epoll, EPOLL_CTL_ADD, STDIN_FILENO, &end);
	printf("%u %u\n", plain, secure);
	fflush(stdout);
	run(&b);
	tls_server_free(tls);
	return 0;
}
