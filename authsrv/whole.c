#include "authsrv/whole.h"

#include <stdlib.h>
#include <string.h>

#define DIGITS_MAX 18

bool whole_read(const char *text, int64_t *out)
{
	size_t digits = strspn(text, "0123456789");

	if (!digits || digits > DIGITS_MAX || text[digits])
		return false;
	*out = strtoll(text, NULL, 10);
	return true;
}
