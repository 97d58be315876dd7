/* carrier -- the truth of the incident: which customer's phone really sits on which address
 *
 * The feed may say something else, late or never; the system under test knows only the feed. A few
 * octets a customer and an address, so that millions fit. Addresses are 127.32.0.1 up. OWNERSHIP
 * carrier_fini frees all. THREADS one
 */
#ifndef HATO_HANDSET_SIM_CARRIER_H
#define HATO_HANDSET_SIM_CARRIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/addr.h"

#define NOWHERE UINT32_MAX
#define NOBODY  UINT32_MAX

enum customer_flag {
	CUSTOMER_KANSAI = 1,    /* behind the fibre that is cut */
	CUSTOMER_ABSENT = 2,    /* does not come back with the others */
	CUSTOMER_WAITS = 4,     /* has an address and no working token yet */
	CUSTOMER_WRONGED = 8,   /* the faulty feed gave its address to another, or it another's */
	CUSTOMER_STOP_LATE = 16 /* the Stop of the cut comes when all is over */
};

struct customer {
	uint32_t address; /* NOWHERE */
	uint32_t former;  /* the one before; NOWHERE */
	uint32_t session; /* number of its session: grows */
	uint8_t flags;
};

struct place {
	uint32_t holder;   /* NOBODY */
	uint32_t former;   /* NOBODY */
	int64_t told_us;   /* when the last applied Start about it left the feed; 0: none */
	bool is_spoken_of; /* the feed has said something, acknowledged, since the holder came */
};

struct carrier {
	struct customer *customers;
	struct place *places;
	uint32_t customer_count, place_count;
	uint32_t *free_places, free_count; /* given back and not given out yet */
	uint32_t next_fresh;               /* the first that nobody ever had */
	unsigned short random[3];
};

/* E_NOMEM; E_RANGE: more than the loopback has. Everybody sits on the address of his number. */
int carrier_init(struct carrier *c, uint32_t customers, uint64_t seed);
void carrier_fini(struct carrier *c);

void carrier_sit(struct carrier *c, uint32_t customer, uint32_t address); /* a new session */
void carrier_leave(struct carrier *c, uint32_t customer);                 /* radio gone */
/* What carrier_leave freed may be given out again; in a random order after carrier_mix. */
void carrier_give_back(struct carrier *c, uint32_t address);
void carrier_mix(struct carrier *c);
uint32_t carrier_take(struct carrier *c);  /* given back last; else fresh; NOWHERE */
uint32_t carrier_fresh(struct carrier *c); /* one that nobody ever had; NOWHERE */
uint32_t carrier_random(struct carrier *c, uint32_t below);

void carrier_address(uint32_t index, struct addr *out);
/* NOWHERE: not one of ours. */
uint32_t carrier_place_of(const struct carrier *c, const struct addr *a);

#endif
