#include "handset-sim/carrier.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

#define FIRST_ADDRESS 0x7f200001u /* 127.32.0.1 */
#define LAST_ADDRESS  0x7ffffffeu
/* A tenth more than customers: who moves in the steady state, and who returns at the end. */
#define SPARE_PART 10
#define SPARE_MIN  64

int carrier_init(struct carrier *c, uint32_t customers, uint64_t seed)
{
	uint32_t places = customers + customers / SPARE_PART + SPARE_MIN;

	*c = (struct carrier){.customer_count = customers, .place_count = places};
	if (places > LAST_ADDRESS - FIRST_ADDRESS)
		return E_RANGE;
	c->customers = calloc(customers, sizeof *c->customers);
	c->places = calloc(places, sizeof *c->places);
	c->free_places = calloc(places, sizeof *c->free_places);
	if (!c->customers || !c->places || !c->free_places) {
		carrier_fini(c);
		return E_NOMEM;
	}
	for (uint32_t i = 0; i < places; i++)
		c->places[i] = (struct place){.holder = NOBODY, .former = NOBODY};
	for (uint32_t i = 0; i < customers; i++) {
		c->customers[i] = (struct customer){.address = NOWHERE, .former = NOWHERE};
		carrier_sit(c, i, i);
	}
	c->next_fresh = customers;
	c->random[0] = (unsigned short)seed;
	c->random[1] = (unsigned short)(seed >> 16);
	c->random[2] = 0x330e;
	return 0;
}

void carrier_fini(struct carrier *c)
{
	free(c->customers);
	free(c->places);
	free(c->free_places);
	*c = (struct carrier){0};
}

void carrier_sit(struct carrier *c, uint32_t customer, uint32_t address)
{
	c->customers[customer].address = address;
	c->customers[customer].session++;
	c->places[address].holder = customer;
	c->places[address].is_spoken_of = false;
}

void carrier_leave(struct carrier *c, uint32_t customer)
{
	struct customer *who = &c->customers[customer];

	if (who->address == NOWHERE)
		return;
	c->places[who->address].holder = NOBODY;
	c->places[who->address].former = customer;
	who->former = who->address;
	who->address = NOWHERE;
}

void carrier_give_back(struct carrier *c, uint32_t address)
{
	c->free_places[c->free_count++] = address;
}

void carrier_mix(struct carrier *c)
{
	for (uint32_t i = c->free_count; i > 1; i--) {
		uint32_t j = carrier_random(c, i), kept = c->free_places[i - 1];
		c->free_places[i - 1] = c->free_places[j];
		c->free_places[j] = kept;
	}
}

uint32_t carrier_take(struct carrier *c)
{
	return c->free_count ? c->free_places[--c->free_count] : carrier_fresh(c);
}

uint32_t carrier_fresh(struct carrier *c)
{
	return c->next_fresh < c->place_count ? c->next_fresh++ : NOWHERE;
}

uint32_t carrier_random(struct carrier *c, uint32_t below)
{
	return (uint32_t)nrand48(c->random) % below;
}

void carrier_address(uint32_t index, struct addr *out)
{
	uint32_t ip = FIRST_ADDRESS + index;

	memset(out, 0, sizeof *out);
	out->bytes[10] = out->bytes[11] = 0xff;
	for (int i = 0; i < 4; i++)
		out->bytes[12 + i] = (uint8_t)(ip >> (24 - 8 * i));
}

uint32_t carrier_place_of(const struct carrier *c, const struct addr *a)
{
	uint32_t ip = 0;

	if (!addr_is_v4(a))
		return NOWHERE;
	for (int i = 0; i < 4; i++)
		ip = ip << 8 | a->bytes[12 + i];
	return ip >= FIRST_ADDRESS && ip - FIRST_ADDRESS < c->place_count ? ip - FIRST_ADDRESS
									  : NOWHERE;
}
