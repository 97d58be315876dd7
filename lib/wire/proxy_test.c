#include "lib/wire/proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"

#define COUNT(a)  (sizeof(a) / sizeof(a)[0])
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define V2_MAX    4096

/* From a block of exactly this size, so that a read beyond it is seen. */
static int parse(const void *octets, size_t n, struct proxy_header *h)
{
	uint8_t *copy = malloc(n ? n : 1);

	assert_non_null(copy);
	memcpy(copy, octets, n);
	int rc = proxy_parse(copy, n, h);
	free(copy);
	return rc;
}

static void assert_ends(const struct proxy_header *h, const char *source, uint16_t source_port,
			const char *destination, uint16_t destination_port)
{
	char text[ADDR_TEXT_MAX];

	assert_false(h->is_nameless);
	assert_string_equal(addr_format(&h->source, text), source);
	assert_string_equal(addr_format(&h->destination, text), destination);
	assert_int_equal(h->source_port, source_port);
	assert_int_equal(h->destination_port, destination_port);
}

/* Every shorter piece of it wants more; what follows it is not its own. */
static void assert_whole(const void *octets, size_t n, struct proxy_header *h)
{
	uint8_t longer[V2_MAX + 4];

	for (size_t i = 0; i < n; i++)
		assert_int_equal(parse(octets, i, h), E_AGAIN);
	assert_int_equal(parse(octets, n, h), 0);
	assert_int_equal(h->length, n);
	memcpy(longer, octets, n);
	memcpy(longer + n, "CAPA", 4);
	assert_int_equal(parse(longer, n + 4, h), 0);
	assert_int_equal(h->length, n);
}

static void a_line_names_both_ends(void **state)
{
	static const char v4[] = "PROXY TCP4 192.0.2.1 198.51.100.7 40000 1110\r\n";
	static const char v6[] = "PROXY TCP6 2001:db8::1 2001:db8::2 0 65535\r\n";
	struct proxy_header h;

	(void)state;
	assert_whole(v4, sizeof v4 - 1, &h);
	assert_int_equal(h.version, 1);
	assert_ends(&h, "192.0.2.1", 40000, "198.51.100.7", 1110);
	assert_whole(v6, sizeof v6 - 1, &h);
	assert_ends(&h, "2001:db8::1", 0, "2001:db8::2", 65535);
}

static void the_longest_line_is_taken(void **state)
{
	static const char longest[] = "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
				      "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n";
	char over[PROXY_V1_MAX + 1];
	struct proxy_header h;

	(void)state;
	assert_int_equal(sizeof longest - 1, PROXY_V1_MAX);
	assert_whole(longest, sizeof longest - 1, &h);
	assert_true(h.is_nameless);
	memset(over, 'x', sizeof over);
	memcpy(over, "PROXY UNKNOWN ", 14);
	assert_int_equal(parse(over, PROXY_V1_MAX - 1, &h), E_AGAIN);
	assert_int_equal(parse(over, PROXY_V1_MAX, &h), E_SYNTAX);
	over[PROXY_V1_MAX - 1] = '\r';
	over[PROXY_V1_MAX] = '\n';
	assert_int_equal(parse(over, PROXY_V1_MAX + 1, &h), E_SYNTAX);
}

static void a_line_that_is_none_is_refused(void **state)
{
	static const char *const lines[] = {
		"GET / HTTP/1.1\r\n",
		"proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
		"PROXY\tTCP4 192.0.2.1 192.0.2.2 1 2\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\rx",
		"PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n",
		"PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 -1 2\r\n",
		"PROXY TCP4 192.0.2.1 192.0.2.2 1 999999\r\n",
		"PROXY TCP4 192.0.2 192.0.2.2 1 2\r\n",
		"PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
		"PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n",
		"PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n",
		"PROXY UNKNOWNS\r\n",
		"PROXY \r\n",
		"\r\n\r\n",
	};
	struct proxy_header h;

	(void)state;
	for (size_t i = 0; i < COUNT(lines) - 1; i++)
		assert_int_equal(parse(lines[i], strlen(lines[i]), &h), E_SYNTAX);
	assert_int_equal(parse(lines[COUNT(lines) - 1], 4, &h), E_AGAIN); /* may be version 2 */
	assert_int_equal(parse("PROXY TCP4 1.1.1.1\0 2.2.2.2 1 2\r\n", 34, &h), E_SYNTAX);
	assert_int_equal(parse("P", 1, &h), E_AGAIN);
	assert_int_equal(parse("p", 1, &h), E_SYNTAX);
}

/* ---- version 2 ---- */

static size_t v2(uint8_t out[V2_MAX], uint8_t command, uint8_t family, const void *rest, size_t n)
{
	memcpy(out, SIGNATURE, 12);
	out[12] = command;
	out[13] = family;
	out[14] = (uint8_t)(n >> 8);
	out[15] = (uint8_t)(n & 0xff);
	memcpy(out + 16, rest, n);
	return 16 + n;
}

#define V4_ENDS "\xc0\x00\x02\x01\xc6\x33\x64\x07\x9c\x40\x04\x56"
#define V6_ENDS                                                                                    \
	"\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x02"     \
	"\x00\x01\xff\xff"

static void octets_name_both_ends(void **state)
{
	uint8_t octets[V2_MAX];
	struct proxy_header h;

	(void)state;
	assert_whole(octets, v2(octets, 0x21, 0x11, V4_ENDS, 12), &h);
	assert_int_equal(h.version, 2);
	assert_ends(&h, "192.0.2.1", 40000, "198.51.100.7", 1110);
	assert_whole(octets, v2(octets, 0x21, 0x21, V6_ENDS, 36), &h);
	assert_ends(&h, "2001:db8::1", 1, "2001:db8::2", 65535);
	/* A v4-mapped peer is the IPv4 one. */
	assert_whole(octets,
		     v2(octets, 0x21, 0x21,
			"\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\x05\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0"
			"\0\x06\0\x07\0\x08",
			36),
		     &h);
	assert_ends(&h, "10.0.0.5", 7, "10.0.0.6", 8);
}

static void octets_without_a_name(void **state)
{
	static const struct {
		uint8_t command, family;
		size_t n;
	} cases[] = {
		{0x20, 0x00, 0},   /* LOCAL */
		{0x20, 0x11, 12},  /* LOCAL, the rest means nothing */
		{0x20, 0xff, 5},   /* the same */
		{0x21, 0x00, 0},   /* UNSPEC */
		{0x21, 0x12, 12},  /* UDP over IPv4 */
		{0x21, 0x31, 216}, /* a unix socket */
	};
	uint8_t octets[V2_MAX], rest[216] = {0};
	struct proxy_header h;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t n = v2(octets, cases[i].command, cases[i].family, rest, cases[i].n);

		assert_whole(octets, n, &h);
		assert_true(h.is_nameless);
	}
}

static void octets_that_are_none_are_refused(void **state)
{
	static const struct {
		uint8_t command, family;
		size_t n;
	} cases[] = {
		{0x11, 0x11, 12}, {0x31, 0x11, 12}, {0x22, 0x11, 12}, {0x21, 0x41, 12},
		{0x21, 0x13, 12}, {0x21, 0x11, 11}, {0x21, 0x21, 12}, {0x21, 0x31, 215},
	};
	uint8_t octets[V2_MAX], rest[216] = {0};
	struct proxy_header h;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		size_t n = v2(octets, cases[i].command, cases[i].family, rest, cases[i].n);

		assert_int_equal(parse(octets, n, &h), E_SYNTAX);
	}
	v2(octets, 0x21, 0x11, V4_ENDS, 12);
	octets[11] ^= 1;
	assert_int_equal(parse(octets, 28, &h), E_SYNTAX);
	octets[11] ^= 1;
	octets[14] = 0xff;
	assert_int_equal(parse(octets, 16, &h), E_TOO_LARGE);
}

/* The table-less reference of RFC 3720: "123456789" is e3069283. Put together by another way than
 * the parser's: the checksum of what stands before, then over the rest. */
static uint32_t crc32c(const uint8_t *p, size_t n)
{
	uint32_t crc = UINT32_MAX;

	while (n--) {
		crc ^= *p++;
		for (int i = 0; i < 8; i++)
			crc = crc & 1 ? crc >> 1 ^ UINT32_C(0x82f63b78) : crc >> 1;
	}
	return ~crc;
}

static void tlvs_are_walked(void **state)
{
	/* ALPN "h2", an empty one, a unique id. */
	static const char rest[] = V4_ENDS "\x01\x00\x02h2\x04\x00\x00\x05\x00\x03"
					   "abc";
	uint8_t octets[V2_MAX];
	struct proxy_header h;
	size_t n = v2(octets, 0x21, 0x11, rest, sizeof rest - 1);

	(void)state;
	assert_whole(octets, n, &h);
	assert_ends(&h, "192.0.2.1", 40000, "198.51.100.7", 1110);
	octets[15]--; /* now the last is cut */
	assert_int_equal(parse(octets, n - 1, &h), E_SYNTAX);
	n = v2(octets, 0x21, 0x11, V4_ENDS "\x01\x00", 14);
	assert_int_equal(parse(octets, n, &h), E_SYNTAX);
}

static void a_checksum_is_verified(void **state)
{
	static const char rest[] = V4_ENDS "\x03\x00\x04\0\0\0\0\x04\x00\x01x";
	uint8_t octets[V2_MAX];
	struct proxy_header h;
	size_t n = v2(octets, 0x21, 0x11, rest, sizeof rest - 1);
	uint32_t crc = crc32c(octets, n);

	(void)state;
	assert_int_equal(crc32c((const uint8_t *)"123456789", 9), 0xe3069283);
	assert_int_equal(parse(octets, n, &h), E_SYNTAX);
	for (int i = 0; i < 4; i++)
		octets[31 + i] = (uint8_t)(crc >> (24 - 8 * i));
	assert_whole(octets, n, &h);
	octets[16] ^= 1; /* another source */
	assert_int_equal(parse(octets, n, &h), E_SYNTAX);
	n = v2(octets, 0x21, 0x11, V4_ENDS "\x03\x00\x02\0\0", 17);
	assert_int_equal(parse(octets, n, &h), E_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_names_both_ends),
		cmocka_unit_test(the_longest_line_is_taken),
		cmocka_unit_test(a_line_that_is_none_is_refused),
		cmocka_unit_test(octets_name_both_ends),
		cmocka_unit_test(octets_without_a_name),
		cmocka_unit_test(octets_that_are_none_are_refused),
		cmocka_unit_test(tlvs_are_walked),
		cmocka_unit_test(a_checksum_is_verified),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
