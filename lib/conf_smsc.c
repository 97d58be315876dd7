/* conf_smsc -- [smsc NAME]: the SMSCs that pushsrv is bound to, a section a link */
#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "lib/addr.h"
#include "lib/clock.h"
#include "lib/conf_private.h"
#include "lib/err.h"

#define DEFAULT_LINK "default"

enum kind { KIND_TEXT, KIND_NUMBER, KIND_SECONDS, KIND_WORD, KIND_LIST };

static const char *const tls_words[] = {[CONF_SMSC_PLAIN] = "no",
					[CONF_SMSC_TLS] = "yes",
					[CONF_SMSC_TLS_VERIFIED] = "verify",
					NULL};
static const char *const bind_words[] = {
	[CONF_SMSC_TRANSCEIVER] = "transceiver", [CONF_SMSC_PAIR] = "transmitter+receiver", NULL};
static const char *const form_words[] = {
	[CONF_SMSC_FORM_UDH] = "udh", [CONF_SMSC_FORM_TLV] = "tlv", NULL};
static const char *const parts_words[] = {[CONF_SMSC_PARTS_UDH] = "udh",
					  [CONF_SMSC_PARTS_SAR] = "sar",
					  [CONF_SMSC_PARTS_PAYLOAD] = "payload",
					  NULL};

#define AT(member) offsetof(struct conf_smsc, member)

/* Every key; docs/sms.md has their sentences. most: of a text, its longest. */
static const struct smsc_key {
	const char *name;
	enum kind kind;
	size_t offset;
	int64_t least, most;
	const char *const *words;
	const char *def;
} keys[] = {
	{"host", KIND_TEXT, AT(host), 0, 45, NULL, ""},
	{"port", KIND_NUMBER, AT(port), 1, 65535, NULL, "2775"},
	{"tls", KIND_WORD, AT(tls), 0, 0, tls_words, "no"},
	{"tls_ca", KIND_TEXT, AT(tls_ca), 0, 4096, NULL, ""},
	{"tls_name", KIND_TEXT, AT(tls_name), 0, 253, NULL, ""},
	{"system_id", KIND_TEXT, AT(system_id), 0, 15, NULL, ""},
	{"password_file", KIND_TEXT, AT(password_file), 0, 4096, NULL, ""},
	{"system_type", KIND_TEXT, AT(system_type), 0, 12, NULL, ""},
	{"account", KIND_TEXT, AT(account), 0, CONF_SMSC_NAME_MAX - 1, NULL, ""},
	{"bind", KIND_WORD, AT(bind), 0, 0, bind_words, "transceiver"},
	{"source", KIND_TEXT, AT(source), 0, 20, NULL, ""},
	{"source_ton", KIND_NUMBER, AT(source_ton), -1, 255, NULL, "-1"},
	{"source_npi", KIND_NUMBER, AT(source_npi), -1, 255, NULL, "-1"},
	{"address_range", KIND_TEXT, AT(address_range), 0, 40, NULL, ""},
	{"service_type", KIND_TEXT, AT(service_type), 0, 5, NULL, ""},
	{"priority", KIND_NUMBER, AT(priority), 0, CONF_SMSC_PRIORITY_MAX, NULL, "0"},
	{"window", KIND_NUMBER, AT(window), 1, 1000, NULL, "10"},
	{"rate", KIND_NUMBER, AT(rate), 0, 1000000, NULL, "0"},
	{"form", KIND_WORD, AT(form), 0, 0, form_words, "udh"},
	{"parts", KIND_WORD, AT(parts), 0, 0, parts_words, "udh"},
	{"response_seconds", KIND_SECONDS, AT(response_us), 1, 600, NULL, "10"},
	{"enquire_seconds", KIND_SECONDS, AT(enquire_us), 1, 3600, NULL, "30"},
	{"refused_seconds", KIND_SECONDS, AT(refused_us), 1, 86400, NULL, "300"},
	{"throttled_seconds", KIND_SECONDS, AT(throttled_us), 1, 86400, NULL, "5"},
	{"queue_full_seconds", KIND_SECONDS, AT(queue_full_us), 1, 86400, NULL, "60"},
	{"temporary_seconds", KIND_SECONDS, AT(temporary_us), 1, 86400, NULL, "30"},
	{"reconnect", KIND_LIST, AT(reconnect), 0, 86400, NULL, "1,2,5,10,30"},
};

#define KEYS (sizeof keys / sizeof *keys)

static int text_set(struct conf_smsc *s, const struct smsc_key *k, const char *value,
		    char error[256])
{
	if (strlen(value) <= (size_t)k->most)
		return conf_text_set((char **)((char *)s + k->offset), value);
	snprintf(error, 256, "%s: '%.60s' is longer than %lld characters", k->name, value,
		 (long long)k->most);
	return E_TOO_LARGE;
}

static int number_set(struct conf_smsc *s, const struct smsc_key *k, const char *value,
		      char error[256])
{
	int64_t n;
	int rc = conf_number_set(k->name, value, k->least, k->most, &n, error);

	if (!rc)
		*(int64_t *)(void *)((char *)s + k->offset) =
			k->kind == KIND_SECONDS ? n * CLOCK_S : n;
	return rc;
}

static int list_set(struct conf_smsc *s, const struct smsc_key *k, const char *value,
		    char error[256])
{
	struct conf_list *list = (struct conf_list *)(void *)((char *)s + k->offset);
	int rc = conf_list_parse(value, k->least, k->most, list);

	if (!rc && !list->count)
		rc = E_SYNTAX;
	if (rc)
		snprintf(error, 256, "%s: '%.40s' is not a list of whole numbers in %lld..%lld",
			 k->name, value, (long long)k->least, (long long)k->most);
	return rc;
}

static int key_set(struct conf_smsc *s, const struct smsc_key *k, const char *value,
		   char error[256])
{
	switch (k->kind) {
	case KIND_TEXT:
		return text_set(s, k, value, error);
	case KIND_NUMBER:
	case KIND_SECONDS:
		return number_set(s, k, value, error);
	case KIND_WORD:
		return conf_word_set(k->name, value, k->words,
				     (unsigned *)(void *)((char *)s + k->offset), error);
	case KIND_LIST:
		return list_set(s, k, value, error);
	}
	return E_SYNTAX;
}

static bool name_is_valid(const char *name)
{
	size_t n = strlen(name);

	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '-' && name[i] != '_')
			return false;
	return n > 0 && n < CONF_SMSC_NAME_MAX;
}

static int smsc_new(struct conf *c, const char *name, struct conf_smsc **out, char error[256])
{
	if (c->smsc_count == CONF_SMSCS_MAX) {
		snprintf(error, 256, "more than %d SMSCs", CONF_SMSCS_MAX);
		return E_TOO_LARGE;
	}
	struct conf_smsc *s = &c->smscs[c->smsc_count++];
	int rc = 0;

	snprintf(s->name, sizeof s->name, "%s", name);
	for (size_t i = 0; !rc && i < KEYS; i++)
		rc = key_set(s, &keys[i], keys[i].def, error);
	*out = s;
	return rc;
}

int conf_smsc_set(struct conf *c, const char *smsc, const char *name, const char *value,
		  char error[256])
{
	struct conf_smsc *s = NULL;

	if (!name_is_valid(smsc)) {
		snprintf(error, 256, "[smsc %.40s]: a link's name is [A-Za-z0-9_-], 1..%d of them",
			 smsc, CONF_SMSC_NAME_MAX - 1);
		return E_SYNTAX;
	}
	for (size_t i = 0; i < c->smsc_count; i++)
		if (!strcmp(c->smscs[i].name, smsc))
			s = &c->smscs[i];
	int rc = s ? 0 : smsc_new(c, smsc, &s, error);
	if (rc)
		return rc;
	for (size_t i = 0; i < KEYS; i++)
		if (!strcmp(name, keys[i].name))
			return key_set(s, &keys[i], value, error);
	snprintf(error, 256, "unknown key %.60s in [smsc NAME]", name);
	return E_SYNTAX;
}

/* No link is named: the simulator on this machine, if it has a port. */
static int default_link(struct conf *c, char error[256])
{
	const struct {
		const char *key, *value;
	} values[] = {{"host", "127.0.0.1"},
		      {"system_id", "hato"},
		      {"password_file", c->paths_smpp_secret},
		      {"source", "4286"},
		      {"window", "64"}};
	char port[8];
	int rc = 0;

	snprintf(port, sizeof port, "%lld", (long long)c->smsc_sim_smpp_port);
	for (size_t i = 0; !rc && i < sizeof values / sizeof *values; i++)
		rc = conf_smsc_set(c, DEFAULT_LINK, values[i].key, values[i].value, error);
	return rc ? rc : conf_smsc_set(c, DEFAULT_LINK, "port", port, error);
}

static int smsc_check(struct conf_smsc *s, char error[256])
{
	struct addr a;
	const char *wrong = NULL;

	if (addr_parse(s->host, &a))
		wrong = "host is no address";
	else if (!*s->system_id)
		wrong = "no system_id";
	else if (!*s->password_file)
		wrong = "no password_file";
	else if (s->tls != CONF_SMSC_TLS_VERIFIED && (*s->tls_ca || *s->tls_name))
		wrong = "tls_ca and tls_name need tls = verify";
	if (!wrong)
		return *s->account ? 0 : conf_text_set(&s->account, s->name);
	snprintf(error, 256, "[smsc %s]: %s", s->name, wrong);
	return E_SYNTAX;
}

int conf_smsc_check(struct conf *c, char error[256])
{
	int rc = c->smsc_count || !c->smsc_sim_smpp_port ? 0 : default_link(c, error);

	for (size_t i = 0; !rc && i < c->smsc_count; i++)
		rc = smsc_check(&c->smscs[i], error);
	return rc;
}

void conf_smsc_free(struct conf *c)
{
	for (size_t i = 0; i < c->smsc_count; i++)
		for (size_t k = 0; k < KEYS; k++)
			if (keys[k].kind == KIND_TEXT)
				free(*(char **)(void *)((char *)&c->smscs[i] + keys[k].offset));
}
