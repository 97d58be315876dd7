/* received: octets 0 to 8 the time and how, then NUL-separated HELO, reverse name, address, own
 * name, id. Always one field of short, folded lines. */
#include "lib/wire/smtp/received.h"
#include "lib/err.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define MUST(condition) ((condition) ? (void)0 : __builtin_trap())

static const char *next_text(char **at, const char *end)
{
	char *text = *at;

	if (text >= end)
		return NULL;
	*at = text + strlen(text) + 1;
	return text;
}

static void check_field(const char *field, int n)
{
	MUST(n > 0 && strlen(field) == (size_t)n && strncmp(field, "Received: ", 10) == 0);
	for (const char *at = field; *at; at = strchr(at, '\n') + 1) {
		const char *lf = strchr(at, '\n');
		MUST(lf && lf[-1] == '\r' && lf - at <= 998);
		MUST(!memchr(at, '\r', (size_t)(lf - 1 - at)));
		MUST(at == field || *at == '\t');
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char field[RECEIVED_MAX], date[RFC5322_DATE_MAX + 1];
	struct received r = {0};

	if (size < 9)
		return 0;
	memcpy(&r.time_s, data, sizeof r.time_s);
	r.time_s >>= data[8] & 63;
	r.how = data[8];
	size_t n = size - 9;
	char *texts = calloc(n + 1, 1), *at = texts;
	memcpy(texts, data + 9, n);
	r.helo = next_text(&at, texts + n);
	r.rdns = next_text(&at, texts + n);
	r.ip = next_text(&at, texts + n);
	r.by = next_text(&at, texts + n);
	r.id = next_text(&at, texts + n);
	int err = rfc5322_date_format(r.time_s, date);
	MUST(err == E_RANGE || strlen(date) == RFC5322_DATE_MAX);
	int len = received_format(&r, field, sizeof field);
	if (err)
		MUST(len == err);
	else
		check_field(field, len);
	free(texts);
	return 0;
}
