#include "handset-sim/claims.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"

#define AT_A_TIME 128

struct claim {
	int64_t due_us; /* first: the agenda's */
	uint32_t customer, session, tries;
};

struct slot {
	struct claims *claims;
	struct http_channel *channel;
	struct claim claim;
	bool busy;
};

struct claims {
	struct incident *in;
	struct agenda agenda;
	struct loop_timer *wake;
	struct slot slots[AT_A_TIME];
	int busy;
	bool working;
};

static void work(struct claims *c);

static bool is_over(const struct claims *c, const struct claim *claim)
{
	const struct customer *who = &c->in->carrier.customers[claim->customer];

	return who->session != claim->session || who->address == NOWHERE ||
	       !(who->flags & CUSTOMER_WAITS);
}

/* The token must be its own: the answer says whose account it opens. */
static void on_token(struct incident *in, uint32_t customer, const json_t *answer)
{
	char msisdn[16], imsi[16], address[64];
	const char *login = json_string_value(json_object_get(answer, "login"));

	network_names(in->scenario->first + customer, msisdn, imsi, address);
	in->tally.tokens++;
	if (!login || strcmp(login, msisdn))
		in->tally.wrong_tokens++;
	incident_has_token(in, customer);
}

static void on_answer(void *arg, unsigned status, const json_t *answer)
{
	struct slot *s = arg;
	struct claims *c = s->claims;
	unsigned later = http_channel_retry_after_s(s->channel);

	if (status == 201) {
		on_token(c->in, s->claim.customer, answer);
	} else {
		incident_refused(c->in, status, answer);
		s->claim.due_us =
			clock_mono_us() + incident_pause_us(c->in, later, s->claim.tries++);
		if (!is_over(c, &s->claim))
			(void)agenda_add(&c->agenda, &s->claim);
	}
	http_channel_free(s->channel);
	s->channel = NULL;
	s->busy = false;
	c->busy--;
	work(c);
}

static void ask(struct claims *c, struct slot *s)
{
	struct incident *in = c->in;
	struct http_target target = {.from_given = true,
				     .port = (uint16_t)in->conf->authsrv_handset_port};
	char msisdn[16], imsi[16], address[64];

	s->busy = true;
	c->busy++;
	carrier_address(in->carrier.customers[s->claim.customer].address, &target.from);
	addr_parse(in->conf->authsrv_handset_listen, &target.to);
	if (http_channel_new(in->loop, &target, &s->channel)) {
		s->busy = false;
		c->busy--;
		return;
	}
	network_names(in->scenario->first + s->claim.customer, msisdn, imsi, address);
	json_t *body = json_pack("{s:s}", "imsi", imsi);
	http_channel_call(s->channel, "POST", "/v1/token", NULL, body, on_answer, s);
	json_decref(body);
}

static void work(struct claims *c)
{
	if (c->working) /* an answer came inside a call */
		return;
	c->working = true;
	for (int i = 0; i < AT_A_TIME && c->busy < AT_A_TIME; i++) {
		struct slot *s = &c->slots[i];
		if (s->busy)
			continue;
		bool found;
		while ((found = agenda_take(&c->agenda, clock_mono_us(), &s->claim)) &&
		       is_over(c, &s->claim))
			;
		if (!found)
			break;
		ask(c, s);
	}
	c->working = false;
	int64_t next = agenda_next_us(&c->agenda), now = clock_mono_us();
	if (next != INT64_MAX && c->busy < AT_A_TIME)
		loop_timer_set(c->wake, next > now + 1000 ? next - now : 1000);
}

static void on_wake(void *arg)
{
	work(arg);
}

void claims_ask(struct claims *c, uint32_t customer, int64_t in_us)
{
	struct claim claim = {.due_us = clock_mono_us() + in_us,
			      .customer = customer,
			      .session = c->in->carrier.customers[customer].session};

	if (agenda_add(&c->agenda, &claim))
		c->in->failed = true;
	else if (agenda_next_us(&c->agenda) == claim.due_us)
		loop_timer_set(c->wake, in_us > 1000 ? in_us : 1000);
}

int claims_new(struct incident *in, struct claims **out)
{
	struct claims *c = calloc(1, sizeof *c);

	if (!c || !(c->wake = loop_timer_new(in->loop, on_wake, c))) {
		free(c);
		return E_NOMEM;
	}
	c->in = in;
	agenda_init(&c->agenda, sizeof(struct claim));
	for (int i = 0; i < AT_A_TIME; i++)
		c->slots[i].claims = c;
	*out = c;
	return 0;
}

void claims_free(struct claims *c)
{
	if (!c)
		return;
	for (int i = 0; i < AT_A_TIME; i++)
		http_channel_free(c->slots[i].channel);
	loop_timer_free(c->wake);
	agenda_free(&c->agenda);
	free(c);
}
