#include "smsc-sim/control_api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/http_host.h"
#include "lib/log.h"
#include "lib/metrics.h"
#include "smsc-sim/fault_counters.h"
#include "smsc-sim/mo_json.h"
#include "smsc-sim/mobile_originated.h"
#include "smsc-sim/page.h"
#include "smsc-sim/segments.h"

#define INTERNATIONAL_DIGITS 8 /* of a number with its country; a shorter one is a short code */

struct control {
	struct smsc *smsc;
	struct http_server *server;
	struct page page;
};

/* ---- who may ask ---- */

static bool is_json(const char *type)
{
	static const char json[] = "application/json";

	return type && !strncasecmp(type, json, sizeof json - 1) &&
	       (!type[sizeof json - 1] || strchr("; \t", type[sizeof json - 1]));
}

static const char *foreign(const struct http_request *r)
{
	const char *host = http_header(r, "Host"), *origin = http_header(r, "Origin");

	if (!host || !http_host_is_ours("", host))
		return "Host must be an address or localhost";
	if (origin && !http_origin_is_host(origin, host))
		return "a request from a page of another origin is not taken";
	/* Of all that changes something only a POST needs no permission from us. */
	if (!strcmp(http_method(r), "POST") && !is_json(http_header(r, "Content-Type")))
		return "the body must be application/json";
	return NULL;
}

static bool guard(void *arg, struct http_request *r)
{
	const char *wrong = foreign(r);

	(void)arg;
	if (wrong)
		http_problem(r, 403, "foreign", wrong, 0);
	return wrong != NULL;
}

/* ---- the page, and figures ---- */

static void get_page(void *arg, struct http_request *r)
{
	const struct control *c = arg;

	http_add_header(r, "Content-Security-Policy", c->page.policy);
	http_add_header(r, "X-Content-Type-Options", "nosniff");
	http_add_header(r, "Referrer-Policy", "no-referrer");
	http_add_header(r, "Cache-Control", "no-store");
	http_reply_text(r, 200, "text/html; charset=utf-8", c->page.html, c->page.length);
}

/* Browsers ask for it unasked. */
static void get_icon(void *arg, struct http_request *r)
{
	(void)arg;
	http_reply_json(r, 204, NULL);
}

static void get_metrics(void *arg, struct http_request *r)
{
	char *text = NULL;
	size_t length = 0;
	FILE *to = open_memstream(&text, &length);

	fault_counters_update(((struct control *)arg)->smsc->faults);
	if (to) {
		metrics_print(to);
		fclose(to);
		http_reply_text(r, 200, "text/plain; version=0.0.4", text, length);
	} else {
		http_problem(r, 503, "overloaded", "out of memory", 1);
	}
	free(text);
}

static void get_messages(void *arg, struct http_request *r)
{
	control_messages(((struct control *)arg)->smsc, r);
}

static void get_message(void *arg, struct http_request *r)
{
	control_message(((struct control *)arg)->smsc, r);
}

static void get_links(void *arg, struct http_request *r)
{
	control_links(((struct control *)arg)->smsc, r);
}

static void get_phones(void *arg, struct http_request *r)
{
	control_phones(((struct control *)arg)->smsc, r);
}

/* ---- faults ---- */

/* The script as it would be put, and how its day goes. */
static json_t *faults_write(const struct smsc *s)
{
	const struct fault_script *script = faults_script(s->faults);
	json_t *json = fault_script_write(script), *hits = json_array();
	int64_t elapsed_us = faults_elapsed_us(s->faults, clock_mono_us());

	for (size_t i = 0; i < script->count; i++)
		json_array_append_new(hits, json_integer((json_int_t)faults_hits(s->faults, i)));
	json_object_set_new(json, "running",
			    json_pack("{s:f, s:o}", "elapsed_s",
				      (double)elapsed_us / (double)CLOCK_S, "hits", hits));
	return json;
}

static void get_faults(void *arg, struct http_request *r)
{
	const struct control *c = arg;

	http_reply_json(r, 200, faults_write(c->smsc));
}

/* They are our own, and a test has read each. */
static void get_scenarios(void *arg, struct http_request *r)
{
	const struct control *c = arg;
	json_t *list = json_array();

	for (size_t i = 0; c->page.scenarios[i]; i++)
		json_array_append_new(list, json_loads(c->page.scenarios[i], 0, NULL));
	http_reply_json(r, 200, list);
}

static void put_faults(void *arg, struct http_request *r)
{
	struct control *c = arg;
	struct fault_script *script = calloc(1, sizeof *script);
	char problem[FAULT_PROBLEM_MAX] = "out of memory";
	size_t length;
	const char *body = http_body(r, &length);

	if (script && fault_script_parse(body, length, script, problem)) {
		control_begin(c->smsc, script);
		http_reply_json(r, 200, faults_write(c->smsc));
	} else {
		http_problem(r, script ? 400 : 503, script ? "malformed" : "overloaded", problem,
			     0);
	}
	free(script);
}

void control_begin(struct smsc *s, const struct fault_script *script)
{
	faults_begin(s->faults, script, clock_mono_us());
	log_event(LOG_WARN, "faults-begin", LOG_TEXT("name", script->name),
		  LOG_INT("seed", (int64_t)faults_script(s->faults)->seed),
		  LOG_INT("faults", (int64_t)script->count), LOG_END);
	smsc_due_at(s, clock_now_us());
}

/* ---- a message as from a phone ---- */

static void set_party(struct party *out, const char *number)
{
	bool is_international = strlen(number) >= INTERNATIONAL_DIGITS;

	*out = (struct party){.ton = is_international ? SMPP_TON_INTERNATIONAL : SMPP_TON_UNKNOWN,
			      .npi = SMPP_NPI_E164};
	snprintf(out->number, sizeof out->number, "%s", number);
}

static struct message *message_of(const struct mo *mo)
{
	struct message *m = message_new(mo->octets, mo->length, NULL, 0);

	if (!m)
		return NULL;
	set_party(&m->source, mo->source);
	set_party(&m->destination, mo->destination);
	m->data_coding = mo->data_coding;
	m->esm_class = mo->udh_len ? SMPP_ESM_UDHI : 0;
	return m;
}

static void take(struct smsc *s, struct http_request *r, struct message *m)
{
	char id[MESSAGE_ID_MAX];

	spool_pin(m);
	uint32_t status = mobile_originated_add(s, m);
	if (status) { /* and it is freed */
		http_problem(r, 503, "overloaded", smpp_status_name(status), 1);
		return;
	}
	http_reply_json(r, 202, json_pack("{s:s}", "id", message_id_format(m->id, id)));
	spool_unpin(&s->spool, m);
}

static void post_mo(void *arg, struct http_request *r)
{
	struct control *c = arg;
	struct mo mo;
	size_t length;
	const char *body = http_body(r, &length), *wrong = mo_json_read(body, length, &mo);
	struct message *m = wrong ? NULL : message_of(&mo);

	if (wrong) {
		http_problem(r, 400, "malformed", wrong, 0);
	} else if (!m) {
		http_problem(r, 503, "overloaded", "out of memory", 1);
	} else if (segments_check(m)) {
		message_free(m);
		http_problem(r, 400, "malformed", "it does not fit into messages of the radio", 0);
	} else {
		take(c->smsc, r, m);
	}
}

/* ---- the server ---- */

static const struct http_route routes[] = {
	{"GET", "/", get_page},
	{"GET", "/favicon.ico", get_icon},
	{"GET", "/v1/messages", get_messages},
	{"GET", "/v1/messages/{id}", get_message},
	{"GET", "/v1/links", get_links},
	{"GET", "/v1/phones", get_phones},
	{"POST", "/v1/mo", post_mo},
	{"GET", "/v1/faults", get_faults},
	{"PUT", "/v1/faults", put_faults},
	{"GET", "/v1/scenarios", get_scenarios},
	{"GET", "/metrics", get_metrics},
	{NULL, NULL, NULL},
};

int control_open(struct smsc *s, struct control **out)
{
	struct control *c = calloc(1, sizeof *c);
	struct http_options o = {
		.port = (uint16_t)s->conf->smsc_sim_control_port,
		.max_body = (size_t)s->conf->smsc_sim_control_body,
		.max_connections = (size_t)s->conf->smsc_sim_control_connections,
		.max_connections_per_address = (size_t)s->conf->smsc_sim_control_connections,
		.idle_s = s->conf->smsc_sim_idle_seconds,
		.routes = routes,
		.guard = guard,
		.arg = c,
	};

	if (!c)
		return E_NOMEM;
	c->smsc = s;
	int rc = addr_parse("127.0.0.1", &o.addr);
	if (!rc)
		rc = page_init(&c->page);
	if (!rc)
		rc = http_server_open(s->loop, &o, &c->server);
	if (rc) {
		free(c);
		return rc;
	}
	*out = c;
	return 0;
}

void control_close(struct control *c)
{
	if (!c)
		return;
	http_server_close(c->server);
	free(c);
}
