#include "handset-sim/live_phone.h"

#include <stdio.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"

#define SOCKETS_MAX 300
#define CROWDED_US  50000
#define LATER_US    300000

static void work(struct live_phone *p);

static void done(struct live_phone *p)
{
	p->doing = 0;
	p->in->sockets--;
}

/* Once more, after a pause: only a claim and a fetch are so stubborn. */
static void again_in(struct live_phone *p, unsigned want, int64_t us)
{
	int64_t at = clock_mono_us() + us;

	p->wants |= want;
	if (want == WANT_TOKEN)
		p->token_after_us = at;
	else
		p->fetch_after_us = at;
}

static void on_again(void *arg)
{
	work(arg);
}

static uint32_t address_of(const struct live_phone *p)
{
	return p->in->carrier.customers[p->customer].address;
}

/* ---- tokens ---- */

static void names_of(const struct live_phone *p, uint32_t customer, char msisdn[16], char imsi[16])
{
	char address[64];

	network_names(p->in->scenario->first + customer, msisdn, imsi, address);
}

static bool keep(struct kept_token *k, const json_t *answer, uint32_t address, int64_t got_us)
{
	if (given_token_read(answer, &k->given))
		return false;
	k->address = address;
	k->got_us = got_us;
	return true;
}

static bool is_for(const struct live_phone *p, const struct kept_token *k)
{
	char msisdn[16], imsi[16];

	names_of(p, p->customer, msisdn, imsi);
	return !strcmp(k->given.login, msisdn);
}

static void on_claimed(struct live_phone *p, unsigned status, const json_t *answer, int64_t pause)
{
	struct kept_token got = {0};

	if (status != 201 || !keep(&got, answer, address_of(p), clock_mono_us())) {
		incident_refused(p->in, status, answer);
		again_in(p, WANT_TOKEN, pause);
		return;
	}
	p->in->tally.tokens++;
	if (!is_for(p, &got))
		p->in->tally.wrong_tokens++;
	p->token = got;
	p->has_token = true;
	p->tries = 0;
	incident_has_token(p->in, p->customer);
	if (!p->is_deaf)
		p->wants |= WANT_FETCH;
}

/* A token on the strength of another's IMSI: none may come, the network has said who is here. */
static void on_lied(struct live_phone *p, unsigned status, const json_t *answer)
{
	if (status == 201 && keep(&p->copies[0], answer, address_of(p), clock_mono_us())) {
		p->in->tally.wrong_tokens++;
		p->wants |= WANT_STOLEN;
	} else {
		incident_refused(p->in, status, answer);
	}
}

static void on_answer(void *arg, unsigned status, const json_t *answer)
{
	struct live_phone *p = arg;
	unsigned was = p->doing;
	int64_t pause = incident_pause_us(p->in, http_channel_retry_after_s(p->api), p->tries++);

	http_channel_free(p->api);
	p->api = NULL;
	done(p);
	if (was == WANT_LIE)
		on_lied(p, status, answer);
	else
		on_claimed(p, status, answer, pause);
	work(p);
}

static void claim(struct live_phone *p, uint32_t as_whom)
{
	struct incident *in = p->in;
	struct http_target target = {.from_given = true,
				     .port = (uint16_t)in->conf->authsrv_handset_port};
	char msisdn[16], imsi[16];

	carrier_address(address_of(p), &target.from);
	addr_parse(in->conf->authsrv_handset_listen, &target.to);
	if (http_channel_new(in->loop, &target, &p->api)) {
		again_in(p, p->doing, LATER_US);
		done(p);
		return;
	}
	names_of(p, as_whom, msisdn, imsi);
	json_t *body = json_pack("{s:s}", "imsi", imsi);
	http_channel_call(p->api, "POST", "/v1/token", NULL, body, on_answer, p);
	json_decref(body);
}

/* ---- mail ---- */

/* Who sits on the address now reads what comes there, whoever once began the session. */
static uint32_t reader(const struct live_phone *p, uint32_t address)
{
	uint32_t holder = p->in->carrier.places[address].holder;

	return holder == NOBODY ? p->customer : holder;
}

static void on_message(void *arg, const uint8_t *octets, size_t n)
{
	struct live_phone *p = arg;

	ledger_fetched(&p->in->ledger, reader(p, p->fetch_address), octets, n, clock_mono_us());
	incident_progress(p->in);
}

/* Should this token have been refused there? One of another address or person, always; one of this
 * address, if it was given before the network's last word about it. */
static bool is_wrong(const struct live_phone *p, const struct kept_token *k)
{
	const struct place *here = &p->in->carrier.places[p->fetch_address];

	return k->address != p->fetch_address || (here->told_us && k->got_us < here->told_us);
}

static void on_tried(struct live_phone *p, enum fetch_end end)
{
	if (end == FETCH_DENIED)
		p->in->tally.tokens_refused++;
	else if (end == FETCH_DONE && p->is_wrong)
		p->in->tally.wrong_tokens++;
}

static void on_fetched(struct live_phone *p, enum fetch_end end)
{
	heed_fetch_ended(&p->heed, end == FETCH_DONE);
	if (end == FETCH_DENIED) {
		p->in->tally.tokens_refused++;
		live_phone_renew(p);
	} else if (end == FETCH_LATER) {
		again_in(p, WANT_FETCH, LATER_US);
	} else {
		p->in->ledger.logins++;
		p->in->tally.wrong_tokens += p->is_wrong;
	}
}

static void on_fetch_ended(void *arg, enum fetch_end end)
{
	struct live_phone *p = arg;
	unsigned was = p->doing;

	p->fetch = NULL;
	done(p);
	if (was == WANT_FETCH)
		on_fetched(p, end);
	else
		on_tried(p, end);
	work(p);
}

/* USER is the token itself: a phone that knows nothing but its token is the hardest case, since no
 * name stands in the way. */
static void log_in(struct live_phone *p, const struct kept_token *k)
{
	struct incident *in = p->in;
	struct fetch_request r = {.form = LOGIN_TOKEN,
				  .login = "",
				  .token = k->given.text,
				  .port = (uint16_t)in->conf->popgw_pop3_port,
				  .message = on_message,
				  .ended = on_fetch_ended,
				  .arg = p};

	p->fetch_address = address_of(p);
	/* What the network has said until now counts; what it says meanwhile may find us in the
	 * middle. */
	p->is_wrong = (p->doing & (WANT_OLD | WANT_FETCH)) ? is_wrong(p, k) : true;
	carrier_address(p->fetch_address, &r.from);
	addr_parse(in->conf->popgw_listen, &r.to);
	if (pop_fetch_start(in->loop, &r, &p->fetch)) {
		p->fetch = NULL;
		again_in(p, p->doing, LATER_US);
		done(p);
	} else if (p->doing == WANT_FETCH) {
		heed_fetch_begins(&p->heed, clock_mono_us(), clock_now_us() / CLOCK_S);
	}
}

/* A hint that comes too early is not waited for: in the end it looks by itself. */
void live_phone_heard(struct live_phone *p, const uint8_t *datagram, size_t n)
{
	const struct heed_key key = {p->in->conf->pushsrv_trigger_mac,
				     p->has_token ? &p->token.given : NULL};
	char msisdn[16], imsi[16], mailbox[64];
	struct trigger t;
	int64_t in_us;

	network_names(p->in->scenario->first + p->customer, msisdn, imsi, mailbox);
	enum heed_verdict v = heed_trigger(&p->heed, datagram, n, mailbox, &key, &t);
	p->in->ledger.misdirected += v == HEED_STRANGER;
	if (v == HEED_NONE || v == HEED_STRANGER)
		return;
	ledger_triggered(&p->in->ledger, p->customer, BEARER_UDP, &t, clock_mono_us());
	if (!p->is_deaf && heed_due(&p->heed, clock_mono_us(), &in_us))
		live_phone_want(p, WANT_FETCH);
}

/* ---- one thing after the other ---- */

static void act(struct live_phone *p)
{
	switch (p->doing) {
	case WANT_OLD:
		log_in(p, &p->older);
		return;
	case WANT_COPY_OTHER:
		log_in(p, &p->copies[1]);
		return;
	case WANT_COPY_HERE:
	case WANT_STOLEN:
		log_in(p, &p->copies[0]);
		return;
	case WANT_LIE:
		p->in->tally.lies++;
		claim(p, p->victim);
		return;
	case WANT_TOKEN:
		claim(p, p->customer);
		return;
	default:
		log_in(p, &p->token);
		return;
	}
}

/* The lowest bit that can be done now; 0 and the time until the next can; or 0 and 0. */
static unsigned choose(const struct live_phone *p, int64_t *in_us)
{
	unsigned wants = p->wants;
	int64_t now = clock_mono_us();

	*in_us = 0;
	if (!p->has_token)
		wants &= ~(unsigned)WANT_FETCH;
	if ((wants & WANT_TOKEN) && p->token_after_us > now) {
		*in_us = p->token_after_us - now;
		wants &= ~(unsigned)WANT_TOKEN;
	}
	if ((wants & WANT_FETCH) && p->fetch_after_us > now) {
		*in_us = p->fetch_after_us - now;
		wants &= ~(unsigned)WANT_FETCH;
	}
	return wants & -wants;
}

static void work(struct live_phone *p)
{
	int64_t in_us;

	if (p->doing || address_of(p) == NOWHERE)
		return;
	unsigned chosen = choose(p, &in_us);
	if (!chosen) {
		if (in_us)
			loop_timer_set(p->again, in_us);
		return;
	}
	if (p->in->sockets >= SOCKETS_MAX) {
		loop_timer_set(p->again, CROWDED_US + carrier_random(&p->in->carrier, CROWDED_US));
		return;
	}
	p->doing = chosen;
	p->wants &= ~p->doing;
	p->in->sockets++;
	act(p);
}

void live_phone_want(struct live_phone *p, unsigned wants)
{
	p->wants |= wants;
	work(p);
}

/* ---- coming and going ---- */

void live_phone_arrive(struct live_phone *p)
{
	unsigned wants = 0;

	p->tries = 0;
	p->token_after_us = p->fetch_after_us = 0;
	if (p->token.got_us) {
		p->older = p->token;
		wants |= WANT_OLD;
	}
	p->has_token = false;
	if (p->copies[1].got_us)
		wants |= WANT_COPY_OTHER;
	if (p->role != ROLE_LIAR || p->has_lied || p->in->phase < PHASE_STORM)
		wants |= WANT_TOKEN;
	live_phone_want(p, wants | (p->is_deaf ? 0 : WANT_FETCH));
}

void live_phone_leave(struct live_phone *p)
{
	if (p->fetch) {
		pop_fetch_abandon(p->fetch);
		heed_fetch_ended(&p->heed, false);
	}
	http_channel_free(p->api);
	if (p->fetch || p->api)
		done(p);
	p->fetch = NULL;
	p->api = NULL;
	p->wants = 0;
	loop_timer_stop(p->again);
}

void live_phone_told(struct live_phone *p, enum feed_part part)
{
	if (p->role == ROLE_COPIER && p->copies[0].got_us && part != PART_REPEATED)
		live_phone_want(p, WANT_COPY_HERE);
	if (p->role == ROLE_LIAR && !p->has_lied && part != PART_WRONG && p->victim != NOBODY)
		live_phone_want(p, WANT_LIE);
}

void live_phone_renew(struct live_phone *p)
{
	p->has_token = false;
	p->tries = 0;
	p->token_after_us = 0;
	incident_waits(p->in, p->customer);
	live_phone_want(p, WANT_TOKEN | (p->is_deaf ? 0 : WANT_FETCH));
}

/* ---- a session that stays open ---- */

static void on_holds(void *arg, unsigned messages)
{
	struct live_phone *p = arg;

	p->holds = messages > 0;
	p->in->tally.held += p->holds;
	incident_progress(p->in);
}

static void on_held_message(void *arg, const uint8_t *octets, size_t n)
{
	struct live_phone *p = arg;

	ledger_fetched(&p->in->ledger, reader(p, p->fetch_address), octets, n, clock_mono_us());
}

static void on_held_end(void *arg, bool was_cut)
{
	struct live_phone *p = arg;

	p->held = NULL;
	p->in->tally.held_cut += p->holds && was_cut;
}

void live_phone_hold(struct live_phone *p)
{
	struct incident *in = p->in;
	struct held_request r = {.port = (uint16_t)in->conf->popgw_pop3_port,
				 .token = p->token.given.text,
				 .holds = on_holds,
				 .message = on_held_message,
				 .ended = on_held_end,
				 .arg = p};

	p->fetch_address = address_of(p);
	carrier_address(p->fetch_address, &r.from);
	addr_parse(in->conf->popgw_listen, &r.to);
	if (held_session_start(in->loop, &r, &p->held))
		p->held = NULL;
}

int live_phone_init(struct live_phone *p, struct incident *in, uint32_t customer)
{
	*p = (struct live_phone){.in = in, .customer = customer, .victim = NOBODY};
	heed_init(&p->heed, in->scenario->hint_s * CLOCK_S);
	p->again = loop_timer_new(in->loop, on_again, p);
	return p->again ? 0 : E_NOMEM;
}

void live_phone_fini(struct live_phone *p)
{
	if (p->fetch)
		pop_fetch_abandon(p->fetch);
	http_channel_free(p->api);
	held_session_free(p->held);
	loop_timer_free(p->again);
}
