/* Random histories, told to lib/rules and to the reference model. Alone: the short form. With
 * --histories N [--seed S]: as many as wanted; --replay S: that one, made as small as it goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/model/judge.h"

#define SHORT_HISTORIES 20000

static volatile uint64_t current;

/* The array store holds by assertions what a database holds by constraints. */
static void on_abort(int sig)
{
	char line[100];
	int n = snprintf(line, sizeof line, "in --replay %llu\n", (unsigned long long)current);

	(void)sig;
	if (write(2, line, (size_t)n) != n)
		_exit(2);
}

static bool judge_one(struct court *c, uint64_t seed, bool explain)
{
	static struct history h;
	bool show = getenv("SHOW") != NULL;
	char complaint[COMPLAINT_MAX];
	int step;

	current = seed;
	network_make(seed, &h);
	if (show)
		history_print(&h);
	if (court_judge(c, &h, complaint, &step))
		return true;
	printf("history %llu, step %d of %d: %s\n", (unsigned long long)seed, step + 1,
	       h.step_count, complaint);
	if (!explain)
		return false;
	court_minimise(c, &h);
	court_judge(c, &h, complaint, &step);
	printf("as small as it goes (%s):\n", complaint);
	history_print(&h);
	printf("again: build/tests/tests/model/rules_test --replay %llu\n",
	       (unsigned long long)seed);
	return false;
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int judge_many(uint64_t seed, uint64_t histories)
{
	struct court *c = court_new();
	double begun = now_s();
	uint64_t i;

	for (i = 0; i < histories && judge_one(c, seed + i, true); i++)
		if (histories > 1000000 && i % 1000000 == 999999) {
			printf("%llu histories, %.0f/s\n", (unsigned long long)i + 1,
			       (double)(i + 1) / (now_s() - begun));
			fflush(stdout);
		}
	court_free(c);
	printf("model: %llu histories from seed %llu, %.0f/s\n", (unsigned long long)i,
	       (unsigned long long)seed, (double)i / (now_s() - begun));
	return i == histories ? 0 : 1;
}

static void test_random_histories(void **state)
{
	(void)state;
	uint64_t seed = (uint64_t)time(NULL) << 20;

	print_message("seed %llu\n", (unsigned long long)seed);
	assert_int_equal(judge_many(1, SHORT_HISTORIES / 2), 0);
	assert_int_equal(judge_many(seed, SHORT_HISTORIES / 2), 0);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_histories)};
	uint64_t histories = 0, seed = 1;

	signal(SIGABRT, on_abort);
	for (int i = 1; i + 1 < argc; i += 2) {
		uint64_t value = strtoull(argv[i + 1], NULL, 10);
		if (!strcmp(argv[i], "--histories"))
			histories = value;
		else if (!strcmp(argv[i], "--seed"))
			seed = value;
		else if (!strcmp(argv[i], "--replay"))
			histories = 1, seed = value;
	}
	return histories ? judge_many(seed, histories) : cmocka_run_group_tests(tests, NULL, NULL);
}
