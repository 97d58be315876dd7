/* identify -- a login: the keys (db/identity.h), the maildrop's lock, the maildrop
 *
 * Keys (a) and (b) are decided where smtpgw asks too; (c) here: the maildrop that is opened is the
 * same subscriber's, by id.
 */
#ifndef HATO_POPGW_IDENTIFY_H
#define HATO_POPGW_IDENTIFY_H

struct session;

/* With s->login.sasl.credentials filled. The session's command is not finished until
 * login_decided(s, ...) was called, which may be before this returns. */
void identify_start(struct session *s);

#endif
