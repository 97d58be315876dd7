#include "smtpgw/checks/trap_list.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

#define BETWEEN ", \t"

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add(struct trap_list *l, const char *text, size_t n)
{
	char folded[MAILADDR_TEXT_MAX + 1];
	struct mailaddr a;

	if (mailaddr_parse(text, n, 0, &a))
		return E_SYNTAX;
	char **more = realloc(l->addresses, (l->count + 1) * sizeof *more);
	if (!more)
		return E_NOMEM;
	l->addresses = more;
	l->addresses[l->count] = strdup(mailaddr_folded(&a, folded));
	if (!l->addresses[l->count])
		return E_NOMEM;
	l->count++;
	return 0;
}

int trap_list_read(const char *text, struct trap_list *out, const char **bad)
{
	struct trap_list l = {0};
	int err = 0;

	for (text += strspn(text, BETWEEN); !err && *text; text += strspn(text, BETWEEN)) {
		size_t n = strcspn(text, BETWEEN);
		*bad = text;
		err = add(&l, text, n);
		text += n;
	}
	if (err) {
		trap_list_fini(&l);
		return err;
	}
	if (l.count > 1)
		qsort(l.addresses, l.count, sizeof *l.addresses, compare);
	*out = l;
	return 0;
}

void trap_list_fini(struct trap_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->addresses[i]);
	free(l->addresses);
	*l = (struct trap_list){0};
}

bool trap_list_has(const struct trap_list *l, const struct mailaddr *a)
{
	char folded[MAILADDR_TEXT_MAX + 1];
	const char *key = mailaddr_folded(a, folded);

	return l->count > 0 &&
	       bsearch(&key, l->addresses, l->count, sizeof *l->addresses, compare) != NULL;
}
