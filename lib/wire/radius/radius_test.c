/* The worked packets of the protocol reference (checked there with Wireshark and by hand), and
 * everything that is not a packet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/radius/radius.h"

#define SECRET "testing123"

static const char start[] = "041100a0a3dd00d90d289f855febc29fcdd924e8"
			    "280600000001"
			    "2c0f38663361326231302d30303031"
			    "0806c6336407"
			    "1f0e383139303132333435363738"
			    "01067461726f"
			    "0406c00002fe"
			    "200670677731"
			    "3706695b84a7"
			    "290600000000"
			    "1a17000028af0111343430313031323334353637383930"
			    "1a0d000028af08073434303130"
			    "1a18000028af141233353334393030363938373333313533"
			    "1a09000028af150306";
static const char answer[] = "05110014a14a42a99c02dd8557909c4ef9a948c6";
static const char disconnect[] = "280500418e034ed8d6570e524e596357d219a192"
				 "2c0f38663361326231302d303030310806c63364073706695b84e3"
				 "5012a865e32b609271f50f1927bbab0cbb08";

static size_t unhex(const char *hex, uint8_t *out)
{
	size_t n = 0;

	for (; *hex; hex += 2, n++) {
		unsigned octet;
		assert_int_equal(sscanf(hex, "%2x", &octet), 1);
		out[n] = (uint8_t)octet;
	}
	return n;
}

struct octets {
	uint8_t at[RADIUS_PACKET_MAX + 64];
	size_t n;
};

static struct octets packet_of(const char *hex)
{
	struct octets o;

	o.n = unhex(hex, o.at);
	return o;
}

static struct radius_packet parsed(const struct octets *o)
{
	struct radius_packet p;

	assert_int_equal(radius_parse(o->at, o->n, &p), RADIUS_GOOD);
	return p;
}

static void assert_text(const struct radius_attribute *a, const char *text)
{
	assert_int_equal(a->length, strlen(text));
	assert_memory_equal(a->value, text, a->length);
}

static struct radius_attribute find(const struct radius_packet *p, uint8_t type)
{
	struct radius_attribute a;

	assert_true(radius_find(p, type, &a));
	return a;
}

static void the_worked_start(void **state)
{
	struct octets o = packet_of(start);
	struct radius_packet p = parsed(&o);
	struct radius_attribute a, inner;
	uint32_t n;

	(void)state;
	assert_int_equal(p.code, RADIUS_ACCOUNTING_REQUEST);
	assert_int_equal(p.id, 0x11);
	assert_int_equal(p.length, 160);
	assert_int_equal(radius_request_verify(&p, SECRET, strlen(SECRET)), RADIUS_GOOD);
	a = find(&p, RADIUS_ACCT_STATUS_TYPE);
	assert_true(radius_u32(&a, &n) && n == RADIUS_START);
	a = find(&p, RADIUS_ACCT_SESSION_ID);
	assert_text(&a, "8f3a2b10-0001");
	a = find(&p, RADIUS_CALLING_STATION_ID);
	assert_text(&a, "819012345678");
	a = find(&p, RADIUS_FRAMED_IP_ADDRESS);
	assert_true(radius_u32(&a, &n) && n == 0xc6336407);
	a = find(&p, RADIUS_VENDOR_SPECIFIC);
	size_t at = 0;
	assert_true(radius_next_3gpp(&a, &at, &inner));
	assert_int_equal(inner.type, RADIUS_3GPP_IMSI);
	assert_text(&inner, "440101234567890");
	assert_false(radius_next_3gpp(&a, &at, &inner));
}

static void the_worked_answer(void **state)
{
	struct octets o = packet_of(start), want = packet_of(answer);
	struct radius_packet p = parsed(&o), r = parsed(&want);
	struct radius_builder b;

	(void)state;
	radius_begin(&b, RADIUS_ACCOUNTING_RESPONSE, p.id);
	assert_int_equal(radius_finish_response(&b, p.authenticator, SECRET, strlen(SECRET)), 0);
	assert_int_equal(b.length, want.n);
	assert_memory_equal(b.octets, want.at, want.n);
	assert_int_equal(radius_response_verify(&r, p.authenticator, SECRET, strlen(SECRET)),
			 RADIUS_GOOD);
	assert_int_equal(radius_response_verify(&r, r.authenticator, SECRET, strlen(SECRET)),
			 RADIUS_BAD_AUTHENTICATOR);
}

static void the_worked_disconnect(void **state)
{
	struct octets want = packet_of(disconnect);
	struct radius_packet p = parsed(&want);
	struct radius_builder b;

	(void)state;
	radius_begin(&b, RADIUS_DISCONNECT_REQUEST, 5);
	radius_put_text(&b, RADIUS_ACCT_SESSION_ID, "8f3a2b10-0001");
	radius_put_u32(&b, RADIUS_FRAMED_IP_ADDRESS, 0xc6336407);
	radius_put_u32(&b, RADIUS_EVENT_TIMESTAMP, 0x695b84e3);
	radius_put_message_authenticator(&b);
	assert_int_equal(radius_finish_request(&b, SECRET, strlen(SECRET)), 0);
	assert_int_equal(b.length, want.n);
	assert_memory_equal(b.octets, want.at, want.n);
	assert_int_equal(radius_request_verify(&p, SECRET, strlen(SECRET)), RADIUS_GOOD);
}

static void what_was_altered_proves_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < 65; i++) {
		struct octets o = packet_of(disconnect);
		struct radius_packet p;
		o.at[i] ^= 1;
		if (radius_parse(o.at, o.n, &p) == RADIUS_GOOD)
			assert_int_not_equal(radius_request_verify(&p, SECRET, strlen(SECRET)),
					     RADIUS_GOOD);
	}
	struct octets o = packet_of(disconnect);
	struct radius_packet p = parsed(&o);
	assert_int_equal(radius_request_verify(&p, "testing124", 10), RADIUS_BAD_AUTHENTICATOR);
	assert_int_equal(radius_request_verify(&p, "", 0), RADIUS_BAD_AUTHENTICATOR);
}

/* The authenticator is right, the Message-Authenticator is not: whoever knows MD5's weakness can
 * make the one and not the other. */
static void a_message_authenticator_counts_of_itself(void **state)
{
	struct radius_builder b;
	struct radius_packet p;
	const size_t lengths[] = {16, 15, 0};

	(void)state;
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		radius_begin(&b, RADIUS_ACCOUNTING_REQUEST, 1);
		radius_put(&b, RADIUS_MESSAGE_AUTHENTICATOR, "0123456789abcdef", lengths[i]);
		assert_int_equal(radius_finish_request(&b, SECRET, strlen(SECRET)), 0);
		assert_int_equal(radius_parse(b.octets, b.length, &p), RADIUS_GOOD);
		assert_int_equal(radius_request_verify(&p, SECRET, strlen(SECRET)),
				 RADIUS_BAD_MESSAGE_AUTHENTICATOR);
	}
	/* Two of them: both must be right, and cannot be. */
	radius_begin(&b, RADIUS_ACCOUNTING_REQUEST, 1);
	radius_put_message_authenticator(&b);
	radius_put_message_authenticator(&b);
	assert_int_equal(radius_finish_request(&b, SECRET, strlen(SECRET)), 0);
	assert_int_equal(radius_parse(b.octets, b.length, &p), RADIUS_GOOD);
	assert_int_equal(radius_request_verify(&p, SECRET, strlen(SECRET)),
			 RADIUS_BAD_MESSAGE_AUTHENTICATOR);
}

static void lengths(void **state)
{
	static const struct {
		const char *hex;
		enum radius_fault fault;
	} cases[] = {
		{"", RADIUS_TRUNCATED},
		{"04", RADIUS_TRUNCATED},
		{"04110013a3dd00d90d289f855febc29fcdd924", RADIUS_TRUNCATED},
		{"04110013a3dd00d90d289f855febc29fcdd924e8", RADIUS_BAD_LENGTH},
		{"04110000a3dd00d90d289f855febc29fcdd924e8", RADIUS_BAD_LENGTH},
		{"04111001a3dd00d90d289f855febc29fcdd924e8", RADIUS_BAD_LENGTH},
		{"0411ffffa3dd00d90d289f855febc29fcdd924e8", RADIUS_BAD_LENGTH},
		{"04110015a3dd00d90d289f855febc29fcdd924e8", RADIUS_TRUNCATED},
		{"04110014a3dd00d90d289f855febc29fcdd924e8", RADIUS_GOOD},
		{"04110014a3dd00d90d289f855febc29fcdd924e8ffff", RADIUS_GOOD}, /* padding */
		{"04110015a3dd00d90d289f855febc29fcdd924e828", RADIUS_BAD_ATTRIBUTE},
		{"04110016a3dd00d90d289f855febc29fcdd924e82800", RADIUS_BAD_ATTRIBUTE},
		{"04110016a3dd00d90d289f855febc29fcdd924e82801", RADIUS_BAD_ATTRIBUTE},
		{"04110016a3dd00d90d289f855febc29fcdd924e82802", RADIUS_GOOD},
		{"04110016a3dd00d90d289f855febc29fcdd924e82803ff", RADIUS_BAD_ATTRIBUTE},
		{"04110018a3dd00d90d289f855febc29fcdd924e82c0228ff", RADIUS_BAD_ATTRIBUTE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct octets o = packet_of(cases[i].hex);
		struct radius_packet p;
		assert_int_equal(radius_parse(o.at, o.n, &p), cases[i].fault);
	}
}

static void vendor_specific(void **state)
{
	static const struct {
		const char *value; /* hex */
		size_t inner;      /* attributes found */
	} cases[] = {
		{"", 0},
		{"000028", 0},
		{"000028af", 0},
		{"00000009010441", 0},                 /* another vendor */
		{"000028af0104414201034302020b02", 4}, /* several in one */
		{"000028af0100", 0},
		{"000028af010441", 0},
		{"000028af01034100", 1},
		{"000028af0103410209", 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct octets o = packet_of(cases[i].value);
		struct radius_attribute a = {RADIUS_VENDOR_SPECIFIC, (uint8_t)o.n, o.at}, inner;
		size_t at = 0, found = 0;
		while (radius_next_3gpp(&a, &at, &inner))
			found++;
		assert_int_equal(found, cases[i].inner);
	}
}

static void prefixes(void **state)
{
	static const struct {
		const char *value, *prefix; /* null: none */
		uint8_t bits;
	} cases[] = {
		{"004020010db800010002", "20010db8000100020000000000000000", 64},
		{"004020010db8000100020000000000000000", "20010db8000100020000000000000000", 64},
		{"003820010db80001ff", "20010db80001ff000000000000000000", 56},
		{"003120010db80001ff", "20010db8000180000000000000000000", 49},
		{"0000", "00000000000000000000000000000000", 0},
		{"008020010db8000100020000000000000001", "20010db8000100020000000000000001", 128},
		{"004020010db80001", NULL, 0},
		{"008120010db8000100020000000000000001", NULL, 0},
		{"00", NULL, 0},
		{"", NULL, 0},
		{"004020010db800010002000000000000000000", NULL, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct octets o = packet_of(cases[i].value);
		struct radius_attribute a = {RADIUS_FRAMED_IPV6_PREFIX, (uint8_t)o.n, o.at};
		uint8_t prefix[16], bits;
		assert_int_equal(radius_prefix(&a, prefix, &bits), cases[i].prefix != NULL);
		if (!cases[i].prefix)
			continue;
		struct octets want = packet_of(cases[i].prefix);
		assert_memory_equal(prefix, want.at, 16);
		assert_int_equal(bits, cases[i].bits);
	}
}

static void a_prefix_is_built_as_it_is_read(void **state)
{
	const uint8_t prefix[16] = {0x20, 1, 0xd, 0xb8, 0, 1, 0xff};
	uint8_t got[16], bits;
	struct radius_builder b;
	struct radius_packet p;

	(void)state;
	radius_begin(&b, RADIUS_DISCONNECT_REQUEST, 9);
	radius_put_prefix(&b, RADIUS_DELEGATED_IPV6_PREFIX, prefix, 56);
	assert_int_equal(radius_finish_request(&b, SECRET, strlen(SECRET)), 0);
	assert_int_equal(radius_parse(b.octets, b.length, &p), RADIUS_GOOD);
	struct radius_attribute a = find(&p, RADIUS_DELEGATED_IPV6_PREFIX);
	assert_int_equal(a.length, 9);
	assert_true(radius_prefix(&a, got, &bits));
	assert_memory_equal(got, prefix, 16);
	assert_int_equal(bits, 56);
}

static void a_packet_has_an_end(void **state)
{
	static const uint8_t long_value[RADIUS_VALUE_MAX + 1];
	struct radius_builder b;

	(void)state;
	radius_begin(&b, RADIUS_ACCOUNTING_RESPONSE, 0);
	for (int i = 0; i < 15; i++)
		radius_put(&b, RADIUS_PROXY_STATE, long_value, RADIUS_VALUE_MAX);
	assert_false(b.is_full);
	assert_int_equal(radius_finish_request(&b, SECRET, strlen(SECRET)), 0);
	radius_put(&b, RADIUS_PROXY_STATE, long_value, RADIUS_VALUE_MAX);
	radius_put(&b, RADIUS_PROXY_STATE, long_value, 0);
	assert_int_equal(radius_finish_request(&b, SECRET, strlen(SECRET)), E_TOO_LARGE);
	radius_begin(&b, RADIUS_ACCOUNTING_RESPONSE, 0);
	radius_put(&b, RADIUS_PROXY_STATE, long_value, sizeof long_value);
	assert_int_equal(radius_finish_request(&b, SECRET, strlen(SECRET)), E_TOO_LARGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_worked_start),
		cmocka_unit_test(the_worked_answer),
		cmocka_unit_test(the_worked_disconnect),
		cmocka_unit_test(what_was_altered_proves_nothing),
		cmocka_unit_test(a_message_authenticator_counts_of_itself),
		cmocka_unit_test(lengths),
		cmocka_unit_test(vendor_specific),
		cmocka_unit_test(prefixes),
		cmocka_unit_test(a_prefix_is_built_as_it_is_read),
		cmocka_unit_test(a_packet_has_an_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
