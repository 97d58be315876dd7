#include "handset-sim/incident.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "handset-sim/claims.h"
#include "handset-sim/live_phone.h"
#include "lib/clock.h"

#define LEASES_OPEN_MAX 10000   /* initial leases that are said at a time */
#define LOOK_US         2000000 /* in the end a phone looks by itself, if no trigger came */
#define STUCK_S         1       /* what once had no end is not waited for long again */
#define REFUSED_MOST_US 16000000

const char *const incident_nas_names[INCIDENT_NASES] = {"national", "kansai-1", "kansai-2",
							"kansai-3", "kansai-4", "kansai-5",
							"kansai-6", "kansai-7", "kansai-8"};
static const char *const phase_names[] = {
	[PHASE_PROVISION] = "provision", [PHASE_LEASES] = "leases", [PHASE_STEADY] = "steady",
	[PHASE_HOLD] = "hold",           [PHASE_STORM] = "storm",   [PHASE_LATE] = "late",
	[PHASE_CORRECT] = "correct",     [PHASE_TOKENS] = "tokens", [PHASE_RETURN] = "return",
	[PHASE_MAIL] = "mail",           [PHASE_AUDIT] = "audit",   [PHASE_OVER] = "over"};

const char *incident_phase_name(enum phase p)
{
	return phase_names[p];
}

/* ---- for the parts ---- */

void incident_progress(struct incident *in)
{
	in->progress_us = clock_mono_us();
}

bool incident_is_live(const struct incident *in, uint32_t customer)
{
	return customer < in->phone_count;
}

uint8_t incident_nas_of(const struct incident *in, uint32_t customer)
{
	if (!(in->carrier.customers[customer].flags & CUSTOMER_KANSAI))
		return 0;
	return (uint8_t)(1 + customer / 7 % in->kansai_nases);
}

const char *incident_nas_name(uint8_t nas)
{
	return incident_nas_names[nas];
}

int64_t incident_event_time(struct incident *in)
{
	int64_t now = clock_now_us();

	in->last_time_us = now > in->last_time_us ? now : in->last_time_us + 1;
	return in->last_time_us;
}

void incident_waits(struct incident *in, uint32_t customer)
{
	struct customer *who = &in->carrier.customers[customer];

	if (who->flags & CUSTOMER_WAITS)
		return;
	who->flags |= CUSTOMER_WAITS;
	in->waiting++;
}

void incident_has_token(struct incident *in, uint32_t customer)
{
	struct customer *who = &in->carrier.customers[customer];

	incident_progress(in);
	if (!(who->flags & CUSTOMER_WAITS))
		return;
	who->flags &= (uint8_t)~CUSTOMER_WAITS;
	in->waiting--;
	in->last_token_us = clock_mono_us();
}

void incident_refused(struct incident *in, unsigned status, const json_t *answer)
{
	static const char *const names[] = {[NO_BINDING] = "no-binding",
					    [NO_MISMATCH] = "claim-mismatch",
					    [NO_CONTESTED] = "contested",
					    [NO_QUARANTINED] = "quarantined",
					    [NO_OVERLOADED] = "overloaded"};
	const char *type = json_string_value(json_object_get(answer, "type"));
	const char *name = type ? strrchr(type, ':') : NULL;

	for (int no = 0; name && no <= NO_OVERLOADED; no++)
		if (!strcmp(name + 1, names[no])) {
			in->tally.no[no]++;
			return;
		}
	in->tally.no[status ? NO_OTHER : NO_ANSWER]++;
}

int64_t incident_pause_us(struct incident *in, unsigned retry_after_s, unsigned tries)
{
	int64_t own = INT64_C(500000) << (tries < 6 ? tries : 6);
	int64_t asked = (int64_t)retry_after_s * CLOCK_S;

	if (own > REFUSED_MOST_US)
		own = REFUSED_MOST_US;
	return (asked > own ? asked : own) + carrier_random(&in->carrier, 300000);
}

void incident_tell(struct incident *in, enum feed_kind kind, enum feed_part part, uint32_t customer,
		   uint32_t address, uint32_t session, int64_t time_us, int64_t in_us)
{
	struct feed_event ev = {
		.due_us = clock_mono_us() + in_us,
		.time_us = time_us,
		.customer = customer,
		.address = address,
		.session = session,
		.kind = (uint8_t)kind,
		.part = (uint8_t)part,
		.nas = incident_nas_of(in, customer),
	};

	if (lease_feed_tell(in->feed, &ev))
		in->failed = true;
}

void incident_attach(struct incident *in, uint32_t customer, uint32_t address, int64_t late_us)
{
	if (address == NOWHERE) {
		in->failed = true;
		return;
	}
	carrier_sit(&in->carrier, customer, address);
	in->last_start_us = incident_event_time(in);
	if (late_us >= 0)
		incident_tell(in, FEED_START, PART_TRUE, customer, address,
			      in->carrier.customers[customer].session, in->last_start_us, late_us);
	incident_waits(in, customer);
	if (incident_is_live(in, customer)) {
		in->phones[customer].started_us = in->last_start_us;
		live_phone_arrive(&in->phones[customer]);
	} else {
		claims_ask(in->claims, customer, carrier_random(&in->carrier, 300000));
	}
}

/* ---- what is heard ---- */

void incident_acked(void *arg, const struct feed_event *ev, enum feed_result result)
{
	struct incident *in = arg;
	struct place *place = &in->carrier.places[ev->address];

	incident_progress(in);
	if (in->phase >= PHASE_STORM && in->phase <= PHASE_TOKENS)
		in->last_event_us = clock_mono_us();
	if (ev->kind != FEED_START)
		return;
	if (result == FEED_APPLIED && ev->due_us > place->told_us)
		place->told_us = ev->due_us;
	if (ev->part != PART_REPEATED && (ev->part != PART_TRUE || ev->customer == place->holder))
		place->is_spoken_of = true;
	/* Until then the system cannot know; from now on it must. */
	if (!place->is_spoken_of || place->holder == NOBODY)
		return;
	/* An open session of who was here before reads on now. */
	if (place->former != NOBODY && place->former != place->holder &&
	    incident_is_live(in, place->former) && in->phones[place->former].held &&
	    in->phones[place->former].fetch_address == ev->address && in->phase >= PHASE_STORM)
		held_session_read(in->phones[place->former].held);
	if (!incident_is_live(in, place->holder))
		return;
	if (in->phase == PHASE_LEASES) {
		incident_waits(in, place->holder);
		live_phone_arrive(&in->phones[place->holder]);
	} else {
		live_phone_told(&in->phones[place->holder], (enum feed_part)ev->part);
	}
}

void incident_heard(void *arg, const struct addr *to, const uint8_t *datagram, size_t n)
{
	struct incident *in = arg;
	uint32_t at = carrier_place_of(&in->carrier, to);
	uint32_t holder = at == NOWHERE ? NOBODY : in->carrier.places[at].holder;

	if (holder == NOBODY)
		return; /* the radio is gone */
	if (incident_is_live(in, holder))
		live_phone_heard(&in->phones[holder], datagram, n);
	else
		in->ledger.misdirected++; /* only live phones get mail */
}

void incident_provisioned(void *arg, bool all)
{
	struct incident *in = arg;

	if (all) {
		incident_enter(in, PHASE_LEASES);
		return;
	}
	fprintf(stderr, "handset-sim: a subscriber was refused, or the network API is away\n");
	in->failed = true;
}

void incident_all_sent(void *arg)
{
	((struct incident *)arg)->sent_all = true;
}

/* ---- the steps of the phases: true when the phase is over ---- */

/* incident_provisioned ends it. */
static bool step_provision(struct incident *in)
{
	uint32_t left = network_unprovisioned(in->network);

	if (left != in->next)
		incident_progress(in);
	in->next = left;
	return false;
}

static bool step_leases(struct incident *in)
{
	const struct carrier *c = &in->carrier;

	while (in->next < c->customer_count && lease_feed_open(in->feed) < LEASES_OPEN_MAX) {
		uint32_t i = in->next++;
		incident_tell(in, FEED_START, PART_TRUE, i, c->customers[i].address,
			      c->customers[i].session, incident_event_time(in), 0);
	}
	return in->next == c->customer_count && !lease_feed_open(in->feed);
}

static bool all_have_tokens(const struct incident *in)
{
	for (uint32_t i = 0; i < in->phone_count; i++)
		if (in->carrier.customers[i].address != NOWHERE && !in->phones[i].has_token)
			return false;
	return true;
}

/* Those who will be absent move once, to an address that nobody had: so there are tokens of two
 * addresses of theirs, each of its address's first generation. */
static void move_some(struct incident *in)
{
	for (uint32_t i = 0; i < in->phone_count; i++) {
		if (in->phones[i].role != ROLE_ABSENT)
			continue;
		uint32_t left = in->carrier.customers[i].address;
		live_phone_leave(&in->phones[i]);
		carrier_leave(&in->carrier, i);
		incident_tell(in, FEED_STOP, PART_TRUE, i, left, in->carrier.customers[i].session,
			      incident_event_time(in), 0);
		incident_attach(in, i, carrier_fresh(&in->carrier), 0);
	}
}

static bool step_steady(struct incident *in)
{
	if (!all_have_tokens(in))
		return false;
	if (in->next == 0) {
		in->next = 1;
		move_some(in);
	} else if (in->next == 1 && !lease_feed_open(in->feed)) {
		in->next = 2;
		mail_sender_start(in->sender);
	}
	/* Everybody has one mail at least: the absent ones' waits. */
	return in->next == 2 && in->ledger.sent >= in->phone_count;
}

static bool is_holder(const struct incident *in, uint32_t i)
{
	return in->phones[i].role == ROLE_ABSENT && i % 8 < 4;
}

static void enter_hold(struct incident *in)
{
	for (uint32_t i = 0; i < in->phone_count; i++)
		if (is_holder(in, i))
			live_phone_hold(&in->phones[i]);
}

static bool step_hold(struct incident *in)
{
	for (uint32_t i = 0; i < in->phone_count; i++)
		if (in->phones[i].held && !in->phones[i].holds)
			return false;
	return true;
}

static bool step_late(struct incident *in)
{
	if (lease_feed_open(in->feed))
		return false;
	if (in->next == 0) {
		if (!storm_lies_are_told(in))
			return false;
		in->next = 1;
		storm_power_cycle(in);
		return false;
	}
	return true;
}

static bool step_correct(struct incident *in)
{
	if (in->is_correcting) { /* the call has a limit of its own */
		incident_progress(in);
		return false;
	}
	return !lease_feed_open(in->feed);
}

static bool step_tokens(struct incident *in)
{
	if (in->waiting)
		return false;
	int64_t us = in->last_token_us - in->last_event_us;
	in->resync_s = us > 0 ? (double)us / 1e6 : 0;
	in->is_synchronised = true;
	return true;
}

static void enter_return(struct incident *in)
{
	for (uint32_t i = 0; i < in->phone_count; i++) {
		struct live_phone *p = &in->phones[i];
		if (p->role != ROLE_ABSENT)
			continue;
		p->is_deaf = false;
		incident_attach(in, i, carrier_fresh(&in->carrier), 0);
	}
}

static bool step_return(struct incident *in)
{
	return all_have_tokens(in) && !lease_feed_open(in->feed);
}

static bool step_mail(struct incident *in)
{
	if (in->sent_all && in->ledger.fetched >= in->ledger.sent)
		return true;
	if (clock_mono_us() - in->progress_us < LOOK_US * (1 + (int64_t)in->next))
		return false;
	in->next++;
	for (uint32_t i = 0; i < in->phone_count; i++)
		if (in->ledger.waiting[i])
			live_phone_want(&in->phones[i], WANT_FETCH);
	return false;
}

static const struct {
	bool (*step)(struct incident *in);
	void (*enter)(struct incident *in);
} phases[] = {
	[PHASE_PROVISION] = {step_provision, NULL},
	[PHASE_LEASES] = {step_leases, NULL},
	[PHASE_STEADY] = {step_steady, NULL},
	[PHASE_HOLD] = {step_hold, enter_hold},
	[PHASE_STORM] = {storm_step, storm_cut},
	[PHASE_LATE] = {step_late, storm_late},
	[PHASE_CORRECT] = {step_correct, correction_begin},
	[PHASE_TOKENS] = {step_tokens, NULL},
	[PHASE_RETURN] = {step_return, enter_return},
	[PHASE_MAIL] = {step_mail, NULL},
	[PHASE_AUDIT] = {audit_step, NULL},
	[PHASE_OVER] = {NULL, NULL},
};

void incident_enter(struct incident *in, enum phase to)
{
	int64_t now = clock_mono_us();

	in->seconds[in->phase] = (double)(now - in->phase_us) / 1e6;
	in->phase = to;
	in->phase_us = in->progress_us = now;
	in->next = 0;
	if (phases[to].enter)
		phases[to].enter(in);
}

static void show(const struct incident *in)
{
	if (in->scenario->quiet || in->scenario->json || !isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r\033[K%s: %u/%u came back, %u wait for a token, %u/%zu mails read   ",
		phase_names[in->phase], in->reattached, in->kansai, in->waiting, in->ledger.fetched,
		in->ledger.count);
}

void incident_tick(void *arg)
{
	struct incident *in = arg;
	int64_t patience_s = in->unfinished ? STUCK_S : in->scenario->patience_s;
	bool stuck = clock_mono_us() - in->progress_us > patience_s * CLOCK_S;

	if (in->failed || in->phase == PHASE_OVER || (stuck && in->phase < PHASE_STORM)) {
		in->failed = in->failed || in->phase != PHASE_OVER;
		in->ended_us = clock_mono_us();
		loop_stop(in->loop);
		return;
	}
	if ((phases[in->phase].step && phases[in->phase].step(in)) || stuck) {
		in->unfinished = in->unfinished || stuck;
		incident_enter(in, in->phase + 1);
	}
	show(in);
	loop_timer_set(in->tick, INCIDENT_TICK_US);
}
