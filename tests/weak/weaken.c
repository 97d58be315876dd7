/* Only in the build that is meant to fail: which protections does HATO_WEAK turn off? */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "lib/rules/weaken.h"

static const char *const names[PROTECTIONS] = {
	[PROTECTION_CLAIM] = "claim",       [PROTECTION_GENERATION] = "generation",
	[PROTECTION_EVICTION] = "eviction", [PROTECTION_ORDER] = "order",
	[PROTECTION_ADDRESS] = "address",   [PROTECTION_RECHECK] = "recheck",
};
static bool is_off[PROTECTIONS]; /* written once, before anyone reads */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void read_environment(void)
{
	const char *text = getenv("HATO_WEAK");

	while (text && *text) {
		size_t n = strcspn(text, ",");
		for (int p = 0; p < PROTECTIONS; p++)
			if (n == strlen(names[p]) && !strncmp(text, names[p], n))
				is_off[p] = true;
		text += n + (text[n] == ',');
	}
}

bool weaken_protects(enum protection p)
{
	pthread_once(&once, read_environment);
	return !is_off[p];
}
