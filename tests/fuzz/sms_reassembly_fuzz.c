/* A script of parts, six octets each and a body: the table stays in its bounds, what it says is
 * whole is as long as parts can make it, and after its time is over it is empty. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/sms/reassembly.h"

#define STEP_OCTETS 6

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static const struct sms_reassembly_limits limits = {8, 6000, 1000};

/* phone and sender | reference | total | number | time passed and coding | length */
static void step(struct sms_reassembly *table, const uint8_t *at, const uint8_t *body, size_t len,
		 int64_t now_us)
{
	struct sms_addr from = {1, 1, {(char)('0' + (at[0] & 3))}};
	char phone[] = {(char)('0' + (at[0] >> 2 & 3)), '\0'};
	struct sms_data part = {.dcs = at[4] & 1 ? 4 : 0, .body_len = len};
	struct sms_udh udh = {.has_concat = true, .concat = {at[1], at[2], at[3], at[0] & 0x80}};
	struct sms_reassembly_counts counts;
	struct sms_whole whole;

	memcpy(part.body, body, len);
	if (sms_udh_encode(&udh, part.udh, sizeof part.udh, &part.udh_len))
		part.udh_len = 0;
	if (at[0] & 0x40 && part.udh_len > 0)
		part.udh[2] = 0xff; /* a header that is none */
	int err = sms_reassembly_add(table, phone, &from, &part, now_us, &whole);
	must(err == 0 || err == E_AGAIN || err == E_EXISTS || err == E_SYNTAX ||
	     err == E_TOO_LARGE);
	if (err == 0) {
		volatile uint8_t sum = 0; /* read to the end: a sanitizer sees what is behind it */

		must(whole.body_len <= limits.octets_max + SMS_BODY_MAX);
		for (size_t i = 0; i < whole.body_len; i++)
			sum = (uint8_t)(sum + whole.body[i]);
	}
	counts = sms_reassembly_counts(table);
	must(counts.messages <= limits.messages_max && counts.octets <= limits.octets_max);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sms_reassembly *table = sms_reassembly_new(&limits);
	int64_t now_us = 0;

	must(table != NULL);
	while (size >= STEP_OCTETS) {
		size_t len = data[5] % (SMS_BODY_MAX + 1);

		if (len > size - STEP_OCTETS)
			len = size - STEP_OCTETS;
		now_us += data[4] >> 1;
		step(table, data, data + STEP_OCTETS, len, now_us);
		data += STEP_OCTETS + len;
		size -= STEP_OCTETS + len;
	}
	sms_reassembly_expire(table, now_us + limits.age_us);
	must(sms_reassembly_counts(table).messages == 0);
	must(sms_reassembly_counts(table).octets == 0);
	sms_reassembly_free(table);
	return 0;
}
