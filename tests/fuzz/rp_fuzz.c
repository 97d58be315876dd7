/* The first octet says which way a message goes, the others are it: what is read lies inside them,
 * can be written, and reads as the same; its type never goes the other way. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/sms/rp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rp_message m, again;
	uint8_t out[RP_MESSAGE_MAX];
	size_t len;

	if (size == 0)
		return 0;
	enum rp_way way = data[0] & 1 ? RP_TO_PHONE : RP_TO_CENTRE;
	if (rp_decode(way, data + 1, size - 1, &m))
		return 0;
	must(rp_decode(way == RP_TO_PHONE ? RP_TO_CENTRE : RP_TO_PHONE, data + 1, size - 1,
		       &again) == E_RANGE);
	must(m.tpdu_len <= RP_TPDU_MAX);
	must(m.tpdu_len == 0 || (m.tpdu > data && m.tpdu + m.tpdu_len <= data + size));
	must(rp_encode(&m, out, sizeof out, &len) == 0);
	must(rp_decode(way, out, len, &again) == 0);
	must(m.type == again.type && m.reference == again.reference && m.cause == again.cause &&
	     m.has_diagnostic == again.has_diagnostic && m.diagnostic == again.diagnostic &&
	     sms_addr_equal(&m.centre, &again.centre) && m.tpdu_len == again.tpdu_len);
	must(m.tpdu_len == 0 || memcmp(m.tpdu, again.tpdu, m.tpdu_len) == 0);
	return 0;
}
