/* radius_fixture -- Accounting-Requests for the tests: attribute by attribute, then signed and
 * parsed */
#ifndef HATO_AUTHSRV_RADIUS_FIXTURE_H
#define HATO_AUTHSRV_RADIUS_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/radius/radius.h"

#define SECRET "a shared secret"

static inline void request_begin(struct radius_builder *b, uint32_t status)
{
	radius_begin(b, RADIUS_ACCOUNTING_REQUEST, 7);
	if (status)
		radius_put_u32(b, RADIUS_ACCT_STATUS_TYPE, status);
}

static inline void put_3gpp(struct radius_builder *b, uint8_t type, const void *value, size_t n)
{
	uint8_t octets[RADIUS_VALUE_MAX] = {0, 0, 0x28, 0xaf, type, (uint8_t)(n + 2)};

	memcpy(octets + 6, value, n);
	radius_put(b, RADIUS_VENDOR_SPECIFIC, octets, n + 6);
}

static inline void put_imsi(struct radius_builder *b, const char *imsi)
{
	put_3gpp(b, RADIUS_3GPP_IMSI, imsi, strlen(imsi));
}

static inline struct radius_packet request_end(struct radius_builder *b)
{
	struct radius_packet p;

	assert_int_equal(radius_finish_request(b, SECRET, strlen(SECRET)), 0);
	assert_int_equal(radius_parse(b->octets, b->length, &p), RADIUS_GOOD);
	return p;
}

#endif
