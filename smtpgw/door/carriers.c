#include "smtpgw/door/carriers.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/rules/filter.h"

#define SEPARATORS ", \t"
#define NAMES_MAX  1000

struct names {
	char (*entries)[FILTER_ENTRY_MAX];
	size_t n;
};

static int read_names(const char *text, struct names *names, const char **bad)
{
	for (text += strspn(text, SEPARATORS); *text; text += strspn(text, SEPARATORS)) {
		size_t len = strcspn(text, SEPARATORS);
		*bad = text;
		if (names->n == NAMES_MAX || memchr(text, '@', len))
			return E_SYNTAX;
		int err = filter_entry(text, len, names->entries[names->n]);
		if (err && err != E_RANGE) /* E_RANGE: ours, and not in ASCII; see lib/idn.h */
			return E_SYNTAX;
		names->n += !err;
		text += len;
	}
	return 0;
}

int carriers_new(const char *carriers, const char *ours, char **list, const char **bad)
{
	struct names names = {.entries = malloc(NAMES_MAX * FILTER_ENTRY_MAX)};
	int err = names.entries ? read_names(carriers, &names, bad) : E_NOMEM;

	if (!err)
		err = read_names(ours, &names, bad);
	if (!err) {
		*list = filter_list_make(names.entries, names.n);
		err = *list ? 0 : E_NOMEM;
	}
	free(names.entries);
	return err;
}
