#include "popgw/identify.h"

#include <stdio.h>
#include <string.h>

#include "db/pop_login.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "popgw/session.h"

/* How POP3 says it. */
static const enum refusal refusals[IDENTITY_VERDICTS] = {
	[IDENTITY_GOOD] = REFUSAL_NONE,     [IDENTITY_NO_BINDING] = REFUSAL_NO_BINDING,
	[IDENTITY_TOKEN] = REFUSAL_TOKEN,   [IDENTITY_EXPIRED] = REFUSAL_EXPIRED,
	[IDENTITY_OVER] = REFUSAL_OVER,     [IDENTITY_QUARANTINED] = REFUSAL_QUARANTINED,
	[IDENTITY_FROZEN] = REFUSAL_FROZEN, [IDENTITY_OTHER] = REFUSAL_OTHER,
	[IDENTITY_NAME] = REFUSAL_NAME,     [IDENTITY_NAME_FORM] = REFUSAL_NAME_FORM,
	[IDENTITY_STORE] = REFUSAL_STORE,
};

/* ---- the steps: the keys, the lock, the maildrop ---- */

/* The lock was taken for nothing. If it is gone already, the session is about to be told so: it
 * ends here. */
static void refuse_locked(struct session *s, enum refusal why)
{
	session_unlock(s);
	if (s->has_lock)
		session_end(s, CLOSE_TAKEN);
	else
		login_decided(s, why);
}

/* An address that is not recorded has to log in to send: no reason to refuse the mail. */
static void on_recorded(void *arg, int err)
{
	struct session *s = arg;

	if (!session_back(s))
		return;
	if (err)
		log_event(LOG_ERROR, "pop-login-unrecorded", LOG_INT("session", s->id),
			  LOG_TEXT("error", err_text(err)), LOG_END);
	login_decided(s, REFUSAL_NONE);
}

/* POP before SMTP: the record is there when the client hears +OK. Behind a shared address nobody
 * would know whose login it was. */
static void finish(struct session *s)
{
	const struct pop_login login = {.subscriber = s->who.subscriber,
					.generation = s->who.generation,
					.at_us = clock_now_us()};

	if (!conf_realm_trusts_pop(conf_realm(s->worker->popgw->conf, s->realm)) ||
	    key_is_block(&s->who.key)) {
		login_decided(s, REFUSAL_NONE);
		return;
	}
	session_ask(s);
	pop_login_put(s->worker->db, s->realm, &s->addr, &login, on_recorded, s);
}

static void on_maildrop(void *arg, int err, struct maildrop *drop)
{
	struct session *s = arg;

	if (!session_back(s)) {
		maildrop_free(drop);
		return;
	}
	if (!err && drop->subscriber != s->who.subscriber) {
		log_event(LOG_ERROR, "maildrop-of-other", LOG_INT("session", s->id),
			  LOG_INT("subscriber", s->who.subscriber),
			  LOG_INT("maildrop", drop->subscriber), LOG_END);
		maildrop_free(drop);
		err = E_IO;
	} else if (!err) {
		err = maildrop_adopt(s, drop);
	}
	if (err) {
		refuse_locked(s, err == E_NOMEM ? REFUSAL_MEMORY : REFUSAL_STORE);
		return;
	}
	worker_watch(s->worker, s);
	finish(s);
}

static void open_maildrop(struct session *s)
{
	s->has_lock = true;
	session_ask(s);
	maildrop_open(s->worker->db, s->who.subscriber,
		      (size_t)s->worker->popgw->conf->popgw_max_messages, on_maildrop, s);
}

static bool holder_is_bound(const struct maildrop_holder *h, int64_t subscriber,
			    const struct binding_found *found, size_t n)
{
	int64_t now_us = clock_now_us();

	for (size_t i = 0; i < n; i++)
		if (key_equal(&found[i].b.key, &h->key) &&
		    binding_opens_mail(&found[i].b, subscriber, h->generation, now_us))
			return true;
	return false;
}

static void lock_maildrop(struct session *s);

static void try_again(void *arg)
{
	struct session *s = arg;

	if (s->state != POP_ENDED)
		lock_maildrop(s);
}

/* A phone whose connection broke is back before the other worker has noticed: so there is a little
 * patience, and not more than a client would not feel. */
#define LOCK_TRIES   4
#define LOCK_WAIT_US INT64_C(30000) /* doubled each time: 210 ms in all */

static void wait_or_refuse(struct session *s)
{
	if (++s->lock_tries < LOCK_TRIES && !s->patience)
		s->patience = loop_timer_new(s->worker->loop, try_again, s);
	if (s->lock_tries < LOCK_TRIES && s->patience)
		loop_timer_set(s->patience, LOCK_WAIT_US << (s->lock_tries - 1));
	else
		login_decided(s, REFUSAL_IN_USE);
}

/* The maildrop is locked. By a session whose binding still is one of the subscriber's: then that is
 * the phone, and it waits. Else by a ghost. */
static void on_holder(void *arg, int err, const struct binding_found *found, size_t n)
{
	struct session *s = arg;
	bool evicted = false;

	if (!session_back(s))
		return;
	if (err && err != E_NOT_FOUND) {
		login_decided(s, REFUSAL_STORE);
		return;
	}
	if ((!err && holder_is_bound(&s->rival, s->who.subscriber, found, n)) ||
	    maildrop_lock_take_over(s->worker->popgw->locks, &s->lock, s->rival.ticket, &evicted)) {
		wait_or_refuse(s);
		return;
	}
	if (evicted) {
		count(COUNT_TAKEOVERS, 1);
		log_event(LOG_WARN, "maildrop-taken-over", LOG_INT("session", s->id),
			  LOG_INT("from_session", s->rival.conn),
			  LOG_TEXT("account", s->who.msisdn),
			  LOG_INT("from_generation", s->rival.generation), LOG_END);
	}
	open_maildrop(s);
}

static void lock_maildrop(struct session *s)
{
	s->lock.subscriber = s->who.subscriber;
	s->lock.key = s->who.key;
	s->lock.generation = s->who.generation;
	if (maildrop_lock_take(s->worker->popgw->locks, &s->lock, &s->rival)) {
		session_ask(s);
		binding_of_subscriber(s->worker->db, s->rival.key.realm, s->who.subscriber,
				      on_holder, s);
	} else {
		open_maildrop(s);
	}
}

static void on_identity(void *arg, enum identity_verdict verdict, const struct identity *who)
{
	struct session *s = arg;

	if (verdict == IDENTITY_OTHER)
		count(COUNT_QUARANTINES, 1);
	if (!session_back(s))
		return;
	if (who->via.subscriber) {
		s->who = (struct who){.key = who->via.key,
				      .generation = who->via.generation,
				      .subscriber = who->via.subscriber};
		s->seen = who->seen;
		snprintf(s->who.msisdn, sizeof(s->who.msisdn), "%s", who->msisdn);
	}
	if (verdict == IDENTITY_GOOD)
		lock_maildrop(s);
	else
		login_decided(s, refusals[verdict]);
}

void identify_start(struct session *s)
{
	s->who = (struct who){0};
	s->lock_tries = 0;
	s->identity = (struct identity_check){
		.port = s->worker->db,
		.ring = s->worker->ring,
		.question = {.asker = "popgw",
			     .session = s->id,
			     .realm = s->realm,
			     .source = s->addr,
			     .port = s->port,
			     .credentials = &s->login.sasl.credentials,
			     .names = s->worker->popgw->login_ids},
		.done = on_identity,
		.arg = s,
	};
	session_ask(s);
	identity_ask(&s->identity);
}
