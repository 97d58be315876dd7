/* texts -- what phones write to each other by SMS, and the verdict: lost, altered, to a stranger
 *
 * A text is known again by its beginning, `RUN-NUMBER`; the rest follows from the number: short or
 * over several parts, in the 7-bit alphabet with its extension or in UCS-2 with characters beyond
 * the BMP. Callers: world_radio. Pure. OWNERSHIP texts_fini frees all; a text is copied out.
 * THREADS one. ERRORS E_NOMEM
 */
#ifndef HATO_HANDSET_SIM_TEXTS_H
#define HATO_HANDSET_SIM_TEXTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TEXTS_MAX   1200 /* octets of one */
#define TEXTS_FORMS 5

struct text {
	uint32_t from, to;  /* phones */
	uint8_t parts_left; /* not taken by the service centre yet */
	bool is_written, is_refused, has_arrived;
};

struct texts {
	struct text *texts;
	uint32_t count, written, taken, refused, arrived, again, altered, stranger, unknown;
	uint64_t run;
};

int texts_init(struct texts *t, uint32_t count, uint32_t phones, uint64_t run);
void texts_fini(struct texts *t);

/* Is it for the 7-bit alphabet? */
bool texts_is_gsm(uint32_t index);
/* Returns its length in octets; NUL-ended UTF-8. */
size_t texts_compose(const struct texts *t, uint32_t index, char out[TEXTS_MAX + 1]);

void texts_written(struct texts *t, uint32_t index, size_t parts);
/* One part of it was taken, or refused for good. */
void texts_sent(struct texts *t, uint32_t index, bool is_taken);
/* A phone reads a text; is the number that it says it is from its writer's? */
void texts_arrived(struct texts *t, uint32_t phone, bool is_from_sender, const char *text);
/* Which text it says to be; false: none of this run. */
bool texts_identify(const struct texts *t, const char *text, uint32_t *index);

/* All that was written was taken, and has arrived. */
bool texts_are_done(const struct texts *t);
bool texts_are_clean(const struct texts *t);

#endif
