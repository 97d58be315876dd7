/* conf_sections -- the sections that have a name: [realm NAME] and [network-key NAME] */
#include <stdlib.h>
#include <string.h>

#include "lib/balancers.h"
#include "lib/conf_private.h"
#include "lib/dns_servers.h"
#include "lib/err.h"
#include "lib/http_url.h"
#include "lib/rules/dnsbl.h"
#include "lib/wire/mailaddr.h"

static int unknown(const char *what, const char *name, char error[256])
{
	snprintf(error, 256, "unknown key %.60s in [%s NAME]", name, what);
	return E_SYNTAX;
}

static int port_set(uint16_t *port, const char *name, const char *value, char error[256])
{
	int64_t n;
	int rc = conf_number(value, 0, 65535, &n);

	if (rc)
		snprintf(error, 256, "%.60s: '%.40s' is not a port", name, value);
	else
		*port = (uint16_t)n;
	return rc;
}

static int pop_seconds_set(int64_t *seconds, const char *name, const char *value, char error[256])
{
	int rc = conf_seconds(value, -1, 86400, seconds);

	if (rc)
		snprintf(error, 256, "%.60s: '%.40s' is no time in -1..86400 (s)", name, value);
	return rc;
}

static struct conf_realm *realm_get(struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->realm_count; i++)
		if (!strcmp(c->realms[i].name, name))
			return &c->realms[i];
	if (c->realm_count == CONF_REALMS_MAX)
		return NULL;
	struct conf_realm *r = &c->realms[c->realm_count++];
	snprintf(r->name, sizeof r->name, "%s", name);
	r->trigger_port = 2948;
	r->submission_pop_s = r->submissions_pop_s = -1;
	return r;
}

int conf_realm_set(struct conf *c, const char *realm, const char *name, const char *value,
		   char error[256])
{
	if (!realm_is_valid(realm)) {
		snprintf(error, 256, "[realm %.40s]: a realm's name is [a-z0-9-], at most %d",
			 realm, REALM_MAX - 1);
		return E_SYNTAX;
	}
	if (!strcmp(realm, REALM_DEFAULT)) {
		snprintf(error, 256,
			 "[realm default]: its ports are those of the daemons' sections");
		return E_SYNTAX;
	}
	struct conf_realm *r = realm_get(c, realm);
	if (!r) {
		snprintf(error, 256, "more than %d realms", CONF_REALMS_MAX);
		return E_TOO_LARGE;
	}
	const struct {
		const char *name;
		uint16_t *port;
	} ports[] = {{"handset_port", &r->handset_port},
		     {"handset_tls_port", &r->handset_tls_port},
		     {"pop3_port", &r->pop3_port},
		     {"pop3s_port", &r->pop3s_port},
		     {"submission_port", &r->submission_port},
		     {"submissions_port", &r->submissions_port},
		     {"trigger_port", &r->trigger_port}};
	for (size_t i = 0; i < sizeof ports / sizeof *ports; i++)
		if (!strcmp(name, ports[i].name))
			return port_set(ports[i].port, name, value, error);
	if (!strcmp(name, "submission_pop_before_smtp"))
		return pop_seconds_set(&r->submission_pop_s, name, value, error);
	if (!strcmp(name, "submissions_pop_before_smtp"))
		return pop_seconds_set(&r->submissions_pop_s, name, value, error);
	if (!strcmp(name, "device"))
		return conf_text_set(&r->device, value);
	if (!strcmp(name, "trigger_source"))
		return conf_text_set(&r->trigger_source, value);
	if (!strcmp(name, "trigger_device"))
		return conf_text_set(&r->trigger_device, value);
	if (!strcmp(name, "proxy_from"))
		return conf_text_set(&r->proxy_from, value);
	if (!strcmp(name, "apns"))
		return conf_text_set(&r->apns, value);
	return unknown("realm", name, error);
}

static struct conf_network_key *key_get(struct conf *c, const char *id)
{
	for (size_t i = 0; i < c->network_key_count; i++)
		if (!strcmp(c->network_keys[i].id, id))
			return &c->network_keys[i];
	if (c->network_key_count == CONF_KEYS_MAX)
		return NULL;
	struct conf_network_key *k = &c->network_keys[c->network_key_count++];
	snprintf(k->id, sizeof k->id, "%s", id);
	snprintf(k->realm, sizeof k->realm, "%s", REALM_DEFAULT);
	return k;
}

static int scopes_parse(const char *value, unsigned *out)
{
	static const struct {
		const char *word;
		unsigned scope;
	} words[] = {
		{"lease", SCOPE_LEASE}, {"provision", SCOPE_PROVISION}, {"operate", SCOPE_OPERATE}};
	char copy[128];
	char *save = NULL;
	unsigned scopes = 0;

	snprintf(copy, sizeof copy, "%s", value);
	for (char *word = strtok_r(copy, ", ", &save); word; word = strtok_r(NULL, ", ", &save)) {
		unsigned found = 0;
		for (size_t i = 0; i < sizeof words / sizeof *words; i++)
			if (!strcmp(word, words[i].word))
				found = words[i].scope;
		if (!found)
			return E_SYNTAX;
		scopes |= found;
	}
	*out = scopes;
	return 0;
}

int conf_network_key_set(struct conf *c, const char *id, const char *name, const char *value,
			 char error[256])
{
	if (!*id || strlen(id) >= sizeof c->network_keys[0].id) {
		snprintf(error, 256, "[network-key %.40s]: a key's name has 1..31 characters", id);
		return E_SYNTAX;
	}
	struct conf_network_key *k = key_get(c, id);
	if (!k) {
		snprintf(error, 256, "more than %d network keys", CONF_KEYS_MAX);
		return E_TOO_LARGE;
	}
	if (!strcmp(name, "file"))
		return conf_text_set(&k->file, value);
	if (!strcmp(name, "nas_ids"))
		return conf_text_set(&k->nas_ids, value);
	if (!strcmp(name, "scopes")) {
		if (!scopes_parse(value, &k->scopes))
			return 0;
		snprintf(error, 256, "scopes: '%.60s' (lease, provision, operate)", value);
		return E_SYNTAX;
	}
	if (!strcmp(name, "realm")) {
		if (!realm_is_valid(value) && strcmp(value, "*")) {
			snprintf(error, 256, "realm: '%.60s' is no realm's name", value);
			return E_SYNTAX;
		}
		snprintf(k->realm, sizeof k->realm, "%s", value);
		return 0;
	}
	return unknown("network-key", name, error);
}

/* Texts that were not given are empty, never null. */
static int texts_complete(struct conf *c)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < c->realm_count; i++) {
		struct conf_realm *r = &c->realms[i];
		if (!r->trigger_source)
			rc = conf_text_set(&r->trigger_source, i ? "" : c->pushsrv_trigger_source);
		if (!rc && !r->trigger_device)
			rc = conf_text_set(&r->trigger_device, i ? "" : c->pushsrv_trigger_device);
		if (!rc && !r->device)
			rc = conf_text_set(&r->device, "");
		if (!rc && !r->proxy_from)
			rc = conf_text_set(&r->proxy_from, "");
		if (!rc && !r->apns)
			rc = conf_text_set(&r->apns, i ? "" : c->authsrv_apns);
	}
	for (size_t i = 0; !rc && i < c->network_key_count; i++) {
		struct conf_network_key *k = &c->network_keys[i];
		if (!k->file)
			rc = conf_text_set(&k->file, i ? "" : c->paths_feeder_key);
		if (!rc && !k->nas_ids)
			rc = conf_text_set(&k->nas_ids, "");
	}
	return rc;
}

static void pop_seconds_complete(struct conf *c)
{
	c->realms[0].submission_pop_s = c->smtpgw_submission_pop_before_smtp;
	c->realms[0].submissions_pop_s = c->smtpgw_submissions_pop_before_smtp;
	for (size_t i = 0; i < c->realm_count; i++) {
		struct conf_realm *r = &c->realms[i];
		if (r->submission_pop_s < 0)
			r->submission_pop_s = c->smtpgw_pop_before_smtp;
		if (r->submissions_pop_s < 0)
			r->submissions_pop_s = c->smtpgw_pop_before_smtp;
	}
}

static int one_of(const char *key, const char *value, const char *const *words, char error[256])
{
	unsigned which;

	return conf_word_set(key, value, words, &which, error);
}

static int address_check(const char *key, const char *value, char error[256])
{
	struct addr a;

	if (!addr_parse(value, &a))
		return 0;
	snprintf(error, 256, "%s: '%.60s' is no address", key, value);
	return E_SYNTAX;
}

static int ranges_check(const char *key, const char *value, char error[256])
{
	struct addr_range ranges[BALANCERS_MAX];
	size_t n;

	if (!addr_ranges_parse(value, ranges, BALANCERS_MAX, &n))
		return 0;
	snprintf(error, 256, "%s: '%.60s' is no list of at most %d addresses and prefixes", key,
		 value, BALANCERS_MAX);
	return E_SYNTAX;
}

static int addresses_check(const char *key, const char *value, char error[256])
{
	static const char between[] = ", \t";
	struct mailaddr a;

	for (value += strspn(value, between); *value; value += strspn(value, between)) {
		size_t n = strcspn(value, between);
		if (mailaddr_parse(value, n, 0, &a)) {
			snprintf(error, 256, "%s: no mail address: '%.100s'", key, value);
			return E_SYNTAX;
		}
		value += n;
	}
	return 0;
}

static int url_check(const char *key, const char *value, char error[256])
{
	struct http_url url;

	if (!*value || !http_url_parse(value, &url))
		return 0;
	snprintf(error, 256, "%s: '%.60s' is not http://ADDR:PORT", key, value);
	return E_SYNTAX;
}

static int dns_servers_check(const char *name, const char *text, char error[256])
{
	struct dns_server servers[DNS_SERVERS_MAX];
	size_t n;

	if (strcmp(text, "none") == 0)
		return 0;
	int rc = dns_servers_parse(text, servers, DNS_SERVERS_MAX, &n);
	if (rc)
		snprintf(error, 256, "%s: '%.100s' is no list of at most %d ADDR[:PORT]", name,
			 text, DNS_SERVERS_MAX);
	return rc ? E_SYNTAX : 0;
}

static int dnsbl_check(const char *name, const char *text, char error[256])
{
	struct dnsbl_list lists[DNSBL_LISTS_MAX];
	const char *bad = text;
	size_t n;
	int rc = dnsbl_parse(text, lists, DNSBL_LISTS_MAX, &n, &bad);

	if (rc == E_TOO_LARGE)
		snprintf(error, 256, "%s: more than %d lists", name, DNSBL_LISTS_MAX);
	else if (rc)
		snprintf(error, 256, "%s: no ZONE=SCORE[:CODES]: '%.100s'", name, bad);
	return rc ? E_SYNTAX : 0;
}

int conf_check(struct conf *c, char error[256])
{
	struct conf_realm *r = &c->realms[0];

	r->handset_port = (uint16_t)c->authsrv_handset_port;
	r->handset_tls_port = (uint16_t)c->authsrv_handset_tls_port;
	r->pop3_port = (uint16_t)c->popgw_pop3_port;
	r->pop3s_port = (uint16_t)c->popgw_pop3s_port;
	r->submission_port = (uint16_t)c->smtpgw_submission_port;
	r->submissions_port = (uint16_t)c->smtpgw_submissions_port;
	r->trigger_port = (uint16_t)c->pushsrv_trigger_port;

	pop_seconds_complete(c);
	int rc = texts_complete(c);
	if (!rc)
		rc = one_of("popgw.login_id", c->popgw_login_id,
			    (const char *const[]){"account", "address", "both", NULL}, error);
	if (!rc)
		rc = one_of("smtpgw.login_id", c->smtpgw_login_id,
			    (const char *const[]){"account", "address", "both", NULL}, error);
	if (!rc)
		rc = one_of("smtpgw.foreign_from", c->smtpgw_foreign_from,
			    (const char *const[]){"refuse", "rewrite", NULL}, error);
	if (!rc)
		rc = one_of("smtpgw.return_seal", c->smtpgw_return_seal,
			    (const char *const[]){"off", "envid", "field", NULL}, error);
	if (!rc)
		rc = one_of("pushsrv.application_id", c->pushsrv_application_id,
			    (const char *const[]){"emn.ua", "spmode", NULL}, error);
	if (!rc)
		rc = one_of("log.level", c->log_level,
			    (const char *const[]){"debug", "info", "warn", "error", NULL}, error);
	if (!rc)
		rc = address_check("authsrv.handset_listen", c->authsrv_handset_listen, error);
	if (!rc)
		rc = address_check("authsrv.network_listen", c->authsrv_network_listen, error);
	if (!rc)
		rc = address_check("authsrv.radius_listen", c->authsrv_radius_listen, error);
	if (!rc)
		rc = address_check("smtpgw.listen", c->smtpgw_listen, error);
	if (!rc)
		rc = dns_servers_check("smtpgw.dns_servers", c->smtpgw_dns_servers, error);
	if (!rc)
		rc = dnsbl_check("smtpgw.dnsbl", c->smtpgw_dnsbl, error);
	if (!rc)
		rc = one_of("smtpgw.spf_fail", c->smtpgw_spf_fail,
			    (const char *const[]){"mark", "refuse", NULL}, error);
	if (!rc)
		rc = one_of("smtpgw.dmarc_reject", c->smtpgw_dmarc_reject,
			    (const char *const[]){"mark", "refuse", NULL}, error);
	if (!rc)
		rc = one_of("smtpgw.reverse_dns", c->smtpgw_reverse_dns,
			    (const char *const[]){"off", "mark", "refuse", NULL}, error);
	if (!rc)
		rc = ranges_check("smtpgw.checks_exempt", c->smtpgw_checks_exempt, error);
	if (!rc)
		rc = url_check("smtpgw.rspamd_url", c->smtpgw_rspamd_url, error);
	if (!rc)
		rc = addresses_check("smtpgw.traps", c->smtpgw_traps, error);
	if (!rc)
		rc = address_check("pushsrv.listen", c->pushsrv_listen, error);
	if (!rc)
		rc = address_check("popgw.listen", c->popgw_listen, error);
	if (!rc)
		rc = address_check("smsc-sim.listen", c->smsc_sim_listen, error);
	if (!rc)
		rc = one_of("smsc-sim.store", c->smsc_sim_store,
			    (const char *const[]){"memory", "db", NULL}, error);
	if (!rc)
		rc = ranges_check("authsrv.proxy_from", c->authsrv_proxy_from, error);
	if (!rc)
		rc = ranges_check("smtpgw.proxy_from", c->smtpgw_proxy_from, error);
	if (!rc)
		rc = ranges_check("popgw.proxy_from", c->popgw_proxy_from, error);
	for (size_t i = 0; !rc && i < c->realm_count; i++)
		rc = ranges_check("proxy_from", c->realms[i].proxy_from, error);
	for (size_t i = 0; !rc && i < c->realm_count; i++)
		if (*c->realms[i].trigger_source)
			rc = address_check("trigger_source", c->realms[i].trigger_source, error);
	for (size_t i = 0; !rc && i < c->network_key_count; i++)
		if (!*c->network_keys[i].file) {
			snprintf(error, 256, "[network-key %s]: no file", c->network_keys[i].id);
			rc = E_SYNTAX;
		}
	if (!rc)
		rc = conf_radius_check(c, error);
	if (!rc)
		rc = conf_esme_check(c, error);
	if (!rc)
		rc = conf_smsc_check(c, error);
	if (!rc && *c->smtpgw_relay_source)
		rc = address_check("smtpgw.relay_source", c->smtpgw_relay_source, error);
	if (!rc)
		rc = conf_route_check(c, error);
	return rc ? rc : conf_smtp_check(c, error);
}

const struct conf_realm *conf_realm(const struct conf *c, const char *name)
{
	for (size_t i = 0; i < c->realm_count; i++)
		if (!strcmp(c->realms[i].name, name))
			return &c->realms[i];
	return NULL;
}

bool conf_realm_trusts_pop(const struct conf_realm *r)
{
	return (r->submission_port && r->submission_pop_s > 0) ||
	       (r->submissions_port && r->submissions_pop_s > 0);
}
