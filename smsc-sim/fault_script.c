#include "smsc-sim/fault_script.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "smsc-sim/fault_members.h"

#define MS_US 1000.0
#define S_US  1e6
#define EXACT 9007199254740992.0 /* 2^53: whole numbers a double holds */

/* Where a problem is told, and the place that is being read. */
struct reading {
	char *problem;
	char place[64];
};

static bool wrong(const struct reading *r, const char *member, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static bool wrong(const struct reading *r, const char *member, const char *format, ...)
{
	int n = snprintf(r->problem, FAULT_PROBLEM_MAX, "%s%s%.40s: ", r->place,
			 *r->place && *member ? "." : "", member);
	va_list args;

	if (n < 0 || n >= FAULT_PROBLEM_MAX)
		return false;
	va_start(args, format);
	vsnprintf(r->problem + n, (size_t)(FAULT_PROBLEM_MAX - n), format, args);
	va_end(args);
	return false;
}

const char *fault_what_name(enum fault_what what)
{
	return fault_what_names[what];
}

/* ---- one member ---- */

static bool read_number(const struct reading *r, const struct member *m, const json_t *value,
			double *out)
{
	static const char *const kinds[] = {[MEMBER_NUMBER] = "a number",
					    [MEMBER_WHOLE] = "a whole number",
					    [MEMBER_SECONDS] = "seconds",
					    [MEMBER_MS] = "milliseconds"};
	double number = json_number_value(value);
	bool whole = number >= -EXACT && number <= EXACT &&
		     !((double)(int64_t)number < number || (double)(int64_t)number > number);

	if (!json_is_number(value) || !(number >= m->least && number <= m->most) ||
	    (m->kind == MEMBER_WHOLE && !whole))
		return wrong(r, m->name, "%s from %.10g to %.10g is wanted", kinds[m->kind],
			     m->least, m->most);
	*out = number;
	return true;
}

static bool read_text(const struct reading *r, const struct member *m, const json_t *value,
		      char *out)
{
	const char *text = json_string_value(value);
	size_t length = json_string_length(value);
	bool good = text && length < m->size && strlen(text) == length;

	for (size_t i = 0; good && i < length; i++)
		good = (uint8_t)text[i] >= 0x20 && text[i] != 0x7f;
	if (good && m->kind == MEMBER_DIGITS)
		good = strspn(text, "0123456789") == length;
	if (!good)
		return wrong(r, m->name, "a text of up to %zu %s is wanted", m->size - 1,
			     m->kind == MEMBER_DIGITS ? "digits" : "octets");
	memcpy(out, text, length + 1);
	return true;
}

/* The words that may stand there, "a, b, c". `of` has fewer with some kinds of faults. */
static void list_words(const struct member *m, unsigned allowed, char out[80])
{
	size_t n = 0;

	*out = 0;
	for (unsigned i = 0; m->words[i] && n < 64; i++)
		if (allowed & (1u << i))
			n += (size_t)snprintf(out + n, 80 - n, "%s%s", n ? ", " : "", m->words[i]);
}

static bool read_word(const struct reading *r, const struct member *m, const json_t *value,
		      unsigned allowed, unsigned *out)
{
	const char *text = json_string_value(value);
	char words[80];

	for (unsigned i = 0; text && m->words[i]; i++)
		if ((allowed & (1u << i)) && !strcmp(text, m->words[i])) {
			*out = i;
			return true;
		}
	list_words(m, allowed, words);
	return wrong(r, m->name, "one of %s is wanted", words);
}

static bool read_member(const struct reading *r, const struct member *m, const json_t *value,
			struct fault *f)
{
	void *at = (char *)f + m->offset;
	double number = 0;
	unsigned word = 0;

	switch (m->kind) {
	case MEMBER_TEXT:
	case MEMBER_DIGITS:
		return read_text(r, m, value, at);
	case MEMBER_FLAG:
		if (!json_is_boolean(value))
			return wrong(r, m->name, "true or false is wanted");
		*(bool *)at = json_is_true(value);
		return true;
	case MEMBER_WORD:
		if (!read_word(r, m, value,
			       m->offset == offsetof(struct fault, of) ? fault_ofs(f->what) : ~0u,
			       &word))
			return false;
		memcpy(at, &word, sizeof word);
		return true;
	default:
		break;
	}
	if (!read_number(r, m, value, &number))
		return false;
	if (m->kind == MEMBER_NUMBER)
		*(double *)at = number;
	else
		*(int64_t *)at = (int64_t)(m->kind == MEMBER_WHOLE     ? number
					   : m->kind == MEMBER_SECONDS ? number * S_US + 0.5
								       : number * MS_US + 0.5);
	return true;
}

/* ---- one fault ---- */

static bool read_what(const struct reading *r, const json_t *json, enum fault_what *out)
{
	const char *text = json_string_value(json_object_get(json, "what"));

	for (unsigned i = 0; text && i < FAULT_WHATS; i++)
		if (!strcmp(text, fault_what_names[i])) {
			*out = (enum fault_what)i;
			return true;
		}
	return wrong(r, "what",
		     "one of delay, loss, duplicate, reorder, throttle, refuse, generic_nack, "
		     "sequence, silence, cut, absent, memory_full, fail");
}

static const struct member *member_find(const char *name)
{
	const struct member *m = fault_members;

	while (m->name && strcmp(m->name, name) != 0)
		m++;
	return m->name ? m : NULL;
}

/* The members that decide which others there may be. */
static bool read_first(const struct reading *r, const json_t *json, struct fault *f)
{
	const struct member *m = member_find("distribution");
	const json_t *value = json_object_get(json, m->name);

	return !value || f->what != FAULT_DELAY || read_member(r, m, value, f);
}

static bool has_all(const struct reading *r, const json_t *json, const struct fault *f)
{
	for (const struct member *m = fault_members; m->name; m++)
		if (m->needed && fault_has_member(f, m) && !json_object_get(json, m->name))
			return wrong(r, m->name, "is needed here");
	return true;
}

static bool read_fault(const struct reading *r, json_t *json, struct fault *f)
{
	const char *name, *misfit;
	enum fault_what what = FAULT_DELAY;
	json_t *value;

	if (!json_is_object(json))
		return wrong(r, "", "an object is wanted");
	if (!read_what(r, json, &what))
		return false;
	fault_defaults(what, f);
	if (!read_first(r, json, f))
		return false;
	json_object_foreach(json, name, value)
	{
		const struct member *m = member_find(name);
		if (!strcmp(name, "what"))
			continue;
		if (!m)
			return wrong(r, name, "there is no such member");
		if (!fault_has_member(f, m))
			return wrong(r, name, "does not belong to this kind of %s",
				     fault_what_names[what]);
		if (!read_member(r, m, value, f))
			return false;
	}
	if (!has_all(r, json, f))
		return false;
	misfit = fault_misfit(f, &name);
	return misfit ? wrong(r, name, "%s", misfit) : true;
}

static bool read_faults(struct reading *r, json_t *list, struct fault_script *s)
{
	unsigned seen[FAULT_WHATS] = {0};

	if (!json_is_array(list))
		return wrong(r, "faults", "a list is wanted");
	if (json_array_size(list) > FAULTS_MAX)
		return wrong(r, "faults", "there are %zu, %d is the most", json_array_size(list),
			     FAULTS_MAX);
	for (s->count = 0; s->count < json_array_size(list); s->count++) {
		struct fault *f = &s->faults[s->count];
		snprintf(r->place, sizeof r->place, "faults[%zu]", s->count);
		if (!read_fault(r, json_array_get(list, s->count), f))
			return false;
		f->nth = seen[f->what]++;
	}
	*r->place = 0;
	return true;
}

/* ---- the whole ---- */

static bool read_head(const struct reading *r, json_t *json, struct fault_script *s)
{
	static const struct member name = {.name = "name", .size = FAULT_NAME_MAX};
	static const struct member description = {.name = "description",
						  .size = FAULT_DESCRIPTION_MAX};
	const char *key;
	json_t *value;

	json_object_foreach(json, key, value)
	{
		if (!strcmp(key, "name")) {
			if (!read_text(r, &name, value, s->name))
				return false;
		} else if (!strcmp(key, "description")) {
			if (!read_text(r, &description, value, s->description))
				return false;
		} else if (!strcmp(key, "seed")) {
			if (!json_is_integer(value) || json_integer_value(value) < 0)
				return wrong(r, key, "a whole number from 0 to 2^63-1 is wanted");
			s->seed = (uint64_t)json_integer_value(value);
			s->has_seed = true;
		} else if (strcmp(key, "faults") != 0 && strcmp(key, "running") != 0) {
			return wrong(r, key, "there is no such member");
		}
	}
	return true;
}

bool fault_script_read(const json_t *json, struct fault_script *out,
		       char problem[FAULT_PROBLEM_MAX])
{
	struct reading r = {.problem = problem};
	struct fault_script *s = calloc(1, sizeof *s);
	json_t *list = json_object_get(json, "faults");
	bool good;

	if (!s)
		good = wrong(&r, "scenario", "out of memory");
	else if (!json_is_object(json))
		good = wrong(&r, "scenario", "an object is wanted");
	else if (!list)
		good = wrong(&r, "faults", "is needed; an empty list is a day without faults");
	else /* Jansson walks objects by iterators that want no const */
		good = read_head(&r, (json_t *)(uintptr_t)json, s) && read_faults(&r, list, s);
	if (good)
		*out = *s;
	free(s);
	return good;
}

bool fault_script_parse(const char *text, size_t length, struct fault_script *out,
			char problem[FAULT_PROBLEM_MAX])
{
	json_error_t error;
	json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES, &error);

	if (!json) {
		snprintf(problem, FAULT_PROBLEM_MAX, "line %d, column %d: %.100s", error.line,
			 error.column, error.text);
		return false;
	}
	bool good = fault_script_read(json, out, problem);
	json_decref(json);
	return good;
}

bool fault_script_load(const char *path, struct fault_script *out, char problem[FAULT_PROBLEM_MAX])
{
	char *text = malloc(FAULT_SCRIPT_OCTETS_MAX);
	FILE *file = text ? fopen(path, "re") : NULL;
	bool good = false;

	if (!file) {
		snprintf(problem, FAULT_PROBLEM_MAX, "%s", strerror(errno));
	} else {
		size_t length = fread(text, 1, FAULT_SCRIPT_OCTETS_MAX, file);
		if (ferror(file))
			snprintf(problem, FAULT_PROBLEM_MAX, "%s", strerror(errno));
		else if (length == FAULT_SCRIPT_OCTETS_MAX)
			snprintf(problem, FAULT_PROBLEM_MAX, "is over %d octets",
				 FAULT_SCRIPT_OCTETS_MAX);
		else
			good = fault_script_parse(text, length, out, problem);
		fclose(file);
	}
	free(text);
	return good;
}

/* ---- writing ---- */

/* A number that is whole is written so. */
static json_t *number_write(double number)
{
	if (number >= -EXACT && number <= EXACT) {
		json_int_t whole = (json_int_t)number;
		if (!((double)whole < number || (double)whole > number))
			return json_integer(whole);
	}
	return json_real(number);
}

static json_t *member_write(const struct member *m, const void *at)
{
	int64_t whole;
	unsigned word = 0;
	double number = 0;

	switch (m->kind) {
	case MEMBER_TEXT:
	case MEMBER_DIGITS:
		return json_string(at);
	case MEMBER_FLAG:
		return json_boolean(*(const bool *)at);
	case MEMBER_WORD:
		memcpy(&word, at, sizeof word);
		return json_string(m->words[word]);
	case MEMBER_NUMBER:
		memcpy(&number, at, sizeof number);
		return number_write(number);
	case MEMBER_WHOLE:
	case MEMBER_SECONDS:
	case MEMBER_MS:
		break;
	}
	memcpy(&whole, at, sizeof whole);
	return m->kind == MEMBER_WHOLE
		       ? json_integer(whole)
		       : number_write((double)whole / (m->kind == MEMBER_MS ? MS_US : S_US));
}

/* Only what differs from the defaults, and what must be there. */
json_t *fault_write(const struct fault *f)
{
	json_t *json = json_pack("{s:s}", "what", fault_what_names[f->what]);
	struct fault plain;

	fault_defaults(f->what, &plain);
	for (const struct member *m = fault_members; json && m->name; m++) {
		const char *at = (const char *)f + m->offset,
			   *usual = (const char *)&plain + m->offset;
		if (!fault_has_member(f, m))
			continue;
		bool text = m->kind == MEMBER_TEXT || m->kind == MEMBER_DIGITS;
		bool same = text ? !strcmp(at, usual) : !memcmp(at, usual, m->size);
		if (!same || m->needed)
			json_object_set_new(json, m->name, member_write(m, at));
	}
	return json;
}

json_t *fault_script_write(const struct fault_script *s)
{
	json_t *json = json_object(), *list = json_array();

	if (*s->name)
		json_object_set_new(json, "name", json_string(s->name));
	if (*s->description)
		json_object_set_new(json, "description", json_string(s->description));
	json_object_set_new(json, "seed", json_integer((json_int_t)s->seed));
	for (size_t i = 0; i < s->count; i++)
		json_array_append_new(list, fault_write(&s->faults[i]));
	json_object_set_new(json, "faults", list);
	return json;
}
