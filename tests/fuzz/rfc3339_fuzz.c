/* Any octets as a date-time: what is taken must come back unchanged when it is written and read
 * again. */
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[CLOCK_TEXT_MAX];
	int64_t us, back;

	if (clock_parse((const char *)data, size, &us))
		return 0;
	if (us < 0 || us > CLOCK_MAX_US)
		abort();
	clock_format(us, text);
	if (clock_parse(text, strlen(text), &back) || back != us)
		abort();
	return 0;
}
