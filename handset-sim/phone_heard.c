/* What a phone hears, and what it makes of it. */
#include <string.h>

#include "handset-sim/http_channel.h"
#include "handset-sim/phone.h"
#include "lib/clock.h"
#include "lib/wire/base64.h"

static void keep(struct kept_push *k, const uint8_t *octets, size_t n)
{
	if (n > sizeof k->octets)
		return; /* no trigger is so long */
	memcpy(k->octets, octets, n);
	k->size = n;
}

/* ---- another's ---- */

static void on_reported(void *arg, unsigned status, const json_t *answer)
{
	struct phone *p = arg;

	(void)answer;
	p->world->ledger.reported += status == 202;
	if ((!status || status == 503) && !p->strange.size)
		p->strange.size = p->reported_size; /* later; unless another one came meanwhile */
	else
		phone_report(p);
}

void phone_report(struct phone *p)
{
	char text[BASE64_TEXT_MAX(TRIGGER_MAX)];

	if (!p->strange.size || p->state != PHONE_READY || !p->api || http_channel_is_busy(p->api))
		return;
	base64_encode(BASE64_STD, p->strange.octets, p->strange.size, text);
	p->reported_size = p->strange.size;
	p->strange.size = 0;
	json_t *body = json_pack("{s:s}", "trigger", text);
	http_channel_call(p->api, "POST", "/v1/reports/misdirected", p->token.text, body,
			  on_reported, p);
	json_decref(body);
}

/* ---- a trigger ---- */

void phone_hear_push(struct phone *p, enum bearer by, const uint8_t *push, size_t n)
{
	const struct heed_key key = {p->world->conf->pushsrv_trigger_mac,
				     p->state == PHONE_READY ? &p->token : NULL};
	struct ledger *l = &p->world->ledger;
	struct trigger t;
	enum heed_verdict v = heed_trigger(&p->heed, push, n, p->mailbox, &key, &t);

	if (v == HEED_NONE)
		return;
	if (v == HEED_STRANGER) {
		l->misdirected++;
		keep(&p->strange, push, n);
		phone_report(p);
		return;
	}
	ledger_triggered(l, p->index, by, &t, clock_mono_us());
	world_progress(p->world);
	if (v != HEED_OLD)
		phone_follow(p);
}

void phone_hear_early(struct phone *p)
{
	size_t n = p->early.size;

	p->early.size = 0;
	if (n)
		phone_hear_push(p, BEARER_UDP, p->early.octets, n);
}

void phone_hear_datagram(struct phone *p, const uint8_t *datagram, size_t n)
{
	if (p->in_tunnel || p->state == PHONE_OFF)
		return;
	if (p->state == PHONE_READY)
		phone_hear_push(p, BEARER_UDP, datagram, n);
	else
		keep(&p->early, datagram, n);
}

void phone_heard(struct phone *p, const uint8_t *datagram, size_t n)
{
	if (p->in_tunnel)
		return;
	if (!p->latency_us)
		phone_hear_datagram(p, datagram, n);
	else
		roaming_hold(p->world->roaming, p->latency_us, p->index, ROAMING_DATAGRAM, 0,
			     datagram, n);
}
