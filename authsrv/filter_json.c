#include "authsrv/filter_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authsrv/json_field.h"
#include "lib/err.h"
#include "lib/idn.h"

#define WORD_MAX     16
#define SIZE_MOST    INT64_C(1099511627776)
#define SHOWN_OCTETS 80 /* of an entry that is refused */

static const char *const list_names[FILTER_LISTS] = {"allow", "allow_to", "deny"};

static int say(char wrong[FILTER_WRONG_MAX], const char *text)
{
	snprintf(wrong, FILTER_WRONG_MAX, "%s", text);
	return E_SYNTAX;
}

/* ---- members ---- */

static bool is_known(const char *name)
{
	static const char *const names[] = {"from",     "forged", "urls",     "max_size",
					    "receipts", "allow",  "allow_to", "deny"};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static bool knows_all(const json_t *body)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)body, key, value)
	{
		if (!is_known(key))
			return false;
	}
	return true;
}

/* What is absent leaves *out. */
static bool read_flag(const json_t *body, const char *name, bool *out)
{
	const json_t *value = json_object_get(body, name);

	if (!value || json_is_null(value))
		return true;
	*out = json_is_true(value);
	return json_is_boolean(value);
}

static bool read_word(const json_t *body, const char *name, const char *otherwise,
		      char word[WORD_MAX])
{
	snprintf(word, WORD_MAX, "%s", otherwise);
	return field_text(body, name, word, WORD_MAX) != FIELD_BAD;
}

static int read_members(const json_t *body, struct filter *f, char wrong[FILTER_WRONG_MAX])
{
	bool takes_urls = true, passes_receipts = true;
	int64_t max_size = 0;
	char word[WORD_MAX];

	if (!read_word(body, "from", "anyone", word) || filter_from_parse(word, &f->from))
		return say(wrong, "from is anyone, carriers or listed");
	if (!read_word(body, "forged", "off", word) || filter_forged_parse(word, &f->forged))
		return say(wrong, "forged is off, low, middle, high or header");
	if (!read_flag(body, "urls", &takes_urls))
		return say(wrong, "urls is true or false");
	if (!read_flag(body, "receipts", &passes_receipts))
		return say(wrong, "receipts is true or false");
	if (field_whole(body, "max_size", 1, SIZE_MOST, &max_size) == FIELD_BAD)
		return say(wrong,
			   "max_size is a number of octets from 1 to 1099511627776, or null");
	f->refuses_urls = !takes_urls;
	f->strips_receipts = !passes_receipts;
	f->max_size = (uint64_t)max_size;
	return 0;
}

/* ---- lists ---- */

/* A domain with other letters is kept as DNS has it. */
static int read_foreign(const char *text, size_t len, char out[FILTER_ENTRY_MAX])
{
	const char *at = memrchr(text, '@', len);
	size_t local = at ? (size_t)(at - text) + 1 : 0;
	char domain[FILTER_ENTRY_MAX], ascii[FILTER_ENTRY_MAX], whole[2 * FILTER_ENTRY_MAX];

	if (local >= FILTER_ENTRY_MAX || len - local >= FILTER_ENTRY_MAX)
		return E_TOO_LARGE;
	snprintf(domain, sizeof domain, "%.*s", (int)(len - local), text + local);
	int err = idn_to_ascii(domain, ascii, sizeof ascii);
	if (err)
		return err;
	int n = snprintf(whole, sizeof whole, "%.*s%s", (int)local, text, ascii);
	return filter_entry(whole, (size_t)n, out);
}

static int read_entry(const char *text, size_t len, char out[FILTER_ENTRY_MAX])
{
	int err = filter_entry(text, len, out);

	return err == E_RANGE ? read_foreign(text, len, out) : err;
}

static int refuse_entry(const char *list, size_t index, const char *entry,
			char wrong[FILTER_WRONG_MAX])
{
	snprintf(wrong, FILTER_WRONG_MAX,
		 "%s[%zu] is no address, no domain and no @domain: \"%.*s\"", list, index,
		 SHOWN_OCTETS, entry);
	return E_SYNTAX;
}

static int read_entries(const json_t *array, const char *name, char (*entries)[FILTER_ENTRY_MAX],
			char wrong[FILTER_WRONG_MAX])
{
	for (size_t i = 0; i < json_array_size(array); i++) {
		const json_t *value = json_array_get(array, i);
		if (!json_is_string(value)) {
			snprintf(wrong, FILTER_WRONG_MAX, "%s[%zu] is no text", name, i);
			return E_SYNTAX;
		}
		const char *text = json_string_value(value);
		int err = read_entry(text, json_string_length(value), entries[i]);
		if (err == E_NOMEM)
			return err;
		if (err)
			return refuse_entry(name, i, text, wrong);
	}
	return 0;
}

/* *list is the caller's to free. */
static int read_list(const json_t *body, const char *name, size_t most, char **list,
		     char wrong[FILTER_WRONG_MAX])
{
	const json_t *array = json_object_get(body, name);
	size_t n = json_array_size(array);
	char(*entries)[FILTER_ENTRY_MAX];

	if (array && !json_is_array(array) && !json_is_null(array)) {
		snprintf(wrong, FILTER_WRONG_MAX, "%s is a list of addresses and domains", name);
		return E_SYNTAX;
	}
	if (n > most) {
		snprintf(wrong, FILTER_WRONG_MAX, "%s has more than %zu entries", name, most);
		return E_SYNTAX;
	}
	entries = malloc((n + 1) * sizeof *entries);
	if (!entries)
		return E_NOMEM;
	int err = read_entries(array, name, entries, wrong);
	if (!err) {
		*list = filter_list_make(entries, n);
		err = *list ? 0 : E_NOMEM;
	}
	free(entries);
	return err;
}

int filter_json_read(const json_t *body, size_t entries_max, struct filter **out,
		     char wrong[FILTER_WRONG_MAX])
{
	struct filter f = filter_default();
	char *lists[FILTER_LISTS] = {NULL};

	if (!json_is_object(body))
		return say(wrong, "a filter is an object");
	if (!knows_all(body))
		return say(wrong, "a member is none of from, forged, urls, max_size, receipts, "
				  "allow, allow_to, deny");
	int err = read_members(body, &f, wrong);
	for (size_t i = 0; i < FILTER_LISTS && !err; i++) {
		err = read_list(body, list_names[i], entries_max, &lists[i], wrong);
		f.lists[i] = lists[i];
	}
	struct filter *filter = err ? NULL : filter_copy(&f);
	for (size_t i = 0; i < FILTER_LISTS; i++)
		free(lists[i]);
	if (!err && !filter)
		err = E_NOMEM;
	if (!err)
		*out = filter;
	return err;
}

/* ---- writing ---- */

static json_t *write_list(const char *list)
{
	json_t *array = json_array();
	const char *end;

	for (; (end = strchr(list, '\n')); list = end + 1)
		json_array_append_new(array, json_stringn(list, (size_t)(end - list)));
	return array;
}

json_t *filter_json_write(const struct filter *f, bool is_own)
{
	return json_pack(
		"{s:s, s:s, s:b, s:o, s:b, s:o, s:o, s:o, s:b}", "from", filter_from_name(f->from),
		"forged", filter_forged_name(f->forged), "urls", (int)!f->refuses_urls, "max_size",
		f->max_size ? json_integer((json_int_t)f->max_size) : json_null(), "receipts",
		(int)!f->strips_receipts, "allow", write_list(f->lists[FILTER_ALLOW]), "allow_to",
		write_list(f->lists[FILTER_ALLOW_TO]), "deny", write_list(f->lists[FILTER_DENY]),
		"default", (int)!is_own);
}
