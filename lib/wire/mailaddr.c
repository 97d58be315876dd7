#include "lib/wire/mailaddr.h"
#include "lib/wire/utf8.h"
#include "lib/err.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define LABEL_MAX   63
#define LITERAL_MAX 63 /* "[IPv6:" and the longest address fit */
#define IPV6_TAG    "IPv6:"

struct cursor {
	const char *at, *end;
	unsigned flags;
	bool is_utf8;
};

static bool at_char(const struct cursor *c, char want)
{
	return c->at < c->end && *c->at == want;
}

static bool take_char(struct cursor *c, char want)
{
	if (!at_char(c, want))
		return false;
	c->at++;
	return true;
}

static bool is_let_dig(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_ldh(char c)
{
	return is_let_dig(c) || c == '-';
}

static bool is_atext(char c)
{
	return is_let_dig(c) || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static bool is_atext_or_dot(char c)
{
	return is_atext(c) || c == '.';
}

static bool is_quotable(char c)
{
	return c >= ' ' && c <= '~';
}

static bool is_qtext(char c)
{
	return is_quotable(c) && c != '"' && c != '\\';
}

static char to_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_ascii(char c)
{
	return ((unsigned char)c & 0x80) == 0;
}

/* Octets of the character at the cursor if `is_member` or UTF-8 that is let in; 0 if not; E_RANGE
 * if only for UTF-8. */
static int member_len(const struct cursor *c, bool (*is_member)(char))
{
	if (c->at == c->end)
		return 0;
	if (is_ascii(*c->at))
		return is_member(*c->at);
	size_t n = utf8_char_len(c->at, (size_t)(c->end - c->at));
	if (n == 0)
		return E_SYNTAX;
	return c->flags & MAILADDR_UTF8 ? (int)n : E_RANGE;
}

static int append(struct cursor *c, size_t n, char *buf, size_t *len, size_t max)
{
	if (*len + n > max)
		return E_TOO_LARGE;
	c->is_utf8 |= !is_ascii(*c->at);
	memcpy(buf + *len, c->at, n);
	*len += n;
	buf[*len] = '\0';
	c->at += n;
	return 0;
}

/* The longest run of members (and UTF-8) at the cursor, appended to buf. */
static int append_run(struct cursor *c, bool (*is_member)(char), char *buf, size_t *len, size_t max)
{
	int n;

	while ((n = member_len(c, is_member)) > 0) {
		int err = append(c, (size_t)n, buf, len, max);
		if (err)
			return err;
	}
	return n;
}

static int parse_quoted(struct cursor *c, char *local)
{
	size_t len = 0;

	c->at++;
	local[0] = '\0';
	for (;;) {
		int err = append_run(c, is_qtext, local, &len, MAILADDR_LOCAL_MAX);
		if (err)
			return err;
		if (take_char(c, '"'))
			return 0;
		if (!take_char(c, '\\') || c->at == c->end || !is_quotable(*c->at))
			return E_SYNTAX;
		err = append(c, 1, local, &len, MAILADDR_LOCAL_MAX);
		if (err)
			return err;
	}
}

static int parse_local(struct cursor *c, char *local)
{
	size_t len = 0;

	if (at_char(c, '"'))
		return parse_quoted(c, local);
	int err = append_run(c, is_atext_or_dot, local, &len, MAILADDR_LOCAL_MAX);
	if (err)
		return err;
	return len > 0 ? 0 : E_SYNTAX;
}

static int parse_label(struct cursor *c, char *domain, size_t *len)
{
	size_t start = *len;
	int err = append_run(c, is_ldh, domain, len, MAILADDR_DOMAIN_MAX);

	if (err)
		return err;
	if (*len == start || domain[start] == '-' || domain[*len - 1] == '-')
		return E_SYNTAX;
	return *len - start > LABEL_MAX ? E_TOO_LARGE : 0;
}

static int parse_name(struct cursor *c, char *domain)
{
	size_t len = 0;

	for (;;) {
		int err = parse_label(c, domain, &len);
		if (err)
			return err;
		for (char *p = domain; *p; p++)
			*p = to_lower(*p);
		if (!at_char(c, '.'))
			return 0;
		err = append(c, 1, domain, &len, MAILADDR_DOMAIN_MAX);
		if (err)
			return err;
	}
}

static int parse_literal(struct cursor *c, char *domain)
{
	char text[LITERAL_MAX + 1], canonical[INET6_ADDRSTRLEN];
	unsigned char bytes[sizeof(struct in6_addr)];
	const char *close = memchr(c->at, ']', (size_t)(c->end - c->at));
	size_t tag = strlen(IPV6_TAG);

	if (!close || close - c->at > LITERAL_MAX)
		return E_SYNTAX;
	size_t len = (size_t)(close - c->at) - 1;
	memcpy(text, c->at + 1, len);
	text[len] = '\0';
	if (strlen(text) != len)
		return E_SYNTAX;
	bool is_v6 = strncasecmp(text, IPV6_TAG, tag) == 0;
	int family = is_v6 ? AF_INET6 : AF_INET;
	if (inet_pton(family, is_v6 ? text + tag : text, bytes) != 1)
		return E_SYNTAX;
	inet_ntop(family, bytes, canonical, sizeof canonical);
	snprintf(domain, MAILADDR_DOMAIN_MAX + 1, "[%s%s]", is_v6 ? "ipv6:" : "", canonical);
	c->at = close + 1;
	return 0;
}

static int parse_mailbox(struct cursor *c, struct mailaddr *a)
{
	int err = parse_local(c, a->local);

	if (err)
		return err;
	if (!take_char(c, '@'))
		return E_SYNTAX;
	return at_char(c, '[') ? parse_literal(c, a->domain) : parse_name(c, a->domain);
}

/* `@a,@b:` and what it says is forgotten. */
static int skip_route(struct cursor *c)
{
	char domain[MAILADDR_DOMAIN_MAX + 1];

	while (take_char(c, '@')) {
		int err = at_char(c, '[') ? parse_literal(c, domain) : parse_name(c, domain);
		if (err)
			return err;
		if (take_char(c, ':')) {
			c->is_utf8 = false;
			return 0;
		}
		if (!take_char(c, ',') || !at_char(c, '@'))
			return E_SYNTAX;
	}
	return 0;
}

static bool take_postmaster(struct cursor *c)
{
	static const char name[] = "postmaster>";
	size_t len = strlen(name);

	if ((size_t)(c->end - c->at) < len || strncasecmp(c->at, name, len) != 0)
		return false;
	c->at += len;
	return true;
}

static int parse_bracketed(struct cursor *c, struct mailaddr *a)
{
	if (!take_char(c, '<'))
		return E_SYNTAX;
	if (c->flags & MAILADDR_NULL && take_char(c, '>'))
		return 0;
	if (c->flags & MAILADDR_POSTMASTER && take_postmaster(c)) {
		strcpy(a->local, "postmaster");
		return 0;
	}
	int err = skip_route(c);
	if (!err)
		err = parse_mailbox(c, a);
	if (err)
		return err;
	return take_char(c, '>') ? 0 : E_SYNTAX;
}

int mailaddr_parse_path(const char *text, size_t len, unsigned flags, struct mailaddr *out,
			size_t *used)
{
	struct cursor c = {.at = text, .end = text + len, .flags = flags};
	struct mailaddr a = {0};
	int err = parse_bracketed(&c, &a);

	if (err)
		return err;
	if (c.at - text > MAILADDR_PATH_MAX)
		return E_TOO_LARGE;
	a.is_utf8 = c.is_utf8;
	*out = a;
	*used = (size_t)(c.at - text);
	return 0;
}

int mailaddr_parse(const char *text, size_t len, unsigned flags, struct mailaddr *out)
{
	struct cursor c = {.at = text, .end = text + len, .flags = flags};
	struct mailaddr a = {0};
	int err = parse_mailbox(&c, &a);

	if (err)
		return err;
	if (c.at != c.end)
		return E_SYNTAX;
	a.is_utf8 = c.is_utf8;
	*out = a;
	return 0;
}

bool mailaddr_is_null(const struct mailaddr *a)
{
	return a->local[0] == '\0' && a->domain[0] == '\0';
}

/* Unquoted it is read back by our widened grammar. */
static bool is_raw(const char *local)
{
	const char *p = local;

	while (!is_ascii(*p) || is_atext_or_dot(*p))
		p++;
	return p > local && *p == '\0';
}

static bool is_dot_string(const char *local)
{
	size_t len = strlen(local);

	return is_raw(local) && local[0] != '.' && local[len - 1] != '.' && !strstr(local, "..");
}

bool mailaddr_is_carrier(const struct mailaddr *a)
{
	return is_raw(a->local) && !is_dot_string(a->local);
}

static const char *put_domain(const struct mailaddr *a, char *text, char *at)
{
	if (a->domain[0])
		*at++ = '@';
	strcpy(at, a->domain);
	return text;
}

const char *mailaddr_canonical(const struct mailaddr *a, char text[MAILADDR_TEXT_MAX + 1])
{
	return put_domain(a, text, stpcpy(text, a->local));
}

const char *mailaddr_folded(const struct mailaddr *a, char text[MAILADDR_TEXT_MAX + 1])
{
	char *at = text;

	for (const char *p = a->local; *p; p++)
		*at++ = to_lower(*p);
	return put_domain(a, text, at);
}

const char *mailaddr_format(const struct mailaddr *a, char text[MAILADDR_TEXT_MAX + 1])
{
	char *at = text;

	if (mailaddr_is_null(a) || is_dot_string(a->local))
		return mailaddr_canonical(a, text);
	*at++ = '"';
	for (const char *p = a->local; *p; p++) {
		if (*p == '"' || *p == '\\')
			*at++ = '\\';
		*at++ = *p;
	}
	*at++ = '"';
	return put_domain(a, text, at);
}
