#include "smtpgw/relay/runner.h"

#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "smtpgw/counters.h"
#include "smtpgw/relay/destination.h"
#include "smtpgw/relay/local.h"

#define LANES_PAGE  100
#define SCAN_GAP_US INT64_C(2000) /* between two looks at the lanes */
#define SCAN_PART   4             /* and so many times as long as the last look took */
#define TICK_US     CLOCK_S
#define LOOK_US     (60 * CLOCK_S)  /* in case the clock was set: the times are of the wall */
#define RETRY_US    CLOCK_S         /* after the store refused */
#define STOP_CUT_US INT64_C(300000) /* for connections that were cut to end */

struct runner {
	const struct conf *conf;
	const struct local_domains *ours;
	struct loop *loop;
	struct db_port *port;
	struct dns *dns;
	struct routes *routes;
	struct tls_client *anybody, *verified;
	struct job_seals seals;
	struct intake *intake;
	struct destinations *destinations;
	struct local *local;
	pthread_t thread;
	bool is_running;

	struct loop_timer *scan, *tick, *room;
	struct queue_lane after; /* where the look at the lanes stands; id 0: at the beginning */
	bool is_scanning, is_wanted;
	bool has_settled;                                /* since the last tick: see there */
	int64_t scan_took_us, scan_ended_us, scan_at_us; /* scan_at_us: the next one */
	size_t page;

	struct loop_task stopping;
	bool is_stop_begun, is_stopping, is_cut, has_left, has_local_left;
	struct loop_timer *stop_limit;
};

/* ---- looking at the lanes ---- */

static void scan_in(struct runner *r, int64_t in_us)
{
	in_us = in_us < 0 ? 0 : in_us > LOOK_US ? LOOK_US : in_us;
	r->scan_at_us = clock_mono_us() + in_us;
	loop_timer_set(r->scan, in_us);
}

/* A lane will have something due then. */
static void due_at(struct runner *r, int64_t at_us)
{
	if (at_us == INT64_MAX)
		return;
	int64_t in_us = at_us - clock_now_us();
	if (clock_mono_us() + in_us < r->scan_at_us)
		scan_in(r, in_us < SCAN_GAP_US ? SCAN_GAP_US : in_us);
}

/* Something may be due. */
static void want_scan(struct runner *r)
{
	if (r->is_stopping || r->is_wanted)
		return;
	r->is_wanted = true;
	if (r->is_scanning)
		return;
	int64_t gap_us = SCAN_GAP_US + SCAN_PART * r->scan_took_us;
	scan_in(r, r->scan_ended_us + gap_us - clock_mono_us());
}

static void on_lanes(void *arg, int err, const struct queue_lane *lanes, size_t n, int64_t next_us)
{
	struct runner *r = arg;

	r->page = n;
	if (err) {
		counter_add(COUNT_RELAY_STORE_ERRORS, 1);
		scan_in(r, RETRY_US);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		if (*lanes[i].name)
			destinations_offer(r->destinations, &lanes[i]);
		else
			local_offer(r->local, lanes[i].id);
	}
	if (n > 0)
		r->after = lanes[n - 1];
	scan_in(r, next_us == INT64_MAX ? LOOK_US : next_us - clock_now_us());
}

/* A page. The rest of the lanes has its turn in the next round of the loop; without room for more
 * mails it waits for some (on_room begins anew). */
static void on_scan(void *arg)
{
	struct runner *r = arg;
	int64_t began_us = clock_mono_us();

	if (r->is_stopping)
		return;
	if (!r->is_scanning) {
		memset(&r->after, 0, sizeof r->after);
		r->is_wanted = false;
		r->scan_took_us = 0;
	}
	queue_lanes(r->port, clock_now_us(), r->is_scanning ? &r->after : NULL, LANES_PAGE,
		    on_lanes, r);
	r->scan_ended_us = clock_mono_us();
	r->scan_took_us += r->scan_ended_us - began_us;
	r->is_scanning = r->page == LANES_PAGE && intake_room(r->intake) > 0;
	if (r->is_scanning) {
		scan_in(r, 0);
	} else if (r->is_wanted) {
		r->is_wanted = false;
		want_scan(r);
	}
}

static void on_change(void *arg, const struct change *change)
{
	if (change->kind == CHANGE_QUEUE)
		want_scan(arg);
}

/* ---- room ---- */

static void check_stopped(struct runner *r);

static void on_room(void *arg, int64_t next_us)
{
	struct runner *r = arg;

	if (r->is_stopping) {
		check_stopped(r);
		return;
	}
	loop_timer_set(r->room, 0);
	if (next_us > 0) {
		r->has_settled = true;
		due_at(r, next_us);
	}
}

static void on_room_now(void *arg)
{
	struct runner *r = arg;

	if (r->is_stopping)
		return;
	destinations_look(r->destinations);
	local_look(r->local);
	if (intake_room(r->intake) > 0 && r->page == LANES_PAGE && !r->is_scanning)
		want_scan(r);
}

static void on_swept(void *arg, int err)
{
	(void)arg;
	if (err && err != E_CLOSED)
		counter_add(COUNT_RELAY_STORE_ERRORS, 1);
}

/* A lane with something in flight is due, so a look at the lanes does not tell when the rest of it
 * will be: another look, when something has come back. */
static void on_tick(void *arg)
{
	struct runner *r = arg;

	if (r->is_stopping)
		return;
	if (r->has_settled)
		want_scan(r);
	r->has_settled = false;
	queue_sweep(r->port, clock_now_us(), on_swept, r);
	on_room_now(r);
	loop_timer_set(r->tick, TICK_US);
}

/* ---- the end ---- */

/* What was delivered is settled first: else it would go out again. */
static void check_stopped(struct runner *r)
{
	if (r->has_left && r->has_local_left && intake_settling(r->intake) == 0)
		loop_stop(r->loop);
}

static void on_left(void *arg)
{
	struct runner *r = arg;

	r->has_left = true;
	check_stopped(r);
}

static void on_local_left(void *arg)
{
	struct runner *r = arg;

	r->has_local_left = true;
	check_stopped(r);
}

static void on_stop_limit(void *arg)
{
	struct runner *r = arg;

	if (r->is_cut) {
		loop_stop(r->loop);
		return;
	}
	r->is_cut = true;
	log_event(LOG_WARN, "relay-stop-cut", LOG_INT("mails", intake_count(r->intake)), LOG_END);
	loop_timer_set(r->stop_limit, STOP_CUT_US);
	destinations_cut(r->destinations);
}

static void stop(struct loop_task *task)
{
	struct runner *r = (struct runner *)((char *)task - offsetof(struct runner, stopping));

	r->is_stopping = true;
	loop_timer_stop(r->scan);
	loop_timer_stop(r->tick);
	loop_timer_stop(r->room);
	loop_timer_set(r->stop_limit, RUNNER_STOP_US);
	destinations_stop(r->destinations, on_left, r);
	local_stop(r->local, on_local_left, r);
}

static void *run(void *arg)
{
	struct runner *r = arg;

	loop_run(r->loop);
	/* What is on its way to the disk gets there. */
	db_port_close(r->port);
	r->port = NULL;
	return NULL;
}

/* ---- the beginning ---- */

static int open_tls(struct runner *r, char error[256])
{
	const char *ca = r->conf->smtpgw_relay_ca;
	char *path = *ca ? conf_path(r->conf, ca) : strdup("");
	const struct tls_client_options anybody = {
		.certificates = "", .name = "", .is_unverified = true};
	const struct tls_client_options verified = {.certificates = path, .name = ""};
	int err = path ? tls_client_open(&anybody, &r->anybody, error) : E_NOMEM;

	if (!err)
		err = tls_client_open(&verified, &r->verified, error);
	free(path);
	return err;
}

static struct relay_schedule schedule_of(const struct conf *c)
{
	struct relay_schedule s = {.give_up_us = c->smtpgw_queue_seconds * CLOCK_S,
				   .warn_us = c->smtpgw_queue_warn_seconds * CLOCK_S};

	for (size_t i = 0; i < c->smtpgw_queue_retry.count && i < RELAY_GAPS_MAX; i++)
		s.retry.us[s.retry.count++] = c->smtpgw_queue_retry.value[i] * CLOCK_S;
	return s;
}

static struct settler_rules rules_of(const struct runner *r)
{
	const struct conf *c = r->conf;

	return (struct settler_rules){.schedule = schedule_of(c),
				      .notices = {.hostname = c->smtpgw_hostname,
						  .ours = r->ours,
						  .give_up_us = c->smtpgw_queue_seconds * CLOCK_S,
						  .header_max = (size_t)c->smtpgw_bounce_header,
						  .full_max = (size_t)c->smtpgw_bounce_full},
				      .suppress_us = c->smtpgw_suppression_seconds * CLOCK_S,
				      .holds_bounces = c->smtpgw_hold_double_bounces};
}

static int open_intake(struct runner *r)
{
	const struct conf *c = r->conf;
	const struct intake_options with = {
		.loop = r->loop,
		.port = r->port,
		.rules = rules_of(r),
		.mails_max = (size_t)c->smtpgw_relay_mails,
		.recipients = (size_t)c->smtpgw_relay_recipients,
		.received_max = (unsigned)c->smtpgw_max_received,
		.room = on_room,
		.arg = r,
	};

	return intake_new(&with, &r->intake);
}

static struct link_settings links_of(struct runner *r)
{
	const struct conf *c = r->conf;
	struct link_settings s = {
		.loop = r->loop,
		.port = r->port,
		.hostname = c->smtpgw_hostname,
		.anybody = r->anybody,
		.verified = r->verified,
		.connect_us = c->smtpgw_relay_connect_seconds * CLOCK_S,
		.idle_us = c->smtpgw_relay_idle_seconds * CLOCK_S,
		.wait_us = {[CLIENT_WAIT_GREETING] = c->smtpgw_relay_greeting_seconds * CLOCK_S,
			    [CLIENT_WAIT_COMMAND] = c->smtpgw_relay_command_seconds * CLOCK_S,
			    [CLIENT_WAIT_DATA] = c->smtpgw_relay_data_seconds * CLOCK_S,
			    [CLIENT_WAIT_BLOCK] = c->smtpgw_relay_block_seconds * CLOCK_S,
			    [CLIENT_WAIT_FINAL] = c->smtpgw_relay_final_seconds * CLOCK_S},
		.mails_max = (uint32_t)c->smtpgw_relay_mails_per_connection,
		.seals = &r->seals,
	};

	if (*c->smtpgw_relay_source)
		addr_parse(c->smtpgw_relay_source, &s.source);
	return s;
}

static int open_ways(struct runner *r, const struct lmtp_settings *lmtp)
{
	const struct conf *c = r->conf;
	const struct destinations_options outside = {
		.loop = r->loop,
		.intake = r->intake,
		.dns = r->dns,
		.routes = r->routes,
		.links = links_of(r),
		.connections_max = (size_t)c->smtpgw_relay_connections,
		.first = (size_t)c->smtpgw_relay_first,
		.most = (size_t)c->smtpgw_relay_per_destination,
		.down_us = c->smtpgw_relay_down_seconds * CLOCK_S,
	};
	const struct local_options inside = {.loop = r->loop,
					     .port = r->port,
					     .intake = r->intake,
					     .lmtp = lmtp,
					     .most = (size_t)c->smtpgw_relay_per_destination};
	int err = destinations_new(&outside, &r->destinations);

	return err ? err : local_new(&inside, &r->local);
}

static int open_timers(struct runner *r)
{
	r->scan = loop_timer_new(r->loop, on_scan, r);
	r->tick = loop_timer_new(r->loop, on_tick, r);
	r->room = loop_timer_new(r->loop, on_room_now, r);
	r->stop_limit = loop_timer_new(r->loop, on_stop_limit, r);
	return r->scan && r->tick && r->room && r->stop_limit ? 0 : E_NOMEM;
}

static int make_parts(struct runner *r, struct db *db, const struct lmtp_settings *lmtp,
		      char error[256])
{
	const struct dns_settings dns = dns_settings_of(r->conf);
	int err = open_tls(r, error);

	r->seals.in_header = strcmp(r->conf->smtpgw_return_seal, "field") == 0;
	if (!err)
		err = return_seal_open(r->conf, &r->seals.seal, error);
	if (!err)
		err = routes_new(r->conf, &r->routes);
	if (!err)
		err = loop_new(&r->loop);
	if (!err)
		err = db_port_open(db, r->loop, &r->port);
	if (!err)
		err = dns_open(r->loop, &dns, &r->dns);
	if (!err)
		err = open_intake(r);
	if (!err)
		err = open_ways(r, lmtp);
	return err ? err : open_timers(r);
}

/* Watch first, then read: what changes in between is seen twice rather than never. */
static int begin(struct runner *r)
{
	int err = db_watch(r->port, DB_QUEUE, on_change, r);

	if (err)
		return err;
	loop_timer_set(r->scan, 0);
	loop_timer_set(r->tick, TICK_US);
	if (pthread_create(&r->thread, NULL, run, r))
		return E_IO;
	r->is_running = true;
	return 0;
}

static void runner_free(struct runner *r)
{
	if (r->port)
		db_port_close(r->port);
	destinations_free(r->destinations);
	local_free(r->local);
	intake_free(r->intake);
	if (r->dns)
		dns_close(r->dns);
	routes_free(r->routes);
	loop_timer_free(r->scan);
	loop_timer_free(r->tick);
	loop_timer_free(r->room);
	loop_timer_free(r->stop_limit);
	if (r->loop)
		loop_free(r->loop);
	tls_client_free(r->anybody);
	tls_client_free(r->verified);
	return_seal_free(r->seals.seal);
	free(r);
}

int runner_start(struct db *db, const struct conf *c, const struct local_domains *ours,
		 const struct lmtp_settings *lmtp, struct runner **out, char error[256])
{
	struct runner *r = calloc(1, sizeof *r);

	if (!r)
		return E_NOMEM;
	*error = '\0';
	r->conf = c;
	r->ours = ours;
	r->stopping.run = stop;
	int err = make_parts(r, db, lmtp, error);
	if (!err)
		err = begin(r);
	if (err) {
		if (!*error)
			snprintf(error, 256, "relay: %s", err_text(err));
		runner_free(r);
		return err;
	}
	*out = r;
	return 0;
}

void runner_begin_stop(struct runner *r)
{
	if (!r || r->is_stop_begun)
		return;
	r->is_stop_begun = true;
	loop_post(r->loop, &r->stopping);
}

void runner_stop(struct runner *r)
{
	if (!r)
		return;
	runner_begin_stop(r);
	if (r->is_running)
		pthread_join(r->thread, NULL);
	runner_free(r);
}
