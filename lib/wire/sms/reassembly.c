#include "lib/wire/sms/reassembly.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

#define BUCKETS_MAX ((size_t)1 << 20)

struct part {
	struct part *next; /* by number */
	uint8_t number;
	uint8_t len;
	uint8_t octets[];
};

struct key {
	char phone[SMS_PHONE_MAX + 1];
	struct sms_addr from;
	struct sms_concat concat; /* number 0 */
};

struct message {
	struct message *bucket_next;
	struct message *older, *newer;
	struct key key;
	uint64_t hash;
	int64_t since_us;
	uint8_t dcs;
	bool has_ports;
	struct sms_ports ports;
	uint8_t part_count;
	size_t octets;
	struct part *parts;
};

struct sms_reassembly {
	struct sms_reassembly_limits limits;
	struct sms_reassembly_counts counts;
	struct message *oldest, *newest;
	struct message **buckets;
	size_t bucket_mask;
	uint8_t *whole; /* the last one's body */
	size_t whole_room;
};

struct sms_reassembly *sms_reassembly_new(const struct sms_reassembly_limits *limits)
{
	struct sms_reassembly *table = calloc(1, sizeof *table);
	size_t buckets = 1;

	while (buckets < limits->messages_max && buckets < BUCKETS_MAX)
		buckets *= 2;
	if (!table)
		return NULL;
	table->limits = *limits;
	table->bucket_mask = buckets - 1;
	table->buckets = calloc(buckets, sizeof *table->buckets);
	if (!table->buckets) {
		free(table);
		return NULL;
	}
	return table;
}

static struct message **bucket_of(struct sms_reassembly *table, uint64_t hash)
{
	return &table->buckets[hash & table->bucket_mask];
}

static void drop(struct sms_reassembly *table, struct message *m)
{
	struct message **at = bucket_of(table, m->hash);

	while (*at != m)
		at = &(*at)->bucket_next;
	*at = m->bucket_next;
	*(m->older ? &m->older->newer : &table->oldest) = m->newer;
	*(m->newer ? &m->newer->older : &table->newest) = m->older;
	while (m->parts) {
		struct part *part = m->parts;

		m->parts = part->next;
		free(part);
	}
	table->counts.octets -= m->octets;
	table->counts.messages--;
	free(m);
}

void sms_reassembly_free(struct sms_reassembly *table)
{
	if (!table)
		return;
	while (table->oldest)
		drop(table, table->oldest);
	free(table->buckets);
	free(table->whole);
	free(table);
}

void sms_reassembly_expire(struct sms_reassembly *table, int64_t now_us)
{
	while (table->oldest && now_us - table->oldest->since_us >= table->limits.age_us) {
		drop(table, table->oldest);
		table->counts.expired++;
	}
}

/* FNV-1a: the table is small and bounded, so a sender who finds collisions gains little. */
static uint64_t hash_octets(uint64_t hash, const void *at, size_t len)
{
	const uint8_t *octets = at;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ octets[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static uint64_t hash_key(const struct key *key)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	hash = hash_octets(hash, key->phone, strlen(key->phone) + 1);
	hash = hash_octets(hash, key->from.text, strlen(key->from.text));
	return hash_octets(hash, &key->concat.reference, sizeof key->concat.reference);
}

static bool is_same_key(const struct key *a, const struct key *b)
{
	return a->concat.reference == b->concat.reference && a->concat.total == b->concat.total &&
	       a->concat.is_16_bit == b->concat.is_16_bit && strcmp(a->phone, b->phone) == 0 &&
	       sms_addr_equal(&a->from, &b->from);
}

static struct message *find(struct sms_reassembly *table, const struct key *key, uint64_t hash)
{
	struct message *m = *bucket_of(table, hash);

	while (m && (m->hash != hash || !is_same_key(&m->key, key)))
		m = m->bucket_next;
	return m;
}

/* The oldest makes room, where there are too many. */
static struct message *add_message(struct sms_reassembly *table, const struct key *key,
				   const struct sms_udh *udh, uint8_t dcs, int64_t now_us)
{
	struct message *m = malloc(sizeof *m), **bucket;

	if (!m)
		return NULL;
	while (table->oldest && table->counts.messages >= table->limits.messages_max) {
		drop(table, table->oldest);
		table->counts.evicted++;
	}
	*m = (struct message){.key = *key,
			      .hash = hash_key(key),
			      .since_us = now_us,
			      .dcs = dcs,
			      .has_ports = udh->has_ports,
			      .ports = udh->ports,
			      .older = table->newest,
			      .octets = sizeof *m};
	bucket = bucket_of(table, m->hash);
	m->bucket_next = *bucket;
	*bucket = m;
	*(table->newest ? &table->newest->newer : &table->oldest) = m;
	table->newest = m;
	table->counts.octets += m->octets;
	table->counts.messages++;
	return m;
}

/* Makes room for what `m` has grown to. False: it alone is too large. */
static bool make_room(struct sms_reassembly *table, const struct message *m)
{
	while (table->counts.octets > table->limits.octets_max) {
		struct message *victim = table->oldest == m ? m->newer : table->oldest;

		if (!victim)
			return false;
		drop(table, victim);
		table->counts.evicted++;
	}
	return true;
}

static struct part **place_of(struct message *m, uint8_t number)
{
	struct part **at = &m->parts;

	while (*at && (*at)->number < number)
		at = &(*at)->next;
	return at;
}

static bool is_same_part(const struct part *part, const struct sms_data *data)
{
	return part->len == data->body_len && memcmp(part->octets, data->body, part->len) == 0;
}

static bool is_same_kind(const struct message *m, const struct sms_data *data,
			 const struct sms_udh *udh)
{
	return m->dcs == data->dcs && m->has_ports == udh->has_ports &&
	       (!m->has_ports || (m->ports.destination == udh->ports.destination &&
				  m->ports.source == udh->ports.source));
}

static int add_part(struct sms_reassembly *table, struct message *m, uint8_t number,
		    const struct sms_data *data)
{
	struct part *part = malloc(sizeof *part + data->body_len), **at = place_of(m, number);

	if (!part)
		return E_NOMEM;
	part->next = *at;
	part->number = number;
	part->len = (uint8_t)data->body_len;
	memcpy(part->octets, data->body, data->body_len);
	*at = part;
	m->part_count++;
	m->octets += sizeof *part + data->body_len;
	table->counts.octets += sizeof *part + data->body_len;
	return 0;
}

static bool grow_whole(struct sms_reassembly *table, size_t len)
{
	if (len > table->whole_room) {
		uint8_t *more = realloc(table->whole, len);

		if (!more)
			return false;
		table->whole = more;
		table->whole_room = len;
	}
	return true;
}

static void finish(struct sms_reassembly *table, struct message *m, struct sms_whole *out)
{
	size_t len = 0;

	for (const struct part *part = m->parts; part; part = part->next) {
		memcpy(table->whole + len, part->octets, part->len);
		len += part->len;
	}
	*out = (struct sms_whole){
		.dcs = m->dcs,
		.has_ports = m->has_ports,
		.ports = m->ports,
		.body = table->whole,
		.body_len = len,
	};
	drop(table, m);
	table->counts.whole++;
}

/* A message of one part: nothing to wait for. */
static int pass_on(struct sms_reassembly *table, const struct sms_data *part,
		   const struct sms_udh *udh, struct sms_whole *out)
{
	if (!grow_whole(table, SMS_BODY_MAX))
		return E_NOMEM;
	memcpy(table->whole, part->body, part->body_len);
	*out = (struct sms_whole){
		.dcs = part->dcs,
		.has_ports = udh->has_ports,
		.ports = udh->ports,
		.body = table->whole,
		.body_len = part->body_len,
	};
	table->counts.whole++;
	return 0;
}

/* The message that this part belongs to. E_EXISTS: the part is in it; E_NOT_FOUND: there is none,
 * or there was one that this part contradicts. */
static int find_place(struct sms_reassembly *table, const struct key *key,
		      const struct sms_udh *udh, const struct sms_data *data, struct message **out)
{
	struct message *m = find(table, key, hash_key(key));

	if (!m)
		return E_NOT_FOUND;
	const struct part *part = *place_of(m, udh->concat.number);
	bool is_there = part && part->number == udh->concat.number;
	if (is_same_kind(m, data, udh)) {
		*out = m;
		if (!is_there)
			return 0;
		if (is_same_part(part, data))
			return E_EXISTS;
	}
	drop(table, m);
	table->counts.restarted++;
	return E_NOT_FOUND;
}

static int keep(struct sms_reassembly *table, const struct key *key, const struct sms_udh *udh,
		const struct sms_data *data, int64_t now_us, struct sms_whole *out)
{
	struct message *m;
	int err = find_place(table, key, udh, data, &m);

	if (err == E_EXISTS)
		table->counts.duplicates++;
	if (err == E_NOT_FOUND) {
		m = add_message(table, key, udh, data->dcs, now_us);
		err = m ? 0 : E_NOMEM;
	}
	if (err)
		return err;
	bool is_last = m->part_count + 1 == key->concat.total;
	if (is_last && !grow_whole(table, m->octets + data->body_len))
		return E_NOMEM;
	err = add_part(table, m, udh->concat.number, data);
	if (err)
		return err;
	if (is_last) {
		finish(table, m, out);
		return 0;
	}
	if (make_room(table, m))
		return E_AGAIN;
	drop(table, m);
	return E_TOO_LARGE;
}

int sms_reassembly_add(struct sms_reassembly *table, const char *phone, const struct sms_addr *from,
		       const struct sms_data *part, int64_t now_us, struct sms_whole *out)
{
	struct sms_udh udh = {0};
	struct key key = {.from = *from};
	size_t phone_len = strlen(phone), udh_len;

	sms_reassembly_expire(table, now_us);
	if (part->udh_len > 0 && sms_udh_decode(part->udh, part->udh_len, &udh, &udh_len))
		return E_SYNTAX;
	if (!udh.has_concat || udh.concat.total == 1)
		return pass_on(table, part, &udh, out);
	if (phone_len > SMS_PHONE_MAX || part->body_len > SMS_BODY_MAX)
		return E_TOO_LARGE;
	memcpy(key.phone, phone, phone_len);
	key.concat = udh.concat;
	key.concat.number = 0;
	return keep(table, &key, &udh, part, now_us, out);
}

struct sms_reassembly_counts sms_reassembly_counts(const struct sms_reassembly *table)
{
	return table->counts;
}
