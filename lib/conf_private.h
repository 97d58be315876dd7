/* conf_private -- shared by the parts of lib/conf only: rows, sections with names, printing */
#ifndef HATO_LIB_CONF_PRIVATE_H
#define HATO_LIB_CONF_PRIVATE_H

#include "lib/conf.h"

struct conf_row {
	const char *section, *name;
	enum { CONF_INT, CONF_TEXT, CONF_FLAG, CONF_LIST } kind;
	size_t offset;
	const char *def;
	int64_t least, most;
	const char *unit, *text;
};

const struct conf_row *conf_rows(size_t *count);
bool conf_section_is(const char *text, const char *section);
int conf_number(const char *text, int64_t least, int64_t most, int64_t *out);
/* Seconds, or a number of them that people say: 30s, 5m, 2h, 2d. */
int conf_seconds(const char *text, int64_t least, int64_t most, int64_t *out);
/* With the line of what is wrong. words: up to a null; *out: which of them. */
int conf_number_set(const char *name, const char *value, int64_t least, int64_t most, int64_t *out,
		    char error[256]);
int conf_word_set(const char *name, const char *value, const char *const *words, unsigned *out,
		  char error[256]);
int conf_list_parse(const char *text, int64_t least, int64_t most, struct conf_list *out);
int conf_text_set(char **at, const char *text);

/* [realm NAME] and [network-key NAME] */
int conf_realm_set(struct conf *c, const char *realm, const char *name, const char *value,
		   char error[256]);
int conf_network_key_set(struct conf *c, const char *id, const char *name, const char *value,
			 char error[256]);
/* [radius-client NAME] (conf_radius.c); the default client is there before any file is read. */
int conf_radius_default(struct conf *c);
int conf_radius_client_set(struct conf *c, const char *client, const char *name, const char *value,
			   char error[256]);
int conf_radius_check(struct conf *c, char error[256]);
void conf_radius_free(struct conf *c);
/* [esme NAME] (conf_esme.c); the default account likewise. */
int conf_esme_default(struct conf *c);
int conf_esme_set(struct conf *c, const char *esme, const char *name, const char *value,
		  char error[256]);
int conf_esme_check(struct conf *c, char error[256]);
void conf_esme_free(struct conf *c);
/* [smsc NAME] (conf_smsc.c) */
int conf_smsc_set(struct conf *c, const char *smsc, const char *name, const char *value,
		  char error[256]);
int conf_smsc_check(struct conf *c, char error[256]);
void conf_smsc_free(struct conf *c);
/* [route NAME] (conf_route.c); conf_route_tls reads a word of enum conf_route_tls. */
int conf_route_set(struct conf *c, const char *route, const char *name, const char *value,
		   char error[256]);
int conf_route_tls(const char *key, const char *value, unsigned *out, char error[256]);
int conf_route_check(struct conf *c, char error[256]);
void conf_route_free(struct conf *c);
/* After conf_route_check (conf_smtp.c): our name, traps, certificates, routes beside each other. */
int conf_smtp_check(const struct conf *c, char error[256]);
/* After all is read: what one key alone cannot tell; fills realms[0] and the defaults of the keys.
 */
int conf_check(struct conf *c, char error[256]);

#endif
