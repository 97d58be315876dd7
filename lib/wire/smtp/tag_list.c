#include "lib/wire/smtp/tag_list.h"

#include <string.h>
#include <strings.h>

#include "lib/err.h"
#include "lib/wire/base64.h"

#define NUMBER_MAX 1000000000000000u
#define OCTETS_MAX 2048 /* of a base64 value: a key of 8192 bits has half of it */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Without the blanks around it. */
static const char *trim(const char *at, const char *end, size_t *len)
{
	while (at < end && is_blank(*at))
		at++;
	while (end > at && is_blank(end[-1]))
		end--;
	*len = (size_t)(end - at);
	return at;
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_name(const char *name, size_t n)
{
	if (n == 0 || !is_letter(name[0]))
		return false;
	for (size_t i = 1; i < n; i++)
		if (!is_letter(name[i]) && !(name[i] >= '0' && name[i] <= '9') && name[i] != '_')
			return false;
	return true;
}

static bool is_value(const char *value, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)value[i];
		if ((c < ' ' && !is_blank((char)c)) || c == 0x7f)
			return false;
	}
	return true;
}

static const struct tag *find(const struct tag_list *l, const char *name, size_t n)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->tags[i].name_len == n && memcmp(l->tags[i].name, name, n) == 0)
			return &l->tags[i];
	return NULL;
}

/* What stands between two semicolons. */
static int read_tag(struct tag_list *l, const char *at, const char *end)
{
	const char *equals = memchr(at, '=', (size_t)(end - at));
	struct tag t;

	trim(at, end, &t.value_len);
	if (t.value_len == 0)
		return 0;
	if (!equals)
		return E_SYNTAX;
	t.name = trim(at, equals, &t.name_len);
	t.after = equals + 1;
	t.after_len = (size_t)(end - t.after);
	t.value = trim(t.after, end, &t.value_len);
	if (!is_name(t.name, t.name_len) || !is_value(t.value, t.value_len) ||
	    find(l, t.name, t.name_len))
		return E_SYNTAX;
	if (l->count == TAG_LIST_MAX)
		return E_TOO_LARGE;
	l->tags[l->count++] = t;
	return 0;
}

int tag_list_read(const char *text, size_t n, struct tag_list *out)
{
	const char *at = text, *end = text + n;
	int err = 0;

	out->count = 0;
	while (at < end && !err) {
		const char *semicolon = memchr(at, ';', (size_t)(end - at));
		const char *stop = semicolon ? semicolon : end;
		err = read_tag(out, at, stop);
		at = stop + 1;
	}
	return err;
}

const struct tag *tag_list_find(const struct tag_list *l, const char *name)
{
	return find(l, name, strlen(name));
}

static bool same(const char *text, size_t n, const char *word)
{
	return strlen(word) == n && strncasecmp(text, word, n) == 0;
}

bool tag_is(const struct tag *t, const char *word)
{
	return t && same(t->value, t->value_len, word);
}

int tag_number(const struct tag *t, uint64_t *out)
{
	uint64_t value = 0;

	if (t->value_len == 0)
		return E_SYNTAX;
	for (size_t i = 0; i < t->value_len; i++) {
		if (t->value[i] < '0' || t->value[i] > '9')
			return E_SYNTAX;
		value = value * 10 + (uint64_t)(t->value[i] - '0');
		if (value > NUMBER_MAX)
			return E_RANGE;
	}
	*out = value;
	return 0;
}

int tag_octets(const struct tag *t, uint8_t *out, size_t size, size_t *out_len)
{
	char text[BASE64_TEXT_MAX(OCTETS_MAX) + 3];
	size_t n = 0;

	for (size_t i = 0; i < t->value_len; i++) {
		if (is_blank(t->value[i]))
			continue;
		if (n + 3 >= sizeof text)
			return E_TOO_LARGE;
		text[n++] = t->value[i];
	}
	while (n % 4 != 0)
		text[n++] = '=';
	return base64_decode(BASE64_STD, text, n, out, size, out_len);
}

bool tag_next_word(const struct tag *t, size_t *at, struct tag_word *out)
{
	const char *begin = t->value + *at, *end = t->value + t->value_len;

	if (*at > t->value_len)
		return false;
	const char *colon = begin < end ? memchr(begin, ':', (size_t)(end - begin)) : NULL;
	const char *stop = colon ? colon : end;
	*at = (size_t)(stop - t->value) + 1;
	out->at = trim(begin, stop, &out->len);
	return true;
}

bool tag_has_word(const struct tag *t, const char *word)
{
	struct tag_word w;
	size_t at = 0;

	while (tag_next_word(t, &at, &w))
		if (same(w.at, w.len, word))
			return true;
	return false;
}
