#include "lib/wire/sms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/wire/sms_udh.h"

#define COUNT(a)        (sizeof(a) / sizeof(a)[0])
#define OCTETS(literal) (const uint8_t *)(literal), sizeof(literal) - 1

#define PORTS "\x06\x05\x04\x0b\x84\x23\xf0"
#define WSP   "\x2a\x06\x06\x03\x02\x03\x0a\xaf\x89"
#define EMN                                                                                        \
	"\x03\x0d\x6a\x00\x85\x07\x03\x74\x61\x72\x6f\x40\x73\x70\x6d\x61\x69\x6c\x2e\x65\x78"     \
	"\x61\x6d\x70\x6c\x65\x00\x05\xc3\x07\x20\x26\x01\x05\x09\x30\x15\x01"
#define FROM "\x0c\x91\x18\x09\x21\x43\x65\x87"
#define SENT "\x62\x10\x50\x81\x03\x61\x63"

/* protocols 2.1: the whole SMS-DELIVER. */
static const uint8_t trigger[] = "\x44" FROM "\x00\xf5" SENT "\x36" PORTS WSP EMN;

#define TRIGGER_LEN (sizeof trigger - 1)
#define SENT_S      1767605416 /* 2026-01-05T18:30:16+09:00 */

/* Decodes a copy of exactly `len` octets, so that a sanitizer sees a read past its end. */
static int decode(enum rp_way way, enum rp_type carrier, const uint8_t *octets, size_t len,
		  struct sms_tpdu *out)
{
	uint8_t *copy = malloc(len + (len == 0));

	assert_non_null(copy);
	memcpy(copy, octets, len);
	int err = sms_decode(way, carrier, copy, len, out);
	free(copy);
	return err;
}

static void put_body(struct sms_data *data, const void *body, size_t len)
{
	memcpy(data->body, body, len);
	data->body_len = len;
}

static struct sms_tpdu the_trigger(void)
{
	struct sms_tpdu t = {
		.type = SMS_DELIVER, .deliver.sent = {true, SENT_S, 36}, .deliver.data.dcs = 0xf5};
	struct sms_udh udh = {.has_ports = true, .ports = {2948, 9200, false}};

	assert_int_equal(sms_addr_number("819012345678", &t.deliver.from), 0);
	assert_int_equal(
		sms_udh_encode(&udh, t.deliver.data.udh, SMS_UDH_MAX, &t.deliver.data.udh_len), 0);
	put_body(&t.deliver.data, WSP EMN, sizeof WSP EMN - 1);
	return t;
}

static void a_trigger_is_written_to_the_octet(void **state)
{
	struct sms_tpdu t = the_trigger();
	uint8_t out[SMS_TPDU_MAX];
	size_t len = 0;

	(void)state;
	assert_int_equal(TRIGGER_LEN, 73);
	for (size_t room = 0; room < TRIGGER_LEN; room++)
		assert_int_equal(sms_encode(&t, out, room, &len), E_TOO_LARGE);
	assert_int_equal(sms_encode(&t, out, TRIGGER_LEN, &len), 0);
	assert_int_equal(len, TRIGGER_LEN);
	assert_memory_equal(out, trigger, TRIGGER_LEN);
}

static void a_trigger_is_read(void **state)
{
	struct sms_tpdu t, want = the_trigger();
	struct sms_udh udh;
	size_t udh_len;

	(void)state;
	assert_int_equal(decode(RP_TO_PHONE, RP_DATA, trigger, TRIGGER_LEN, &t), 0);
	assert_memory_equal(&t, &want, sizeof t);
	assert_int_equal(sms_udh_decode(t.deliver.data.udh, t.deliver.data.udh_len, &udh, &udh_len),
			 0);
	assert_true(udh.has_ports && !udh.has_concat);
	assert_int_equal(udh.ports.destination, 2948);
	assert_int_equal(udh.ports.source, 9200);
}

static void truncated_everywhere_is_refused(void **state)
{
	struct sms_tpdu t;

	(void)state;
	for (size_t len = 0; len < TRIGGER_LEN; len++)
		assert_int_equal(decode(RP_TO_PHONE, RP_DATA, trigger, len, &t), E_SYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_trigger_is_written_to_the_octet),
		cmocka_unit_test(a_trigger_is_read),
		cmocka_unit_test(truncated_everywhere_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
