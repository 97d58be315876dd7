#include "lib/wire/smtp/mime_type.h"

#include <string.h>
#include <strings.h>

#include "lib/wire/smtp/cfws.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void skip_blanks(struct cfws *r)
{
	while (r->at < r->end && (is_blank(*r->at) || *r->at == '('))
		if (*r->at == '(')
			cfws_skip_comment(r);
		else
			r->at++;
}

static bool is_token(char c)
{
	return (unsigned char)c > ' ' && c != 127 && !strchr("()<>@,;:\\\"[]=", c);
}

/* Adds an octet if there is room; counts it always. */
static void put(char *out, size_t size, size_t *n, char c)
{
	if (*n + 1 < size)
		out[*n] = c;
	++*n;
}

static void close_text(char *out, size_t size, size_t n)
{
	out[n < size ? n : size - 1] = '\0';
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

/* In lower case. */
static size_t read_token(struct cfws *r, char *out, size_t size)
{
	size_t n = 0;

	for (; r->at < r->end && is_token(*r->at); r->at++)
		put(out, size, &n, lower(*r->at));
	close_text(out, size, n);
	return n;
}

/* Its length; over size - 1: it was cut. Outside of quotes everything up to blank or semicolon is
 * of it, as mail programs have it. */
static size_t read_value(struct cfws *r, char *out, size_t size)
{
	bool is_quoted = r->at < r->end && *r->at == '"';
	size_t n = 0;

	for (r->at += is_quoted; r->at < r->end; r->at++) {
		if (is_quoted ? *r->at == '"' : is_blank(*r->at) || *r->at == ';')
			break;
		if (is_quoted && *r->at == '\\' && r->end - r->at > 1)
			r->at++;
		put(out, size, &n, *r->at);
	}
	if (is_quoted && r->at < r->end)
		r->at++;
	close_text(out, size, n);
	return n;
}

static void skip_to_parameter(struct cfws *r)
{
	while (r->at < r->end && *r->at != ';')
		if (*r->at == '(')
			cfws_skip_comment(r);
		else
			r->at++;
	r->at += r->at < r->end;
}

static void take_boundary(struct mime_type *t, const char *value, size_t n)
{
	if (n > MIME_BOUNDARY_MAX || t->boundary[0])
		t->is_hidden = true;
	else
		memcpy(t->boundary, value, n + 1);
}

static void read_parameter(struct cfws *r, struct mime_type *t)
{
	char name[MIME_WORD_MAX + 1], value[MIME_BOUNDARY_MAX + 1];

	skip_blanks(r);
	read_token(r, name, sizeof name);
	skip_blanks(r);
	if (r->at == r->end || *r->at != '=')
		return;
	r->at++;
	skip_blanks(r);
	size_t n = read_value(r, value, sizeof value);
	if (strcmp(name, "boundary") == 0) {
		take_boundary(t, value, n);
	} else if (strncmp(name, "boundary*", 9) == 0) {
		t->is_hidden = true;
	} else if (strcmp(name, "charset") == 0 && !t->charset[0]) {
		for (size_t i = 0; i < MIME_WORD_MAX && value[i]; i++)
			t->charset[i] = lower(value[i]);
	}
}

void mime_type_read(const char *value, size_t n, struct mime_type *out)
{
	struct cfws r = {value, value + n};

	*out = (struct mime_type){.type = ""};
	skip_blanks(&r);
	read_token(&r, out->type, sizeof out->type);
	const char *slash = strchr(out->type, '/');
	if (!slash || slash == out->type || !slash[1])
		strcpy(out->type, "text/plain");
	while (r.at < r.end) {
		skip_to_parameter(&r);
		read_parameter(&r, out);
	}
	/* Blanks at its end cannot be told from padding of a line. */
	for (size_t end = strlen(out->boundary); end > 0 && is_blank(out->boundary[end - 1]); end--)
		out->boundary[end - 1] = '\0';
}

enum mime_encoding mime_encoding_read(const char *value, size_t n)
{
	char word[MIME_WORD_MAX + 1];
	struct cfws r = {value, value + n};

	skip_blanks(&r);
	read_token(&r, word, sizeof word);
	return strcmp(word, "base64") == 0             ? MIME_BASE64
	       : strcmp(word, "quoted-printable") == 0 ? MIME_QUOTED
						       : MIME_PLAIN;
}
