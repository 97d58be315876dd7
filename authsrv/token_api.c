/* token_api -- a handset's own token: POST /v1/token/refresh, DELETE /v1/token */
#include "authsrv/handset_api.h"
#include "authsrv/holder.h"
#include "authsrv/subscriber_json.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"

/* ---- refresh ---- */

static void on_subscriber(void *arg, int err, const struct subscriber *s)
{
	struct holder *h = arg;

	if (err)
		handset_fail(&h->call, err);
	else
		handset_answer_token(&h->call, &h->found.b, s->msisdn,
				     subscriber_addresses_write(s), OUTCOME_REFRESHED);
}

static void renewed(struct holder *h, enum claim_answer answer)
{
	if (answer == CLAIM_ACCEPTED)
		subscriber_by_id(h->call.worker->port, h->found.b.subscriber, on_subscriber, h);
	else
		handset_refuse_call(&h->call, outcome_of(answer));
}

static void on_renewed(void *arg, int err, enum claim_answer answer, const struct binding *now)
{
	struct holder *h = arg;

	if (err == E_CONFLICT) {
		holder_again(h);
	} else if (err) {
		handset_fail(&h->call, err);
	} else {
		if (answer == CLAIM_ACCEPTED)
			h->found.b = *now;
		renewed(h, answer);
	}
}

/* Only a refresh that changes the row (it ends `contested`, or comes from another address of the
 * prefix) has something to commit. */
static void refresh(struct holder *h)
{
	int64_t reprove_us = h->call.worker->shared->conf->authsrv_reprove * CLOCK_S;
	struct binding after = h->found.b;
	enum claim_answer answer = binding_renew(&after, clock_now_us(), reprove_us);

	if (answer != CLAIM_ACCEPTED ||
	    (after.state == h->found.b.state && after.rival == h->found.b.rival &&
	     addr_equal(&after.host, http_peer(h->call.r, NULL))))
		renewed(h, answer);
	else
		binding_refresh(h->call.worker->port, &h->found.b.key, h->found.b.generation,
				reprove_us, http_peer(h->call.r, NULL), on_renewed, h);
}

static void begin(struct worker *w, struct http_request *r, void (*next)(struct holder *h))
{
	struct holder *h;

	if (worker_sheds(w)) {
		handset_refuse(w, r, OUTCOME_OVERLOADED, NULL);
		return;
	}
	h = call_begin(w, r, sizeof *h);
	if (!h)
		return;
	h->next = next;
	holder_check(h);
}

void token_refresh(void *arg, struct http_request *r)
{
	begin(arg, r, refresh);
}

/* ---- the end of all tokens of the binding ---- */

static void on_ended(void *arg, int err)
{
	struct holder *h = arg;

	if (err == E_CONFLICT) {
		holder_again(h);
		return;
	}
	if (err) {
		handset_fail(&h->call, err);
		return;
	}
	count_handset(OUTCOME_ENDED);
	http_reply_json(h->call.r, 204, NULL);
	call_end(h);
}

static void end_tokens(struct holder *h)
{
	binding_end_tokens(h->call.worker->port, &h->found.b.key, h->found.b.generation, on_ended,
			   h);
}

void token_delete(void *arg, struct http_request *r)
{
	begin(arg, r, end_tokens);
}
