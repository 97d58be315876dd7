#include "authsrv/radius/radius.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "authsrv/complaints.h"
#include "authsrv/counters.h"
#include "authsrv/radius/counters.h"
#include "authsrv/radius/disconnect.h"
#include "authsrv/radius/event.h"
#include "authsrv/radius/memory.h"
#include "authsrv/radius/nases.h"
#include "authsrv/radius/socket.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"

#define BATCHES_A_TURN 8 /* then the loop's others have theirs */

/* Reasons of complaints beside the counters of drops. */
enum { COMPLAINT_CLOCK = RADIUS_COUNTERS, COMPLAINT_UNREADABLE, COMPLAINT_OUTCOME };

struct realm_state {
	int64_t said_us; /* when its NASes were last said to be behind */
	bool due;        /* something was lost since */
	bool saying;
};

struct radius {
	struct worker *worker;
	const struct conf *conf;
	const struct radius_clients *clients;
	struct radius_socket *socket;
	struct loop_reader *reader;
	struct radius_memory *memory;
	struct radius_nases *nases;
	struct radius_disconnects *disconnects;
	struct complaints complaints;
	struct realm_state realms[CONF_REALMS_MAX];
	size_t in_flight_max;
	bool reading, stopped;
};

/* One that is on its way to the store. */
struct request {
	struct feed feed;
	struct radius *radius;
	const struct radius_client *client;
	struct radius_entry *entry;
	struct radius_peer peer;
	struct lease_event event;
	struct lease_outcome outcome;
	struct radius_notes notes;
	uint8_t id, authenticator[RADIUS_AUTHENTICATOR_LEN];
	size_t proxy_len;
	uint8_t proxy[]; /* its Proxy-States, whole attributes in their order */
};

/* ---- reading on and off ---- */

static void turn(struct radius *r)
{
	bool on = !r->stopped && radius_memory_in_flight(r->memory) < r->in_flight_max;

	if (on != r->reading)
		loop_reader_turn(r->reader, on);
	r->reading = on;
}

/* ---- behind ---- */

static void on_behind(void *arg, int err)
{
	struct realm_state *state = arg;

	state->saying = false;
	if (err)
		state->due = true;
	else
		radius_count(RADIUS_COUNT_BEHIND, 1);
}

static void say_behind(struct radius *r, size_t realm)
{
	struct realm_state *state = &r->realms[realm];
	int64_t now = clock_now_us();

	if (!state->due || state->saying ||
	    (now - state->said_us < CLOCK_S && now >= state->said_us))
		return;
	state->due = false;
	state->saying = true;
	state->said_us = now;
	feed_behind(r->worker->port, r->conf->realms[realm].name, NULL, now, on_behind, state);
}

static void realm_lost(struct radius *r, const struct conf_realm *realm)
{
	size_t i = (size_t)(realm - r->conf->realms);

	r->realms[i].due = true;
	say_behind(r, i);
}

/* ---- what is dropped ---- */

static void drop(struct radius *r, const struct addr *source, enum radius_counter why)
{
	char from[ADDR_TEXT_MAX], reason[32];
	int64_t unsaid;

	radius_count(why, 1);
	if (complaints_say(&r->complaints, source, why, clock_now_us(), &unsaid))
		log_event(LOG_WARN, "radius-dropped", LOG_TEXT("from", addr_format(source, from)),
			  LOG_TEXT("reason", radius_counter_reason(why, reason)),
			  LOG_INT("unsaid", unsaid), LOG_END);
}

static enum radius_counter counter_of(enum radius_fault fault)
{
	static const enum radius_counter counters[RADIUS_FAULTS] = {
		[RADIUS_GOOD] = RADIUS_COUNTERS,
		[RADIUS_TRUNCATED] = RADIUS_COUNT_DROPPED_TRUNCATED,
		[RADIUS_BAD_LENGTH] = RADIUS_COUNT_DROPPED_LENGTH,
		[RADIUS_BAD_ATTRIBUTE] = RADIUS_COUNT_DROPPED_ATTRIBUTE,
		[RADIUS_BAD_AUTHENTICATOR] = RADIUS_COUNT_DROPPED_AUTHENTICATOR,
		[RADIUS_BAD_MESSAGE_AUTHENTICATOR] = RADIUS_COUNT_DROPPED_MESSAGE_AUTHENTICATOR};

	return counters[fault];
}

/* ---- answers ---- */

static size_t proxy_states(const struct radius_packet *p, uint8_t *out)
{
	struct radius_attribute a;
	size_t at = 0, n = 0;

	while (radius_next(p, &at, &a)) {
		if (a.type != RADIUS_PROXY_STATE)
			continue;
		if (out)
			memcpy(out + n, a.value - 2, a.length + 2u);
		n += a.length + 2u;
	}
	return n;
}

static void answer(struct request *q)
{
	struct radius *r = q->radius;
	struct radius_builder b;

	radius_begin(&b, RADIUS_ACCOUNTING_RESPONSE, q->id);
	for (size_t at = 0; at < q->proxy_len; at += q->proxy[at + 1])
		radius_put(&b, RADIUS_PROXY_STATE, q->proxy + at + 2, q->proxy[at + 1] - 2u);
	if (radius_finish_response(&b, q->authenticator, q->client->secret,
				   q->client->secret_len)) {
		radius_memory_forget(r->memory, q->entry);
		return;
	}
	if (radius_socket_send(r->socket, &q->peer, b.octets, b.length))
		radius_count(RADIUS_COUNT_ANSWERS, 1);
	radius_memory_answer(r->memory, q->entry, b.octets, b.length, clock_mono_us());
}

static void request_end(struct request *q)
{
	struct radius *r = q->radius;

	free(q);
	turn(r);
	worker_release(r->worker);
}

/* ---- after the commit ---- */

/* One line a source and minute: what is wrong with a feed is wrong with most of its events. */
static void complain(struct request *q, const char *event, unsigned reason, const char *detail)
{
	struct radius *r = q->radius;
	char from[ADDR_TEXT_MAX], ip[KEY_TEXT_MAX];
	const struct lease_event *ev = &q->event;
	int64_t unsaid;

	if (!complaints_say(&r->complaints, &q->peer.addr, reason, clock_now_us(), &unsaid))
		return;
	log_event(LOG_WARN, event, LOG_TEXT("from", addr_format(&q->peer.addr, from)),
		  LOG_TEXT("realm", ev->realm), LOG_TEXT("nas_id", ev->nas_id),
		  LOG_TEXT("kind", lease_kind_name(ev->kind)),
		  LOG_TEXT("ip", ev->key_count ? key_format(&ev->keys[0], ip) : NULL),
		  LOG_TEXT("msisdn", ev->msisdn), LOG_TEXT("imsi", ev->imsi),
		  LOG_TEXT("session_id", ev->session_id), LOG_TEXT("detail", detail),
		  LOG_INT("unsaid", unsaid), LOG_END);
}

static void tell_outcome(struct request *q)
{
	const struct lease_outcome *o = &q->outcome;

	count_leases(o->result, 1);
	if (o->time_replaced || q->notes.clock_wrong) {
		radius_count(RADIUS_COUNT_CLOCK_WRONG, 1);
		count(COUNT_LEASE_TIME_REPLACED, 1);
		complain(q, "nas-clock-wrong", COMPLAINT_CLOCK, NULL);
	}
	if (q->notes.fault) {
		radius_count(RADIUS_COUNT_UNREADABLE, 1);
		complain(q, "radius-unreadable", COMPLAINT_UNREADABLE, q->notes.fault);
	}
	if (o->problem && !strcmp(o->problem, "unknown-subscriber"))
		count(COUNT_LEASE_UNKNOWN_SUBSCRIBER, 1);
	if (o->result == LEASE_ERROR || o->result == LEASE_QUARANTINED)
		complain(q, o->result == LEASE_ERROR ? "lease-error" : "lease-quarantined",
			 COMPLAINT_OUTCOME + (unsigned)o->result,
			 o->problem ? o->problem : o->detail);
}

static void on_applied(struct feed *feed, int err)
{
	struct request *q = (struct request *)((char *)feed - offsetof(struct request, feed));
	struct radius *r = q->radius;

	if (err) {
		radius_memory_forget(r->memory, q->entry);
		if (err != E_CLOSED) {
			drop(r, &q->peer.addr, RADIUS_COUNT_DROPPED_STORE);
			realm_lost(r, q->client->realm);
		}
	} else {
		answer(q);
		tell_outcome(q);
		if (clock_now_us() - q->event.received_us > r->conf->authsrv_lag * CLOCK_S)
			realm_lost(r, q->client->realm);
	}
	request_end(q);
}

/* ---- a request ---- */

static struct request *request_new(struct radius *r, const struct radius_datagram *d,
				   const struct radius_packet *p,
				   const struct radius_client *client, struct radius_entry *entry)
{
	size_t proxy_len = proxy_states(p, NULL);
	struct request *q = calloc(1, sizeof *q + proxy_len);

	if (!q)
		return NULL;
	q->radius = r;
	q->client = client;
	q->entry = entry;
	q->peer = d->peer;
	q->id = p->id;
	memcpy(q->authenticator, p->authenticator, sizeof q->authenticator);
	q->proxy_len = proxy_states(p, q->proxy);
	worker_hold(r->worker);
	return q;
}

static void apply(struct request *q)
{
	struct radius *r = q->radius;

	radius_count(RADIUS_COUNT_REQUEST_EVENT, 1);
	radius_nases_heard(r->nases, q->event.realm, q->event.nas_id, q->client, &q->peer.addr,
			   clock_now_us());
	q->feed = (struct feed){
		.events = &q->event, .count = 1, .outcomes = &q->outcome, .complete = on_applied};
	feed_line_join(&r->worker->feed, &q->feed);
}

static void refuse(struct request *q, enum radius_counter why)
{
	drop(q->radius, &q->peer.addr, why);
	radius_memory_forget(q->radius->memory, q->entry);
	request_end(q);
}

static void ignore(struct request *q, enum radius_counter kind)
{
	radius_count(kind, 1);
	answer(q);
	request_end(q);
}

static void on_request(struct request *q, const struct radius_packet *p, int64_t received_us)
{
	const struct radius_context c = {.realm = q->client->realm->name,
					 .feeder = q->client->feeder,
					 .apns = q->client->realm->apns,
					 .nas_ids = q->client->conf->nas_ids,
					 .received_us = received_us,
					 .lease_us = q->client->conf->lease_s * CLOCK_S};

	switch (radius_event_read(p, &c, &q->event, &q->notes)) {
	case RADIUS_EVENT:
		apply(q);
		return;
	case RADIUS_OTHER_APN:
		ignore(q, RADIUS_COUNT_REQUEST_OTHER_APN);
		return;
	case RADIUS_OTHER_STATUS:
		ignore(q, RADIUS_COUNT_REQUEST_OTHER_STATUS);
		return;
	case RADIUS_NO_STATUS:
		refuse(q, RADIUS_COUNT_DROPPED_STATUS);
		return;
	case RADIUS_NO_NAS:
		refuse(q, RADIUS_COUNT_DROPPED_NAS);
		return;
	}
}

/* It is who it says, and whole: is it new? */
static void on_packet(struct radius *r, const struct radius_datagram *d,
		      const struct radius_packet *p, const struct radius_client *client)
{
	struct radius_known known = {.source = d->peer.addr, .port = d->peer.port, .id = p->id};
	struct radius_entry *entry = NULL;
	const uint8_t *octets = NULL;
	size_t n = 0;

	memcpy(known.authenticator, p->authenticator, sizeof known.authenticator);
	switch (radius_memory_begin(r->memory, &known, clock_mono_us(), &entry, &octets, &n)) {
	case RADIUS_WAITING:
		radius_count(RADIUS_COUNT_REQUEST_DUPLICATE_WAITING, 1);
		return;
	case RADIUS_ANSWERED:
		radius_count(RADIUS_COUNT_REQUEST_DUPLICATE_ANSWERED, 1);
		radius_socket_send(r->socket, &d->peer, octets, n);
		return;
	case RADIUS_NEW:
		break;
	case RADIUS_FULL:
		drop(r, &d->peer.addr, RADIUS_COUNT_DROPPED_STORE);
		realm_lost(r, client->realm);
		return;
	}
	struct request *q = request_new(r, d, p, client, entry);
	if (q) {
		on_request(q, p, d->received_us);
		return;
	}
	radius_memory_forget(r->memory, entry);
	drop(r, &d->peer.addr, RADIUS_COUNT_DROPPED_STORE);
	realm_lost(r, client->realm);
}

static void on_datagram(struct radius *r, const struct radius_datagram *d)
{
	const struct radius_client *client = radius_clients_find(r->clients, &d->peer.addr);
	struct radius_packet p;

	if (!client) {
		drop(r, &d->peer.addr, RADIUS_COUNT_DROPPED_STRANGER);
		return;
	}
	enum radius_fault fault = radius_parse(d->octets, d->n, &p);
	if (fault) {
		drop(r, &d->peer.addr, counter_of(fault));
		return;
	}
	if (p.code != RADIUS_ACCOUNTING_REQUEST) {
		drop(r, &d->peer.addr, RADIUS_COUNT_DROPPED_CODE);
		return;
	}
	fault = radius_request_verify(&p, client->secret, client->secret_len);
	if (fault)
		drop(r, &d->peer.addr, counter_of(fault));
	else
		on_packet(r, d, &p, client);
}

static void on_readable(void *arg)
{
	struct radius *r = arg;

	for (int i = 0; i < BATCHES_A_TURN && r->reading; i++) {
		const struct radius_datagram *d;
		size_t room = r->in_flight_max - radius_memory_in_flight(r->memory);
		size_t n = radius_socket_receive(r->socket, room, &d);
		for (size_t k = 0; k < n; k++)
			on_datagram(r, &d[k]);
		turn(r);
		if (n < RADIUS_BATCH)
			break;
	}
}

/* ---- every second ---- */

static void on_stranger(void *arg, const struct addr *source)
{
	drop(arg, source, RADIUS_COUNT_DROPPED_STRANGER);
}

void radius_second(struct radius *r)
{
	uint32_t strangers = radius_socket_strangers(r->socket, on_stranger, r);
	uint32_t drops = radius_socket_drops(r->socket);

	radius_count(RADIUS_COUNT_DROPPED_STRANGER, strangers);
	radius_count(RADIUS_COUNT_DROPPED_KERNEL, drops);
	radius_count_in_flight((int64_t)radius_memory_in_flight(r->memory));
	if (drops) {
		log_event(LOG_WARN, "radius-kernel-drops", LOG_INT("datagrams", drops), LOG_END);
		for (size_t i = 0; i < r->clients->count; i++)
			realm_lost(r, r->clients->client[i].realm);
	}
	for (size_t i = 0; i < r->conf->realm_count; i++)
		say_behind(r, i);
}

void radius_quarantined(struct radius *r, const struct change *change)
{
	radius_disconnect(r->disconnects, &change->key, change->generation);
}

/* ---- opening and closing ---- */

static int parts_open(struct radius *r, const struct addr *listen)
{
	const struct conf *c = r->conf;
	struct worker *w = r->worker;
	int rc = radius_memory_new((size_t)c->authsrv_radius_in_flight,
				   (size_t)c->authsrv_radius_answers,
				   c->authsrv_radius_repeat * CLOCK_S, &r->memory);

	if (!rc)
		rc = radius_nases_new((size_t)c->authsrv_radius_nases, &r->nases);
	if (!rc)
		rc = radius_disconnects_open(w->loop, w->port, r->clients, r->nases,
					     (size_t)c->authsrv_radius_disconnects,
					     &r->disconnects);
	if (!rc)
		rc = radius_socket_open(listen, (uint16_t)c->authsrv_radius_port,
					(size_t)c->authsrv_radius_receive_buffer, r->clients,
					&r->socket);
	if (!rc &&
	    !(r->reader = loop_reader_new(w->loop, radius_socket_fd(r->socket), on_readable, r)))
		rc = E_NOMEM;
	return rc;
}

int radius_open(struct worker *w, struct radius **out)
{
	struct radius *r = calloc(1, sizeof *r);
	struct addr listen;

	if (!r)
		return E_NOMEM;
	r->worker = w;
	r->conf = w->shared->conf;
	r->clients = w->shared->radius_clients;
	r->in_flight_max = (size_t)r->conf->authsrv_radius_in_flight;
	int rc = addr_parse(r->conf->authsrv_radius_listen, &listen);
	if (!rc)
		rc = parts_open(r, &listen);
	if (rc) {
		radius_close(r);
		return rc;
	}
	turn(r);
	*out = r;
	return 0;
}

void radius_stop(struct radius *r)
{
	r->stopped = true;
	turn(r);
}

void radius_close(struct radius *r)
{
	if (!r)
		return;
	loop_reader_free(r->reader);
	radius_socket_close(r->socket);
	radius_disconnects_close(r->disconnects);
	radius_nases_free(r->nases);
	radius_memory_free(r->memory);
	free(r);
}
