#include "lib/wire/smtp/data.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(array)    (sizeof(array) / sizeof((array)[0]))
#define TEXT(literal)   literal, sizeof literal - 1
#define BUFFER_MAX      4096
#define LINE_MAX_OCTETS 8

#define CR   SMTP_CONTENT_BARE_CR
#define LF   SMTP_CONTENT_BARE_LF
#define NUL  SMTP_CONTENT_NUL
#define LONG SMTP_CONTENT_LONG_LINE
#define DOT  SMTP_CONTENT_DOT_LINE
#define BIT8 SMTP_CONTENT_8BIT
#define HEAD SMTP_CONTENT_HEADER_END
#define CUT  SMTP_CONTENT_CUT

struct buffer {
	uint8_t bytes[BUFFER_MAX];
	size_t len;
};

static void append(void *arg, const uint8_t *run, size_t n)
{
	struct buffer *b = arg;

	assert_true(n > 0 && b->len + n <= BUFFER_MAX);
	memcpy(b->bytes + b->len, run, n);
	b->len += n;
}

/* -- the model: the same rules, told line by line over the whole input -- */

struct model {
	struct buffer content;
	bool has_ended;
	size_t used;
};

static const uint8_t *find_crlf(const uint8_t *in, size_t n)
{
	for (size_t i = 0; i + 1 < n; i++)
		if (in[i] == '\r' && in[i + 1] == '\n')
			return in + i;
	return NULL;
}

static void model_data(const uint8_t *in, size_t n, struct model *m)
{
	const uint8_t *at = in, *end = in + n, *crlf;

	memset(m, 0, sizeof *m);
	while ((crlf = find_crlf(at, (size_t)(end - at)))) {
		const uint8_t *line = at;
		at = crlf + 2;
		if (*line == '.' && crlf == line + 1) {
			m->has_ended = true;
			break;
		}
		if (*line == '.')
			line++;
		append(&m->content, line, (size_t)(at - line));
	}
	m->used = (size_t)(at - in);
}

static unsigned model_flags(const uint8_t *in, size_t n)
{
	unsigned flags = 0;
	size_t line = 0;

	for (size_t i = 0; i < n; i++) {
		bool is_crlf = in[i] == '\r' && i + 1 < n && in[i + 1] == '\n';
		if (i == line && in[i] == '.')
			flags |= DOT;
		if (is_crlf) {
			flags |= i == line ? HEAD : 0;
			line = i + 2;
			i++;
			continue;
		}
		flags |= in[i] == '\r' ? CR : in[i] == '\n' ? LF : in[i] == 0 ? NUL : 0;
		flags |= in[i] & 0x80 ? BIT8 : 0;
		flags |= i - line + 1 > LINE_MAX_OCTETS ? LONG : 0;
	}
	return flags | (line < n ? CUT : 0);
}

/* -- one input, cut after octet i where bit i of `cuts` is set -- */

struct outcome {
	struct smtp_data data;
	struct buffer content;
	int ended;
	size_t used;
};

static void run_cut(const uint8_t *in, size_t n, uint64_t cuts, struct outcome *o)
{
	smtp_data_init(&o->data, LINE_MAX_OCTETS);
	o->content.len = o->used = 0;
	o->ended = 0;
	for (size_t from = 0; from < n && !o->ended;) {
		size_t to = from + 1, used = SIZE_MAX;
		while (to < n && !(cuts >> (to - 1) & 1))
			to++;
		o->ended =
			smtp_data_feed(&o->data, in + from, to - from, &used, append, &o->content);
		assert_true(o->ended ? used <= to - from : used == to - from);
		o->used += used;
		from = to;
	}
}

static unsigned content_flags(const uint8_t *in, size_t n, uint64_t cuts, size_t *tail)
{
	struct smtp_content c;

	smtp_content_init(&c, LINE_MAX_OCTETS);
	for (size_t from = 0; from < n;) {
		size_t to = from + 1;
		while (to < n && !(cuts >> (to - 1) & 1))
			to++;
		smtp_content_feed(&c, in + from, to - from);
		from = to;
	}
	*tail = smtp_content_finish(&c);
	assert_int_equal(c.octets, n + *tail);
	assert_int_equal(smtp_content_finish(&c), 0);
	return c.flags;
}

static bool outcome_is(const struct outcome *o, const struct model *m)
{
	if (o->ended != m->has_ended)
		return false;
	if (!m->has_ended) /* the last, unfinished line is the reader's to pass on early */
		return o->content.len >= m->content.len &&
		       memcmp(o->content.bytes, m->content.bytes, m->content.len) == 0;
	return o->used == m->used && o->content.len == m->content.len &&
	       memcmp(o->content.bytes, m->content.bytes, m->content.len) == 0 &&
	       o->data.content.octets == m->content.len &&
	       o->data.content.flags == model_flags(m->content.bytes, m->content.len);
}

static void check_cut(const uint8_t *in, size_t n, uint64_t cuts, const struct model *m,
		      struct outcome *o)
{
	size_t tail;

	run_cut(in, n, cuts, o);
	unsigned flags = content_flags(in, n, cuts, &tail);
	unsigned want = model_flags(in, n);
	if (outcome_is(o, m) && flags == want && tail == (want & CUT ? 2 : 0))
		return;
	for (size_t i = 0; i < n; i++)
		print_message("%02x%s", in[i], cuts >> i & 1 ? "|" : " ");
	fail_msg("ended %d used %zu content %zu flags %#x; as chunk %#x, wanted %#x", o->ended,
		 o->used, o->content.len, o->data.content.flags, flags, want);
}

/* All strings up to 6 octets over the alphabet that matters, in all ways to cut them. */
static void test_all_strings_all_cuts(void **state)
{
	static const uint8_t alphabet[] = {'\r', '\n', '.', 'a', '\0'};
	struct outcome *o = malloc(sizeof *o);
	struct model *m = malloc(sizeof *m);

	(void)state;
	for (size_t n = 1; n <= 6; n++) {
		size_t strings = 1;
		for (size_t i = 0; i < n; i++)
			strings *= COUNT(alphabet);
		for (size_t s = 0; s < strings; s++) {
			uint8_t in[6];
			size_t rest = s;
			for (size_t i = 0; i < n; i++, rest /= COUNT(alphabet))
				in[i] = alphabet[rest % COUNT(alphabet)];
			model_data(in, n, m);
			for (uint64_t cuts = 0; cuts < UINT64_C(1) << (n - 1); cuts++)
				check_cut(in, n, cuts, m, o);
		}
	}
	free(o);
	free(m);
}

static const struct {
	const char *in;
	size_t n;
	int ended;
	const char *content;
	size_t content_len;
	unsigned flags;
} nasty[] = {
	{TEXT(".\r\n"), 1, TEXT(""), 0},
	{TEXT("a\r\n.\r\nQUIT\r\n"), 1, TEXT("a\r\n"), 0},
	{TEXT("\r\n.\r\n"), 1, TEXT("\r\n"), HEAD},
	{TEXT("..\r\n.\r\n"), 1, TEXT(".\r\n"), DOT},
	{TEXT(".a\r\n.\r\n"), 1, TEXT("a\r\n"), 0},
	{TEXT("a\r\n...\r\n..b\r\n.\r\n"), 1, TEXT("a\r\n..\r\n.b\r\n"), DOT},
	{TEXT("a\n.\n"), 0, TEXT("a\n.\n"), LF},
	{TEXT("a\n.\r\nb\r\n.\r\n"), 1, TEXT("a\n.\r\nb\r\n"), LF},
	{TEXT("a\r\n.\nb\r\n.\r\n"), 1, TEXT("a\r\n\nb\r\n"), LF},
	{TEXT("a\r.\rb\r\n.\r\n"), 1, TEXT("a\r.\rb\r\n"), CR},
	{TEXT("a\r\n.\r.\r\n.\r\n"), 1, TEXT("a\r\n\r.\r\n"), CR},
	{TEXT("a\r\n\0.\r\nb\r\n.\r\n"), 1, TEXT("a\r\n\0.\r\nb\r\n"), NUL},
	{TEXT("a\r\n.\0\r\nb\r\n.\r\n"), 1, TEXT("a\r\n\0\r\nb\r\n"), NUL},
	{TEXT("a\r\n.\r\0\nb\r\n.\r\n"), 1, TEXT("a\r\n\r\0\nb\r\n"), CR | NUL | LF},
	{TEXT("a\r\r\n.\r\n"), 1, TEXT("a\r\r\n"), CR},
	{TEXT("a\r\n.\r\r\n.\r\n"), 1, TEXT("a\r\n\r\r\n"), CR},
	{TEXT("a\r\n. \r\n.\r\n"), 1, TEXT("a\r\n \r\n"), 0},
	{TEXT("a\n\r\n.\r\n"), 1, TEXT("a\n\r\n"), LF},
	{TEXT("12345678\r\n.\r\n"), 1, TEXT("12345678\r\n"), 0},
	{TEXT("123456789\r\n.\r\n"), 1, TEXT("123456789\r\n"), LONG},
	{TEXT(".12345678\r\n.\r\n"), 1, TEXT("12345678\r\n"), 0},
	{TEXT("1234567\r\r\n.\r\n"), 1, TEXT("1234567\r\r\n"), CR},
	{TEXT("1234567\n\r\n.\r\n"), 1, TEXT("1234567\n\r\n"), LF},
	{TEXT("12345678\r\r\n.\r\n"), 1, TEXT("12345678\r\r\n"), CR | LONG},
	{TEXT("a\xe3\x81\x82\r\n.\r\n"), 1, TEXT("a\xe3\x81\x82\r\n"), BIT8},
	{TEXT("a\r\n.\r\n\xff\0"), 1, TEXT("a\r\n"), 0}, /* what follows the end is not looked at */
	{TEXT("a\r\n."), 0, TEXT("a\r\n"), 0},
	{TEXT("a\r\n.\r"), 0, TEXT("a\r\n"), 0},
	{TEXT("a:\r\n\r\nb\r\n.\r\n"), 1, TEXT("a:\r\n\r\nb\r\n"), HEAD},
};

static void test_nasty(void **state)
{
	struct outcome *o = malloc(sizeof *o);

	(void)state;
	for (size_t i = 0; i < COUNT(nasty); i++) {
		uint64_t all = nasty[i].n > 14 ? 0 : UINT64_C(1) << (nasty[i].n - 1);
		for (uint64_t cuts = 0; cuts < all + 2; cuts++) {
			const uint8_t *in = (const uint8_t *)nasty[i].in;
			run_cut(in, nasty[i].n, cuts == all + 1 ? UINT64_MAX : cuts, o);
			if (o->ended != nasty[i].ended || o->content.len != nasty[i].content_len ||
			    memcmp(o->content.bytes, nasty[i].content, o->content.len) != 0 ||
			    o->data.content.flags != nasty[i].flags)
				fail_msg("row %zu cuts %#zx: ended %d content %zu flags %#x", i,
					 (size_t)cuts, o->ended, o->content.len,
					 o->data.content.flags);
		}
	}
	free(o);
}

static void test_nothing_after_the_end(void **state)
{
	struct outcome o;
	size_t used = 99;

	(void)state;
	run_cut((const uint8_t *)".\r\nX", 4, 0, &o);
	assert_int_equal(o.used, 3);
	assert_int_equal(smtp_data_feed(&o.data, (const uint8_t *)"a\r\n", 3, &used, NULL, NULL),
			 1);
	assert_int_equal(used, 0);
	smtp_data_init(&o.data, 1);
	assert_int_equal(smtp_data_feed(&o.data, NULL, 0, &used, NULL, NULL), 0);
	assert_int_equal(used, 0);
}

static const struct {
	const char *content;
	size_t n;
	unsigned received;
	size_t line_longest;
} headers[] = {
	{TEXT("Received: a\r\nRECEIVED:b\r\nreceived \t: c\r\n\r\n"), 3, 13},
	{TEXT("X-Received: a\r\nReceived-SPF: b\r\nReceive: c\r\nReceivedd: d\r\n\r\n"), 0, 15},
	{TEXT("Received: a\r\n\tReceived: b\r\n Received: c\r\n\r\n"), 1, 12},
	{TEXT("\r\nReceived: a\r\n"), 0, 11},
	{TEXT("Subject: a\r\n\r\nReceived: a\r\n"), 0, 11},
	{TEXT("a\nReceived: a\r\n"), 0, 13},
	{TEXT("a\rReceived: a\r\n"), 0, 13},
	{TEXT("Received"), 0, 8},
	{TEXT("Received\r\n: a\r\n"), 0, 8},
	{TEXT("Received x: a\r\n"), 0, 13},
	{TEXT("Rec\reived: a\r\n"), 0, 12},
	{TEXT("Received\r: a\r\n"), 0, 12},
	{TEXT("Received\n: a\r\n"), 0, 12},
	{TEXT("Received:"), 1, 9},
};

static void test_received(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(headers); i++)
		for (size_t step = 1; step <= headers[i].n; step++) {
			struct smtp_content c;
			smtp_content_init(&c, 998);
			for (size_t at = 0; at < headers[i].n; at += step) {
				size_t n = headers[i].n - at < step ? headers[i].n - at : step;
				smtp_content_feed(&c, (const uint8_t *)headers[i].content + at, n);
			}
			smtp_content_finish(&c);
			if (c.received != headers[i].received ||
			    c.line_longest != headers[i].line_longest)
				fail_msg("row %zu step %zu: %u received, longest %zu", i, step,
					 c.received, (size_t)c.line_longest);
		}
}

static void test_finish(void **state)
{
	static const struct {
		const char *content;
		size_t n, tail;
		unsigned flags;
	} rows[] = {{TEXT(""), 0, 0},
		    {TEXT("a\r\n"), 0, 0},
		    {TEXT("a"), 2, CUT},
		    {TEXT("a\r"), 2, CUT | CR},
		    {TEXT("\r"), 2, CUT | CR},
		    {TEXT("a\n"), 2, CUT | LF},
		    {TEXT("\r\n"), 0, HEAD},
		    {TEXT("."), 2, CUT | DOT},
		    {TEXT("\r\n."), 2, CUT | DOT | HEAD}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t tail;
		unsigned flags =
			content_flags((const uint8_t *)rows[i].content, rows[i].n, 0, &tail);
		if (tail != rows[i].tail || flags != rows[i].flags)
			fail_msg("row %zu: %zu %#x", i, tail, flags);
	}
}

static void test_8bit_wherever_it_is(void **state)
{
	(void)state;
	for (size_t n = 1; n < 100; n++)
		for (size_t at = 0; at < n; at++) {
			uint8_t in[100];
			struct smtp_content c;
			memset(in, 0x7f, n);
			in[at] = 0x80;
			smtp_content_init(&c, 998);
			smtp_content_feed(&c, in, n);
			assert_int_equal(c.flags, BIT8);
		}
}

static const struct {
	const char *content, *wire;
} stuffed[] = {
	{"", ".\r\n"},
	{"a\r\n", "a\r\n.\r\n"},
	{"a", "a\r\n.\r\n"},
	{"a\r", "a\r\r\n.\r\n"},
	{".", "..\r\n.\r\n"},
	{".\r\n", "..\r\n.\r\n"},
	{"..\r\n", "...\r\n.\r\n"},
	{"a.b\r\n.c\r\n\r\n.\r\n", "a.b\r\n..c\r\n\r\n..\r\n.\r\n"},
	{"a\n.b\r.c\r\n", "a\n.b\r.c\r\n.\r\n"},
	{"\r\n.", "\r\n..\r\n.\r\n"},
};

static void stuff_cut(const char *content, size_t n, uint64_t cuts, struct buffer *out)
{
	struct dot_stuff s = {0};

	out->len = 0;
	for (size_t from = 0; from < n;) {
		size_t to = from + 1;
		while (to < n && !(cuts >> (to - 1) & 1))
			to++;
		dot_stuff_feed(&s, (const uint8_t *)content + from, to - from, append, out);
		from = to;
	}
	dot_stuff_end(&s, append, out);
}

static void test_stuffing(void **state)
{
	struct buffer wire;
	struct outcome back;

	(void)state;
	for (size_t i = 0; i < COUNT(stuffed); i++) {
		size_t n = strlen(stuffed[i].content);
		for (uint64_t cuts = 0; cuts < UINT64_C(1) << (n ? n - 1 : 0); cuts++) {
			stuff_cut(stuffed[i].content, n, cuts, &wire);
			if (wire.len != strlen(stuffed[i].wire) ||
			    memcmp(wire.bytes, stuffed[i].wire, wire.len) != 0)
				fail_msg("row %zu cuts %#zx: %.*s", i, (size_t)cuts, (int)wire.len,
					 (const char *)wire.bytes);
			run_cut(wire.bytes, wire.len, cuts, &back);
			assert_int_equal(back.ended, 1);
			assert_int_equal(back.used, wire.len);
			assert_true(back.content.len == n || back.content.len == n + 2);
			assert_memory_equal(back.content.bytes, stuffed[i].content, n);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nasty),
		cmocka_unit_test(test_all_strings_all_cuts),
		cmocka_unit_test(test_nothing_after_the_end),
		cmocka_unit_test(test_received),
		cmocka_unit_test(test_finish),
		cmocka_unit_test(test_8bit_wherever_it_is),
		cmocka_unit_test(test_stuffing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
