#include "handset-sim/world_letters.h"

#include <stdio.h>
#include <stdlib.h>

#include "handset-sim/phone.h"
#include "handset-sim/smtp_submit.h"
#include "lib/clock.h"
#include "lib/err.h"

#define LOOK_US  20000
#define PAUSE_US 500000 /* of a phone that was told to come later */

static int fail(const char *why)
{
	fprintf(stderr, "handset-sim: submission: %s\n", why);
	return -1;
}

/* ---- one phone ---- */

static bool on_next(void *arg, struct submit_mail *mail)
{
	struct phone *p = arg;
	const struct letters *l = &p->world->letters;
	uint32_t index;

	if (!letters_next(l, p->index, &index))
		return false;
	letters_addresses(l, index, mail->from, mail->to);
	mail->size = letters_compose(l, index, mail->octets);
	return true;
}

static void on_answered(void *arg, bool is_accepted, int64_t took_us)
{
	struct phone *p = arg;

	letters_answered(&p->world->letters, p->index, is_accepted);
	if (is_accepted)
		latency_add(&p->world->letters.accept, took_us);
	world_progress(p->world);
}

static void on_ended(void *arg, enum submit_end end)
{
	struct phone *p = arg;

	p->submit = NULL;
	p->world->submitting--;
	p->submit_us = clock_mono_us() + (end == SUBMIT_LATER ? PAUSE_US : 0);
	if (end == SUBMIT_DENIED)
		phone_ask_anew(p);
}

static void submit(struct world *w, struct phone *p)
{
	struct submit_request r = {.tls = w->submission_tls,
				   .login = p->msisdn,
				   .token = p->token.text,
				   .next = on_next,
				   .answered = on_answered,
				   .ended = on_ended,
				   .arg = p};

	world_address(p->address, &r.from);
	addr_parse(w->conf->smtpgw_listen, &r.to);
	r.port = (uint16_t)(r.tls ? w->conf->smtpgw_submissions_port
				  : w->conf->smtpgw_submission_port);
	if (smtp_submit_start(w->loop, &r, &p->submit))
		p->submit = NULL;
	else
		w->submitting++;
}

void world_letters_cut(struct world *w, struct phone *p)
{
	if (!p->submit)
		return;
	smtp_submit_abandon(p->submit);
	p->submit = NULL;
	w->submitting--;
}

/* ---- all of them ---- */

/* In turns: one whose letters are refused for a while does not keep the others waiting. */
static void on_look(void *arg)
{
	struct world *w = arg;
	uint32_t n = w->scenario->handsets, index;
	int64_t now_us = clock_mono_us();

	for (uint32_t i = 0; i < n && w->submitting < w->scenario->senders; i++) {
		struct phone *p = &w->phones[w->next_to_submit++ % n];
		if (p->state == PHONE_READY && !p->in_tunnel && !p->submit &&
		    p->submit_us <= now_us && letters_next(&w->letters, p->index, &index))
			submit(w, p);
	}
	if (!w->ending && w->letters.accepted + w->letters.refused < w->letters.wanted)
		loop_timer_set(w->letters_timer, LOOK_US);
}

static int open_ways(struct world *w)
{
	const struct conf *c = w->conf;
	bool by_tls = w->tls || c->smtpgw_auth_requires_tls;
	char error[256] = "";

	if (!(by_tls ? c->smtpgw_submissions_port : c->smtpgw_submission_port))
		return fail("smtpgw has no such port");
	w->submission_tls = w->tls;
	if (!by_tls || w->tls)
		return 0;
	char *path = conf_path(c, c->paths_tls_certificate);
	int rc = path ? tls_client_new(path, &w->submission_tls, error) : E_NOMEM;
	free(path);
	return rc ? fail(error) : 0;
}

int world_letters_open(struct world *w)
{
	const struct scenario *s = w->scenario;
	const struct letters_plan plan = {.phones = s->handsets,
					  .each = s->submit,
					  .first = s->first,
					  .to = s->submit_to,
					  .run = w->ledger.run};

	if (!s->submit)
		return 0;
	w->letters_timer = loop_timer_new(w->loop, on_look, w);
	if (!w->letters_timer || letters_init(&w->letters, &plan))
		return fail("out of memory");
	for (uint32_t i = 0; i < s->handsets; i++)
		if (scenario_sleeps(s, i)) /* it has an address only when it is woken */
			letters_spare(&w->letters, i);
	return open_ways(w);
}

void world_letters_close(struct world *w)
{
	for (uint32_t i = 0; w->phones && i < w->scenario->handsets; i++)
		world_letters_cut(w, &w->phones[i]);
	loop_timer_free(w->letters_timer);
	letters_fini(&w->letters);
}

void world_letters_write(struct world *w)
{
	if (w->letters_timer)
		loop_timer_set(w->letters_timer, 0);
}

bool world_letters_are_done(const struct world *w)
{
	return !w->letters_timer || letters_are_done(&w->letters);
}
