/* filter_api -- which mail a subscriber takes
 *
 *     /v1/subscribers/{msisdn}/filter   the network side: any subscriber's
 *     /v1/filter                        the handset side: the caller's own, who shows his token
 *                                       from his address as for a report
 */
#include <stdlib.h>
#include <string.h>

#include "authsrv/filter_json.h"
#include "authsrv/handset_api.h"
#include "authsrv/holder.h"
#include "authsrv/json_field.h"
#include "authsrv/network_api.h"
#include "db/filter.h"
#include "lib/err.h"
#include "lib/log.h"

enum filter_verb { FILTER_GET, FILTER_PUT, FILTER_RESET };

struct filter_call {
	struct holder holder; /* its call is everybody's; the rest the handset side's */
	enum filter_verb verb;
	const struct network_key *key; /* null: a handset's */
	char msisdn[MSISDN_MAX];
	struct filter_owner owner;
	struct filter *filter; /* of PUT */
};

/* ---- answers ---- */

static void end(struct filter_call *c)
{
	free(c->filter);
	call_end(c);
}

static void fail(struct filter_call *c, int err)
{
	free(c->filter);
	if (c->key)
		network_fail(&c->holder.call, err, "no such subscriber");
	else
		handset_fail(&c->holder.call, err);
}

static void on_got(void *arg, int err, const struct filter *f, bool is_own)
{
	struct filter_call *c = arg;

	if (err) {
		fail(c, err);
		return;
	}
	http_reply_json(c->holder.call.r, 200, filter_json_write(f, is_own));
	end(c);
}

/* Not what is in it: whom somebody does not want to hear of is nobody's business. */
static void log_call(const struct filter_call *c)
{
	log_event(LOG_INFO, c->verb == FILTER_PUT ? "filter-put" : "filter-reset",
		  LOG_TEXT("msisdn", c->msisdn), LOG_INT("subscriber", c->owner.id),
		  LOG_TEXT("key", c->key ? c->key->conf->id : "handset"), LOG_END);
}

static void on_written(void *arg, int err)
{
	struct filter_call *c = arg;

	if (err) {
		fail(c, err);
		return;
	}
	log_call(c);
	if (c->verb == FILTER_PUT) {
		filter_get(c->holder.call.worker->port, &c->owner, on_got, c);
		return;
	}
	http_reply_json(c->holder.call.r, 204, NULL);
	end(c);
}

static void run(struct filter_call *c)
{
	struct db_port *port = c->holder.call.worker->port;

	if (c->verb == FILTER_GET)
		filter_get(port, &c->owner, on_got, c);
	else if (c->verb == FILTER_PUT)
		filter_put(port, &c->owner, c->filter, on_written, c);
	else
		filter_reset(port, &c->owner, on_written, c);
}

/* ---- the body ---- */

/* Of PUT. `wrong` is "" unless the body is at fault. */
static int read_filter(const struct worker *w, struct http_request *r, struct filter **out,
		       char wrong[FILTER_WRONG_MAX])
{
	size_t length;
	const char *text = http_body(r, &length);
	json_t *body = body_read(text, length);

	wrong[0] = '\0';
	int err =
		filter_json_read(body, (size_t)w->shared->conf->authsrv_filter_entries, out, wrong);
	json_decref(body);
	return err;
}

/* ---- the network side ---- */

static void serve_network(struct worker *w, struct http_request *r, enum filter_verb verb)
{
	const struct network_key *key = network_key_with(r, SCOPE_PROVISION);
	char msisdn[MSISDN_MAX], wrong[FILTER_WRONG_MAX] = "";
	struct filter *filter = NULL;

	if (!key)
		return;
	if (!msisdn_read(http_param(r, "msisdn"), msisdn)) {
		network_malformed(r, "msisdn is not 3 to 15 digits");
		return;
	}
	if (verb == FILTER_PUT && read_filter(w, r, &filter, wrong) == E_SYNTAX) {
		network_malformed(r, wrong);
		return;
	}
	struct filter_call *c = call_begin(w, r, sizeof *c);
	if (!c) {
		free(filter);
		return;
	}
	c->verb = verb;
	c->key = key;
	c->filter = filter;
	memcpy(c->msisdn, msisdn, sizeof c->msisdn);
	c->owner.msisdn = c->msisdn;
	if (verb == FILTER_PUT && !filter)
		fail(c, E_NOMEM);
	else
		run(c);
}

void filter_get_route(void *arg, struct http_request *r)
{
	serve_network(arg, r, FILTER_GET);
}

void filter_put_route(void *arg, struct http_request *r)
{
	serve_network(arg, r, FILTER_PUT);
}

void filter_delete_route(void *arg, struct http_request *r)
{
	serve_network(arg, r, FILTER_RESET);
}

/* ---- the handset side ---- */

static void on_held(struct holder *h)
{
	struct filter_call *c = (struct filter_call *)h;

	c->owner.id = h->found.b.subscriber;
	if (c->verb == FILTER_PUT) {
		char wrong[FILTER_WRONG_MAX];
		int err = read_filter(h->call.worker, h->call.r, &c->filter, wrong);
		if (err == E_SYNTAX) {
			handset_refuse(h->call.worker, h->call.r, OUTCOME_MALFORMED, wrong);
			end(c);
			return;
		}
		if (err) {
			fail(c, err);
			return;
		}
	}
	run(c);
}

static void serve_handset(struct worker *w, struct http_request *r, enum filter_verb verb)
{
	if (worker_sheds(w)) {
		handset_refuse(w, r, OUTCOME_OVERLOADED, NULL);
		return;
	}
	struct filter_call *c = call_begin(w, r, sizeof *c);
	if (!c)
		return;
	c->verb = verb;
	c->holder.next = on_held;
	holder_check(&c->holder);
}

void own_filter_get(void *arg, struct http_request *r)
{
	serve_handset(arg, r, FILTER_GET);
}

void own_filter_put(void *arg, struct http_request *r)
{
	serve_handset(arg, r, FILTER_PUT);
}

void own_filter_delete(void *arg, struct http_request *r)
{
	serve_handset(arg, r, FILTER_RESET);
}
