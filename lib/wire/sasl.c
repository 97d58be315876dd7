#include "lib/wire/sasl.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "lib/err.h"
#include "lib/wire/base64.h"
#include "lib/wire/utf8.h"

#define KVSEP '\x01'

/* A decoded message, or what is left of one. */
struct span {
	const char *at;
	size_t len;
};

static int read_plain(struct sasl_server *s, struct span message);
static int read_login(struct sasl_server *s, struct span message);
static int read_oauthbearer(struct sasl_server *s, struct span message);
static int read_xoauth2(struct sasl_server *s, struct span message);

static const struct {
	const char *name;
	/* 0: credentials are complete. E_AGAIN: s->challenge asks for more. */
	int (*read)(struct sasl_server *s, struct span message);
	const char *first;   /* challenge, if there is no initial response */
	const char *refusal; /* challenge before the failure, null for none */
} mechanisms[SASL_MECHANISMS] = {
	[SASL_PLAIN] = {"PLAIN", read_plain, "", NULL},
	[SASL_LOGIN] = {"LOGIN", read_login, "VXNlcm5hbWU6" /* Username: */, NULL},
	/* {"status":"invalid_token","scope":"mail"} */
	[SASL_OAUTHBEARER] = {"OAUTHBEARER", read_oauthbearer, "",
			      "eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NvcGUiOiJtYWlsIn0="},
	/* {"status":"401","schemes":"bearer","scope":"mail"} */
	[SASL_XOAUTH2] = {"XOAUTH2", read_xoauth2, "",
			  "eyJzdGF0dXMiOiI0MDEiLCJzY2hlbWVzIjoiYmVhcmVyIiwic2NvcGUiOiJtYWlsIn0="},
};

int sasl_mechanism_find(const char *name, size_t len, enum sasl_mechanism *out)
{
	for (int m = 0; m < SASL_MECHANISMS; m++) {
		if (strlen(mechanisms[m].name) == len &&
		    strncasecmp(mechanisms[m].name, name, len) == 0) {
			*out = (enum sasl_mechanism)m;
			return 0;
		}
	}
	return E_NOT_FOUND;
}

const char *sasl_mechanism_name(enum sasl_mechanism mechanism)
{
	return mechanisms[mechanism].name;
}

/* Cuts off what stands before `end`, and the end. False: there is no such end. */
static bool span_cut(struct span *rest, char end, struct span *head)
{
	const char *found = rest->len ? memchr(rest->at, end, rest->len) : NULL;

	if (!found)
		return false;
	*head = (struct span){rest->at, (size_t)(found - rest->at)};
	rest->at = found + 1;
	rest->len -= head->len + 1;
	return true;
}

static bool span_skip(struct span *rest, const char *prefix)
{
	size_t len = strlen(prefix);

	if (rest->len < len || strncasecmp(rest->at, prefix, len) != 0)
		return false;
	rest->at += len;
	rest->len -= len;
	return true;
}

static bool span_is(struct span s, const char *text)
{
	return s.len == strlen(text) && strncasecmp(s.at, text, s.len) == 0;
}

static int keep_login(struct sasl_server *s, struct span login)
{
	if (login.len > SASL_LOGIN_MAX)
		return E_TOO_LARGE;
	if (!utf8_is_printable(login.at, login.len, true))
		return E_SYNTAX;
	memcpy(s->credentials.login, login.at, login.len);
	s->credentials.login[login.len] = '\0';
	return 0;
}

static int keep_token(struct sasl_server *s, struct span token)
{
	if (token.len > 0 && memchr(token.at, '\0', token.len))
		return E_SYNTAX;
	if (token.len > SASL_TOKEN_MAX)
		token.len = 0;
	memcpy(s->credentials.token, token.at, token.len);
	s->credentials.token[token.len] = '\0';
	s->credentials.token_len = token.len;
	return 0;
}

/* authzid NUL authcid NUL password */
static int read_plain(struct sasl_server *s, struct span message)
{
	struct span authzid, authcid;
	int err;

	if (!span_cut(&message, '\0', &authzid) || !span_cut(&message, '\0', &authcid) ||
	    authcid.len == 0 || message.len == 0)
		return E_SYNTAX;
	err = keep_login(s, authcid);
	if (!err)
		err = keep_token(s, message);
	if (err || authzid.len == 0)
		return err;
	if (authzid.len != authcid.len || memcmp(authzid.at, authcid.at, authcid.len) != 0)
		return E_AUTH;
	return 0;
}

static int read_login(struct sasl_server *s, struct span message)
{
	int err;

	if (s->state == SASL_STATE_PASSWORD)
		return keep_token(s, message);
	if (message.len == 0)
		return E_SYNTAX;
	err = keep_login(s, message);
	if (err)
		return err;
	s->state = SASL_STATE_PASSWORD;
	s->challenge = "UGFzc3dvcmQ6"; /* Password: */
	return E_AGAIN;
}

/* b64token of RFC 6750 2.1 */
static bool is_bearer_token(struct span token)
{
	while (token.len > 0 && token.at[token.len - 1] == '=')
		token.len--;
	for (size_t i = 0; i < token.len; i++) {
		char c = token.at[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
		      (c != '\0' && strchr("-._~+/", c))))
			return false;
	}
	return token.len > 0;
}

/* `Bearer TOKEN` */
static int read_auth(struct sasl_server *s, struct span value)
{
	if (!span_skip(&value, "Bearer "))
		return E_SYNTAX;
	while (value.len > 0 && value.at[0] == ' ')
		span_skip(&value, " ");
	return is_bearer_token(value) ? keep_token(s, value) : E_SYNTAX;
}

/* One key=value of either form, without its end. Keys that mean nothing here are passed over. */
static int read_pair(struct sasl_server *s, struct span pair, bool *has_user, bool *has_auth)
{
	struct span key;

	if (!span_cut(&pair, '=', &key) || key.len == 0)
		return E_SYNTAX;
	if (pair.len > 0 && memchr(pair.at, '\0', pair.len))
		return E_SYNTAX;
	if (span_is(key, "auth")) {
		if (*has_auth)
			return E_SYNTAX;
		*has_auth = true;
		return read_auth(s, pair);
	}
	if (span_is(key, "user") && s->mechanism == SASL_XOAUTH2) {
		if (*has_user || pair.len == 0)
			return E_SYNTAX;
		*has_user = true;
		return keep_login(s, pair);
	}
	return 0;
}

/* *(key "=" value kvsep) kvsep, with nothing behind */
static int read_pairs(struct sasl_server *s, struct span message)
{
	bool has_user = false, has_auth = false;
	struct span pair;

	while (span_cut(&message, KVSEP, &pair)) {
		int err;

		if (pair.len == 0) {
			bool is_whole = message.len == 0 && has_auth &&
					(has_user || s->mechanism != SASL_XOAUTH2);

			return is_whole ? 0 : E_SYNTAX;
		}
		err = read_pair(s, pair, &has_user, &has_auth);
		if (err)
			return err;
	}
	return E_SYNTAX;
}

/* saslname of RFC 5801 4: a comma is =2C there, an equals sign =3D. */
static int read_saslname(struct sasl_server *s, struct span name)
{
	char text[SASL_LOGIN_MAX];
	size_t used = 0;

	while (name.len > 0) {
		char c = name.at[0];

		if (span_skip(&name, "=2C"))
			c = ',';
		else if (span_skip(&name, "=3D"))
			c = '=';
		else if (c == '=')
			return E_SYNTAX;
		else
			name = (struct span){name.at + 1, name.len - 1};
		if (used == sizeof text)
			return E_TOO_LARGE;
		text[used++] = c;
	}
	return used > 0 ? keep_login(s, (struct span){text, used}) : E_SYNTAX;
}

/* gs2-header kvsep *kvpair kvsep. There is no channel binding: `p=` must not be waved through. */
static int read_oauthbearer(struct sasl_server *s, struct span message)
{
	struct span flag, authzid, nothing;
	int err = 0;

	if (!span_cut(&message, ',', &flag) || (!span_is(flag, "n") && !span_is(flag, "y")) ||
	    !span_cut(&message, ',', &authzid))
		return E_SYNTAX;
	if (authzid.len > 0)
		err = span_skip(&authzid, "a=") ? read_saslname(s, authzid) : E_SYNTAX;
	if (err)
		return err;
	if (!span_cut(&message, KVSEP, &nothing) || nothing.len > 0)
		return E_SYNTAX;
	return read_pairs(s, message);
}

static int read_xoauth2(struct sasl_server *s, struct span message)
{
	return read_pairs(s, message);
}

static enum sasl_step fail(struct sasl_server *s, int err)
{
	explicit_bzero(&s->credentials, sizeof s->credentials);
	s->state = SASL_STATE_OVER;
	s->error = err;
	return SASL_FAILED;
}

static enum sasl_step challenge(struct sasl_server *s, const char *text)
{
	s->challenge = text;
	return SASL_CHALLENGE;
}

static enum sasl_step take_message(struct sasl_server *s, const char *line, size_t len)
{
	char message[BASE64_OCTETS_MAX(SASL_LINE_MAX)];
	size_t message_len;
	int err;

	if (len > SASL_LINE_MAX)
		return fail(s, E_TOO_LARGE);
	if (base64_decode(BASE64_STD, line, len, message, sizeof message, &message_len))
		return fail(s, E_SYNTAX);
	err = mechanisms[s->mechanism].read(s, (struct span){message, message_len});
	explicit_bzero(message, message_len);
	if (err == E_AGAIN)
		return SASL_CHALLENGE;
	if (err)
		return fail(s, err);
	s->state = SASL_STATE_DECIDE;
	return SASL_CREDENTIALS;
}

enum sasl_step sasl_server_start(struct sasl_server *s, enum sasl_mechanism mechanism,
				 const char *initial, size_t len)
{
	assert(mechanism < SASL_MECHANISMS);
	memset(s, 0, sizeof *s);
	s->mechanism = mechanism;
	s->state = SASL_STATE_MESSAGE;
	s->challenge = "";
	if (!initial)
		return challenge(s, mechanisms[mechanism].first);
	if (len == 1 && initial[0] == '=')
		len = 0;
	return take_message(s, initial, len);
}

enum sasl_step sasl_server_answer(struct sasl_server *s, const char *line, size_t len)
{
	if (s->state == SASL_STATE_REFUSED)
		return fail(s, E_AUTH);
	assert(s->state == SASL_STATE_MESSAGE || s->state == SASL_STATE_PASSWORD);
	if (len == 1 && line[0] == '*') {
		sasl_server_fini(s);
		return SASL_CANCELLED;
	}
	return take_message(s, line, len);
}

enum sasl_step sasl_server_reject(struct sasl_server *s)
{
	assert(s->state == SASL_STATE_DECIDE);
	if (!mechanisms[s->mechanism].refusal)
		return fail(s, E_AUTH);
	explicit_bzero(&s->credentials, sizeof s->credentials);
	s->state = SASL_STATE_REFUSED;
	return challenge(s, mechanisms[s->mechanism].refusal);
}

void sasl_server_fini(struct sasl_server *s)
{
	explicit_bzero(&s->credentials, sizeof s->credentials);
	s->state = SASL_STATE_OVER;
}
