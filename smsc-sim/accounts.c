#include "smsc-sim/accounts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/digest.h"
#include "lib/err.h"
#include "lib/keyfile.h"

/* ---- numbers ---- */

/* No intervals and no back references: with those the C library's matcher can be made to take all
 * memory and time that there is. */
static bool is_plain_pattern(const char *text)
{
	return text[strspn(text, "0123456789"
				 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				 "^$.*+?[]-()|")] == '\0';
}

int number_range_set(struct number_range *r, const char *text)
{
	regex_t pattern;

	if (!*text)
		return 0;
	if (!is_plain_pattern(text) || regcomp(&pattern, text, REG_EXTENDED | REG_NOSUB))
		return E_SYNTAX;
	number_range_clear(r);
	*r = (struct number_range){.is_set = true, .pattern = pattern};
	return 0;
}

void number_range_clear(struct number_range *r)
{
	if (r->is_set)
		regfree(&r->pattern);
	r->is_set = false;
}

bool number_range_has(const struct number_range *r, const char *number)
{
	return r->is_set && regexec(&r->pattern, number, 0, NULL, 0) == 0;
}

/* ---- opening ---- */

/* The first line; a missing file is said by E_NOT_FOUND. */
static int password_read(const char *path, char out[SMPP_PASSWORD_SIZE], char error[256])
{
	char *text = NULL;
	size_t len = 0;
	int rc = keyfile_read(path, &text, &len, NULL);

	if (rc) {
		snprintf(error, 256, "%.180s: %s", path, err_text(rc));
		return rc;
	}
	size_t n = strcspn(text, "\r\n");
	if (n == 0 || n >= SMPP_PASSWORD_SIZE) {
		snprintf(error, 256, "%.180s: a password has 1..%d characters", path,
			 SMPP_PASSWORD_SIZE - 1);
		rc = E_SYNTAX;
	} else {
		memcpy(out, text, n);
		out[n] = 0;
	}
	keyfile_wipe(text, len);
	return rc;
}

/* The default account is there without being asked for: where nobody made its password (a
 * configuration without `hato init`) it is closed. */
static int account_open(const struct conf *c, struct account *a, bool is_default, char error[256])
{
	int rc = number_range_set(&a->range, a->conf->address_range);

	if (rc) {
		snprintf(error, 256, "[esme %s]: address_range: '%.60s' is no plain pattern",
			 a->conf->name, a->conf->address_range);
		return rc;
	}
	a->is_open = true;
	if (!*a->conf->password_file)
		return 0;
	char *path = conf_path(c, a->conf->password_file);
	if (!path)
		return E_NOMEM;
	rc = password_read(path, a->password, error);
	free(path);
	if (rc == E_NOT_FOUND && is_default) {
		a->is_open = false;
		rc = 0;
	}
	return rc;
}

int accounts_open(const struct conf *c, struct accounts *out, char error[256])
{
	struct accounts all = {.rows = calloc(c->esme_count, sizeof *all.rows)};
	int rc = all.rows ? 0 : E_NOMEM;

	*error = 0;
	for (size_t i = 0; !rc && i < c->esme_count; i++) {
		struct account *a = &all.rows[all.count++];
		a->conf = &c->esmes[i];
		a->index = (int)i;
		a->tokens = a->conf->rate;
		rc = account_open(c, a, i == 0, error);
	}
	if (rc) {
		accounts_close(&all);
		return rc;
	}
	*out = all;
	return 0;
}

void accounts_close(struct accounts *all)
{
	for (size_t i = 0; i < all->count; i++) {
		number_range_clear(&all->rows[i].range);
		explicit_bzero(all->rows[i].password, sizeof all->rows[i].password);
	}
	free(all->rows);
	*all = (struct accounts){0};
}

/* ---- asking ---- */

struct account *account_by_system_id(struct accounts *all, const char *system_id)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->rows[i].is_open && !strcmp(all->rows[i].conf->system_id, system_id))
			return &all->rows[i];
	return NULL;
}

struct account *account_by_name(struct accounts *all, const char *name)
{
	for (size_t i = 0; i < all->count; i++)
		if (!strcmp(all->rows[i].conf->name, name))
			return &all->rows[i];
	return NULL;
}

static bool password_is(const struct account *a, const char *said)
{
	char padded[SMPP_PASSWORD_SIZE] = "";

	memcpy(padded, said, strnlen(said, sizeof padded - 1));
	return !*a->password || ct_equal(padded, a->password, sizeof padded);
}

uint32_t account_check_bind(const struct account *a, uint32_t command, const struct smpp_bind *bind)
{
	unsigned kind = command == SMPP_BIND_TRANSMITTER ? ESME_TRANSMITTER
			: command == SMPP_BIND_RECEIVER  ? ESME_RECEIVER
							 : ESME_TRANSCEIVER;

	if (!password_is(a, bind->password))
		return SMPP_RINVPASWD;
	if (*a->conf->system_type && strcmp(a->conf->system_type, bind->system_type) != 0)
		return SMPP_RINVSYSTYP;
	return a->conf->bind & kind ? SMPP_ROK : SMPP_RBINDFAIL;
}

/* A second's worth may come at once. */
bool account_take_token(struct account *a, int64_t now_us)
{
	double rate = a->conf->rate;

	if (rate <= 0)
		return true;
	if (now_us > a->tokens_us) {
		a->tokens += (double)(now_us - a->tokens_us) * rate / (double)CLOCK_S;
		a->tokens_us = now_us;
	}
	if (a->tokens > rate)
		a->tokens = rate;
	if (a->tokens < 1)
		return false;
	a->tokens -= 1;
	return true;
}
