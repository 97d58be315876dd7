/* identify -- the three keys of a mailbox: token, committed binding, and the mailbox itself
 *
 * A maildrop of subscriber S opens only if (a) the token unseals with the stored key that holds the
 * TCP source address, and names (S, generation), not expired; (b) the committed binding of that key
 * is (S, generation) and its state opens mail; (c) the maildrop that is opened is S's, by that same
 * id. Never one of them alone (design 2).
 *
 * identify_judge and identify_name_fits decide, without I/O; identify_start asks the store and ends
 * in login_decided. A token that unseals for this key and this generation but names somebody else
 * is hard evidence that bindings were mixed up: the key is quarantined, and nothing works on it any
 * more.
 */
#ifndef HATO_POPGW_IDENTIFY_H
#define HATO_POPGW_IDENTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "db/db.h"
#include "lib/token.h"
#include "popgw/counters.h"

struct session;

/* Which names log in (popgw.login_id): a set. */
enum login_ids { LOGIN_ID_ACCOUNT = 1, LOGIN_ID_ADDRESS = 2, LOGIN_ID_BOTH = 3 };
/* "account", "address", "both"; E_SYNTAX. */
int login_ids_parse(const char *text, enum login_ids *out);

/* Keys (a) and (b). `opened` is token_open's answer; *t counts unless it is E_AUTH. REFUSAL_NONE:
 * both are good. REFUSAL_OTHER is the hard evidence. */
enum refusal identify_judge(const struct binding *b, int opened, const struct token *t,
			    int64_t now_us);

/* Is `name` a login id of this subscriber? The account is the MSISDN, a leading + allowed; an
 * address in any spelling. */
enum refusal identify_name_fits(const struct subscriber *owner, const char *name,
				enum login_ids ids);

/* With s->login.sasl.credentials filled. The session's command is not finished until
 * login_decided(s, ...) was called, which may be before this returns. */
void identify_start(struct session *s);

#endif
