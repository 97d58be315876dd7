/* "Repaired by the servers' automatic correction, once an hour": here the NAS's whole list of
 * sessions in one call. A system that does not take lists gets a Start for everyone who was
 * wronged. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handset-sim/claims.h"
#include "handset-sim/live_phone.h"
#include "lib/clock.h"

#define LIST_LIMIT_S 300 /* a list of 100,000 takes its time beside a storm */
#define SESSION_MAX  160 /* octets of a session in the list */
#define TRIES_MAX    20
#define ASK_AGAIN_US 500000
#define SPREAD_US    200000 /* in which the wronged ask again */

static void send_list(struct incident *in);

/* ---- who was wronged asks again ---- */

static void ask_again(struct incident *in, uint32_t i)
{
	if (incident_is_live(in, i)) {
		live_phone_renew(&in->phones[i]);
	} else {
		incident_waits(in, i);
		claims_ask(in->claims, i, carrier_random(&in->carrier, SPREAD_US));
	}
}

/* By Starts: each of a new session, since the old one's name may be in doubt. */
static void restart(struct incident *in, uint32_t i)
{
	struct customer *who = &in->carrier.customers[i];

	who->session++;
	in->tally.corrections++;
	incident_tell(in, FEED_START, PART_CORRECTED, i, who->address, who->session,
		      incident_event_time(in), 0);
}

static void finish(struct incident *in, bool by_starts)
{
	for (uint32_t n = 0; n < in->wronged_count; n++) {
		uint32_t i = in->wronged[n];
		in->carrier.customers[i].flags &= (uint8_t)~CUSTOMER_WRONGED;
		if (in->carrier.customers[i].address == NOWHERE)
			continue;
		if (by_starts)
			restart(in, i);
		ask_again(in, i);
	}
	in->wronged_count = 0;
	in->last_event_us = clock_mono_us();
	in->is_correcting = false;
}

/* ---- the list ---- */

static int session_write(const struct incident *in, uint32_t i, char *to)
{
	const struct customer *who = &in->carrier.customers[i];
	char msisdn[16], imsi[16], address[64], session[48], ip[ADDR_TEXT_MAX];
	struct addr a;

	network_names(in->scenario->first + i, msisdn, imsi, address);
	lease_feed_session(in->feed, i, who->session, session);
	carrier_address(who->address, &a);
	return snprintf(to, SESSION_MAX, "{\"ip\":\"%s\",\"msisdn\":\"%s\",\"session_id\":\"%s\"},",
			addr_format(&a, ip), msisdn, session);
}

/* The caller frees it; null: no memory. */
static char *list_write(struct incident *in, uint8_t nas)
{
	char *text = malloc(128 + (size_t)in->kansai * SESSION_MAX), time[CLOCK_TEXT_MAX];
	size_t n = 0;

	if (!text)
		return NULL;
	n += (size_t)sprintf(text, "{\"time\":\"%s\",\"sessions\":[",
			     clock_format(incident_event_time(in), time));
	for (uint32_t i = 0; i < in->carrier.customer_count; i++) {
		const struct customer *who = &in->carrier.customers[i];
		if (who->address != NOWHERE && incident_nas_of(in, i) == nas)
			n += (size_t)session_write(in, i, text + n);
	}
	if (text[n - 1] == ',')
		n--;
	strcpy(text + n, "]}");
	return text;
}

static void count_differences(struct incident *in, const json_t *answer)
{
	static const char *const names[] = {"added", "moved", "ended"};
	const json_t *counts = json_object_get(answer, "counts");

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		in->tally.corrections +=
			(uint64_t)json_integer_value(json_object_get(counts, names[i]));
}

static void on_listed(void *arg, unsigned status, const json_t *answer)
{
	struct incident *in = arg;

	incident_progress(in);
	if (status == 200) {
		count_differences(in, answer);
		in->tally.lists++;
		if (++in->next_nas > in->kansai_nases)
			finish(in, false);
		else
			send_list(in);
	} else if ((status == 0 || status == 503) && in->list_tries++ < TRIES_MAX) {
		loop_timer_set(in->list_again, ASK_AGAIN_US);
	} else {
		finish(in, true);
	}
}

static void send_list(struct incident *in)
{
	char path[64], *text = list_write(in, (uint8_t)in->next_nas);

	if (!text) {
		in->failed = true;
		return;
	}
	snprintf(path, sizeof path, "/v1/nas/%s/resync", incident_nas_name((uint8_t)in->next_nas));
	http_channel_post(in->audit, path, in->key, text, on_listed, in);
	free(text);
}

void correction_again(void *arg)
{
	send_list(arg);
}

/* A pool whose circuit breaker has tripped gives no tokens for bare words until its NAS has
 * resynchronised. */
static void on_breakers(void *arg, unsigned status, const json_t *answer)
{
	struct incident *in = arg;

	if (status == 200)
		in->tally.breakers = json_array_size(answer);
	if (in->wronged_count || in->tally.breakers)
		send_list(in);
	else
		in->is_correcting = false;
}

void correction_begin(struct incident *in)
{
	in->is_correcting = true;
	in->next_nas = 1;
	http_channel_set_limit(in->audit, LIST_LIMIT_S);
	http_channel_call(in->audit, "GET", "/v1/breakers", in->key, NULL, on_breakers, in);
}
