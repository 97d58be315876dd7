#include "lib/wire/dns/message.h"

#include <string.h>

#include "lib/err.h"

#define HEADER   12
#define CLASS_IN 1
#define POINTER  0xc0
#define TTL_SIGN UINT32_C(0x80000000)

struct reading {
	const uint8_t *octets;
	size_t size;
};

/* A record of any section. */
struct entry {
	size_t owner; /* where its name begins */
	uint16_t type, class;
	uint32_t ttl_s;
	size_t data, length;
};

static uint16_t get16(const struct reading *r, size_t at)
{
	return (uint16_t)(r->octets[at] << 8 | r->octets[at + 1]);
}

static uint32_t get32(const struct reading *r, size_t at)
{
	return (uint32_t)get16(r, at) << 16 | get16(r, at + 2);
}

/* A time with its sign bit set is zero (RFC 2181 8). */
static uint32_t get_ttl(const struct reading *r, size_t at)
{
	uint32_t ttl_s = get32(r, at);

	return ttl_s & TTL_SIGN ? 0 : ttl_s;
}

/* ---- names ---- */

/* The label at *at, through pointers; *at moves behind it. Its length; 0 at the root; E_SYNTAX.
 * Each pointer leads to before the last one: there are no rounds. */
static int next_label(const struct reading *r, size_t *at, size_t *limit, size_t *label)
{
	while (*at < r->size) {
		uint8_t c = r->octets[*at];
		if (c <= DNS_LABEL_MAX) {
			*label = *at + 1;
			if (c >= r->size - *at)
				return E_SYNTAX;
			*at += c + 1u;
			return c;
		}
		if (c < POINTER || r->size - *at < 2)
			return E_SYNTAX;
		size_t to = get16(r, *at) & 0x3fffu;
		if (to >= *limit)
			return E_SYNTAX;
		*limit = *at = to;
	}
	return E_SYNTAX;
}

/* Behind the name at *at, without following it. */
static int skip_name(const struct reading *r, size_t *at)
{
	size_t i = *at;

	while (i < r->size) {
		uint8_t c = r->octets[i];
		if (c >= POINTER) {
			*at = i + 2;
			return r->size - i < 2 ? E_SYNTAX : 0;
		}
		if (c > DNS_LABEL_MAX)
			return E_SYNTAX;
		i += c + 1u;
		if (c == 0) {
			*at = i;
			return 0;
		}
	}
	return E_SYNTAX;
}

static int lower(int c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

/* E_RANGE: well formed, but with an octet that our texts do not have. */
static int read_name(const struct reading *r, size_t at, char out[DNS_NAME_MAX])
{
	size_t limit = at, label = 0, used = 0;
	int n, err = 0;

	while ((n = next_label(r, &at, &limit, &label)) > 0) {
		if (used + (used > 0) + (size_t)n >= DNS_NAME_MAX)
			return E_SYNTAX;
		if (used)
			out[used++] = '.';
		for (int i = 0; i < n; i++) {
			int c = lower(r->octets[label + (size_t)i]);
			if (c < ' ' || c == 0x7f || c == '.')
				err = E_RANGE;
			out[used++] = (char)c;
		}
	}
	out[used] = '\0';
	return n < 0 ? n : err;
}

/* Does the name at `at` say this? Octets that our texts do not have equal none of theirs. */
static bool name_is(const struct reading *r, size_t at, const char *name)
{
	size_t limit = at, label = 0;
	bool is_first = true;
	int n;

	while ((n = next_label(r, &at, &limit, &label)) > 0) {
		if (!is_first && *name++ != '.')
			return false;
		is_first = false;
		for (int i = 0; i < n; i++, name++)
			if (!*name || *name == '.' ||
			    (unsigned char)*name != lower(r->octets[label + (size_t)i]))
				return false;
	}
	return n == 0 && *name == '\0';
}

/* ---- sections ---- */

static int next_entry(const struct reading *r, size_t *at, struct entry *e)
{
	size_t i = *at;

	e->owner = i;
	if (skip_name(r, &i) || r->size - i < 10)
		return E_SYNTAX;
	e->type = get16(r, i);
	e->class = get16(r, i + 2);
	e->ttl_s = get_ttl(r, i + 4);
	e->length = get16(r, i + 8);
	e->data = i + 10;
	if (r->size - e->data < e->length)
		return E_SYNTAX;
	*at = e->data + e->length;
	return 0;
}

/* Behind the question, if it is this one. */
static int skip_question(const struct reading *r, const char *name, uint16_t type, size_t *at)
{
	if (r->size < HEADER || get16(r, 4) != 1 || !(r->octets[2] & 0x80) || r->octets[2] & 0x02)
		return E_SYNTAX; /* several questions; not an answer; cut */
	*at = HEADER;
	if (!name_is(r, HEADER, name) || skip_name(r, at) || r->size - *at < 4)
		return E_SYNTAX;
	if (get16(r, *at) != type || get16(r, *at + 2) != CLASS_IN)
		return E_SYNTAX;
	*at += 4;
	return 0;
}

static bool are_strings(const struct reading *r, const struct entry *e)
{
	size_t at = 0;

	while (at < e->length)
		at += r->octets[e->data + at] + 1u;
	return at == e->length && at > 0;
}

/* The name that is all of a record's data from `at` on. */
static int read_target(const struct reading *r, const struct entry *e, size_t at, char *name)
{
	size_t end = e->data + at;

	if (at >= e->length || skip_name(r, &end) || end != e->data + e->length)
		return E_SYNTAX;
	return read_name(r, e->data + at, name);
}

/* E_RANGE: leave it out. */
static int read_record(const struct reading *r, const struct entry *e, struct dns_record *out)
{
	out->data = r->octets + e->data;
	out->length = e->length;
	switch (e->type) {
	case DNS_RECORD_A:
		return e->length == 4 ? 0 : E_SYNTAX;
	case DNS_RECORD_AAAA:
		return e->length == 16 ? 0 : E_SYNTAX;
	case DNS_RECORD_TXT:
		return are_strings(r, e) ? 0 : E_SYNTAX;
	case DNS_RECORD_MX:
		if (e->length < 3)
			return E_SYNTAX;
		out->preference = get16(r, e->data);
		return read_target(r, e, 2, out->name);
	default:
		return read_target(r, e, 0, out->name);
	}
}

struct search {
	struct reading r;
	size_t begin, records; /* of the answer section */
	uint16_t type;
	dns_record_sink *sink;
	void *arg;
	struct dns_message *said;
	char name[DNS_NAME_MAX]; /* so far have the CNAMEs led */
};

static void shorten(struct dns_message *m, uint32_t ttl_s)
{
	if (ttl_s < m->ttl_s)
		m->ttl_s = ttl_s;
}

/* What the answer section has of s->name: its records are given, or its CNAME becomes s->name and
 * *is_alias is set. */
static int look_up(struct search *s, bool *is_alias)
{
	char target[DNS_NAME_MAX];
	size_t at = s->begin;
	struct entry e;

	*is_alias = false;
	for (size_t i = 0; i < s->records; i++) {
		struct dns_record record = {0};
		if (next_entry(&s->r, &at, &e))
			return E_SYNTAX;
		if (e.class != CLASS_IN || (e.type != s->type && e.type != DNS_RECORD_CNAME) ||
		    !name_is(&s->r, e.owner, s->name))
			continue;
		if (e.type == DNS_RECORD_CNAME) {
			if (*is_alias || read_target(&s->r, &e, 0, target))
				return E_SYNTAX;
			*is_alias = true;
		} else {
			int err = read_record(&s->r, &e, &record);
			if (err == E_RANGE)
				continue;
			if (err)
				return err;
			s->sink(s->arg, &record);
			s->said->count++;
		}
		shorten(s->said, e.ttl_s);
	}
	if (*is_alias && s->said->count > 0)
		return E_SYNTAX; /* RFC 1034 3.6.2: an alias has nothing else */
	if (*is_alias)
		memcpy(s->name, target, sizeof target);
	return 0;
}

static int follow(struct search *s)
{
	bool is_alias = true;

	for (int i = 0; is_alias && i <= DNS_CNAMES_MAX; i++) {
		int err = look_up(s, &is_alias);
		if (err)
			return err;
	}
	return is_alias ? E_SYNTAX : 0;
}

/* The SOA behind the answers says how long there is nothing; nobody says it: not at all. */
static int read_absence(struct search *s, size_t at, size_t answers, size_t authorities)
{
	struct entry e;

	for (size_t i = 0; i < answers; i++)
		if (next_entry(&s->r, &at, &e))
			return E_SYNTAX;
	for (size_t i = 0; i < authorities; i++) {
		if (next_entry(&s->r, &at, &e))
			return E_SYNTAX;
		if (e.type == DNS_RECORD_SOA && e.class == CLASS_IN && e.length >= 22) {
			shorten(s->said, e.ttl_s);
			shorten(s->said, get_ttl(&s->r, e.data + e.length - 4));
			return 0;
		}
	}
	s->said->ttl_s = 0;
	return 0;
}

int dns_message_read(const uint8_t *octets, size_t n, const char *name, uint16_t type,
		     dns_record_sink *sink, void *arg, struct dns_message *out)
{
	struct dns_message said = {.ttl_s = UINT32_MAX};
	struct search s = {.r = {octets, n}, .type = type, .sink = sink, .arg = arg, .said = &said};
	int err =
		strlen(name) < DNS_NAME_MAX ? skip_question(&s.r, name, type, &s.begin) : E_SYNTAX;

	if (err)
		return err;
	strcpy(s.name, name);
	said.rcode = octets[3] & 15;
	s.records = get16(&s.r, 6);
	if (said.rcode == DNS_RCODE_OK || said.rcode == DNS_RCODE_NO_NAME) {
		said.is_cut = s.records > DNS_ANSWERS_MAX;
		if (said.is_cut)
			s.records = DNS_ANSWERS_MAX;
		err = follow(&s);
		if (!err && said.count == 0 && !said.is_cut)
			err = read_absence(&s, s.begin, s.records, get16(&s.r, 8));
	} else {
		said.ttl_s = 0;
	}
	if (!err)
		*out = said;
	return err;
}

size_t dns_strings_join(const uint8_t *data, size_t length, char *out)
{
	size_t used = 0;

	for (size_t at = 0; at < length; at += data[at] + 1u) {
		if (out)
			memcpy(out + used, data + at + 1, data[at]);
		used += data[at];
	}
	return used;
}
