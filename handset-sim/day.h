/* day -- a day of faults: `handset-sim --scenario sms-day`
 *
 * The world as always (world.h), and while its mail is being sent the troubles of a bad day:
 *
 *     phones          are switched off, drive through tunnels, roam, have no memory; each for a
 *                     while, some at any time
 *     smsc-sim        misbehaves by the script of --faults; killed now and then
 *     pushsrv         killed now and then
 *
 * When the last mail is accepted it is evening: no more faults, no more kills, every phone comes
 * back. Then every mail must be fetched. The verdict beside the world's own: nobody was triggered
 * more often than the schedule allows (trigger_tally.h), no trigger reached a stranger, and what
 * was to be killed was.
 *
 * Callers: world, main, report. OWNERSHIP day_close frees all; the world is borrowed. THREADS the
 * loop's. ERRORS -1 with the reason on stderr. SEE docs/sms.md "The phone's side"
 */
#ifndef HATO_HANDSET_SIM_DAY_H
#define HATO_HANDSET_SIM_DAY_H

#include "handset-sim/agenda.h"
#include "handset-sim/killer.h"
#include "handset-sim/world.h"

enum trouble { TROUBLE_OFF, TROUBLE_TUNNEL, TROUBLE_ROAMING, TROUBLE_FULL, TROUBLES };

struct day {
	struct world *world;
	struct killer killer;
	struct http_channel *control; /* smsc-sim's */
	json_t *faults;               /* null: none */
	struct loop_timer *tick;
	struct agenda ends; /* of troubles */
	uint8_t *troubled;  /* by phone: bits of its troubles */
	uint32_t troubles[TROUBLES];
	unsigned kills_planned, kills_begun, kills_seen;
	uint32_t faults_put;
	double owed;                      /* troubles that are due, and not whole ones yet */
	bool is_on, is_evening, has_news; /* has_news: smsc-sim is to be told of the faults */
};

int day_open(struct world *w, struct day **out);
void day_close(struct day *d);

/* The first mail is sent; the last one was accepted. */
void day_begin(struct day *d);
void day_evening(struct day *d);
/* smsc-sim is there (again): it knows of no faults. */
void day_linked(struct day *d);

bool day_is_clean(const struct day *d, const struct trigger_verdict *v);
json_t *day_json(const struct day *d, const struct trigger_verdict *v);
void day_print(const struct day *d, const struct trigger_verdict *v);

#endif
