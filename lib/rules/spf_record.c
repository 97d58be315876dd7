#include "lib/rules/spf_record.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/err.h"
#include "lib/rules/spf_macro.h"

#define VERSION      "v=spf1"
#define COUNT(a)     (sizeof(a) / sizeof(a)[0])
#define SPEC_LETTERS "slodiphv" /* the others are for explanations */

bool spf_record_is(const char *text, size_t n)
{
	size_t v = strlen(VERSION);

	return n >= v && strncasecmp(text, VERSION, v) == 0 && (n == v || text[v] == ' ');
}

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_word(struct spf_piece p, const char *word)
{
	return p.len == strlen(word) && strncasecmp(p.at, word, p.len) == 0;
}

/* ---- domain-spec ---- */

/* A label that may stand last: not all digits, no hyphen at an end. */
static bool is_toplabel(const char *at, size_t n)
{
	bool has_other = false;

	if (n == 0 || at[0] == '-' || at[n - 1] == '-')
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!is_alpha(at[i]) && !is_digit(at[i]) && at[i] != '-')
			return false;
		has_other |= !is_digit(at[i]);
	}
	return has_other;
}

/* Where the last macro ends. */
static size_t end_of_macros(struct spf_piece p)
{
	struct spf_macro m;
	size_t end = 0;

	for (size_t at = 0; at < p.len;)
		if (p.at[at] == '%' && spf_macro_parse(p.at + at, p.len - at, &m) == 0)
			end = at += m.length;
		else
			at++;
	return end;
}

/* It ends with a macro, or with a dot and a label (and a dot). */
static bool has_domain_end(struct spf_piece p)
{
	size_t macros = end_of_macros(p), n = p.len;

	if (macros == n)
		return n > 0;
	if (p.at[n - 1] == '.')
		n--;
	size_t begin = n;
	while (begin > macros && p.at[begin - 1] != '.')
		begin--;
	return begin > macros && is_toplabel(p.at + begin, n - begin);
}

static int parse_spec(struct spf_piece p, struct spf_piece *out)
{
	if (!spf_macro_string_is_good(p.at, p.len, SPEC_LETTERS, false) || !has_domain_end(p))
		return E_SYNTAX;
	*out = p;
	return 0;
}

/* ---- prefix lengths ---- */

/* The number that a piece ends with, if a '/' is before it and no other zero in front. Takes it off
 * the piece. */
static bool take_number(struct spf_piece *p, unsigned *out)
{
	size_t begin = p->len, digits;
	unsigned n = 0;

	while (begin > 0 && is_digit(p->at[begin - 1]))
		begin--;
	digits = p->len - begin;
	if (digits == 0 || digits > 3 || begin == 0 || p->at[begin - 1] != '/' ||
	    (digits > 1 && p->at[begin] == '0'))
		return false;
	for (size_t i = begin; i < p->len; i++)
		n = n * 10 + (unsigned)(p->at[i] - '0');
	*out = n;
	p->len = begin - 1;
	return true;
}

static int take_plen(struct spf_piece *p, unsigned max, uint8_t *out)
{
	unsigned n = max;

	if (!take_number(p, &n) && p->len > 0 && memchr(p->at, '/', p->len))
		return E_SYNTAX;
	if (n > max)
		return E_SYNTAX;
	*out = (uint8_t)n;
	return 0;
}

/* "/24//64", either or both. What is left of the piece has none. */
static int take_dual_plen(struct spf_piece *p, struct spf_term *t)
{
	struct spf_piece rest = *p;
	unsigned n;

	if (!take_number(&rest, &n))
		return 0;
	if (rest.len > 0 && rest.at[rest.len - 1] == '/') {
		rest.len--;
		if (n > 128)
			return E_SYNTAX;
		t->plen6 = (uint8_t)n;
		*p = rest;
		if (!take_number(&rest, &n))
			return 0;
	}
	if (n > 32)
		return E_SYNTAX;
	t->plen4 = (uint8_t)n;
	*p = rest;
	return 0;
}

/* ---- mechanisms: `p` is what stands behind the name ---- */

static int parse_all(struct spf_piece p, struct spf_term *t)
{
	(void)t;
	return p.len == 0 ? 0 : E_SYNTAX;
}

static int parse_colon_spec(struct spf_piece p, struct spf_term *t)
{
	if (p.len == 0 || p.at[0] != ':')
		return E_SYNTAX;
	return parse_spec((struct spf_piece){p.at + 1, p.len - 1}, &t->spec);
}

static int parse_ptr(struct spf_piece p, struct spf_term *t)
{
	return p.len == 0 ? 0 : parse_colon_spec(p, t);
}

static int parse_hosts(struct spf_piece p, struct spf_term *t)
{
	int err = take_dual_plen(&p, t);

	return err ? err : parse_ptr(p, t);
}

static int parse_network(struct spf_piece p, struct spf_term *t, unsigned max, uint8_t *plen)
{
	char text[ADDR_TEXT_MAX];
	int err = p.len > 0 && p.at[0] == ':' ? take_plen(&p, max, plen) : E_SYNTAX;

	if (err || p.len < 2 || p.len > sizeof text)
		return E_SYNTAX;
	memcpy(text, p.at + 1, p.len - 1);
	text[p.len - 1] = '\0';
	if (strlen(text) != p.len - 1)
		return E_SYNTAX;
	return addr_parse(text, &t->network) == 0 ? 0 : E_SYNTAX;
}

static int parse_ip4(struct spf_piece p, struct spf_term *t)
{
	int err = parse_network(p, t, 32, &t->plen4);

	return err || memchr(p.at, '.', p.len) == NULL || memchr(p.at + 1, ':', p.len - 1)
		       ? E_SYNTAX
		       : 0;
}

static int parse_ip6(struct spf_piece p, struct spf_term *t)
{
	int err = parse_network(p, t, 128, &t->plen6);

	return err || !memchr(p.at + 1, ':', p.len - 1) ? E_SYNTAX : 0;
}

static const struct {
	const char *name;
	int (*parse)(struct spf_piece, struct spf_term *);
} mechanisms[SPF_MECHANISMS] = {
	[SPF_MECHANISM_ALL] = {"all", parse_all},
	[SPF_MECHANISM_INCLUDE] = {"include", parse_colon_spec},
	[SPF_MECHANISM_A] = {"a", parse_hosts},
	[SPF_MECHANISM_MX] = {"mx", parse_hosts},
	[SPF_MECHANISM_PTR] = {"ptr", parse_ptr},
	[SPF_MECHANISM_IP4] = {"ip4", parse_ip4},
	[SPF_MECHANISM_IP6] = {"ip6", parse_ip6},
	[SPF_MECHANISM_EXISTS] = {"exists", parse_colon_spec},
};

static enum spf_result take_qualifier(struct spf_piece *p)
{
	static const enum spf_result results[] = {SPF_PASS, SPF_FAIL, SPF_SOFTFAIL, SPF_NEUTRAL};
	static const char signs[] = "+-~?";
	const char *sign = p->len > 0 && *p->at ? strchr(signs, *p->at) : NULL;

	if (!sign)
		return SPF_PASS;
	p->at++;
	p->len--;
	return results[sign - signs];
}

static int parse_directive(struct spf_piece p, struct spf_term *out)
{
	*out = (struct spf_term){.qualifier = take_qualifier(&p), .plen4 = 32, .plen6 = 128};
	struct spf_piece name = p;

	for (name.len = 0; name.len < p.len && p.at[name.len] != ':' && p.at[name.len] != '/';)
		name.len++;
	for (size_t i = 0; i < COUNT(mechanisms); i++)
		if (is_word(name, mechanisms[i].name)) {
			out->mechanism = (enum spf_mechanism)i;
			return mechanisms[i].parse(
				(struct spf_piece){p.at + name.len, p.len - name.len}, out);
		}
	return E_SYNTAX;
}

/* ---- modifiers ---- */

/* The octets of a name that has '=' behind it; 0: this is a directive. */
static size_t modifier_name(struct spf_piece p)
{
	size_t n = 0;

	if (p.len == 0 || !is_alpha(p.at[0]))
		return 0;
	while (n < p.len && (is_alpha(p.at[n]) || is_digit(p.at[n]) || p.at[n] == '-' ||
			     p.at[n] == '_' || p.at[n] == '.'))
		n++;
	return n < p.len && p.at[n] == '=' ? n : 0;
}

static int parse_modifier(struct spf_piece p, size_t name_len, struct spf_record *r)
{
	const struct spf_piece name = {p.at, name_len};
	const struct spf_piece value = {p.at + name_len + 1, p.len - name_len - 1};
	struct spf_piece *where = is_word(name, "redirect") ? &r->redirect
				  : is_word(name, "exp")    ? &r->exp
							    : NULL;

	if (!where)
		return spf_macro_string_is_good(value.at, value.len, SPF_MACRO_LETTERS, false)
			       ? 0
			       : E_SYNTAX;
	return where->at ? E_SYNTAX : parse_spec(value, where);
}

/* ---- the record ---- */

static size_t count_words(const char *text, size_t n)
{
	size_t words = 0;

	for (size_t i = 0; i < n; i++)
		words += text[i] != ' ' && (i == 0 || text[i - 1] == ' ');
	return words;
}

static int parse_term(struct spf_piece p, struct spf_record *r)
{
	size_t name = modifier_name(p);

	if (name)
		return parse_modifier(p, name, r);
	int err = parse_directive(p, &r->terms[r->count]);
	r->count += !err;
	return err;
}

int spf_record_parse(const char *text, size_t n, struct spf_record *out)
{
	struct spf_record r = {0};
	int err = spf_record_is(text, n) && n <= SPF_RECORD_MAX ? 0 : E_SYNTAX;

	if (err)
		return err;
	r.terms = calloc(count_words(text, n), sizeof *r.terms);
	if (!r.terms)
		return E_NOMEM;
	for (size_t at = strlen(VERSION); at < n && !err;) {
		const char *space;
		if (text[at] == ' ') {
			at++;
			continue;
		}
		space = memchr(text + at, ' ', n - at);
		size_t len = space ? (size_t)(space - text) - at : n - at;
		err = parse_term((struct spf_piece){text + at, len}, &r);
		at += len;
	}
	if (err) {
		spf_record_clear(&r);
		return err;
	}
	*out = r;
	return 0;
}

void spf_record_clear(struct spf_record *r)
{
	free(r->terms);
	*r = (struct spf_record){0};
}
