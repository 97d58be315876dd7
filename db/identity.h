/* identity -- who is behind this token and this address? The keys of a subscriber's mail
 *
 * Whoever lets a handset read (popgw) or send (smtpgw) asks here, so that both decide alike. Three
 * keys (design 2): (a) the token unseals with the stored key that holds the TCP source address, and
 * names (S, generation), not expired; (b) the committed binding of that key is (S, generation) and
 * its state opens mail; (c) what is opened is S's own, by that same id: that is the caller's part,
 * with identity.via.subscriber. If the client gave a name, it is one of S's login ids.
 *
 * A token that unseals for this key and this generation but names somebody else is hard evidence
 * that bindings were mixed up, an expired one too: the key is quarantined, and nothing works on it
 * any more. That is done here whether or not the client still waits.
 *
 * identity_judge and identity_name_fits decide, without I/O; identity_ask asks the store. What was
 * found is true at that moment: ask again before each use (identity_holds), and let the transaction
 * that writes on the strength of it look by itself.
 *
 * OWNERSHIP  a struct identity_check is the caller's until `done` was called, which is exactly
 * once, maybe before identity_ask returns; credentials and texts in the question are borrowed until
 * then THREADS    the port's SEE        binding-rules 2, 4, 5
 */
#ifndef HATO_DB_IDENTITY_H
#define HATO_DB_IDENTITY_H

#include "db/db.h"
#include "lib/token.h"
#include "lib/wire/mailaddr.h"
#include "lib/wire/sasl.h"

/* Which names log in: a set. */
enum login_ids { LOGIN_ID_ACCOUNT = 1, LOGIN_ID_ADDRESS = 2, LOGIN_ID_BOTH = 3 };
/* "account", "address", "both"; E_SYNTAX. */
int login_ids_parse(const char *text, enum login_ids *out);

enum identity_verdict {
	IDENTITY_GOOD,
	IDENTITY_NO_BINDING,  /* nobody holds the address */
	IDENTITY_TOKEN,       /* not ours, altered, or from elsewhere */
	IDENTITY_EXPIRED,     /* the token */
	IDENTITY_OVER,        /* of an earlier generation, or the state opens no mail */
	IDENTITY_QUARANTINED, /* the key was already */
	IDENTITY_FROZEN,      /* by the operator */
	IDENTITY_OTHER,       /* the hard evidence: the key is quarantined now */
	IDENTITY_NAME,        /* is not the token's subscriber's */
	IDENTITY_NAME_FORM,   /* names of this kind do not log in */
	IDENTITY_STORE,       /* could not be asked: later */
	IDENTITY_VERDICTS
};

struct identity {
	struct access_via via; /* the stored key, the generation, the subscriber */
	char msisdn[MSISDN_MAX];
	struct binding_told seen; /* of the binding: where asking again begins */
};

/* Keys (a) and (b). `opened` is token_open's answer; *t counts unless it is E_AUTH. */
enum identity_verdict identity_judge(const struct binding *b, int opened, const struct token *t,
				     int64_t now_us);
/* Is `name` a login id of this subscriber? The account is the MSISDN, a leading + allowed; an
 * address in any spelling. */
enum identity_verdict identity_name_fits(const struct subscriber *owner, const char *name,
					 enum login_ids ids);
/* Does the committed binding that holds the peer's address now still say the same? */
bool identity_holds(const struct identity *who, const struct binding *now, int64_t now_us);
/* Is the mail address one of his? In any spelling. */
bool identity_owns(const struct subscriber *owner, const struct mailaddr *address);

struct identity_question {
	const char *asker; /* "popgw", for the evidence and the log */
	uint64_t session;  /* for the log */
	const char *realm;
	struct addr source; /* the peer, as the kernel says */
	uint16_t port;
	const struct sasl_credentials *credentials;
	enum login_ids names;
};

/* `who` counts with IDENTITY_GOOD; its msisdn also with the refusals of a name, for the log. */
typedef void identity_found(void *arg, enum identity_verdict, const struct identity *who);

struct identity_check {
	struct db_port *port;
	struct keyring *ring;
	struct identity_question question;
	struct identity who;
	identity_found *done;
	void *arg;
};
/* With port, ring, question, done and arg filled in. */
void identity_ask(struct identity_check *c);

#endif
