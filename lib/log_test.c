/* What a line of the log looks like. */
#include "lib/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define LINE_ROOM 4096
#define TIME      "{\"time\":\"dddd-dd-ddTdd:dd:dd.dddZ\","

static char line[LINE_ROOM];

/* What is logged between the two, with each digit of its time made a `d`. */
static int stderr_kept, ends[2];

static void listen_to_it(void)
{
	assert_int_equal(pipe(ends), 0);
	stderr_kept = dup(STDERR_FILENO);
	dup2(ends[1], STDERR_FILENO);
}

static const char *heard(void)
{
	dup2(stderr_kept, STDERR_FILENO);
	close(stderr_kept);
	close(ends[1]);
	ssize_t n = read(ends[0], line, sizeof line - 1);
	close(ends[0]);
	assert_true(n > (ssize_t)strlen(TIME));
	line[n] = '\0';
	for (size_t i = 0; i < strlen(TIME); i++)
		if (TIME[i] == 'd' && line[i] >= '0' && line[i] <= '9')
			line[i] = 'd';
	return line;
}

static void fields(void **state)
{
	const char *realm = "default", *none = NULL;

	(void)state;
	listen_to_it();
	log_event(LOG_WARN, "something", LOG_TEXT("realm", realm), LOG_TEXT("none", none),
		  LOG_INT("zero", 0), LOG_INT("least", INT64_MIN), LOG_INT("most", INT64_MAX),
		  LOG_INT("ten", 10), LOG_END);
	assert_string_equal(heard(),
			    TIME "\"level\":\"warn\",\"daemon\":\"tester\",\"event\":\"something\","
				 "\"realm\":\"default\",\"none\":\"\",\"zero\":0,"
				 "\"least\":-9223372036854775808,\"most\":9223372036854775807,"
				 "\"ten\":10}\n");
}

static void escapes(void **state)
{
	const char *text = "a\"b\\c\r\n\x7f\xc3\xa4z";

	(void)state;
	listen_to_it();
	log_event(LOG_ERROR, "said", LOG_TEXT("text", text), LOG_END);
	assert_string_equal(heard(),
			    TIME "\"level\":\"error\",\"daemon\":\"tester\",\"event\":\"said\","
				 "\"text\":\"a\\\"b\\\\c\\u000d\\u000a\\u007f\\u00c3\\u00a4z\"}\n");
}

/* Too long a text is cut; the line stays one line and whole. */
static void long_texts(void **state)
{
	static const char fillers[] = {'x', '\n'};
	static char room[LINE_ROOM];
	char *text = room;

	(void)state;
	for (size_t i = 0; i < sizeof fillers; i++) {
		memset(text, fillers[i], sizeof room - 1);
		listen_to_it();
		log_event(LOG_ERROR, "long", LOG_TEXT("a", text), LOG_TEXT("b", text), LOG_END);
		const char *told = heard();
		size_t n = strlen(told);
		assert_in_range(n, 1900, 2048);
		assert_string_equal(told + n - 3, "\"}\n");
		assert_ptr_equal(strchr(told, '\n'), told + n - 1);
	}
}

static void levels(void **state)
{
	(void)state;
	assert_false(log_level_set("loud"));
	assert_true(log_level_set("warn"));
	assert_true(log_wants(LOG_WARN));
	assert_false(log_wants(LOG_INFO));
	assert_true(log_level_set("info"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields),
		cmocka_unit_test(escapes),
		cmocka_unit_test(long_texts),
		cmocka_unit_test(levels),
	};

	log_init("tester");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
