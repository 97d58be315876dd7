#include "smtpgw/submission/sender.h"

#include <stdio.h>

#include "lib/clock.h"
#include "lib/err.h"

static void on_owner(void *arg, int err, const struct subscriber *owner)
{
	struct sender_check *c = arg;

	if (err)
		c->done(c->arg, err == E_NOT_FOUND ? SENDER_MOVED : SENDER_STORE, NULL);
	else
		c->done(c->arg, SENDER_KNOWN, owner);
}

static void on_pop_login(void *arg, int err, const struct pop_login *login)
{
	struct sender_check *c = arg;
	const struct binding *b = &c->binding;
	int64_t now_us = clock_now_us();

	if (err && err != E_NOT_FOUND) {
		c->done(c->arg, SENDER_STORE, NULL);
		return;
	}
	/* A clock that was set back makes a login of the future: it counts for nothing. */
	if (err || login->at_us > now_us || now_us - login->at_us > c->pop_us ||
	    !binding_opens_mail(b, login->subscriber, login->generation, now_us)) {
		c->done(c->arg, SENDER_NOBODY, NULL);
		return;
	}
	c->who.via = (struct access_via){
		.key = b->key, .generation = b->generation, .subscriber = b->subscriber};
	subscriber_by_id(c->port, b->subscriber, on_owner, c);
}

static void on_binding(void *arg, int err, const struct binding_found *found)
{
	struct sender_check *c = arg;
	bool is_known = c->who.via.subscriber != 0;

	if (err && err != E_NOT_FOUND) {
		c->done(c->arg, SENDER_STORE, NULL);
	} else if (is_known && (err || !identity_holds(&c->who, &found->b, clock_now_us()))) {
		c->done(c->arg, SENDER_MOVED, NULL);
	} else if (is_known) {
		subscriber_by_id(c->port, c->who.via.subscriber, on_owner, c);
	} else if (err || !c->pop_us || key_is_block(&found->b.key)) {
		c->done(c->arg, SENDER_NOBODY, NULL);
	} else {
		c->binding = found->b;
		snprintf(c->who.msisdn, sizeof c->who.msisdn, "%s", found->msisdn);
		pop_login_find(c->port, c->realm, &c->source, on_pop_login, c);
	}
}

void sender_ask(struct sender_check *c)
{
	binding_find(c->port, c->realm, &c->source, c->source_port, on_binding, c);
}
