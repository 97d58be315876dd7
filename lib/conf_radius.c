/* conf_radius -- [radius-client NAME]: who may speak RADIUS to us, and how we speak back */
#include <stdlib.h>
#include <string.h>

#include "lib/conf_private.h"
#include "lib/err.h"

#define DEFAULT_CLIENT    "local"
#define DEFAULT_ADDRESSES "127.0.0.0/8, ::1"
#define DISCONNECT_PORT   3799
#define LEASE_SECONDS_MAX UINT32_MAX

static struct conf_radius_client *client_get(struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->radius_client_count; i++)
		if (!strcmp(c->radius_clients[i].name, name))
			return &c->radius_clients[i];
	if (c->radius_client_count == CONF_RADIUS_CLIENTS_MAX)
		return NULL;
	struct conf_radius_client *r = &c->radius_clients[c->radius_client_count++];
	snprintf(r->name, sizeof r->name, "%s", name);
	snprintf(r->realm, sizeof r->realm, "%s", REALM_DEFAULT);
	r->disconnect_port = DISCONNECT_PORT;
	return r;
}

int conf_radius_default(struct conf *c)
{
	struct conf_radius_client *r = client_get(c, DEFAULT_CLIENT);

	return conf_text_set(&r->addresses, DEFAULT_ADDRESSES);
}

static int disconnect_set(struct conf_radius_client *r, const char *value, char error[256])
{
	static const char *const words[] = {[CONF_DISCONNECT_OFF] = "off",
					    [CONF_DISCONNECT_DISCONNECT] = "disconnect",
					    [CONF_DISCONNECT_COA] = "coa",
					    NULL};
	unsigned which;
	int rc = conf_word_set("disconnect", value, words, &which, error);

	if (!rc)
		r->disconnect = (enum conf_disconnect)which;
	return rc;
}

static int realm_set(struct conf_radius_client *r, const char *value, char error[256])
{
	if (!realm_is_valid(value)) {
		snprintf(error, 256, "realm: '%.60s' is no realm's name", value);
		return E_SYNTAX;
	}
	snprintf(r->realm, sizeof r->realm, "%s", value);
	return 0;
}

static int port_set(struct conf_radius_client *r, const char *value, char error[256])
{
	int64_t port;
	int rc = conf_number_set("disconnect_port", value, 1, 65535, &port, error);

	if (!rc)
		r->disconnect_port = (uint16_t)port;
	return rc;
}

static int value_set(struct conf_radius_client *r, const char *name, const char *value,
		     char error[256])
{
	const struct {
		const char *name;
		char **text;
	} texts[] = {{"addresses", &r->addresses},
		     {"secret_file", &r->secret_file},
		     {"nas_ids", &r->nas_ids},
		     {"disconnect_address", &r->disconnect_address},
		     {"coa_filter", &r->coa_filter}};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		if (!strcmp(name, texts[i].name))
			return conf_text_set(texts[i].text, value);
	if (!strcmp(name, "realm"))
		return realm_set(r, value, error);
	if (!strcmp(name, "disconnect_port"))
		return port_set(r, value, error);
	if (!strcmp(name, "lease_seconds"))
		return conf_number_set(name, value, 0, LEASE_SECONDS_MAX, &r->lease_s, error);
	if (!strcmp(name, "disconnect"))
		return disconnect_set(r, value, error);
	snprintf(error, 256, "unknown key %.60s in [radius-client NAME]", name);
	return E_SYNTAX;
}

int conf_radius_client_set(struct conf *c, const char *client, const char *name, const char *value,
			   char error[256])
{
	if (!*client || strlen(client) >= sizeof c->radius_clients[0].name) {
		snprintf(error, 256, "[radius-client %.40s]: a client's name has 1..%zu characters",
			 client, sizeof c->radius_clients[0].name - 1);
		return E_SYNTAX;
	}
	struct conf_radius_client *r = client_get(c, client);
	if (!r) {
		snprintf(error, 256, "more than %d RADIUS clients", CONF_RADIUS_CLIENTS_MAX);
		return E_TOO_LARGE;
	}
	return value_set(r, name, value, error);
}

static int texts_complete(struct conf *c, struct conf_radius_client *r, bool is_default)
{
	char **const texts[] = {&r->addresses, &r->nas_ids, &r->disconnect_address, &r->coa_filter};
	int rc = 0;

	for (size_t i = 0; !rc && i < sizeof texts / sizeof *texts; i++)
		if (!*texts[i])
			rc = conf_text_set(texts[i], "");
	if (!rc && !r->secret_file)
		rc = conf_text_set(&r->secret_file, is_default ? c->paths_radius_secret : "");
	return rc;
}

static int client_check(const struct conf *c, const struct conf_radius_client *r, char error[256])
{
	struct addr a;
	const char *wrong = NULL;

	if (!*r->addresses)
		wrong = "no addresses";
	else if (!*r->secret_file)
		wrong = "no secret_file";
	else if (!conf_realm(c, r->realm))
		wrong = "there is no such realm";
	else if (*r->disconnect_address && addr_parse(r->disconnect_address, &a))
		wrong = "disconnect_address is no address";
	else if (r->disconnect == CONF_DISCONNECT_COA && !*r->coa_filter)
		wrong = "disconnect = coa needs coa_filter, the Filter-Id that the session gets";
	if (wrong)
		snprintf(error, 256, "[radius-client %s]: %s", r->name, wrong);
	return wrong ? E_SYNTAX : 0;
}

int conf_radius_check(struct conf *c, char error[256])
{
	int rc = 0;

	for (size_t i = 0; !rc && i < c->radius_client_count; i++) {
		rc = texts_complete(c, &c->radius_clients[i], i == 0);
		if (!rc)
			rc = client_check(c, &c->radius_clients[i], error);
	}
	return rc;
}

void conf_radius_free(struct conf *c)
{
	for (size_t i = 0; i < c->radius_client_count; i++) {
		struct conf_radius_client *r = &c->radius_clients[i];
		free(r->addresses);
		free(r->secret_file);
		free(r->nas_ids);
		free(r->disconnect_address);
		free(r->coa_filter);
	}
}
