#include "lib/wire/smtp/cfws.h"

#include <stddef.h>

bool cfws_skip_comment(struct cfws *r)
{
	size_t depth = 0;

	do {
		if (*r->at == '\\' && r->end - r->at > 1)
			r->at++;
		else if (*r->at == '(')
			depth++;
		else if (*r->at == ')')
			depth--;
		r->at++;
	} while (depth > 0 && r->at < r->end);
	return depth == 0;
}
