/* A server that is a few lines: what it answers, and when it does not. */
#include "lib/http_client.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/err.h"

struct stage {
	struct loop *loop;
	struct http_client *client;
	struct http_url url;
	int listening, stream;
	struct loop_watch *door, *watch;
	const char *says; /* null: nothing */
	char heard[4096];
	int answers, status;
	char body[64];
};

static void on_stream(void *arg, int fd, bool can_read, bool can_write)
{
	struct stage *g = arg;
	size_t had = strlen(g->heard);
	ssize_t n = recv(fd, g->heard + had, sizeof g->heard - 1 - had, 0);

	(void)can_read;
	(void)can_write;
	if (n > 0 && strstr(g->heard, "the body")) {
		if (!g->says)
			return;
		send(fd, g->says, strlen(g->says), MSG_NOSIGNAL);
		n = 0;
	}
	if (n <= 0) {
		loop_watch_free(g->watch);
		g->watch = NULL;
		close(fd);
	}
}

static void on_door(void *arg, int fd, bool can_read, bool can_write)
{
	struct stage *g = arg;

	(void)can_read;
	(void)can_write;
	if (g->watch) { /* of one who cancelled */
		loop_watch_free(g->watch);
		close(g->stream);
	}
	g->stream = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	g->watch = loop_watch_new(g->loop, g->stream, on_stream, g);
	loop_watch_want(g->watch, true, false);
}

static int set_up(void **state)
{
	struct stage *g = calloc(1, sizeof *g);
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof in;
	char url[64];

	assert_int_equal(loop_new(&g->loop), 0);
	g->listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(g->listening, (struct sockaddr *)&in, sizeof in), 0);
	assert_int_equal(listen(g->listening, 4), 0);
	assert_int_equal(getsockname(g->listening, (struct sockaddr *)&in, &n), 0);
	g->door = loop_watch_new(g->loop, g->listening, on_door, g);
	loop_watch_want(g->door, true, false);
	snprintf(url, sizeof url, "http://127.0.0.1:%u/ask", ntohs(in.sin_port));
	assert_int_equal(http_url_parse(url, &g->url), 0);
	assert_int_equal(http_client_open(g->loop, &g->url, CLOCK_S, 100, &g->client), 0);
	*state = g;
	return 0;
}

static int tear_down(void **state)
{
	struct stage *g = *state;

	http_client_close(g->client);
	if (g->watch) {
		loop_watch_free(g->watch);
		close(g->stream);
	}
	loop_watch_free(g->door);
	close(g->listening);
	loop_free(g->loop);
	free(g);
	return 0;
}

static void on_answer(void *arg, int status, const char *body, size_t n)
{
	struct stage *g = arg;

	g->answers++;
	g->status = status;
	snprintf(g->body, sizeof g->body, "%.*s", (int)n, body);
	loop_stop(g->loop);
}

static struct http_call *post(struct stage *g)
{
	static const struct http_field fields[] = {{"Ip", "192.0.2.1"}, {"Rcpt", "a@b"}};

	g->heard[0] = '\0';
	return http_call_post(g->client, fields, 2, "the body", 8, on_answer, g);
}

static void a_question_is_answered(void **state)
{
	struct stage *g = *state;

	g->says = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine";
	assert_non_null(post(g));
	loop_run(g->loop);
	assert_int_equal(g->status, 200);
	assert_string_equal(g->body, "fine");
	assert_memory_equal(g->heard, "POST /ask HTTP/1.1\r\n", 20);
	assert_non_null(strstr(g->heard, "Ip: 192.0.2.1\r\n"));
	assert_non_null(strstr(g->heard, "Rcpt: a@b\r\n"));
	assert_non_null(strstr(g->heard, "Content-Length: 8\r\n"));
	assert_non_null(post(g));
	loop_run(g->loop);
	assert_int_equal(g->answers, 2);
}

static void what_is_no_answer(void **state)
{
	static const char *const cases[] = {
		"",
		"nonsense\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 101\r\n\r\n",
	};
	struct stage *g = *state;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		g->says = cases[i];
		g->status = 1;
		assert_non_null(post(g));
		loop_run(g->loop);
		assert_int_equal(g->answers, (int)i + 1);
		assert_int_not_equal(g->status, 200);
	}
}

static void silence_ends(void **state)
{
	struct stage *g = *state;
	struct http_client *brief;

	assert_int_equal(http_client_open(g->loop, &g->url, CLOCK_S / 20, 100, &brief), 0);
	http_call_post(brief, NULL, 0, "the body", 8, on_answer, g);
	loop_run(g->loop);
	assert_int_equal(g->answers, 1);
	assert_int_equal(g->status, 0);
	http_client_close(brief);
}

static void nobody_is_there(void **state)
{
	struct stage *g = *state;

	loop_watch_want(g->door, false, false);
	shutdown(g->listening, SHUT_RDWR);
	if (post(g))
		loop_run(g->loop);
	assert_int_equal(g->answers, 1);
	assert_int_equal(g->status, 0);
}

static void who_cancels_is_not_told(void **state)
{
	struct stage *g = *state;
	struct http_call *call = post(g);

	http_call_cancel(call);
	g->says = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine";
	assert_non_null(post(g));
	loop_run(g->loop);
	assert_int_equal(g->answers, 1);
	assert_non_null(post(g)); /* in flight at the end */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_question_is_answered, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_no_answer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(silence_ends, set_up, tear_down),
		cmocka_unit_test_setup_teardown(nobody_is_there, set_up, tear_down),
		cmocka_unit_test_setup_teardown(who_cancels_is_not_told, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
