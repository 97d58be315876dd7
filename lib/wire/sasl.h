/* sasl -- the server's side of a login exchange, for POP3, SMTP and whatever comes after
 *
 * PLAIN, LOGIN, OAUTHBEARER and XOAUTH2 all end in the same thing here: a login id and a token.
 * The exchange is a value without I/O; the caller carries lines, beginning with sasl_server_start:
 *
 *     SASL_CHALLENGE    send s.challenge (base64, may be "") behind "+ " or "334 ", and give the
 *                       next line to sasl_server_answer
 *     SASL_CREDENTIALS  s.credentials is filled; check it. If it is good, the exchange is over;
 *                       if it is wrong, sasl_server_reject: it may want one more round (the
 *                       challenge says why, the client answers with anything) before it fails
 *     SASL_CANCELLED    the client sent "*"
 *     SASL_FAILED       s.error: E_SYNTAX (base64 or message), E_TOO_LARGE, E_AUTH (rejected, or
 *                       an authorization id that is not the login's own)
 *
 * A temporary failure of ours is no rejection: answer it at once, without the extra round.
 * A token longer than SASL_TOKEN_MAX, so none of ours, is given as the empty one: it can only be
 * wrong, and the refusal takes the usual way. OAUTHBEARER without a= has an empty login.
 *
 * OWNERSHIP  `s` is the caller's; challenges are constants. sasl_server_fini wipes the token.
 * THREADS    any
 * TRUST      lines come off the network: any length (over SASL_LINE_MAX is refused), any octets
 * SEE        RFC 4422 3, 4616 (PLAIN), 7628 3 (OAUTHBEARER), 5801 4 (gs2 header); 5034 4 and
 *            4954 4 ("*" and "="); protocols 5.1
 */
#ifndef HATO_LIB_WIRE_SASL_H
#define HATO_LIB_WIRE_SASL_H

#include <stddef.h>

#define SASL_LINE_MAX  12288 /* RFC 4954 4: one line of base64 */
#define SASL_LOGIN_MAX 255   /* RFC 4616 2 */
#define SASL_TOKEN_MAX 64

enum sasl_mechanism {
	SASL_PLAIN,
	SASL_LOGIN,
	SASL_OAUTHBEARER,
	SASL_XOAUTH2,
	SASL_MECHANISMS /* how many */
};

enum sasl_step { SASL_CHALLENGE, SASL_CREDENTIALS, SASL_CANCELLED, SASL_FAILED };

struct sasl_credentials {
	char login[SASL_LOGIN_MAX + 1]; /* printable UTF-8; "" if the client gave none */
	char token[SASL_TOKEN_MAX + 1]; /* no NUL in it, else any octets */
	size_t token_len;
};

enum sasl_state {
	SASL_STATE_MESSAGE,  /* the client's message comes next; LOGIN: its name */
	SASL_STATE_PASSWORD, /* LOGIN */
	SASL_STATE_DECIDE,   /* the caller has the credentials */
	SASL_STATE_REFUSED,  /* the client was told why; one more line */
	SASL_STATE_OVER
};

struct sasl_server {
	enum sasl_mechanism mechanism;
	enum sasl_state state;
	struct sasl_credentials credentials;
	const char *challenge;
	int error;
};

/* In any case of letters. E_NOT_FOUND. */
int sasl_mechanism_find(const char *name, size_t len, enum sasl_mechanism *out);
const char *sasl_mechanism_name(enum sasl_mechanism mechanism);

/* initial null: none was given. Length 0, and "=" too, is an empty one. */
enum sasl_step sasl_server_start(struct sasl_server *s, enum sasl_mechanism mechanism,
				 const char *initial, size_t len);
/* After SASL_CHALLENGE: the client's line without its CRLF. */
enum sasl_step sasl_server_answer(struct sasl_server *s, const char *line, size_t len);
/* After SASL_CREDENTIALS: they are wrong. */
enum sasl_step sasl_server_reject(struct sasl_server *s);
void sasl_server_fini(struct sasl_server *s);

#endif
