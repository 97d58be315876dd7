/* conf -- the configuration: one INI file, a section a daemon, and --set section.key=value on top
 *
 * Every key is a row of lib/settings.def; an unknown section or key, a value outside its bounds, a
 * second realm that is not well formed: one clear line and E_SYNTAX. Further sections: `[realm
 * NAME]` (its own listeners and egress) and `[network-key NAME]` (a bearer key of the network API:
 * file, scopes, realm, nas_ids) and `[radius-client NAME]` (who may bring lease
 * events by RADIUS), `[esme NAME]` (an account of smsc-sim) and `[smsc NAME]` (an SMSC that pushsrv
 * is bound to) and `[route NAME]` (where smtpgw sends mail for some domains). What was read does
 * not change while the program runs. OWNERSHIP conf_free frees all; texts are borrowed from the
 * conf. THREADS read-only after conf_load.
 */
#ifndef HATO_LIB_CONF_H
#define HATO_LIB_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/key.h"

#define CONF_LIST_MAX           16
#define CONF_REALMS_MAX         16
#define CONF_KEYS_MAX           64
#define CONF_RADIUS_CLIENTS_MAX 64
#define CONF_ESMES_MAX          64
#define CONF_SMSCS_MAX          16
#define CONF_SMSC_NAME_MAX      24 /* with its NUL */
#define CONF_SMSC_PRIORITY_MAX  99
#define CONF_ROUTES_MAX         64
#define CONF_ROUTE_NAME_MAX     24 /* with its NUL */

struct conf_list {
	int64_t value[CONF_LIST_MAX];
	size_t count;
};

/* A realm's doors. realms[0] is `default`: its ports are those of the daemons' sections. Port 0: no
 * such door. */
struct conf_realm {
	char name[REALM_MAX];
	uint16_t handset_port, handset_tls_port, pop3_port, pop3s_port;
	uint16_t submission_port, submissions_port;
	/* How long a POP login lets its address submit at either; 0 = not. -1, as
	 * smtpgw.pop_before_smtp: none after conf_load. */
	int64_t submission_pop_s, submissions_pop_s;
	uint16_t trigger_port;
	char *device; /* its listeners\' network device, "" = any; of `default`: see the daemons */
	char *trigger_source; /* egress: source address, "" = the system's choice */
	char *trigger_device; /* egress: network device (SO_BINDTODEVICE), "" = none */
	char *proxy_from;     /* its balancers, at every door; of `default`: see the daemons */
	char *apns;           /* commas: sessions of other APNs are not ours; "" = every APN is */
};

enum network_scope { SCOPE_LEASE = 1, SCOPE_PROVISION = 2, SCOPE_OPERATE = 4 };
struct conf_network_key {
	char id[32];
	char *file;      /* holds the bearer key */
	unsigned scopes; /* of enum network_scope */
	char realm[REALM_MAX];
	char *nas_ids; /* commas; "" = any */
};

/* What a NAS is told when an address of its is quarantined. */
enum conf_disconnect { CONF_DISCONNECT_OFF, CONF_DISCONNECT_DISCONNECT, CONF_DISCONNECT_COA };
struct conf_radius_client {
	char name[24];
	char *addresses;   /* commas: addresses and prefixes its packets come from */
	char *secret_file; /* holds the shared secret */
	char realm[REALM_MAX];
	char *nas_ids; /* commas; "" = any */
	enum conf_disconnect disconnect;
	uint16_t disconnect_port;
	int64_t lease_s; /* a session that is not heard of for so long is over; 0: until its Stop */
	char *disconnect_address; /* "" = where the NAS's accounting came from */
	char *coa_filter;         /* Filter-Id of a CoA-Request */
};

/* How an ESME may bind to smsc-sim. */
enum esme_bind { ESME_TRANSMITTER = 1, ESME_RECEIVER = 2, ESME_TRANSCEIVER = 4 };
struct conf_esme {
	char name[24];
	char system_id[16];
	char system_type[13]; /* "": any */
	char *password_file;  /* "": none is asked for */
	unsigned bind;        /* of enum esme_bind */
	uint32_t window;      /* requests without an answer, each way */
	uint32_t rate;        /* messages a second that it may send; 0: any number */
	char *address_range;  /* the numbers that are its: a regular expression; "": none */
	char *outbind;        /* host:port where it listens for our outbind; "": nowhere */
};

enum conf_smsc_tls { CONF_SMSC_PLAIN, CONF_SMSC_TLS, CONF_SMSC_TLS_VERIFIED };
enum conf_smsc_bind { CONF_SMSC_TRANSCEIVER, CONF_SMSC_PAIR };
enum conf_smsc_form { CONF_SMSC_FORM_UDH, CONF_SMSC_FORM_TLV }; /* where ports stand */
enum conf_smsc_parts { CONF_SMSC_PARTS_UDH, CONF_SMSC_PARTS_SAR, CONF_SMSC_PARTS_PAYLOAD };
/* A link to an SMSC; docs/sms.md has the keys' sentences. */
struct conf_smsc {
	char name[CONF_SMSC_NAME_MAX];
	char *host; /* an address */
	int64_t port;
	unsigned tls;   /* of enum conf_smsc_tls */
	char *tls_ca;   /* trusted certificates; "" = the system's */
	char *tls_name; /* what the certificate must name; "" = host */
	char *system_id, *password_file, *system_type;
	char *account;                  /* links of one account share message ids; "" = name */
	unsigned bind;                  /* of enum conf_smsc_bind */
	char *source;                   /* digits, or letters (at most 11); "" = the SMSC's */
	int64_t source_ton, source_npi; /* -1: derived from source */
	char *address_range, *service_type;
	int64_t priority;     /* 0 first */
	int64_t window, rate; /* requests in flight; messages/s, 0 = no limit */
	unsigned form, parts; /* of enum conf_smsc_form, conf_smsc_parts */
	int64_t response_us, enquire_us, refused_us;
	/* before a message may come again that the SMSC throttled, had no room for, or failed on */
	int64_t throttled_us, queue_full_us, temporary_us;
	struct conf_list reconnect; /* s */
};

enum conf_route_tls {
	CONF_ROUTE_TLS_OFF,
	CONF_ROUTE_TLS_OPPORTUNISTIC, /* where it is offered; nobody's certificate is checked */
	CONF_ROUTE_TLS_REQUIRED,      /* and the certificate must be the host's */
	CONF_ROUTE_TLS_UNSAID         /* smtpgw.relay_tls; none after conf_load */
};
/* Where smtpgw sends mail for some domains; docs/relay.md has the keys' sentences. */
struct conf_route {
	char name[CONF_ROUTE_NAME_MAX];
	char *domains; /* commas: a domain, .domain for all below it, * for every one */
	char *host;    /* name or address; "" = by MX */
	uint16_t port; /* 0 = smtpgw.relay_port */
	unsigned tls;  /* of enum conf_route_tls */
};

struct conf {
#define SETTING_INT(section, name, def, least, most, unit, text)  int64_t section##_##name;
#define SETTING_TEXT(section, name, def, text)                    char *section##_##name;
#define SETTING_FLAG(section, name, def, text)                    bool section##_##name;
#define SETTING_LIST(section, name, def, least, most, unit, text) struct conf_list section##_##name;
#include "lib/settings.def"
#undef SETTING_INT
#undef SETTING_TEXT
#undef SETTING_FLAG
#undef SETTING_LIST
	char *dir; /* folder of the configuration file, absolute: DIR */
	struct conf_realm realms[CONF_REALMS_MAX];
	size_t realm_count;
	struct conf_network_key network_keys[CONF_KEYS_MAX]; /* the first is `feeder`, all scopes,
								unless defined anew */
	size_t network_key_count;
	struct conf_radius_client radius_clients[CONF_RADIUS_CLIENTS_MAX]; /* the first is `local`:
									      this machine */
	size_t radius_client_count;
	struct conf_esme esmes[CONF_ESMES_MAX]; /* the first is `hato` */
	size_t esme_count;
	struct conf_smsc smscs[CONF_SMSCS_MAX]; /* none is named: `default`, to smsc-sim here */
	size_t smsc_count;
	struct conf_route routes[CONF_ROUTES_MAX];
	size_t route_count;
};

/* path null: defaults below `dir`. sets: "section.key=value" each. On failure error[] tells file,
 * line and why. */
int conf_load(const char *path, const char *dir, const char *const *sets, size_t set_count,
	      struct conf **out, char error[256]);
void conf_free(struct conf *c);

/* `relative` below DIR, absolute as it is; the caller frees. */
char *conf_path(const struct conf *c, const char *relative);
const struct conf_realm *conf_realm(const struct conf *c, const char *name);
/* One of its submission ports takes a POP login for AUTH. */
bool conf_realm_trusts_pop(const struct conf_realm *r);

/* A commented example of every key of the sections named in `sections` (null: all), as written by
 * `hato init`. */
void conf_print_example(FILE *to);
/* "section.key  default  [least..most unit]  sentence": a row each. */
void conf_print_settings(FILE *to, const char *section);

#endif
