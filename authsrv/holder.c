#include "authsrv/holder.h"

#include <stdio.h>

#include "authsrv/bearer.h"
#include "authsrv/handset_api.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"

static void on_quarantined(void *arg, int err)
{
	struct holder *h = arg;
	char ip[KEY_TEXT_MAX];

	if (err == E_CONFLICT) {
		holder_again(h);
		return;
	}
	if (err) {
		handset_fail(&h->call, err);
		return;
	}
	count_quarantine(QUARANTINE_TOKEN_OF_OTHER);
	log_event(LOG_WARN, "token-of-other", LOG_TEXT("realm", h->found.b.key.realm),
		  LOG_TEXT("ip", key_format(&h->found.b.key, ip)),
		  LOG_INT("generation", h->found.b.generation),
		  LOG_INT("bound", h->found.b.subscriber), LOG_INT("token_of", h->token.subscriber),
		  LOG_END);
	handset_refuse_call(&h->call, OUTCOME_QUARANTINED);
}

static void accuse(struct holder *h)
{
	char evidence[128];

	snprintf(evidence, sizeof evidence, "a token of subscriber %lld for this generation",
		 (long long)h->token.subscriber);
	binding_quarantine(h->call.worker->port, &h->found.b.key, h->found.b.generation,
			   QUARANTINE_TOKEN_OF_OTHER, evidence, on_quarantined, h);
}

/* 0, E_AUTH, E_EXPIRED, or why it could not be tried. */
static int open_token(struct holder *h)
{
	const char *text;
	size_t length;

	if (!bearer_read(http_header(h->call.r, "Authorization"), &text, &length))
		return E_AUTH;
	int rc = token_open(h->call.worker->ring, text, length, &h->found.b.key, clock_now_s(),
			    &h->token);
	return !rc && h->token.generation != h->found.b.generation ? E_AUTH : rc;
}

static void judge(struct holder *h)
{
	int rc = open_token(h);

	if (rc == E_EXPIRED)
		handset_refuse_call(&h->call, OUTCOME_EXPIRED_TOKEN);
	else if (rc == E_AUTH)
		handset_refuse_call(&h->call, OUTCOME_INVALID_TOKEN);
	else if (rc)
		handset_fail(&h->call, rc);
	else if (h->token.subscriber != h->found.b.subscriber)
		accuse(h);
	else
		h->next(h);
}

static void on_found(void *arg, int err, const struct binding_found *f)
{
	struct holder *h = arg;
	enum key_state state = err ? KEY_FREE : binding_state_at(&f->b, clock_now_us());

	if (err && err != E_NOT_FOUND) {
		handset_fail(&h->call, err);
	} else if (state == KEY_FREE || state == KEY_QUARANTINED) {
		handset_refuse_call(&h->call,
				    state == KEY_FREE ? OUTCOME_NO_BINDING : OUTCOME_QUARANTINED);
	} else if (f->b.frozen) {
		handset_refuse_call(&h->call, OUTCOME_FROZEN);
	} else {
		h->found = *f;
		judge(h);
	}
}

void holder_check(struct holder *h)
{
	uint16_t port;
	const struct addr *source = http_peer(h->call.r, &port);

	h->tries++;
	binding_find(h->call.worker->port, http_realm(h->call.r), source, port, on_found, h);
}

void holder_again(struct holder *h)
{
	if (h->tries < HOLDER_TRIES_MAX)
		holder_check(h);
	else
		handset_fail(&h->call, E_CONFLICT);
}
