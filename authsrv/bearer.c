#include "authsrv/bearer.h"

#include <string.h>
#include <strings.h>

static const char scheme[] = "Bearer ";

bool bearer_read(const char *authorization, const char **token, size_t *length)
{
	if (!authorization || strncasecmp(authorization, scheme, sizeof scheme - 1) != 0)
		return false;
	const char *text = authorization + sizeof scheme - 1;
	text += strspn(text, " ");
	size_t n = strcspn(text, " \t");
	if (!n || text[n + strspn(text + n, " \t")])
		return false;
	*token = text;
	*length = n;
	return true;
}
