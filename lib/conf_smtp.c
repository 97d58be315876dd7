/* conf_smtp -- what of [smtpgw] and the [route NAME] sections one key alone cannot tell */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/conf_private.h"
#include "lib/err.h"
#include "lib/wire/mailaddr.h"

#define BETWEEN   ", \t"
#define LABEL_MAX 63
#define NAME_MOST 253

/* The next word; 0: there is none. */
static size_t next_word(const char **at)
{
	*at += strspn(*at, BETWEEN);
	return strcspn(*at, BETWEEN);
}

/* ---- our name ---- */

static bool is_host_name(const char *name)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-";

	if (strlen(name) > NAME_MOST)
		return false;
	for (;; name++) {
		size_t n = strspn(name, letters);
		if (n == 0 || n > LABEL_MAX || *name == '-' || name[n - 1] == '-')
			return false;
		name += n;
		if (*name != '.')
			return !*name;
	}
}

/* ---- traps ---- */

/* A word of local_domains as it stands in an address that was read. */
static bool is_domain(const char *word, size_t n, const char *domain)
{
	char address[sizeof "a@" + MAILADDR_DOMAIN_MAX];
	struct mailaddr a;
	int len = snprintf(address, sizeof address, "a@%.*s", (int)n, word);

	return len > 0 && (size_t)len < sizeof address &&
	       !mailaddr_parse(address, (size_t)len, MAILADDR_UTF8, &a) &&
	       !strcmp(a.domain, domain);
}

static bool is_ours(const struct conf *c, const char *domain)
{
	const char *at = c->smtpgw_local_domains;

	for (size_t n; (n = next_word(&at)); at += n)
		if (is_domain(at, n, domain))
			return true;
	return false;
}

/* Mail to other domains never comes here: such a trap would catch nobody. */
static int traps_check(const struct conf *c, char error[256])
{
	const char *at = c->smtpgw_traps;
	struct mailaddr a;

	for (size_t n; (n = next_word(&at)); at += n)
		if (!mailaddr_parse(at, n, 0, &a) && !is_ours(c, a.domain)) {
			snprintf(error, 256, "smtpgw.traps: not of smtpgw.local_domains: '%.*s'",
				 (int)(n < 100 ? n : 100), at);
			return E_SYNTAX;
		}
	return 0;
}

/* ---- certificates ---- */

static int relay_ca_check(const struct conf *c, char error[256])
{
	char *path = *c->smtpgw_relay_ca ? conf_path(c, c->smtpgw_relay_ca) : NULL;
	int rc = 0;

	if (path && access(path, R_OK)) {
		snprintf(error, 256, "smtpgw.relay_ca: %.180s: %s", path, strerror(errno));
		rc = E_SYNTAX;
	}
	free(path);
	return rc;
}

/* ---- routes ---- */

static const char *find_word(const char *list, const char *word, size_t n)
{
	for (size_t m; (m = next_word(&list)); list += m)
		if (m == n && !strncasecmp(list, word, n))
			return list;
	return NULL;
}

/* Which of the two would count, nobody could know. */
static int routes_check(const struct conf *c, char error[256])
{
	for (size_t i = 1; i < c->route_count; i++) {
		const char *at = c->routes[i].domains;
		for (size_t n; (n = next_word(&at)); at += n)
			for (size_t k = 0; k < i; k++) {
				if (!find_word(c->routes[k].domains, at, n))
					continue;
				snprintf(error, 256, "[route %s] and [route %s]: both have '%.*s'",
					 c->routes[k].name, c->routes[i].name,
					 (int)(n < 100 ? n : 100), at);
				return E_SYNTAX;
			}
	}
	return 0;
}

int conf_smtp_check(const struct conf *c, char error[256])
{
	int rc;

	if (!is_host_name(c->smtpgw_hostname)) {
		snprintf(error, 256, "smtpgw.hostname: '%.100s' is no host's name",
			 c->smtpgw_hostname);
		return E_SYNTAX;
	}
	rc = traps_check(c, error);
	if (!rc)
		rc = relay_ca_check(c, error);
	return rc ? rc : routes_check(c, error);
}
