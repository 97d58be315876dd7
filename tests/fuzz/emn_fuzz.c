/* Any octets as an EMN: what is taken has one encoding, no longer than EMN_MAX, which is read as
 * the same. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/wire/push/emn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t out[EMN_MAX];
	struct emn emn, again;
	size_t len;

	if (emn_decode(data, size, &emn) != 0)
		return 0;
	must(strlen(emn.mailbox) > 0 && strlen(emn.mailbox) <= EMN_MAILBOX_MAX);
	must(emn.timestamp_s >= 0 && emn.timestamp_s <= EMN_TIME_MAX_S);
	must(emn_encode(&emn, out, sizeof out, &len) == 0 && len <= EMN_MAX);
	must(emn_decode(out, len, &again) == 0);
	must(strcmp(emn.mailbox, again.mailbox) == 0 && emn.timestamp_s == again.timestamp_s);
	return 0;
}
