#include "handset-sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "handset-sim/day.h"
#include "handset-sim/phone.h"
#include "handset-sim/windows.h"
#include "handset-sim/world_letters.h"
#include "handset-sim/world_radio.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/keyfile.h"

#define FIRST_ADDRESS 0x7f010001u /* 127.1.0.1 */
/* and a tenth of the phones: what was given back is given out again soon */
#define SPARE_ADDRESSES  16
#define WATCH_US         200000
#define NETWORK_CHANNELS 4

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "handset-sim: %s: %s\n", what, why);
	return -1;
}

void world_address(uint32_t index, struct addr *out)
{
	uint32_t ip = FIRST_ADDRESS + index;
	char text[ADDR_TEXT_MAX];

	snprintf(text, sizeof text, "%u.%u.%u.%u", ip >> 24, (ip >> 16) & 255, (ip >> 8) & 255,
		 ip & 255);
	addr_parse(text, out);
}

uint32_t world_random(struct world *w, uint32_t below)
{
	return (uint32_t)nrand48(w->random) % below;
}

uint32_t world_take_address(struct world *w)
{
	return w->free_addresses[--w->free_count];
}

void world_give_address(struct world *w, uint32_t address)
{
	w->free_addresses[w->free_count++] = address;
}

void world_progress(struct world *w)
{
	w->progress_us = clock_mono_us();
}

/* ---- triggers ---- */

static void on_heard(void *arg, const struct addr *to, const uint8_t *datagram, size_t n)
{
	struct world *w = arg;
	uint32_t ip = (uint32_t)to->bytes[12] << 24 | (uint32_t)to->bytes[13] << 16 |
		      (uint32_t)to->bytes[14] << 8 | to->bytes[15];

	if (ip < FIRST_ADDRESS || ip - FIRST_ADDRESS >= w->address_count)
		return;
	uint32_t who = w->at[ip - FIRST_ADDRESS];
	if (who)
		phone_heard(&w->phones[who - 1], datagram, n);
}

/* ---- attaching ---- */

static void attach_more(struct world *w)
{
	while (w->attaching < w->scenario->attach_window &&
	       w->next_to_attach < w->scenario->handsets) {
		struct phone *p = &w->phones[w->next_to_attach++];
		w->attaching++;
		phone_start(p);
	}
}

static void on_provisioned(void *arg, bool all)
{
	struct world *w = arg;

	if (!all) {
		fail("provisioning",
		     "a subscriber was refused, or the network API does not answer");
		w->failed = true;
		loop_stop(w->loop);
		return;
	}
	world_progress(w);
	attach_more(w);
}

void world_phone_ready(struct world *w, struct phone *p)
{
	world_progress(w);
	if (p->seen_ready)
		return;
	p->seen_ready = true;
	w->attaching--;
	if (++w->attached == w->scenario->handsets) {
		w->sending = true;
		w->sending_us = clock_mono_us();
		windows_begin(w->windows);
		mail_sender_start(w->sender);
		world_radio_write(w);
		world_letters_write(w);
		if (w->day)
			day_begin(w->day);
		if (w->scenario->churn > 0)
			loop_timer_set(w->churn_timer, (int64_t)(1e6 / w->scenario->churn));
		return;
	}
	attach_more(w);
}

/* ---- churn ---- */

/* A phone takes another address; the one it leaves is the next that is given out. A third of the
 * Stops are lost, as in 2011. */
static void move_phone(struct world *w, struct phone *p)
{
	uint32_t left = p->address;

	phone_detach(p, world_random(w, 3) != 0);
	uint32_t taken = world_take_address(w);
	world_give_address(w, left);
	w->ledger.moves++;
	phone_attach(p, taken);
}

static void on_churn(void *arg)
{
	struct world *w = arg;
	struct phone *p = &w->phones[world_random(w, w->scenario->handsets)];

	if (w->ending)
		return;
	if (p->state == PHONE_READY && !p->in_tunnel)
		move_phone(w, p);
	loop_timer_set(w->churn_timer, (int64_t)(1e6 / w->scenario->churn));
}

/* ---- the end ---- */

static void on_all_sent(void *arg)
{
	struct world *w = arg;

	w->all_sent = true;
	if (w->day)
		day_evening(w->day);
	world_progress(w);
}

static void progress_show(const struct world *w)
{
	if (w->scenario->quiet || w->scenario->json || !isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\r%u/%u phones attached, %u/%u mails accepted, %u fetched, %u moves   ",
		w->attached, w->scenario->handsets, w->ledger.sent, w->scenario->mails,
		w->ledger.fetched, w->ledger.moves);
}

static void end(struct world *w)
{
	w->ending = true;
	w->ended_us = clock_mono_us();
	if (!w->scenario->keep)
		for (uint32_t i = 0; i < w->scenario->handsets; i++)
			phone_detach(&w->phones[i], true);
}

static void on_watch(void *arg)
{
	struct world *w = arg;
	int64_t now = clock_mono_us();
	bool stuck = now - w->progress_us > w->scenario->patience_s * 1000000;

	progress_show(w);
	if (!w->ending && w->all_sent && w->ledger.fetched == w->ledger.sent &&
	    world_radio_is_done(w) && world_letters_are_done(w))
		end(w);
	else if (!w->ending && stuck)
		end(w);
	if (w->ending && (network_is_quiet(w->network) || stuck)) {
		loop_stop(w->loop);
		return;
	}
	loop_timer_set(w->watch_timer, w->all_sent ? WATCH_US / 20 : WATCH_US);
}

/* ---- opening ---- */

static int open_network(struct world *w)
{
	char *path = conf_path(w->conf, w->conf->paths_feeder_key), *key = NULL;
	struct http_target target = {.port = (uint16_t)w->conf->authsrv_network_port};
	size_t n;
	int rc = path ? keyfile_read(path, &key, &n, NULL) : E_NOMEM;

	if (!rc) {
		key[strcspn(key, "\r\n")] = 0;
		addr_parse(w->conf->authsrv_network_listen, &target.to);
		rc = network_new(w->loop, &target, key, NETWORK_CHANNELS, &w->network);
		keyfile_wipe(key, n);
	}
	if (rc)
		fail(path ? path : "feeder key", err_text(rc));
	free(path);
	return rc ? -1 : 0;
}

static int open_tls(struct world *w)
{
	char error[256] = "";
	char *path = conf_path(w->conf, w->conf->paths_tls_certificate);
	int rc = path ? tls_client_new(path, &w->tls, error) : E_NOMEM;

	free(path);
	return rc ? fail("TLS", error) : 0;
}

static int open_phones(struct world *w)
{
	uint32_t n = w->scenario->handsets;

	w->address_count = n + n / 10 + SPARE_ADDRESSES;
	w->phones = calloc(n, sizeof *w->phones);
	w->at = calloc(w->address_count, sizeof *w->at);
	w->free_addresses = calloc(w->address_count, sizeof *w->free_addresses);
	if (!w->phones || !w->at || !w->free_addresses)
		return fail("phones", "out of memory");
	for (uint32_t i = w->address_count; i-- > 0;)
		world_give_address(w, i); /* the first phone takes the first */
	for (uint32_t i = 0; i < n; i++)
		if (phone_init(&w->phones[i], w, i))
			return fail("phones", "out of memory");
	return 0;
}

static int open_sender(struct world *w)
{
	struct sender_options o = {.port = (uint16_t)w->conf->smtpgw_mx_port,
				   .connections = w->scenario->senders,
				   .lmtp = w->scenario->lmtp_senders,
				   .lmtp_port = (uint16_t)w->conf->pushsrv_lmtp_port,
				   .rate = w->scenario->rate,
				   .first = w->scenario->first};

	addr_parse(w->conf->smtpgw_listen, &o.to);
	addr_parse("127.0.0.1", &o.lmtp_to); /* where pushsrv has it */
	return mail_sender_new(w->loop, &o, &w->ledger, on_all_sent, w, &w->sender)
		       ? fail("senders", "out of memory")
		       : 0;
}

int world_open(struct world *w, const struct scenario *s, const struct conf *c,
	       const struct corpus *corpus)
{
	*w = (struct world){.scenario = s, .conf = c, .started_us = clock_mono_us()};
	w->progress_us = w->started_us;
	w->random[0] = (unsigned short)s->seed;
	w->random[1] = (unsigned short)(s->seed >> 16);
	uint64_t run = s->seed ^ (uint64_t)clock_now_us() << 8;
	if (loop_new(&w->loop) || ledger_init(&w->ledger, corpus, s->mails, s->handsets, run))
		return fail("loop", "out of memory");
	if ((s->tls && open_tls(w)) || open_network(w) || world_radio_open(w) || open_phones(w) ||
	    open_sender(w) || world_letters_open(w))
		return -1;
	if (s->is_day && day_open(w, &w->day))
		return -1;
	int rc = air_open(w->loop, (uint16_t)c->pushsrv_trigger_port, s->one_socket, on_heard, w,
			  &w->air);
	if (rc)
		return fail("trigger port", err_text(rc));
	if (s->window_s && windows_new(w, &w->windows))
		return fail("windows", "out of memory");
	w->churn_timer = loop_timer_new(w->loop, on_churn, w);
	w->watch_timer = loop_timer_new(w->loop, on_watch, w);
	return w->churn_timer && w->watch_timer ? 0 : fail("timers", "out of memory");
}

void world_run(struct world *w)
{
	loop_timer_set(w->watch_timer, WATCH_US);
	network_give_sims(w->network, w->scenario);
	network_provision(w->network, w->scenario->first, w->scenario->handsets, on_provisioned, w);
	loop_run(w->loop);
	if (!w->ended_us)
		w->ended_us = clock_mono_us();
	if (!w->scenario->quiet && !w->scenario->json && isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

void world_close(struct world *w)
{
	world_letters_close(w);
	for (uint32_t i = 0; w->phones && i < w->scenario->handsets; i++)
		if (w->phones[i].retry)
			phone_fini(&w->phones[i]);
	windows_free(w->windows);
	day_close(w->day);
	world_radio_close(w);
	mail_sender_free(w->sender);
	network_free(w->network);
	air_close(w->air);
	ledger_free(&w->ledger);
	free(w->phones);
	free(w->at);
	free(w->free_addresses);
	/* The loop and what still closes on it go with the process: connections that part have
	 * callbacks there. */
}
