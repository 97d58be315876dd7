#include "handset-sim/network.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handset-sim/sim.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/keyfile.h"

#define BATCH_MAX 500

struct told {
	struct network_event ev;
	int64_t time_us;
	network_done *done;
	void *arg;
	struct told *next;
};

struct lane {
	struct network *network;
	struct http_channel *channel;
	struct told *batch;  /* under way */
	uint32_t subscriber; /* being provisioned */
};

struct network {
	char *key;
	struct lane *lanes;
	int lane_count;
	struct told *first, *last;
	int64_t last_time_us;
	/* provisioning */
	const struct scenario *sims;
	uint32_t next_number, end_number, provisioning;
	bool refused;
	network_done *provisioned;
	void *provisioned_arg;
};

void network_names(uint32_t number, char msisdn[16], char imsi[16], char address[64])
{
	snprintf(msisdn, 16, "8180%08u", number);
	snprintf(imsi, 16, "44020%010u", number);
	snprintf(address, 64, "phone%u@" SIM_DOMAIN, number);
}

static void lane_work(struct lane *lane);

static json_t *event_json(const struct told *t)
{
	char time[CLOCK_TEXT_MAX];

	return json_pack("{s:s, s:s, s:s, s:s, s:s}", "event", t->ev.is_start ? "start" : "stop",
			 "ip", t->ev.ip, "msisdn", t->ev.msisdn, "session_id", t->ev.session_id,
			 "time", clock_format(t->time_us, time));
}

static void on_batch(void *arg, unsigned status, const json_t *answer)
{
	struct lane *lane = arg;
	struct told *t = lane->batch, *next;
	const json_t *results = json_object_get(answer, "results");

	lane->batch = NULL;
	for (size_t i = 0; t; t = next, i++) {
		const char *result =
			json_string_value(json_object_get(json_array_get(results, i), "result"));
		bool applied = status == 200 && result && !strcmp(result, "applied");
		next = t->next;
		if (t->done)
			t->done(t->arg, applied);
		free(t);
	}
	lane_work(lane);
}

static void send_batch(struct lane *lane)
{
	struct network *n = lane->network;
	struct told **end = &lane->batch;
	json_t *events = json_array();

	for (size_t i = 0; n->first && i < BATCH_MAX; i++) {
		struct told *t = n->first;
		n->first = t->next;
		json_array_append_new(events, event_json(t));
		*end = t;
		end = &t->next;
	}
	*end = NULL;
	if (!n->first)
		n->last = NULL;
	http_channel_call(lane->channel, "POST", "/v1/lease-events", n->key, events, on_batch,
			  lane);
	json_decref(events);
}

static void on_provisioned(void *arg, unsigned status, const json_t *answer)
{
	struct lane *lane = arg;
	struct network *n = lane->network;

	(void)answer;
	if (status != 200 && status != 201)
		n->refused = true;
	if (--n->provisioning == 0 && n->next_number == n->end_number)
		n->provisioned(n->provisioned_arg, !n->refused);
	lane_work(lane);
}

static void add_sim_key(json_t *body, const char *imsi)
{
	char k[2 * MILENAGE_KEY_BYTES + 1], opc[2 * MILENAGE_KEY_BYTES + 1];
	struct sim sim;

	if (sim_init(&sim, imsi, 0))
		return;
	keyfile_hex(sim.key.k, MILENAGE_KEY_BYTES, k);
	keyfile_hex(sim.key.opc, MILENAGE_KEY_BYTES, opc);
	json_object_set_new(body, "k", json_string(k));
	json_object_set_new(body, "opc", json_string(opc));
}

static void provision_one(struct lane *lane)
{
	struct network *n = lane->network;
	char msisdn[16], imsi[16], address[64], path[64];

	network_names(n->next_number++, msisdn, imsi, address);
	n->provisioning++;
	snprintf(path, sizeof path, "/v1/subscribers/%s", msisdn);
	json_t *body = json_pack("{s:s, s:[s]}", "imsi", imsi, "addresses", address);
	if (n->sims && scenario_has_sim(n->sims, n->next_number - 1 - n->sims->first))
		add_sim_key(body, imsi);
	http_channel_call(lane->channel, "PUT", path, n->key, body, on_provisioned, lane);
	json_decref(body);
}

static void lane_work(struct lane *lane)
{
	if (http_channel_is_busy(lane->channel))
		return;
	if (lane->network->first)
		send_batch(lane);
	else if (lane->network->next_number != lane->network->end_number)
		provision_one(lane);
}

void network_give_sims(struct network *n, const struct scenario *s)
{
	n->sims = s;
}

void network_provision(struct network *n, uint32_t first, uint32_t count, network_done *done,
		       void *arg)
{
	n->next_number = first;
	n->end_number = first + count;
	n->provisioned = done;
	n->provisioned_arg = arg;
	for (int i = 0; i < n->lane_count; i++)
		lane_work(&n->lanes[i]);
}

uint32_t network_unprovisioned(const struct network *n)
{
	return n->end_number - n->next_number;
}

void network_tell(struct network *n, const struct network_event *ev, network_done *done, void *arg)
{
	struct told *t = calloc(1, sizeof *t);

	if (!t) {
		if (done)
			done(arg, false);
		return;
	}
	*t = (struct told){.ev = *ev, .time_us = clock_now_us(), .done = done, .arg = arg};
	if (t->time_us <= n->last_time_us) /* no two events at one time: their order must be told */
		t->time_us = n->last_time_us + 1;
	n->last_time_us = t->time_us;
	if (n->last)
		n->last->next = t;
	else
		n->first = t;
	n->last = t;
	for (int i = 0; i < n->lane_count; i++)
		if (!http_channel_is_busy(n->lanes[i].channel)) {
			lane_work(&n->lanes[i]);
			return;
		}
}

bool network_is_quiet(const struct network *n)
{
	for (int i = 0; i < n->lane_count; i++)
		if (http_channel_is_busy(n->lanes[i].channel))
			return false;
	return !n->first;
}

int network_new(struct loop *loop, const struct http_target *target, const char *key,
		unsigned channels, struct network **out)
{
	struct network *n = calloc(1, sizeof *n);

	if (!n)
		return E_NOMEM;
	n->key = strdup(key);
	n->lanes = calloc(channels, sizeof *n->lanes);
	if (!n->key || !n->lanes) {
		network_free(n);
		return E_NOMEM;
	}
	n->lane_count = (int)channels;
	for (int i = 0; i < n->lane_count; i++) {
		n->lanes[i].network = n;
		if (http_channel_new(loop, target, &n->lanes[i].channel)) {
			network_free(n);
			return E_NOMEM;
		}
	}
	*out = n;
	return 0;
}

static void told_free(struct told *t)
{
	while (t) {
		struct told *next = t->next;
		free(t);
		t = next;
	}
}

void network_free(struct network *n)
{
	if (!n)
		return;
	for (int i = 0; i < n->lane_count; i++) {
		http_channel_free(n->lanes[i].channel);
		told_free(n->lanes[i].batch);
	}
	told_free(n->first);
	free(n->lanes);
	free(n->key);
	free(n);
}
