/* What the incident is made of: opened, run, closed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "handset-sim/claims.h"
#include "handset-sim/live_phone.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/keyfile.h"

#define LIVE_PART     20 /* of so many customers one is a live phone */
#define LIVE_LEAST    120
#define LIVE_MOST     1500
#define MAILS_EACH    4
#define MAIL_S        4.0 /* the mail is spread over so much of the storm, at least */
#define CHANNELS      256
#define SENDERS       8
#define NAS_CUSTOMERS 150000 /* behind one NAS in Kansai: a list has a limit */

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "handset-sim: %s: %s\n", what, why);
	return -1;
}

static uint32_t live_count(uint32_t customers)
{
	uint32_t n = customers / LIVE_PART;

	n = n < LIVE_LEAST ? LIVE_LEAST : n > LIVE_MOST ? LIVE_MOST : n;
	return n < customers ? n : customers;
}

static void raise_files(void)
{
	struct rlimit files;

	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
}

static int read_key(struct incident *in)
{
	char *path = conf_path(in->conf, in->conf->paths_feeder_key);
	size_t n;
	int rc = path ? keyfile_read(path, &in->key, &n, NULL) : E_NOMEM;

	if (rc)
		fail(path ? path : "feeder key", err_text(rc));
	else
		in->key[strcspn(in->key, "\r\n")] = 0;
	free(path);
	return rc ? -1 : 0;
}

static int open_network(struct incident *in)
{
	struct http_target target = {.port = (uint16_t)in->conf->authsrv_network_port};
	struct feed_options o = {.target = &target,
				 .key = in->key,
				 .nas = incident_nas_names,
				 .first = in->scenario->first,
				 .run = in->ledger.run,
				 .address = carrier_address,
				 .acked = incident_acked,
				 .arg = in};

	addr_parse(in->conf->authsrv_network_listen, &target.to);
	if (network_new(in->loop, &target, in->key, CHANNELS, &in->network) ||
	    lease_feed_new(in->loop, &o, &in->feed) ||
	    http_channel_new(in->loop, &target, &in->audit))
		return fail("feed", "out of memory");
	return 0;
}

static int open_sender(struct incident *in)
{
	double storm_s = in->kansai / 3000.0 + MAIL_S;
	struct sender_options o = {.port = (uint16_t)in->conf->smtpgw_mx_port,
				   .connections = SENDERS,
				   .rate = (double)in->ledger.count / storm_s,
				   .first = in->scenario->first};

	addr_parse(in->conf->smtpgw_listen, &o.to);
	return mail_sender_new(in->loop, &o, &in->ledger, incident_all_sent, in, &in->sender);
}

static int open_phones(struct incident *in)
{
	in->phones = calloc(in->phone_count, sizeof *in->phones);
	if (!in->phones)
		return E_NOMEM;
	for (uint32_t i = 0; i < in->phone_count; i++)
		if (live_phone_init(&in->phones[i], in, i))
			return E_NOMEM;
	return 0;
}

static int incident_open(struct incident *in, const struct scenario *s, const struct conf *c,
			 const struct corpus *corpus)
{
	uint32_t customers = INCIDENT_PAPER / s->scale;

	*in = (struct incident){.scenario = s, .conf = c, .began_us = clock_mono_us()};
	in->phase_us = in->progress_us = in->began_us;
	in->phone_count = live_count(customers);
	uint64_t run = s->seed ^ (uint64_t)clock_now_us() << 8;
	raise_files();
	if (loop_new(&in->loop) || carrier_init(&in->carrier, customers, s->seed) ||
	    ledger_init(&in->ledger, corpus, (size_t)in->phone_count * MAILS_EACH, in->phone_count,
			run) ||
	    open_phones(in) || storm_plan(in))
		return fail("incident", "out of memory");
	in->kansai_nases = 1 + in->kansai / NAS_CUSTOMERS;
	if (in->kansai_nases >= INCIDENT_NASES)
		in->kansai_nases = INCIDENT_NASES - 1;
	if (read_key(in) || open_network(in))
		return -1;
	/* Without a console nobody is killed. */
	if (killer_init(&in->killer, in->loop, c) == E_NOMEM)
		return fail("killer", "out of memory");
	if (claims_new(in, &in->claims) || open_sender(in))
		return fail("incident", "out of memory");
	int rc = air_open(in->loop, (uint16_t)c->pushsrv_trigger_port, true, incident_heard, in,
			  &in->air);
	if (rc)
		return fail("trigger port", err_text(rc));
	in->tick = loop_timer_new(in->loop, incident_tick, in);
	in->list_again = loop_timer_new(in->loop, correction_again, in);
	return in->tick && in->list_again ? 0 : fail("timer", "out of memory");
}

static void incident_close(struct incident *in)
{
	for (uint32_t i = 0; in->phones && i < in->phone_count; i++)
		if (in->phones[i].again)
			live_phone_fini(&in->phones[i]);
	mail_sender_free(in->sender);
	claims_free(in->claims);
	lease_feed_free(in->feed);
	network_free(in->network);
	killer_fini(&in->killer);
	http_channel_free(in->audit);
	air_close(in->air);
	ledger_free(&in->ledger);
	carrier_fini(&in->carrier);
	if (in->key)
		explicit_bzero(in->key, strlen(in->key));
	free(in->key);
	free(in->phones);
	free(in->returning);
	free(in->wronged);
}

int incident_main(const struct scenario *s, const struct conf *c, const struct corpus *corpus)
{
	static struct incident in; /* what closes last hangs on it: a leak checker looks here */
	int status = 1;

	if (!incident_open(&in, s, c, corpus)) {
		loop_timer_set(in.tick, INCIDENT_TICK_US);
		network_provision(in.network, s->first, in.carrier.customer_count,
				  incident_provisioned, &in);
		loop_run(in.loop);
		if (!s->quiet && !s->json && isatty(STDERR_FILENO))
			fputs("\r\033[K", stderr);
		if (in.failed)
			fprintf(stderr, "handset-sim: no end of phase '%s'\n",
				incident_phase_name(in.phase));
		else
			incident_report(&in);
		status = !in.failed && incident_is_clean(&in) ? 0 : 1;
	}
	incident_close(&in);
	return status;
}
