#include "smtpgw/door/reader.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/idn.h"
#include "lib/wire/smtp/address_list.h"
#include "lib/wire/smtp/mime.h"
#include "lib/wire/smtp/url_search.h"

static const struct mime_limits limits = {.depth = 20, .parts = 1000, .field_max = 8192};

struct reader {
	const struct filter *filter;
	const char *carriers;
	struct filter_facts *facts;
	size_t addressees;
	struct header header;
	bool is_body, skips_author;
	struct mime *mime; /* null: nobody asks for URLs */
	struct url_search search;
};

/* ---- the header ---- */

void reader_normalise(const struct mailaddr *in, struct mailaddr *out)
{
	char ascii[MAILADDR_DOMAIN_MAX + 1];

	*out = *in;
	if (in->is_utf8 && idn_to_ascii(in->domain, ascii, sizeof ascii) == 0)
		strcpy(out->domain, ascii);
}

static void read_author(struct reader *r, const struct address_item *item)
{
	struct mailaddr author;

	if (item->kind == ADDRESS_GROUP)
		return;
	if (item->kind == ADDRESS_MAILBOX)
		reader_normalise(&item->address, &author);
	filter_note_author(r->filter, r->carriers, item->kind == ADDRESS_MAILBOX ? &author : NULL,
			   r->facts);
}

static void read_authors(struct reader *r, const struct header_field *field)
{
	struct address_list list;
	struct address_item item;

	if (field->is_cut)
		filter_note_author(r->filter, r->carriers, NULL, r->facts);
	address_list_init(&list, field->value, field->value_len, ADDRESS_LIST_JAPANESE);
	while (address_list_next(&list, &item))
		read_author(r, &item);
}

static void read_addressees(struct reader *r, const struct header_field *field)
{
	struct address_list list;
	struct address_item item;

	address_list_init(&list, field->value, field->value_len, ADDRESS_LIST_JAPANESE);
	while (r->addressees < READER_ADDRESSEES_MAX && address_list_next(&list, &item)) {
		struct mailaddr to;
		if (item.kind != ADDRESS_MAILBOX)
			continue;
		r->addressees++;
		reader_normalise(&item.address, &to);
		filter_note_addressee(r->filter, &to, r->facts);
	}
}

static void on_field(void *arg, const struct header_field *field)
{
	struct reader *r = arg;

	if (header_is(field, "From") && !r->skips_author)
		read_authors(r, field);
	else if (header_is(field, "To") || header_is(field, "Cc"))
		read_addressees(r, field);
}

static void on_header_end(void *arg, enum header_end how)
{
	struct reader *r = arg;

	(void)how;
	r->is_body = true;
}

static const struct header_sink header_sink = {.field = on_field, .end = on_header_end};

/* ---- the text ---- */

static bool on_part(void *arg, const struct mime_type *type)
{
	struct reader *r = arg;
	bool is_html = strcmp(type->type, "text/html") == 0;

	url_search_begin(&r->search, is_html, type->charset);
	return is_html || strcmp(type->type, "text/plain") == 0;
}

static void on_octets(void *arg, const uint8_t *octets, size_t n)
{
	struct reader *r = arg;

	if (r->facts->has_url)
		return;
	url_search_feed(&r->search, octets, n);
	r->facts->has_url = r->search.is_found;
}

static const struct mime_sink mime_sink = {on_part, on_octets};

/* ---- the whole ---- */

struct reader *reader_new(const struct filter *f, const char *carriers, size_t max_field,
			  struct filter_facts *facts)
{
	const struct header_limits header_limits = {max_field, SIZE_MAX, SIZE_MAX};
	struct reader *r = calloc(1, sizeof *r);

	if (r && f->refuses_urls)
		r->mime = malloc(sizeof *r->mime);
	if (!r || (f->refuses_urls && !r->mime)) {
		free(r);
		return NULL;
	}
	r->filter = f;
	r->carriers = carriers;
	r->facts = facts;
	header_init(&r->header, &header_limits, &header_sink, r);
	if (r->mime)
		mime_init(r->mime, &limits, &mime_sink, r);
	return r;
}

void reader_skip_author(struct reader *r)
{
	r->skips_author = true;
}

void reader_free(struct reader *r)
{
	if (!r)
		return;
	header_fini(&r->header);
	if (r->mime)
		mime_fini(r->mime);
	free(r->mime);
	free(r);
}

int reader_feed(struct reader *r, const uint8_t *in, size_t n)
{
	size_t used;
	int err = r->is_body ? 0 : header_feed(&r->header, in, n, &used);

	if (!err && r->mime && !r->facts->has_url)
		err = mime_feed(r->mime, in, n);
	return err;
}

int reader_finish(struct reader *r)
{
	int err = r->is_body ? 0 : header_finish(&r->header);

	if (!err && r->mime && !r->facts->has_url) {
		err = mime_finish(r->mime);
		r->facts->has_url |= r->mime->is_over;
	}
	return err;
}
