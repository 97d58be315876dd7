#include "pushsrv/return_path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static const struct {
	const char *in, *out;
} cases[] = {
	{"", ""},
	{"Subject: x\r\n\r\nbody\r\n", "Subject: x\r\n\r\nbody\r\n"},
	{"Return-Path: <a@b>\r\nSubject: x\r\n\r\n", "Subject: x\r\n\r\n"},
	{"rETURN-pATH:<a@b>\r\n", ""},
	{"A: 1\r\nReturn-Path:\r\n <a@b>\r\n\t(c)\r\nB: 2\r\n", "A: 1\r\nB: 2\r\n"},
	{"Return-Path: 1\r\nReturn-Path: 2\r\n x\r\nReturn-Path: 3\r\nB: 2\r\n", "B: 2\r\n"},
	{"A: 1\r\n Return-Path: <a@b>\r\n", "A: 1\r\n Return-Path: <a@b>\r\n"},
	{"Return-Pathology: 1\r\n x\r\n", "Return-Pathology: 1\r\n x\r\n"},
	{"Return-Path : 1\r\n", "Return-Path : 1\r\n"},
	{"X-Return-Path: 1\r\n", "X-Return-Path: 1\r\n"},
	{"Return-P\r\nReturn-Path: 1\r\n", "Return-P\r\n"},
	{"Return-P", "Return-P"},
	{"\r\nReturn-Path: in the body\r\n", "\r\nReturn-Path: in the body\r\n"},
	{"A: 1\r\n\r\nReturn-Path: 1\r\n x\r\n", "A: 1\r\n\r\nReturn-Path: 1\r\n x\r\n"},
	{"Return-Path: 1\r\n\r\n folded? no\r\n", "\r\n folded? no\r\n"},
	{" A: 1\r\nReturn-Path: 1\r\n", " A: 1\r\n"},
};

struct gathered {
	char octets[256];
	size_t n;
};

static void gather(void *arg, const uint8_t *run, size_t n)
{
	struct gathered *g = arg;

	assert_true(n > 0 && g->n + n < sizeof g->octets);
	memcpy(g->octets + g->n, run, n);
	g->n += n;
}

/* However the octets are cut. */
static void drops_what_it_must(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t n = strlen(cases[i].in);
		for (size_t step = 1; step <= n + 1; step++) {
			struct return_path f = {0};
			struct gathered g = {.n = 0};
			for (size_t at = 0; at < n; at += step)
				return_path_feed(&f, (const uint8_t *)cases[i].in + at,
						 n - at < step ? n - at : step, gather, &g);
			return_path_finish(&f, gather, &g);
			g.octets[g.n] = '\0';
			if (strcmp(g.octets, cases[i].out) != 0)
				fail_msg("case %zu by %zu: \"%s\"", i, step, g.octets);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(drops_what_it_must)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
