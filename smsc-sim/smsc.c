#include "smsc-sim/smsc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/wire/sms/addr.h"
#include "smsc-sim/delivery.h"
#include "smsc-sim/fault_counters.h"
#include "smsc-sim/link.h"
#include "smsc-sim/notices.h"
#include "smsc-sim/outbind.h"
#include "smsc-sim/radio_link.h"
#include "smsc-sim/store.h"

#define TICK_US    (CLOCK_S / 5)
#define ANY_NUMBER "*"

const char *smsc_account_name(const struct smsc *s, const struct message *m)
{
	return m->account < 0 ? "" : s->accounts.rows[m->account].conf->name;
}

bool smsc_is_sink(const struct smsc *s, const char *number)
{
	for (size_t i = 0; i < s->sink_count; i++)
		if (!strncmp(s->sinks[i], number, strlen(s->sinks[i])))
			return true;
	return false;
}

/* ---- time ---- */

void smsc_due_at(struct smsc *s, int64_t at_us)
{
	if (at_us >= s->turn_at_us)
		return;
	s->turn_at_us = at_us;
	loop_timer_set(s->turn_timer, at_us - clock_now_us());
}

/* The faults' day is told by the monotonic clock. */
static void cut_links(struct smsc *s, int64_t now_us)
{
	int64_t mono_us = clock_mono_us();

	if (faults_next_us(s->faults) <= mono_us) {
		faults_turn(s->faults, mono_us);
		for (struct link *l = s->links; l; l = l->next)
			if (l->account && faults_cut_due(s->faults, l->account->conf->name))
				link_cut(l);
	}
	int64_t next_us = faults_next_us(s->faults);
	if (next_us != INT64_MAX)
		smsc_due_at(s, now_us + next_us - mono_us);
}

static void on_turn(void *arg)
{
	struct smsc *s = arg;
	int64_t now_us = clock_now_us();
	struct later_task *task;

	s->turn_at_us = INT64_MAX;
	delivery_turn(s, now_us);
	while ((task = later_due(&s->later, now_us)))
		task->run(task);
	cut_links(s, now_us);
	smsc_due_at(s, spool_next_us(&s->spool));
	smsc_due_at(s, later_next_us(&s->later));
}

/* As exact as the deadlines of links are. */
static void on_tick(void *arg)
{
	struct smsc *s = arg;
	int64_t mono_us = clock_mono_us(), now_us = clock_now_us();
	struct link *next;

	loop_timer_set(s->tick_timer, TICK_US);
	for (struct link *l = s->links; l; l = next) {
		next = l->next;
		link_tick(l, mono_us);
	}
	notices_tick(s, now_us);
	fault_counters_update(s->faults);
	outbind_tick(s, now_us);
	/* The clock may have been set: what is due is due. */
	on_turn(s);
}

/* ---- opening ---- */

static int read_sinks(struct smsc *s, char error[256])
{
	char *save = NULL;

	s->sink_text = strdup(s->conf->smsc_sim_sink);
	if (!s->sink_text)
		return E_NOMEM;
	for (char *word = strtok_r(s->sink_text, ", ", &save); word;
	     word = strtok_r(NULL, ", ", &save)) {
		if (s->sink_count == SMSC_SINKS_MAX) {
			snprintf(error, 256, "smsc-sim.sink: more than %d", SMSC_SINKS_MAX);
			return E_TOO_LARGE;
		}
		s->sinks[s->sink_count++] = strcmp(word, ANY_NUMBER) ? word : strchr(word, 0);
	}
	return 0;
}

/* What a phone or an ESME would stumble over later. */
static int check_settings(const struct smsc *s, char error[256])
{
	const struct conf *c = s->conf;
	struct sms_addr centre;

	if (sms_addr_number(c->smsc_sim_number, &centre)) {
		snprintf(error, 256, "smsc-sim.number: '%.40s' is no number", c->smsc_sim_number);
		return E_SYNTAX;
	}
	if (strlen(c->smsc_sim_system_id) >= SMPP_SYSTEM_ID_SIZE) {
		snprintf(error, 256, "smsc-sim.system_id: more than %d characters",
			 SMPP_SYSTEM_ID_SIZE - 1);
		return E_SYNTAX;
	}
	for (size_t i = 0; i < s->accounts.count; i++) {
		const struct conf_esme *e = s->accounts.rows[i].conf;
		if (!*e->outbind || outbind_is_place(e->outbind))
			continue;
		snprintf(error, 256, "[esme %s]: outbind: '%.60s' is no address and port", e->name,
			 e->outbind);
		return E_SYNTAX;
	}
	return 0;
}

static void read_policy(struct smsc *s)
{
	const struct conf *c = s->conf;
	struct message_policy *p = &s->policy;

	p->retry_count = c->smsc_sim_retry.count;
	for (size_t i = 0; i < p->retry_count && i < MESSAGE_RETRIES_MAX; i++)
		p->retry_us[i] = c->smsc_sim_retry.value[i] * CLOCK_S;
	if (!p->retry_count)
		p->retry_us[p->retry_count++] = 60 * CLOCK_S;
	p->validity_us = c->smsc_sim_validity_seconds * CLOCK_S;
	p->validity_most_us = 63072000 * CLOCK_S;
}

static void forget(void *arg, struct message *m)
{
	struct smsc *s = arg;

	store_forget(s->store, m);
}

static int open_spool(struct smsc *s)
{
	const struct conf *c = s->conf;
	const struct spool_limits limits = {
		.queue_max = (size_t)c->smsc_sim_queue_max,
		.history_max = (size_t)c->smsc_sim_history_max,
		.octets_max = (size_t)c->smsc_sim_octets_max,
	};
	int rc = spool_init(&s->spool, &limits);

	s->spool.forget = forget;
	s->spool.arg = s;
	return rc;
}

static int open_parts(struct smsc *s, struct db *db, char error[256])
{
	int rc = accounts_open(s->conf, &s->accounts, error);

	if (!rc)
		rc = check_settings(s, error);
	if (!rc)
		rc = read_sinks(s, error);
	if (!rc)
		rc = open_spool(s);
	if (!rc)
		rc = later_init(&s->later);
	if (!rc)
		rc = faults_new((uint64_t)s->conf->smsc_sim_seed,
				(size_t)s->conf->smsc_sim_fault_numbers, &s->faults);
	if (!rc)
		rc = radio_open(s, &s->radio);
	s->scratch = malloc(SMPP_PDU_MAX);
	s->turn_timer = loop_timer_new(s->loop, on_turn, s);
	s->tick_timer = loop_timer_new(s->loop, on_tick, s);
	if (!rc && (!s->scratch || !s->turn_timer || !s->tick_timer))
		rc = E_NOMEM;
	if (!rc)
		rc = store_open(s, db, &s->store);
	return rc;
}

int smsc_open(struct smsc *s, struct loop *loop, const struct conf *c, struct db *db,
	      char error[256])
{
	*s = (struct smsc){
		.loop = loop, .conf = c, .is_durable = db != NULL, .turn_at_us = INT64_MAX};
	*error = 0;
	read_policy(s);
	int rc = open_parts(s, db, error);
	if (!rc && (rc = store_load(s->store)))
		snprintf(error, 256, "smsc.db: %s", err_text(rc));
	if (rc) {
		smsc_close(s);
		return rc;
	}
	loop_timer_set(s->tick_timer, TICK_US);
	return 0;
}

/* ---- ending ---- */

static void on_stored(void *arg)
{
	struct smsc *s = arg;

	if (s->stopped)
		s->stopped(s->stopped_arg);
}

void smsc_link_gone(struct smsc *s)
{
	if (s->is_stopping && !s->link_count && !radio_connections(s->radio))
		store_when_idle(s->store, on_stored, s);
}

void smsc_stop(struct smsc *s, void (*stopped)(void *arg), void *arg)
{
	s->is_stopping = true;
	s->stopped = stopped;
	s->stopped_arg = arg;
	loop_timer_stop(s->tick_timer);
	for (struct link *l = s->links; l; l = l->next)
		link_stop(l);
	radio_stop(s->radio);
	smsc_link_gone(s);
}

void smsc_close(struct smsc *s)
{
	struct later_task *task;

	while (s->later.heap && (task = later_due(&s->later, INT64_MAX)))
		task->run(task); /* into the void: no link is open */
	for (struct message *m = s->spool.first; m; m = m->order.next)
		delivery_abandon(m);
	if (s->accounts.rows)
		notices_drop_all(s);
	store_close(s->store);
	if (s->spool.rows)
		spool_fini(&s->spool);
	radio_close(s->radio);
	faults_free(s->faults);
	later_fini(&s->later);
	accounts_close(&s->accounts);
	loop_timer_free(s->turn_timer);
	loop_timer_free(s->tick_timer);
	free(s->sink_text);
	free(s->scratch);
}
