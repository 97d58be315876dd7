/* client_private -- between the parts of the SMTP client: the session (client.c), a mail's envelope
 * (client_envelope.c) and its content (client_content.c)
 */
#ifndef HATO_SMTPGW_RELAY_CLIENT_PRIVATE_H
#define HATO_SMTPGW_RELAY_CLIENT_PRIVATE_H

#include "smtpgw/relay/client.h"

void client_say(struct client *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The reply that was just heard, at this stage; our own words. */
void client_heard_at(const struct client *c, enum relay_stage stage, struct relay_answer *out);
void client_own_words(enum relay_stage stage, const char *enhanced, const char *text,
		      struct relay_answer *out);

/* To everybody of the mail who has no answer yet. */
void client_answer_rest(struct client *c, const struct relay_answer *a);
/* All are answered: the mail is over, and so is the connection if `is_closing`. */
void client_done(struct client *c);
/* The host has lost the thread, or we have: no more of it. */
void client_give_up(struct client *c, const char *enhanced, const char *text);

void client_envelope_begin(struct client *c);
void client_envelope_heard(struct client *c);
void client_content_begin(struct client *c);
void client_content_heard(struct client *c);
void client_final_heard(struct client *c);

#endif
