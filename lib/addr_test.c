#include "lib/addr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
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

static void parse_and_format(void **state)
{
	static const struct {
		const char *text, *formatted;
	} cases[] = {
		{"192.0.2.1", "192.0.2.1"},
		{"0.0.0.0", "0.0.0.0"},
		{"255.255.255.255", "255.255.255.255"},
		{"::ffff:192.0.2.1", "192.0.2.1"},
		{"::FFFF:c000:0201", "192.0.2.1"},
		{"0:0:0:0:0:ffff:c000:201", "192.0.2.1"},
		{"::", "::"},
		{"::1", "::1"},
		{"2001:DB8::1", "2001:db8::1"},
		{"2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
		/* RFC 5952 4.2: one group of zeros stays, the longest run goes, the first of two
		   equal ones. */
		{"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
		{"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},
		{"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
	};
	char text[ADDR_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct addr a = addr_of(cases[i].text);

		assert_string_equal(addr_format(&a, text), cases[i].formatted);
	}
}

static void parse_refuses(void **state)
{
	static const char *const cases[] = {
		"",
		" ",
		"192.0.2",
		"192.0.2.1.1",
		"192.0.2.256",
		"192.0.2.01",
		"192.0.2.",
		"192.0.2.1 ",
		" 192.0.2.1",
		"0xc0.0.2.1",
		"3221225985",
		"[::1]",
		"::1%lo",
		"fe80::1%eth0",
		"::1/128",
		":::",
		"1::2::3",
		"2001:db8::1:",
		"2001:db8::12345",
		"192.0.2.1:80",
		"localhost",
		"1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9",
		"::ffff:192.0.2.300",
		"-1.0.0.0",
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct addr a, before;

		memset(&a, 0x5a, sizeof a);
		before = a;
		if (addr_parse(cases[i], &a) != E_SYNTAX)
			fail_msg("'%s' was taken", cases[i]);
		assert_true(addr_equal(&a, &before));
	}
}

static void kinds(void **state)
{
	static const struct {
		const char *text;
		bool v4, loopback, bindable;
	} cases[] = {
		{"192.0.2.1", true, false, true},
		{"10.0.0.1", true, false, true},
		{"127.0.0.1", true, true, true},
		{"127.255.255.254", true, true, true},
		{"::ffff:127.0.0.1", true, true, true},
		{"126.255.255.255", true, false, true},
		{"128.0.0.1", true, false, true},
		{"::1", false, true, true},
		{"::2", false, false, true},
		{"2001:db8::1", false, false, true},
		{"fc00::1", false, false, true},
		{"0.0.0.0", true, false, false},
		{"255.255.255.255", true, false, false},
		{"255.255.255.254", true, false, true},
		{"223.255.255.255", true, false, true},
		{"224.0.0.0", true, false, false},
		{"239.255.255.255", true, false, false},
		{"240.0.0.1", true, false, true},
		{"169.253.255.255", true, false, true},
		{"169.254.0.0", true, false, false},
		{"169.254.255.255", true, false, false},
		{"::ffff:169.254.1.1", true, false, false},
		{"169.255.0.0", true, false, true},
		{"::", false, false, false},
		{"fe7f:ffff::1", false, false, true},
		{"fe80::1", false, false, false},
		{"febf:ffff::1", false, false, false},
		{"fec0::1", false, false, true},
		{"feff::1", false, false, true},
		{"ff00::", false, false, false},
		{"ff02::1", false, false, false},
		{"64:ff9b::", false, false, false},
		{"64:ff9b::192.0.2.1", false, false, false},
		{"64:ff9b::ffff:ffff", false, false, false},
		{"64:ff9b::1:0:0", false, false, true},
		{"64:ff9b:1::1", false, false, true},
	};
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct addr a = addr_of(cases[i].text);

		if (addr_is_v4(&a) != cases[i].v4 || addr_is_loopback(&a) != cases[i].loopback ||
		    addr_is_bindable(&a) != cases[i].bindable)
			fail_msg("%s", cases[i].text);
	}
}

static void mask(void **state)
{
	static const struct {
		const char *text;
		uint8_t plen;
		const char *masked;
	} cases[] = {
		{"2001:db8:1:2:3:4:5:6", 64, "2001:db8:1:2::"},
		{"2001:db8:1:2:3:4:5:6", 128, "2001:db8:1:2:3:4:5:6"},
		{"2001:db8:1:2:3:4:5:6", 0, "::"},
		{"ffff:ffff::", 1, "8000::"},
		{"ffff:ffff::", 7, "fe00::"},
		{"ffff:ffff::", 9, "ff80::"},
		{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 127,
		 "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"},
		{"192.0.2.255", 120, "192.0.2.0"},
		{"192.0.2.255", 125, "192.0.2.248"},
	};
	char text[ADDR_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct addr a = addr_of(cases[i].text);

		addr_mask(&a, cases[i].plen);
		assert_string_equal(addr_format(&a, text), cases[i].masked);
	}
}

static void sockaddr_round_trip(void **state)
{
	static const char *const cases[] = {"192.0.2.1", "2001:db8::7", "::1", "127.0.0.1"};

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct addr a = addr_of(cases[i]), back;
		struct sockaddr_storage ss;
		uint16_t port = 0;
		socklen_t len = addr_to_sockaddr(&a, 2948, &ss);

		assert_int_equal(ss.ss_family, addr_is_v4(&a) ? AF_INET : AF_INET6);
		assert_int_equal(len, addr_is_v4(&a) ? sizeof(struct sockaddr_in)
						     : sizeof(struct sockaddr_in6));
		assert_int_equal(addr_from_sockaddr((struct sockaddr *)&ss, &back, &port), 0);
		assert_true(addr_equal(&a, &back));
		assert_int_equal(port, 2948);
		assert_int_equal(addr_from_sockaddr((struct sockaddr *)&ss, &back, NULL), 0);
	}
}

/* A dual-stack listener sees an IPv4 phone as ::ffff:a.b.c.d; it is the same phone. */
static void mapped_sockaddr_is_v4(void **state)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(7)};
	struct addr a, v4 = addr_of("192.0.2.1");

	(void)state;
	assert_int_equal(inet_pton(AF_INET6, "::ffff:192.0.2.1", &in6.sin6_addr), 1);
	assert_int_equal(addr_from_sockaddr((struct sockaddr *)&in6, &a, NULL), 0);
	assert_true(addr_equal(&a, &v4));
}

static void other_families_are_refused(void **state)
{
	struct sockaddr_storage ss = {.ss_family = AF_UNIX};
	struct addr a = addr_of("192.0.2.1"), before = a;
	uint16_t port = 9;

	(void)state;
	assert_int_equal(addr_from_sockaddr((struct sockaddr *)&ss, &a, &port), E_RANGE);
	assert_true(addr_equal(&a, &before));
	assert_int_equal(port, 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_and_format),
		cmocka_unit_test(parse_refuses),
		cmocka_unit_test(kinds),
		cmocka_unit_test(mask),
		cmocka_unit_test(sockaddr_round_trip),
		cmocka_unit_test(mapped_sockaddr_is_v4),
		cmocka_unit_test(other_families_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
