/* conf_esme -- [esme NAME]: who may bind to smsc-sim, and how */
#include <stdlib.h>
#include <string.h>

#include "lib/conf_private.h"
#include "lib/err.h"

#define DEFAULT_ESME   "hato"
#define DEFAULT_WINDOW 64
#define WINDOW_MAX     10000
#define RATE_MAX       1000000
#define BIND_ANY       (ESME_TRANSMITTER | ESME_RECEIVER | ESME_TRANSCEIVER)

static struct conf_esme *esme_get(struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->esme_count; i++)
		if (!strcmp(c->esmes[i].name, name))
			return &c->esmes[i];
	if (c->esme_count == CONF_ESMES_MAX)
		return NULL;
	struct conf_esme *e = &c->esmes[c->esme_count++];
	snprintf(e->name, sizeof e->name, "%s", name);
	e->bind = BIND_ANY;
	e->window = DEFAULT_WINDOW;
	return e;
}

int conf_esme_default(struct conf *c)
{
	return esme_get(c, DEFAULT_ESME) ? 0 : E_NOMEM;
}

static int bind_set(struct conf_esme *e, const char *value, char error[256])
{
	static const struct {
		const char *word;
		enum esme_bind bind;
	} words[] = {{"transmitter", ESME_TRANSMITTER},
		     {"receiver", ESME_RECEIVER},
		     {"transceiver", ESME_TRANSCEIVER}};
	char copy[128];
	char *save = NULL;
	unsigned bind = 0;

	snprintf(copy, sizeof copy, "%s", value);
	for (char *word = strtok_r(copy, ", ", &save); word; word = strtok_r(NULL, ", ", &save)) {
		unsigned found = 0;
		for (size_t i = 0; i < sizeof words / sizeof *words; i++)
			if (!strcmp(word, words[i].word))
				found = words[i].bind;
		bind = found ? bind | found : 0;
		if (!found)
			break;
	}
	if (!bind) {
		snprintf(error, 256, "bind: '%.60s' (transmitter, receiver, transceiver)", value);
		return E_SYNTAX;
	}
	e->bind = bind;
	return 0;
}

static int number_set(const char *name, const char *value, int64_t least, int64_t most,
		      uint32_t *out, char error[256])
{
	int64_t n;
	int rc = conf_number_set(name, value, least, most, &n, error);

	if (!rc)
		*out = (uint32_t)n;
	return rc;
}

static int short_set(char *at, size_t size, const char *name, const char *value, char error[256])
{
	if (strlen(value) >= size) {
		snprintf(error, 256, "%s: '%.60s' has more than %zu characters", name, value,
			 size - 1);
		return E_TOO_LARGE;
	}
	memcpy(at, value, strlen(value) + 1);
	return 0;
}

int conf_esme_set(struct conf *c, const char *esme, const char *name, const char *value,
		  char error[256])
{
	if (!*esme || strlen(esme) >= sizeof c->esmes[0].name) {
		snprintf(error, 256, "[esme %.40s]: an account's name has 1..%zu characters", esme,
			 sizeof c->esmes[0].name - 1);
		return E_SYNTAX;
	}
	struct conf_esme *e = esme_get(c, esme);
	if (!e) {
		snprintf(error, 256, "more than %d accounts of ESMEs", CONF_ESMES_MAX);
		return E_TOO_LARGE;
	}
	if (!strcmp(name, "system_id"))
		return short_set(e->system_id, sizeof e->system_id, name, value, error);
	if (!strcmp(name, "system_type"))
		return short_set(e->system_type, sizeof e->system_type, name, value, error);
	if (!strcmp(name, "password_file"))
		return conf_text_set(&e->password_file, value);
	if (!strcmp(name, "address_range"))
		return conf_text_set(&e->address_range, value);
	if (!strcmp(name, "outbind"))
		return conf_text_set(&e->outbind, value);
	if (!strcmp(name, "bind"))
		return bind_set(e, value, error);
	if (!strcmp(name, "window"))
		return number_set(name, value, 1, WINDOW_MAX, &e->window, error);
	if (!strcmp(name, "rate"))
		return number_set(name, value, 0, RATE_MAX, &e->rate, error);
	snprintf(error, 256, "unknown key %.60s in [esme NAME]", name);
	return E_SYNTAX;
}

/* An account's system_id is its name unless it says another one. */
static int texts_complete(struct conf *c, struct conf_esme *e, bool is_default, char error[256])
{
	int rc = 0;

	if (!*e->system_id)
		rc = short_set(e->system_id, sizeof e->system_id, "system_id", e->name, error);
	if (!rc && !e->password_file)
		rc = conf_text_set(&e->password_file, is_default ? c->paths_smpp_secret : "");
	if (!rc && !e->address_range)
		rc = conf_text_set(&e->address_range, "");
	if (!rc && !e->outbind)
		rc = conf_text_set(&e->outbind, "");
	return rc;
}

static int esme_check(const struct conf *c, const struct conf_esme *e, char error[256])
{
	const char *colon = strrchr(e->outbind, ':');
	int64_t port;

	if (*e->outbind &&
	    (!colon || colon == e->outbind || conf_number(colon + 1, 1, 65535, &port))) {
		snprintf(error, 256, "[esme %s]: outbind: '%.60s' is not host:port", e->name,
			 e->outbind);
		return E_SYNTAX;
	}
	for (const struct conf_esme *other = c->esmes; other < e; other++)
		if (!strcmp(other->system_id, e->system_id)) {
			snprintf(error, 256, "[esme %s]: system_id %s is that of [esme %s]",
				 e->name, e->system_id, other->name);
			return E_SYNTAX;
		}
	return 0;
}

int conf_esme_check(struct conf *c, char error[256])
{
	int rc = 0;

	for (size_t i = 0; !rc && i < c->esme_count; i++) {
		rc = texts_complete(c, &c->esmes[i], i == 0, error);
		if (!rc)
			rc = esme_check(c, &c->esmes[i], error);
	}
	return rc;
}

void conf_esme_free(struct conf *c)
{
	for (size_t i = 0; i < c->esme_count; i++) {
		free(c->esmes[i].password_file);
		free(c->esmes[i].address_range);
		free(c->esmes[i].outbind);
	}
}
