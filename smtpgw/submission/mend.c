#include "smtpgw/submission/mend.h"

#include <stdio.h>
#include <string.h>

#include "db/identity.h"
#include "lib/wire/smtp/address_list.h"
#include "lib/wire/smtp/received.h"

#define FIELD_MAX (MAILADDR_TEXT_MAX + 32)

enum what {
	WHAT_PASS,
	WHAT_DROP,
	WHAT_AUTHOR, /* addresses that must be his own */
	WHAT_NOTE    /* passes; need not be added */
};

enum seen {
	SEEN_FROM = 1 << 0,
	SEEN_SENDER = 1 << 1,
	SEEN_DATE = 1 << 2,
	SEEN_MESSAGE_ID = 1 << 3
};

/* What is done with which field; `seen` of those that there may be one of. */
static const struct rule {
	const char *name;
	enum what what;
	unsigned seen;
} field_rules[] = {
	{"From", WHAT_AUTHOR, SEEN_FROM},
	{"Sender", WHAT_AUTHOR, SEEN_SENDER},
	{"Resent-From", WHAT_AUTHOR, 0},
	{"Resent-Sender", WHAT_AUTHOR, 0},
	{"Bcc", WHAT_DROP, 0},
	{"Resent-Bcc", WHAT_DROP, 0},
	{"Authentication-Results", WHAT_DROP, 0},
	{"Return-Path", WHAT_DROP, 0},
	{"Date", WHAT_NOTE, SEEN_DATE},
	{"Message-ID", WHAT_NOTE, SEEN_MESSAGE_ID},
};

static const struct rule *rule_of(const struct header_field *f)
{
	static const struct rule pass = {"", WHAT_PASS, 0};

	for (size_t i = 0; i < sizeof field_rules / sizeof field_rules[0]; i++)
		if (header_is(f, field_rules[i].name))
			return &field_rules[i];
	return &pass;
}

/* ---- writing ---- */

static void fail(struct mend *m, enum mend_verdict v)
{
	if (m->verdict == MEND_GOOD)
		m->verdict = v;
}

static void put(struct mend *m, const char *octets, size_t n)
{
	if (m->verdict == MEND_GOOD && n > 0)
		m->sink(m->arg, (const uint8_t *)octets, n);
}

static void put_address(struct mend *m, const char *name, size_t name_len)
{
	char field[FIELD_MAX], text[MAILADDR_TEXT_MAX + 1];
	int n = snprintf(field, sizeof field, "%.*s: <%s>\r\n", (int)name_len, name,
			 mailaddr_format(m->rules->own, text));

	put(m, field, (size_t)n);
}

static void put_date(struct mend *m)
{
	char field[FIELD_MAX], date[RFC5322_DATE_MAX + 1];

	if (rfc5322_date_format(m->rules->now_s, date) != 0)
		return;
	int n = snprintf(field, sizeof field, "Date: %s\r\n", date);
	put(m, field, (size_t)n);
}

static void put_message_id(struct mend *m)
{
	char field[RECEIVED_NAME_MAX + FIELD_MAX];
	int n = snprintf(field, sizeof field, "Message-ID: <%.*s@%.*s>\r\n", RECEIVED_NAME_MAX / 2,
			 m->rules->id, RECEIVED_NAME_MAX, m->rules->hostname);

	put(m, field, (size_t)n);
}

/* ---- fields ---- */

/* Somebody is named, and only the subscriber. */
static bool is_own(const struct mend *m, const struct header_field *f)
{
	struct address_list l;
	struct address_item item;
	size_t mailboxes = 0;

	address_list_init(&l, f->value, f->value_len, 0);
	while (address_list_next(&l, &item)) {
		if (item.kind != ADDRESS_MAILBOX || !identity_owns(m->rules->owner, &item.address))
			return false;
		mailboxes++;
	}
	return mailboxes > 0;
}

static void mend_author(struct mend *m, const struct header_field *f, const struct rule *rule)
{
	bool is_second = m->seen & rule->seen;

	m->seen |= rule->seen;
	if (f->is_cut && !m->rules->rewrites) {
		fail(m, MEND_TOO_LARGE);
	} else if (!is_second && !f->is_cut && is_own(m, f)) {
		put(m, f->raw, f->raw_len);
	} else if (!m->rules->rewrites) {
		fail(m, MEND_FOREIGN);
	} else {
		m->drops = true;
		if (!is_second)
			put_address(m, f->name, f->name_len);
	}
}

static void on_field(void *arg, const struct header_field *f)
{
	struct mend *m = arg;
	const struct rule *rule = rule_of(f);

	m->drops = rule->what == WHAT_DROP;
	if (f->name_len == 0) {
		fail(m, MEND_NO_FIELD);
	} else if (rule->what == WHAT_AUTHOR) {
		mend_author(m, f, rule);
	} else if (!m->drops) {
		m->seen |= rule->seen;
		put(m, f->raw, f->raw_len);
	}
}

static void on_more(void *arg, const char *octets, size_t n)
{
	struct mend *m = arg;

	if (!m->drops)
		put(m, octets, n);
}

static void on_end(void *arg, enum header_end how)
{
	struct mend *m = arg;

	if (how == HEADER_OVER)
		fail(m, MEND_TOO_LARGE);
	if (!(m->seen & SEEN_FROM))
		put_address(m, "From", strlen("From"));
	if (!(m->seen & SEEN_DATE))
		put_date(m);
	if (!(m->seen & SEEN_MESSAGE_ID))
		put_message_id(m);
	if (how == HEADER_EMPTY_LINE)
		put(m, "\r\n", 2);
}

static const struct header_sink header_sink = {on_field, on_more, on_end};

/* ---- the mail ---- */

void mend_begin(struct mend *m, const struct mend_rules *rules, smtp_sink sink, void *arg)
{
	*m = (struct mend){.rules = rules, .sink = sink, .arg = arg};
	header_init(&m->header, &rules->limits, &header_sink, m);
}

void mend_octets(struct mend *m, const uint8_t *in, size_t n)
{
	size_t used = 0;

	if (!m->header.has_ended && header_feed(&m->header, in, n, &used) != 0)
		fail(m, MEND_NO_MEMORY);
	put(m, (const char *)in + used, n - used);
}

enum mend_verdict mend_finish(struct mend *m)
{
	if (header_finish(&m->header) != 0)
		fail(m, MEND_NO_MEMORY);
	return m->verdict;
}

void mend_end(struct mend *m)
{
	header_fini(&m->header);
	*m = (struct mend){0};
}

/* Provisioned addresses are kept dequoted; the domain has no @. */
void mend_own_address(const struct subscriber *owner, size_t n, struct mailaddr *out)
{
	const char *text = owner->addresses[n].shown, *at = strrchr(text, '@');

	*out = (struct mailaddr){0};
	if (!at || at - text > MAILADDR_LOCAL_MAX)
		return;
	memcpy(out->local, text, (size_t)(at - text));
	snprintf(out->domain, sizeof out->domain, "%s", at + 1);
	for (const char *p = text; *p; p++)
		out->is_utf8 |= (unsigned char)*p >> 7;
}
