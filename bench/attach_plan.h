/* attach_plan -- who re-attaches when, and at which address: bench/attach_load's order of things
 *
 * Subscriber s (from 1) has number 81 and ten digits. Events come in any order of subscribers, at
 * any addresses of 127.16.0.0/12: neither is in the order of the store's rows. No I/O, no state.
 */
#ifndef HATO_BENCH_ATTACH_PLAN_H
#define HATO_BENCH_ATTACH_PLAN_H

#include <stdint.h>
#include <stdio.h>

#define ATTACH_POOL         0x7f100000u /* 127.16.0.0 */
#define ATTACH_BITS         20
#define ATTACH_EVENT_OCTETS 160

/* Each number of ATTACH_BITS to another one, none twice. */
static inline uint32_t spread(uint32_t n, uint32_t times, uint32_t more)
{
	return (n * times + more) & ((1u << ATTACH_BITS) - 1);
}

/* Walks on from what lies outside of the subscribers, so that it is one to one here, too. */
static inline int64_t subscriber_at(int64_t subscribers, int64_t order)
{
	uint32_t n = (uint32_t)order;

	do {
		n = spread(n, 668265261u, 7u);
	} while (n >= (uint32_t)subscribers);
	return (int64_t)n + 1;
}

static inline uint32_t address_of(int64_t subscriber)
{
	return ATTACH_POOL + spread((uint32_t)subscriber, 374761393u, 12345u);
}

static inline size_t put_events(char *out, int64_t subscribers, int64_t first, int64_t end)
{
	char *at = out;

	*at++ = '[';
	for (int64_t i = first; i < end; i++) {
		int64_t s = subscriber_at(subscribers, i);
		uint32_t a = address_of(s);
		at += sprintf(
			at,
			"{\"event\":\"start\",\"ip\":\"%u.%u.%u.%u\",\"msisdn\":\"81%010lld\","
			"\"session_id\":\"a%016lld\",\"nas_id\":\"bench\"},",
			a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255, (long long)s, (long long)i);
	}
	at[-1] = ']';
	return (size_t)(at - out);
}

#endif
