#include "smtpgw/submission/letter.h"

#include <stdlib.h>
#include <string.h>

#include "db/correspondent.h"
#include "lib/clock.h"
#include "lib/err.h"

#define ROOM_FIRST 8192

struct recipient {
	unsigned notify;
	char *canonical, *lane, *orcpt; /* behind address */
	char address[];
};

struct letter {
	struct letter_new how;
	struct subscriber owner;
	struct mend_rules rules;
	struct mend mend;

	struct recipient **recipients;
	size_t count, room_for;

	uint8_t *held; /* not put by yet */
	size_t held_n, room;
	uint64_t size;
	int64_t body; /* in the store; 0: none is */
	uint32_t piece;
	int err;

	size_t in_flight; /* octets of the piece that the store has; of it: */
	bool is_asking;   /* an operation is in flight */
	bool is_free;     /* letter_free was called */
	bool is_finished;
	struct letter_envelope envelope;
	char reverse_path[MAILADDR_TEXT_MAX + 1];
};

/* ---- life ---- */

static void keep(void *arg, const uint8_t *run, size_t n);

struct letter *letter_new(const struct letter_new *n)
{
	struct letter *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	l->how = *n;
	l->owner = *n->owner;
	l->rules = (struct mend_rules){
		.owner = &l->owner,
		.own = &l->how.own,
		.rewrites = n->rewrites,
		.hostname = n->hostname,
		.id = n->id,
		.now_s = clock_now_s(),
		.limits = n->limits,
	};
	mend_begin(&l->mend, &l->rules, keep, l);
	return l;
}

void letter_free(struct letter *l)
{
	if (!l)
		return;
	l->is_free = true;
	if (l->is_asking)
		return;
	mend_end(&l->mend);
	for (size_t i = 0; i < l->count; i++)
		free(l->recipients[i]);
	free(l->recipients);
	free(l->held);
	free(l);
}

/* An operation is over; false: nobody wants to know. */
static bool is_back(struct letter *l)
{
	l->is_asking = false;
	if (l->is_free)
		letter_free(l);
	else
		return true;
	return false;
}

uint64_t letter_size(const struct letter *l)
{
	return l->size;
}

/* ---- recipients ---- */

static char *append(char **at, const char *text)
{
	char *here = *at;

	*at = stpcpy(here, text) + 1;
	return here;
}

int letter_add(struct letter *l, const struct mailaddr *to, const char *lane, unsigned notify,
	       const char *orcpt)
{
	char address[MAILADDR_TEXT_MAX + 1], canonical[MAILADDR_TEXT_MAX + 1];
	size_t wanted = l->room_for ? 2 * l->room_for : 4;

	if (l->count == l->room_for) {
		struct recipient **more = realloc(l->recipients, wanted * sizeof *more);
		if (!more)
			return E_NOMEM;
		l->recipients = more;
		l->room_for = wanted;
	}
	mailaddr_format(to, address);
	mailaddr_folded(to, canonical);
	struct recipient *r = malloc(sizeof *r + strlen(address) + strlen(canonical) +
				     strlen(lane) + strlen(orcpt) + 4);
	if (!r)
		return E_NOMEM;
	char *at = r->address;
	append(&at, address);
	r->canonical = append(&at, canonical);
	r->lane = append(&at, lane);
	r->orcpt = append(&at, orcpt);
	r->notify = notify;
	l->recipients[l->count++] = r;
	return 0;
}

/* ---- content ---- */

static bool make_room(struct letter *l, size_t n)
{
	size_t wanted = l->room ? l->room : ROOM_FIRST;

	while (wanted < l->held_n + n)
		wanted *= 2;
	if (wanted == l->room)
		return true;
	uint8_t *held = realloc(l->held, wanted);
	if (!held)
		return false;
	l->held = held;
	l->room = wanted;
	return true;
}

static void keep(void *arg, const uint8_t *run, size_t n)
{
	struct letter *l = arg;

	if (l->err)
		return;
	if (!make_room(l, n)) {
		l->err = E_NOMEM;
		return;
	}
	memcpy(l->held + l->held_n, run, n);
	l->held_n += n;
	l->size += n;
}

static void put_by(struct letter *l);

static void on_appended(void *arg, int err, int64_t body)
{
	struct letter *l = arg;

	if (!is_back(l))
		return;
	l->err = l->err ? l->err : err;
	l->body = body;
	l->piece++;
	l->held_n -= l->in_flight;
	memmove(l->held, l->held + l->in_flight, l->held_n);
	l->in_flight = 0;
	put_by(l);
	/* put_by may have ended in `stored`, and that may have freed it: nothing follows. */
}

static void append_piece(struct letter *l)
{
	l->in_flight = l->held_n < BODY_PIECE_MAX ? l->held_n : BODY_PIECE_MAX;
	l->is_asking = true;
	queue_body_append(l->how.port, l->body, l->piece, l->held, l->in_flight, on_appended, l);
}

/* No sender hears of a note that could not be kept. */
static void on_noted(void *arg, int err)
{
	(void)arg;
	(void)err;
}

/* A lane is a domain, or what stands for our own. */
static void note_correspondents(const struct letter *l)
{
	struct correspondents c = {
		.subscriber = l->owner.id, .now_us = clock_now_us(), .most = l->how.correspondents};

	for (size_t i = 0; i < l->count && c.count < CORRESPONDENT_NOTE_MAX; i++) {
		const char *lane = l->recipients[i]->lane;
		bool is_new = lane[0] != '\0';
		for (size_t k = 0; k < c.count && is_new; k++)
			is_new = strcmp(c.domains[k], lane) != 0;
		if (is_new)
			c.domains[c.count++] = lane;
	}
	correspondent_note(l->how.port, &c, on_noted, NULL);
}

static void on_put(void *arg, int err, int64_t mail)
{
	struct letter *l = arg;

	if (!err)
		note_correspondents(l);
	if (is_back(l))
		l->how.ops->stored(l->how.arg, err, mail);
}

static void put_all(struct letter *l)
{
	struct queue_recipient_new *list = calloc(l->count, sizeof *list);

	if (!list) {
		l->how.ops->stored(l->how.arg, E_NOMEM, 0);
		return;
	}
	for (size_t i = 0; i < l->count; i++) {
		const struct recipient *r = l->recipients[i];
		list[i] = (struct queue_recipient_new){.address = r->address,
						       .canonical = r->canonical,
						       .lane = r->lane,
						       .notify = r->notify,
						       .orcpt = r->orcpt};
	}
	const struct queue_new mail = {
		.via = &l->envelope.via,
		.reverse_path = l->reverse_path,
		.envid = l->envelope.envid,
		.ret = l->envelope.ret,
		.is_utf8 = l->envelope.is_utf8,
		.is_8bit = l->envelope.is_8bit,
		.octets = l->body ? NULL : l->held,
		.body = l->body,
		.size = l->size,
		.received_us = clock_now_us(),
		.recipients = list,
		.recipient_count = l->count,
	};
	l->is_asking = true;
	queue_put(l->how.port, &mail, on_put, l);
	free(list);
}

/* What is next to be done with what is held. */
static void put_by(struct letter *l)
{
	size_t least = l->is_finished ? 1 : BODY_PIECE_MAX;
	bool is_large = l->body || l->held_n > BODY_INLINE_MAX;

	if (l->is_asking)
		return;
	if (l->err && l->is_finished)
		l->how.ops->stored(l->how.arg, l->err, 0);
	else if (!l->err && is_large && l->held_n >= least)
		append_piece(l);
	else if (l->is_finished)
		put_all(l);
	else if (l->piece > 0)
		l->how.ops->drained(l->how.arg);
}

void letter_octets(struct letter *l, const uint8_t *octets, size_t n)
{
	mend_octets(&l->mend, octets, n);
	if (!l->err && !l->is_asking && l->mend.verdict == MEND_GOOD && l->held_n > BODY_INLINE_MAX)
		append_piece(l);
}

bool letter_is_full(const struct letter *l)
{
	return l->is_asking && l->held_n - l->in_flight >= BODY_PIECE_MAX && !l->is_finished;
}

enum mend_verdict letter_finish(struct letter *l, const struct letter_envelope *envelope)
{
	enum mend_verdict v = mend_finish(&l->mend);

	if (v != MEND_GOOD)
		return v;
	l->is_finished = true;
	l->envelope = *envelope;
	mailaddr_format(envelope->reverse_path, l->reverse_path);
	put_by(l);
	return v;
}
