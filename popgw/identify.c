#include "popgw/identify.h"

#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/wire/mailaddr.h"
#include "popgw/session.h"

/* ---- the decisions, without I/O ---- */

int login_ids_parse(const char *text, enum login_ids *out)
{
	static const struct {
		const char *text;
		enum login_ids ids;
	} names[] = {{"account", LOGIN_ID_ACCOUNT},
		     {"address", LOGIN_ID_ADDRESS},
		     {"both", LOGIN_ID_BOTH}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(text, names[i].text) == 0) {
			*out = names[i].ids;
			return 0;
		}
	}
	return E_SYNTAX;
}

enum refusal identify_judge(const struct binding *b, int opened, const struct token *t,
			    int64_t now_us)
{
	enum key_state state = binding_state_at(b, now_us);
	bool is_held = state != KEY_FREE && state != KEY_QUARANTINED;

	if (opened && opened != E_EXPIRED)
		return state == KEY_FREE ? REFUSAL_NO_BINDING : REFUSAL_TOKEN;
	/* A token whose time is over was sealed by us all the same: what it proves against the
	 * binding stays proved. */
	if (is_held && t->generation == b->generation && t->subscriber != b->subscriber)
		return REFUSAL_OTHER;
	if (opened)
		return REFUSAL_EXPIRED;
	if (b->frozen && is_held)
		return REFUSAL_FROZEN;
	if (state == KEY_FREE)
		return REFUSAL_NO_BINDING;
	if (state == KEY_QUARANTINED)
		return REFUSAL_QUARANTINED;
	if (!binding_opens_mail(b, t->subscriber, t->generation, now_us))
		return REFUSAL_OVER;
	return REFUSAL_NONE;
}

static bool owns_address(const struct subscriber *owner, const char *name)
{
	struct mailaddr parsed;
	char folded[MAILADDR_TEXT_MAX + 1];

	if (mailaddr_parse(name, strlen(name), MAILADDR_UTF8, &parsed))
		return false;
	mailaddr_folded(&parsed, folded);
	for (size_t i = 0; i < owner->address_count; i++)
		if (strcmp(owner->addresses[i].canonical, folded) == 0)
			return true;
	return false;
}

static bool is_account_form(const char *name)
{
	return strchr(name, '@') == NULL;
}

enum refusal identify_name_fits(const struct subscriber *owner, const char *name,
				enum login_ids ids)
{
	if (is_account_form(name)) {
		if (!(ids & LOGIN_ID_ACCOUNT))
			return REFUSAL_NAME_FORM;
		return strcmp(name + (name[0] == '+'), owner->msisdn) ? REFUSAL_NAME : REFUSAL_NONE;
	}
	if (!(ids & LOGIN_ID_ADDRESS))
		return REFUSAL_NAME_FORM;
	return owns_address(owner, name) ? REFUSAL_NONE : REFUSAL_NAME;
}

/* ---- the steps: binding and token, name, lock, maildrop ---- */

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
	login_decided(s, REFUSAL_NONE);
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

static void on_subscriber(void *arg, int err, const struct subscriber *owner)
{
	struct session *s = arg;

	if (!session_back(s))
		return;
	if (err && err != E_NOT_FOUND) {
		login_decided(s, REFUSAL_STORE);
		return;
	}
	enum refusal why = err ? REFUSAL_NAME
			       : identify_name_fits(owner, s->login.sasl.credentials.login,
						    s->worker->popgw->login_ids);
	if (why)
		login_decided(s, why);
	else
		lock_maildrop(s);
}

static void on_quarantined(void *arg, int err)
{
	struct session *s = arg;

	if (err && err != E_CONFLICT)
		log_event(LOG_ERROR, "quarantine-failed", LOG_INT("session", s->id),
			  LOG_TEXT("error", err_text(err)), LOG_END);
	if (session_back(s))
		login_decided(s, err && err != E_CONFLICT ? REFUSAL_STORE : REFUSAL_OTHER);
}

/* Two truths of ours about one generation of one key: whoever is right, nobody's mail may be seen
 * through it. */
static void quarantine(struct session *s, const struct binding *b, const struct token *t)
{
	char key[KEY_TEXT_MAX], evidence[160];

	snprintf(evidence, sizeof(evidence),
		 "popgw saw a token of generation %u for subscriber %lld; bound is %lld",
		 b->generation, (long long)t->subscriber, (long long)b->subscriber);
	log_event(LOG_ERROR, "token-of-other", LOG_INT("session", s->id),
		  LOG_TEXT("realm", s->realm), LOG_TEXT("key", key_format(&b->key, key)),
		  LOG_INT("generation", b->generation), LOG_INT("subscriber", b->subscriber),
		  LOG_INT("token_subscriber", t->subscriber), LOG_END);
	count(COUNT_QUARANTINES, 1);
	session_ask(s);
	binding_quarantine(s->worker->db, &b->key, b->generation, QUARANTINE_TOKEN_OF_OTHER,
			   evidence, on_quarantined, s);
}

static void on_binding(void *arg, int err, const struct binding_found *found)
{
	struct session *s = arg;
	const struct sasl_credentials *c = &s->login.sasl.credentials;
	struct token t = {0};
	int64_t now_us = clock_now_us();

	if (!session_back(s))
		return;
	if (err) {
		login_decided(s, err == E_NOT_FOUND ? REFUSAL_NO_BINDING : REFUSAL_STORE);
		return;
	}
	int opened = token_open(s->worker->ring, c->token, c->token_len, &found->b.key,
				now_us / CLOCK_S, &t);
	enum refusal why = identify_judge(&found->b, opened, &t, now_us);
	if (why == REFUSAL_OTHER) {
		quarantine(s, &found->b, &t);
		return;
	}
	if (why) {
		login_decided(s, why);
		return;
	}
	s->who = (struct who){
		.key = found->b.key, .generation = t.generation, .subscriber = t.subscriber};
	snprintf(s->who.msisdn, sizeof(s->who.msisdn), "%s", found->msisdn);
	if (c->login[0] == '\0') {
		lock_maildrop(s);
		return;
	}
	session_ask(s);
	subscriber_by_id(s->worker->db, t.subscriber, on_subscriber, s);
}

void identify_start(struct session *s)
{
	s->who = (struct who){0};
	s->lock_tries = 0;
	session_ask(s);
	binding_find(s->worker->db, s->realm, &s->addr, s->port, on_binding, s);
}
