#include "pushsrv/trace_fields.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

#define LINE_OCTETS_MAX 998

int trace_fields_begin(struct trace_fields *f, size_t n)
{
	trace_fields_clear(f);
	if (n > TRACE_FIELDS_MAX)
		return E_TOO_LARGE;
	f->octets = malloc(n ? n : 1);
	if (!f->octets)
		return E_NOMEM;
	f->room = n;
	return 0;
}

void trace_fields_add(struct trace_fields *f, const uint8_t *in, size_t n)
{
	assert(n <= f->room - f->held);
	if (n > 0)
		memcpy(f->octets + f->held, in, n);
	f->held += n;
}

void trace_fields_clear(struct trace_fields *f)
{
	free(f->octets);
	*f = (struct trace_fields){0};
}

/* A name of visible ASCII and a colon, or a blank and something behind it. */
static bool begins_well(const char *line, size_t n, bool is_first)
{
	size_t name = 0;

	if (n > 0 && (line[0] == ' ' || line[0] == '\t')) {
		while (name < n && (line[name] == ' ' || line[name] == '\t'))
			name++;
		return !is_first && name < n;
	}
	while (name < n && line[name] > ' ' && line[name] < 0x7f && line[name] != ':')
		name++;
	return name > 0 && name < n && line[name] == ':';
}

static bool is_clean(const char *line, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)line[i];
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return n <= LINE_OCTETS_MAX;
}

bool trace_fields_are_good(const struct trace_fields *f)
{
	for (size_t at = 0; at < f->held;) {
		const char *line = f->octets + at;
		const char *lf = memchr(line, '\n', f->held - at);
		if (!lf || lf == line || lf[-1] != '\r')
			return false;
		size_t n = (size_t)(lf - line) - 1;
		if (!begins_well(line, n, at == 0) || !is_clean(line, n))
			return false;
		at += n + 2;
	}
	return true;
}
