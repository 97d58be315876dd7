#include "handset-sim/carrier.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/err.h"

#define CUSTOMERS 500

/* Whoever has an address is its holder, and nobody has two. */
static void check_truth(const struct carrier *c)
{
	uint32_t held = 0, seated = 0;

	for (uint32_t i = 0; i < c->place_count; i++)
		if (c->places[i].holder != NOBODY) {
			held++;
			assert_int_equal(c->customers[c->places[i].holder].address, i);
		}
	for (uint32_t i = 0; i < c->customer_count; i++)
		seated += c->customers[i].address != NOWHERE;
	assert_int_equal(held, seated);
}

static void an_address_is_given_to_one_at_a_time(void **state)
{
	struct carrier c;

	(void)state;
	assert_int_equal(carrier_init(&c, CUSTOMERS, 7), 0);
	check_truth(&c);
	for (int round = 0; round < 5; round++) {
		for (uint32_t i = 0; i < CUSTOMERS; i += 2) {
			uint32_t left = c.customers[i].address;
			carrier_leave(&c, i);
			carrier_give_back(&c, left);
			assert_int_equal(c.places[left].former, i);
			assert_int_equal(c.customers[i].former, left);
		}
		check_truth(&c);
		carrier_mix(&c);
		for (uint32_t i = 0; i < CUSTOMERS; i += 2) {
			uint32_t session = c.customers[i].session;
			carrier_sit(&c, i, carrier_take(&c));
			assert_int_equal(c.customers[i].session, session + 1);
		}
		check_truth(&c);
		assert_int_equal(c.free_count, 0);
	}
	carrier_fini(&c);
}

static void an_address_that_is_fresh_was_nobodys(void **state)
{
	struct carrier c;
	uint32_t at;

	(void)state;
	assert_int_equal(carrier_init(&c, CUSTOMERS, 7), 0);
	while ((at = carrier_fresh(&c)) != NOWHERE)
		assert_true(c.places[at].holder == NOBODY && c.places[at].former == NOBODY);
	assert_int_equal(carrier_take(&c), NOWHERE);
	carrier_fini(&c);
}

static void an_address_is_known_by_its_octets(void **state)
{
	struct carrier c;
	struct addr a;
	char text[ADDR_TEXT_MAX];

	(void)state;
	assert_int_equal(carrier_init(&c, CUSTOMERS, 7), 0);
	for (uint32_t i = 0; i < c.place_count; i++) {
		carrier_address(i, &a);
		assert_int_equal(carrier_place_of(&c, &a), i);
	}
	carrier_address(300, &a);
	assert_string_equal(addr_format(&a, text), "127.32.1.45");
	assert_int_equal(addr_parse("127.0.0.1", &a), 0);
	assert_int_equal(carrier_place_of(&c, &a), NOWHERE);
	carrier_address(c.place_count, &a);
	assert_int_equal(carrier_place_of(&c, &a), NOWHERE);
	carrier_fini(&c);
	assert_int_equal(carrier_init(&c, 16000000, 7), E_RANGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_given_to_one_at_a_time),
		cmocka_unit_test(an_address_that_is_fresh_was_nobodys),
		cmocka_unit_test(an_address_is_known_by_its_octets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
