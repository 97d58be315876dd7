/* tag_list -- `v=1; a=rsa-sha256; d=example.org;` the lists that DKIM and DMARC are written in
 *
 * Takes a text apart into its tags, once; who knows the meaning (dkim_signature, dkim_key,
 * lib/rules/dmarc) then finds them by name. Blanks and folding may stand around names and values;
 * a tag that is there twice spoils the whole list, as the RFC says. Read more widely than written:
 * an empty piece between two semicolons is nothing.
 *
 * OWNERSHIP  tags point into the text. THREADS any. Linear time but for the duplicates
 * TRUST      senders and DNS: any octets
 * ERRORS     E_SYNTAX; E_TOO_LARGE: more than TAG_LIST_MAX tags
 * SEE        RFC 6376 3.2, RFC 7489 6.4
 */
#ifndef HATO_LIB_WIRE_SMTP_TAG_LIST_H
#define HATO_LIB_WIRE_SMTP_TAG_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TAG_LIST_MAX 40

struct tag {
	const char *name;
	size_t name_len;
	const char *value; /* without the blanks around it */
	size_t value_len;
	const char *after; /* from behind the '=' to the semicolon or the end: blanks and all */
	size_t after_len;
};

struct tag_list {
	struct tag tags[TAG_LIST_MAX];
	size_t count;
};

int tag_list_read(const char *text, size_t n, struct tag_list *out);
/* Null: it is not there. Names are told apart by case. */
const struct tag *tag_list_find(const struct tag_list *l, const char *name);

/* Is the value this word, in any case of letters? A null tag is none. */
bool tag_is(const struct tag *t, const char *word);
/* Decimal digits and nothing else. E_SYNTAX; E_RANGE over 10^15. */
int tag_number(const struct tag *t, uint64_t *out);
/* Base64 with blanks anywhere; a missing padding is forgiven. E_SYNTAX, E_TOO_LARGE. */
int tag_octets(const struct tag *t, uint8_t *out, size_t size, size_t *out_len);

/* The words of a value that a colon parts: from *at on, which moves. False: there are no more. */
struct tag_word {
	const char *at;
	size_t len;
};
bool tag_next_word(const struct tag *t, size_t *at, struct tag_word *out);
bool tag_has_word(const struct tag *t, const char *word);

#endif
