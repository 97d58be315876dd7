#include "smtpgw/submission/doors.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/daemon_open.h"
#include "lib/err.h"
#include "lib/log.h"
#include "smtpgw/submission/refusals.h"

#define REFUSAL         "421 4.7.0 too many connections\r\n"
#define KEYRING_TICK_US INT64_C(1000000)
#define AUTH_LINE_MAX   (SASL_LINE_MAX + 64) /* RFC 4954 4: a line of AUTH */

static struct metric balanced[BALANCED_OUTCOMES] = BALANCED_METRICS("smtpgw");

/* ---- what the workers share ---- */

void submission_free(struct submission *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < CONF_REALMS_MAX; i++)
		balancers_free(s->balancers[i]);
	admission_free(s->admission);
	rate_free(s->rate);
	free(s);
}

static int open_balancers(struct submission *s)
{
	const struct conf *c = s->conf;
	int err = 0;

	for (size_t i = 0; !err && i < c->realm_count; i++)
		err = balancers_new(i ? c->realms[i].proxy_from : c->smtpgw_proxy_from,
				    c->smtpgw_proxy_wait, (size_t)c->smtpgw_max_connections,
				    balanced, &s->balancers[i]);
	return err;
}

static int open_shared(struct submission *s)
{
	const struct conf *c = s->conf;

	s->admission = admission_new((size_t)c->smtpgw_max_connections,
				     (size_t)c->smtpgw_max_connections_per_address);
	s->rate = rate_new((uint64_t)c->smtpgw_submissions_per_hour,
			   (size_t)c->smtpgw_rated_subscribers);
	addr_parse(c->smtpgw_listen, &s->listen);
	login_ids_parse(c->smtpgw_login_id, &s->login_ids);
	return s->admission && s->rate ? open_balancers(s) : E_NOMEM;
}

int submission_new(struct daemon *d, struct tls_server *tls, struct submission **out)
{
	struct submission *s = calloc(1, sizeof *s);

	if (!s)
		return E_NOMEM;
	s->conf = daemon_conf(d);
	s->tls = tls;
	refusals_register();
	for (int i = 0; i < BALANCED_OUTCOMES; i++)
		metric_register(&balanced[i]);
	int err = open_shared(s);
	if (err) {
		submission_free(s);
		return err;
	}
	*out = s;
	return 0;
}

/* ---- a worker ---- */

static void on_tick(void *arg)
{
	struct submission_worker *w = arg;
	int err = keyring_refresh(w->host.ring);

	if (err)
		log_event(LOG_ERROR, "keyring-unread", LOG_TEXT("error", err_text(err)), LOG_END);
	loop_timer_set(w->tick, KEYRING_TICK_US);
}

static int open_keyring(struct submission_worker *w)
{
	const struct conf *c = w->all->conf;
	char *path = conf_path(c, c->paths_token_keys);
	int err = path ? keyring_open(path, &w->host.ring) : E_NOMEM;

	if (err)
		daemon_fail(w->daemon, "token keys %s: %s", path ? path : "", err_text(err));
	free(path);
	if (!err && !(w->tick = loop_timer_new(w->loop, on_tick, w)))
		err = E_NOMEM;
	if (!err)
		loop_timer_set(w->tick, KEYRING_TICK_US);
	return err;
}

static void fill_host(struct submission_worker *w, const struct driver_host *driver)
{
	const struct conf *c = w->all->conf;
	struct submission_host *h = &w->host;

	h->driver = *driver;
	h->driver.limits.kind = &session_submission;
	h->driver.limits.auth_requires_tls = c->smtpgw_auth_requires_tls;
	if (h->driver.max_command < AUTH_LINE_MAX)
		h->driver.max_command = AUTH_LINE_MAX;
	h->rate = w->all->rate;
	h->login_ids = w->all->login_ids;
	h->correspondents = c->smtpgw_correspondents;
	h->rewrites = strcmp(c->smtpgw_foreign_from, "rewrite") == 0;
	h->header = (struct header_limits){.field_max = (size_t)c->smtpgw_max_header_field,
					   .octets_max = (size_t)c->smtpgw_max_header,
					   .fields_max = (size_t)c->smtpgw_max_header_fields};
	h->login_s = c->smtpgw_login_seconds;
}

static int open_door(struct submission_worker *w, size_t index, uint16_t port, bool is_tls)
{
	const struct submission *s = w->all;
	const struct conf_realm *realm = &s->conf->realms[index];
	struct submission_door *d = &w->doors[w->door_count];
	char what[sizeof "realm : submission" + REALM_MAX];
	const struct listener_options options = {
		.addr = s->listen,
		.port = port,
		.device = index ? realm->device : s->conf->smtpgw_device,
		.tls = is_tls ? s->tls : NULL,
		.sniff_tls_ms = is_tls ? 0 : s->conf->smtpgw_sniff_tls,
		.sniff_tls = is_tls ? NULL : s->tls,
		.balancers = s->balancers[index],
		.admission = s->admission,
		.connections = w->connections,
		.refusal = REFUSAL,
		.accepted = submitter_accepted,
		.arg = d,
	};

	if (!port)
		return 0;
	*d = (struct submission_door){
		.host = &w->host,
		.driver = w->host.driver,
		.realm = realm->name,
		.pop_us = (is_tls ? realm->submissions_pop_s : realm->submission_pop_s) * CLOCK_S,
	};
	d->driver.limits.trusts_pop = d->pop_us > 0;
	snprintf(what, sizeof what, "realm %s: submission", realm->name);
	int err = daemon_open_listener(w->daemon, w->loop, what, &options, &d->listener);
	if (!err)
		w->door_count++;
	return err;
}

static int open_doors(struct submission_worker *w)
{
	const struct conf *c = w->all->conf;
	int err = 0;

	for (size_t i = 0; !err && i < c->realm_count; i++) {
		err = open_door(w, i, c->realms[i].submission_port, false);
		if (!err)
			err = open_door(w, i, c->realms[i].submissions_port, true);
	}
	return err;
}

static bool has_doors(const struct conf *c)
{
	for (size_t i = 0; i < c->realm_count; i++)
		if (c->realms[i].submission_port || c->realms[i].submissions_port)
			return true;
	return false;
}

int submission_worker_new(struct daemon *d, const struct submission *all, struct loop *loop,
			  const struct reception_host *reception, const struct driver_host *driver,
			  struct connections *connections, struct submission_worker **out)
{
	struct submission_worker *w = calloc(1, sizeof *w);

	if (!w)
		return E_NOMEM;
	w->all = all;
	w->daemon = d;
	w->loop = loop;
	w->connections = connections;
	w->host.port = reception->port;
	w->host.reception = *reception;
	fill_host(w, driver);
	int err = has_doors(all->conf) ? open_keyring(w) : 0;
	if (!err)
		err = open_doors(w);
	if (err) {
		submission_worker_free(w);
		return err;
	}
	*out = w;
	return 0;
}

void submission_worker_stop(struct submission_worker *w)
{
	for (size_t i = 0; i < w->door_count; i++)
		listener_close(w->doors[i].listener);
	w->door_count = 0;
}

void submission_worker_free(struct submission_worker *w)
{
	if (!w)
		return;
	submission_worker_stop(w);
	loop_timer_free(w->tick);
	keyring_free(w->host.ring);
	free(w);
}
