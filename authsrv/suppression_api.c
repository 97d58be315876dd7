/* suppression_api -- where a sender's mail is not tried again: his own view of it with his token
 * (/v1/suppression), and the operator's (/v1/subscribers/{msisdn}/suppression) */
#include <stdio.h>
#include <string.h>

#include "authsrv/handset_api.h"
#include "authsrv/holder.h"
#include "authsrv/json_field.h"
#include "authsrv/network_api.h"
#include "authsrv/queue_json.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/wire/mailaddr.h"

/* The canonical form, of an address however it is spelt. */
static void canonical(const char *text, char out[ADDRESS_MAX])
{
	char folded[MAILADDR_TEXT_MAX + 1];
	struct mailaddr a;

	snprintf(out, ADDRESS_MAX, "%s",
		 mailaddr_parse(text, strlen(text), MAILADDR_UTF8, &a)
			 ? text
			 : mailaddr_folded(&a, folded));
}

/* ---- the operator ---- */

struct suppression_call {
	struct call call;
	const struct network_key *by;
	int64_t sender;
	char msisdn[MSISDN_MAX];
	char address[ADDRESS_MAX]; /* "": all */
	char after[ADDRESS_MAX];
	size_t limit;
	void (*next)(struct suppression_call *c);
};

static void on_list(void *arg, int err, const struct suppression *list, size_t n)
{
	network_list(arg, err, suppression_json_write(list, err ? 0 : n));
}

static void list(struct suppression_call *c)
{
	suppression_list(c->call.worker->port, c->sender, c->after, clock_now_us(), c->limit,
			 on_list, c);
}

static void on_cleared(void *arg, int err)
{
	struct suppression_call *c = arg;

	if (err && err != E_NOT_FOUND) {
		network_fail(&c->call, err, NULL);
		return;
	}
	/* What is not there is cleared as well: the same request again has the same answer. */
	if (!err)
		log_event(LOG_INFO, "suppression-cleared", LOG_TEXT("msisdn", c->msisdn),
			  LOG_TEXT("address", *c->address ? c->address : NULL),
			  LOG_TEXT("by", c->by->conf->id), LOG_END);
	http_reply_json(c->call.r, 204, NULL);
	call_end(c);
}

static void clear(struct suppression_call *c)
{
	suppression_remove(c->call.worker->port, c->sender, *c->address ? c->address : NULL,
			   on_cleared, c);
}

static void on_subscriber(void *arg, int err, const struct subscriber *s)
{
	struct suppression_call *c = arg;

	if (err) {
		network_fail(&c->call, err, "no such subscriber");
		return;
	}
	c->sender = s->id;
	c->next(c);
}

/* Null: answered. */
static struct suppression_call *begin(struct worker *w, struct http_request *r,
				      void (*next)(struct suppression_call *))
{
	const struct network_key *by = network_key_with(r, SCOPE_OPERATE);
	char msisdn[MSISDN_MAX];

	if (!by)
		return NULL;
	if (!msisdn_read(http_param(r, "msisdn"), msisdn)) {
		network_malformed(r, "msisdn is not 3 to 15 digits");
		return NULL;
	}
	struct suppression_call *c = call_begin(w, r, sizeof *c);
	if (c) {
		c->by = by;
		c->next = next;
		memcpy(c->msisdn, msisdn, sizeof msisdn);
	}
	return c;
}

void suppression_list_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	struct page page;
	struct suppression_call *c = network_page(r, &page) ? begin(w, r, list) : NULL;

	if (!c)
		return;
	snprintf(c->after, sizeof c->after, "%s", page.after);
	c->limit = page.limit;
	subscriber_by_msisdn(w->port, c->msisdn, on_subscriber, c);
}

void suppression_clear_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	const char *address = http_param(r, "address");
	struct suppression_call *c = begin(w, r, clear);

	if (!c)
		return;
	if (address)
		canonical(address, c->address);
	subscriber_by_msisdn(w->port, c->msisdn, on_subscriber, c);
}

/* ---- the subscriber himself ---- */

struct own_call {
	struct holder holder;
	char address[ADDRESS_MAX], after[ADDRESS_MAX];
	size_t limit;
};

static void on_own_list(void *arg, int err, const struct suppression *entries, size_t n)
{
	struct own_call *c = arg;

	if (err) {
		handset_fail(&c->holder.call, err);
		return;
	}
	http_reply_json(c->holder.call.r, 200, suppression_json_write(entries, n));
	call_end(c);
}

static void own_list(struct holder *h)
{
	struct own_call *c = (struct own_call *)h;

	suppression_list(h->call.worker->port, h->found.b.subscriber, c->after, clock_now_us(),
			 c->limit, on_own_list, c);
}

static void on_own_cleared(void *arg, int err)
{
	struct own_call *c = arg;
	struct http_request *r = c->holder.call.r;

	if (err && err != E_NOT_FOUND) {
		handset_fail(&c->holder.call, err);
		return;
	}
	if (err)
		http_problem(r, 404, "not-found", "it is not on your list", 0);
	else
		http_reply_json(r, 204, NULL);
	call_end(c);
}

static void own_clear(struct holder *h)
{
	struct own_call *c = (struct own_call *)h;

	suppression_remove(h->call.worker->port, h->found.b.subscriber, c->address, on_own_cleared,
			   c);
}

static struct own_call *begin_own(struct worker *w, struct http_request *r,
				  void (*next)(struct holder *))
{
	if (worker_sheds(w)) {
		handset_refuse(w, r, OUTCOME_OVERLOADED, NULL);
		return NULL;
	}
	struct own_call *c = call_begin(w, r, sizeof *c);
	if (c)
		c->holder.next = next;
	return c;
}

void own_suppression_list_route(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	struct page page;
	struct own_call *c = network_page(r, &page) ? begin_own(w, r, own_list) : NULL;

	if (!c)
		return;
	snprintf(c->after, sizeof c->after, "%s", page.after);
	c->limit = page.limit;
	holder_check(&c->holder);
}

void own_suppression_clear_route(void *arg, struct http_request *r)
{
	struct own_call *c = begin_own(arg, r, own_clear);

	if (!c)
		return;
	canonical(http_param(r, "address"), c->address);
	holder_check(&c->holder);
}
