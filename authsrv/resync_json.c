#include "authsrv/resync_json.h"

#include <stdlib.h>
#include <string.h>

#include "authsrv/json_field.h"
#include "lib/err.h"

#define TEXT_BYTES 65536
#define NAME_MAX_  32 /* of a member: a longer one is none of ours */

struct resync_text {
	struct resync_text *next;
	size_t used;
	char octets[TEXT_BYTES];
};

void resync_json_init(struct resync_json *j, const char *text, size_t length, size_t max,
		      const struct lease_context *context)
{
	*j = (struct resync_json){.text = text, .length = length, .max = max, .context = *context};
}

void resync_json_free(struct resync_json *j)
{
	while (j->texts) {
		struct resync_text *gone = j->texts;
		j->texts = gone->next;
		free(gone);
	}
	free(j->entries);
	j->entries = NULL;
}

static int wrong(struct resync_json *j, const char *what)
{
	j->wrong = what;
	return E_SYNTAX;
}

/* ---- the text ---- */

static char peek(struct resync_json *j)
{
	while (j->at < j->length && j->text[j->at] && strchr(" \t\r\n", j->text[j->at]))
		j->at++;
	return j->at < j->length ? j->text[j->at] : 0;
}

static bool take(struct resync_json *j, char c)
{
	if (peek(j) != c)
		return false;
	j->at++;
	return true;
}

/* Behind the string that begins at `at`; 0: it does not end. */
static size_t string_end(const struct resync_json *j, size_t at, size_t limit)
{
	for (at++; at < limit; at++) {
		if (j->text[at] == '\\')
			at++;
		else if (j->text[at] == '"')
			return at + 1;
	}
	return 0;
}

/* Behind the value that begins at `at`, by its brackets alone: what is in it, Jansson judges. 0: it
 * does not end within its bounds. */
static size_t value_end(const struct resync_json *j, size_t at)
{
	size_t limit = j->length - at > RESYNC_VALUE_MAX ? at + RESYNC_VALUE_MAX : j->length;
	size_t depth = 0;

	while (at < limit) {
		char c = j->text[at];
		if (c == '"') {
			at = string_end(j, at, limit);
			if (!at || !depth)
				return at;
			continue;
		}
		if (c == '{' || c == '[') {
			if (++depth > RESYNC_DEPTH_MAX)
				return 0;
		} else if (c == '}' || c == ']') {
			if (!depth)
				return at;
			if (!--depth)
				return at + 1;
		} else if (c == ',' && !depth) {
			return at;
		}
		at++;
	}
	return 0;
}

/* The value here; null: it is none. */
static json_t *take_value(struct resync_json *j)
{
	peek(j);
	size_t begin = j->at, end = value_end(j, begin);

	if (!end)
		return NULL;
	j->at = end;
	return json_loadb(j->text + begin, end - begin,
			  JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL | JSON_DECODE_ANY, NULL);
}

/* ---- sessions ---- */

static const char *keep_text(struct resync_json *j, const char *text)
{
	size_t n = strlen(text) + 1;
	struct resync_text *t = j->texts;

	if (n == 1)
		return "";
	if (!t || TEXT_BYTES - t->used < n) {
		t = malloc(sizeof *t);
		if (!t)
			return NULL;
		t->used = 0;
		t->next = j->texts;
		j->texts = t;
	}
	char *kept = t->octets + t->used;
	memcpy(kept, text, n);
	t->used += n;
	return kept;
}

static int add_entry(struct resync_json *j, const struct lease_event *ev,
		     enum lease_reading reading, const struct lease_fault *fault)
{
	if (j->count == j->room) {
		size_t room = j->room ? j->room * 2 : 256;
		struct resync_entry *grown = realloc(j->entries, room * sizeof *grown);
		if (!grown)
			return E_NOMEM;
		j->entries = grown;
		j->room = room;
	}
	struct resync_entry *e = &j->entries[j->count];
	*e = (struct resync_entry){.session_id = keep_text(j, ev->session_id),
				   .unreadable = ev->unreadable,
				   .started_us = ev->time_us,
				   .lease_us = ev->lease_us};
	if (!e->session_id)
		return E_NOMEM;
	memcpy(e->msisdn, ev->msisdn, sizeof e->msisdn);
	memcpy(e->imsi, ev->imsi, sizeof e->imsi);
	for (size_t i = 0; reading != LEASE_REFUSED && i < ev->key_count; i++)
		e->keys[e->key_count++] =
			(struct resync_key){ev->keys[i].addr, ev->keys[i].plen,
					    ev->keys[i].port_first, ev->keys[i].port_last};
	if (reading != LEASE_READ) {
		e->problem = fault->problem;
		e->detail = fault->detail;
	}
	j->count++;
	return 0;
}

/* Devices are not asked for: a session that nothing else names is nobody's. */
static enum lease_reading read_session(const json_t *json, const struct resync_json *j,
				       struct lease_event *ev, struct lease_fault *fault)
{
	enum lease_reading reading = lease_json_read_session(json, &j->context, ev, fault);

	lease_json_release(ev);
	if (reading != LEASE_READ || *ev->msisdn || *ev->imsi)
		return reading;
	*fault = (struct lease_fault){"malformed", "msisdn or imsi is missing"};
	ev->unreadable = true;
	return LEASE_READ_BADLY;
}

static int take_session(struct resync_json *j)
{
	struct lease_fault fault = {0};
	struct lease_event ev;
	json_t *json = take_value(j);

	if (!json)
		return wrong(j, "a session is no JSON, or too long");
	if (j->count == j->max) {
		json_decref(json);
		return E_TOO_LARGE;
	}
	enum lease_reading reading = read_session(json, j, &ev, &fault);
	json_decref(json);
	return add_entry(j, &ev, reading, &fault);
}

/* ---- members ---- */

static int take_name(struct resync_json *j, char name[NAME_MAX_])
{
	json_t *json = peek(j) == '"' ? take_value(j) : NULL;
	const char *text = json_string_value(json);

	*name = 0;
	if (text && strlen(text) < NAME_MAX_)
		strcpy(name, text);
	json_decref(json);
	return text && take(j, ':') ? 0 : wrong(j, "the body is no JSON object");
}

static int take_time(struct resync_json *j)
{
	json_t *value = take_value(j);
	json_t *holder = value ? json_pack("{s:o}", "time", value) : NULL;
	bool good = holder && field_time(holder, "time", &j->time_us) == FIELD_GOOD;

	json_decref(holder);
	j->has_time = true;
	return good ? 0 : wrong(j, "time is no RFC 3339 time of 1970 to 9999");
}

static int take_member(struct resync_json *j)
{
	char name[NAME_MAX_];
	int rc = take_name(j, name);

	if (rc)
		return rc;
	if (!strcmp(name, "time") && !j->has_time)
		return take_time(j);
	if (!strcmp(name, "sessions") && !j->has_sessions) {
		j->has_sessions = j->first = true;
		j->where = RESYNC_SESSIONS;
		return take(j, '[') ? 0 : wrong(j, "sessions is no array");
	}
	if (!strcmp(name, "time") || !strcmp(name, "sessions"))
		return wrong(j, "a member that must be one is two");
	json_t *value = take_value(j);
	if (!value)
		return wrong(j, "the body is no JSON object");
	json_decref(value);
	return 0;
}

/* One step: a member, a session, an end. */
static int step(struct resync_json *j)
{
	char end = j->where == RESYNC_SESSIONS ? ']' : '}';

	if (j->where == RESYNC_BEGIN) {
		j->where = RESYNC_MEMBERS;
		j->first = true;
		return take(j, '{') ? 0 : wrong(j, "the body is no JSON object");
	}
	if (take(j, end)) {
		j->where = end == ']' ? RESYNC_MEMBERS : RESYNC_END;
		j->first = false;
		return 0;
	}
	if (!j->first && !take(j, ','))
		return wrong(j, "the body is no JSON object");
	j->first = false;
	return j->where == RESYNC_SESSIONS ? take_session(j) : take_member(j);
}

int resync_json_read(struct resync_json *j, size_t n)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < n && j->where != RESYNC_END; i++)
		rc = step(j);
	if (rc || j->where != RESYNC_END)
		return rc ? rc : E_AGAIN;
	if (peek(j) || j->at < j->length)
		return wrong(j, "the body is no JSON object");
	return j->has_time && j->has_sessions ? 0 : wrong(j, "time or sessions is missing");
}
