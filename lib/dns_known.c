#include "lib/dns_known.h"

#include <stdlib.h>
#include <string.h>

#include "lib/wire/dns/message.h"

static const uint16_t record_types[DNS_TYPES] = {
	[DNS_A] = DNS_RECORD_A,     [DNS_AAAA] = DNS_RECORD_AAAA, [DNS_MX] = DNS_RECORD_MX,
	[DNS_TXT] = DNS_RECORD_TXT, [DNS_PTR] = DNS_RECORD_PTR,
};

static const size_t record_sizes[DNS_TYPES] = {
	[DNS_A] = sizeof(struct addr),    [DNS_AAAA] = sizeof(struct addr),
	[DNS_MX] = sizeof(struct dns_mx), [DNS_TXT] = sizeof(struct dns_text),
	[DNS_PTR] = sizeof(const char *),
};

/* The message is read twice: for its size, and into the block. */
struct building {
	enum dns_type type;
	size_t count, texts; /* records; octets of names and strings with their NULs */
	bool is_cut;
	void *records; /* null: the first time */
	char *text;
};

static size_t text_of(const struct building *b, const struct dns_record *r, char *out)
{
	if (b->type == DNS_TXT)
		return dns_strings_join(r->data, r->length, out);
	if (b->type != DNS_MX && b->type != DNS_PTR)
		return 0;
	if (out)
		memcpy(out, r->name, strlen(r->name));
	return strlen(r->name);
}

static struct addr address_of(enum dns_type type, const struct dns_record *r)
{
	struct addr a = {{[10] = 0xff, [11] = 0xff}};

	if (type == DNS_A)
		memcpy(a.bytes + 12, r->data, 4);
	else
		memcpy(a.bytes, r->data, 16);
	return a;
}

static void on_record(void *arg, const struct dns_record *r)
{
	struct building *b = arg;

	if (b->count >= DNS_RECORDS_MAX) {
		b->is_cut = true;
		return;
	}
	size_t i = b->count++, n = text_of(b, r, b->text);
	b->texts += n + 1;
	if (!b->records)
		return;
	char *text = b->text;
	text[n] = '\0';
	b->text += n + 1;
	switch (b->type) {
	case DNS_A:
	case DNS_AAAA:
		((struct addr *)b->records)[i] = address_of(b->type, r);
		break;
	case DNS_MX:
		((struct dns_mx *)b->records)[i] = (struct dns_mx){r->preference, text};
		break;
	case DNS_TXT:
		((struct dns_text *)b->records)[i] = (struct dns_text){text, n};
		break;
	case DNS_PTR:
	case DNS_TYPES:
		((const char **)b->records)[i] = text;
		break;
	}
}

/* Equal ones keep the server's order, which it may turn from answer to answer. */
static void sort_mx(struct dns_mx *mx, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		struct dns_mx m = mx[i];
		size_t at = i;
		for (; at > 0 && mx[at - 1].preference > m.preference; at--)
			mx[at] = mx[at - 1];
		mx[at] = m;
	}
}

static enum dns_outcome outcome_of(const struct dns_message *m)
{
	if (m->rcode != DNS_RCODE_OK && m->rcode != DNS_RCODE_NO_NAME)
		return DNS_TEMPORARY;
	if (m->count > 0)
		return DNS_FOUND;
	if (m->is_cut)
		return DNS_TEMPORARY;
	return m->rcode == DNS_RCODE_OK ? DNS_NO_DATA : DNS_NO_NAME;
}

static void set_records(struct dns_known *k, void *records, const struct building *b)
{
	struct dns_answer *a = &k->answer;

	a->count = b->count;
	a->is_cut |= b->is_cut;
	switch (b->type) {
	case DNS_A:
	case DNS_AAAA:
		a->addresses = records;
		break;
	case DNS_MX:
		sort_mx(records, b->count);
		a->mx = records;
		break;
	case DNS_TXT:
		a->texts = records;
		break;
	case DNS_PTR:
	case DNS_TYPES:
		a->names = records;
		break;
	}
}

struct dns_known *dns_known_new(const char *name, enum dns_type type, const uint8_t *octets,
				size_t n)
{
	struct building b = {.type = type};
	struct dns_message m = {0};
	uint16_t wanted = record_types[type];
	bool is_read = octets && dns_message_read(octets, n, name, wanted, on_record, &b, &m) == 0;

	if (!is_read)
		b = (struct building){.type = type};
	size_t records = b.count * record_sizes[type];
	size_t size = sizeof(struct dns_known) + records + b.texts + strlen(name) + 1;
	struct dns_known *k = calloc(1, size);
	if (!k)
		return NULL;
	k->holders = 1;
	k->octets = size;
	k->type = type;
	k->answer.outcome = is_read ? outcome_of(&m) : DNS_TEMPORARY;
	k->answer.is_cut = m.is_cut;
	k->answer.ttl_s = m.ttl_s;
	struct building fill = {.type = type, .records = k + 1, .text = (char *)(k + 1) + records};
	if (b.count > 0)
		dns_message_read(octets, n, name, wanted, on_record, &fill, &m);
	k->name = strcpy(fill.text, name);
	if (k->answer.outcome == DNS_FOUND)
		set_records(k, k + 1, &fill);
	return k;
}

struct dns_known *dns_known_ref(struct dns_known *k)
{
	k->holders++;
	return k;
}

void dns_known_unref(struct dns_known *k)
{
	if (k && --k->holders == 0)
		free(k);
}
