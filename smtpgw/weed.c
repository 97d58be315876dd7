#include "smtpgw/weed.h"

#include "lib/wire/smtp/authres.h"

static void give(struct weed *f, const char *octets, size_t n)
{
	if (n > 0)
		f->sink(f->arg, (const uint8_t *)octets, n);
}

static bool is_forged_result(const struct weed *f, const struct header_field *field)
{
	return f->id && header_is(field, AUTHRES_FIELD) &&
	       (field->is_cut || authres_is_ours(field->value, field->value_len, f->id));
}

/* RFC 8098, and what was used before it. */
static bool is_receipt_request(const struct weed *f, const struct header_field *field)
{
	return f->takes_receipts &&
	       (header_is(field, "Disposition-Notification-To") ||
		header_is(field, "Disposition-Notification-Options") ||
		header_is(field, "Return-Receipt-To") || header_is(field, "X-Confirm-Reading-To"));
}

static void on_field(void *arg, const struct header_field *field)
{
	struct weed *f = arg;

	f->is_dropping = is_forged_result(f, field) || is_receipt_request(f, field);
	f->removed += f->is_dropping;
	if (!f->is_dropping)
		give(f, field->raw, field->raw_len);
}

static void on_more(void *arg, const char *octets, size_t n)
{
	struct weed *f = arg;

	if (!f->is_dropping)
		give(f, octets, n);
}

static void on_end(void *arg, enum header_end how)
{
	struct weed *f = arg;

	f->is_body = true;
	if (how == HEADER_EMPTY_LINE)
		give(f, "\r\n", 2);
}

static const struct header_sink header_sink = {on_field, on_more, on_end};

void weed_init(struct weed *f, const char *id, size_t held, smtp_sink sink, void *arg)
{
	const struct header_limits limits = {held, SIZE_MAX, SIZE_MAX};

	*f = (struct weed){.id = id, .sink = sink, .arg = arg};
	header_init(&f->header, &limits, &header_sink, f);
}

void weed_fini(struct weed *f)
{
	header_fini(&f->header);
}

static bool is_looking(const struct weed *f)
{
	return !f->is_body && (f->id || f->takes_receipts);
}

int weed_feed(struct weed *f, const uint8_t *in, size_t n)
{
	size_t used = 0;

	if (is_looking(f)) {
		int err = header_feed(&f->header, in, n, &used);
		if (err)
			return err;
	}
	if (used < n)
		f->sink(f->arg, in + used, n - used);
	return 0;
}

int weed_finish(struct weed *f)
{
	return is_looking(f) ? header_finish(&f->header) : 0;
}
