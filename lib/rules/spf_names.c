#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "lib/rules/spf_macro.h"
#include "lib/rules/spf_private.h"

#define LABEL_MAX 63
#define PLAIN_V4  96 /* bits before an IPv4 address in the long form */

/* ---- names ---- */

struct spf_frame *spf_top(struct spf *s)
{
	return &s->frames[s->depth];
}

void spf_set_name(spf_name out, const char *name)
{
	size_t n = strlen(name);

	if (n > 0 && name[n - 1] == '.')
		n--;
	if (n > SPF_NAME_MAX)
		n = 0;
	memmove(out, name, n);
	out[n] = '\0';
}

static bool is_within_labels(const char *name, size_t *labels)
{
	size_t label = 0;

	*labels = 1;
	for (const char *c = name; *c; c++) {
		if (*c < ' ' || *c > '~')
			return false;
		if (*c != '.') {
			label++;
			continue;
		}
		if (label == 0 || label > LABEL_MAX)
			return false;
		++*labels;
		label = 0;
	}
	return label > 0 && label <= LABEL_MAX;
}

bool spf_name_is_good(const char *name)
{
	size_t labels;

	return is_within_labels(name, &labels);
}

bool spf_name_is_domain(const char *name)
{
	size_t labels;
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789-_.";

	return is_within_labels(name, &labels) && labels > 1 &&
	       strspn(name, allowed) == strlen(name);
}

bool spf_name_is_within(const char *name, const char *domain)
{
	size_t n = strlen(name), d = strlen(domain);

	if (n < d || strcasecmp(name + n - d, domain) != 0)
		return false;
	return n == d || name[n - d - 1] == '.';
}

/* ---- addresses ---- */

enum spf_type spf_address_type(const struct spf *s)
{
	return addr_is_v4(&s->client) ? SPF_A : SPF_AAAA;
}

bool spf_matches(const struct spf *s, const struct spf_term *t, const struct addr *addresses,
		 size_t n)
{
	bool is_v4 = addr_is_v4(&s->client);
	uint8_t plen = is_v4 ? (uint8_t)(PLAIN_V4 + t->plen4) : t->plen6;
	struct addr client = s->client;

	addr_mask(&client, plen);
	for (size_t i = 0; i < n; i++) {
		struct addr a = addresses[i];
		if (addr_is_v4(&a) != is_v4)
			continue;
		addr_mask(&a, plen);
		if (addr_equal(&a, &client))
			return true;
	}
	return false;
}

/* "192.0.2.1", or 32 nibbles with dots. */
static const char *dotted(const struct spf *s, char text[64])
{
	static const char hex[] = "0123456789ABCDEF";

	if (addr_is_v4(&s->client))
		return addr_format(&s->client, text);
	for (size_t i = 0; i < 16; i++) {
		text[4 * i] = hex[s->client.bytes[i] >> 4];
		text[4 * i + 2] = hex[s->client.bytes[i] & 15];
		text[4 * i + 1] = text[4 * i + 3] = '.';
	}
	text[63] = '\0';
	return text;
}

static const char *arpa(const struct spf *s)
{
	return addr_is_v4(&s->client) ? "in-addr" : "ip6";
}

static const char *the_address(void *arg, char letter)
{
	struct spf *s = arg;

	return letter == 'v' ? arpa(s) : dotted(s, s->value);
}

void spf_reverse_name(const struct spf *s, spf_name out)
{
	static const char pattern[] = "%{ir}.%{v}.arpa";
	struct spf copy = {.client = s->client};

	spf_macro_expand(pattern, sizeof pattern - 1, the_address, &copy, out, SPF_NAME_MAX + 1,
			 false);
}

/* ---- macros ---- */

/* %{p}: the domain itself before its subdomains before any other. */
static const char *validated_name(const struct spf *s, const char *domain)
{
	const char *best = "unknown";
	int best_rank = 0;

	for (size_t i = 0; i < s->name_count; i++) {
		int rank = !s->is_valid[i]                           ? 0
			   : strcasecmp(s->names[i], domain) == 0    ? 3
			   : spf_name_is_within(s->names[i], domain) ? 2
								     : 1;
		if (rank > best_rank) {
			best_rank = rank;
			best = s->names[i];
		}
	}
	return best;
}

static const char *value_of(void *arg, char letter)
{
	struct spf *s = arg;

	switch (letter) {
	case 's':
		return s->sender;
	case 'l':
		return s->local;
	case 'o':
		return s->sender_domain;
	case 'd':
		return spf_top(s)->domain;
	case 'p':
		return validated_name(s, spf_top(s)->domain);
	case 'h':
		return s->helo;
	case 'r':
		return s->receiver;
	case 'c':
		return addr_format(&s->client, s->value);
	case 't':
		snprintf(s->value, sizeof s->value, "%" PRId64, s->time_s);
		return s->value;
	default:
		return the_address(s, letter);
	}
}

/* Over the limit: labels are taken off on the left. */
void spf_expand_name(struct spf *s, struct spf_piece spec, spf_name out)
{
	char text[4 * (SPF_NAME_MAX + 3)];
	const char *name = text;

	spf_macro_expand(spec.at, spec.len, value_of, s, text, sizeof text, true);
	size_t n = strlen(name);
	if (n > 0 && text[n - 1] == '.')
		text[n - 1] = '\0';
	while (name && strlen(name) > SPF_NAME_MAX) {
		const char *dot = strchr(name, '.');
		name = dot ? dot + 1 : NULL;
	}
	spf_set_name(out, name ? name : "");
}

void spf_expand_explanation(struct spf *s)
{
	if (!spf_macro_string_is_good(s->exp_text, s->exp_len, SPF_MACRO_LETTERS, true))
		return;
	spf_macro_expand(s->exp_text, s->exp_len, value_of, s, s->explanation,
			 sizeof s->explanation, false);
	for (char *c = s->explanation; *c; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}
