/* spf_macro -- the macros in SPF's domain-specs and explanations
 *
 * Pure; any thread. For lib/rules/spf and its tests. SEE RFC 7208 7
 */
#ifndef HATO_LIB_RULES_SPF_MACRO_H
#define HATO_LIB_RULES_SPF_MACRO_H

#include <stdbool.h>
#include <stddef.h>

#define SPF_MACRO_LETTERS "slodiphcrtv"

/* One %{...}, or one of %% %_ %-, at text[0..n) (text[0] is '%'). */
struct spf_macro {
	char letter;     /* in lower case; '%', '_', '-' for those three */
	bool is_escaped; /* an upper case letter: as in a URL */
	bool is_reversed;
	unsigned parts; /* 0: all */
	const char *delimiters;
	size_t delimiter_count; /* 0: "." */
	size_t length;          /* octets of the text */
};

/* E_SYNTAX. */
int spf_macro_parse(const char *text, size_t n, struct spf_macro *out);

/* Is all of it literals and macros? Of the letters only those in `letters`. With spaces (an
 * explanation) or without. */
bool spf_macro_string_is_good(const char *text, size_t n, const char *letters, bool with_spaces);

/* Does it ask for %{p}? */
bool spf_macro_has(const char *text, size_t n, char letter);

/* Where the values come from: what stands for a letter, NUL at its end. */
typedef const char *spf_macro_value(void *arg, char letter);

/* How many octets it makes. buf[size] gets the first of them, or the last with `keeps_tail` (at
 * least size / 2, if there are so many), and a NUL. `text` is good. */
size_t spf_macro_expand(const char *text, size_t n, spf_macro_value *value, void *arg, char *buf,
			size_t size, bool keeps_tail);

#endif
