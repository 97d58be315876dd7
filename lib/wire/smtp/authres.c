#include "lib/wire/smtp/authres.h"

#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "lib/wire/smtp/cfws.h"

const char *authres_word(enum authres_result result)
{
	static const char *const words[AUTHRES_RESULTS] = {
		[AUTHRES_UNCHECKED] = "",          [AUTHRES_NONE] = "none",
		[AUTHRES_PASS] = "pass",           [AUTHRES_FAIL] = "fail",
		[AUTHRES_SOFTFAIL] = "softfail",   [AUTHRES_NEUTRAL] = "neutral",
		[AUTHRES_POLICY] = "policy",       [AUTHRES_TEMPERROR] = "temperror",
		[AUTHRES_PERMERROR] = "permerror",
	};

	return words[result];
}

/* ---- writing ---- */

/* Room for the end is kept: CRLF and NUL. */
static void put(struct authres *a, const char *octets, size_t n)
{
	if (a->is_over || a->n + n + 3 > a->size) {
		a->is_over = true;
		return;
	}
	memcpy(a->buf + a->n, octets, n);
	a->n += n;
}

static void put_text(struct authres *a, const char *text)
{
	put(a, text, strlen(text));
}

/* RFC 2045's token, and what an address has besides. */
static bool is_plain(const char *value)
{
	for (const char *c = value; *c; c++)
		if (*c <= ' ' || *c > '~' || strchr("()<>,;:\\\"/[]?=", *c))
			return false;
	return *value != '\0';
}

static void put_value(struct authres *a, const char *value)
{
	bool is_quoted = !is_plain(value);

	if (is_quoted)
		put(a, "\"", 1);
	for (size_t i = 0; i < AUTHRES_VALUE_MAX && value[i]; i++) {
		char c = value[i] < ' ' || value[i] > '~' ? '?' : value[i];
		if (c == '"' || c == '\\')
			put(a, "\\", 1);
		put(a, &c, 1);
	}
	if (is_quoted)
		put(a, "\"", 1);
}

/* What did not fit goes as a whole. */
static void close_result(struct authres *a)
{
	if (a->is_open && a->is_over)
		a->n = a->mark;
	else
		a->results += a->is_open;
	a->is_open = a->is_over = false;
}

void authres_begin(struct authres *a, const char *id, char *buf, size_t size)
{
	*a = (struct authres){.buf = buf, .size = size};
	put_text(a, AUTHRES_FIELD ": ");
	put_value(a, id);
	a->is_over = false;
}

void authres_add(struct authres *a, const char *method, enum authres_result result)
{
	close_result(a);
	if (result == AUTHRES_UNCHECKED)
		return;
	a->mark = a->n;
	a->is_open = true;
	put_text(a, ";\r\n\t");
	put_text(a, method);
	put_text(a, "=");
	put_text(a, authres_word(result));
}

void authres_property(struct authres *a, const char *name, const char *value)
{
	if (!a->is_open || !*value)
		return;
	put_text(a, " ");
	put_text(a, name);
	put_text(a, "=");
	put_value(a, value);
}

size_t authres_end(struct authres *a)
{
	close_result(a);
	if (a->results == 0)
		return 0;
	memcpy(a->buf + a->n, "\r\n", 3);
	return a->n + 2;
}

/* ---- reading ---- */

static bool skip_blanks(struct cfws *r)
{
	while (r->at < r->end) {
		if (*r->at == '(') {
			if (!cfws_skip_comment(r))
				return false;
		} else if (*r->at && strchr(" \t\r\n", *r->at)) {
			r->at++;
		} else {
			break;
		}
	}
	return true;
}

/* Compares as it reads: how many of id's octets are matched, or SIZE_MAX for good when not. */
static void compare(char c, const char *id, size_t *matched)
{
	if (*matched == SIZE_MAX || *matched >= strlen(id) ||
	    strncasecmp(&c, id + *matched, 1) != 0)
		*matched = SIZE_MAX;
	else
		++*matched;
}

/* False: the quote is not closed. */
static bool read_quoted(struct cfws *r, const char *id, size_t *matched)
{
	for (r->at++; r->at < r->end && *r->at != '"'; r->at++) {
		if (*r->at == '\\' && r->end - r->at > 1)
			r->at++;
		compare(*r->at, id, matched);
	}
	return r->at < r->end;
}

static void read_token(struct cfws *r, const char *id, size_t *matched)
{
	for (; r->at < r->end && !(*r->at && strchr(" \t\r\n;(\"", *r->at)); r->at++)
		if (!(*r->at == '.' && *matched == strlen(id))) /* a final dot says nothing */
			compare(*r->at, id, matched);
}

bool authres_is_ours(const char *value, size_t n, const char *id)
{
	struct cfws r = {value, value + n};
	size_t matched = 0;

	if (!skip_blanks(&r) || r.at == r.end || *r.at == ';')
		return true;
	if (*r.at == '"') {
		if (!read_quoted(&r, id, &matched))
			return true;
	} else {
		read_token(&r, id, &matched);
	}
	return matched == strlen(id);
}
