#include "handset-sim/ledger.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/err.h"

#define FIELD_NAME "X-Hato-Sim: "

int ledger_init(struct ledger *l, const struct corpus *c, size_t mails, uint32_t phones,
		uint64_t seed)
{
	*l = (struct ledger){.corpus = c, .count = mails};
	l->mails = calloc(mails + 1, sizeof *l->mails);
	l->waiting = calloc(phones, sizeof *l->waiting);
	l->told = calloc(phones, sizeof *l->told);
	if (trigger_tally_init(&l->tally, phones) || !l->mails || !l->waiting || !l->told) {
		ledger_free(l);
		return E_NOMEM;
	}
	unsigned short state[3] = {(unsigned short)seed, (unsigned short)(seed >> 16), 0x330e};
	for (size_t i = 0; i < mails; i++) {
		/* Every phone gets its share, in a random order; every message of the corpus its
		 * turn. */
		l->mails[i].phone = i < phones && mails >= phones
					    ? (uint32_t)i
					    : (uint32_t)nrand48(state) % phones;
		l->mails[i].message = (uint32_t)(i % c->count);
	}
	l->run = (uint64_t)nrand48(state) << 16 ^ seed;
	return 0;
}

void ledger_free(struct ledger *l)
{
	free(l->mails);
	free(l->waiting);
	free(l->told);
	trigger_tally_free(&l->tally);
	latency_free(&l->attach);
	latency_free(&l->token);
	latency_free(&l->accept);
	latency_free(&l->sent_trigger);
	latency_free(&l->accept_trigger);
	latency_free(&l->accept_next);
	latency_free(&l->trigger_fetched);
}

size_t ledger_field(const struct ledger *l, size_t index, char field[LEDGER_FIELD_MAX])
{
	return (size_t)snprintf(field, LEDGER_FIELD_MAX, FIELD_NAME "%" PRIx64 "-%zu-%u\r\n",
				l->run, index, l->mails[index].phone);
}

/* Which of two that are on their way is stored first is not known here: then each may be the one
 * that is told later. */
static bool is_alone(struct ledger *l, uint32_t phone)
{
	bool alone = !l->told[phone];

	for (uint32_t at = l->waiting[phone]; at; at = l->mails[at - 1].next_of_phone) {
		alone = false;
		l->mails[at - 1].follows |= l->mails[at - 1].state == MAIL_SENDING;
	}
	return alone;
}

void ledger_sending(struct ledger *l, size_t index, int64_t now_us)
{
	struct mail *m = &l->mails[index];

	/* A mail that is sent again after a "later" stands in the list already. */
	if (m->state == MAIL_UNSENT) {
		m->follows = !is_alone(l, m->phone);
		m->next_of_phone = l->waiting[m->phone];
		l->waiting[m->phone] = (uint32_t)index + 1;
	}
	m->state = MAIL_SENDING;
	trigger_tally_mail(&l->tally, m->phone, now_us);
}

static void count_trigger(struct ledger *l, struct mail *m)
{
	if (!m->accepted_us || !m->triggered_us)
		return;
	latency_add(m->follows ? &l->accept_next : &l->accept_trigger,
		    m->triggered_us - m->accepted_us);
	if (!m->follows)
		latency_add(&l->sent_trigger, m->triggered_us - m->sent_us);
}

void ledger_content(struct ledger *l, size_t index, int64_t now_us)
{
	l->mails[index].sent_us = now_us;
}

void ledger_accepted(struct ledger *l, size_t index, int64_t now_us)
{
	struct mail *m = &l->mails[index];

	m->state = MAIL_ACCEPTED;
	m->accepted_us = now_us;
	latency_add(&l->accept, now_us - m->sent_us);
	l->sent++;
	count_trigger(l, m); /* the datagram may be faster than the 250 */
}

void ledger_refused(struct ledger *l, size_t index)
{
	l->mails[index].state = MAIL_REFUSED;
	l->refused++;
}

void ledger_triggered(struct ledger *l, uint32_t phone, enum bearer by, const struct trigger *t,
		      int64_t now_us)
{
	l->triggers++;
	l->told[phone] = true;
	trigger_tally_heard(&l->tally, phone, by, t->timestamp_s, t->tid, now_us);
	for (uint32_t at = l->waiting[phone]; at; at = l->mails[at - 1].next_of_phone) {
		struct mail *m = &l->mails[at - 1];
		if (m->triggered_us)
			continue;
		m->triggered_us = now_us;
		count_trigger(l, m);
	}
}

static void strike(struct ledger *l, size_t index)
{
	uint32_t *at = &l->waiting[l->mails[index].phone];

	while (*at && *at != index + 1)
		at = &l->mails[*at - 1].next_of_phone;
	if (*at)
		*at = l->mails[index].next_of_phone;
}

/* The trace fields that a mail system puts on top: Return-Path and Received, folded lines included.
 * Null: something else is there. */
static const uint8_t *skip_trace(const uint8_t *at, const uint8_t *end)
{
	while (end - at > 12 && (!strncasecmp((const char *)at, "Return-Path:", 12) ||
				 !strncasecmp((const char *)at, "Received:", 9))) {
		do {
			const uint8_t *lf = memchr(at, '\n', (size_t)(end - at));
			if (!lf)
				return NULL;
			at = lf + 1;
		} while (at < end && (*at == ' ' || *at == '\t'));
	}
	return at;
}

/* Which mail is it? Its own field stands right behind the trace. */
static bool identify(const struct ledger *l, const uint8_t *at, const uint8_t *end, size_t *index)
{
	uint64_t run;
	unsigned phone;
	char field[LEDGER_FIELD_MAX];
	size_t n = (size_t)(end - at) < sizeof field - 1 ? (size_t)(end - at) : sizeof field - 1;

	memcpy(field, at, n);
	field[n] = 0;
	if (sscanf(field, FIELD_NAME "%" SCNx64 "-%zu-%u", &run, index, &phone) != 3)
		return false;
	return run == l->run && *index < l->count && phone == l->mails[*index].phone;
}

static bool is_as_sent(const struct ledger *l, size_t index, const uint8_t *at, const uint8_t *end)
{
	const struct corpus_message *c = &l->corpus->messages[l->mails[index].message];
	char field[LEDGER_FIELD_MAX];
	size_t n = ledger_field(l, index, field);

	return (size_t)(end - at) == n + c->delivered_size && !memcmp(at, field, n) &&
	       (!c->delivered_size || !memcmp(at + n, c->delivered, c->delivered_size));
}

void ledger_fetched(struct ledger *l, uint32_t phone, const uint8_t *octets, size_t n,
		    int64_t now_us)
{
	const uint8_t *end = octets + n, *at = skip_trace(octets, end);
	size_t index;

	if (!at || !identify(l, at, end, &index)) {
		l->unknown++; /* of an earlier run, or its top was changed: then it is lost besides
			       */
		return;
	}
	struct mail *m = &l->mails[index];
	if (m->phone != phone)
		l->stranger++;
	if (!is_as_sent(l, index, at, end))
		l->altered++;
	if (m->phone != phone)
		return;
	if (m->fetched) {
		l->again++; /* a session that was cut before QUIT: allowed */
		return;
	}
	m->fetched = true;
	m->fetched_us = now_us;
	l->fetched++;
	if (m->triggered_us)
		latency_add(&l->trigger_fetched, now_us - m->triggered_us);
	strike(l, index);
}

void ledger_read(struct ledger *l, uint32_t phone)
{
	l->told[phone] = false;
	trigger_tally_read(&l->tally, phone);
}

uint32_t ledger_lost(const struct ledger *l)
{
	uint32_t lost = 0;

	for (size_t i = 0; i < l->count; i++)
		lost += l->mails[i].state == MAIL_ACCEPTED && !l->mails[i].fetched;
	return lost;
}

bool ledger_is_clean(const struct ledger *l)
{
	return !l->altered && !l->stranger && !l->unknown && !ledger_lost(l);
}
