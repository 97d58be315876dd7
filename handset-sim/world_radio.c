#include "handset-sim/world_radio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handset-sim/day.h"
#include "handset-sim/phone.h"
#include "lib/clock.h"

#define TEXT_US        5000 /* a text is written so often */
#define PARTS_MESSAGES 100000
#define PARTS_OCTETS   (64 * 1024 * 1024)
#define PARTS_AGE_US   (3600 * CLOCK_S)
#define NUMBER_PREFIX  "8180" /* network_names */
#define NUMBER_DIGITS  12

static int fail(const char *why)
{
	fprintf(stderr, "handset-sim: radio: %s\n", why);
	return -1;
}

/* Null: nobody of ours. */
static struct phone *phone_of(const struct world *w, const char *number)
{
	uint32_t first = w->scenario->first;
	char *end;

	if (strlen(number) != NUMBER_DIGITS || strncmp(number, NUMBER_PREFIX, 4))
		return NULL;
	unsigned long n = strtoul(number + 4, &end, 10);
	return *end || n < first || n - first >= w->scenario->handsets ? NULL
								       : &w->phones[n - first];
}

static void on_linked(void *arg, bool up)
{
	struct world *w = arg;

	for (uint32_t i = 0; i < w->scenario->handsets; i++)
		phone_radio_linked(&w->phones[i], up);
	if (w->day && up)
		day_linked(w->day);
}

static void on_frame(void *arg, const struct radio_frame *frame)
{
	struct phone *p = phone_of(arg, frame->number);

	if (p)
		phone_radio_heard(p, frame);
}

static const struct air_sms_ops ops = {on_linked, on_frame};

static void on_arrived(void *arg, uint32_t phone, enum roaming_what what, unsigned tag,
		       const uint8_t *octets, size_t n)
{
	phone_radio_arrived(&((struct world *)arg)->phones[phone], what, tag, octets, n);
}

/* ---- texts ---- */

static void on_text_due(void *arg)
{
	struct world *w = arg;
	struct texts *t = &w->texts;

	if (t->written < t->count && phone_write(&w->phones[t->texts[t->written].from], t->written))
		world_progress(w);
	if (t->written < t->count)
		loop_timer_set(w->text_timer, TEXT_US);
}

void world_radio_write(struct world *w)
{
	if (w->texts.count)
		loop_timer_set(w->text_timer, 0);
}

void world_radio_text(struct world *w, uint32_t phone, const char *from, const char *text)
{
	uint32_t index;
	const struct phone *sender = phone_of(w, from);
	bool is_from_sender = sender && texts_identify(&w->texts, text, &index) &&
			      w->texts.texts[index].from == sender->index;

	texts_arrived(&w->texts, phone, is_from_sender, text);
	world_progress(w);
}

bool world_radio_is_done(const struct world *w)
{
	return w->texts.written == w->texts.count && texts_are_done(&w->texts);
}

/* ---- opening ---- */

int world_radio_open(struct world *w)
{
	const struct sms_reassembly_limits limits = {PARTS_MESSAGES, PARTS_OCTETS, PARTS_AGE_US};
	uint16_t port = (uint16_t)w->conf->smsc_sim_radio_port;
	struct addr to;

	if (!scenario_has_radio(w->scenario))
		return 0;
	if (!port)
		return fail("smsc-sim.radio_port is 0");
	addr_parse("127.0.0.1", &to);
	w->parts = sms_reassembly_new(&limits);
	w->text_timer = loop_timer_new(w->loop, on_text_due, w);
	if (!w->parts || !w->text_timer ||
	    texts_init(&w->texts, w->scenario->texts, w->scenario->handsets, w->ledger.run) ||
	    roaming_new(w->loop, on_arrived, w, &w->roaming) ||
	    air_sms_open(w->loop, &to, port, &ops, w, &w->sms))
		return fail("out of memory");
	return 0;
}

void world_radio_close(struct world *w)
{
	air_sms_close(w->sms);
	roaming_free(w->roaming);
	sms_reassembly_free(w->parts);
	loop_timer_free(w->text_timer);
	texts_fini(&w->texts);
}
