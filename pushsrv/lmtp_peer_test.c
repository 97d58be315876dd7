/* LMTP clients over real sockets and a real store: a 250 means that the mail is there, a client
 * that leaves means that nothing is. The worker's loop runs in a thread of its own, as in the
 * daemon; the test is the client, and looks into the store by a port of its own. */
#include "pushsrv/lmtp_peer.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#include "db/db_testing.h"
#include "lib/listener.h"

#define LINE_MAX_ 600

struct scene {
	struct bench_store store; /* its loop and port are the test's */
	struct lmtp_host host;
	struct connections *connections;
	struct listener *listener;
	struct loop *loop;
	struct loop_task stopping;
	pthread_t worker;
	struct sockaddr_in name;
	int64_t ids[3];
};

struct client {
	int fd;
	FILE *from;
	char line[LINE_MAX_];
};

static void *work(void *arg)
{
	struct scene *s = arg;

	loop_run(s->loop);
	db_port_close(s->host.port);
	return NULL;
}

static void all_ended(void *arg)
{
	loop_stop(((struct scene *)arg)->loop);
}

static void stop(struct loop_task *task)
{
	struct scene *s = (struct scene *)((char *)task - offsetof(struct scene, stopping));

	listener_close(s->listener);
	connections_close_all(s->connections, all_ended, s);
}

static int setup(void **state)
{
	struct scene *s = calloc(1, sizeof *s);

	assert_non_null(s);
	store_dir(&s->store);
	store_open(&s->store);
	for (int i = 0; i < 3; i++)
		s->ids[i] = make_subscriber(&s->store, i + 1);
	assert_int_equal(loop_new(&s->loop), 0);
	s->host = (struct lmtp_host){.limits = {.hostname = "mx.test",
						.max_size = 4 << 20,
						.max_line = 1000,
						.max_command = 512,
						.max_recipients = 10,
						.max_errors = 3},
				     .quota_bytes = 6 << 20,
				     .idle_s = 60};
	assert_int_equal(db_port_open(s->store.db, s->loop, &s->host.port), 0);
	s->connections = connections_new();
	struct listener_options o = {
		.connections = s->connections, .accepted = lmtp_peer_accepted, .arg = &s->host};
	assert_int_equal(addr_parse("127.0.0.1", &o.addr), 0);
	assert_int_equal(listener_open(s->loop, &o, &s->listener), 0);
	s->name = (struct sockaddr_in){.sin_family = AF_INET,
				       .sin_port = htons(listener_port(s->listener)),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	s->stopping.run = stop;
	assert_int_equal(pthread_create(&s->worker, NULL, work, s), 0);
	*state = s;
	return 0;
}

/* All that a client did before has been dealt with after it. */
static void join(struct scene *s)
{
	loop_post(s->loop, &s->stopping);
	pthread_join(s->worker, NULL);
	s->listener = NULL;
}

static int teardown(void **state)
{
	struct scene *s = *state;

	if (s->listener)
		join(s);
	loop_free(s->loop);
	store_close(&s->store);
	remove_tree(s->store.dir);
	connections_free(s->connections);
	free(s);
	return 0;
}

static struct client come(struct scene *s)
{
	struct client c = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
	struct timeval wait = {.tv_sec = 20};

	setsockopt(c.fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	assert_int_equal(connect(c.fd, (struct sockaddr *)&s->name, sizeof s->name), 0);
	c.from = fdopen(c.fd, "r");
	return c;
}

static void leave(struct client *c)
{
	fclose(c->from);
}

static void say(struct client *c, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(c->fd, text, n, MSG_NOSIGNAL);
		if (sent <= 0)
			fail_msg("the server has gone");
		text += sent;
		n -= (size_t)sent;
	}
}

#define SAY(c, text) say(c, text, strlen(text))

/* The next replies, multi-line ones whole, have these codes. */
static void hear(struct client *c, const char *codes)
{
	for (; *codes; codes += strspn(codes, " ")) {
		do
			if (!fgets(c->line, sizeof c->line, c->from))
				fail_msg("silence instead of %s", codes);
		while (c->line[3] == '-');
		if (strncmp(c->line, codes, 3) != 0)
			fail_msg("%.60s instead of %s", c->line, codes);
		codes += 3;
	}
}

#define BEGIN "LHLO me\r\nMAIL FROM:<s@y>\r\nRCPT TO:<u819000000001@hato.example>\r\n"

static void begin(struct client *c)
{
	SAY(c, BEGIN "DATA\r\n");
	hear(c, "220 250 250 250 354");
}

static size_t messages(struct scene *s, int i)
{
	struct maildrop *d = open_drop(&s->store, s->ids[i]);
	size_t n = d->count;

	maildrop_free(d);
	return n;
}

/* The octets of the newest message of a mailbox; the caller frees. */
static char *newest(struct scene *s, int i, size_t *n)
{
	struct maildrop *d = open_drop(&s->store, s->ids[i]);
	const struct maildrop_message *m = &d->messages[d->count - 1];
	uint64_t size = m->prefix_size + m->body_size, at = 0;
	char *all = malloc(size + 1);

	assert_true(d->count > 0 && all);
	while (at < size) {
		struct heard *h = HEARD(&s->store);
		message_read(s->store.port, s->ids[i], m, at, on_octets, h);
		assert_int_equal(wait_for(h), 0);
		assert_true(h->n > 0 && at + h->n <= size);
		memcpy(all + at, h->octets, h->n);
		at += h->n;
		free(h->octets);
	}
	all[size] = '\0';
	*n = size;
	maildrop_free(d);
	return all;
}

static void a_250_means_that_it_is_there(void **state)
{
	struct scene *s = *state;
	struct client c = come(s);
	size_t n;

	begin(&c);
	SAY(&c, "Subject: 1\r\n\r\n..x\r\n.\r\n");
	hear(&c, "250");
	assert_int_equal(messages(s, 0), 1);
	char *m = newest(s, 0, &n);
	assert_int_equal(
		strncmp(m, "Return-Path: <s@y>\r\nReceived: from me ([127.0.0.1])\r\n", 53), 0);
	assert_string_equal(m + n - 18, "Subject: 1\r\n\r\n.x\r\n");
	free(m);
	leave(&c);
}

static void everything_in_one_write(void **state)
{
	static const char all[] = BEGIN "RCPT TO:<nobody@hato.example>\r\nRCPT "
					"TO:<U819000000002@HATO.example>\r\nDATA\r\n1\r\n.\r\n"
					"MAIL FROM:<> XATOMIC\r\nRCPT "
					"TO:<u819000000003@hato.example>\r\nBDAT 3 LAST\r\n2\r\n"
					"NOOP\r\nQUIT\r\n";
	struct scene *s = *state;
	struct client c = come(s);

	SAY(&c, all);
	hear(&c, "220 250 250 250 550 250 354 250 250 250 250 250 250 221");
	assert_null(fgets(c.line, sizeof c.line, c.from));
	for (int i = 0; i < 3; i++)
		assert_int_equal(messages(s, i), 1);
	size_t n;
	char *m = newest(s, 2, &n);
	assert_string_equal(m, "Return-Path: <>\r\n2\r\n");
	free(m);
	leave(&c);
}

static char *large(size_t n)
{
	char *text = malloc(n + 1);

	assert_non_null(text);
	for (size_t i = 0; i < n; i++)
		text[i] = i % 100 == 98 ? '\r' : i % 100 == 99 ? '\n' : (char)('a' + i / 100 % 26);
	text[n] = '\0';
	return text;
}

static void a_large_one_by_way_of_the_store(void **state)
{
	struct scene *s = *state;
	struct client c = come(s);
	const size_t size = 3000000;
	char *body = large(size), *m;
	size_t n;

	begin(&c);
	say(&c, body, size);
	SAY(&c, ".\r\n");
	hear(&c, "250");
	m = newest(s, 0, &n);
	assert_true(n > size);
	assert_memory_equal(m + n - size, body, size);
	free(m);
	/* Too large, to the end of it; the session goes on. */
	SAY(&c, "MAIL FROM:<>\r\nRCPT TO:<u819000000001@hato.example>\r\nDATA\r\n");
	hear(&c, "250 250 354");
	say(&c, body, size);
	say(&c, body, size);
	SAY(&c, ".\r\nNOOP\r\n");
	hear(&c, "552 250");
	/* No room: at RCPT if its size is told, else after the content. */
	SAY(&c, "MAIL FROM:<> SIZE=3900000\r\nRCPT TO:<u819000000001@hato.example>\r\nRSET\r\n");
	hear(&c, "250 452 250");
	SAY(&c, "MAIL FROM:<>\r\nRCPT TO:<u819000000001@hato.example>\r\n"
		"RCPT TO:<u819000000002@hato.example>\r\nDATA\r\n");
	hear(&c, "250 250 250 354");
	say(&c, body, size);
	say(&c, body, size / 4);
	SAY(&c, ".\r\n");
	hear(&c, "452 250");
	assert_int_equal(messages(s, 0), 1);
	assert_int_equal(messages(s, 1), 1);
	free(body);
	leave(&c);
}

/* A mail of smtpgw's queue that is brought again, because its 250 was not heard. */
static void a_mail_of_the_queue_comes_once(void **state)
{
	static const char mail[] = "MAIL FROM:<> XATOMIC XID=7.1 SIZE=3900000\r\n"
				   "RCPT TO:<u819000000001@hato.example>\r\nBDAT 3000000 LAST\r\n";
	struct scene *s = *state;
	const size_t size = 3000000;
	char *body = large(size);

	for (int i = 0; i < 3; i++) { /* after the first there is no room for it any more */
		struct client c = come(s);
		SAY(&c, "LHLO me\r\n");
		SAY(&c, mail);
		say(&c, body, size);
		hear(&c, "220 250 250 250 250");
		leave(&c);
		assert_int_equal(messages(s, 0), 1);
	}
	struct client c = come(s);
	SAY(&c, "LHLO me\r\nMAIL FROM:<> XATOMIC XID=7.2 SIZE=3900000\r\n"
		"RCPT TO:<u819000000001@hato.example>\r\nRSET\r\n");
	hear(&c, "220 250 250 452 250"); /* another one */
	free(body);
	leave(&c);
}

static void who_leaves_in_the_middle_leaves_nothing(void **state)
{
	struct scene *s = *state;
	char *body = large(1000000);

	for (size_t n = 0; n <= 1000000; n += 250000) {
		struct client c = come(s);
		begin(&c);
		say(&c, body, n);
		leave(&c);
	}
	struct client c = come(s);
	SAY(&c, BEGIN "BDAT 100 LAST\r\nonly so much");
	hear(&c, "220 250 250 250");
	leave(&c);
	free(body);
	join(s);
	assert_int_equal(messages(s, 0), 0);
	struct outbox_row row;
	assert_int_equal(get_outbox_row(&s->store, s->ids[0], &row), E_NOT_FOUND);
}

/* It is not known whether the client heard the reply: the mail is kept. */
static void who_leaves_after_the_dot_leaves_a_mail_at_most(void **state)
{
	struct scene *s = *state;

	for (int i = 0; i < 20; i++) {
		struct client c = come(s);
		begin(&c);
		SAY(&c, "1\r\n.\r\n");
		leave(&c);
	}
	join(s);
	assert_true(messages(s, 0) <= 20);
}

static void the_stop_is_told(void **state)
{
	struct scene *s = *state;
	struct client idle = come(s), busy = come(s);

	hear(&idle, "220");
	begin(&busy);
	SAY(&busy, "half");
	join(s);
	hear(&idle, "421");
	hear(&busy, "421");
	assert_int_equal(messages(s, 0), 0);
	leave(&idle);
	leave(&busy);
}

static void a_flood_of_errors_is_cut(void **state)
{
	struct scene *s = *state;
	struct client c = come(s);
	char *junk = large(100000);

	say(&c, junk, 100000);
	hear(&c, "220 500 500 500 421");
	assert_null(fgets(c.line, sizeof c.line, c.from));
	free(junk);
	leave(&c);
	c = come(s);
	for (int i = 0; i < 700; i++)
		SAY(&c, "x");
	SAY(&c, "\r\nNOOP\r\n");
	hear(&c, "220 500 250");
	leave(&c);
}

static void a_recipient_may_go_away_in_between(void **state)
{
	struct scene *s = *state;
	struct client c = come(s);

	SAY(&c, BEGIN);
	hear(&c, "220 250 250 250");
	struct heard *h = HEARD(&s->store);
	subscriber_remove(s->store.port, "819000000001", on_done, h);
	assert_int_equal(wait_for(h), 0);
	SAY(&c, "DATA\r\n1\r\n.\r\n");
	hear(&c, "354 550"); /* went away between RCPT and the end */
	leave(&c);
}

int main(void)
{
#define SCENE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		SCENE(a_250_means_that_it_is_there),
		SCENE(everything_in_one_write),
		SCENE(a_large_one_by_way_of_the_store),
		SCENE(a_mail_of_the_queue_comes_once),
		SCENE(who_leaves_in_the_middle_leaves_nothing),
		SCENE(who_leaves_after_the_dot_leaves_a_mail_at_most),
		SCENE(the_stop_is_told),
		SCENE(a_flood_of_errors_is_cut),
		SCENE(a_recipient_may_go_away_in_between),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
