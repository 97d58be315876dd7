/* Any octets as a user data header: what is read lies inside them and is in its bounds, and if it
 * can be written, it reads as the same. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/sms/udh.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void must_be_same(const struct sms_udh *a, const struct sms_udh *b)
{
	must(memcmp(&a->ports, &b->ports, sizeof a->ports) == 0 && a->has_ports == b->has_ports);
	must(memcmp(&a->concat, &b->concat, sizeof a->concat) == 0 &&
	     a->has_concat == b->has_concat);
	must(a->other_count == b->other_count);
	for (size_t i = 0; i < a->other_count; i++) {
		must(a->others[i].id == b->others[i].id && a->others[i].len == b->others[i].len);
		must(memcmp(a->others[i].value, b->others[i].value, a->others[i].len) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t out[SMS_UDH_MAX];
	struct sms_udh udh, again;
	size_t taken, len;

	if (sms_udh_decode(data, size, &udh, &taken))
		return 0;
	must(taken >= 1 && taken <= size && taken == (size_t)data[0] + 1);
	must(udh.other_count <= SMS_UDH_OTHERS_MAX);
	must(!udh.has_concat || (udh.concat.number >= 1 && udh.concat.number <= udh.concat.total));
	for (size_t i = 0; i < udh.other_count; i++)
		must(udh.others[i].value >= data &&
		     udh.others[i].value + udh.others[i].len <= data + taken);
	int err = sms_udh_encode(&udh, out, sizeof out, &len);
	must(err == 0 || err == E_TOO_LARGE || (err == E_RANGE && !udh.has_ports));
	if (err == 0) {
		must(sms_udh_decode(out, len, &again, &taken) == 0 && taken == len);
		must_be_same(&udh, &again);
	}
	return 0;
}
