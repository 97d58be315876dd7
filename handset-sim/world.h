/* world -- everything that is simulated, and the order in which it happens: provision, attach,
 * send, fetch, end */
#ifndef HATO_HANDSET_SIM_WORLD_H
#define HATO_HANDSET_SIM_WORLD_H

#include "handset-sim/air.h"
#include "handset-sim/air_sms.h"
#include "handset-sim/ledger.h"
#include "handset-sim/letters.h"
#include "handset-sim/mail_sender.h"
#include "handset-sim/network.h"
#include "handset-sim/roaming.h"
#include "handset-sim/scenario.h"
#include "handset-sim/texts.h"
#include "lib/conf.h"
#include "lib/wire/sms/reassembly.h"

struct phone;
struct day;
struct windows;

struct world {
	const struct scenario *scenario;
	const struct conf *conf;
	struct loop *loop;
	struct tls_client *tls; /* null: plain */
	struct network *network;
	struct air *air;
	struct air_sms *sms;          /* null: no phone has a radio, and none of these is there */
	struct sms_reassembly *parts; /* of all phones */
	struct roaming *roaming;
	struct texts texts;
	struct loop_timer *text_timer;
	struct letters letters; /* that phones submit */
	struct loop_timer *letters_timer;
	struct tls_client *submission_tls; /* null: plain */
	uint32_t submitting, next_to_submit;
	struct day *day;         /* of faults; null: an ordinary one */
	struct windows *windows; /* null: none are told */
	struct ledger ledger;
	struct mail_sender *sender;
	struct phone *phones;   /* scenario->handsets of them */
	uint32_t *at;           /* who is at 127.1.0.1 + i: index + 1; 0: nobody */
	uint32_t address_count; /* more than phones: some are free at any time */
	uint32_t *free_addresses, free_count;
	uint32_t attaching, attached, next_to_attach;
	uint32_t sleepers, wakes; /* phones that sleep; addresses taken because of an SMS */
	bool sending, all_sent, ending, failed;
	int64_t started_us, sending_us, ended_us; /* monotonic */
	int64_t progress_us;
	struct loop_timer *churn_timer, *watch_timer;
	unsigned short random[3];
};

/* 0, or -1 with the reason on stderr. The loop's run is the scenario. */
int world_open(struct world *w, const struct scenario *s, const struct conf *c,
	       const struct corpus *corpus);
void world_run(struct world *w);
void world_close(struct world *w);

/* What phones tell. */
void world_phone_ready(struct world *w,
		       struct phone *p); /* it has a token for the first time at this address */
void world_progress(struct world *w);
uint32_t world_random(struct world *w, uint32_t below);
void world_address(uint32_t index, struct addr *out);
/* There are always more addresses than phones; the one that was given back last is taken first. */
uint32_t world_take_address(struct world *w);
void world_give_address(struct world *w, uint32_t address);

#endif
