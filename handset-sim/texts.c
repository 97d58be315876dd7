#include "handset-sim/texts.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

#define LONG_COPIES 12 /* so that it takes several parts */

static const struct {
	const char *words;
	bool is_gsm, is_long;
} forms[TEXTS_FORMS] = {
	{"On my way, see you at 5.", true, false},
	{"[1] mail from a@b: 5 \xe2\x82\xac {~}", true, false},
	{"\xe6\x96\xb0\xe7\x9d\x80\xe3\x83\xa1\xe3\x83\xbc\xe3\x83\xab", false, false},
	{"Every part has to come, [in] any order. ", true, true},
	{"\xe9\xb3\xa9\xf0\x9f\x95\x8a\xe3\x81\x8c\xe6\x9d\xa5\xe3\x81\x9f ", false, true},
};

int texts_init(struct texts *t, uint32_t count, uint32_t phones, uint64_t run)
{
	unsigned short state[3] = {(unsigned short)run, (unsigned short)(run >> 16), 0x330e};

	*t = (struct texts){.count = count, .run = run};
	t->texts = calloc((size_t)count + 1, sizeof *t->texts);
	if (!t->texts)
		return E_NOMEM;
	for (uint32_t i = 0; i < count; i++) {
		t->texts[i].from = (uint32_t)nrand48(state) % phones;
		t->texts[i].to = (uint32_t)nrand48(state) % phones;
	}
	return 0;
}

void texts_fini(struct texts *t)
{
	free(t->texts);
	t->texts = NULL;
}

bool texts_is_gsm(uint32_t index)
{
	return forms[index % TEXTS_FORMS].is_gsm;
}

size_t texts_compose(const struct texts *t, uint32_t index, char out[TEXTS_MAX + 1])
{
	const char *words = forms[index % TEXTS_FORMS].words;
	int n = snprintf(out, TEXTS_MAX, "%" PRIx64 "-%" PRIu32 " %s", t->run, index, words);
	size_t len = n > 0 ? (size_t)n : 0;

	for (int i = 0; forms[index % TEXTS_FORMS].is_long && i < LONG_COPIES; i++) {
		size_t more = strlen(words);
		if (len + more > TEXTS_MAX)
			break;
		memcpy(out + len, words, more + 1);
		len += more;
	}
	return len;
}

void texts_written(struct texts *t, uint32_t index, size_t parts)
{
	t->texts[index].is_written = true;
	t->texts[index].parts_left = (uint8_t)parts;
	t->written++;
}

void texts_sent(struct texts *t, uint32_t index, bool is_taken)
{
	struct text *x = &t->texts[index];

	if (!is_taken && !x->is_refused) {
		x->is_refused = true;
		t->refused++;
	}
	if (x->parts_left && --x->parts_left == 0 && !x->is_refused)
		t->taken++;
}

bool texts_identify(const struct texts *t, const char *text, uint32_t *index)
{
	uint64_t run;

	return sscanf(text, "%" SCNx64 "-%" SCNu32 " ", &run, index) == 2 && run == t->run &&
	       *index < t->count;
}

void texts_arrived(struct texts *t, uint32_t phone, bool is_from_sender, const char *text)
{
	char sent[TEXTS_MAX + 1];
	uint32_t index;

	if (!texts_identify(t, text, &index)) {
		t->unknown++;
		return;
	}
	struct text *x = &t->texts[index];
	texts_compose(t, index, sent);
	t->altered += !is_from_sender || strcmp(text, sent);
	if (x->to != phone) {
		t->stranger++;
		return;
	}
	t->again += x->has_arrived; /* its acknowledgement was lost: allowed */
	t->arrived += !x->has_arrived;
	x->has_arrived = true;
}

bool texts_are_done(const struct texts *t)
{
	return t->taken + t->refused == t->written && t->arrived >= t->taken;
}

bool texts_are_clean(const struct texts *t)
{
	return !t->altered && !t->stranger && !t->refused && texts_are_done(t);
}
