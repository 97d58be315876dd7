#include "smsc-sim/page.h"

#include <stdio.h>
#include <string.h>

#include "lib/digest.h"
#include "lib/err.h"
#include "lib/wire/base64.h"
#include "smsc_page.h"

#define HASH_TEXT_MAX BASE64_TEXT_MAX(SHA256_LEN)

/* The hash of what is between <name> and </name>. */
static int hash_of(const char *name, char out[HASH_TEXT_MAX])
{
	char open[16], close[16];
	uint8_t hash[SHA256_LEN];

	snprintf(open, sizeof open, "<%s>", name);
	snprintf(close, sizeof close, "</%s>", name);
	const char *from = strstr(page_html, open), *to = strstr(page_html, close);
	if (!from || !to || to < from || strstr(from + 1, open) || strstr(to + 1, close))
		return E_SYNTAX;
	from += strlen(open);
	int rc = sha256(from, (size_t)(to - from), hash);
	if (!rc)
		base64_encode(BASE64_STD, hash, sizeof hash, out);
	return rc;
}

int page_init(struct page *out)
{
	char style[HASH_TEXT_MAX], script[HASH_TEXT_MAX];
	int rc = hash_of("style", style);

	if (!rc)
		rc = hash_of("script", script);
	if (rc)
		return rc;
	out->html = page_html;
	out->length = strlen(page_html);
	out->scenarios = page_scenarios;
	snprintf(out->policy, sizeof out->policy,
		 "default-src 'none'; style-src 'sha256-%s'; script-src 'sha256-%s'; "
		 "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		 style, script);
	return 0;
}
