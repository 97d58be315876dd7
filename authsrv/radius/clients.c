#include "authsrv/radius/clients.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/keyfile.h"
#include "lib/log.h"

#define SEPARATORS ", \t"

int radius_range_parse(const char *text, struct addr *addr, uint8_t *plen)
{
	char copy[ADDR_TEXT_MAX + 4];
	char *slash, *end;

	if (strlen(text) >= sizeof copy)
		return E_SYNTAX;
	strcpy(copy, text);
	slash = strchr(copy, '/');
	if (slash)
		*slash = '\0';
	if (addr_parse(copy, addr))
		return E_SYNTAX;
	unsigned long most = addr_is_v4(addr) ? 32 : 128, bits = most;
	if (slash) {
		bits = strtoul(slash + 1, &end, 10);
		if (end == slash + 1 || *end || slash[1] == '-' || slash[1] == '+' || bits > most)
			return E_SYNTAX;
	}
	*plen = (uint8_t)(128 - most + bits);
	struct addr masked = *addr;
	addr_mask(&masked, *plen);
	return addr_equal(&masked, addr) ? 0 : E_SYNTAX;
}

bool radius_list_has(const char *list, const char *word)
{
	size_t length = strlen(word);

	while (*(list += strspn(list, SEPARATORS))) {
		size_t n = strcspn(list, SEPARATORS);
		if (n == length && !memcmp(list, word, n))
			return true;
		list += n;
	}
	return false;
}

/* ::/0 is of IPv6 only, though IPv4 lies in it as we write it. */
bool radius_range_is_v4(const struct radius_range *r)
{
	return addr_is_v4(&r->addr) && r->plen >= 96;
}

static int ranges_add(struct radius_clients *all, const struct radius_client *client,
		      char error[256])
{
	char copy[4096], *save = NULL;
	const struct conf_radius_client *conf = client->conf;

	if (strlen(conf->addresses) >= sizeof copy) {
		snprintf(error, 256, "[radius-client %s]: too many addresses", conf->name);
		return E_TOO_LARGE;
	}
	strcpy(copy, conf->addresses);
	for (char *word = strtok_r(copy, SEPARATORS, &save); word;
	     word = strtok_r(NULL, SEPARATORS, &save)) {
		struct radius_range r = {.client = client};
		const char *wrong = NULL;
		if (all->range_count == RADIUS_RANGES_MAX)
			wrong = "is one range too many of all clients";
		else if (radius_range_parse(word, &r.addr, &r.plen))
			wrong = "is no address and no prefix";
		for (size_t i = 0; !wrong && i < all->range_count; i++)
			if (all->range[i].plen == r.plen &&
			    addr_equal(&all->range[i].addr, &r.addr))
				wrong = "is given twice";
		if (wrong) {
			snprintf(error, 256, "[radius-client %s]: addresses: '%.60s' %s",
				 conf->name, word, wrong);
			return E_SYNTAX;
		}
		all->range[all->range_count++] = r;
	}
	return 0;
}

/* The first line of the file. */
static int secret_take(struct radius_client *client, const char *text)
{
	size_t length = strcspn(text, "\r\n");

	if (length < RADIUS_SECRET_MIN || length > RADIUS_SECRET_MAX)
		return E_RANGE;
	memcpy(client->secret, text, length);
	client->secret_len = length;
	return 0;
}

static int secret_load(const struct conf *conf, struct radius_client *client, char error[256])
{
	char *path = conf_path(conf, client->conf->secret_file);
	char *text = NULL;
	size_t length = 0;
	int rc = path ? keyfile_read(path, &text, &length, NULL) : E_NOMEM;

	if (rc) {
		snprintf(error, 256, "[radius-client %s]: cannot read %.120s: %s",
			 client->conf->name, path ? path : client->conf->secret_file, err_text(rc));
		goto out;
	}
	rc = secret_take(client, text);
	if (rc)
		snprintf(error, 256, "[radius-client %s]: %.120s: a line of %d to %d characters",
			 client->conf->name, path, RADIUS_SECRET_MIN, RADIUS_SECRET_MAX);
	keyfile_wipe(text, length);
out:
	free(path);
	return rc;
}

static int client_add(struct radius_clients *all, const struct conf *conf, size_t index,
		      char error[256])
{
	struct radius_client *client = &all->client[all->count];

	*client = (struct radius_client){.conf = &conf->radius_clients[index]};
	client->realm = conf_realm(conf, client->conf->realm);
	snprintf(client->feeder, sizeof client->feeder, "radius:%s", client->conf->name);
	int rc = secret_load(conf, client, error);
	if (rc == E_NOT_FOUND && index == 0) {
		log_event(LOG_WARN, "no-radius-secret", LOG_TEXT("path", client->conf->secret_file),
			  LOG_END);
		return 0;
	}
	if (!rc)
		rc = ranges_add(all, client, error);
	all->count++;
	return rc;
}

static int longer_first(const void *a, const void *b)
{
	const struct radius_range *x = a, *y = b;

	return (int)y->plen - (int)x->plen;
}

int radius_clients_load(const struct conf *conf, struct radius_clients **out, char error[256])
{
	struct radius_clients *all = calloc(1, sizeof *all);
	int rc = 0;

	if (!all) {
		snprintf(error, 256, "out of memory");
		return E_NOMEM;
	}
	for (size_t i = 0; !rc && i < conf->radius_client_count; i++)
		rc = client_add(all, conf, i, error);
	if (rc) {
		radius_clients_free(all);
		return rc;
	}
	qsort(all->range, all->range_count, sizeof *all->range, longer_first);
	*out = all;
	return 0;
}

void radius_clients_free(struct radius_clients *c)
{
	if (!c)
		return;
	explicit_bzero(c, sizeof *c);
	free(c);
}

const struct radius_client *radius_clients_find(const struct radius_clients *c,
						const struct addr *source)
{
	for (size_t i = 0; i < c->range_count; i++) {
		struct addr masked = *source;
		if (radius_range_is_v4(&c->range[i]) != addr_is_v4(source))
			continue;
		addr_mask(&masked, c->range[i].plen);
		if (addr_equal(&masked, &c->range[i].addr))
			return c->range[i].client;
	}
	return NULL;
}
