/* push_load -- from a mail's final dot to the phone that knows: at a fixed rate, by LMTP
 *
 * push_load udp  LMTP_PORT PORT BOXES RATE SECONDS OCTETS
 *	the phones listen on UDP PORT: phone n (from 1) sits on 127.16.0.0 + n and has the mailbox
 *	un@hato.example. It knows when its trigger was read from the socket.
 * push_load idle LMTP_PORT PORT BOXES RATE SECONDS OCTETS
 *	each box has an IMAP connection that says IDLE. It knows when `* n EXISTS` was read.
 *
 * Prints `waiting` when all wait; then, for each line on its standard input, sends RATE mails a
 * second for SECONDS, each to the next box, and prints a line of JSON: milliseconds from the final
 * dot (`dot`), and from the 250 to it (`accepted`; less than 0: the phone knew first), to the
 * phone's knowledge, and from dot to 250. The end of the input ends it.
 *
 * An answer other than the expected one, a datagram for another box than that of its address or of
 * no mail, an EXISTS with another number than the box's mails: status 1, no figure. Knowledge that
 * does not come while nothing comes for 10 s is `untold`, and not in the times.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/wire/push/trigger.h"

#define SESSIONS    8 /* of LMTP: a mail never waits for another one's answer, unless all do */
#define PATIENCE_S  10
#define ADDRESSES   0x7f100000 /* of the phones */
#define LINE_OCTETS 1024
#define BURST       20 /* logins at a time */

enum kind { LMTP, IMAP, UDP, TIMER };
/* What is waited for; of IMAP the tags are a1, a2, a3. */
enum step { GREETING, HELLO, MAIL, RCPT, DATA, CONTENT, READY, LOGIN, SELECT, IDLE, IDLING };

struct peer {
	enum kind kind;
	enum step step;
	int fd;
	size_t mail; /* LMTP: of this round; IMAP: its box, from 0 */
	size_t held;
	char in[LINE_OCTETS];
};

struct box {
	size_t mails;   /* it got so many */
	size_t waiting; /* the mail of this round it is to hear of, from 1; 0: none */
};

struct mail {
	int64_t dot_us, accepted_us, known_us;
};

struct load {
	bool is_idle;
	uint16_t lmtp_port, port;
	size_t boxes, octets, count;
	double rate;
	int epoll, timer, udp;
	char *content;
	size_t content_size;
	struct peer sessions[SESSIONS], *phones;
	struct box *box;
	/* The round. */
	struct mail *mails;
	size_t first_box, begun, accepted, known, due, idling;
};

static void die(const char *what, const char *detail)
{
	fprintf(stderr, "push_load: %s: %s\n", what, detail ? detail : strerror(errno));
	exit(1);
}

static void watch(struct load *l, int fd, void *what)
{
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = what};

	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e))
		die("epoll", NULL);
}

static void say(const struct peer *p, const char *octets, size_t n)
{
	while (n) {
		ssize_t sent = send(p->fd, octets, n, MSG_NOSIGNAL);
		if (sent < 0)
			die("send", NULL);
		octets += sent;
		n -= (size_t)sent;
	}
}

static void say_line(const struct peer *p, const char *line)
{
	say(p, line, strlen(line));
}

static void dial(struct load *l, struct peer *p, enum kind kind, uint16_t port)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	p->kind = kind;
	p->step = GREETING;
	p->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (p->fd < 0 || connect(p->fd, (struct sockaddr *)&to, sizeof to))
		die("connect", NULL);
	setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
	watch(l, p->fd, p);
}

/* ---- a mail ---- */

static size_t box_of(const struct load *l, size_t mail)
{
	return (l->first_box + mail) % l->boxes;
}

static struct peer *free_session(struct load *l)
{
	for (size_t i = 0; i < SESSIONS; i++)
		if (l->sessions[i].step == READY)
			return &l->sessions[i];
	return NULL;
}

/* As many as are due and find a session. */
static void begin_mails(struct load *l)
{
	struct peer *p;

	while (l->begun < l->due && (p = free_session(l))) {
		p->mail = l->begun++;
		struct box *b = &l->box[box_of(l, p->mail)];
		if (b->waiting)
			die("a box is to hear of two mails", "the rate is too high");
		b->waiting = p->mail + 1;
		b->mails++;
		p->step = MAIL;
		say_line(p, "MAIL FROM:<load@sender.example>\r\n");
	}
}

static void say_rcpt(const struct load *l, struct peer *p)
{
	char line[128];

	snprintf(line, sizeof line, "RCPT TO:<u%zu@hato.example>\r\n", box_of(l, p->mail) + 1);
	p->step = RCPT;
	say_line(p, line);
}

static void say_content(struct load *l, struct peer *p)
{
	p->step = CONTENT;
	l->mails[p->mail].dot_us = clock_mono_us();
	say(p, l->content, l->content_size);
}

static void lmtp_line(struct load *l, struct peer *p, const char *line)
{
	static const char *const wants[] = {"220", "250", "250", "250", "354", "250"};

	if (p->step >= READY || strncmp(line, wants[p->step], 3) != 0)
		die("LMTP", line);
	if (line[3] == '-')
		return;
	switch (p->step) {
	case GREETING:
		p->step = HELLO;
		say_line(p, "LHLO load.example\r\n");
		break;
	case HELLO:
		p->step = READY;
		break;
	case MAIL:
		say_rcpt(l, p);
		break;
	case RCPT:
		p->step = DATA;
		say_line(p, "DATA\r\n");
		break;
	case DATA:
		say_content(l, p);
		break;
	default:
		l->mails[p->mail].accepted_us = clock_mono_us();
		l->accepted++;
		p->step = READY;
		begin_mails(l);
	}
}

/* ---- a phone ---- */

static void knows(struct load *l, size_t box)
{
	struct box *b = &l->box[box];

	if (!b->waiting) /* a trigger: EXISTS has its number */
		die("told of nothing", "a box without a new mail");
	l->mails[b->waiting - 1].known_us = clock_mono_us();
	b->waiting = 0;
	l->known++;
}

/* Its mailbox must be that of the address that it came to. */
static void read_datagrams(struct load *l)
{
	uint8_t octets[512];
	char control[CMSG_SPACE(sizeof(struct in_pktinfo))], mailbox[64];
	struct trigger t;

	for (;;) {
		struct iovec v = {octets, sizeof octets};
		struct msghdr m = {.msg_iov = &v,
				   .msg_iovlen = 1,
				   .msg_control = control,
				   .msg_controllen = sizeof control};
		struct in_pktinfo to;
		ssize_t n = recvmsg(l->udp, &m, MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0 || !CMSG_FIRSTHDR(&m))
			die("recvmsg", NULL);
		memcpy(&to, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof to);
		size_t phone = ntohl(to.ipi_addr.s_addr) - ADDRESSES;
		if (phone < 1 || phone > l->boxes || trigger_decode(octets, (size_t)n, &t))
			die("a datagram", "not a phone's trigger");
		snprintf(mailbox, sizeof mailbox, "u%zu@hato.example", phone);
		if (strcmp(t.mailbox, mailbox) != 0)
			die("another one's trigger", t.mailbox);
		knows(l, phone - 1);
	}
}

static void imap_tagged(struct load *l, struct peer *p, const char *line)
{
	char login[96];

	switch (p->step) {
	case GREETING:
		snprintf(login, sizeof login, "a1 LOGIN u%zu x\r\n", p->mail + 1);
		p->step = LOGIN;
		say_line(p, login);
		break;
	case LOGIN:
		p->step = SELECT;
		say_line(p, "a2 SELECT INBOX\r\n");
		break;
	case SELECT:
		p->step = IDLE;
		say_line(p, "a3 IDLE\r\n");
		break;
	case IDLE:
		p->step = IDLING;
		l->idling++;
		break;
	default:
		die("IMAP", line);
	}
}

static void imap_line(struct load *l, struct peer *p, const char *line)
{
	static const char *const wants[] = {
		[GREETING] = "* OK", [LOGIN] = "a1 OK", [SELECT] = "a2 OK", [IDLE] = "+ idling"};
	char *end;

	if (p->step == IDLING) {
		unsigned long n = strtoul(line + 1, &end, 10);
		if (line[0] != '*' ||
		    (strcmp(end, " EXISTS") != 0 && strcmp(end, " RECENT") != 0 &&
		     strncmp(end, " FETCH", 6) != 0 && strncmp(line, "* OK", 4) != 0))
			die("IMAP", line);
		const struct box *b = &l->box[p->mail];
		if (strcmp(end, " EXISTS") != 0 || (!b->waiting && n == b->mails))
			return;
		if (n != b->mails)
			die("another number of mails", line);
		knows(l, p->mail);
	} else if (strncmp(line, wants[p->step], strlen(wants[p->step])) == 0) {
		imap_tagged(l, p, line);
	} else if (line[0] != '*') {
		die("IMAP", line);
	}
}

static void read_lines(struct load *l, struct peer *p)
{
	ssize_t n = recv(p->fd, p->in + p->held, sizeof p->in - 1 - p->held, 0);
	char *line = p->in, *end;

	if (n <= 0)
		die("a connection ended", n ? NULL : p->kind == IMAP ? "IMAP" : "LMTP");
	p->held += (size_t)n;
	p->in[p->held] = '\0';
	while ((end = strstr(line, "\r\n"))) {
		*end = '\0';
		if (p->kind == LMTP)
			lmtp_line(l, p, line);
		else
			imap_line(l, p, line);
		line = end + 2;
	}
	p->held -= (size_t)(line - p->in);
	memmove(p->in, line, p->held);
}

/* ---- the loop ---- */

/* False: silence. */
static bool turn(struct load *l)
{
	struct epoll_event events[64];
	uint64_t ticks;
	int n = epoll_wait(l->epoll, events, 64, PATIENCE_S * 1000);

	if (n < 0)
		die("epoll_wait", NULL);
	for (int i = 0; i < n; i++) {
		struct peer *p = events[i].data.ptr;
		if (p == (void *)&l->udp) {
			read_datagrams(l);
		} else if (p == (void *)&l->timer) {
			if (read(l->timer, &ticks, sizeof ticks) != sizeof ticks)
				continue;
			l->due = l->due + ticks < l->count ? l->due + (size_t)ticks : l->count;
			begin_mails(l);
		} else {
			read_lines(l, p);
		}
	}
	return n > 0;
}

static void turn_or_die(struct load *l)
{
	if (!turn(l))
		die("silence", "what was to come did not come");
}

static void set_timer(struct load *l, double rate)
{
	long ns = rate > 0 ? (long)(1e9 / rate) : 0;
	struct timespec each = {ns / 1000000000, ns % 1000000000};
	struct itimerspec t = {.it_interval = each, .it_value = each};

	if (timerfd_settime(l->timer, 0, &t, NULL))
		die("timer", NULL);
}

static void open_phones(struct load *l)
{
	for (size_t i = 0; i < l->boxes; i++) {
		while (i >= l->idling + BURST)
			turn_or_die(l);
		l->phones[i].mail = i;
		dial(l, &l->phones[i], IMAP, l->port);
	}
	while (l->idling < l->boxes)
		turn_or_die(l);
}

static void open_socket(struct load *l)
{
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(l->port)};
	int room = 4 << 20;

	l->udp = socket(AF_INET, SOCK_DGRAM, 0);
	setsockopt(l->udp, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
	setsockopt(l->udp, IPPROTO_IP, IP_PKTINFO, &(int){1}, sizeof(int));
	if (l->udp < 0 || bind(l->udp, (struct sockaddr *)&any, sizeof any))
		die("the phones' port", NULL);
	watch(l, l->udp, &l->udp);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* From the octet `from` of a mail's times to that at `to`, of the mails that are known. */
static void tell(const struct load *l, const char *name, size_t from, size_t to, const char *end)
{
	double *ms = calloc(l->count, sizeof *ms);
	size_t n = 0;

	if (!ms || !l->known)
		die("nothing is known", NULL);
	for (size_t i = 0; i < l->count; i++) {
		int64_t a, b;
		if (!l->mails[i].known_us)
			continue;
		memcpy(&a, (const char *)&l->mails[i] + from, sizeof a);
		memcpy(&b, (const char *)&l->mails[i] + to, sizeof b);
		ms[n++] = (double)(b - a) / 1e3;
	}
	qsort(ms, n, sizeof *ms, by_value);
	printf("\"%s\":{\"p50\":%.3f,\"p99\":%.3f,\"max\":%.3f}%s", name, ms[n / 2],
	       ms[n * 99 / 100], ms[n - 1], end);
	free(ms);
}

static void round_of_mails(struct load *l)
{
	l->begun = l->accepted = l->known = l->due = 0;
	memset(l->mails, 0, l->count * sizeof *l->mails);
	set_timer(l, l->rate);
	while (l->due < l->count)
		turn_or_die(l);
	set_timer(l, 0);
	while (l->accepted < l->count)
		turn_or_die(l);
	while (l->known < l->count && turn(l))
		continue;
	for (size_t i = 0; i < l->count; i++)
		l->box[box_of(l, i)].waiting = 0;
	l->first_box += l->count;
	printf("{\"mails\":%zu,\"untold\":%zu,", l->count, l->count - l->known);
	tell(l, "dot", offsetof(struct mail, dot_us), offsetof(struct mail, known_us), ",");
	tell(l, "accepted", offsetof(struct mail, accepted_us), offsetof(struct mail, known_us),
	     ",");
	tell(l, "commit", offsetof(struct mail, dot_us), offsetof(struct mail, accepted_us), "}\n");
	fflush(stdout);
}

/* Lines of 76 letters. */
static void make_content(struct load *l)
{
	static const char head[] =
		"From: <load@sender.example>\r\nTo: somebody\r\nSubject: load\r\n"
		"Date: Sun, 22 Nov 2026 00:00:00 +0000\r\n\r\n";
	size_t at = sizeof head - 1;

	l->content = malloc(l->octets + sizeof head + 128);
	if (!l->content)
		die("memory", NULL);
	memcpy(l->content, head, at);
	while (at < l->octets) {
		for (int i = 0; i < 76; i++, at++)
			l->content[at] = (char)('a' + (at * 7 + at / 76) % 26);
		l->content[at++] = '\r';
		l->content[at++] = '\n';
	}
	memcpy(l->content + at, ".\r\n", 3);
	l->content_size = at + 3;
}

int main(int argc, char **argv)
{
	struct load l = {.epoll = epoll_create1(0),
			 .timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK)};
	char line[16];

	if (argc != 8 || (strcmp(argv[1], "udp") != 0 && strcmp(argv[1], "idle") != 0))
		die("usage", "push_load udp|idle LMTP_PORT PORT BOXES RATE SECONDS OCTETS");
	l.is_idle = strcmp(argv[1], "idle") == 0;
	l.lmtp_port = (uint16_t)atoi(argv[2]);
	l.port = (uint16_t)atoi(argv[3]);
	l.boxes = (size_t)atoll(argv[4]);
	l.rate = atof(argv[5]);
	l.count = (size_t)(l.rate * atof(argv[6]));
	l.octets = (size_t)atoll(argv[7]);
	if (!l.boxes || !l.count)
		die("usage", "numbers from 1 on");
	l.phones = calloc(l.is_idle ? l.boxes : 1, sizeof *l.phones);
	l.box = calloc(l.boxes, sizeof *l.box);
	l.mails = calloc(l.count, sizeof *l.mails);
	if (!l.phones || !l.box || !l.mails)
		die("memory", NULL);
	make_content(&l);
	watch(&l, l.timer, &l.timer);
	if (l.is_idle)
		open_phones(&l);
	else
		open_socket(&l);
	for (size_t i = 0; i < SESSIONS; i++)
		dial(&l, &l.sessions[i], LMTP, l.lmtp_port);
	for (size_t i = 0; i < SESSIONS; i++)
		while (l.sessions[i].step != READY)
			turn_or_die(&l);
	puts("waiting");
	fflush(stdout);
	while (fgets(line, sizeof line, stdin))
		round_of_mails(&l);
	return 0;
}
