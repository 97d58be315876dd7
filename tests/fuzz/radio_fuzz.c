/* Any octets as the radio link's stream: frames are taken off the front until one is not whole or
 * is none; each lies inside what it took and is written as the same octets. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/sms/radio.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	while (size > 0) {
		uint8_t out[RADIO_FRAME_MAX];
		struct radio_frame frame;
		size_t taken, len;
		int err = radio_decode(data, size, &frame, &taken);

		must(err == 0 || err == E_SYNTAX || (err == E_AGAIN && size < RADIO_FRAME_MAX));
		if (err)
			return 0;
		must(taken > 0 && taken <= size);
		must(frame.payload >= data && frame.payload + frame.payload_len == data + taken);
		must(radio_encode(&frame, out, sizeof out, &len) == 0);
		must(len == taken && memcmp(out, data, len) == 0);
		data += taken;
		size -= taken;
	}
	return 0;
}
