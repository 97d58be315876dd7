#include "lib/dkim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/err.h"
#include "lib/idn.h"
#include "lib/public_key.h"
#include "lib/wire/smtp/dkim_canon.h"

#define HELD_FIRST 4096

/* A field that is held: where it stands in `held`. */
struct kept {
	uint32_t at, len, name_len;
};

/* The hash of a body, which several signatures may share. */
struct body_hash {
	struct sha256_stream *sha;
	struct dkim_body canon;
	uint64_t limit, total; /* octets of it that are hashed; that there were */
	bool is_known;
	uint8_t hash[SHA256_LEN];
};

struct signature {
	struct dkim_signature read;
	enum authres_result result; /* UNCHECKED: not decided yet */
	const char *reason;
	struct body_hash *body;
	bool has_key; /* it was told */
	bool is_testing;
	struct public_key *key;
	uint8_t hash[SHA256_LEN]; /* of the header */
};

struct dkim {
	struct dkim_limits limits;
	int64_t now_s;
	bool is_over; /* the header is more than is held */

	char *held;
	size_t held_len, held_room;
	struct kept *kept;
	size_t kept_count, kept_room;

	size_t count, body_count;
	struct signature signatures[DKIM_SIGNATURES_MAX];
	struct body_hash bodies[DKIM_SIGNATURES_MAX];
};

int dkim_new(const struct dkim_limits *limits, int64_t now_s, struct dkim **out)
{
	struct dkim *d = calloc(1, sizeof *d);

	if (!d)
		return E_NOMEM;
	d->limits = *limits;
	d->now_s = now_s;
	*out = d;
	return 0;
}

static void forget_header(struct dkim *d)
{
	free(d->held);
	free(d->kept);
	d->held = NULL;
	d->kept = NULL;
	d->kept_count = d->kept_room = d->held_len = d->held_room = 0;
}

void dkim_free(struct dkim *d)
{
	if (!d)
		return;
	forget_header(d);
	for (size_t i = 0; i < d->count; i++)
		public_key_free(d->signatures[i].key);
	for (size_t i = 0; i < d->body_count; i++)
		sha256_stream_free(d->bodies[i].sha);
	free(d);
}

static void decide(struct signature *s, enum authres_result result, const char *reason)
{
	if (s->result != AUTHRES_UNCHECKED)
		return;
	s->result = result;
	s->reason = reason;
}

/* ---- the header is held ---- */

static bool make_room(struct dkim *d, size_t more)
{
	size_t room = d->held_room ? d->held_room : HELD_FIRST;
	size_t fields = d->kept_room ? d->kept_room : HELD_FIRST / sizeof *d->kept;

	while (room < d->held_len + more)
		room *= 2;
	if (room != d->held_room) {
		char *held = realloc(d->held, room);
		if (!held)
			return false;
		d->held = held;
		d->held_room = room;
	}
	if (d->kept_count == fields)
		fields *= 2;
	if (fields != d->kept_room) {
		struct kept *kept = realloc(d->kept, fields * sizeof *kept);
		if (!kept)
			return false;
		d->kept = kept;
		d->kept_room = fields;
	}
	return true;
}

void dkim_field(struct dkim *d, const struct header_field *f)
{
	if (f->name_len == 0 || d->is_over)
		return; /* what is no field cannot be signed */
	if (f->is_cut || d->kept_count == DKIM_FIELDS_MAX ||
	    f->raw_len > d->limits.header_octets - d->held_len || !make_room(d, f->raw_len)) {
		d->is_over = true;
		return;
	}
	memcpy(d->held + d->held_len, f->raw, f->raw_len);
	d->kept[d->kept_count++] =
		(struct kept){(uint32_t)d->held_len, (uint32_t)f->raw_len, (uint32_t)f->name_len};
	d->held_len += f->raw_len;
}

/* ---- the header is hashed ---- */

static bool is_named(const struct dkim *d, const struct kept *k, const char *name, size_t n)
{
	return k->name_len == n && strncasecmp(d->held + k->at, name, n) == 0;
}

static void hash_octets(void *arg, const void *octets, size_t n)
{
	sha256_stream_feed(arg, octets, n);
}

/* The signed fields: each name takes the lowest field of that name which no name before it took; a
 * name too many takes nothing, so that nobody may add one. */
static void hash_fields(const struct dkim *d, const struct signature *s,
			const struct dkim_sink *sink)
{
	bool taken[DKIM_FIELDS_MAX] = {false};
	struct tag_word w;
	size_t at = 0;

	while (tag_next_word(&s->read.names, &at, &w)) {
		for (size_t k = d->kept_count; k-- > 0;) {
			const struct kept *f = &d->kept[k];
			if (taken[k] || !is_named(d, f, w.at, w.len))
				continue;
			dkim_canon_field(s->read.header, d->held + f->at, f->len, sink);
			taken[k] = true;
			break;
		}
	}
}

static int hash_header(const struct dkim *d, const struct kept *own, struct signature *s)
{
	struct sha256_stream *sha;

	if (sha256_stream_new(&sha) != 0)
		return E_NOMEM;
	struct dkim_sink sink = {hash_octets, sha};
	hash_fields(d, s, &sink);
	dkim_canon_signature(s->read.header, d->held + own->at, own->len, &sink);
	int err = sha256_stream_end(sha, s->hash);
	sha256_stream_free(sha);
	return err;
}

/* ---- the body ---- */

static void hash_body_octets(void *arg, const void *octets, size_t n)
{
	struct body_hash *b = arg;
	uint64_t left = b->limit > b->total ? b->limit - b->total : 0;

	b->total += n;
	if (left > 0)
		sha256_stream_feed(b->sha, octets, n < left ? n : (size_t)left);
}

/* Null: no memory. */
static struct body_hash *body_of(struct dkim *d, const struct dkim_signature *read)
{
	for (size_t i = 0; i < d->body_count; i++)
		if (d->bodies[i].canon.form == read->body &&
		    d->bodies[i].limit == read->body_octets)
			return &d->bodies[i];
	struct body_hash *b = &d->bodies[d->body_count];
	if (sha256_stream_new(&b->sha) != 0)
		return NULL;
	d->body_count++;
	b->limit = read->body_octets;
	struct dkim_sink sink = {hash_body_octets, b};
	dkim_body_init(&b->canon, read->body, &sink);
	return b;
}

void dkim_body(struct dkim *d, const uint8_t *octets, size_t n)
{
	for (size_t i = 0; i < d->body_count; i++)
		dkim_body_feed(&d->bodies[i].canon, octets, n);
}

/* ---- signatures ---- */

/* RFC 8616: as DNS has them. */
static bool to_ascii(struct dkim_signature *s)
{
	char domain[DNS_NAME_MAX], selector[DNS_NAME_MAX];

	if (idn_to_ascii(s->domain, domain, sizeof domain) != 0 ||
	    idn_to_ascii(s->selector, selector, sizeof selector) != 0)
		return false;
	memcpy(s->domain, domain, sizeof domain);
	memcpy(s->selector, selector, sizeof selector);
	return true;
}

static void begin_signature(struct dkim *d, const struct kept *own)
{
	struct signature *s = &d->signatures[d->count++];
	const char *value = memchr(d->held + own->at, ':', own->len);
	size_t n = own->len - (size_t)(value + 1 - (d->held + own->at));
	const char *why = dkim_signature_read(value + 1, n, &s->read);

	if (!why && !to_ascii(&s->read))
		why = "domain is no domain";
	if (why)
		decide(s, AUTHRES_NEUTRAL, why);
	else if (s->read.expires_s && (int64_t)s->read.expires_s < d->now_s)
		decide(s, AUTHRES_FAIL, "signature has expired");
	else if (d->is_over)
		decide(s, AUTHRES_PERMERROR, "header is too large to verify");
	else if (hash_header(d, own, s) != 0 || !(s->body = body_of(d, &s->read)))
		decide(s, AUTHRES_TEMPERROR, "out of memory");
}

void dkim_header_end(struct dkim *d)
{
	static const char name[] = "DKIM-Signature";

	for (size_t k = 0; k < d->kept_count && d->count < d->limits.signatures; k++)
		if (is_named(d, &d->kept[k], name, sizeof name - 1))
			begin_signature(d, &d->kept[k]);
	forget_header(d);
}

size_t dkim_count(const struct dkim *d)
{
	return d->count;
}

bool dkim_ask(const struct dkim *d, size_t i, char name[DNS_NAME_MAX])
{
	const struct signature *s = &d->signatures[i];

	if (s->result != AUTHRES_UNCHECKED || s->has_key)
		return false;
	return snprintf(name, DNS_NAME_MAX, "%s._domainkey.%s", s->read.selector, s->read.domain) <
	       DNS_NAME_MAX;
}

/* The first record that is a key for this signature's algorithm; else what the last one said. */
static const char *choose(const struct signature *s, const struct dkim_text *texts, size_t count,
			  struct dkim_key *out)
{
	const char *why = "no key for signature";

	for (size_t i = 0; i < count && i < DKIM_RECORDS_MAX; i++) {
		why = dkim_key_read(texts[i].octets, texts[i].length, out);
		if (!why && out->algorithm == s->read.algorithm)
			return NULL;
		if (!why)
			why = "key is of another kind";
	}
	return why;
}

static const char *take_key(struct signature *s, const struct dkim_key *key)
{
	int err;

	if (key->octets_len == 0)
		return "key is revoked";
	if (key->is_strict && s->read.is_for_subdomain)
		return "key is not for subdomains";
	if (key->algorithm == DKIM_ED25519_SHA256)
		err = public_key_ed25519(key->octets, key->octets_len, &s->key);
	else
		err = public_key_rsa(key->octets, key->octets_len, &s->key);
	return err == 0 ? NULL : err == E_RANGE ? "key is too short or too long" : "key is no key";
}

void dkim_key(struct dkim *d, size_t i, const struct dkim_text *texts, size_t count)
{
	struct signature *s = &d->signatures[i];
	struct dkim_key key;

	s->has_key = true;
	const char *why = choose(s, texts, count, &key);
	if (!why) {
		s->is_testing = key.is_testing;
		why = take_key(s, &key);
	}
	if (why)
		decide(s, AUTHRES_PERMERROR, why);
}

/* ---- the end ---- */

static void fail(struct signature *s, const char *reason)
{
	if (s->is_testing)
		decide(s, AUTHRES_NEUTRAL, "failed, but its domain is only testing");
	else
		decide(s, AUTHRES_FAIL, reason);
}

static void verify(struct signature *s)
{
	const struct body_hash *b = s->body;

	if (!s->key) {
		decide(s, AUTHRES_TEMPERROR, "key is not known now");
		return;
	}
	if (!b->is_known) {
		decide(s, AUTHRES_TEMPERROR, "out of memory");
		return;
	}
	if (memcmp(b->hash, s->read.body_hash, sizeof b->hash) != 0 ||
	    (b->limit != DKIM_WHOLE && b->total < b->limit)) {
		fail(s, "body was changed");
		return;
	}
	int err = public_key_verify(s->key, s->hash, s->read.value, s->read.value_len);
	if (err == E_AUTH)
		fail(s, "header was changed, or another key signed");
	else if (err)
		decide(s, AUTHRES_TEMPERROR, "out of memory");
	else if (b->total > b->limit)
		decide(s, AUTHRES_POLICY, "a part of the body is not signed");
	else
		decide(s, AUTHRES_PASS, "");
}

void dkim_finish(struct dkim *d)
{
	for (size_t i = 0; i < d->body_count; i++) {
		struct body_hash *b = &d->bodies[i];
		dkim_body_finish(&b->canon);
		b->is_known = sha256_stream_end(b->sha, b->hash) == 0;
	}
	for (size_t i = 0; i < d->count; i++)
		if (d->signatures[i].result == AUTHRES_UNCHECKED)
			verify(&d->signatures[i]);
}

struct dkim_result dkim_result(const struct dkim *d, size_t i)
{
	const struct signature *s = &d->signatures[i];

	return (struct dkim_result){s->result, s->read.domain, s->read.selector, s->reason};
}
