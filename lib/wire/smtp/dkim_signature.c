#include "lib/wire/smtp/dkim_signature.h"

#include <string.h>
#include <strings.h>

#include "lib/err.h"

static const char malformed[] = "signature cannot be read";

/* A host name: letters, digits, hyphens, underscores, UTF-8. What a tag may hold else has no place
 * in a DNS name that we ask for, nor in what we write about it. */
static bool read_name(const struct tag *t, char out[DNS_NAME_MAX])
{
	char text[DNS_NAME_MAX];

	if (!t || t->value_len == 0 || t->value_len >= sizeof text)
		return false;
	for (size_t i = 0; i < t->value_len; i++) {
		unsigned char c = (unsigned char)t->value[i];
		if (c <= ' ' || c == 0x7f || strchr("@\"\\,;:()<>[]/", c))
			return false;
		text[i] = (char)c;
	}
	text[t->value_len] = '\0';
	return dns_name(text, out) == 0 && out[0] != '\0';
}

static const char *read_algorithm(const struct tag *a, enum dkim_algorithm *out)
{
	if (tag_is(a, "rsa-sha256"))
		*out = DKIM_RSA_SHA256;
	else if (tag_is(a, "ed25519-sha256"))
		*out = DKIM_ED25519_SHA256;
	else if (tag_is(a, "rsa-sha1"))
		return "rsa-sha1 proves nothing";
	else
		return a ? "unknown algorithm" : malformed;
	return NULL;
}

static bool read_form(const char *text, size_t n, enum dkim_form *out)
{
	bool is_relaxed = n == 7 && strncasecmp(text, "relaxed", n) == 0;

	*out = is_relaxed ? DKIM_RELAXED : DKIM_SIMPLE;
	return is_relaxed || (n == 6 && strncasecmp(text, "simple", n) == 0);
}

/* c=HEADER[/BODY], simple if not said. */
static const char *read_forms(const struct tag *c, struct dkim_signature *s)
{
	s->header = s->body = DKIM_SIMPLE;
	if (!c)
		return NULL;
	const char *slash = memchr(c->value, '/', c->value_len);
	size_t head = slash ? (size_t)(slash - c->value) : c->value_len;
	bool good = read_form(c->value, head, &s->header) &&
		    (!slash || read_form(slash + 1, c->value_len - head - 1, &s->body));
	return good ? NULL : "unknown canonicalisation";
}

/* Is `domain` the same as `above`, or below it? */
static bool is_within(const char *domain, size_t n, const char *above)
{
	size_t len = strlen(above);

	if (n < len || strncasecmp(domain + n - len, above, len) != 0)
		return false;
	return n == len || domain[n - len - 1] == '.';
}

/* i=[local]@DOMAIN. */
static const char *read_identity(const struct tag *i, struct dkim_signature *s)
{
	s->is_for_subdomain = false;
	if (!i)
		return NULL;
	const char *sign = memrchr(i->value, '@', i->value_len);
	if (!sign)
		return malformed;
	size_t n = i->value_len - (size_t)(sign + 1 - i->value);
	if (!is_within(sign + 1, n, s->domain))
		return "i= is not within d=";
	s->is_for_subdomain = n != strlen(s->domain);
	return NULL;
}

static const char *read_names(const struct tag *h, struct dkim_signature *s)
{
	struct tag_word w;
	size_t at = 0, count = 0;

	if (!h)
		return malformed;
	while (tag_next_word(h, &at, &w))
		if (w.len == 0 || ++count > DKIM_NAMES_MAX)
			return malformed;
	if (!tag_has_word(h, "From"))
		return "From is not signed";
	s->names = *h;
	return NULL;
}

static const char *read_numbers(const struct tag_list *l, struct dkim_signature *s)
{
	const struct tag *length = tag_list_find(l, "l"), *x = tag_list_find(l, "x"),
			 *t = tag_list_find(l, "t");
	uint64_t signed_s = 0;

	s->body_octets = DKIM_WHOLE;
	s->expires_s = 0;
	if ((length && tag_number(length, &s->body_octets) != 0) ||
	    (x && tag_number(x, &s->expires_s) != 0) || (t && tag_number(t, &signed_s) != 0))
		return malformed;
	if (x && s->expires_s <= signed_s)
		return "expires before it was signed";
	return NULL;
}

static const char *read_octets(const struct tag_list *l, struct dkim_signature *s)
{
	const struct tag *b = tag_list_find(l, "b"), *bh = tag_list_find(l, "bh");
	size_t n;

	if (!b || !bh || tag_octets(b, s->value, sizeof s->value, &s->value_len) != 0 ||
	    s->value_len == 0 || tag_octets(bh, s->body_hash, sizeof s->body_hash, &n) != 0 ||
	    n != sizeof s->body_hash)
		return malformed;
	return NULL;
}

const char *dkim_signature_read(const char *value, size_t n, struct dkim_signature *out)
{
	struct tag_list l;
	const char *why;

	out->domain[0] = out->selector[0] = '\0';
	if (tag_list_read(value, n, &l) != 0 || !read_name(tag_list_find(&l, "d"), out->domain) ||
	    !read_name(tag_list_find(&l, "s"), out->selector))
		return malformed;
	if (!tag_is(tag_list_find(&l, "v"), "1"))
		return "unknown version";
	const struct tag *q = tag_list_find(&l, "q");
	if (q && !tag_has_word(q, "dns/txt") && !tag_has_word(q, "dns"))
		return "no way to the key";
	if ((why = read_algorithm(tag_list_find(&l, "a"), &out->algorithm)) ||
	    (why = read_forms(tag_list_find(&l, "c"), out)) ||
	    (why = read_identity(tag_list_find(&l, "i"), out)) ||
	    (why = read_names(tag_list_find(&l, "h"), out)) || (why = read_numbers(&l, out)))
		return why;
	return read_octets(&l, out);
}

const char *dkim_key_read(const char *text, size_t n, struct dkim_key *out)
{
	struct tag_list l;

	if (tag_list_read(text, n, &l) != 0)
		return "key record cannot be read";
	const struct tag *v = tag_list_find(&l, "v"), *k = tag_list_find(&l, "k"),
			 *h = tag_list_find(&l, "h"), *s = tag_list_find(&l, "s"),
			 *t = tag_list_find(&l, "t"), *p = tag_list_find(&l, "p");
	if (!p || (v && (v != l.tags || !tag_is(v, "DKIM1"))))
		return "key record cannot be read";
	if (k && !tag_is(k, "rsa") && !tag_is(k, "ed25519"))
		return "key is of an unknown kind";
	if (h && !tag_has_word(h, "sha256"))
		return "key is not for sha256";
	if (s && !tag_has_word(s, "*") && !tag_has_word(s, "email"))
		return "key is not for mail";
	out->algorithm = tag_is(k, "ed25519") ? DKIM_ED25519_SHA256 : DKIM_RSA_SHA256;
	out->is_testing = t && tag_has_word(t, "y");
	out->is_strict = t && tag_has_word(t, "s");
	out->octets_len = 0;
	if (p->value_len > 0 &&
	    tag_octets(p, out->octets, sizeof out->octets, &out->octets_len) != 0)
		return "key record cannot be read";
	return NULL;
}
