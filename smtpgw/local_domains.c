#include "smtpgw/local_domains.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/mailaddr.h"

#define SEPARATORS ", \t"

struct local_domains {
	size_t count;
	char *names[];
};

static size_t count_names(const char *text)
{
	size_t n = 0;

	for (text += strspn(text, SEPARATORS); *text; text += strspn(text, SEPARATORS)) {
		text += strcspn(text, SEPARATORS);
		n++;
	}
	return n;
}

/* The domain as it will stand in an address that was read; an address literal is none. */
static int read_name(const char *text, size_t n, char **out)
{
	char address[sizeof "a@" + MAILADDR_DOMAIN_MAX];
	struct mailaddr parsed;

	if (n > MAILADDR_DOMAIN_MAX || *text == '[')
		return E_SYNTAX;
	int len = snprintf(address, sizeof address, "a@%.*s", (int)n, text);
	if (mailaddr_parse(address, (size_t)len, MAILADDR_UTF8, &parsed) != 0)
		return E_SYNTAX;
	*out = strdup(parsed.domain);
	return *out ? 0 : E_NOMEM;
}

int local_domains_new(const char *text, struct local_domains **out, const char **bad)
{
	size_t count = count_names(text);
	struct local_domains *l = calloc(1, sizeof *l + count * sizeof l->names[0]);
	int err = !l ? E_NOMEM : count == 0 ? E_SYNTAX : 0;

	*bad = "";
	while (!err && l->count < count) {
		text += strspn(text, SEPARATORS);
		size_t n = strcspn(text, SEPARATORS);
		err = read_name(text, n, &l->names[l->count]);
		if (err == E_SYNTAX)
			*bad = text;
		if (!err)
			l->count++;
		text += n;
	}
	if (err) {
		local_domains_free(l);
		return err;
	}
	*out = l;
	return 0;
}

void local_domains_free(struct local_domains *l)
{
	for (size_t i = 0; l && i < l->count; i++)
		free(l->names[i]);
	free(l);
}

bool local_domains_has(const struct local_domains *l, const char *domain)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->names[i], domain) == 0)
			return true;
	return false;
}

const char *local_domains_first(const struct local_domains *l)
{
	return l->names[0];
}
