/* SPF checks from memory: the fuzzer is the sender and its DNS. Its octets are lines, one for each
 * answer: the first octet says what kind of answer, the rest is what it says. What must hold
 * whatever comes: it ends within its limits, asks only for names, and says only ASCII. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/rules/spf.h"

#define ASKS_MAX (1 + SPF_TERMS_MAX * (1 + SPF_MX_MAX) + 1 + SPF_PTR_MAX + 1)
#define MANY     12

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

struct lines {
	const char *at, *end;
};

/* The next line, around again at the end. */
static size_t next_line(struct lines *l, const char *begin, const char **line)
{
	if (l->at >= l->end)
		l->at = begin;
	*line = l->at;
	const char *lf = memchr(l->at, '\n', (size_t)(l->end - l->at));
	const char *end = lf ? lf : l->end;
	l->at = end + 1;
	return (size_t)(end - *line);
}

static void is_name(const char *name)
{
	size_t n = strlen(name);

	must(n > 0 && n <= SPF_NAME_MAX);
	for (size_t i = 0; i < n; i++)
		must(name[i] >= ' ' && name[i] <= '~');
}

static void answer(struct spf *s, const char *line, size_t n)
{
	struct addr addresses[MANY] = {0};
	const char *names[MANY];
	struct spf_text texts[MANY];
	char name[300];
	unsigned kind = n ? (unsigned char)line[0] : 0;
	struct spf_answer a = {
		.count = 1 + kind % MANY, .addresses = addresses, .names = names, .texts = texts};

	a.outcome = kind == '?' ? SPF_UNKNOWN : kind == '!' ? SPF_EMPTY : SPF_FOUND;
	size_t kept = n > 1 ? n - 1 : 0, cut = kept < sizeof name ? kept : sizeof name - 1;
	memcpy(name, line + (n > 0), cut);
	name[cut] = '\0';
	char *octets = malloc(kept + 1); /* its end is where the sanitizer sees it */
	memcpy(octets, line + (n > 0), kept);
	for (size_t i = 0; i < MANY; i++) {
		names[i] = name;
		texts[i] = (struct spf_text){octets, kept};
		memcpy(addresses[i].bytes, name, cut < 16 ? cut : 16);
	}
	if (a.count > 1 && spf_ask(s)->type == SPF_TXT)
		a.count = kind & 64 ? 1 : 2;
	if (a.outcome != SPF_FOUND)
		a.count = 0;
	spf_answer(s, &a);
	free(octets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct spf_question q = {.domain = "b.test", .helo = "c.test", .receiver = "mx.test"};
	const char *begin = (const char *)data, *line;
	struct lines l = {begin, begin + size};
	char local[65];
	struct spf *s;
	size_t asks = 0;

	if (size < 18)
		return 0;
	memcpy(q.client.bytes, data, 16);
	if (data[0] & 1)
		addr_parse("192.0.2.1", &q.client);
	l.at += 16;
	size_t n = next_line(&l, begin, &line);
	n = n < sizeof local ? n : sizeof local - 1;
	memcpy(local, line, n);
	local[n] = '\0';
	q.sender_local = local;
	must(spf_begin(&q, &s) == 0);
	while (spf_ask(s)) {
		is_name(spf_ask(s)->name);
		must(++asks <= ASKS_MAX);
		n = next_line(&l, begin, &line);
		answer(s, line, n);
	}
	must(spf_result(s) < SPF_RESULTS);
	must(strlen(spf_explanation(s)) <= SPF_EXPLANATION_MAX);
	for (const char *c = spf_explanation(s); *c; c++)
		must(*c >= ' ' && *c <= '~');
	spf_free(s);
	return 0;
}
