/* Devices (DHCP): who the device table says it is, and session names that come again. */
#include "lib/rules/lease_fixture.h"

/* Alice's circuit and client, Bob's circuit and hardware address. */
static struct memory_store dhcp_world(void)
{
	struct memory_store m = world();

	m.device_count = 4;
	m.devices[0] = (struct memory_device){
		{.kind = DEVICE_CIRCUIT_ID, .length = 1, .octets = {ALICE}}, ALICE};
	m.devices[1] = (struct memory_device){
		{.kind = DEVICE_CLIENT_ID, .length = 1, .octets = {ALICE}}, ALICE};
	m.devices[2] = (struct memory_device){
		{.kind = DEVICE_CIRCUIT_ID, .length = 1, .octets = {BOB}}, BOB};
	m.devices[3] = (struct memory_device){
		{.kind = DEVICE_HW_ADDRESS, .length = 1, .octets = {BOB}}, BOB};
	return m;
}

/* circuit, client, hw: one octet each; 0: not said. */
struct dhcp {
	struct said said;
	uint8_t circuit, client, hw;
};

static void add_device(struct lease_devices *list, enum device_kind kind, uint8_t octet)
{
	if (octet)
		list->list[list->count++] =
			(struct device){.kind = kind, .length = 1, .octets = {octet}};
}

static struct lease_outcome hear(struct memory_store *m, struct dhcp d)
{
	struct lease_store port = memory_store_port(m);
	struct lease_event ev = event_of(&d.said);
	struct lease_devices devices = {0};
	struct lease_outcome out;

	add_device(&devices, DEVICE_CIRCUIT_ID, d.circuit);
	add_device(&devices, DEVICE_CLIENT_ID, d.client);
	add_device(&devices, DEVICE_HW_ADDRESS, d.hw);
	ev.devices = devices.count ? &devices : NULL;
	ev.session_recurs = true;
	assert_int_equal(lease_apply(&port, &limits, &ev, &out), 0);
	return out;
}

#define START(name, t) .said = {LEASE_START, X, .session = name, .at = t}
#define STOP(name, t)  .said = {LEASE_STOP, X, .session = name, .at = t}
#define STRANGE        77

static void who_it_is(void **state)
{
	static const struct {
		struct dhcp say;
		int holder;
		enum lease_result result;
	} cases[] = {
		{{START("s", 1), .circuit = ALICE}, ALICE, LEASE_APPLIED},
		{{START("s", 1), .hw = BOB}, BOB, LEASE_APPLIED},
		{{START("s", 1), .circuit = ALICE, .client = ALICE}, ALICE, LEASE_APPLIED},
		/* what the table does not know says nothing */
		{{START("s", 1), .circuit = STRANGE, .client = ALICE}, ALICE, LEASE_APPLIED},
		{{START("s", 1), .circuit = BOB, .client = STRANGE}, BOB, LEASE_APPLIED},
		{{START("s", 1), .circuit = STRANGE}, NOBODY, LEASE_ERROR},
		/* two of two subscribers */
		{{START("s", 1), .circuit = ALICE, .hw = BOB}, QUARANTINED, LEASE_QUARANTINED},
		{{START("s", 1), .circuit = BOB, .client = ALICE}, QUARANTINED, LEASE_QUARANTINED},
		{{START("s", 1), .client = ALICE, .hw = BOB}, QUARANTINED, LEASE_QUARANTINED},
		/* with a number: it must agree, and be somebody's */
		{{.said = {LEASE_START, X, .session = "s", .who = ALICE, .at = 1}, .client = ALICE},
		 ALICE,
		 LEASE_APPLIED},
		{{.said = {LEASE_START, X, .session = "s", .who = ALICE, .at = 1}, .hw = BOB},
		 QUARANTINED,
		 LEASE_QUARANTINED},
		{{.said = {LEASE_START, X, .session = "s", .who = 9, .at = 1}, .hw = BOB},
		 QUARANTINED,
		 LEASE_QUARANTINED},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct memory_store m = dhcp_world();
		/* Whatever it says, Carol is evicted. */
		tell(&m, (struct said){LEASE_START, X, .session = "c", .who = CAROL});
		struct lease_outcome out = hear(&m, cases[i].say);
		if (out.result != cases[i].result || holder(&m, X) != cases[i].holder)
			fail_msg("case %zu: %s, holder %d", i, lease_result_name(out.result),
				 holder(&m, X));
	}
}

/* A renewal goes past the relay: no option 82 in it. */
static void renewal_without_option_82(void **state)
{
	struct memory_store m = dhcp_world();

	(void)state;
	hear(&m, (struct dhcp){START("s", 1), .circuit = ALICE, .hw = STRANGE});
	struct lease_outcome out = hear(&m, (struct dhcp){START("s", 50), .hw = STRANGE});
	assert_int_equal(out.result, LEASE_DUPLICATE);
	assert_int_equal(out.subscriber, ALICE);
	assert_int_equal(holder(&m, X), ALICE);
	/* Its end neither. */
	hear(&m, (struct dhcp){STOP("s", 60), .hw = STRANGE});
	assert_int_equal(holder(&m, X), NOBODY);
	/* A session that is over vouches for nobody. */
	out = hear(&m, (struct dhcp){START("s", 61), .hw = STRANGE});
	assert_string_equal(out.problem, "unknown-subscriber");
	assert_int_equal(holder(&m, X), NOBODY);
}

/* One lease after another of one client, one address and one name, in any order of arrival. */
static void leases_of_one_name(void **state)
{
	static const struct dhcp events[] = {
		{START("s", 1), .client = ALICE},
		{STOP("s", 1.3), .client = ALICE},
		{START("s", 1.6), .client = ALICE},
	};
	static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
					 {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};

	(void)state;
	for (int o = 0; o < 6; o++) {
		struct memory_store m = dhcp_world();
		for (int i = 0; i < 3; i++)
			hear(&m, events[orders[o][i]]);
		if (holder(&m, X) != ALICE)
			fail_msg("order %d", o);
		/* and its own end still ends it */
		hear(&m, (struct dhcp){STOP("s", 1.9), .client = ALICE});
		assert_int_equal(holder(&m, X), NOBODY);
	}
}

/* Alice, Bob for a moment, Alice again: whatever of Bob's comes late comes too late. */
static void stranger_between(void **state)
{
	static const struct dhcp events[] = {
		{START("a", 1), .client = ALICE},   {STOP("a", 1.2), .client = ALICE},
		{START("b", 1.4), .hw = BOB},       {STOP("b", 1.6), .hw = BOB},
		{START("a", 1.8), .client = ALICE},
	};

	(void)state;
	for (int o = 0; o < 120; o++) {
		struct memory_store m = dhcp_world();
		int left[5] = {0, 1, 2, 3, 4}, rest = o;
		for (int n = 5; n; n--) {
			int pick = rest % n;
			rest /= n;
			hear(&m, events[left[pick]]);
			left[pick] = left[n - 1];
		}
		if (holder(&m, X) != ALICE)
			fail_msg("order %d: holder %d", o, holder(&m, X));
	}
}

/* A release and the next client's lease at equal times, in either order. */
static void equal_times(void **state)
{
	(void)state;
	for (int o = 0; o < 2; o++) {
		struct memory_store m = dhcp_world();
		hear(&m, (struct dhcp){START("a", 1), .client = ALICE});
		if (o)
			hear(&m, (struct dhcp){STOP("a", 5), .client = ALICE});
		struct lease_outcome out = hear(&m, (struct dhcp){START("b", 5), .hw = BOB});
		assert_int_equal(out.result, LEASE_APPLIED);
		if (!o)
			hear(&m, (struct dhcp){STOP("a", 5), .client = ALICE});
		assert_int_equal(holder(&m, X), BOB);
	}
}

/* The session of one person, and the device of another: hard evidence. */
static void device_of_another(void **state)
{
	struct memory_store m = dhcp_world();

	(void)state;
	hear(&m, (struct dhcp){START("s", 1), .circuit = ALICE});
	hear(&m, (struct dhcp){START("s", 9), .circuit = BOB});
	assert_int_equal(holder(&m, X), QUARANTINED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_it_is),          cmocka_unit_test(renewal_without_option_82),
		cmocka_unit_test(leases_of_one_name), cmocka_unit_test(stranger_between),
		cmocka_unit_test(equal_times),        cmocka_unit_test(device_of_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
