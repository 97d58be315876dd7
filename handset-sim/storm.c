/* The cut and the storm: who goes where, and what the feed says of it. */
#include <stdlib.h>

#include "handset-sim/claims.h"
#include "handset-sim/live_phone.h"
#include "lib/clock.h"
#include "lib/err.h"

#define RATE          3000.0 /* that come back in a second */
#define SHORTEST_S    1.5
#define FEED_OPEN_MAX 20000 /* more are not said at a time */
/* The feed: of a hundred Starts, so many come late, twice, or (faulty feed) wrong. */
#define LATE_PART   20
#define TWICE_PART  5
#define WRONG_PART  10
#define PROMPT_US   200000
#define LATE_US     2000000
#define COPIER_US   1200000     /* a copier's Start comes so late: it has a moment to itself */
#define FIRST_WRONG 0x80000000u /* session numbers of the faulty feed's own */

static uint32_t dice(struct incident *in, uint32_t below)
{
	return carrier_random(&in->carrier, below);
}

/* Of four live phones behind the fibre one is absent, the next gets its address. */
static void give_roles(struct incident *in)
{
	uint32_t n = 0, absent = NOBODY;

	for (uint32_t i = 0; i < in->phone_count; i++) {
		struct live_phone *p = &in->phones[i];
		if (!(in->carrier.customers[i].flags & CUSTOMER_KANSAI))
			continue;
		uint32_t group = n / 4, place = n % 4;
		n++;
		if (place == 0) {
			p->role = ROLE_ABSENT;
			p->is_deaf = true;
			in->carrier.customers[i].flags |= CUSTOMER_ABSENT;
			absent = i;
		} else if (place == 1) {
			p->role = group % 2 ? ROLE_LIAR : ROLE_COPIER;
			p->victim = absent;
		}
	}
}

int storm_plan(struct incident *in)
{
	struct carrier *c = &in->carrier;

	for (uint32_t i = 0; i < c->customer_count; i++)
		if (i < in->phone_count ? i % 4 != 0 : i % 6 == 0) {
			c->customers[i].flags |= CUSTOMER_KANSAI;
			in->kansai++;
		}
	in->returning = calloc(in->kansai + 1, sizeof *in->returning);
	if (!in->returning)
		return E_NOMEM;
	give_roles(in);
	return 0;
}

/* ---- the cut ---- */

static void cut_customer(struct incident *in, uint32_t i)
{
	struct customer *who = &in->carrier.customers[i];
	bool absent = who->flags & CUSTOMER_ABSENT;
	uint32_t fate = dice(in, 3), address = who->address;

	if (incident_is_live(in, i))
		live_phone_leave(&in->phones[i]);
	carrier_leave(&in->carrier, i);
	if (who->flags & CUSTOMER_WAITS) {
		who->flags &= (uint8_t)~CUSTOMER_WAITS;
		in->waiting--;
	}
	/* A third of the Stops is lost, a third comes when all is over. Nobody's Stop tells that an
	 * absent one's address is free. */
	if (fate == 0 && !absent)
		incident_tell(in, FEED_STOP, PART_TRUE, i, address, who->session, in->cut_us,
			      dice(in, LATE_US));
	else if (fate == 1)
		who->flags |= CUSTOMER_STOP_LATE;
	if (absent)
		return; /* its address is kept for one that is drawn already */
	carrier_give_back(&in->carrier, address);
	in->returning[in->returning_count++] = i;
}

void storm_cut(struct incident *in)
{
	in->cut_us = incident_event_time(in);
	for (uint32_t i = 0; i < in->carrier.customer_count; i++)
		if (in->carrier.customers[i].flags & CUSTOMER_KANSAI)
			cut_customer(in, i);
	carrier_mix(&in->carrier);
	for (uint32_t i = in->returning_count; i > 1; i--) {
		uint32_t j = dice(in, i), kept = in->returning[i - 1];
		in->returning[i - 1] = in->returning[j];
		in->returning[j] = kept;
	}
	in->next = 0;
}

/* ---- coming back ---- */

static enum live_role role_of(const struct incident *in, uint32_t i)
{
	return incident_is_live(in, i) ? in->phones[i].role : ROLE_HONEST;
}

static int64_t start_delay_us(struct incident *in, uint32_t i)
{
	if (role_of(in, i) == ROLE_COPIER)
		return COPIER_US + dice(in, LATE_US - COPIER_US);
	return dice(in, dice(in, 100) < LATE_PART ? LATE_US : PROMPT_US);
}

static void remember_wronged(struct incident *in, uint32_t i)
{
	if (in->carrier.customers[i].flags & CUSTOMER_WRONGED)
		return;
	if (in->wronged_count == in->wronged_room) {
		uint32_t room = in->wronged_room ? 2 * in->wronged_room : 1024;
		uint32_t *grown = realloc(in->wronged, room * sizeof *grown);
		if (!grown) {
			in->failed = true;
			return;
		}
		in->wronged = grown;
		in->wronged_room = room;
	}
	in->carrier.customers[i].flags |= CUSTOMER_WRONGED;
	in->wronged[in->wronged_count++] = i;
}

/* The user management server of 2011: the address stays tied to who had it before. */
static bool is_tied_to_former(struct incident *in, uint32_t i, uint32_t address)
{
	uint32_t former = in->carrier.places[address].former;
	enum live_role role = role_of(in, i);

	if (!in->scenario->faulty_feed || former == NOBODY || former == i)
		return false;
	/* Whoever lies is believed where the feed lies the same: against that only the SIM's own
	 * proof helps, and these customers have none. */
	if (role == ROLE_LIAR)
		return false;
	return role == ROLE_COPIER ||
	       dice(in, 100) < WRONG_PART * (incident_is_live(in, i) ? 3 : 1);
}

/* Half of the wrong ones stand alone, half beside the right one, of the same moment: "the same
 * address was given to two handsets". */
static void come_back(struct incident *in, uint32_t i, uint32_t address)
{
	const struct carrier *c = &in->carrier;
	uint32_t former = c->places[address].former;
	int64_t late_us = start_delay_us(in, i);
	bool is_wrong = is_tied_to_former(in, i, address);
	bool is_alone = is_wrong && (role_of(in, i) == ROLE_COPIER || dice(in, 2));

	incident_attach(in, i, address, is_alone ? -1 : late_us);
	if (is_wrong) {
		incident_tell(in, FEED_START, PART_WRONG, former, address,
			      FIRST_WRONG + (uint32_t)in->tally.wrong_starts++, in->last_start_us,
			      is_alone ? late_us : dice(in, LATE_US));
		remember_wronged(in, i);
		remember_wronged(in, former);
	} else if (dice(in, 100) < TWICE_PART) {
		incident_tell(in, FEED_START, PART_TRUE, i, address, c->customers[i].session,
			      in->last_start_us, late_us + dice(in, LATE_US));
	}
	in->reattached++;
}

static uint32_t place_for(struct incident *in, uint32_t i)
{
	if (incident_is_live(in, i)) {
		struct live_phone *p = &in->phones[i];
		if (p->victim != NOBODY) {
			const struct live_phone *victim = &in->phones[p->victim];
			if (p->role == ROLE_COPIER) {
				p->copies[0] = victim->token;
				p->copies[1] = victim->older;
			}
			return in->carrier.customers[p->victim].former;
		}
	}
	return carrier_take(&in->carrier);
}

bool storm_step(struct incident *in)
{
	double lasts_s =
		in->returning_count / RATE > SHORTEST_S ? in->returning_count / RATE : SHORTEST_S;
	double part = (double)(clock_mono_us() - in->phase_us) / 1e6 / lasts_s;
	uint32_t until =
		part >= 1 ? in->returning_count : (uint32_t)(part * (double)in->returning_count);

	while (in->next < until && lease_feed_open(in->feed) < FEED_OPEN_MAX) {
		uint32_t i = in->returning[in->next++];
		come_back(in, i, place_for(in, i));
		incident_progress(in);
	}
	if (in->next >= in->returning_count / 2 && !in->is_struck && !in->scenario->no_kill)
		in->is_struck = killer_strike(&in->killer, "authsrv");
	return in->next == in->returning_count && !lease_feed_open(in->feed);
}

/* ---- afterwards ---- */

void storm_late(struct incident *in)
{
	struct carrier *c = &in->carrier;
	int64_t cut_us = in->cut_us;

	for (uint32_t i = 0; i < c->customer_count; i++) {
		struct customer *who = &c->customers[i];
		if (!(who->flags & CUSTOMER_STOP_LATE))
			continue;
		bool absent = who->flags & CUSTOMER_ABSENT;
		incident_tell(in, FEED_STOP, PART_TRUE, i, who->former,
			      absent ? who->session : who->session - 1, cut_us,
			      dice(in, PROMPT_US));
	}
	/* And what was said long ago is said again. */
	for (uint32_t i = 0; i < in->phone_count; i++) {
		const struct live_phone *p = &in->phones[i];
		if (p->role == ROLE_ABSENT)
			incident_tell(in, FEED_START, PART_REPEATED, i, c->customers[i].former,
				      c->customers[i].session, p->started_us, dice(in, PROMPT_US));
	}
}

/* "Users were asked to power off and on": who lied has made its own binding doubtful. */
void storm_power_cycle(struct incident *in)
{
	for (uint32_t i = 0; i < in->phone_count; i++) {
		struct live_phone *p = &in->phones[i];
		if (p->role != ROLE_LIAR)
			continue;
		uint32_t address = in->carrier.customers[i].address;
		uint32_t session = in->carrier.customers[i].session;
		p->has_lied = true;
		live_phone_leave(p);
		incident_tell(in, FEED_STOP, PART_TRUE, i, address, session,
			      incident_event_time(in), 0);
		incident_attach(in, i, address, dice(in, PROMPT_US));
	}
}

bool storm_lies_are_told(const struct incident *in)
{
	for (uint32_t i = 0; i < in->phone_count; i++) {
		const struct live_phone *p = &in->phones[i];
		if (p->role == ROLE_LIAR &&
		    ((p->wants | p->doing) & (WANT_OLD | WANT_LIE | WANT_STOLEN)))
			return false;
	}
	return true;
}
