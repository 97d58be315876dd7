/* Any octets as a trigger: no such datagram bears our MAC; what is decoded can be sent again,
 * signed, and then verifies for its own binding only. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/push/trigger.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t key[] = "a key that no fuzzer finds";

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void send_again(struct trigger t)
{
	uint8_t out[TRIGGER_MAX];
	struct trigger again;
	size_t len;

	t.realm = "default";
	t.generation = 7;
	must(trigger_encode(&t, key, sizeof key, out, &len) == 0 && len <= TRIGGER_MAX);
	must(trigger_decode(out, len, &again) == 0);
	must(t.tid == again.tid && t.application_id == again.application_id);
	must(strcmp(t.mailbox, again.mailbox) == 0 && t.timestamp_s == again.timestamp_s);
	must(trigger_verify(out, len, key, sizeof key, "default", 7) == 0);
	must(trigger_verify(out, len, key, sizeof key, "default", 8) == E_AUTH);
	must(trigger_encode(&t, NULL, 0, out, &len) == 0);
	must(trigger_verify(out, len, key, sizeof key, "default", 7) == E_NOT_FOUND);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct trigger t;

	must(trigger_verify(data, size, key, sizeof key, "default", 7) != 0);
	if (trigger_decode(data, size, &t) == 0)
		send_again(t);
	return 0;
}
