#include "lib/listener.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "lib/acceptor.h"
#include "lib/clock.h"
#include "lib/net_fixture.h"

#define REFUSAL "-ERR [SYS/TEMP] too many connections\r\n"

static char dir[] = "/tmp/listener-test-XXXXXX";
static char certificate[64], key[64];
static struct tls_server *tls;

/* ---- admission ---- */

static struct conn_peer peer_at(const char *text)
{
	struct conn_peer peer = {.is_unix = !text};

	if (text)
		assert_int_equal(addr_parse(text, &peer.addr), 0);
	return peer;
}

static void admission_counts(void **state)
{
	struct admission *a = admission_new(5, 2);
	struct conn_peer one = peer_at("192.0.2.1"), two = peer_at("192.0.2.2"),
			 unix_peer = peer_at(NULL);

	(void)state;
	assert_true(admission_enter(a, &one));
	assert_true(admission_enter(a, &one));
	assert_false(admission_enter(a, &one)); /* its own limit */
	assert_true(admission_enter(a, &two));
	admission_leave(a, &one);
	assert_true(admission_enter(a, &one));
	assert_true(admission_enter(a, &unix_peer)); /* has no address to count */
	assert_true(admission_enter(a, &unix_peer));
	assert_int_equal(admission_open(a), 5);
	assert_false(admission_enter(a, &two)); /* the limit of all */
	assert_int_equal(admission_open(a), 5);
	admission_leave(a, &one);
	admission_leave(a, &one);
	admission_leave(a, &two);
	admission_leave(a, &unix_peer);
	admission_leave(a, &unix_peer);
	assert_int_equal(admission_open(a), 0);
	assert_true(admission_enter(a, &one));
	admission_free(a); /* frees who is still in */
}

static void admission_counts_v6_by_64(void **state)
{
	struct admission *a = admission_new(100, 2);
	struct conn_peer one = peer_at("2001:db8:0:1::1"), same = peer_at("2001:db8:0:1:ffff::2"),
			 third = peer_at("2001:db8:0:1::3"), other = peer_at("2001:db8:0:2::1");

	(void)state;
	assert_true(admission_enter(a, &one));
	assert_true(admission_enter(a, &same));
	assert_false(admission_enter(a, &third));
	assert_true(admission_enter(a, &other));
	admission_leave(a, &same);
	assert_true(admission_enter(a, &same));
	admission_free(a);
}

static void *enter_and_leave(void *arg)
{
	struct admission *a = arg;

	for (uint32_t i = 0; i < 20000; i++) {
		struct conn_peer peer = peer_at("10.0.0.0");

		peer.addr.bytes[15] = (uint8_t)(i * 7);
		if (admission_enter(a, &peer))
			admission_leave(a, &peer);
	}
	return NULL;
}

static void admission_is_shared(void **state)
{
	struct admission *a = admission_new(3, 1);
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < COUNT(threads); i++)
		pthread_create(&threads[i], NULL, enter_and_leave, a);
	for (size_t i = 0; i < COUNT(threads); i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(admission_open(a), 0);
	admission_free(a);
}

/* ---- limits at the door ---- */

static void over_the_limit(void **state)
{
	struct service s = {.options.refusal = REFUSAL};
	struct admission *a = admission_new(100, 2);

	(void)state;
	s.options.admission = a;
	service_start(&s);
	for (int round = 1; round <= 3; round++) {
		int one = client_of(&s), two = client_of(&s), three;

		client_expect(one, "hello\r\n");
		client_expect(two, "hello\r\n");
		assert_int_equal(admission_open(a), 2);
		three = client_of(&s);
		client_expect(three, REFUSAL);
		client_expect_end(three);
		client_say(one, "QUIT\r\n");
		client_expect(one, "bye\r\n");
		client_expect_end(one);
		close(two);
		service_wait(&s, &s.closed, 2 * round);
	}
	service_stop(&s);
	assert_int_equal(s.opened, 6);
	assert_int_equal(admission_open(a), 0);
	admission_free(a);
}

static struct conn *made;

static void end_all_ways(struct service *s)
{
	/* However a connection ends, and if twice, it is let go once. */
	(void)s;
	conn_close(made);
	conn_close(made);
	conn_abort(made);
	conn_abort(made);
	conn_write(made, "x", 1);
	conn_printf(made, "x");
	conn_resume(made);
	conn_set_idle(made, 1);
}

static void let_go_once(void **state)
{
	struct service s = {0};
	struct admission *a = admission_new(100, 100);

	(void)state;
	s.options.admission = a;
	service_start(&s);
	int fd = client_of(&s);
	client_expect(fd, "hello\r\n");
	made = s.last;
	service_do(&s, end_all_ways);
	service_wait(&s, &s.closed, 1);
	assert_int_equal(s.last_end, CONN_END_ABORT);
	service_stop(&s);
	assert_int_equal(s.closed, 1);
	assert_int_equal(admission_open(a), 0);
	admission_free(a);
	close(fd);
}

/* Out of descriptors: who knocks is served when there are some again. */
static void out_of_descriptors(void **state)
{
	struct service s = {0};
	struct rlimit before, low;
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd;

	(void)state;
	service_start(&s);
	in.sin_port = htons(listener_port(s.listener));
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	be_patient(fd);
	getrlimit(RLIMIT_NOFILE, &before);
	low = before;
	low.rlim_cur = (rlim_t)fd + 1;
	setrlimit(RLIMIT_NOFILE, &low);
	assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof in), 0);
	usleep(2 * ACCEPTOR_REST_MS * 1000);
	int opened = service_read(&s, &s.opened);
	setrlimit(RLIMIT_NOFILE, &before);
	assert_int_equal(opened, 0);
	client_expect(fd, "hello\r\n");
	close(fd);
	service_stop(&s);
}

/* ---- doors ---- */

static void ignore(void *arg, struct conn *c)
{
	(void)arg;
	conn_abort(c);
}

/* In a process of its own: 0 to 99, the negative of what listener_open returned. */
static int open_elsewhere(const struct listener_options *options)
{
	struct listener_options o = *options;
	int status;
	pid_t child = fork();

	if (!child) {
		struct loop *loop;
		struct listener *l;

		o.accepted = ignore;
		_exit(loop_new(&loop) ? 99 : -listener_open(loop, &o, &l));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return -WEXITSTATUS(status);
}

static void workers_share_a_port_strangers_do_not(void **state)
{
	struct loop *loop;
	struct listener *one, *two, *three;
	struct listener_options o = {.accepted = ignore};

	(void)state;
	addr_parse("127.0.0.1", &o.addr);
	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(listener_open(loop, &o, &one), 0);
	o.port = listener_port(one);
	assert_int_not_equal(o.port, 0);
	assert_int_equal(listener_open(loop, &o, &two), 0);
	assert_int_equal(listener_port(two), o.port);
	assert_int_equal(open_elsewhere(&o), E_EXISTS);
	listener_close(one);
	assert_int_equal(listener_open(loop, &o, &three), 0);
	listener_close(two);
	listener_close(three);
	assert_int_equal(open_elsewhere(&o), 0);
	addr_parse("192.0.2.1", &o.addr); /* not ours */
	assert_int_equal(listener_open(loop, &o, &one), E_IO);
	loop_free(loop);
}

static void unix_doors(void **state)
{
	char path[64], text[200];
	struct loop *loop;
	struct listener *one, *two;
	struct stat st;
	struct listener_options o = {.accepted = ignore, .unix_path = path};

	(void)state;
	snprintf(path, sizeof path, "%s/door", dir);
	assert_int_equal(loop_new(&loop), 0);
	assert_int_equal(open_elsewhere(&o), 0); /* that process ended without closing */
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(listener_open(loop, &o, &one), 0);
	assert_int_equal(listener_port(one), 0);
	assert_int_equal(listener_open(loop, &o, &two), 0);
	assert_int_equal(open_elsewhere(&o), E_EXISTS);
	listener_close(one);
	assert_int_equal(stat(path, &st), 0);
	listener_close(two);
	assert_int_equal(stat(path, &st), -1);
	/* A file of another kind is nobody's to remove. */
	int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	assert_int_equal(listener_open(loop, &o, &one), E_EXISTS);
	close(fd);
	unlink(path);
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	o.unix_path = text;
	assert_int_equal(listener_open(loop, &o, &one), E_RANGE);
	loop_free(loop);
}

static void peer_is_the_sockets(void **state)
{
	struct service s = {0};
	struct sockaddr_in me = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f010203)};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof me;
	char text[ADDR_TEXT_MAX];

	(void)state;
	service_start(&s);
	in.sin_port = htons(listener_port(s.listener));
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&me, sizeof me), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&in, sizeof in), 0);
	getsockname(fd, (struct sockaddr *)&me, &len);
	client_expect(fd, "hello\r\n");
	assert_string_equal(addr_format(&s.last_peer.addr, text), "127.1.2.3");
	assert_int_equal(s.last_peer.port, ntohs(me.sin_port));
	assert_string_equal(addr_format(&s.last_peer.local, text), "127.0.0.1");
	assert_int_equal(s.last_peer.local_port, listener_port(s.listener));
	assert_false(s.last_peer.is_unix);
	close(fd);
	service_stop(&s);
}

static void ipv6_door(void **state)
{
	struct service s = {0};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	char text[ADDR_TEXT_MAX];
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)state;
	if (fd < 0 || bind(fd, (struct sockaddr *)&in6, sizeof in6)) {
		close(fd);
		skip(); /* a machine without IPv6 */
	}
	close(fd);
	assert_int_equal(addr_parse("::1", &s.options.addr), 0);
	service_start(&s);
	in6.sin6_port = htons(listener_port(s.listener));
	fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&in6, sizeof in6), 0);
	be_patient(fd);
	client_expect(fd, "hello\r\n");
	assert_string_equal(addr_format(&s.last_peer.addr, text), "::1");
	assert_string_equal(addr_format(&s.last_peer.local, text), "::1");
	close(fd);
	service_stop(&s);
}

/* ---- the end of the process ---- */

static void stop_asks_each(void **state)
{
	struct service s = {.goodbye = "stopping\r\n"};

	(void)state;
	service_start(&s);
	int idle = client_of(&s), busy = client_of(&s);
	client_expect(idle, "hello\r\n");
	client_expect(busy, "hello\r\n");
	client_say(busy, "one\r\npause 300\r\ntwo\r\n");
	client_expect(busy, "plain one\r\n");
	service_do(&s, service_close_all);
	client_expect(idle, "stopping\r\n");
	client_expect_end(idle);
	client_expect(busy, "resumed\r\nstopping\r\n"); /* what was in flight, and no more */
	client_expect_end(busy);
	service_wait(&s, &s.ended, 1);
	assert_int_equal(s.last_asked, CONN_END_SHUTDOWN);
	assert_int_equal(s.last_end, CONN_END_SHUTDOWN);
	assert_int_equal(s.asked, 2);
	service_stop(&s);
}

static void stop_does_not_wait_for_ever(void **state)
{
	struct service s = {.goodbye = "stopping\r\n"};
	int64_t from;

	(void)state;
	service_start(&s);
	int stuck = client_of(&s), deaf = client_of(&s);
	client_expect(stuck, "hello\r\n");
	client_say(stuck, "one\r\npause 0\r\n");
	client_expect(stuck, "plain one\r\n");
	client_say(deaf, "flood 30000000\r\n");
	client_expect(deaf, "hello\r\nabc");
	from = clock_mono_us();
	service_stop(&s);
	assert_in_range(clock_mono_us() - from, 2900000, 4000000);
	assert_int_equal(s.closed, 2);
	close(stuck);
	close(deaf);
}

/* ---- TLS ---- */

static SSL *tls_client(int fd, int version, SSL_SESSION *session)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	SSL *ssl;

	SSL_CTX_set_security_level(ctx, 0); /* or it would not even offer what is too old */
	SSL_CTX_set_min_proto_version(ctx, version);
	SSL_CTX_set_max_proto_version(ctx, version);
	ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	SSL_set_fd(ssl, fd);
	if (session)
		SSL_set_session(ssl, session);
	return ssl;
}

static void tls_say(SSL *ssl, const char *text)
{
	assert_int_equal(SSL_write(ssl, text, (int)strlen(text)), strlen(text));
}

static void tls_expect(SSL *ssl, const char *text)
{
	char got[512] = {0};
	size_t n = strlen(text), have = 0;

	while (have < n) {
		int r = SSL_read(ssl, got + have, (int)(n - have));
		if (r <= 0)
			break;
		have += (size_t)r;
	}
	assert_string_equal(got, text);
}

/* The end is said inside TLS, so that nobody can cut a message short unseen. */
static void tls_expect_end(SSL *ssl)
{
	char octet;
	int rc = SSL_read(ssl, &octet, 1);

	assert_int_equal(SSL_get_error(ssl, rc), SSL_ERROR_ZERO_RETURN);
	SSL_shutdown(ssl); /* or OpenSSL holds the session for spoilt */
	close(SSL_get_fd(ssl));
	SSL_free(ssl);
}

static void stls(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	struct service s = {.tls = tls};

	(void)state;
	service_start(&s);
	for (size_t i = 0; i < COUNT(versions); i++) {
		int fd = client_of(&s);

		client_expect(fd, "hello\r\n");
		/* What was said in the clear behind the command is nobody's command. */
		client_say(fd, "one\r\nSTLS\r\nQUIT\r\n");
		client_expect(fd, "plain one\r\nbegin\r\n");
		SSL *ssl = tls_client(fd, versions[i], NULL);
		assert_int_equal(SSL_connect(ssl), 1);
		tls_say(ssl, "two\r\n");
		tls_expect(ssl, "tls two\r\n");
		service_wait(&s, &s.secured, (int)i + 1);
		tls_say(ssl, "pause 50\r\nthree\r\nQUIT\r\n");
		tls_expect(ssl, "resumed\r\ntls three\r\nbye\r\n");
		tls_expect_end(ssl);
		service_wait(&s, &s.closed, (int)i + 1);
		assert_int_equal(s.last_end, CONN_END_LOCAL);
	}
	service_stop(&s);
}

/* The kernel keeps the end of a handshake for the greeting, and where none follows, nobody waits
 * for it: it would let go by itself after 200 ms. */
static void stls_keeps_nobody_waiting(void **state)
{
	enum { TIMES = 10 };
	struct service s = {.tls = tls};
	int64_t from = clock_mono_us();

	(void)state;
	service_start(&s);
	for (int i = 0; i < TIMES; i++) {
		int fd = client_of(&s);

		client_expect(fd, "hello\r\n");
		client_say(fd, "STLS\r\n");
		client_expect(fd, "begin\r\n");
		SSL *ssl = tls_client(fd, TLS1_2_VERSION, NULL); /* it waits for our last word */
		assert_int_equal(SSL_connect(ssl), 1);
		tls_say(ssl, "QUIT\r\n");
		tls_expect(ssl, "bye\r\n");
		tls_expect_end(ssl);
	}
	assert_in_range(clock_mono_us() - from, 0, TIMES * 150000);
	service_stop(&s);
}

static void stls_flushes_first(void **state)
{
	struct service s = {.tls = tls};
	char line[90], said[200];

	(void)state;
	memset(line, 'x', sizeof line - 1);
	line[sizeof line - 1] = '\0';
	service_start(&s);
	int fd = client_of(&s);
	client_expect(fd, "hello\r\n");
	snprintf(said, sizeof said, "%s\r\n", line);
	for (int i = 0; i < 2000; i++)
		client_say(fd, said);
	client_say(fd, "STLS\r\n");
	snprintf(said, sizeof said, "plain %s\r\n", line);
	for (int i = 0; i < 2000; i++)
		client_expect(fd, said);
	client_expect(fd, "begin\r\n");
	SSL *ssl = tls_client(fd, TLS1_3_VERSION, NULL);
	assert_int_equal(SSL_connect(ssl), 1);
	tls_say(ssl, "QUIT\r\n");
	tls_expect(ssl, "bye\r\n");
	tls_expect_end(ssl);
	service_stop(&s);
}

static void stls_refused(void **state)
{
	static const char *const nonsense[] = {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03", ""};
	struct service s = {.tls = tls};

	(void)state;
	service_start(&s);
	for (size_t i = 0; i < COUNT(nonsense); i++) {
		int fd = client_of(&s);

		client_expect(fd, "hello\r\n");
		client_say(fd, "STLS\r\n");
		client_expect(fd, "begin\r\n");
		if (*nonsense[i])
			client_say(fd, nonsense[i]);
		shutdown(fd, SHUT_WR);
		service_wait(&s, &s.closed, (int)i + 1);
		assert_int_equal(s.last_end, CONN_END_TLS);
		close(fd);
	}
	int fd = client_of(&s);
	client_expect(fd, "hello\r\n");
	client_say(fd, "STLS\r\n");
	client_expect(fd, "begin\r\n");
	SSL *ssl = tls_client(fd, TLS1_1_VERSION, NULL);
	assert_int_not_equal(SSL_connect(ssl), 1);
	service_wait(&s, &s.closed, COUNT(nonsense) + 1);
	assert_int_equal(s.last_end, CONN_END_TLS);
	SSL_free(ssl);
	ERR_clear_error();
	close(fd);
	assert_int_equal(s.secured, 0);
	/* Twice: the fixture asks for it, a protocol should not. */
	fd = client_of(&s);
	client_expect(fd, "hello\r\n");
	client_say(fd, "STLS\r\n");
	client_expect(fd, "begin\r\n");
	ssl = tls_client(fd, TLS1_3_VERSION, NULL);
	assert_int_equal(SSL_connect(ssl), 1);
	tls_say(ssl, "STLS\r\n");
	service_wait(&s, &s.closed, COUNT(nonsense) + 2);
	assert_int_equal(s.last_end, CONN_END_ABORT);
	SSL_free(ssl);
	close(fd);
	service_stop(&s);
}

static void leave_an_error(struct service *s)
{
	(void)s;
	ERR_raise(ERR_LIB_USER, 1);
}

/* What else the thread does with OpenSSL (a token that is not authentic) is not a connection's
 * fault. */
static void tls_minds_its_own_errors(void **state)
{
	struct service s = {.options.tls = tls};
	SSL *ssl[3];

	(void)state;
	service_start(&s);
	service_do(&s, leave_an_error);
	for (size_t i = 0; i < COUNT(ssl); i++) {
		ssl[i] = tls_client(client_of(&s), i ? TLS1_3_VERSION : TLS1_2_VERSION, NULL);
		assert_int_equal(SSL_connect(ssl[i]), 1);
		tls_expect(ssl[i], "hello\r\n");
		service_do(&s, leave_an_error);
	}
	for (size_t i = 0; i < COUNT(ssl); i++) {
		tls_say(ssl[i], "one\r\npause 20\r\n");
		tls_expect(ssl[i], "tls one\r\nresumed\r\n");
		service_do(&s, leave_an_error);
		tls_say(ssl[i], "QUIT\r\n");
		tls_expect(ssl[i], "bye\r\n");
		tls_expect_end(ssl[i]);
	}
	service_stop(&s);
}

/* Much output, a close, and all of it arrives with the end said. */
static void tls_close_loses_nothing(void **state)
{
	enum { LENGTH = 5000000 };
	struct service s = {.options.tls = tls};
	char octets[16384];
	size_t total = 0;
	int n;

	(void)state;
	service_start(&s);
	SSL *ssl = tls_client(client_of(&s), TLS1_3_VERSION, NULL);
	assert_int_equal(SSL_connect(ssl), 1);
	tls_expect(ssl, "hello\r\n");
	tls_say(ssl, "flood 5000000\r\nnever read\r\n");
	while ((n = SSL_read(ssl, octets, sizeof octets)) > 0)
		for (int i = 0; i < n; i++, total++)
			assert_int_equal(octets[i], pattern_at(total));
	assert_int_equal(total, LENGTH);
	tls_expect_end(ssl);
	service_stop(&s);
	assert_int_equal(s.last_end, CONN_END_LOCAL);
}

/* The peer says inside TLS that it will say no more, and still reads: it gets all of it. */
static void tls_half_close(void **state)
{
	enum { LENGTH = 5000000 };
	struct service s = {.options.tls = tls};
	char octets[16384];
	size_t total = 0;
	int n;

	(void)state;
	service_start(&s);
	SSL *ssl = tls_client(client_of(&s), TLS1_3_VERSION, NULL);
	assert_int_equal(SSL_connect(ssl), 1);
	tls_expect(ssl, "hello\r\n");
	tls_say(ssl, "flood 5000000\r\n");
	usleep(100000); /* the socket is full */
	assert_int_equal(SSL_shutdown(ssl), 0);
	usleep(100000);
	while ((n = SSL_read(ssl, octets, sizeof octets)) > 0)
		total += (size_t)n;
	assert_int_equal(total, LENGTH);
	close(SSL_get_fd(ssl));
	SSL_free(ssl);
	ssl = tls_client(client_of(&s), TLS1_2_VERSION, NULL);
	assert_int_equal(SSL_connect(ssl), 1);
	tls_expect(ssl, "hello\r\n");
	tls_say(ssl, "pause 50\r\none\r\n");
	assert_int_equal(SSL_shutdown(ssl), 0);
	tls_expect(ssl, "resumed\r\ntls one\r\n");
	tls_expect_end(ssl);
	service_wait(&s, &s.closed, 2);
	assert_int_equal(s.last_end, CONN_END_PEER);
	service_stop(&s);
}

static void tls_input_is_bounded(void **state)
{
	enum { LENGTH = 3000000 };
	struct service s = {.options.tls = tls};
	char *octets = malloc(LENGTH);

	(void)state;
	for (size_t i = 0; i < LENGTH; i++)
		octets[i] = pattern_at(i);
	service_start(&s);
	SSL *ssl = tls_client(client_of(&s), TLS1_2_VERSION, NULL);
	assert_int_equal(SSL_connect(ssl), 1);
	tls_expect(ssl, "hello\r\n");
	tls_say(ssl, "pause 200\r\nraw 3000000\r\n");
	assert_int_equal(SSL_write(ssl, octets, LENGTH), LENGTH);
	tls_expect(ssl, "resumed\r\ngood 3000000\r\n");
	tls_say(ssl, "QUIT\r\n");
	tls_expect(ssl, "bye\r\n");
	tls_expect_end(ssl);
	service_stop(&s);
	assert_in_range(s.most_waiting, 1, CONN_INPUT_CAP + 16384);
	free(octets);
}

static void tls_tickets_work_everywhere(void **state)
{
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};
	struct service one = {.options.tls = tls}, two = {.options.tls = tls};
	struct service *workers[] = {&one, &two};

	(void)state;
	service_start(&one);
	service_start(&two);
	for (size_t v = 0; v < COUNT(versions); v++) {
		SSL_SESSION *session = NULL;

		for (size_t i = 0; i < COUNT(workers); i++) {
			SSL *ssl = tls_client(client_of(workers[i]), versions[v], session);

			assert_int_equal(SSL_connect(ssl), 1);
			assert_int_equal(SSL_session_reused(ssl), i);
			tls_expect(ssl, "hello\r\n");
			tls_say(ssl, "QUIT\r\n");
			tls_expect(ssl, "bye\r\n");
			SSL_SESSION_free(session);
			session = SSL_get1_session(ssl);
			tls_expect_end(ssl);
		}
		SSL_SESSION_free(session);
	}
	service_stop(&one);
	service_stop(&two);
}

/* ---- TLS as a client ---- */

struct caller {
	struct service *service;
	struct conn *conn;
	struct tls_client *trust;
	char text[64];
	size_t n;
	int secured, closed;
	enum conn_end end;
};

static void caller_connected(void *session)
{
	struct caller *k = session;

	conn_start_client_tls(k->conn, k->trust);
}

static void caller_secured(void *session)
{
	struct caller *k = session;

	conn_printf(k->conn, "ping\r\nQUIT\r\n");
	service_note(k->service, &k->secured);
}

static void caller_input(void *session)
{
	struct caller *k = session;
	char *line;
	size_t length;

	while (conn_line(k->conn, 100, &line, &length, NULL) == 0)
		k->n += (size_t)snprintf(k->text + k->n, sizeof k->text - k->n, "%s|", line);
}

static void caller_closed(void *session, enum conn_end why)
{
	struct caller *k = session;

	k->end = why;
	service_note(k->service, &k->closed);
}

static const struct conn_ops CALLER_OPS = {.input = caller_input,
					   .connected = caller_connected,
					   .secured = caller_secured,
					   .closed = caller_closed};

static struct caller *calling;

static void call(struct service *s)
{
	struct addr to;

	addr_parse("127.0.0.1", &to);
	calling->service = s;
	assert(!conn_connect(s->loop, &to, listener_port(s->listener), &CALLER_OPS, calling,
			     &calling->conn));
}

static void tls_as_a_client(void **state)
{
	struct service s = {.options.tls = tls}, plain = {0};
	struct caller k = {0}, wary = {0}, misled = {0};
	struct tls_client *trust, *other;
	char strange[64], strange_key[64], error[256];

	(void)state;
	snprintf(strange, sizeof strange, "%s/strange.pem", dir);
	snprintf(strange_key, sizeof strange_key, "%s/strange.key", dir);
	assert_int_equal(tls_self_signed("localhost", strange, strange_key), 0);
	assert_int_equal(tls_client_new(certificate, &trust, error), 0);
	assert_int_equal(tls_client_new(strange, &other, error), 0);
	service_start(&s);
	k.trust = misled.trust = trust;
	wary.trust = other;
	calling = &k;
	service_do(&s, call);
	service_wait(&s, &k.closed, 1);
	assert_string_equal(k.text, "hello|tls ping|bye|");
	assert_int_equal(k.end, CONN_END_PEER);
	calling = &wary; /* does not know who that is */
	service_do(&s, call);
	service_wait(&s, &wary.closed, 1);
	assert_int_equal(wary.secured, 0);
	assert_int_equal(wary.end, CONN_END_TLS);
	service_stop(&s);
	service_start(&plain);
	calling = &misled;
	service_do(&plain, call);
	service_wait(&plain, &misled.closed, 1);
	assert_int_equal(misled.end, CONN_END_TLS);
	service_stop(&plain);
	assert_int_equal(tls_client_new(strange_key, &other, error), E_IO);
	tls_client_free(trust);
	tls_client_free(other);
	unlink(strange);
	unlink(strange_key);
}

static void sniffing(void **state)
{
	struct service s = {.options.sniff_tls = tls, .options.sniff_tls_ms = 700};
	int64_t from = clock_mono_us();

	(void)state;
	service_start(&s);
	int silent = client_of(&s);
	int early = client_of(&s);
	client_say(early, "one\r\n");
	client_expect(early, "hello\r\nplain one\r\n");
	assert_in_range(clock_mono_us() - from, 0, 500000);
	SSL *ssl = tls_client(client_of(&s), TLS1_3_VERSION, NULL);
	assert_int_equal(SSL_connect(ssl), 1);
	tls_expect(ssl, "hello\r\n");
	tls_say(ssl, "one\r\nQUIT\r\n");
	tls_expect(ssl, "tls one\r\nbye\r\n");
	tls_expect_end(ssl);
	client_expect(silent, "hello\r\n");
	assert_in_range(clock_mono_us() - from, 600000, 3000000);
	client_say(silent, "QUIT\r\n");
	client_expect(silent, "bye\r\n");
	client_expect_end(silent);
	close(early);
	int gone = client_of(&s);
	close(gone);
	service_stop(&s);
}

/* Who is still being sniffed at or shaking hands when the door closes is cut, and let go. */
static void close_listener(struct service *s)
{
	listener_close(s->listener);
	s->listener = NULL;
}

static void newcomers_at_the_end(void **state)
{
	struct admission *a = admission_new(100, 100);
	struct service s = {.options.sniff_tls = tls, .options.sniff_tls_ms = 60000};
	char octet;

	(void)state;
	s.options.admission = a;
	service_start(&s);
	int silent = client_of(&s), shaking = client_of(&s);
	client_say(shaking, "\x16\x03\x01");
	while (admission_open(a) < 2)
		usleep(1000);
	service_do(&s, close_listener);
	assert_int_equal(recv(silent, &octet, 1, 0), -1);
	assert_int_equal(recv(shaking, &octet, 1, 0), -1);
	service_stop(&s);
	assert_int_equal(s.opened, 0);
	assert_int_equal(admission_open(a), 0);
	admission_free(a);
	close(silent);
	close(shaking);
}

static int make_certificate(void **state)
{
	char error[256];

	(void)state;
	if (!mkdtemp(dir))
		return -1;
	snprintf(certificate, sizeof certificate, "%s/cert.pem", dir);
	snprintf(key, sizeof key, "%s/key.pem", dir);
	return tls_self_signed("localhost,127.0.0.1", certificate, key) ||
	       tls_server_new(certificate, key, &tls, error);
}

static int remove_certificate(void **state)
{
	(void)state;
	tls_server_free(tls);
	unlink(certificate);
	unlink(key);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(admission_counts),
		cmocka_unit_test(admission_counts_v6_by_64),
		cmocka_unit_test(admission_is_shared),
		cmocka_unit_test(over_the_limit),
		cmocka_unit_test(let_go_once),
		cmocka_unit_test(out_of_descriptors),
		cmocka_unit_test(workers_share_a_port_strangers_do_not),
		cmocka_unit_test(unix_doors),
		cmocka_unit_test(peer_is_the_sockets),
		cmocka_unit_test(ipv6_door),
		cmocka_unit_test(stop_asks_each),
		cmocka_unit_test(stop_does_not_wait_for_ever),
		cmocka_unit_test(stls),
		cmocka_unit_test(stls_keeps_nobody_waiting),
		cmocka_unit_test(stls_flushes_first),
		cmocka_unit_test(stls_refused),
		cmocka_unit_test(tls_minds_its_own_errors),
		cmocka_unit_test(tls_close_loses_nothing),
		cmocka_unit_test(tls_half_close),
		cmocka_unit_test(tls_input_is_bounded),
		cmocka_unit_test(tls_tickets_work_everywhere),
		cmocka_unit_test(tls_as_a_client),
		cmocka_unit_test(sniffing),
		cmocka_unit_test(newcomers_at_the_end),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, make_certificate, remove_certificate);
}
