#include "lib/dns.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/dns_channel.h"
#include "lib/dns_known.h"
#include "lib/dns_metrics.h"
#include "lib/err.h"
#include "lib/wire/dns/message.h"

#define ROOMS         256
#define ASKERS_EACH   16 /* that wait, for each question that may be in flight */
#define FAILURE_TTL_S 5  /* a server's SERVFAIL is believed so long (RFC 2308 7.1 allows 300) */

/* A question in flight, and who waits for it. */
struct pending {
	struct dns *dns;
	struct pending *next, **link; /* of its room */
	struct dns_question *first, **last;
	enum dns_type type;
	char name[DNS_NAME_MAX];
};

struct dns_question {
	struct pending *pending;
	struct dns_question *next, **link;
	dns_answered *answered;
	void *arg;
	struct loop_timer *timer;
	bool *is_gone; /* for dns_ask, which has not returned yet; may be null */
};

struct dns {
	struct loop *loop;
	struct dns_settings settings;
	struct dns_channel *channel; /* null: no DNS */
	struct dns_cache *cache;
	size_t in_flight, waiting;               /* questions; askers */
	int64_t counted_entries, counted_octets; /* of the cache, in the metrics */
	struct pending *room[ROOMS];
};

static const uint16_t record_types[DNS_TYPES] = {
	[DNS_A] = DNS_RECORD_A,     [DNS_AAAA] = DNS_RECORD_AAAA, [DNS_MX] = DNS_RECORD_MX,
	[DNS_TXT] = DNS_RECORD_TXT, [DNS_PTR] = DNS_RECORD_PTR,
};

/* ---- open and close ---- */

struct dns_settings dns_settings_of(const struct conf *c)
{
	return (struct dns_settings){
		.servers = c->smtpgw_dns_servers,
		.timeout_us = c->smtpgw_dns_timeout * 1000,
		.cache_entries = (size_t)c->smtpgw_dns_cache,
		.cache_octets = (size_t)c->smtpgw_dns_cache_octets,
		.in_flight = (size_t)c->smtpgw_dns_in_flight,
		.ttl_max_s = c->smtpgw_dns_max_ttl,
		.ttl_none_s = c->smtpgw_dns_max_negative_ttl,
	};
}

int dns_open(struct loop *loop, const struct dns_settings *settings, struct dns **out)
{
	struct dns *dns = calloc(1, sizeof *dns);

	if (!dns)
		return E_NOMEM;
	dns->loop = loop;
	dns->settings = *settings;
	int err = dns_cache_new(settings->cache_entries, settings->cache_octets, &dns->cache);
	if (!err && strcmp(settings->servers, "none") != 0)
		err = dns_channel_open(loop, settings->servers, settings->timeout_us,
				       &dns->channel);
	if (err)
		dns_close(dns);
	else
		*out = dns;
	return err;
}

static void free_asker(struct dns_question *q)
{
	if (q->is_gone)
		*q->is_gone = true;
	loop_timer_free(q->timer);
	free(q);
}

/* From its question, and from the world. */
static void leave(struct dns_question *q)
{
	struct pending *p = q->pending;

	*q->link = q->next;
	if (q->next)
		q->next->link = q->link;
	else
		p->last = q->link;
	p->dns->waiting--;
	free_asker(q);
}

static void forget(struct pending *p)
{
	*p->link = p->next;
	if (p->next)
		p->next->link = p->link;
	p->dns->in_flight--;
	dns_count(DNS_METRIC_IN_FLIGHT, -1);
}

/* What is held now is counted, in place of what was. */
static void count_cache(struct dns *dns)
{
	int64_t entries = (int64_t)dns_cache_count(dns->cache);
	int64_t octets = (int64_t)dns_cache_octets(dns->cache);

	dns_count(DNS_METRIC_CACHE_ENTRIES, entries - dns->counted_entries);
	dns_count(DNS_METRIC_CACHE_OCTETS, octets - dns->counted_octets);
	dns->counted_entries = entries;
	dns->counted_octets = octets;
}

void dns_close(struct dns *dns)
{
	if (!dns)
		return;
	dns_channel_close(dns->channel);
	for (size_t i = 0; i < ROOMS; i++) {
		while (dns->room[i]) {
			struct pending *p = dns->room[i];
			while (p->first)
				leave(p->first);
			forget(p);
			free(p);
		}
	}
	dns_count(DNS_METRIC_CACHE_ENTRIES, -dns->counted_entries);
	dns_count(DNS_METRIC_CACHE_OCTETS, -dns->counted_octets);
	dns_cache_free(dns->cache);
	free(dns);
}

/* ---- answers ---- */

/* The clamps of the settings; what is not to be kept gets 0. */
static int64_t ttl_of(const struct dns *dns, const struct dns_answer *a, bool is_heard)
{
	int64_t most_s =
		a->outcome == DNS_FOUND ? dns->settings.ttl_max_s : dns->settings.ttl_none_s;

	if (a->outcome == DNS_TEMPORARY)
		return is_heard && FAILURE_TTL_S < most_s ? FAILURE_TTL_S : 0;
	return a->ttl_s < most_s ? a->ttl_s : most_s;
}

static void remember(struct dns *dns, struct dns_known *k, bool is_heard)
{
	k->answer.ttl_s = ttl_of(dns, &k->answer, is_heard);
	k->expires_us = clock_mono_us() + k->answer.ttl_s * CLOCK_S;
	if (k->answer.ttl_s <= 0)
		return;
	dns_cache_put(dns->cache, k);
	count_cache(dns);
}

static void count_outcome(enum dns_outcome outcome)
{
	dns_count((enum dns_metric)((unsigned)DNS_METRIC_FOUND + (unsigned)outcome), 1);
}

static void tell_temporary(dns_answered *answered, void *arg)
{
	static const struct dns_answer temporary = {.outcome = DNS_TEMPORARY};

	count_outcome(DNS_TEMPORARY);
	answered(arg, &temporary);
}

/* Whoever is told may ask and cancel: the list is read anew for each. */
static void on_answered(void *arg, const uint8_t *octets, size_t n, bool is_heard)
{
	struct pending *p = arg;
	struct dns_known *k = dns_known_new(p->name, p->type, octets, n);

	forget(p);
	if (k)
		remember(p->dns, k, is_heard);
	while (p->first) {
		dns_answered *answered = p->first->answered;
		void *asker = p->first->arg;
		leave(p->first);
		if (k) {
			count_outcome(k->answer.outcome);
			answered(asker, &k->answer);
		} else {
			tell_temporary(answered, asker);
		}
	}
	dns_known_unref(k);
	free(p);
}

static void on_late(void *arg)
{
	struct dns_question *q = arg;
	dns_answered *answered = q->answered;
	void *asker = q->arg;

	dns_count(DNS_METRIC_LATE, 1);
	leave(q);
	tell_temporary(answered, asker);
}

static bool tell_known(struct dns *dns, const char *name, enum dns_type type,
		       dns_answered *answered, void *arg)
{
	int64_t now_us = clock_mono_us();
	struct dns_known *k = dns_cache_find(dns->cache, name, type, now_us);

	if (!k)
		return false;
	struct dns_answer a = k->answer;
	a.ttl_s = (k->expires_us - now_us) / CLOCK_S;
	dns_count(DNS_METRIC_CACHED, 1);
	count_outcome(a.outcome);
	dns_known_ref(k);
	answered(arg, &a);
	dns_known_unref(k);
	return true;
}

/* ---- questions ---- */

static struct pending **room_of(struct dns *dns, const char *name, enum dns_type type)
{
	unsigned h = (unsigned)type;

	for (; *name; name++)
		h = h * 31 + (unsigned char)*name;
	return &dns->room[h % ROOMS];
}

static struct pending *find_pending(struct dns *dns, const char *name, enum dns_type type)
{
	struct pending *p = *room_of(dns, name, type);

	while (p && (p->type != type || strcmp(p->name, name)))
		p = p->next;
	return p;
}

/* Not put to a server yet. */
static struct pending *new_pending(struct dns *dns, const char *name, enum dns_type type)
{
	struct pending *p = calloc(1, sizeof *p);

	if (!p)
		return NULL;
	p->dns = dns;
	p->type = type;
	p->last = &p->first;
	strcpy(p->name, name);
	p->link = room_of(dns, name, type);
	p->next = *p->link;
	if (p->next)
		p->next->link = &p->next;
	*p->link = p;
	dns->in_flight++;
	dns_count(DNS_METRIC_IN_FLIGHT, 1);
	return p;
}

static struct dns_question *join(struct pending *p, int64_t deadline_us, dns_answered *answered,
				 void *arg)
{
	struct dns_question *q = calloc(1, sizeof *q);

	if (!q)
		return NULL;
	q->timer = loop_timer_new(p->dns->loop, on_late, q);
	if (!q->timer) {
		free(q);
		return NULL;
	}
	q->pending = p;
	q->answered = answered;
	q->arg = arg;
	q->link = p->last;
	*p->last = q;
	p->last = &q->next;
	p->dns->waiting++;
	loop_timer_set(q->timer, deadline_us - clock_mono_us());
	return q;
}

static struct dns_question *begin(struct dns *dns, const char *name, enum dns_type type,
				  int64_t deadline_us, dns_answered *answered, void *arg)
{
	struct pending *p = new_pending(dns, name, type);
	struct dns_question *q = p ? join(p, deadline_us, answered, arg) : NULL;
	bool is_gone = false;

	if (!q) {
		if (p)
			forget(p);
		free(p);
		tell_temporary(answered, arg);
		return NULL;
	}
	q->is_gone = &is_gone;
	dns_count(DNS_METRIC_SENT, 1);
	dns_channel_ask(dns->channel, p->name, record_types[type], on_answered, p);
	if (is_gone)
		return NULL;
	q->is_gone = NULL;
	return q;
}

/* Why a question that is not known is not put to anyone. */
static bool is_refused(struct dns *dns, bool is_new)
{
	bool is_up = dns->channel && (!is_new || dns_channel_is_up(dns->channel));
	bool is_busy = (is_new && dns->in_flight >= dns->settings.in_flight) ||
		       dns->waiting >= dns->settings.in_flight * ASKERS_EACH;

	if (!is_up)
		dns_count(DNS_METRIC_DOWN, 1);
	else if (is_busy)
		dns_count(DNS_METRIC_BUSY, 1);
	return !is_up || is_busy;
}

struct dns_question *dns_ask(struct dns *dns, const char *name, enum dns_type type,
			     int64_t deadline_us, dns_answered *answered, void *arg)
{
	static const struct dns_answer no_name = {.outcome = DNS_NO_NAME};
	char key[DNS_NAME_MAX];

	dns_count(DNS_METRIC_ASKED, 1);
	if (dns_name(name, key)) {
		count_outcome(DNS_NO_NAME);
		answered(arg, &no_name);
		return NULL;
	}
	if (tell_known(dns, key, type, answered, arg))
		return NULL;
	struct pending *p = find_pending(dns, key, type);
	int64_t now_us = clock_mono_us();
	if (deadline_us == 0)
		deadline_us = now_us + dns->settings.timeout_us;
	if (is_refused(dns, !p) || deadline_us <= now_us) {
		tell_temporary(answered, arg);
		return NULL;
	}
	if (!p)
		return begin(dns, key, type, deadline_us, answered, arg);
	dns_count(DNS_METRIC_JOINED, 1);
	struct dns_question *q = join(p, deadline_us, answered, arg);
	if (!q)
		tell_temporary(answered, arg);
	return q;
}

void dns_cancel(struct dns_question *q)
{
	if (q)
		leave(q);
}

bool dns_is_up(const struct dns *dns)
{
	return dns->channel && dns->in_flight < dns->settings.in_flight &&
	       dns_channel_is_up(dns->channel);
}
