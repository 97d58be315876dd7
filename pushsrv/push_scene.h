/* push_scene -- the trigger thread over a real store and real datagrams: a socket plays all phones
 * of 127/8. That nothing was sent is known when a later mail's datagram comes first: the thread
 * takes things in order. For push_test.c and push_crowd_test.c.
 */
#ifndef HATO_PUSHSRV_PUSH_SCENE_H
#define HATO_PUSHSRV_PUSH_SCENE_H

#include "pushsrv/push.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "db/db_testing.h"
#include "lib/wire/push/trigger.h"
#include "pushsrv/counters.h"
#include "pushsrv/trigger_rules.h"

#define WAIT_MS     10000
#define SENTINEL    99 /* a subscriber with a confirmed lease at: */
#define SENTINEL_IP "127.9.9.9"

struct scene {
	struct bench_store store;
	struct conf *conf;
	struct push *push;
	int phones;
	uint16_t port;
	int64_t ids[100]; /* by number */
};

/* A second of `pushsrv.retry` takes that long. */
static inline struct scene *scene_paced(const char *const *sets, size_t n, int64_t second_us)
{
	struct scene *s = calloc(1, sizeof *s);
	struct sockaddr_in name = {.sin_family = AF_INET};
	socklen_t size = sizeof name;
	char port[64], error[256];
	const char *all[8] = {"pushsrv.trigger_source_port=0", NULL, "pushsrv.sms=off"};
	int on = 1;

	assert_non_null(s);
	s->phones = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->phones, (struct sockaddr *)&name, size), 0);
	assert_int_equal(getsockname(s->phones, (struct sockaddr *)&name, &size), 0);
	assert_int_equal(setsockopt(s->phones, IPPROTO_IP, IP_PKTINFO, &on, sizeof on), 0);
	s->port = ntohs(name.sin_port);
	snprintf(port, sizeof port, "pushsrv.trigger_port=%u", s->port);
	all[1] = port;
	for (size_t i = 0; i < n; i++)
		all[3 + i] = sets[i];
	store_dir(&s->store);
	if (conf_load(NULL, s->store.dir, all, 3 + n, &s->conf, error) != 0)
		fail_msg("%s", error);
	s->store.options.schedule = trigger_rules(s->conf);
	struct schedule_gaps *retry = &s->store.options.schedule.retry;
	for (size_t i = 0; i < retry->count; i++)
		retry->us[i] = retry->us[i] / SECOND_US * second_us;
	store_open(&s->store);
	return s;
}

static inline struct scene *scene_new(const char *const *sets, size_t n)
{
	return scene_paced(sets, n, SECOND_US);
}

static inline void start(struct scene *s)
{
	char error[256];

	if (push_start(s->store.db, s->conf, &s->push, error) != 0)
		fail_msg("%s", error);
}

static inline void stop(struct scene *s)
{
	push_stop(s->push);
	s->push = NULL;
}

static inline void scene_free(struct scene *s)
{
	stop(s);
	store_close(&s->store);
	remove_tree(s->store.dir);
	conf_free(s->conf);
	close(s->phones);
	free(s);
}

static inline int64_t person(struct scene *s, int n)
{
	if (!s->ids[n])
		s->ids[n] = make_subscriber(&s->store, n);
	return s->ids[n];
}

static inline void lease(struct scene *s, int n, const char *ip)
{
	char session[32];

	person(s, n);
	snprintf(session, sizeof session, "s%d-%s", n, ip);
	assert_int_equal(
		apply(&s->store, an_event(LEASE_START, ip, n, session, clock_now_us())).result,
		LEASE_APPLIED);
}

static inline void confirm(struct scene *s, int n, const char *ip)
{
	struct binding b = {.generation = 0};

	assert_int_equal(check(&s->store, ip, &b), 0);
	assert_int_equal(claim(&s->store, ip, b.generation, person(s, n), NULL), CLAIM_ACCEPTED);
}

static inline void attach(struct scene *s, int n, const char *ip)
{
	lease(s, n, ip);
	confirm(s, n, ip);
}

static inline void mail(struct scene *s, int n)
{
	assert_int_equal(accept_mail(&s->store, person(s, n), "x\r\n", clock_now_us()), 0);
}

struct caught {
	char ip[INET_ADDRSTRLEN];
	uint8_t octets[256];
	size_t n;
	struct trigger trigger;
};

static inline struct caught catch_one(struct scene *s)
{
	struct caught c = {.n = 0};
	char control[128];
	struct iovec iov = {c.octets, sizeof c.octets};
	struct msghdr m = {.msg_iov = &iov,
			   .msg_iovlen = 1,
			   .msg_control = control,
			   .msg_controllen = sizeof control};
	struct pollfd p = {.fd = s->phones, .events = POLLIN};

	assert_int_equal(poll(&p, 1, WAIT_MS), 1);
	ssize_t n = recvmsg(s->phones, &m, 0);
	assert_true(n > 0);
	c.n = (size_t)n;
	for (struct cmsghdr *h = CMSG_FIRSTHDR(&m); h; h = CMSG_NXTHDR(&m, h))
		if (h->cmsg_level == IPPROTO_IP && h->cmsg_type == IP_PKTINFO)
			inet_ntop(AF_INET, &((struct in_pktinfo *)(void *)CMSG_DATA(h))->ipi_addr,
				  c.ip, sizeof c.ip);
	assert_int_equal(trigger_decode(c.octets, c.n, &c.trigger), 0);
	return c;
}

/* The next datagram is for subscriber n at ip, and says so under the binding's key. */
static inline struct caught expect(struct scene *s, int n, const char *ip)
{
	struct caught c = catch_one(s);
	char mailbox[64];
	struct binding b = {.generation = 0};

	assert_string_equal(c.ip, ip);
	snprintf(mailbox, sizeof mailbox, "U8190%08d@Hato.example", n);
	assert_string_equal(c.trigger.mailbox, mailbox);
	assert_int_equal(check(&s->store, ip, &b), 0);
	assert_int_equal(trigger_verify(c.octets, c.n, b.trigger_key, sizeof b.trigger_key,
					REALM_DEFAULT, b.generation),
			 0);
	return c;
}

/* All that was to happen so far has happened: nothing else comes before this. */
static inline void expect_nothing_but_sentinel(struct scene *s)
{
	mail(s, SENTINEL);
	expect(s, SENTINEL, SENTINEL_IP);
}

/* Until the store says so: the record follows the datagram. */
static inline struct outbox_row row_with_attempts(struct scene *s, int n, uint32_t attempts)
{
	struct outbox_row row = {0};

	for (int i = 0; i < WAIT_MS; i++) {
		assert_int_equal(get_outbox_row(&s->store, person(s, n), &row), 0);
		if (row.attempts == attempts)
			return row;
		usleep(1000);
	}
	fail_msg("%u attempts, not %u", row.attempts, attempts);
	return row;
}

static inline struct outbox_row row_asleep(struct scene *s, int n)
{
	struct outbox_row row = {0};

	for (int i = 0; i < WAIT_MS; i++) {
		assert_int_equal(get_outbox_row(&s->store, person(s, n), &row), 0);
		if (row.next_us == INT64_MAX)
			return row;
		usleep(1000);
	}
	fail_msg("still due");
	return row;
}

#endif
