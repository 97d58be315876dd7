/* The configuration: defaults, files, --set, and one clear line for whatever is wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/conf.h"
#include "lib/conf_running.h"
#include "lib/err.h"

static char dir[] = "/tmp/hato-conf-XXXXXX";

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	char command[64];

	snprintf(command, sizeof command, "rm -rf %s", dir);
	return system(command);
}

static char *file(const char *text)
{
	static char path[64];

	snprintf(path, sizeof path, "%s/hato.conf", dir);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	return path;
}

static struct conf *load(const char *text, const char *set)
{
	struct conf *c = NULL;
	char error[256];
	const char *sets[] = {set};

	if (conf_load(file(text), NULL, sets, set ? 1 : 0, &c, error))
		fail_msg("%s", error);
	return c;
}

static void test_defaults(void **state)
{
	(void)state;
	struct conf *c = load("", NULL);

	assert_int_equal(c->authsrv_token_seconds, 3600);
	assert_int_equal(c->pushsrv_quota_bytes, 52428800);
	assert_int_equal(c->pushsrv_retry.count, 4);
	assert_int_equal(c->pushsrv_retry.value[3], 600);
	assert_string_equal(c->smtpgw_local_domains, "hato.example");
	assert_true(c->popgw_auth_requires_tls);
	assert_int_equal(c->realm_count, 1);
	assert_int_equal(c->realms[0].pop3_port, 1110);
	assert_int_equal(c->network_key_count, 1);
	assert_string_equal(c->network_keys[0].file, "feeder.key");
	assert_int_equal(c->network_keys[0].scopes, SCOPE_LEASE | SCOPE_PROVISION | SCOPE_OPERATE);
	assert_string_equal(c->dir, dir);
	conf_free(c);
}

static void test_every_port_of_the_contract_is_known(void **state)
{
	(void)state;
	static const char *const keys[] = {"authsrv.handset_port",
					   "authsrv.handset_tls_port",
					   "authsrv.network_port",
					   "authsrv.radius_port",
					   "smtpgw.mx_port",
					   "smtpgw.submission_port",
					   "smtpgw.submissions_port",
					   "pushsrv.lmtp_port",
					   "popgw.pop3_port",
					   "popgw.pop3s_port",
					   "smsc-sim.smpp_port",
					   "smsc-sim.smpp_tls_port",
					   "smsc-sim.control_port",
					   "smsc-sim.radio_port",
					   "hato.console_port",
					   "pushsrv.trigger_port",
					   "pushsrv.trigger_source_port"};

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		char set[64];
		snprintf(set, sizeof set, "%s=4711", keys[i]);
		conf_free(load("", set));
	}
}

static void test_file_and_sets(void **state)
{
	(void)state;
	struct conf *c = load("[popgw]\npop3_port = 2110\nlogin_id = account\n"
			      "[pushsrv]\nretry = 1, 5\n[smsc-sim]\nsmpp_port=1\n",
			      "popgw.pop3_port=3110");

	assert_int_equal(c->popgw_pop3_port, 3110);
	assert_int_equal(c->realms[0].pop3_port, 3110);
	assert_string_equal(c->popgw_login_id, "account");
	assert_int_equal(c->pushsrv_retry.count, 2);
	assert_int_equal(c->pushsrv_retry.value[1], 5);
	assert_int_equal(c->smsc_sim_smpp_port, 1);
	conf_free(c);
}

static void test_accounts_of_esmes(void **state)
{
	(void)state;
	struct conf *c = load("[esme hato]\nwindow = 10\n"
			      "[esme bank]\nsystem_id = BANK\npassword_file = bank.pw\n"
			      "bind = transmitter, receiver\nwindow = 5\nrate = 100\n"
			      "system_type = OTP\naddress_range = ^4711\noutbind = ::1:2777\n",
			      "esme bank.window=6");

	assert_int_equal(c->esme_count, 2);
	assert_string_equal(c->esmes[0].system_id, "hato");
	assert_string_equal(c->esmes[0].password_file, "smpp.secret");
	assert_int_equal(c->esmes[0].window, 10);
	assert_int_equal(c->esmes[0].bind, ESME_TRANSMITTER | ESME_RECEIVER | ESME_TRANSCEIVER);
	const struct conf_esme *e = &c->esmes[1];
	assert_string_equal(e->system_id, "BANK");
	assert_string_equal(e->password_file, "bank.pw");
	assert_int_equal(e->bind, ESME_TRANSMITTER | ESME_RECEIVER);
	assert_int_equal(e->window, 6);
	assert_int_equal(e->rate, 100);
	assert_string_equal(e->system_type, "OTP");
	assert_string_equal(e->address_range, "^4711");
	assert_string_equal(e->outbind, "::1:2777");
	conf_free(c);
}

static void test_named_sections(void **state)
{
	(void)state;
	struct conf *c = load("[realm b]\nhandset_port = 9080\ntrigger_source = 10.0.0.1\n"
			      "proxy_from = 10.1.0.0/16, 10.2.0.1\n"
			      "[network-key pgw]\nfile = pgw.key\nscopes = lease\nrealm = b\n"
			      "nas_ids = pgw1,pgw2\n"
			      "[radius-client proxies]\naddresses = 10.9.0.0/24\nrealm = b\n"
			      "secret_file = p.secret\ndisconnect = coa\ncoa_filter = walled\n"
			      "lease_seconds = 7200\n[realm b]\napns = internet, mms\n",
			      "realm b.pop3_port=9110");

	assert_int_equal(c->realm_count, 2);
	const struct conf_realm *b = conf_realm(c, "b");
	assert_non_null(b);
	assert_int_equal(b->handset_port, 9080);
	assert_int_equal(b->pop3_port, 9110);
	assert_int_equal(b->trigger_port, 2948);
	assert_string_equal(b->trigger_source, "10.0.0.1");
	assert_string_equal(b->proxy_from, "10.1.0.0/16, 10.2.0.1");
	assert_null(conf_realm(c, "c"));
	assert_int_equal(c->network_key_count, 2);
	assert_int_equal(c->network_keys[1].scopes, SCOPE_LEASE);
	assert_string_equal(c->network_keys[1].realm, "b");
	assert_string_equal(b->apns, "internet, mms");
	assert_string_equal(c->realms[0].apns, "");
	assert_int_equal(c->radius_client_count, 2);
	assert_string_equal(c->radius_clients[0].name, "local");
	assert_string_equal(c->radius_clients[0].secret_file, "radius.secret");
	const struct conf_radius_client *r = &c->radius_clients[1];
	assert_string_equal(r->name, "proxies");
	assert_string_equal(r->realm, "b");
	assert_int_equal(r->disconnect, CONF_DISCONNECT_COA);
	assert_int_equal(r->disconnect_port, 3799);
	assert_int_equal(r->lease_s, 7200);
	assert_string_equal(r->nas_ids, "");
	conf_free(c);
}

static void test_smsc_default(void **state)
{
	(void)state;
	struct conf *c = load("[smsc-sim]\nsmpp_port = 3775\n", "smsc-sim.control_port=1");

	assert_int_equal(c->smsc_count, 1);
	assert_string_equal(c->smscs[0].name, "default");
	assert_string_equal(c->smscs[0].host, "127.0.0.1");
	assert_int_equal(c->smscs[0].port, 3775);
	assert_string_equal(c->smscs[0].system_id, "hato");
	assert_string_equal(c->smscs[0].password_file, "smpp.secret");
	assert_string_equal(c->smscs[0].account, "default");
	conf_free(c);

	c = load("", "smsc-sim.smpp_port=0");
	assert_int_equal(c->smsc_count, 0);
	conf_free(c);
}

static void test_smsc_sections(void **state)
{
	(void)state;
	struct conf *c =
		load("[smsc east]\nhost = 192.0.2.1\nsystem_id = hato\npassword_file = e.secret\n"
		     "tls = verify\ntls_name = smsc.example\nbind = transmitter+receiver\n"
		     "source = SPMAIL\nform = tlv\nparts = sar\nresponse_seconds = 7\n"
		     "reconnect = 1, 60\n"
		     "[smsc west]\nhost = ::1\nsystem_id = h\npassword_file = /w\naccount = east\n",
		     "smsc west.priority=3");
	const struct conf_smsc *east = &c->smscs[0], *west = &c->smscs[1];

	assert_int_equal(c->smsc_count, 2);
	assert_string_equal(east->name, "east");
	assert_int_equal(east->port, 2775);
	assert_int_equal(east->tls, CONF_SMSC_TLS_VERIFIED);
	assert_string_equal(east->tls_name, "smsc.example");
	assert_int_equal(east->bind, CONF_SMSC_PAIR);
	assert_int_equal(east->source_ton, -1);
	assert_int_equal(east->form, CONF_SMSC_FORM_TLV);
	assert_int_equal(east->parts, CONF_SMSC_PARTS_SAR);
	assert_int_equal(east->response_us, 7000000);
	assert_int_equal(east->reconnect.count, 2);
	assert_int_equal(east->reconnect.value[1], 60);
	assert_string_equal(east->account, "east");
	assert_string_equal(west->account, "east");
	assert_int_equal(west->priority, 3);
	assert_int_equal(west->bind, CONF_SMSC_TRANSCEIVER);
	conf_free(c);
}

static void test_routes(void **state)
{
	(void)state;
	struct conf *c = load("[smtpgw]\nrelay_tls = off\n"
			      "[route a]\ndomains = one.example, .two.example\nhost = [::1]:2526\n"
			      "tls = required\n"
			      "[route b]\ndomains = *\nhost = smart.example\n"
			      "[route c]\ndomains = x.example\n",
			      "route b.host=192.0.2.1:26");
	const struct conf_route *r = c->routes;

	assert_int_equal(c->route_count, 3);
	assert_string_equal(r[0].name, "a");
	assert_string_equal(r[0].host, "::1");
	assert_int_equal(r[0].port, 2526);
	assert_int_equal(r[0].tls, CONF_ROUTE_TLS_REQUIRED);
	assert_string_equal(r[1].host, "192.0.2.1");
	assert_int_equal(r[1].port, 26);
	assert_int_equal(r[1].tls, CONF_ROUTE_TLS_OFF);
	assert_string_equal(r[2].host, "");
	assert_int_equal(r[2].port, 0);
	conf_free(c);
}

static void test_refusals(void **state)
{
	(void)state;
	static const struct {
		const char *text, *set, *says;
	} cases[] = {
		{"[popgw]\npop_port = 1\n", NULL, "hato.conf:2: unknown key popgw.pop_port"},
		{"[popg]\nx = 1\n", NULL, "unknown section [popg]"},
		{"[popgw]\npop3_port = 70000\n", NULL, "0..65535"},
		{"[popgw]\npop3_port = 11x\n", NULL, "'11x'"},
		{"[popgw]\npop3_port =\n", NULL, "popgw.pop3_port"},
		{"[popgw]\nauth_requires_tls = maybe\n", NULL, "neither yes nor no"},
		{"[popgw]\nlogin_id = nobody\n", NULL, "none of account, address, both"},
		{"[pushsrv]\nretry = 1,0\n", NULL, "pushsrv.retry"},
		{"[pushsrv]\napplication_id = imode\n", NULL, "none of emn.ua, spmode"},
		{"[smtpgw]\nlisten = localhost\n", NULL, "is no address"},
		{"[smtpgw]\nrspamd_url = http://rspamd:11333\n", NULL, "is not http://ADDR:PORT"},
		{"[smtpgw]\ntraps = a@b.example, nobody\n", NULL,
		 "smtpgw.traps: no mail address: 'nobody'"},
		{"[smtpgw]\nchecks_exempt = here\n", NULL, "smtpgw.checks_exempt: 'here'"},
		{"[smtpgw]\ndnsbl = a=1 b\n", NULL, "smtpgw.dnsbl: no ZONE=SCORE[:CODES]: 'b'"},
		{"[smtpgw]\ndns_servers = ns.example\n", NULL, "smtpgw.dns_servers: 'ns.example'"},
		{"[authsrv]\nproxy_from = nobody\n", NULL, "authsrv.proxy_from: 'nobody'"},
		{"[popgw]\nmax_line = 1m\n", NULL, "whole number"},
		{"[popgw]\nproxy_from = 10.0.0.1/8\n", NULL, "popgw.proxy_from"},
		{"[realm b]\nproxy_from = ::/200\n", NULL, "proxy_from: '::/200'"},
		{"[realm B!]\nhandset_port = 1\n", NULL, "realm"},
		{"[realm default]\nhandset_port = 1\n", NULL, "daemons' sections"},
		{"[realm b]\nport = 1\n", NULL, "unknown key"},
		{"[realm b]\nsubmission_pop_before_smtp = 2d\n", NULL, "no time"},
		{"[network-key k]\nscopes = all\n", NULL, "scopes"},
		{"[network-key k]\nscopes = lease\n", NULL, "no file"},
		{"[radius-client k]\nsecret_file = k\n", NULL, "no addresses"},
		{"[radius-client k]\naddresses = 10.0.0.0/8\n", NULL, "no secret_file"},
		{"[radius-client k]\naddresses = ::1\nsecret_file = k\nrealm = b\n", NULL,
		 "no such realm"},
		{"[radius-client k]\naddresses = ::1\nsecret_file = k\ndisconnect = coa\n", NULL,
		 "coa_filter"},
		{"[radius-client k]\ndisconnect = yes\n", NULL, "none of off"},
		{"[radius-client k]\ndisconnect_port = 0\n", NULL, "whole number"},
		{"[radius-client k]\nlease_seconds = -1\n", NULL, "whole number"},
		{"[radius-client k]\nsecret = x\n", NULL, "unknown key"},
		{"[radius-client ]\nsecret = x\n", NULL, "1..23 characters"},
		{"[esme k]\nbind = all\n", NULL, "bind: 'all'"},
		{"[esme k]\nwindow = 0\n", NULL, "window: '0'"},
		{"[esme k]\noutbind = 2775\n", NULL, "not host:port"},
		{"[esme k]\nsystem_id = sixteen-letters-\n", NULL, "more than 15"},
		{"[esme k]\nsystem_id = hato\n", NULL, "that of [esme hato]"},
		{"[esme k]\nsecret = x\n", NULL, "unknown key"},
		{"[smsc-sim]\nstore = disk\n", NULL, "none of memory, db"},
		{"[authsrv]\nradius_listen = here\n", NULL, "no address"},
		{"[smsc a]\nhost = 192.0.2.1\npassword_file = a\n", NULL, "no system_id"},
		{"[smsc a]\nhost = 192.0.2.1\nsystem_id = a\n", NULL, "no password_file"},
		{"[smsc a]\nhost = smsc.example\nsystem_id = a\n", NULL, "host is no address"},
		{"[smsc a]\nhost = ::1\nsystem_id = a\npassword_file = a\ntls_name = b\n", NULL,
		 "need tls = verify"},
		{"[smsc a]\nhost = ::1\nsystem_id = a\npassword_file = a\ntls = yes\ntls_ca = b\n",
		 NULL, "need tls = verify"},
		{"[smsc a]\nsystem_id = 1234567890123456\n", NULL, "longer than 15"},
		{"[smsc a]\nbind = receiver\n", NULL, "none of transceiver, transmitter+receiver"},
		{"[smsc a]\nwindow = 0\n", NULL, "whole number in 1..1000"},
		{"[smsc a]\nreconnect =\n", NULL, "list of whole numbers"},
		{"[smsc a]\nreconnect = 1,-1\n", NULL, "list of whole numbers"},
		{"[smsc a]\nsmsc = b\n", NULL, "unknown key smsc"},
		{"[smsc a\"b]\nport = 1\n", NULL, "a link's name"},
		{"[smtpgw]\nrelay_tls = maybe\n", NULL, "none of off, opportunistic, required"},
		{"[smtpgw]\nrelay_source = eth0\n", NULL, "is no address"},
		{"[route a]\nhost = x.example\n", NULL, "[route a]: no domains"},
		{"[route a]\ndomains = x.example, y.example\n"
		 "[route b]\ndomains = z.example,Y.Example\n",
		 NULL, "[route a] and [route b]: both have 'Y.Example'"},
		{"[smtpgw]\nrelay_ca = nowhere.pem\n", NULL, "nowhere.pem: No such file"},
		{"[smtpgw]\ntraps = a@hato.example, b@b.example\n", NULL,
		 "smtpgw.traps: not of smtpgw.local_domains: 'b@b.example'"},
		{"[smtpgw]\nhostname = mx hato\n", NULL, "smtpgw.hostname: 'mx hato'"},
		{"[smtpgw]\nhostname = mx..hato.example\n", NULL, "is no host's name"},
		{"[smtpgw]\nhostname = -mx.hato.example\n", NULL, "is no host's name"},
		{"[smtpgw]\nhostname = mx.hato.example.\n", NULL, "is no host's name"},
		{"[route a]\nhost = x.example:0\n", NULL, "no host, nor host:port"},
		{"[route a]\nhost = x y\n", NULL, "no host, nor host:port"},
		{"[route a]\nhost = [::1\n", NULL, "no host, nor host:port"},
		{"[route a]\ntls = yes\n", NULL, "none of off, opportunistic, required"},
		{"[route a.b]\ntls = off\n", NULL, "a name is"},
		{"[route a]\nuser = x\n", NULL, "unknown key user"},
		{"no section\n", NULL, "hato.conf:1"},
		{"", "popgw", "section.key=value"},
		{"", "popgw.pop3_port", "section.key=value"},
		{"", "popgw.x=1", "--set: unknown key"},
		{"", "=1", "section.key=value"},
		{"[log]\nlevel = loud\n", NULL, "log.level"},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct conf *c = NULL;
		char error[256] = "";
		int rc = conf_load(file(cases[i].text), NULL, &cases[i].set, cases[i].set ? 1 : 0,
				   &c, error);
		if (!rc || !strstr(error, cases[i].says))
			fail_msg("case %zu: %d '%s', expected '%s'", i, rc, error, cases[i].says);
		assert_null(c);
	}
}

static void test_no_such_file(void **state)
{
	(void)state;
	struct conf *c;
	char error[256], path[64];

	snprintf(path, sizeof path, "%s/absent.conf", dir);
	assert_int_not_equal(conf_load(path, NULL, NULL, 0, &c, error), 0);
	assert_non_null(strstr(error, "No such file"));
	assert_int_equal(conf_load_running("/nonexistent", NULL, 0, &c, error), E_NOT_FOUND);
}

static void test_paths(void **state)
{
	(void)state;
	struct conf *c = load("", NULL);
	char expected[64];
	char *path = conf_path(c, "keys/x");

	snprintf(expected, sizeof expected, "%s/keys/x", dir);
	assert_string_equal(path, expected);
	free(path);
	path = conf_path(c, "/etc/x");
	assert_string_equal(path, "/etc/x");
	free(path);
	conf_free(c);
}

/* The example holds every key, commented out; uncommented it gives the defaults. */
static void test_example_is_the_defaults(void **state)
{
	(void)state;
	char *text = NULL, path[64];
	size_t n;
	FILE *to = open_memstream(&text, &n);

	conf_print_example(to);
	fclose(to);
	for (char *at = text; (at = strstr(at, "\n;")); at++)
		if (at[2] != ' ')
			memmove(at + 1, at + 2, strlen(at + 2) + 1);
	snprintf(path, sizeof path, "%s", file(text));
	free(text);
	struct conf *c = NULL;
	char error[256];
	if (conf_load(path, NULL, NULL, 0, &c, error))
		fail_msg("%s", error);
	assert_int_equal(c->popgw_idle_seconds, 600);
	assert_int_equal(c->pushsrv_retry.count, 4);
	conf_free(c);
}

static void test_durations(void **state)
{
	static const struct {
		const char *said;
		int64_t seconds; /* -1: refused */
	} rows[] = {{"30", 30},    {"30s", 30},
		    {"5m", 300},   {"2h", 7200},
		    {"1d", 86400}, {"0m", 0},
		    {"2d", -1},    {"m", -1},
		    {"5 m", -1},   {"5mm", -1},
		    {"-5m", -1},   {"5w", -1},
		    {"", -1},      {"9223372036854775807d", -1}};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char text[80], path[256], error[256];
		struct conf *c = NULL;
		snprintf(text, sizeof text, "[smtpgw]\npop_before_smtp = %s\n", rows[i].said);
		snprintf(path, sizeof path, "%s", file(text));
		int rc = conf_load(path, NULL, NULL, 0, &c, error);
		assert_int_equal(rc == 0, rows[i].seconds >= 0);
		if (!rc)
			assert_int_equal(c->smtpgw_pop_before_smtp, rows[i].seconds);
		conf_free(c);
	}
}

/* Each submission port its own; what is not said is smtpgw's. */
static void test_pop_before_smtp(void **state)
{
	(void)state;
	struct conf *c = load("[smtpgw]\npop_before_smtp = 5m\n"
			      "submissions_pop_before_smtp = 0\n"
			      "[realm b]\nsubmission_port = 9587\nsubmissions_port = 9465\n"
			      "submission_pop_before_smtp = 2h\n"
			      "[realm c]\nsubmission_port = 9588\n"
			      "submission_pop_before_smtp = 0\n"
			      "[realm d]\npop3_port = 9110\n",
			      NULL);

	assert_int_equal(c->realms[0].submission_pop_s, 300);
	assert_int_equal(c->realms[0].submissions_pop_s, 0);
	assert_int_equal(conf_realm(c, "b")->submission_pop_s, 7200);
	assert_int_equal(conf_realm(c, "b")->submissions_pop_s, 300);
	assert_true(conf_realm_trusts_pop(&c->realms[0]));
	assert_true(conf_realm_trusts_pop(conf_realm(c, "b")));
	assert_false(conf_realm_trusts_pop(conf_realm(c, "c"))); /* its one port does not */
	assert_false(conf_realm_trusts_pop(conf_realm(c, "d"))); /* it has none */
	conf_free(c);
	c = load("[smtpgw]\nsubmissions_pop_before_smtp = 1m\n", NULL);
	assert_int_equal(c->realms[0].submission_pop_s, 0);
	assert_int_equal(c->realms[0].submissions_pop_s, 60);
	conf_free(c);
}

static void test_smtp_that_is_well(void **state)
{
	(void)state;
	struct conf *c = load("[smtpgw]\nlocal_domains = a.example, B.Example\n"
			      "traps = x@b.example Y@A.EXAMPLE\nhostname = MX-1.a.example\n"
			      "[route a]\ndomains = x.example, .x.example, x.example\n"
			      "[route b]\ndomains = .example, *\n",
			      NULL);

	conf_free(c);
}

static void test_running_sets(void **state)
{
	(void)state;
	static const char *const sets[] = {"popgw.pop3_port=4110", "realm b.pop3_port=4111"};
	struct conf *c = load("[paths]\nrun = .\n", NULL), *again = NULL;
	char error[256];

	assert_int_equal(conf_running_write(c, sets, 2), 0);
	const char *const own[] = {"popgw.pop3s_port=4995"};
	if (conf_load_running(dir, own, 1, &again, error))
		fail_msg("%s", error);
	assert_int_equal(again->popgw_pop3_port, 4110);
	assert_int_equal(again->popgw_pop3s_port, 4995);
	assert_int_equal(conf_realm(again, "b")->pop3_port, 4111);
	conf_free(again);
	conf_running_remove(c);
	assert_int_equal(conf_load_running(dir, NULL, 0, &again, error), 0);
	assert_int_equal(again->popgw_pop3_port, 1110);
	conf_free(again);
	conf_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_every_port_of_the_contract_is_known),
		cmocka_unit_test(test_file_and_sets),
		cmocka_unit_test(test_named_sections),
		cmocka_unit_test(test_accounts_of_esmes),
		cmocka_unit_test(test_smsc_default),
		cmocka_unit_test(test_smsc_sections),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_no_such_file),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_example_is_the_defaults),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_pop_before_smtp),
		cmocka_unit_test(test_smtp_that_is_well),
		cmocka_unit_test(test_running_sets),
	};
	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
