/* Accounting-Requests and the lease events that they are. */
#include "authsrv/radius/fixture.h"

#include <stdlib.h>

#include "authsrv/radius/event.h"
#include "lib/clock.h"

#define NOW   (INT64_C(1767600000) * CLOCK_S)
#define NOW_S 1767600000u
#define DAY_S 86400u

static struct radius_context context(void)
{
	return (struct radius_context){.realm = "default",
				       .feeder = "radius:local",
				       .apns = "",
				       .nas_ids = "",
				       .received_us = NOW};
}

struct heard {
	enum radius_reading reading;
	struct lease_event ev;
	struct radius_notes notes;
};

static struct heard hear_as(struct radius_builder *b, struct radius_context c)
{
	struct radius_packet p = request_end(b);
	struct heard h;

	h.reading = radius_event_read(&p, &c, &h.ev, &h.notes);
	return h;
}

static struct heard hear(struct radius_builder *b)
{
	return hear_as(b, context());
}

/* What most requests have. */
static void begin(struct radius_builder *b, uint32_t status)
{
	request_begin(b, status);
	radius_put_text(b, RADIUS_NAS_IDENTIFIER, "pgw1");
	radius_put_text(b, RADIUS_ACCT_SESSION_ID, "8f3a2b10-0001");
}

static void begin_start(struct radius_builder *b)
{
	begin(b, RADIUS_START);
	radius_put_u32(b, RADIUS_FRAMED_IP_ADDRESS, 0xc6336407);
	radius_put_text(b, RADIUS_CALLING_STATION_ID, "819012345678");
}

static void assert_key(const struct heard *h, size_t i, const char *want)
{
	char text[KEY_TEXT_MAX];

	assert_true(i < h->ev.key_count);
	assert_string_equal(key_format(&h->ev.keys[i], text), want);
}

static void a_start(void **state)
{
	struct radius_builder b;

	(void)state;
	begin_start(&b);
	put_imsi(&b, "440101234567890");
	radius_put_u32(&b, RADIUS_EVENT_TIMESTAMP, NOW_S - 3);
	radius_put_u32(&b, RADIUS_ACCT_DELAY_TIME, 2);
	struct radius_context c = context();
	c.lease_us = 5;
	struct heard h = hear_as(&b, c);
	assert_int_equal(h.reading, RADIUS_EVENT);
	assert_int_equal(h.ev.kind, LEASE_START);
	assert_string_equal(h.ev.realm, "default");
	assert_string_equal(h.ev.feeder, "radius:local");
	assert_string_equal(h.ev.nas_id, "pgw1");
	assert_string_equal(h.ev.session_id, "8f3a2b10-0001");
	assert_string_equal(h.ev.msisdn, "819012345678");
	assert_string_equal(h.ev.imsi, "440101234567890");
	assert_int_equal(h.ev.key_count, 1);
	assert_key(&h, 0, "198.51.100.7");
	assert_int_equal(h.ev.time_us, NOW - 3 * CLOCK_S);
	assert_int_equal(h.ev.delay_us, 2 * CLOCK_S);
	assert_int_equal(h.ev.received_us, NOW);
	assert_int_equal(h.ev.lease_us, 5);
	assert_int_equal(h.ev.batch, 0);
	assert_false(h.ev.unreadable);
	assert_null(h.notes.fault);
	assert_false(h.notes.clock_wrong);
}

static void the_status_is_the_kind(void **state)
{
	static const struct {
		uint32_t status;
		enum radius_reading reading;
		enum lease_kind kind;
	} cases[] = {
		{1, RADIUS_EVENT, LEASE_START},   {2, RADIUS_EVENT, LEASE_STOP},
		{3, RADIUS_EVENT, LEASE_UPDATE},  {7, RADIUS_EVENT, LEASE_NAS_ON},
		{8, RADIUS_EVENT, LEASE_NAS_OFF}, {15, RADIUS_OTHER_STATUS, 0},
		{9, RADIUS_OTHER_STATUS, 0},      {0xffffffff, RADIUS_OTHER_STATUS, 0},
		{0, RADIUS_NO_STATUS, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct radius_builder b;
		begin(&b, cases[i].status);
		struct heard h = hear(&b);
		assert_int_equal(h.reading, cases[i].reading);
		if (h.reading == RADIUS_EVENT)
			assert_int_equal(h.ev.kind, cases[i].kind);
	}
	struct radius_builder b;
	begin(&b, 0);
	radius_put(&b, RADIUS_ACCT_STATUS_TYPE, "\0\1", 2);
	assert_int_equal(hear(&b).reading, RADIUS_NO_STATUS);
}

static void the_nas_is_who_it_says(void **state)
{
	static const uint8_t v6[16] = {0x20, 1, 0xd, 0xb8, [15] = 9};
	struct radius_builder b;

	(void)state;
	request_begin(&b, RADIUS_ACCOUNTING_ON);
	assert_int_equal(hear(&b).reading, RADIUS_NO_NAS);
	radius_put(&b, RADIUS_NAS_IDENTIFIER, "", 0);
	assert_int_equal(hear(&b).reading, RADIUS_NO_NAS);
	radius_put_u32(&b, RADIUS_NAS_IP_ADDRESS, 0xc00002fe);
	struct heard h = hear(&b);
	assert_string_equal(h.ev.nas_id, "192.0.2.254");
	radius_put(&b, RADIUS_NAS_IPV6_ADDRESS, v6, sizeof v6);
	h = hear(&b);
	assert_string_equal(h.ev.nas_id, "2001:db8::9");
	request_begin(&b, RADIUS_ACCOUNTING_ON);
	radius_put_u32(&b, RADIUS_NAS_IP_ADDRESS, 0xc00002fe);
	radius_put_text(&b, RADIUS_NAS_IDENTIFIER, "pgw 1");
	h = hear(&b);
	assert_string_equal(h.ev.nas_id, "pgw%201");
	struct radius_context c = context();
	c.nas_ids = "pgw1, pgw%202";
	assert_int_equal(hear_as(&b, c).reading, RADIUS_NO_NAS);
	c.nas_ids = "pgw1, pgw%201";
	assert_int_equal(hear_as(&b, c).reading, RADIUS_EVENT);
}

static void identities(void **state)
{
	static const struct {
		const char *calling, *imsi; /* null: not there */
		const char *msisdn_got, *imsi_got;
		bool readable;
	} cases[] = {
		{"819012345678", NULL, "819012345678", "", true},
		{"+819012345678", NULL, "819012345678", "", true},
		{NULL, "440101234567890", "", "440101234567890", true},
		{"", "440101234567890", "", "440101234567890", true},
		{NULL, NULL, "", "", false},
		{"", "", "", "", false},
		{"81-90", "440101234567890", "", "440101234567890", false},
		{"00-11-22-33-44-55", NULL, "", "", false},
		{"819012345678", "44010123456789x", "819012345678", "", false},
		{"1234567890123456", NULL, "", "", false},
		{"++81901234", NULL, "", "", false},
		{"819012345678901234567890123456789012345678901234567890", NULL, "", "", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct radius_builder b;
		begin(&b, RADIUS_START);
		radius_put_u32(&b, RADIUS_FRAMED_IP_ADDRESS, 0xc6336407);
		if (cases[i].calling)
			radius_put_text(&b, RADIUS_CALLING_STATION_ID, cases[i].calling);
		if (cases[i].imsi)
			put_imsi(&b, cases[i].imsi);
		struct heard h = hear(&b);
		assert_int_equal(h.reading, RADIUS_EVENT);
		assert_string_equal(h.ev.msisdn, cases[i].msisdn_got);
		assert_string_equal(h.ev.imsi, cases[i].imsi_got);
		assert_int_equal(!h.ev.unreadable, cases[i].readable);
		assert_int_equal(h.ev.key_count, 1); /* it evicts all the same */
	}
	struct radius_builder b;
	begin(&b, RADIUS_START);
	radius_put(&b, RADIUS_CALLING_STATION_ID, "8190\0001234", 9);
	assert_true(hear(&b).ev.unreadable);
	begin(&b, RADIUS_INTERIM_UPDATE); /* about whom its session is */
	assert_false(hear(&b).ev.unreadable);
}

static void addresses_of_ipv4(void **state)
{
	static const struct {
		uint32_t address;
		bool has_key, readable;
	} cases[] = {
		{0xc6336407, true, true},   {0, false, true},           {0xffffffff, false, true},
		{0xfffffffe, false, true},  {0xe0000001, false, false}, /* multicast */
		{0xa9fe0001, false, false},                             /* link-local */
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct radius_builder b;
		begin(&b, RADIUS_START);
		put_imsi(&b, "440101234567890");
		radius_put_u32(&b, RADIUS_FRAMED_IP_ADDRESS, cases[i].address);
		struct heard h = hear(&b);
		assert_int_equal(h.ev.key_count, cases[i].has_key);
		assert_int_equal(!h.ev.unreadable, cases[i].readable);
	}
	struct radius_builder b;
	begin(&b, RADIUS_START);
	radius_put(&b, RADIUS_FRAMED_IP_ADDRESS, "123", 3);
	assert_true(hear(&b).ev.unreadable);
}

struct v6_case {
	const char *framed, *delegated, *address; /* null: not there */
	const char *key;                          /* null: none */
	bool readable;
};

static void put_v6(struct radius_builder *b, uint8_t type, const char *text)
{
	char copy[64];
	struct addr a;
	const char *slash = strchr(text, '/');

	strcpy(copy, text);
	copy[slash ? (size_t)(slash - text) : strlen(text)] = '\0';
	assert_int_equal(addr_parse(copy, &a), 0);
	if (slash)
		radius_put_prefix(b, type, a.bytes, (uint8_t)atoi(slash + 1));
	else
		radius_put(b, type, a.bytes, 16);
}

static void addresses_of_ipv6(void **state)
{
	static const struct v6_case cases[] = {
		{"2001:db8:1:2::/64", NULL, NULL, "2001:db8:1:2::/64", true},
		{NULL, "2001:db8:100::/56", NULL, "2001:db8:100::/56", true},
		{NULL, NULL, "2001:db8:1:2::7", "2001:db8:1:2::/64", true},
		{"2001:db8:1:2::7/128", NULL, NULL, "2001:db8:1:2::/64", true},
		{"2001:db8:100:1::/64", "2001:db8:100::/56", NULL, "2001:db8:100::/56", true},
		{"2001:db8:1:2::/64", "2001:db8:100::/56", NULL, "2001:db8:1:2::/64", true},
		{"2001:db8:1:2::/64", NULL, "2001:db8:1:2::7", "2001:db8:1:2::/64", true},
		{"2001:db8::/32", NULL, NULL, NULL, false},
		{"fe80::/64", NULL, NULL, NULL, false},
		{NULL, NULL, "ff02::1", NULL, false},
		{"::ffff:198.51.100.7/128", NULL, NULL, NULL, false},
		{NULL, NULL, "::ffff:198.51.100.7", NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct radius_builder b;
		begin(&b, RADIUS_START);
		put_imsi(&b, "440101234567890");
		if (cases[i].framed)
			put_v6(&b, RADIUS_FRAMED_IPV6_PREFIX, cases[i].framed);
		if (cases[i].delegated)
			put_v6(&b, RADIUS_DELEGATED_IPV6_PREFIX, cases[i].delegated);
		if (cases[i].address)
			put_v6(&b, RADIUS_FRAMED_IPV6_ADDRESS, cases[i].address);
		struct heard h = hear(&b);
		assert_int_equal(!h.ev.unreadable, cases[i].readable);
		assert_int_equal(h.ev.key_count, cases[i].key != NULL);
		if (cases[i].key)
			assert_key(&h, 0, cases[i].key);
	}
}

static void both_families_are_one_event(void **state)
{
	struct radius_builder b;

	(void)state;
	begin_start(&b);
	put_v6(&b, RADIUS_FRAMED_IPV6_PREFIX, "2001:db8:1:2::/64");
	struct heard h = hear(&b);
	assert_int_equal(h.ev.key_count, 2);
	assert_key(&h, 0, "198.51.100.7");
	assert_key(&h, 1, "2001:db8:1:2::/64");
}

static void what_contradicts_itself_is_not_readable(void **state)
{
	struct radius_builder b;

	(void)state;
	begin_start(&b);
	radius_put_u32(&b, RADIUS_FRAMED_IP_ADDRESS, 0xc6336407); /* the same again */
	assert_false(hear(&b).ev.unreadable);
	radius_put_u32(&b, RADIUS_FRAMED_IP_ADDRESS, 0xc6336408);
	struct heard h = hear(&b);
	assert_true(h.ev.unreadable);
	assert_key(&h, 0, "198.51.100.7");
	begin_start(&b);
	put_imsi(&b, "440101234567890");
	put_imsi(&b, "440101234567891");
	assert_true(hear(&b).ev.unreadable);
}

static void times(void **state)
{
	static const struct {
		uint32_t at, delay; /* 0, UINT32_MAX: not there */
		uint32_t time_s;    /* 0: not said */
		bool wrong;
	} cases[] = {
		{0, UINT32_MAX, 0, false},
		{NOW_S, UINT32_MAX, NOW_S, false},
		{NOW_S + 9999, 0, NOW_S + 9999, false}, /* the rules replace what lies ahead */
		{2082758400u, 0, 2082758400u, false},   /* 2036 */
		{3, UINT32_MAX, 3, false},              /* 1970: the rules replace it too */
		{3, 0, 0, true},
		{NOW_S - DAY_S, 0, NOW_S - DAY_S, false},
		{NOW_S - DAY_S - 1, 0, 0, true},
		{NOW_S - DAY_S - 1, 1, NOW_S - DAY_S - 1, false},
		{NOW_S - 3 * DAY_S, 3 * DAY_S, NOW_S - 3 * DAY_S, false},
		{NOW_S - 3 * DAY_S, UINT32_MAX, NOW_S - 3 * DAY_S, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct radius_builder b;
		begin_start(&b);
		if (cases[i].at)
			radius_put_u32(&b, RADIUS_EVENT_TIMESTAMP, cases[i].at);
		if (cases[i].delay != UINT32_MAX)
			radius_put_u32(&b, RADIUS_ACCT_DELAY_TIME, cases[i].delay);
		struct heard h = hear(&b);
		assert_int_equal(h.ev.time_us, cases[i].time_s * CLOCK_S);
		assert_int_equal(h.notes.clock_wrong, cases[i].wrong);
	}
	struct radius_builder b;
	begin_start(&b);
	radius_put_u32(&b, RADIUS_EVENT_TIMESTAMP, 0);
	struct heard h = hear(&b);
	assert_int_equal(h.ev.time_us, 1);
}

static void other_apns(void **state)
{
	static const struct {
		const char *apns, *called; /* called null: not there */
		enum radius_reading reading;
	} cases[] = {
		{"", "ims", RADIUS_EVENT},
		{" , ", "ims", RADIUS_EVENT},
		{"internet", NULL, RADIUS_EVENT},
		{"internet", "internet", RADIUS_EVENT},
		{"internet", "Internet", RADIUS_EVENT},
		{"mms, internet", "internet.mnc010.mcc440.gprs", RADIUS_EVENT},
		{"internet", "internet.mnc010.mcc440.GPRS", RADIUS_EVENT},
		{"internet", "internet2", RADIUS_OTHER_APN},
		{"internet", "internet.example", RADIUS_OTHER_APN},
		{"internet", "inter", RADIUS_OTHER_APN},
		{"internet", "", RADIUS_OTHER_APN},
		{"mms, internet", "ims", RADIUS_OTHER_APN},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct radius_builder b;
		struct radius_context c = context();
		c.apns = cases[i].apns;
		begin_start(&b);
		if (cases[i].called)
			radius_put_text(&b, RADIUS_CALLED_STATION_ID, cases[i].called);
		assert_int_equal(hear_as(&b, c).reading, cases[i].reading);
	}
}

static void bearers(void **state)
{
	static const uint8_t charging[] = {0, 0, 1, 2}, last[] = {0xff};
	struct radius_builder b;

	(void)state;
	begin(&b, RADIUS_STOP);
	struct heard h = hear(&b);
	assert_int_equal(h.ev.bearer, 0);
	put_3gpp(&b, RADIUS_3GPP_CHARGING_ID, charging, sizeof charging);
	h = hear(&b);
	assert_int_equal(h.ev.bearer, 258);
	assert_false(h.ev.last_bearer);
	put_3gpp(&b, RADIUS_3GPP_SESSION_STOP_INDICATOR, last, sizeof last);
	h = hear(&b);
	assert_true(h.ev.last_bearer);
}

static void names(void **state)
{
	static const struct {
		const char *octets;
		size_t n;
		const char *name;
	} cases[] = {
		{"8f3a2b10-0001", 13, "8f3a2b10-0001"},
		{"a b", 3, "a%20b"},
		{"100%", 4, "100%25"},
		{"\x00\xff\n", 3, "%00%FF%0A"},
		{"\"\\/", 3, "\"\\/"},
	};
	char name[64];
	uint8_t back[RADIUS_VALUE_MAX], long_one[RADIUS_VALUE_MAX];
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		radius_name((const uint8_t *)cases[i].octets, cases[i].n, name, sizeof name);
		assert_string_equal(name, cases[i].name);
		assert_true(radius_unname(name, back, &n));
		assert_int_equal(n, cases[i].n);
		assert_memory_equal(back, cases[i].octets, n);
	}
	memset(long_one, 'x', sizeof long_one);
	radius_name(long_one, 63, name, sizeof name);
	assert_int_equal(strlen(name), 63);
	radius_name(long_one, 64, name, sizeof name);
	assert_memory_equal(name, "sha256:", 7);
	assert_int_equal(strlen(name), 7 + 32);
	assert_false(radius_unname(name, back, &n));
	char other[64];
	long_one[63] = 'y';
	radius_name(long_one, 64, other, sizeof other);
	assert_string_not_equal(name, other);
	assert_false(radius_unname("", back, &n));
	assert_false(radius_unname("%", back, &n));
	assert_false(radius_unname("%4", back, &n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_start),
		cmocka_unit_test(the_status_is_the_kind),
		cmocka_unit_test(the_nas_is_who_it_says),
		cmocka_unit_test(identities),
		cmocka_unit_test(addresses_of_ipv4),
		cmocka_unit_test(addresses_of_ipv6),
		cmocka_unit_test(both_families_are_one_event),
		cmocka_unit_test(what_contradicts_itself_is_not_readable),
		cmocka_unit_test(times),
		cmocka_unit_test(other_apns),
		cmocka_unit_test(bearers),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
