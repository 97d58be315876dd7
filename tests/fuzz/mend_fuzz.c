/* mend: octet 0 the setting, octet 1 the pieces, the rest a mail. However it is cut, the same comes
 * out; what comes out has one author, the subscriber, no Bcc, a Date and a Message-ID, and the body
 * as it was; mended again it does not change. */
#include <stdlib.h>
#include <string.h>

#include "db/identity.h"
#include "lib/wire/smtp/address_list.h"
#include "smtpgw/submission/mend.h"

#define MUST(condition) ((condition) ? (void)0 : __builtin_trap())

static struct subscriber owner = {
	.id = 5, .address_count = 1, .addresses = {{"taro@ours.test", "taro@ours.test"}}};
static struct mailaddr own = {"taro", "ours.test", false};

struct out {
	uint8_t *octets;
	size_t n, room;
};

static void write_out(void *arg, const uint8_t *run, size_t n)
{
	struct out *o = arg;

	MUST(n > 0 && o->n + n <= o->room);
	memcpy(o->octets + o->n, run, n);
	o->n += n;
}

static enum mend_verdict run(const uint8_t *in, size_t n, bool rewrites, size_t piece,
			     struct out *out)
{
	const struct mend_rules rules = {
		.owner = &owner,
		.own = &own,
		.rewrites = rewrites,
		.hostname = "mx.test",
		.id = "s.1",
		.limits = {.field_max = 100, .octets_max = 2000, .fields_max = 20},
	};
	struct mend m;

	*out = (struct out){.octets = malloc(n + 4096), .room = n + 4096};
	MUST(out->octets);
	mend_begin(&m, &rules, write_out, out);
	for (size_t at = 0; at < n; at += piece)
		mend_octets(&m, in + at, n - at < piece ? n - at : piece);
	enum mend_verdict v = mend_finish(&m);
	mend_end(&m);
	return v;
}

struct seen {
	unsigned from, date, id;
};

static void on_field(void *arg, const struct header_field *f)
{
	struct seen *s = arg;
	struct address_list l;
	struct address_item item;

	MUST(f->name_len > 0);
	MUST(!header_is(f, "Bcc") && !header_is(f, "Return-Path") &&
	     !header_is(f, "Authentication-Results"));
	s->date += header_is(f, "Date");
	s->id += header_is(f, "Message-ID");
	s->from += header_is(f, "From");
	if (!header_is(f, "From") && !header_is(f, "Sender"))
		return;
	address_list_init(&l, f->value, f->value_len, 0);
	while (address_list_next(&l, &item))
		MUST(item.kind == ADDRESS_MAILBOX && identity_owns(&owner, &item.address));
}

static void on_end(void *arg, enum header_end how)
{
	(void)arg;
	MUST(how != HEADER_OVER);
}

static void check(const struct out *o)
{
	static const struct header_sink sink = {on_field, NULL, on_end};
	const struct header_limits limits = {1 << 20, 1 << 20, 100};
	struct seen seen = {0};
	struct header h;
	size_t used;

	header_init(&h, &limits, &sink, &seen);
	MUST(header_feed(&h, o->octets, o->n, &used) == 0 && header_finish(&h) == 0);
	header_fini(&h);
	MUST(seen.from == 1 && seen.date > 0 && seen.id > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct out whole, pieces, again = {0};

	/* Content ends with CRLF: the transaction sees to that. */
	if (size < 4 || memcmp(data + size - 2, "\r\n", 2) != 0)
		return 0;
	bool rewrites = data[0] & 1;
	enum mend_verdict v = run(data + 2, size - 2, rewrites, size, &whole);
	MUST(run(data + 2, size - 2, rewrites, 1U + data[1] % 32, &pieces) == v);
	if (v == MEND_GOOD) {
		MUST(whole.n == pieces.n && memcmp(whole.octets, pieces.octets, whole.n) == 0);
		check(&whole);
		if (run(whole.octets, whole.n, false, whole.n + 1, &again) == MEND_GOOD)
			MUST(again.n == whole.n &&
			     memcmp(again.octets, whole.octets, whole.n) == 0);
	}
	free(whole.octets);
	free(pieces.octets);
	free(again.octets);
	return 0;
}
