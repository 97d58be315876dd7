/* DMARC from memory: the first line is a domain of From, each other line a TXT
 * record; an empty line ends an answer. What must hold: two questions at most, and a verdict. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/rules/dmarc.h"

#define TEXTS_MAX 8

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* False: there are no more. */
static bool next_line(const char **at, const char *end, struct dmarc_text *out)
{
	if (*at >= end)
		return false;
	const char *lf = memchr(*at, '\n', (size_t)(end - *at));
	const char *stop = lf ? lf : end;
	*out = (struct dmarc_text){*at, (size_t)(stop - *at)};
	*at = stop + 1;
	return true;
}

static size_t next_answer(const char **at, const char *end, struct dmarc_text texts[TEXTS_MAX])
{
	size_t n = 0;

	while (n < TEXTS_MAX && next_line(at, end, &texts[n]) && texts[n].length > 0)
		n++;
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *at = (const char *)data, *end = at + size;
	struct dmarc_text texts[TEXTS_MAX], line = {"", 0};
	char domain[600], name[DNS_NAME_MAX];
	struct dmarc d;
	int asked = 0;

	next_line(&at, end, &line);
	size_t n = line.length < sizeof domain ? line.length : sizeof domain - 1;
	memcpy(domain, line.octets, n);
	domain[n] = '\0';
	dmarc_begin(&d, domain);
	while (dmarc_ask(&d, name)) {
		must(++asked <= 2 && strlen(name) < DNS_NAME_MAX);
		size_t count = next_answer(&at, end, texts);
		dmarc_answer(&d, count ? DMARC_FOUND : DMARC_EMPTY, texts, count);
	}
	must(d.stage == DMARC_KNOWN && d.record.percent <= 100);
	struct dmarc_evidence e = {.spf = AUTHRES_PASS, .spf_domain = domain, .dkim_count = 1};
	e.dkim[0].result = AUTHRES_TEMPERROR;
	e.dkim[0].domain = name;
	struct dmarc_verdict v = dmarc_judge(&d, &e, (unsigned)(size % DMARC_SAMPLES));
	must(v.result > AUTHRES_UNCHECKED && v.result < AUTHRES_RESULTS &&
	     v.policy <= DMARC_REJECT);
	return 0;
}
