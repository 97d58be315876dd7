/* A whole exchange. The first octet chooses the mechanism, whether there is an initial response,
 * and whether the lines are base64 already or still have to be encoded (which lets a fuzzer reach
 * the messages). The rest is lines, ended by LF. Credentials are rejected, to see the last round
 * too. */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lib/wire/base64.h"
#include "lib/wire/sasl.h"
#include "lib/wire/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHOICE_INITIAL 0x04
#define CHOICE_ENCODE  0x08

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* The next line in memory of its own; the caller frees. */
static char *next_line(const uint8_t **data, size_t *size, bool encode, size_t *len)
{
	const uint8_t *end = *size ? memchr(*data, '\n', *size) : NULL;
	size_t raw = end ? (size_t)(end - *data) : *size;
	char *line = malloc(encode ? BASE64_TEXT_MAX(raw) : raw + 1);

	must(line != NULL);
	if (encode) {
		*len = base64_encode(BASE64_STD, *data, raw, line);
	} else {
		memcpy(line, *data, raw);
		*len = raw;
	}
	raw += end != NULL;
	*data += raw;
	*size -= raw;
	return line;
}

static enum sasl_step check_step(struct sasl_server *s, enum sasl_step step)
{
	const struct sasl_credentials *c = &s->credentials;

	must(strlen(c->login) <= SASL_LOGIN_MAX && strlen(c->token) == c->token_len);
	must(utf8_is_printable(c->login, strlen(c->login), true));
	must((step == SASL_FAILED) == (s->error < 0));
	must(step != SASL_CHALLENGE || s->challenge != NULL);
	if (step == SASL_CREDENTIALS)
		return check_step(s, sasl_server_reject(s));
	must(step == SASL_CHALLENGE || (c->login[0] == '\0' && c->token_len == 0));
	return step;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sasl_server s;
	enum sasl_step step;
	uint8_t choice;
	char *line = NULL;
	size_t len = 0;

	if (size == 0)
		return 0;
	choice = *data++;
	size--;
	if (choice & CHOICE_INITIAL)
		line = next_line(&data, &size, choice & CHOICE_ENCODE, &len);
	step = sasl_server_start(&s, (enum sasl_mechanism)(choice % SASL_MECHANISMS), line, len);
	free(line);
	for (int rounds = 0; check_step(&s, step) == SASL_CHALLENGE; rounds++) {
		must(rounds < 4);
		line = next_line(&data, &size, choice & CHOICE_ENCODE, &len);
		step = sasl_server_answer(&s, line, len);
		free(line);
	}
	return 0;
}
