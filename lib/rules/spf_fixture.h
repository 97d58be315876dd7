/* spf_fixture -- for the tests of SPF: a zone that answers a check, and the official suite
 *
 * tests/spf/README.md has the form of the lines.
 */
#ifndef HATO_LIB_RULES_SPF_FIXTURE_H
#define HATO_LIB_RULES_SPF_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "lib/rules/spf.h"

#define ZONE_MAX    300
#define ANSWERS_MAX 40

struct zone_rr {
	char name[300], type[8], value[2048];
	size_t length; /* of the value: it may have NUL in it */
};

struct zone {
	struct zone_rr rr[ZONE_MAX];
	size_t count;
	size_t asked; /* questions so far */
};

/* "\xNN" undone; how many octets. */
static inline size_t zone_unescape(const char *text, char *out, size_t size)
{
	size_t n = 0;
	unsigned octet;

	while (*text && n + 1 < size) {
		if (sscanf(text, "\\x%2x", &octet) == 1) {
			out[n++] = (char)octet;
			text += 4;
		} else {
			out[n++] = *text++;
		}
	}
	out[n] = '\0';
	return n;
}

/* "NAME TYPE VALUE". */
static inline void zone_add(struct zone *z, const char *line)
{
	char name[300], value[2048] = "";
	struct zone_rr *rr = &z->rr[z->count++];

	assert_true(z->count <= ZONE_MAX);
	assert_true(sscanf(line, "%299s %7s %2047[^\n]", name, rr->type, value) >= 2);
	zone_unescape(name, rr->name, sizeof rr->name);
	rr->length = zone_unescape(value, rr->value, sizeof rr->value);
}

static inline bool zone_is_name(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);

	n -= n > 0 && a[n - 1] == '.';
	m -= m > 0 && b[m - 1] == '.';
	return n == m && strncasecmp(a, b, n) == 0;
}

struct zone_answer {
	struct spf_answer a;
	struct addr addresses[ANSWERS_MAX];
	const char *names[ANSWERS_MAX];
	struct spf_text texts[ANSWERS_MAX];
};

static inline void zone_take(struct zone_answer *out, const struct zone_rr *rr)
{
	size_t i = out->a.count++;
	const char *space = strchr(rr->value, ' ');

	assert_true(i < ANSWERS_MAX);
	out->a.outcome = SPF_FOUND;
	out->texts[i] = (struct spf_text){rr->value, rr->length};
	out->names[i] = strcmp(rr->type, "MX") == 0 ? space + 1 : rr->value;
	if (rr->type[0] == 'A')
		assert_int_equal(addr_parse(rr->value, &out->addresses[i]), 0);
}

/* An alias is followed a few times; what is not listed before a TIMEOUT is not answered. */
static inline void zone_answer(const struct zone *z, const char *name, const char *type,
			       struct zone_answer *out, int aliases)
{
	for (size_t i = 0; i < z->count; i++) {
		const struct zone_rr *rr = &z->rr[i];
		if (!zone_is_name(rr->name, name))
			continue;
		if (strcmp(rr->type, "TIMEOUT") == 0 && out->a.count == 0)
			out->a.outcome = SPF_UNKNOWN;
		else if (strcmp(rr->type, type) == 0)
			zone_take(out, rr);
		else if (strcmp(rr->type, "CNAME") == 0 && aliases < 8)
			zone_answer(z, rr->value, type, out, aliases + 1);
	}
}

static inline void zone_play(struct zone *z, struct spf *s)
{
	static const char *const types[] = {[SPF_A] = "A",
					    [SPF_AAAA] = "AAAA",
					    [SPF_MX] = "MX",
					    [SPF_TXT] = "TXT",
					    [SPF_PTR] = "PTR"};
	const struct spf_ask *ask;

	while ((ask = spf_ask(s))) {
		struct zone_answer *answer = calloc(1, sizeof *answer);
		answer->a = (struct spf_answer){SPF_EMPTY, 0, answer->addresses, answer->names,
						answer->texts};
		zone_answer(z, ask->name, types[ask->type], answer, 0);
		z->asked++;
		spf_answer(s, &answer->a);
		free(answer);
	}
}

#endif
