#include "db/identity.h"

#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"

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

enum identity_verdict identity_judge(const struct binding *b, int opened, const struct token *t,
				     int64_t now_us)
{
	enum key_state state = binding_state_at(b, now_us);
	bool is_held = state != KEY_FREE && state != KEY_QUARANTINED;

	if (opened && opened != E_EXPIRED)
		return state == KEY_FREE ? IDENTITY_NO_BINDING : IDENTITY_TOKEN;
	/* A token whose time is over was sealed by us all the same: what it proves against the
	 * binding stays proved. */
	if (is_held && t->generation == b->generation && t->subscriber != b->subscriber)
		return IDENTITY_OTHER;
	if (opened)
		return IDENTITY_EXPIRED;
	if (b->frozen && is_held)
		return IDENTITY_FROZEN;
	if (state == KEY_FREE)
		return IDENTITY_NO_BINDING;
	if (state == KEY_QUARANTINED)
		return IDENTITY_QUARANTINED;
	if (!binding_opens_mail(b, t->subscriber, t->generation, now_us))
		return IDENTITY_OVER;
	return IDENTITY_GOOD;
}

bool identity_owns(const struct subscriber *owner, const struct mailaddr *address)
{
	char folded[MAILADDR_TEXT_MAX + 1];

	mailaddr_folded(address, folded);
	for (size_t i = 0; i < owner->address_count; i++)
		if (strcmp(owner->addresses[i].canonical, folded) == 0)
			return true;
	return false;
}

static bool is_account_form(const char *name)
{
	return strchr(name, '@') == NULL;
}

static enum identity_verdict account_fits(const char *msisdn, const char *name, enum login_ids ids)
{
	if (!(ids & LOGIN_ID_ACCOUNT))
		return IDENTITY_NAME_FORM;
	return strcmp(name + (name[0] == '+'), msisdn) ? IDENTITY_NAME : IDENTITY_GOOD;
}

enum identity_verdict identity_name_fits(const struct subscriber *owner, const char *name,
					 enum login_ids ids)
{
	struct mailaddr address;

	if (is_account_form(name))
		return account_fits(owner->msisdn, name, ids);
	if (!(ids & LOGIN_ID_ADDRESS))
		return IDENTITY_NAME_FORM;
	if (mailaddr_parse(name, strlen(name), MAILADDR_UTF8, &address))
		return IDENTITY_NAME;
	return identity_owns(owner, &address) ? IDENTITY_GOOD : IDENTITY_NAME;
}

bool identity_holds(const struct identity *who, const struct binding *now, int64_t now_us)
{
	return key_equal(&now->key, &who->via.key) &&
	       binding_opens_mail(now, who->via.subscriber, who->via.generation, now_us);
}

/* ---- the steps: binding and token, name ---- */

static void on_subscriber(void *arg, int err, const struct subscriber *owner)
{
	struct identity_check *c = arg;
	enum identity_verdict v;

	if (err)
		v = err == E_NOT_FOUND ? IDENTITY_NAME : IDENTITY_STORE;
	else
		v = identity_name_fits(owner, c->question.credentials->login, c->question.names);
	c->done(c->arg, v, &c->who);
}

/* The number came with the binding; only who names an address has to be looked up with all of his.
 */
static void check_name(struct identity_check *c)
{
	const char *name = c->question.credentials->login, *msisdn = c->who.msisdn;

	if (name[0] == '\0')
		c->done(c->arg, IDENTITY_GOOD, &c->who);
	else if (is_account_form(name) && msisdn[0] != '\0')
		c->done(c->arg, account_fits(msisdn, name, c->question.names), &c->who);
	else
		subscriber_by_id(c->port, c->who.via.subscriber, on_subscriber, c);
}

static void on_quarantined(void *arg, int err)
{
	struct identity_check *c = arg;
	bool is_done = !err || err == E_CONFLICT; /* it moved meanwhile: that is as good */

	if (!is_done)
		log_event(LOG_ERROR, "quarantine-failed", LOG_INT("session", c->question.session),
			  LOG_TEXT("error", err_text(err)), LOG_END);
	c->done(c->arg, is_done ? IDENTITY_OTHER : IDENTITY_STORE, &c->who);
}

/* Two truths of ours about one generation of one key: whoever is right, nobody's mail may be seen
 * through it, and nobody's sent. */
static void quarantine(struct identity_check *c, const struct binding *b, const struct token *t)
{
	char key[KEY_TEXT_MAX], evidence[160];

	snprintf(evidence, sizeof(evidence),
		 "%s saw a token of generation %u for subscriber %lld; bound is %lld",
		 c->question.asker, b->generation, (long long)t->subscriber,
		 (long long)b->subscriber);
	log_event(LOG_ERROR, "token-of-other", LOG_INT("session", c->question.session),
		  LOG_TEXT("realm", c->question.realm), LOG_TEXT("key", key_format(&b->key, key)),
		  LOG_INT("generation", b->generation), LOG_INT("subscriber", b->subscriber),
		  LOG_INT("token_subscriber", t->subscriber), LOG_END);
	binding_quarantine(c->port, &b->key, b->generation, QUARANTINE_TOKEN_OF_OTHER, evidence,
			   on_quarantined, c);
}

static void on_binding(void *arg, int err, const struct binding_found *found)
{
	struct identity_check *c = arg;
	const struct sasl_credentials *shown = c->question.credentials;
	struct token t = {0};
	int64_t now_us = clock_now_us();

	if (err) {
		c->done(c->arg, err == E_NOT_FOUND ? IDENTITY_NO_BINDING : IDENTITY_STORE, &c->who);
		return;
	}
	int opened = token_open(c->ring, shown->token, shown->token_len, &found->b.key,
				now_us / CLOCK_S, &t);
	enum identity_verdict v = identity_judge(&found->b, opened, &t, now_us);
	if (v == IDENTITY_OTHER) {
		quarantine(c, &found->b, &t);
		return;
	}
	if (v != IDENTITY_GOOD) {
		c->done(c->arg, v, &c->who);
		return;
	}
	c->who.via = (struct access_via){
		.key = found->b.key, .generation = t.generation, .subscriber = t.subscriber};
	c->who.seen =
		(struct binding_told){.view = found->view, .behind = found->behind, .b = found->b};
	snprintf(c->who.msisdn, sizeof(c->who.msisdn), "%s", found->msisdn);
	check_name(c);
}

void identity_ask(struct identity_check *c)
{
	c->who = (struct identity){0};
	binding_find_caller(c->port, c->question.realm, &c->question.source, c->question.port,
			    on_binding, c);
}
