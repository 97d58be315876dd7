#include "lib/wire/smtp/header.h"
#include "lib/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What was told, written down: `name=value.` a field, `?value.` a line that is none, '+' for one
 * that is cut, and how it ended. `raw` is what a copier would write on. */
struct heard {
	char told[4096], raw[4096];
	size_t told_len, raw_len;
	unsigned ends;
};

static void note(struct heard *h, const char *text, size_t n)
{
	assert_true(h->told_len + n < sizeof h->told);
	memcpy(h->told + h->told_len, text, n);
	h->told_len += n;
	h->told[h->told_len] = '\0';
}

static void copy(struct heard *h, const char *octets, size_t n)
{
	assert_true(h->raw_len + n < sizeof h->raw);
	memcpy(h->raw + h->raw_len, octets, n);
	h->raw_len += n;
}

static void on_field(void *arg, const struct header_field *f)
{
	note(arg, f->name, f->name_len);
	note(arg, f->name_len ? "=" : "?", 1);
	note(arg, f->value, f->value_len);
	note(arg, f->is_cut ? "+" : ".", 1);
	copy(arg, f->raw, f->raw_len);
	assert_ptr_equal(f->name, f->raw);
}

static void on_more(void *arg, const char *octets, size_t n)
{
	assert_true(n > 0);
	copy(arg, octets, n);
}

static void on_end(void *arg, enum header_end how)
{
	struct heard *h = arg;

	h->ends++;
	note(h, &"EN!"[how], 1);
	if (how == HEADER_EMPTY_LINE)
		copy(h, "\r\n", 2);
}

static const struct header_sink sink = {on_field, on_more, on_end};

/* In pieces of `step` octets. */
static struct heard hear(const char *text, size_t n, struct header_limits limits, size_t step,
			 size_t *used)
{
	struct heard heard = {0};
	struct header h;
	size_t taken;

	header_init(&h, &limits, &sink, &heard);
	*used = 0;
	for (size_t at = 0; at < n && *used == at; at += step) {
		size_t piece = n - at < step ? n - at : step;
		assert_int_equal(header_feed(&h, (const uint8_t *)text + at, piece, &taken), 0);
		*used += taken;
		assert_true(taken == piece || h.has_ended);
	}
	assert_int_equal(header_finish(&h), 0);
	assert_int_equal(heard.ends, 1);
	copy(&heard, text + *used, n - *used);
	header_fini(&h);
	return heard;
}

static const struct {
	const char *text, *told, *body;
} headers[] = {
	{"", "N", ""},
	{"\r\n", "E", ""},
	{"\r\nx", "E", "x"},
	{"A: b\r\n\r\nbody\r\n", "A=b.E", "body\r\n"},
	{"A: b\r\n\r\n\r\n", "A=b.E", "\r\n"},
	{"A: b\r\nC:d\r\n", "A=b.C=d.N", ""},
	{"A: b", "A=b.N", ""},
	{"A: b\r", "A=b\r.N", ""},
	{"A:\r\n\r\n", "A=.E", ""},
	{"A: \r\n \r\n\t\r\n\r\n", "A=.E", ""},
	{"A: b\r\n c\r\n\td \r\nE: f\r\n\r\n", "A=b c\td.E=f.E", ""},
	{"A:\r\n b: c\r\n\r\n", "A=b: c.E", ""},
	{"a-B_c \t: d\r\n\r\n", "a-B_c=d.E", ""},
	{"A: b: c\r\n\r\n", "A=b: c.E", ""},
	/* no fields */
	{" b\r\n c\r\nA: b\r\n\r\n", "?b c.A=b.E", ""},
	{"hello\r\n\r\n", "?hello.E", ""},
	{"A b: c\r\n\r\n", "?A b: c.E", ""},
	{": c\r\n\r\n", "?: c.E", ""},
	{"\x82\xa0: c\r\n\r\n", "?\x82\xa0: c.E", ""},
	{"From a@b Thu\r\nA: b\r\n\r\n", "?From a@b Thu.A=b.E", ""},
	/* what ends no line */
	{"A: b\nC: d\r\n\r\n", "A=b\nC: d.E", ""},
	{"A: b\rC: d\r\n\r\n", "A=b\rC: d.E", ""},
	{"A: b\n\nC\r\n\r\n", "A=b\n\nC.E", ""},
	{"A: b\r\n\n\r\nC: d\r\n\r\n", "A=b.?\n.C=d.E", ""},
	{"A: b\r\n\r\r\nC: d\r\n\r\n", "A=b.?\r.C=d.E", ""},
	{"\rA: b\r\n\r\n", "?\rA: b.E", ""},
	{"A: b\r\n\r \n\r\n\r\n", "A=b.?\r \n.E", ""},
	{"A: b\r\r\n c\r\n\r\n", "A=b\r c.E", ""},
};

static void test_headers(void **state)
{
	const struct header_limits limits = {1000, 10000, 100};

	(void)state;
	for (size_t i = 0; i < COUNT(headers); i++)
		for (size_t step = 1; step < 8; step++) {
			size_t n = strlen(headers[i].text), used;
			struct heard heard = hear(headers[i].text, n, limits, step, &used);
			if (strcmp(heard.told, headers[i].told) != 0)
				fail_msg("%s: \"%s\" instead of \"%s\"", headers[i].text,
					 heard.told, headers[i].told);
			assert_string_equal(headers[i].text + used, headers[i].body);
			assert_int_equal(heard.raw_len, n);
			assert_memory_equal(heard.raw, headers[i].text, n);
		}
}

/* field_max, octets_max, fields_max */
static const struct {
	const char *text;
	struct header_limits limits;
	const char *told, *rest;
} limited[] = {
	{"A: bcd\r\nE: f\r\n\r\nx", {8, 99, 9}, "A=bcd.E=f.E", "x"},
	{"A: bcd\r\nE: f\r\n\r\nx", {7, 99, 9}, "A=bcd\r+E=f.E", "x"},
	{"A: bcd\r\nE: f\r\n\r\nx", {4, 99, 9}, "A=b+E=f+E", "x"},
	{"A: b\r\n c\r\n\td\r\nE: f\r\n\r\nx", {8, 99, 9}, "A=b c+E=f.E", "x"},
	{"A: b\r\n c\r\n\r\nx", {6, 99, 9}, "A=b+E", "x"},
	{"A: b\r\nC: d\r\n\r\nx", {99, 14, 9}, "A=b.C=d.E", "x"},
	{"A: b\r\nC: d\r\n\r\nx", {99, 13, 9}, "A=b.C=d.?\r+!", "\nx"},
	{"A: b\r\nC: d\r\n\r\nx", {99, 12, 9}, "A=b.C=d.!", "\r\nx"},
	{"A: b\r\nC: d\r\n\r\nx", {99, 10, 9}, "A=b.C=d+!", "\r\n\r\nx"},
	{"A: b\r\nC: d\r\n\r\nx", {99, 6, 9}, "A=b.!", "C: d\r\n\r\nx"},
	{"A: bcdef\r\nC: d\r\n\r\nx", {4, 6, 9}, "A=b+!", "ef\r\nC: d\r\n\r\nx"},
	{"A: b\r\nC: d\r\n\r\nx", {99, 99, 2}, "A=b.C=d.E", "x"},
	{"A: b\r\nC: d\r\n\r\nx", {99, 99, 1}, "A=b.!", "C: d\r\n\r\nx"},
	{"A: b\r\n e\r\nC: d\r\n\r\nx", {99, 99, 1}, "A=b e.!", "C: d\r\n\r\nx"},
	{"A: b\r\n\r\nx", {99, 99, 1}, "A=b.E", "x"},
	{"A: b\r\n\rx\r\n\ry\r\nC: d\r\n\r\nx", {99, 99, 1}, "A=b.?\rx.!", "\ry\r\nC: d\r\n\r\nx"},
	{"A: b\r\n", {99, 99, 0}, "!", "A: b\r\n"},
	{"\r\nx", {99, 99, 0}, "E", "x"},
};

static void test_limits(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(limited); i++)
		for (size_t step = 1; step < 8; step++) {
			size_t n = strlen(limited[i].text), used;
			struct heard heard =
				hear(limited[i].text, n, limited[i].limits, step, &used);
			if (strcmp(heard.told, limited[i].told) != 0)
				fail_msg("%s: \"%s\" instead of \"%s\"", limited[i].text,
					 heard.told, limited[i].told);
			assert_string_equal(limited[i].text + used, limited[i].rest);
			assert_memory_equal(heard.raw, limited[i].text, n);
		}
}

struct tally {
	size_t fields, octets;
};

static void count_field(void *arg, const struct header_field *f)
{
	struct tally *t = arg;

	t->fields++;
	t->octets += f->raw_len;
}

static void count_more(void *arg, const char *octets, size_t n)
{
	struct tally *t = arg;

	(void)octets;
	t->octets += n;
}

static void count_end(void *arg, enum header_end how)
{
	(void)arg, (void)how;
}

static const struct header_sink counting = {count_field, count_more, count_end};

/* A field of 10 MB, and one that never ends: what is held stays small. */
static void test_bombs(void **state)
{
	const struct header_limits limits = {65536, SIZE_MAX, 1000};
	static uint8_t piece[1 << 16];
	struct tally t = {0};
	struct header h;
	size_t used;

	(void)state;
	header_init(&h, &limits, &counting, &t);
	assert_int_equal(header_feed(&h, (const uint8_t *)"A:", 2, &used), 0);
	memset(piece, 'a', sizeof piece);
	for (size_t i = 0; i < 160; i++)
		assert_int_equal(header_feed(&h, piece, sizeof piece, &used), 0);
	assert_int_equal(t.fields, 1);
	assert_int_equal(t.octets, 2 + 160 * sizeof piece);
	assert_true(h.room <= limits.field_max);
	assert_int_equal(header_feed(&h, (const uint8_t *)"\r\n", 2, &used), 0);
	size_t fed = 0;
	for (size_t i = 0; i < 10000 && !h.has_ended; i++) {
		assert_int_equal(header_feed(&h, (const uint8_t *)"B: c\r\n", 6, &used), 0);
		fed += used == 6;
	}
	assert_int_equal(fed, 999);
	assert_int_equal(t.fields, 1000);
	header_fini(&h);
}

static void test_is(void **state)
{
	const struct header_field f = {.name = "Bcc: x", .name_len = 3};

	(void)state;
	assert_true(header_is(&f, "bcc"));
	assert_true(header_is(&f, "BCC"));
	assert_false(header_is(&f, "bc"));
	assert_false(header_is(&f, "bccc"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
