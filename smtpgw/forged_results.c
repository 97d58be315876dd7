#include "smtpgw/forged_results.h"

#include "lib/wire/smtp/authres.h"

static void give(struct forged_results *f, const char *octets, size_t n)
{
	if (n > 0)
		f->sink(f->arg, (const uint8_t *)octets, n);
}

static void on_field(void *arg, const struct header_field *field)
{
	struct forged_results *f = arg;

	f->is_dropping = header_is(field, AUTHRES_FIELD) &&
			 (field->is_cut || authres_is_ours(field->value, field->value_len, f->id));
	f->removed += f->is_dropping;
	if (!f->is_dropping)
		give(f, field->raw, field->raw_len);
}

static void on_more(void *arg, const char *octets, size_t n)
{
	struct forged_results *f = arg;

	if (!f->is_dropping)
		give(f, octets, n);
}

static void on_end(void *arg, enum header_end how)
{
	struct forged_results *f = arg;

	f->is_body = true;
	if (how == HEADER_EMPTY_LINE)
		give(f, "\r\n", 2);
}

static const struct header_sink header_sink = {on_field, on_more, on_end};

void forged_results_init(struct forged_results *f, const char *id, size_t held, smtp_sink sink,
			 void *arg)
{
	const struct header_limits limits = {held, SIZE_MAX, SIZE_MAX};

	*f = (struct forged_results){.id = id, .sink = sink, .arg = arg};
	header_init(&f->header, &limits, &header_sink, f);
}

void forged_results_fini(struct forged_results *f)
{
	header_fini(&f->header);
}

int forged_results_feed(struct forged_results *f, const uint8_t *in, size_t n)
{
	size_t used = 0;

	if (!f->is_body && f->id) {
		int err = header_feed(&f->header, in, n, &used);
		if (err)
			return err;
	}
	if (used < n)
		f->sink(f->arg, in + used, n - used);
	return 0;
}

int forged_results_finish(struct forged_results *f)
{
	return f->is_body || !f->id ? 0 : header_finish(&f->header);
}
