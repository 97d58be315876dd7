#include "lib/rules/filter.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

#define COUNT(a) (sizeof(a) / sizeof(a)[0])

/* ---- words ---- */

static const char *const from_names[FILTER_FROMS] = {"anyone", "carriers", "listed"};
static const char *const forged_names[FILTER_FORGEDS] = {"off", "low", "middle", "high", "header"};

static int find_word(const char *const *names, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], text) == 0)
			return (int)i;
	return -1;
}

const char *filter_from_name(enum filter_from from)
{
	return from_names[from];
}

int filter_from_parse(const char *text, enum filter_from *out)
{
	int i = find_word(from_names, COUNT(from_names), text);

	if (i < 0)
		return E_SYNTAX;
	*out = (enum filter_from)i;
	return 0;
}

const char *filter_forged_name(enum filter_forged forged)
{
	return forged_names[forged];
}

int filter_forged_parse(const char *text, enum filter_forged *out)
{
	int i = find_word(forged_names, COUNT(forged_names), text);

	if (i < 0)
		return E_SYNTAX;
	*out = (enum filter_forged)i;
	return 0;
}

/* ---- a filter as a whole ---- */

struct filter filter_default(void)
{
	return (struct filter){.lists = {"", "", ""}};
}

struct filter *filter_make(const struct filter *like, const size_t len[FILTER_LISTS])
{
	size_t room = sizeof *like;

	for (size_t i = 0; i < FILTER_LISTS; i++)
		room += len[i] + 1;
	struct filter *f = malloc(room);
	if (!f)
		return NULL;
	*f = *like;
	char *at = (char *)(f + 1);
	for (size_t i = 0; i < FILTER_LISTS; i++) {
		f->lists[i] = at;
		memcpy(at, like->lists[i], len[i]);
		at[len[i]] = '\0';
		at += len[i] + 1;
	}
	return f;
}

struct filter *filter_copy(const struct filter *like)
{
	size_t len[FILTER_LISTS];

	for (size_t i = 0; i < FILTER_LISTS; i++)
		len[i] = strlen(like->lists[i]);
	return filter_make(like, len);
}

bool filter_equal(const struct filter *a, const struct filter *b)
{
	if (a->from != b->from || a->forged != b->forged || a->refuses_urls != b->refuses_urls ||
	    a->strips_receipts != b->strips_receipts || a->max_size != b->max_size)
		return false;
	for (size_t i = 0; i < FILTER_LISTS; i++)
		if (strcmp(a->lists[i], b->lists[i]) != 0)
			return false;
	return true;
}

/* ---- entries ---- */

/* As the domain of an address is read: checked, in lower case, without a final dot. */
static int read_domain(const char *text, size_t len, struct mailaddr *out)
{
	char address[FILTER_ENTRY_MAX];

	if (len == 0)
		return E_SYNTAX;
	if (len + 2 >= sizeof address)
		return E_TOO_LARGE;
	memcpy(address, "x@", 2);
	memcpy(address + 2, text, len);
	return mailaddr_parse(address, len + 2, MAILADDR_UTF8, out);
}

static bool is_ascii(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text > 127)
			return false;
	return true;
}

/* As an entry that names this address is kept. Returns `out`. */
static const char *address_entry(const struct mailaddr *a, char out[FILTER_ENTRY_MAX])
{
	if (mailaddr_is_carrier(a))
		return mailaddr_folded(a, out);
	mailaddr_format(a, out);
	for (char *c = out; *c; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c + 'a' - 'A');
	return out;
}

int filter_entry(const char *text, size_t len, char out[FILTER_ENTRY_MAX])
{
	struct mailaddr a;
	const char *at = memchr(text, '@', len);
	bool is_exact = len > 0 && text[0] == '@';
	bool is_domain = !at || is_exact;
	int err = is_domain ? read_domain(text + is_exact, len - is_exact, &a)
			    : mailaddr_parse(text, len, MAILADDR_UTF8, &a);

	if (err)
		return err;
	if (!is_ascii(a.domain))
		return E_RANGE;
	if (is_domain) {
		out[0] = '@';
		strcpy(out + is_exact, a.domain);
	} else {
		address_entry(&a, out);
	}
	return 0;
}

static int compare_entries(const void *a, const void *b)
{
	return strcmp(a, b);
}

char *filter_list_make(char (*entries)[FILTER_ENTRY_MAX], size_t n)
{
	char *list = malloc(n * FILTER_ENTRY_MAX + 1), *at = list;

	if (!list)
		return NULL;
	if (n > 0)
		qsort(entries, n, sizeof entries[0], compare_entries);
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && strcmp(entries[i], entries[i - 1]) == 0)
			continue;
		at = stpcpy(at, entries[i]);
		*at++ = '\n';
	}
	*at = '\0';
	return list;
}

/* ---- matching ---- */

static bool is_address_entry(const char *entry, size_t n)
{
	return entry[0] != '@' && memchr(entry, '@', n);
}

static bool is_domain_of(const char *entry, size_t n, const char *domain, size_t len)
{
	bool is_exact = entry[0] == '@';

	entry += is_exact;
	n -= is_exact;
	if (len < n || memcmp(domain + len - n, entry, n) != 0)
		return false;
	return len == n || (!is_exact && domain[len - n - 1] == '.');
}

bool filter_list_has_address(const char *list, const struct mailaddr *a)
{
	char entry[FILTER_ENTRY_MAX];
	size_t len = *list ? strlen(address_entry(a, entry)) : 0;
	const char *end;

	for (; (end = strchr(list, '\n')); list = end + 1) {
		size_t n = (size_t)(end - list);
		if (is_address_entry(list, n) && n == len && memcmp(list, entry, n) == 0)
			return true;
	}
	return false;
}

bool filter_list_has_domain(const char *list, const struct mailaddr *a)
{
	size_t len = strlen(a->domain);
	const char *end;

	for (; (end = strchr(list, '\n')); list = end + 1) {
		size_t n = (size_t)(end - list);
		if (!is_address_entry(list, n) && is_domain_of(list, n, a->domain, len))
			return true;
	}
	return false;
}

static bool has(const char *list, const struct mailaddr *a)
{
	return filter_list_has_address(list, a) || filter_list_has_domain(list, a);
}

/* ---- facts ---- */

static void note_denied(const struct filter *f, const struct mailaddr *a,
			struct filter_facts *facts)
{
	const char *deny = f->lists[FILTER_DENY];

	facts->has_denied_address |= filter_list_has_address(deny, a);
	facts->has_denied_domain |= filter_list_has_domain(deny, a);
}

void filter_note_envelope(const struct filter *f, const char *carriers, const struct mailaddr *from,
			  struct filter_facts *facts)
{
	facts->is_null = mailaddr_is_null(from);
	if (facts->is_null)
		return;
	note_denied(f, from, facts);
	facts->has_carrier_envelope = filter_list_has_domain(carriers, from);
}

void filter_note_author(const struct filter *f, const char *carriers, const struct mailaddr *author,
			struct filter_facts *facts)
{
	facts->authors++;
	if (!author)
		return;
	note_denied(f, author, facts);
	facts->allowed_authors += has(f->lists[FILTER_ALLOW], author);
	facts->carrier_authors += filter_list_has_domain(carriers, author);
}

void filter_note_addressee(const struct filter *f, const struct mailaddr *to,
			   struct filter_facts *facts)
{
	facts->is_forwarded |= has(f->lists[FILTER_ALLOW_TO], to);
}

/* ---- the rules ---- */

/* MAYBE: the content will tell. */
enum truth { NO, YES, MAYBE };

static enum truth later(const struct filter_facts *facts, bool is_possible)
{
	return is_possible && !facts->is_whole ? MAYBE : NO;
}

static enum truth is_too_large(const struct filter *f, const struct filter_facts *facts)
{
	return f->max_size && facts->size > f->max_size ? YES : later(facts, f->max_size > 0);
}

static enum truth is_denied_address(const struct filter *f, const struct filter_facts *facts)
{
	return facts->has_denied_address ? YES : later(facts, *f->lists[FILTER_DENY] != '\0');
}

static enum truth is_forwarded(const struct filter *f, const struct filter_facts *facts)
{
	return facts->is_forwarded ? YES : later(facts, *f->lists[FILTER_ALLOW_TO] != '\0');
}

static enum truth is_allowed(const struct filter *f, const struct filter_facts *facts)
{
	if (!facts->is_whole)
		return later(facts, *f->lists[FILTER_ALLOW] != '\0');
	return facts->authors > 0 && facts->allowed_authors == facts->authors ? YES : NO;
}

static enum truth is_denied_domain(const struct filter *f, const struct filter_facts *facts)
{
	return facts->has_denied_domain ? YES : later(facts, *f->lists[FILTER_DENY] != '\0');
}

static bool is_false_carrier(const struct filter_facts *facts)
{
	return !facts->is_authentic &&
	       ((facts->has_carrier_envelope && facts->envelope == FILTER_PROOF_FORGED) ||
		(facts->carrier_authors > 0 && facts->author == FILTER_PROOF_FORGED));
}

static bool is_forged_author(const struct filter_facts *facts)
{
	return !facts->is_authentic && (facts->author == FILTER_PROOF_FORGED || facts->is_disowned);
}

/* There is not the one author that could be asked about, or nothing to judge him by, or the
 * envelope's sender. A bounce has none. */
static bool is_unproven(const struct filter_facts *facts)
{
	bool lacks_record = facts->author == FILTER_PROOF_NONE ||
			    (!facts->is_null && facts->envelope == FILTER_PROOF_NONE);

	return facts->authors != 1 || (!facts->is_authentic && lacks_record);
}

static enum truth is_forged(const struct filter *f, const struct filter_facts *facts)
{
	bool forged = false;

	if (!facts->is_whole)
		return later(facts, f->forged != FILTER_FORGED_OFF);
	if (f->forged == FILTER_FORGED_HEADER)
		return is_forged_author(facts) ? YES : NO;
	if (f->forged >= FILTER_FORGED_LOW)
		forged |= is_false_carrier(facts);
	if (f->forged >= FILTER_FORGED_MIDDLE)
		forged |= !facts->is_authentic && facts->envelope == FILTER_PROOF_FORGED;
	if (f->forged >= FILTER_FORGED_HIGH)
		forged |= is_forged_author(facts) || is_unproven(facts);
	return forged ? YES : NO;
}

static bool is_of_carrier(const struct filter_facts *facts)
{
	return facts->authors > 0 && facts->carrier_authors == facts->authors &&
	       (facts->is_null || facts->has_carrier_envelope) && !is_false_carrier(facts);
}

/* Whoever is listed was taken above. */
static enum truth is_outsider(const struct filter *f, const struct filter_facts *facts)
{
	if (f->from == FILTER_FROM_LISTED)
		return YES;
	if (f->from == FILTER_FROM_ANYONE)
		return NO;
	if (!facts->is_null && !facts->has_carrier_envelope)
		return YES;
	return facts->is_whole ? !is_of_carrier(facts) ? YES : NO : MAYBE;
}

static enum truth is_with_url(const struct filter *f, const struct filter_facts *facts)
{
	return f->refuses_urls && facts->has_url ? YES : later(facts, f->refuses_urls);
}

static const struct rule {
	const char *name;
	enum filter_verdict then;
	enum truth (*holds)(const struct filter *f, const struct filter_facts *facts);
} rules[] = {
	{"size", FILTER_REFUSE, is_too_large},
	{"denied-address", FILTER_REFUSE, is_denied_address},
	{"forwarded", FILTER_TAKE, is_forwarded},
	{"allowed", FILTER_TAKE, is_allowed},
	{"denied-domain", FILTER_REFUSE, is_denied_domain},
	{"forged", FILTER_REFUSE, is_forged},
	{"from", FILTER_REFUSE, is_outsider},
	{"url", FILTER_REFUSE, is_with_url},
};

/* A rule that holds decides, unless one before it may yet decide otherwise. */
enum filter_verdict filter_judge(const struct filter *f, const struct filter_facts *facts,
				 const char **rule)
{
	bool may[FILTER_OPEN] = {false};
	enum filter_verdict end = FILTER_TAKE;
	const char *name = "";

	for (size_t i = 0; i < COUNT(rules); i++) {
		enum truth t = rules[i].holds(f, facts);
		if (t == MAYBE)
			may[rules[i].then] = true;
		if (t != YES)
			continue;
		end = rules[i].then;
		name = rules[i].name;
		break;
	}
	if (may[end == FILTER_TAKE ? FILTER_REFUSE : FILTER_TAKE]) {
		end = FILTER_OPEN;
		name = "";
	}
	if (rule)
		*rule = name;
	return end;
}
