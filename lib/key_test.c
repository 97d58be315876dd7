#include "lib/key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

static struct addr addr_of(const char *text)
{
	struct addr a;

	assert_int_equal(addr_parse(text, &a), 0);
	return a;
}

static struct key key_of(const char *realm, const char *text)
{
	struct key k;

	assert_int_equal(key_of_prefix(realm, text, &k), 0);
	return k;
}

static void realms(void **state)
{
	static const struct {
		const char *realm;
		bool valid;
	} cases[] = {
		{"default", true},
		{"a", true},
		{"0", true},
		{"3g-east-2", true},
		{"abcdefghijklmnopqrstuvwxyz01234", true},   /* 31 */
		{"abcdefghijklmnopqrstuvwxyz012345", false}, /* 32 */
		{"", false},
		{"-a", false},
		{"A", false},
		{"a_b", false},
		{"a b", false},
		{"a.b", false},
		{"a/", false},
		{"\xc3\xa9", false},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		if (realm_is_valid(cases[i].realm) != cases[i].valid)
			fail_msg("'%s'", cases[i].realm);
	}
}

static void of_addr(void **state)
{
	static const struct {
		const char *addr, *key;
	} cases[] = {
		{"192.0.2.1", "192.0.2.1"}, {"::ffff:192.0.2.1", "192.0.2.1"},
		{"127.0.0.5", "127.0.0.5"}, {"2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"},
		{"::1", "::/64"},
	};
	char text[KEY_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct addr a = addr_of(cases[i].addr);
		struct key k, again;

		assert_int_equal(key_of_addr("default", &a, &k), 0);
		assert_string_equal(key_format(&k, text), cases[i].key);
		assert_string_equal(k.realm, "default");
		assert_int_equal(k.port_first, 0);
		assert_int_equal(k.port_last, 65535);
		assert_true(key_covers(&k, &a));
		again = key_of("default", text);
		assert_true(key_equal(&k, &again));
	}
}

static void of_addr_refuses(void **state)
{
	static const struct {
		const char *realm, *addr;
	} cases[] = {
		{"", "192.0.2.1"},
		{"Default", "192.0.2.1"},
		{"default", "0.0.0.0"},
		{"default", "::"},
		{"default", "224.0.0.1"},
		{"default", "ff02::1"},
		{"default", "fe80::1"},
		{"default", "169.254.0.9"},
		{"default", "255.255.255.255"},
		{"default", "64:ff9b::192.0.2.1"},
		/* Bindable as an address, but its /64 would contain all of 64:ff9b::/96. */
		{"default", "64:ff9b::1:0:0:1"},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct addr a = addr_of(cases[i].addr);
		struct key k = {.plen = 77};

		if (key_of_addr(cases[i].realm, &a, &k) != E_RANGE)
			fail_msg("%s %s", cases[i].realm, cases[i].addr);
		assert_int_equal(k.plen, 77);
	}
}

static void of_prefix(void **state)
{
	static const struct {
		const char *text;
		int err;
		const char *key;
	} cases[] = {
		{"2001:db8:1::/64", 0, "2001:db8:1::/64"},
		{"2001:DB8:1:0::/64", 0, "2001:db8:1::/64"},
		{"2001:db8:1::/48", 0, "2001:db8:1::/48"},
		{"2001:db8:1:ff00::/56", 0, "2001:db8:1:ff00::/56"},
		{"192.0.2.1", 0, "192.0.2.1"},
		{"192.0.2.1/32", 0, "192.0.2.1"},
		{"::ffff:192.0.2.1/128", 0, "192.0.2.1"},
		{"::/64", 0, "::/64"},
		{"2001:db8:1::/47", E_RANGE, NULL},
		{"2001:db8:1::/65", E_RANGE, NULL},
		{"2001:db8:1::/128", E_RANGE, NULL},
		{"2001:db8:1::/0", E_RANGE, NULL},
		{"2001:db8:1::/999", E_RANGE, NULL},
		{"2001:db8:1::1/64", E_RANGE, NULL},
		{"2001:db8:1:1::/48", E_RANGE, NULL},
		{"192.0.2.0/24", E_RANGE, NULL},
		{"192.0.2.1/160", E_RANGE, NULL},
		{"::ffff:192.0.2.1/64", E_RANGE, NULL},
		{"::ffff:0:0/96", E_RANGE, NULL},
		{"::/48", E_RANGE, NULL},
		{"::/63", E_RANGE, NULL},
		{"fe80::/64", E_RANGE, NULL},
		{"ff00::/48", E_RANGE, NULL},
		{"64:ff9b::/64", E_RANGE, NULL},
		{"64:ff9b::/48", E_RANGE, NULL},
		{"64:ff9b:1::/48", 0, "64:ff9b:1::/48"},
		{"0.0.0.0", E_RANGE, NULL},
		{"224.0.0.1/32", E_RANGE, NULL},
		{"", E_SYNTAX, NULL},
		{"/", E_SYNTAX, NULL},
		{"/64", E_SYNTAX, NULL},
		{"2001:db8:1::", E_SYNTAX, NULL},
		{"2001:db8:1::/", E_SYNTAX, NULL},
		{"2001:db8:1::/064", E_SYNTAX, NULL},
		{"2001:db8:1::/+64", E_SYNTAX, NULL},
		{"2001:db8:1::/64 ", E_SYNTAX, NULL},
		{"2001:db8:1::/64/64", E_SYNTAX, NULL},
		{"2001:db8:1::/4294967360", E_SYNTAX, NULL},
		{"::ffff:192.0.2.1", E_SYNTAX, NULL},
		{"0000000000000000000000000000000000000000000000000000000000/64", E_SYNTAX, NULL},
	};
	char text[KEY_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct key k = {.plen = 77};
		int err = key_of_prefix("default", cases[i].text, &k);

		if (err != cases[i].err)
			fail_msg("'%s': %d", cases[i].text, err);
		if (err)
			assert_int_equal(k.plen, 77);
		else
			assert_string_equal(key_format(&k, text), cases[i].key);
	}
	assert_int_equal(key_of_prefix("no realm", "192.0.2.1", &(struct key){0}), E_RANGE);
}

static void equal(void **state)
{
	struct key a = key_of("default", "2001:db8:1::/64"), b = a;

	(void)state;
	assert_true(key_equal(&a, &b));
	memcpy(b.realm, "another", 8);
	assert_false(key_equal(&a, &b));
	b = key_of("default", "2001:db8:1::/63");
	assert_false(key_equal(&a, &b));
	b = key_of("default", "2001:db8:2::/64");
	assert_false(key_equal(&a, &b));
	b = a;
	b.port_first = 1;
	assert_false(key_equal(&a, &b));
	b = a;
	b.port_last = 1;
	assert_false(key_equal(&a, &b));
}

static void covers(void **state)
{
	static const struct {
		const char *key, *addr;
		bool covers;
	} cases[] = {
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"192.0.2.1", "192.0.2.2", false},
		{"2001:db8:1::/64", "2001:db8:1::", true},
		{"2001:db8:1::/64", "2001:db8:1:0:ffff:ffff:ffff:ffff", true},
		{"2001:db8:1::/64", "2001:db8:1:1::", false},
		{"2001:db8:1::/48", "2001:db8:1:ffff::1", true},
		{"::/64", "::1", true},
		{"::/64", "192.0.2.1",
		 false}, /* though the octets of ::ffff:192.0.2.1 lie in ::/64 */
		{"192.0.2.1", "::1", false},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct key k = key_of("default", cases[i].key);
		struct addr a = addr_of(cases[i].addr);

		if (key_covers(&k, &a) != cases[i].covers)
			fail_msg("%s %s", cases[i].key, cases[i].addr);
	}
}

static void overlaps(void **state)
{
	static const struct {
		const char *realm_a, *a, *realm_b, *b;
		bool overlaps;
	} cases[] = {
		{"r", "192.0.2.1", "r", "192.0.2.1", true},
		{"r", "192.0.2.1", "q", "192.0.2.1", false},
		{"r", "192.0.2.1", "r", "192.0.2.2", false},
		{"r", "2001:db8:1::/48", "r", "2001:db8:1:9::/64", true},
		{"r", "2001:db8:1::/48", "r", "2001:db8:2:9::/64", false},
		{"r", "2001:db8:1:8::/63", "r", "2001:db8:1:9::/64", true},
		{"r", "::/64", "r", "192.0.2.1", false},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct key a = key_of(cases[i].realm_a, cases[i].a);
		struct key b = key_of(cases[i].realm_b, cases[i].b);

		assert_int_equal(key_overlaps(&a, &b), cases[i].overlaps);
		assert_int_equal(key_overlaps(&b, &a), cases[i].overlaps);
	}
}

static void port_blocks(void **state)
{
	struct key a = key_of("default", "192.0.2.1"), b = a;
	char text[KEY_TEXT_MAX];

	(void)state;
	a.port_first = 1024;
	a.port_last = 2047;
	assert_true(key_overlaps(&a, &b));
	b.port_first = 2048;
	assert_false(key_overlaps(&a, &b));
	assert_false(key_overlaps(&b, &a));
	b.port_first = 2047;
	assert_true(key_overlaps(&a, &b));
	assert_string_equal(key_format(&a, text), "192.0.2.1#1024-2047");
}

static void port_blocks_as_text(void **state)
{
	static const struct {
		const char *text;
		int err;
	} cases[] = {
		{"1024-2047", 0},           {"0-0", 0},
		{"65535-65535", 0},         {"0-65535", 0},
		{"2047-1024", E_RANGE},     {"0-65536", E_RANGE},
		{"1-99999999999", E_RANGE}, {"", E_SYNTAX},
		{"1024", E_SYNTAX},         {"1024-", E_SYNTAX},
		{"-2047", E_SYNTAX},        {"1024--2047", E_SYNTAX},
		{"1024-2047-1", E_SYNTAX},  {"01-2", E_SYNTAX},
		{" 1-2", E_SYNTAX},         {"1-2 ", E_SYNTAX},
		{"0x1-2", E_SYNTAX},        {"+1-2", E_SYNTAX},
	};
	struct key k = key_of("default", "192.0.2.1");
	char text[KEY_TEXT_MAX], ports[KEY_PORTS_MAX];

	(void)state;
	assert_false(key_is_block(&k));
	for (size_t i = 0; i < COUNT(cases); i++)
		assert_int_equal(key_set_ports(&k, cases[i].text), cases[i].err);
	assert_false(key_is_block(&k)); /* 0-65535 was the last that was one */
	assert_int_equal(key_set_ports(&k, "1024-2047"), 0);
	assert_true(key_is_block(&k));
	assert_int_equal(key_set_ports(&k, "2047-1024"), E_RANGE);
	assert_string_equal(key_format(&k, text), "192.0.2.1#1024-2047");
	assert_string_equal(key_format_prefix(&k, text), "192.0.2.1");
	assert_string_equal(key_format_ports(&k, ports), "1024-2047");
	assert_int_equal(key_set_ports(&k, "65534-65535"), 0);
	assert_string_equal(key_format_ports(&k, ports), "65534-65535");
	k = key_of("default", "2001:db8:1::/64");
	assert_int_equal(key_set_ports(&k, "1024-2047"), E_RANGE);
	assert_false(key_is_block(&k));
}

static void octets(void **state)
{
	static const uint8_t v4[] = {0,    0,   0, 0, 0, 0,   0,    0,    0,    0,   0xff,
				     0xff, 192, 0, 2, 1, 128, 0x04, 0x00, 0x07, 0xff};
	static const uint8_t v6[] = {0x20, 0x01, 0x0d, 0xb8, 0, 1,  0, 0, 0,    0,   0,
				     0,    0,    0,    0,    0, 64, 0, 0, 0xff, 0xff};
	struct key k = key_of("default", "192.0.2.1");
	uint8_t out[KEY_BYTES_MAX];

	(void)state;
	k.port_first = 1024;
	k.port_last = 2047;
	assert_int_equal(key_bytes(&k, out), sizeof v4);
	assert_memory_equal(out, v4, sizeof v4);
	k = key_of("default", "2001:db8:1::/64");
	assert_int_equal(key_bytes(&k, out), sizeof v6);
	assert_memory_equal(out, v6, sizeof v6);
}

/* Keys are hashed and stored: no octet of the struct may be left over from the stack. */
static void no_stale_octets(void **state)
{
	struct key a, b;
	struct addr addr = addr_of("192.0.2.1");

	(void)state;
	memset(&a, 0xaa, sizeof a);
	memset(&b, 0x55, sizeof b);
	assert_int_equal(key_of_addr("default", &addr, &a), 0);
	assert_int_equal(key_of_prefix("default", "192.0.2.1/32", &b), 0);
	assert_memory_equal(&a, &b, sizeof a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(realms),
		cmocka_unit_test(of_addr),
		cmocka_unit_test(of_addr_refuses),
		cmocka_unit_test(of_prefix),
		cmocka_unit_test(equal),
		cmocka_unit_test(covers),
		cmocka_unit_test(overlaps),
		cmocka_unit_test(port_blocks),
		cmocka_unit_test(port_blocks_as_text),
		cmocka_unit_test(octets),
		cmocka_unit_test(no_stale_octets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
