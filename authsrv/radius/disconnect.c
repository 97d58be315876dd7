#include "authsrv/radius/disconnect.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "authsrv/radius/counters.h"
#include "authsrv/radius/retry.h"
#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"

enum family { FAMILY_V4, FAMILY_V6, FAMILIES };

struct slot {
	struct radius_disconnects *d;
	bool busy;
	const struct radius_client *client;
	struct addr to;
	struct key key;
	char nas_id[NAS_ID_MAX];
	uint8_t *packet;
	size_t n;
	struct radius_retry retry;
	struct loop_timer *timer;
};

struct radius_disconnects {
	struct db_port *port;
	const struct radius_clients *clients;
	struct radius_nases *nases;
	uint64_t dice; /* of jitter: no secret */
	size_t most, busy;
	uint8_t next; /* Identifiers go round, so that a late answer finds its own request or none
		       */
	int fd[FAMILIES];
	struct loop_reader *reader[FAMILIES];
	struct slot slots[RADIUS_DISCONNECTS_MAX];
};

static int jitter(struct radius_disconnects *d)
{
	d->dice ^= d->dice << 13;
	d->dice ^= d->dice >> 7;
	d->dice ^= d->dice << 17;
	return (int)(d->dice % 201) - 100;
}

static void say(enum log_level level, const char *event, const struct slot *s, const char *why,
		int64_t cause)
{
	char ip[KEY_TEXT_MAX], to[ADDR_TEXT_MAX];

	log_event(level, event, LOG_TEXT("realm", s->key.realm),
		  LOG_TEXT("ip", key_format(&s->key, ip)), LOG_TEXT("nas_id", s->nas_id),
		  LOG_TEXT("client", s->client->conf->name),
		  LOG_TEXT("to", addr_format(&s->to, to)), LOG_TEXT("outcome", why),
		  LOG_INT("error_cause", cause), LOG_END);
}

/* ---- sending ---- */

static void slot_end(struct slot *s)
{
	loop_timer_stop(s->timer);
	free(s->packet);
	s->packet = NULL;
	s->busy = false;
	s->d->busy--;
}

/* What the system refuses is lost like a datagram on its way: it is sent again. */
static void slot_send(struct slot *s)
{
	struct sockaddr_storage name;
	socklen_t len = addr_to_sockaddr(&s->to, s->client->conf->disconnect_port, &name);
	int fd = s->d->fd[name.ss_family == AF_INET ? FAMILY_V4 : FAMILY_V6];

	if (fd >= 0)
		(void)!sendto(fd, s->packet, s->n, MSG_DONTWAIT | MSG_NOSIGNAL,
			      (struct sockaddr *)&name, len);
}

static void on_silence(void *arg)
{
	struct slot *s = arg;
	int64_t wait = radius_retry_next(&s->retry, clock_mono_us(), jitter(s->d));

	if (!wait) {
		radius_count(RADIUS_COUNT_DISCONNECT_NO_ANSWER, 1);
		say(LOG_WARN, "radius-disconnect", s, "no answer", 0);
		slot_end(s);
		return;
	}
	radius_count(RADIUS_COUNT_DISCONNECT_REPEATED, 1);
	slot_send(s);
	loop_timer_set(s->timer, wait);
}

static struct slot *slot_free(struct radius_disconnects *d)
{
	if (d->busy >= d->most)
		return NULL;
	while (d->slots[d->next].busy)
		d->next++;
	return &d->slots[d->next++];
}

static void slot_begin(struct slot *s, const struct binding_found *found,
		       const struct radius_client *client, const struct addr *to)
{
	struct radius_disconnects *d = s->d;
	struct radius_builder b;
	const struct radius_disconnect_request request = {.conf = client->conf,
							  .id = (uint8_t)(s - d->slots),
							  .key = &found->b.key,
							  .nas_id = found->nas_id,
							  .session_id = found->session_id,
							  .now_us = clock_now_us()};

	if (radius_disconnect_build(&b, &request, client->secret, client->secret_len) ||
	    !(s->packet = malloc(b.length))) {
		radius_count(RADIUS_COUNT_DISCONNECT_TOO_MANY, 1);
		return;
	}
	memcpy(s->packet, b.octets, b.length);
	s->n = b.length;
	s->client = client;
	s->to = *to;
	s->key = found->b.key;
	snprintf(s->nas_id, sizeof s->nas_id, "%s", found->nas_id);
	s->busy = true;
	d->busy++;
	radius_count(RADIUS_COUNT_DISCONNECT_SENT, 1);
	slot_send(s);
	loop_timer_set(s->timer, radius_retry_begin(&s->retry, clock_mono_us(), jitter(d)));
}

/* ---- the way there ---- */

/* By what was heard of the NAS; else, when its name is its address, there. */
static const struct radius_client *way_to(struct radius_disconnects *d, const char *realm,
					  const char *nas_id, struct addr *to)
{
	const struct radius_nas *nas = radius_nases_find(d->nases, realm, nas_id);
	const struct radius_client *client = NULL;

	if (nas) {
		client = nas->client;
		*to = nas->addr;
	} else if (!addr_parse(nas_id, to)) {
		client = radius_clients_find(d->clients, to);
	}
	if (!client || strcmp(client->realm->name, realm))
		return NULL;
	if (*client->conf->disconnect_address)
		addr_parse(client->conf->disconnect_address, to);
	return client;
}

static bool realm_disconnects(const struct radius_disconnects *d, const char *realm)
{
	for (size_t i = 0; i < d->clients->count; i++)
		if (d->clients->client[i].conf->disconnect != CONF_DISCONNECT_OFF &&
		    !strcmp(d->clients->client[i].realm->name, realm))
			return true;
	return false;
}

static void send_about(struct radius_disconnects *d, const struct binding_found *found)
{
	const char *outcome = "no way there";
	char ip[KEY_TEXT_MAX];
	struct addr to;
	const struct radius_client *client =
		*found->nas_id ? way_to(d, found->b.key.realm, found->nas_id, &to) : NULL;

	if (!client) {
		radius_count(RADIUS_COUNT_DISCONNECT_NO_WAY, 1);
		log_event(LOG_WARN, "radius-disconnect", LOG_TEXT("realm", found->b.key.realm),
			  LOG_TEXT("ip", key_format(&found->b.key, ip)),
			  LOG_TEXT("nas_id", found->nas_id), LOG_TEXT("outcome", outcome), LOG_END);
		return;
	}
	if (client->conf->disconnect == CONF_DISCONNECT_OFF)
		return;
	struct slot *s = slot_free(d);
	if (s)
		slot_begin(s, found, client, &to);
	else
		radius_count(RADIUS_COUNT_DISCONNECT_TOO_MANY, 1);
}

struct look_up {
	struct radius_disconnects *d;
	uint32_t generation;
};

static void on_found(void *arg, int err, const struct binding_found *found)
{
	struct look_up *l = arg;

	/* Over already: released, or somebody else's. */
	if (!err && found->b.state == KEY_QUARANTINED && found->b.generation == l->generation)
		send_about(l->d, found);
	free(l);
}

void radius_disconnect(struct radius_disconnects *d, const struct key *key, uint32_t generation)
{
	struct look_up *l;

	if (!realm_disconnects(d, key->realm) || !(l = malloc(sizeof *l)))
		return;
	*l = (struct look_up){.d = d, .generation = generation};
	binding_find(d->port, key->realm, &key->addr, key->port_first, on_found, l);
}

/* ---- answers ---- */

/* RFC 5176 3.5; 0: none was given. */
static uint32_t error_cause(const struct radius_packet *p)
{
	struct radius_attribute a;
	uint32_t cause;

	return radius_find(p, RADIUS_ERROR_CAUSE, &a) && radius_u32(&a, &cause) ? cause : 0;
}

static bool is_answer(const struct slot *s, const struct radius_packet *p, const struct addr *from,
		      uint16_t port)
{
	/* ACK and NAK follow their request's code. */
	return s->busy && addr_equal(&s->to, from) && port == s->client->conf->disconnect_port &&
	       (p->code == s->packet[0] + 1 || p->code == s->packet[0] + 2) &&
	       radius_response_verify(p, s->packet + 4, s->client->secret, s->client->secret_len) ==
		       RADIUS_GOOD;
}

static void receive(struct radius_disconnects *d, const uint8_t *octets, size_t n,
		    const struct addr *from, uint16_t port)
{
	struct radius_packet p;

	if (radius_parse(octets, n, &p) != RADIUS_GOOD ||
	    !is_answer(&d->slots[p.id], &p, from, port)) {
		radius_count(RADIUS_COUNT_DISCONNECT_BAD_ANSWER, 1);
		return;
	}
	struct slot *s = &d->slots[p.id];
	bool ack = p.code == s->packet[0] + 1;
	radius_count(ack ? RADIUS_COUNT_DISCONNECT_ACK : RADIUS_COUNT_DISCONNECT_NAK, 1);
	say(ack ? LOG_INFO : LOG_WARN, "radius-disconnect", s, ack ? "ack" : "nak",
	    error_cause(&p));
	slot_end(s);
}

#define ANSWERS_A_TURN 64

static void on_readable(struct radius_disconnects *d, enum family family)
{
	uint8_t octets[RADIUS_PACKET_MAX];
	struct sockaddr_storage name;
	struct addr from;
	uint16_t port;

	for (int i = 0; i < ANSWERS_A_TURN; i++) {
		socklen_t len = sizeof name;
		ssize_t n = recvfrom(d->fd[family], octets, sizeof octets, MSG_DONTWAIT,
				     (struct sockaddr *)&name, &len);
		if (n < 0)
			return;
		if (!addr_from_sockaddr((struct sockaddr *)&name, &from, &port))
			receive(d, octets, (size_t)n, &from, port);
	}
}

static void on_readable_v4(void *arg)
{
	on_readable(arg, FAMILY_V4);
}

static void on_readable_v6(void *arg)
{
	on_readable(arg, FAMILY_V6);
}

/* ---- opening ---- */

static int family_open(struct radius_disconnects *d, struct loop *loop, enum family family)
{
	bool v4 = family == FAMILY_V4;

	d->fd[family] =
		socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (d->fd[family] < 0)
		return v4 ? E_IO : 0; /* a machine may lack IPv6 */
	d->reader[family] =
		loop_reader_new(loop, d->fd[family], v4 ? on_readable_v4 : on_readable_v6, d);
	if (!d->reader[family])
		return E_NOMEM;
	loop_reader_turn(d->reader[family], true);
	return 0;
}

int radius_disconnects_open(struct loop *loop, struct db_port *port,
			    const struct radius_clients *clients, struct radius_nases *nases,
			    size_t most, struct radius_disconnects **out)
{
	struct radius_disconnects *d = calloc(1, sizeof *d);
	int rc = 0;

	if (!d)
		return E_NOMEM;
	d->port = port;
	d->clients = clients;
	d->nases = nases;
	d->most = most < RADIUS_DISCONNECTS_MAX ? most : RADIUS_DISCONNECTS_MAX;
	d->dice = (uint64_t)clock_now_us() * 2 + 1;
	d->next = (uint8_t)(d->dice >> 8);
	d->fd[FAMILY_V4] = d->fd[FAMILY_V6] = -1;
	for (size_t i = 0; !rc && i < RADIUS_DISCONNECTS_MAX; i++) {
		d->slots[i].d = d;
		d->slots[i].timer = loop_timer_new(loop, on_silence, &d->slots[i]);
		rc = d->slots[i].timer ? 0 : E_NOMEM;
	}
	for (int family = 0; !rc && family < FAMILIES; family++)
		rc = family_open(d, loop, (enum family)family);
	if (rc) {
		radius_disconnects_close(d);
		return rc;
	}
	*out = d;
	return 0;
}

void radius_disconnects_close(struct radius_disconnects *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < RADIUS_DISCONNECTS_MAX; i++) {
		loop_timer_free(d->slots[i].timer);
		free(d->slots[i].packet);
	}
	for (int family = 0; family < FAMILIES; family++) {
		loop_reader_free(d->reader[family]);
		if (d->fd[family] >= 0)
			close(d->fd[family]);
	}
	free(d);
}
