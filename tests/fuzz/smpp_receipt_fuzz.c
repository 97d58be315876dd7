/* Any octets as a receipt's text, and as a time: what reads, reads the same after it was written
 * again. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/wire/smpp/receipt.h"
#include "lib/wire/smpp/time.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_receipt(const uint8_t *data, size_t size)
{
	struct smpp_receipt r, again;
	char out[SMPP_MESSAGE_MAX];
	size_t len;

	if (smpp_receipt_parse(data, size, &r))
		return;
	must(*r.message_id && memchr(r.message_id, 0, sizeof r.message_id));
	must(r.submitted <= 999 && r.delivered <= 999 && r.state <= SMPP_STATE_REJECTED);
	must(memchr(r.error, 0, sizeof r.error) && memchr(r.text, 0, sizeof r.text));
	must(smpp_receipt_format(&r, out, sizeof out, &len) == 0);
	must(smpp_receipt_parse((const uint8_t *)out, len, &again) == 0);
	must(strcmp(again.message_id, r.message_id) == 0 && again.state == r.state);
	must(again.submitted == r.submitted && again.delivered == r.delivered);
	must(strcmp(again.text, r.text) == 0);
	must(!*r.error || strcmp(again.error, r.error) == 0);
}

static void check_time(const uint8_t *data, size_t size)
{
	char text[SMPP_TIME_LEN + 2] = "", out[SMPP_TIME_LEN + 1];
	int64_t at_us, again_us;

	memcpy(text, data, size < sizeof text ? size : sizeof text - 1);
	if (smpp_time_parse(text, INT64_C(1767605416000000), &at_us))
		return;
	if (smpp_time_absolute(at_us, 36, out))
		return;
	must(smpp_time_parse(out, 0, &again_us) == 0);
	must(at_us - again_us >= 0 && at_us - again_us < 1000000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_receipt(data, size);
	check_time(data, size);
	return 0;
}
