#include "lib/wire/smtp/address_list.h"
#include "lib/wire/utf8.h"

#include <string.h>

#define ESCAPE '\033'

/* ---- tokens ---- */

enum token_kind {
	TOKEN_END,
	TOKEN_GAP,     /* blanks, line ends, comments */
	TOKEN_WORD,    /* atoms, dots and octets over 127 */
	TOKEN_QUOTED,  /* quotes included */
	TOKEN_LITERAL, /* [192.0.2.1] */
	TOKEN_SPECIAL, /* one of ,;:<>@ */
	TOKEN_BAD      /* a control, a bracket or quote that does not close, a stray one */
};

struct token {
	enum token_kind kind;
	const char *at;
	size_t len;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_high(char c)
{
	return (unsigned char)c & 0x80;
}

static bool is_word(char c)
{
	return is_high(c) || (c > ' ' && c <= '~' && !strchr("()<>[]:;@\\,\"", c));
}

/* ESC $ @ or ESC $ B up to ESC ( and a letter, or to the end. 0: there is none here. */
static size_t escaped_len(const struct address_list *l, const char *at)
{
	size_t left = (size_t)(l->end - at);

	if (!(l->flags & ADDRESS_LIST_JAPANESE) || left < 3 || at[0] != ESCAPE || at[1] != '$')
		return 0;
	for (const char *p = at + 3; p < l->end; p++)
		if (*p == ESCAPE && l->end - p >= 3 && p[1] == '(')
			return (size_t)(p + 3 - at);
	return left;
}

/* Octets of what stands at `at` inside quotes or a comment, where a backslash quotes. */
static size_t quoted_len(const struct address_list *l, const char *at)
{
	size_t left = (size_t)(l->end - at), n = escaped_len(l, at);

	if (n > 0)
		return n;
	if (*at == '\\')
		return left < 2 ? left : 2;
	if (!is_high(*at) || !(l->flags & ADDRESS_LIST_JAPANESE))
		return 1;
	n = utf8_char_len(at, left);
	if (n > 0)
		return n;
	return left > 1 && (unsigned char)at[1] >= 0x40 ? 2 : 1; /* Shift_JIS */
}

static struct token token_of(enum token_kind kind, const char *at, const char *end)
{
	return (struct token){kind, at, (size_t)(end - at)};
}

static struct token take_quoted(const struct address_list *l)
{
	const char *p = l->at + 1;

	while (p < l->end && *p != '"')
		p += quoted_len(l, p);
	return p < l->end ? token_of(TOKEN_QUOTED, l->at, p + 1)
			  : token_of(TOKEN_BAD, l->at, l->end);
}

static struct token take_comment(const struct address_list *l)
{
	const char *p = l->at;
	size_t depth = 0;

	while (p < l->end) {
		depth += *p == '(';
		depth -= *p == ')';
		p += *p == '(' || *p == ')' ? 1 : quoted_len(l, p);
		if (depth == 0)
			return token_of(TOKEN_GAP, l->at, p);
	}
	return token_of(TOKEN_BAD, l->at, l->end);
}

static struct token take_run(const struct address_list *l, enum token_kind kind,
			     bool (*is_member)(char))
{
	const char *p = l->at;

	while (p < l->end && is_member(*p))
		p++;
	return token_of(kind, l->at, p);
}

static struct token take_literal(const struct address_list *l)
{
	const char *p = l->at + 1;

	while (p<l->end && * p> ' ' && *p <= '~' && !strchr("[]\\", *p))
		p++;
	return p < l->end && *p == ']' ? token_of(TOKEN_LITERAL, l->at, p + 1)
				       : token_of(TOKEN_BAD, l->at, l->at + 1);
}

static struct token peek(const struct address_list *l)
{
	if (l->at == l->end)
		return token_of(TOKEN_END, l->at, l->at);
	char c = *l->at;
	size_t escaped = escaped_len(l, l->at);
	if (escaped > 0)
		return token_of(TOKEN_WORD, l->at, l->at + escaped);
	if (is_blank(c))
		return take_run(l, TOKEN_GAP, is_blank);
	if (is_word(c))
		return take_run(l, TOKEN_WORD, is_word);
	if (c == '"')
		return take_quoted(l);
	if (c == '(')
		return take_comment(l);
	if (c == '[')
		return take_literal(l);
	return token_of(c && strchr(",;:<>@", c) ? TOKEN_SPECIAL : TOKEN_BAD, l->at, l->at + 1);
}

static bool is_special(const struct token *t, char c)
{
	return t->kind == TOKEN_SPECIAL && *t->at == c;
}

/* ---- an address, token by token ---- */

struct spec {
	char local[MAILADDR_LOCAL_MAX]; /* dequoted; no NUL at the end, as the domain */
	char domain[MAILADDR_DOMAIN_MAX];
	size_t local_len, domain_len;
	bool has_at, has_tokens, is_quoted; /* the last token was in quotes */
	bool has_gap, is_bad;
};

static void put(struct spec *s, char *buf, size_t *len, size_t max, char c)
{
	if (*len < max)
		buf[(*len)++] = c;
	else
		s->is_bad = true;
}

static void put_local(struct spec *s, char c)
{
	put(s, s->local, &s->local_len, MAILADDR_LOCAL_MAX, c);
}

/* May this follow what is there? Words and quotes are joined by dots, and blanks stand at dots and
 * at the @ only. */
static bool joins(const struct spec *s, const char *buf, size_t len, const struct token *t)
{
	bool is_dot = len > 0 && buf[len - 1] == '.' && !s->is_quoted;
	bool begins_with_dot = t->kind == TOKEN_WORD && *t->at == '.';

	if (len == 0 && !s->is_quoted)
		return true;
	if (!s->has_gap && !s->is_quoted && t->kind == TOKEN_WORD)
		return true;
	return is_dot || begins_with_dot;
}

static void add_local(struct spec *s, const struct token *t)
{
	const char *p = t->at, *end = t->at + t->len;
	bool is_quoted = t->kind == TOKEN_QUOTED;

	s->is_bad |= !joins(s, s->local, s->local_len, t);
	if (is_quoted)
		p++, end--;
	while (p < end && !s->is_bad) {
		if (is_quoted && *p == '\\' && p + 1 < end)
			p++;
		if (is_quoted && (*p == '\r' || *p == '\n'))
			p++;
		else
			put_local(s, *p++);
	}
	s->is_quoted = is_quoted;
}

static void add_domain(struct spec *s, const struct token *t)
{
	s->is_bad |= t->kind == TOKEN_QUOTED || !joins(s, s->domain, s->domain_len, t) ||
		     (t->kind == TOKEN_LITERAL && s->domain_len > 0);
	for (size_t i = 0; i < t->len && !s->is_bad; i++)
		put(s, s->domain, &s->domain_len, MAILADDR_DOMAIN_MAX, t->at[i]);
	s->is_quoted = t->kind == TOKEN_LITERAL;
}

static void spec_add(struct spec *s, const struct token *t)
{
	if (t->kind == TOKEN_GAP) {
		s->has_gap = true;
		return;
	}
	if (is_special(t, '@') && !s->has_at && s->has_tokens) {
		s->has_at = true;
		s->is_quoted = false;
	} else if (t->kind == TOKEN_WORD || t->kind == TOKEN_QUOTED ||
		   (t->kind == TOKEN_LITERAL && s->has_at)) {
		(s->has_at ? add_domain : add_local)(s, t);
	} else {
		s->is_bad = true;
	}
	s->has_tokens = true;
	s->has_gap = false;
}

static bool spec_read(const struct spec *s, struct mailaddr *out)
{
	char text[MAILADDR_DOMAIN_MAX + 2] = "x@";
	struct mailaddr a;

	if (s->is_bad || !s->has_at || memchr(s->local, 0, s->local_len) ||
	    !utf8_is_printable(s->local, s->local_len, true))
		return false;
	memcpy(text + 2, s->domain, s->domain_len);
	if (mailaddr_parse(text, s->domain_len + 2, MAILADDR_UTF8, &a) != 0)
		return false;
	memset(a.local, 0, sizeof a.local);
	memcpy(a.local, s->local, s->local_len);
	a.is_utf8 |= !utf8_is_printable(s->local, s->local_len, false);
	*out = a;
	return true;
}

/* ---- an item ---- */

struct item {
	struct spec bare, inside; /* as if without brackets; what is in them */
	unsigned brackets;
	bool is_open, is_bad;
	bool is_route;           /* <@relay,@other: is being skipped */
	const char *first, *end; /* of what is no gap */
	const char *name_end;
};

/* Routes say nothing any more (RFC 5321 appendix C). */
static void add_inside(struct item *i, const struct token *t)
{
	if (is_special(t, '@') && !i->inside.has_tokens)
		i->is_route = true;
	if (!i->is_route)
		spec_add(&i->inside, t);
	else if (is_special(t, ':'))
		i->is_route = false;
	else
		i->is_bad |= t->kind == TOKEN_QUOTED || is_special(t, ';');
}

static void item_add(struct item *i, const struct token *t)
{
	if (t->kind != TOKEN_GAP) {
		i->first = i->first ? i->first : t->at;
		i->end = t->at + t->len;
	}
	if (is_special(t, '<') && !i->is_open) {
		i->is_open = true;
		i->brackets++;
		i->name_end = t->at;
	} else if (is_special(t, '>') && i->is_open) {
		i->is_open = false;
	} else if (i->is_open) {
		add_inside(i, t);
	} else {
		i->is_bad |= (i->brackets > 0 && t->kind != TOKEN_GAP) || is_special(t, '>') ||
			     (t->kind == TOKEN_BAD && t->len > 1);
		spec_add(&i->bare, t);
	}
}

static void trim(const char *at, const char *end, const char **out, size_t *len)
{
	while (end > at && is_blank(end[-1]))
		end--;
	*out = at;
	*len = (size_t)(end - at);
}

static void item_read(const struct item *i, struct address_item *out)
{
	bool is_bad = i->is_bad || i->is_open || i->is_route || i->brackets > 1;

	trim(i->first, i->end, &out->text, &out->text_len);
	out->name = out->text;
	if (i->brackets > 0)
		trim(i->first, i->name_end, &out->name, &out->name_len);
	if (!is_bad && spec_read(i->brackets > 0 ? &i->inside : &i->bare, &out->address))
		out->kind = ADDRESS_MAILBOX;
	else
		out->kind = ADDRESS_JUNK;
}

/* A colon outside brackets, after a name. */
static void begin_group(struct address_list *l, const struct item *i, struct address_item *out)
{
	l->in_group = true;
	trim(i->first, i->end, &out->text, &out->text_len);
	out->name = out->text;
	out->name_len = out->text_len;
	out->kind = ADDRESS_GROUP;
}

static bool is_group_name(const struct address_list *l, const struct item *i)
{
	return !l->in_group && i->first && i->brackets == 0 && !i->bare.has_at && !i->is_bad;
}

/* The end of this item; a comma in brackets parts the hosts of a route. */
static bool is_separator(const struct item *i, const struct token *t)
{
	if (t->kind == TOKEN_END)
		return true;
	return (is_special(t, ',') && !i->is_route) || (is_special(t, ';') && !i->is_open);
}

void address_list_init(struct address_list *l, const char *text, size_t len, unsigned flags)
{
	*l = (struct address_list){.at = text, .end = text + len, .flags = flags};
}

bool address_list_next(struct address_list *l, struct address_item *out)
{
	struct item i = {0};

	*out = (struct address_item){.in_group = l->in_group};
	for (;;) {
		struct token t = peek(l);
		l->at += t.len;
		if (is_special(&t, ':') && !i.is_open && is_group_name(l, &i)) {
			begin_group(l, &i, out);
			return true;
		}
		if (!is_separator(&i, &t)) {
			item_add(&i, &t);
			continue;
		}
		if (t.kind == TOKEN_SPECIAL && *t.at == ';')
			l->in_group = false;
		if (i.first) {
			item_read(&i, out);
			return true;
		}
		if (t.kind == TOKEN_END)
			return false;
		out->in_group = l->in_group;
	}
}
