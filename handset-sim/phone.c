#include "handset-sim/phone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handset-sim/world_letters.h"
#include "lib/clock.h"
#include "lib/err.h"

#define NEW_SIMS      16 /* every so many has a SIM that never saw the network */
#define RETRY_US      200000
#define RETRY_MOST_US 5000000

static void ask_token(struct phone *p);

static void set_state(struct phone *p, enum phone_state to)
{
	p->state = to;
}

static void again_later(struct phone *p)
{
	int64_t pause = RETRY_US << (p->tries < 5 ? p->tries : 5);

	p->tries++;
	loop_timer_set(p->retry, pause > RETRY_MOST_US ? RETRY_MOST_US : pause);
}

static void on_retry(void *arg)
{
	struct phone *p = arg;

	if (p->in_tunnel)
		loop_timer_set(p->retry, RETRY_US);
	else if (p->state == PHONE_ASKING)
		ask_token(p);
	else if (p->state == PHONE_ATTACHING)
		phone_attach(p, p->address);
	else
		phone_follow(p);
}

/* ---- attach ---- */

static void on_attached(void *arg, bool applied)
{
	struct phone *p = arg;

	if (p->state != PHONE_ATTACHING)
		return; /* it has left meanwhile; its next attach is under way */
	if (!applied) {
		again_later(p);
		return;
	}
	latency_add(&p->world->ledger.attach, clock_mono_us() - p->told_us);
	p->world->ledger.attaches++;
	p->tries = 0;
	p->world->at[p->address] = p->index + 1;
	ask_token(p); /* later, if it is in a tunnel */
}

static int channel_open(struct phone *p)
{
	const struct world *w = p->world;
	struct http_target target = {.from_given = true, .tls = w->tls};

	http_channel_free(p->api);
	p->api = NULL;
	world_address(p->address, &target.from);
	addr_parse(w->conf->authsrv_handset_listen, &target.to);
	target.port = (uint16_t)(w->tls ? w->conf->authsrv_handset_tls_port
					: w->conf->authsrv_handset_port);
	return http_channel_new(w->loop, &target, &p->api);
}

void phone_attach(struct phone *p, uint32_t address)
{
	struct network_event ev = {.is_start = true};
	struct addr a;

	p->address = address;
	set_state(p, PHONE_ATTACHING);
	world_address(address, &a);
	addr_format(&a, ev.ip);
	air_leave(p->ear);
	p->ear = NULL;
	if (channel_open(p) || air_listen(p->world->air, &a, &p->ear)) {
		again_later(p);
		return;
	}
	snprintf(p->session_id, sizeof p->session_id, "sim-%u-%u-%llx", p->index, ++p->sessions,
		 (unsigned long long)p->world->ledger.run);
	snprintf(ev.session_id, sizeof ev.session_id, "%s", p->session_id);
	snprintf(ev.msisdn, sizeof ev.msisdn, "%s", p->msisdn);
	p->told_us = clock_mono_us();
	network_tell(p->world->network, &ev, on_attached, p);
}

void phone_disconnect(struct phone *p)
{
	if (p->fetch) {
		pop_fetch_abandon(p->fetch);
		heed_fetch_ended(&p->heed, false);
	}
	p->fetch = NULL;
	world_letters_cut(p->world, p);
	http_channel_free(p->api);
	p->api = NULL;
}

void phone_reconnect(struct phone *p)
{
	if (p->state == PHONE_OFF && p->sleeps) {
		phone_follow(p);
	} else if (p->state == PHONE_OFF) { /* switched on in the tunnel */
		phone_attach(p, world_take_address(p->world));
	} else {
		(void)channel_open(p); /* without one it tries again later */
		if (p->state != PHONE_ATTACHING)
			loop_timer_set(p->retry, 0);
	}
}

void phone_start(struct phone *p)
{
	if (p->modem_timer)
		modem_power(&p->modem, true, clock_mono_us());
	if (!p->sleeps)
		phone_attach(p, world_take_address(p->world));
}

void phone_detach(struct phone *p, bool tell)
{
	struct network_event ev = {.is_start = false};
	struct addr a;

	if (p->state == PHONE_OFF)
		return;
	if (p->world->at[p->address] == p->index + 1)
		p->world->at[p->address] = 0;
	phone_disconnect(p);
	loop_timer_stop(p->retry);
	air_leave(p->ear);
	p->ear = NULL;
	p->early.size = 0;
	p->tries = 0;
	set_state(p, PHONE_OFF);
	if (!tell)
		return;
	world_address(p->address, &a);
	addr_format(&a, ev.ip);
	snprintf(ev.session_id, sizeof ev.session_id, "%s", p->session_id);
	snprintf(ev.msisdn, sizeof ev.msisdn, "%s", p->msisdn);
	network_tell(p->world->network, &ev, NULL, NULL);
}

/* ---- the token ---- */

/* False: the answer is no token. */
static bool keep_token(struct phone *p, const json_t *answer)
{
	if (given_token_read(answer, &p->token))
		return false;
	if (!p->token.key_size && p->sim) { /* both sides have it from the SIM */
		memcpy(p->token.key, p->sim->trigger_key, sizeof p->sim->trigger_key);
		p->token.key_size = sizeof p->sim->trigger_key;
	}
	return true;
}

static void on_token(void *arg, unsigned status, const json_t *answer)
{
	struct phone *p = arg;

	if ((status != 200 && status != 201) || !keep_token(p, answer)) {
		p->world->ledger.denied++;
		again_later(p);
		return;
	}
	latency_add(&p->world->ledger.token, clock_mono_us() - p->asked_us);
	p->tries = 0;
	p->used_us = clock_mono_us();
	set_state(p, PHONE_READY);
	world_phone_ready(p->world, p);
	phone_hear_early(p);
	phone_follow(p);
}

static void ask_token(struct phone *p)
{
	set_state(p, PHONE_ASKING);
	/* In a tunnel, or busy with a refresh or a report. */
	if (!p->api || http_channel_is_busy(p->api)) {
		again_later(p);
		return;
	}
	p->asked_us = clock_mono_us();
	/* Its datagram may be here before the answer. */
	trigger_tally_lease(&p->world->ledger.tally, p->index);
	if (p->sim) {
		struct addr own;
		world_address(p->address, &own);
		sim_login_start(p->sim, p->api, &own, on_token, p);
		return;
	}
	json_t *body = json_pack("{s:s}", "imsi", p->imsi);
	http_channel_call(p->api, "POST", "/v1/token", NULL, body, on_token, p);
	json_decref(body);
}

void phone_ask_anew(struct phone *p)
{
	if (p->state != PHONE_READY || p->fetch)
		return; /* it has left, or its fetch finds the same */
	p->world->ledger.denied++;
	ask_token(p);
}

/* A refresh now and then: the old token goes on until its own end, so a failure costs nothing. */
static void on_refreshed(void *arg, unsigned status, const json_t *answer)
{
	struct phone *p = arg;

	if (status == 200 && p->state == PHONE_READY && !p->fetch)
		keep_token(p, answer);
}

static void refresh(struct phone *p)
{
	if (p->api && !http_channel_is_busy(p->api))
		http_channel_call(p->api, "POST", "/v1/token/refresh", p->token.text, NULL,
				  on_refreshed, p);
}

/* ---- mail ---- */

static void on_message(void *arg, const uint8_t *octets, size_t n)
{
	struct phone *p = arg;

	if (!letters_fetched(&p->world->letters, p->index, octets, n))
		ledger_fetched(&p->world->ledger, p->index, octets, n, clock_mono_us());
	world_progress(p->world);
}

static void on_fetch_ended(void *arg, enum fetch_end end)
{
	struct phone *p = arg;

	p->fetch = NULL;
	heed_fetch_ended(&p->heed, end == FETCH_DONE);
	if (end == FETCH_DENIED) {
		p->world->ledger.denied++;
		ask_token(p);
		return;
	}
	if (end == FETCH_LATER) {
		again_later(p);
		return;
	}
	p->tries = 0;
	p->used_us = clock_mono_us();
	p->world->ledger.logins++;
	ledger_read(&p->world->ledger, p->index);
	phone_follow(p);
	if (!p->fetch && p->state == PHONE_READY && world_random(p->world, 20) == 0)
		refresh(p);
}

static void fetch(struct phone *p)
{
	const struct world *w = p->world;
	struct fetch_request r = {.tls = w->tls,
				  .login = p->msisdn,
				  .token = p->token.text,
				  .message = on_message,
				  .ended = on_fetch_ended,
				  .arg = p};

	r.form = w->scenario->login == LOGIN_MIX ? (enum login_form)(p->index % LOGIN_FORMS)
						 : w->scenario->login;
	world_address(p->address, &r.from);
	addr_parse(w->conf->popgw_listen, &r.to);
	r.port = (uint16_t)(w->tls ? w->conf->popgw_pop3s_port : w->conf->popgw_pop3_port);
	if (pop_fetch_start(w->loop, &r, &p->fetch)) {
		p->fetch = NULL;
		again_later(p);
		return;
	}
	heed_fetch_begins(&p->heed, clock_mono_us(), clock_now_us() / CLOCK_S);
}

static void go_to_sleep(struct phone *p)
{
	phone_detach(p, true);
	world_give_address(p->world, p->address);
}

static void wake_up(struct phone *p)
{
	p->world->wakes++;
	phone_attach(p, world_take_address(p->world));
}

/* Awake, and nothing to do now: a phone that sleeps does so when its address was idle long enough.
 */
static void rest(struct phone *p, int64_t now_us, int64_t in_us)
{
	int64_t idle_us = p->used_us + p->world->scenario->ip_idle_s * CLOCK_S - now_us;

	if (p->sleeps && idle_us <= 0)
		go_to_sleep(p);
	if (p->sleeps && idle_us > 0 && (!in_us || idle_us < in_us))
		in_us = idle_us;
	if (in_us)
		loop_timer_set(p->retry, in_us);
}

void phone_follow(struct phone *p)
{
	int64_t now_us = clock_mono_us(), in_us;

	if (p->is_off || p->in_tunnel || p->fetch)
		return;
	phone_report(p); /* of before, if it was not taken then */
	bool is_due = heed_due(&p->heed, now_us, &in_us);
	if (p->state == PHONE_READY && is_due)
		fetch(p);
	else if (p->state == PHONE_READY)
		rest(p, now_us, in_us);
	else if (p->state == PHONE_OFF && p->sleeps && is_due)
		wake_up(p);
	else if (p->state == PHONE_OFF && p->sleeps && in_us)
		loop_timer_set(p->retry, in_us);
}

int phone_init(struct phone *p, struct world *w, uint32_t index)
{
	*p = (struct phone){.world = w, .index = index};
	heed_init(&p->heed, w->scenario->hint_s * CLOCK_S);
	network_names(w->scenario->first + index, p->msisdn, p->imsi, p->mailbox);
	p->retry = loop_timer_new(w->loop, on_retry, p);
	if (!p->retry)
		return E_NOMEM;
	p->sleeps = scenario_sleeps(w->scenario, index);
	w->sleepers += p->sleeps;
	if (w->sms && phone_radio_init(p))
		return E_NOMEM;
	if (!scenario_has_sim(w->scenario, index))
		return 0;
	p->sim = malloc(sizeof *p->sim);
	return p->sim ? sim_login_init(p->sim, p->imsi, index % NEW_SIMS == 0) : E_NOMEM;
}

void phone_fini(struct phone *p)
{
	phone_disconnect(p);
	phone_radio_fini(p);
	air_leave(p->ear);
	loop_timer_free(p->retry);
	free(p->sim);
}
