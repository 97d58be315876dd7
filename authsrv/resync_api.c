/* resync_api -- POST /v1/nas/{nas_id}/resync: a NAS's whole list of sessions replaces what is held
 * for it
 *
 * The body is read a few sessions at a time, so that handsets and lease events have their turn;
 * then the store takes it in one transaction. The list, its texts and its index live until the
 * answer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authsrv/counters.h"
#include "authsrv/network_api.h"
#include "authsrv/resync_json.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"

#define READ_BATCH   256
#define RESYNCS_MAX  2   /* at a time: each may take hundreds of megabytes */
#define ENTRY_OCTETS 512 /* of body that a session may have */

struct resync_call {
	struct call call;
	struct resync_json json;
	struct resync_list list;
	struct loop_timer *turn;
};

size_t resync_body_limit(void *arg, const struct http_request *r)
{
	const struct conf *c = ((struct worker *)arg)->shared->conf;
	const char *path = http_path(r), *last = strrchr(path, '/');

	return last && !strcmp(last, "/resync") ? (size_t)c->authsrv_max_resync * ENTRY_OCTETS
						: (size_t)c->authsrv_max_body;
}

static void resync_end(struct resync_call *c)
{
	atomic_fetch_sub(&c->call.worker->shared->resyncs, 1);
	loop_timer_free(c->turn);
	resync_json_free(&c->json);
	free(c->list.index);
	call_end(c);
}

/* The answer is given. */
static void refuse(struct resync_call *c, int err)
{
	struct http_request *r = c->call.r;

	switch (err) {
	case E_SYNTAX:
		network_malformed(r, c->json.wrong);
		break;
	case E_TOO_LARGE:
		http_problem(r, 413, "too-large", "over authsrv.max_resync sessions", 0);
		break;
	case E_CONFLICT:
		http_problem(r, 409, "conflict",
			     "older than the last list of this NAS, or than its last On or Off", 0);
		break;
	default:
		log_event(LOG_ERROR, "resync-failed", LOG_TEXT("nas_id", c->list.nas_id),
			  LOG_TEXT("why", err_text(err)), LOG_END);
		http_problem(r, 503, "overloaded", "the store cannot do it now",
			     worker_retry_after(c->call.worker));
	}
	resync_end(c);
}

/* ---- what differed ---- */

static void set_text(json_t *json, const char *name, const char *value)
{
	if (value && *value)
		json_object_set_new(json, name, json_string(value));
}

static void set_key(json_t *json, const struct key *k)
{
	char text[KEY_TEXT_MAX];

	json_object_set_new(json, addr_is_v4(&k->addr) ? "ip" : "ipv6_prefix",
			    json_string(key_format(k, text)));
}

static json_t *entry_write(const struct resync_entry *e)
{
	json_t *json = json_object();

	for (size_t i = 0; i < e->key_count; i++)
		set_key(json, &(struct key){.addr = e->keys[i].addr,
					    .plen = e->keys[i].plen,
					    .port_first = e->keys[i].port_first,
					    .port_last = e->keys[i].port_last});
	set_text(json, "session_id", e->session_id);
	set_text(json, "msisdn", e->msisdn);
	set_text(json, "imsi", e->imsi);
	set_text(json, "problem", e->fate == RESYNC_REFUSED ? e->problem : NULL);
	set_text(json, "detail", e->fate == RESYNC_REFUSED ? e->detail : NULL);
	return json;
}

static json_t *fate_write(const struct resync_list *list, enum resync_fate fate)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->count && json_array_size(array) < RESYNC_SHOWN; i++)
		if (list->entries[i].fate == fate)
			json_array_append_new(array, entry_write(&list->entries[i]));
	return array;
}

static json_t *ended_write(const struct resync_report *report)
{
	json_t *array = json_array();

	for (size_t i = 0; i < report->ended && i < RESYNC_SHOWN; i++) {
		const struct resync_ended *e = &report->ended_first[i];
		json_t *json = json_object();
		for (size_t k = 0; k < e->key_count; k++)
			set_key(json, &e->keys[k]);
		set_text(json, "session_id", e->session_id);
		json_array_append_new(array, json);
	}
	return array;
}

static json_t *report_write(const struct resync_list *list, const struct resync_report *report,
			    int64_t locked_us)
{
	const size_t *fates = report->fates;
	char time[CLOCK_TEXT_MAX];

	clock_format(report->time_us, time);
	return json_pack(
		"{s:s, s:I, s:I, s:o, s:o, s:o, s:o, s:{s:I, s:I, s:I, s:I, s:I}, s:b, s:I}",
		"time", time, "sessions", (json_int_t)list->count, "kept",
		(json_int_t)fates[RESYNC_KEPT], "added", fate_write(list, RESYNC_ADDED), "ended",
		ended_write(report), "moved", fate_write(list, RESYNC_MOVED), "refused",
		fate_write(list, RESYNC_REFUSED), "counts", "added",
		(json_int_t)fates[RESYNC_ADDED], "ended", (json_int_t)report->ended, "moved",
		(json_int_t)fates[RESYNC_MOVED], "refused", (json_int_t)fates[RESYNC_REFUSED],
		"released", (json_int_t)report->released, "behind", (int)report->behind,
		"locked_ms", (json_int_t)(locked_us / 1000));
}

static void log_report(const struct resync_list *list, const struct resync_report *report,
		       int64_t locked_us)
{
	log_event(LOG_WARN, "resync", LOG_TEXT("realm", list->realm),
		  LOG_TEXT("nas_id", list->nas_id), LOG_TEXT("by", list->feeder),
		  LOG_INT("sessions", list->count), LOG_INT("kept", report->fates[RESYNC_KEPT]),
		  LOG_INT("added", report->fates[RESYNC_ADDED]),
		  LOG_INT("moved", report->fates[RESYNC_MOVED]),
		  LOG_INT("refused", report->fates[RESYNC_REFUSED]),
		  LOG_INT("ended", report->ended), LOG_INT("released", report->released),
		  LOG_INT("locked_ms", locked_us / 1000), LOG_END);
	if (report->time_replaced)
		log_event(LOG_WARN, "nas-clock-wrong", LOG_TEXT("realm", list->realm),
			  LOG_TEXT("nas_id", list->nas_id), LOG_INT("events", 1), LOG_END);
}

static void on_resynced(void *arg, int err, const struct resync_report *report, int64_t locked_us)
{
	struct resync_call *c = arg;

	if (err) {
		refuse(c, err);
		return;
	}
	count(COUNT_WHOLE_LISTS, 1);
	log_report(&c->list, report, locked_us);
	http_reply_json(c->call.r, 200, report_write(&c->list, report, locked_us));
	resync_end(c);
}

/* ---- the request ---- */

static void on_turn(void *arg)
{
	struct resync_call *c = arg;
	int rc = resync_json_read(&c->json, READ_BATCH);

	if (rc == E_AGAIN) {
		loop_timer_set(c->turn, 0);
		return;
	}
	if (!rc) {
		c->list.time_us = c->json.time_us;
		c->list.entries = c->json.entries;
		c->list.count = c->json.count;
		c->list.index = calloc(c->list.count + 1, sizeof *c->list.index);
		rc = c->list.index ? 0 : E_NOMEM;
	}
	if (rc)
		refuse(c, rc);
	else
		nas_resync(c->call.worker->port, &c->list, on_resynced, c);
}

static void begin(struct worker *w, struct http_request *r, const struct lease_context *context,
		  const char *nas_id)
{
	size_t length;
	const char *text = http_body(r, &length);
	struct resync_call *c = call_begin(w, r, sizeof *c);

	if (!c) {
		atomic_fetch_sub(&w->shared->resyncs, 1);
		return;
	}
	snprintf(c->list.realm, sizeof c->list.realm, "%s", context->realm);
	snprintf(c->list.nas_id, sizeof c->list.nas_id, "%s", nas_id);
	snprintf(c->list.feeder, sizeof c->list.feeder, "%s", context->key->conf->id);
	c->list.received_us = context->received_us;
	resync_json_init(&c->json, text, length, (size_t)w->shared->conf->authsrv_max_resync,
			 context);
	c->turn = loop_timer_new(w->loop, on_turn, c);
	if (c->turn)
		loop_timer_set(c->turn, 0);
	else
		refuse(c, E_NOMEM);
}

static bool nas_id_is_valid(const char *nas_id)
{
	size_t length = strlen(nas_id);

	for (size_t i = 0; i < length; i++)
		if ((unsigned char)nas_id[i] < 0x20 || nas_id[i] == 0x7f)
			return false;
	return length && length < NAS_ID_MAX;
}

void resync_post(void *arg, struct http_request *r)
{
	struct worker *w = arg;
	const char *nas_id = http_param(r, "nas_id");
	const struct network_key *key = network_key_with(r, SCOPE_LEASE);
	const char *realm = key ? network_realm(w, r, key) : NULL;

	if (!realm || !network_nas(r, key, nas_id))
		return;
	if (!nas_id_is_valid(nas_id)) {
		network_malformed(r, "nas_id is no text of 1 to 63 octets");
		return;
	}
	if (atomic_fetch_add(&w->shared->resyncs, 1) >= RESYNCS_MAX) {
		atomic_fetch_sub(&w->shared->resyncs, 1);
		http_problem(r, 503, "overloaded", "other lists are being taken",
			     worker_retry_after(w));
		return;
	}
	begin(w, r,
	      &(struct lease_context){.key = key, .realm = realm, .received_us = clock_now_us()},
	      nas_id);
}
