/* A phone's SMS side, and what happens to a phone: switched off, in a tunnel, abroad, full. */
#include <string.h>

#include "handset-sim/phone.h"
#include "handset-sim/world_radio.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/wire/sms/dcs.h"
#include "lib/wire/sms/parts.h"
#include "lib/wire/sms/text.h"

#define PARTS_MOST 16

static void set_timer(struct phone *p)
{
	int64_t next = modem_next_us(&p->modem), now = clock_mono_us();

	if (next == INT64_MAX)
		loop_timer_stop(p->modem_timer);
	else
		loop_timer_set(p->modem_timer, next > now ? next - now : 0);
}

static void on_modem_timer(void *arg)
{
	struct phone *p = arg;

	modem_tick(&p->modem, clock_mono_us());
	set_timer(p);
}

/* ---- what the modem wants ---- */

static void on_say(void *arg, enum radio_kind kind, const uint8_t *payload, size_t n)
{
	struct phone *p = arg;

	if (p->latency_us)
		roaming_hold(p->world->roaming, p->latency_us, p->index, ROAMING_SAID, kind,
			     payload, n);
	else
		air_sms_say(p->world->sms, kind, p->msisdn, payload, n);
}

static void on_attached(void *arg)
{
	struct phone *p = arg;

	if (p->sleeps)
		world_phone_ready(p->world, p);
}

static void on_push(void *arg, uint16_t port, const uint8_t *octets, size_t n)
{
	if (port == SMS_PORT_WSP_PUSH)
		phone_hear_push(arg, BEARER_SMS, octets, n);
}

static void on_text(void *arg, const char *from, const char *text, size_t n)
{
	struct phone *p = arg;

	(void)n;
	world_radio_text(p->world, p->index, from, text);
}

static void on_sent(void *arg, uint64_t tag, bool is_taken)
{
	struct phone *p = arg;

	texts_sent(&p->world->texts, (uint32_t)tag, is_taken);
	world_progress(p->world);
}

static const struct modem_ops ops = {on_say, on_attached, on_push, on_text, on_sent};

/* ---- the air ---- */

void phone_radio_linked(struct phone *p, bool up)
{
	modem_link(&p->modem, up, clock_mono_us());
	set_timer(p);
}

static void hear(struct phone *p, const struct radio_frame *f)
{
	modem_hear(&p->modem, f, clock_mono_us());
	set_timer(p);
}

void phone_radio_heard(struct phone *p, const struct radio_frame *f)
{
	if (p->latency_us && !p->in_tunnel)
		roaming_hold(p->world->roaming, p->latency_us, p->index, ROAMING_HEARD, f->kind,
			     f->payload, f->payload_len);
	else
		hear(p, f);
}

void phone_radio_arrived(struct phone *p, enum roaming_what what, unsigned tag,
			 const uint8_t *octets, size_t n)
{
	struct radio_frame f = {.kind = (enum radio_kind)tag, .payload = octets, .payload_len = n};

	if (what == ROAMING_DATAGRAM)
		phone_hear_datagram(p, octets, n);
	else if (what == ROAMING_HEARD)
		hear(p, &f);
	else if (!p->in_tunnel)
		air_sms_say(p->world->sms, f.kind, p->msisdn, octets, n);
}

/* ---- texts ---- */

bool phone_write(struct phone *p, uint32_t index)
{
	struct texts *t = &p->world->texts;
	bool is_gsm = texts_is_gsm(index);
	struct sms_split how = {.dcs = is_gsm ? SMS_DCS_GSM7 : SMS_DCS_UCS2,
				.reference = (uint16_t)index,
				.is_16_bit = true};
	struct sms_data parts[PARTS_MOST];
	char text[TEXTS_MAX + 1], to[16], imsi[16], mailbox[64];
	uint8_t body[2 * TEXTS_MAX];
	size_t n = texts_compose(t, index, text), size, count;
	int rc = is_gsm ? sms_text_to_septets(text, n, body, sizeof body, &size)
			: sms_text_to_ucs2(text, n, body, sizeof body, &size);

	network_names(p->world->scenario->first + t->texts[index].to, to, imsi, mailbox);
	if (rc || sms_split(&how, body, size, parts, PARTS_MOST, &count) ||
	    p->modem.queued + count > MODEM_QUEUE_MAX)
		return false;
	texts_written(t, index, count);
	for (size_t i = 0; i < count; i++)
		if (modem_send(&p->modem, to, &parts[i], index, clock_mono_us()))
			texts_sent(t, index, false);
	set_timer(p);
	return true;
}

/* ---- what happens to it ---- */

void phone_power(struct phone *p, bool on)
{
	bool had_address = p->state != PHONE_OFF;

	if (on == !p->is_off)
		return;
	p->is_off = !on;
	modem_power(&p->modem, on, clock_mono_us());
	set_timer(p);
	if (had_address) {
		phone_detach(p, world_random(p->world, 3) != 0);
		world_give_address(p->world, p->address);
	} else if (on && !p->in_tunnel) {
		phone_reconnect(p);
	}
}

void phone_tunnel(struct phone *p, bool in)
{
	if (in == p->in_tunnel)
		return;
	p->in_tunnel = in;
	modem_tunnel(&p->modem, in, clock_mono_us());
	set_timer(p);
	if (in)
		phone_disconnect(p);
	else if (!p->is_off)
		phone_reconnect(p);
}

void phone_roam(struct phone *p, int64_t latency_us)
{
	p->latency_us = latency_us;
}

void phone_memory(struct phone *p, bool full)
{
	modem_memory(&p->modem, full, clock_mono_us());
	set_timer(p);
}

int phone_radio_init(struct phone *p)
{
	p->modem_timer = loop_timer_new(p->world->loop, on_modem_timer, p);
	modem_init(&p->modem, &ops, p, p->msisdn, p->imsi, p->world->conf->smsc_sim_number,
		   p->world->parts);
	return p->modem_timer ? 0 : E_NOMEM;
}

void phone_radio_fini(struct phone *p)
{
	modem_fini(&p->modem);
	loop_timer_free(p->modem_timer);
	p->modem_timer = NULL;
}
