/* A notice, part by part. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/base64.h"
#include "lib/wire/smtp/dsn_words.h"
#include "lib/wire/smtp/header.h"
#include "lib/wire/smtp/received.h"
#include "lib/wire/utf8.h"

#define FOLD_AT      76
#define BOUNDARY_MAX 48
#define FIELD_MAX    2000
#define ID_MAX       400 /* a Message-ID that is longer is not repeated */

struct writer {
	const struct dsn *d;
	FILE *f;
	bool is_utf8;    /* something is not ASCII, and may be so */
	size_t returned; /* octets of the original that go back */
	bool returned_is_8bit;
	char boundary[BOUNDARY_MAX];
	char original_id[ID_MAX + 1]; /* with its brackets; "" none */
	char date[RFC5322_DATE_MAX + 1], arrival[RFC5322_DATE_MAX + 1];
};

static bool is_ascii(const void *octets, size_t n)
{
	const unsigned char *at = octets;

	for (size_t i = 0; i < n; i++)
		if (at[i] > 0x7f)
			return false;
	return true;
}

static bool is_ascii_text(const char *text)
{
	return is_ascii(text, strlen(text));
}

/* ---- what is returned ---- */

static size_t header_len(const uint8_t *octets, size_t n)
{
	if (n >= 2 && memcmp(octets, "\r\n", 2) == 0)
		return 0;
	const uint8_t *end = memmem(octets, n, "\r\n\r\n", 4);
	return end ? (size_t)(end - octets) + 2 : n;
}

/* Whole fields of the header, at most so many octets. */
static size_t whole_fields(const uint8_t *octets, size_t header, size_t most)
{
	size_t good = 0, at = 0;

	while (at < header) {
		const uint8_t *lf = memchr(octets + at, '\n', header - at);
		at = lf ? (size_t)(lf - octets) + 1 : header;
		if (at > most)
			break;
		if (at == header || (octets[at] != ' ' && octets[at] != '\t'))
			good = at;
	}
	return good;
}

static void look_for_id(void *arg, const struct header_field *field)
{
	struct writer *w = arg;
	const char *id = field->value;
	size_t n = field->value_len;

	if (*w->original_id || field->is_cut || !header_is(field, "Message-ID"))
		return;
	if (n < 3 || n > ID_MAX || id[0] != '<' || id[n - 1] != '>' || memchr(id, ' ', n) ||
	    !utf8_is_printable(id, n, w->is_utf8))
		return;
	memcpy(w->original_id, id, n);
	w->original_id[n] = '\0';
}

static void header_ends(void *arg, enum header_end how)
{
	(void)arg;
	(void)how;
}

static int find_id(struct writer *w, size_t header)
{
	static const struct header_sink sink = {.field = look_for_id, .end = header_ends};
	const struct header_limits limits = {
		.field_max = FIELD_MAX, .octets_max = header, .fields_max = header};
	struct header h;
	size_t used;

	header_init(&h, &limits, &sink, w);
	int err = header_feed(&h, w->d->original, header, &used);
	if (!err)
		err = header_finish(&h);
	header_fini(&h);
	return err;
}

static bool has_non_ascii(const struct dsn *d)
{
	if (!is_ascii_text(d->to))
		return true;
	for (size_t i = 0; i < d->count; i++) {
		const struct dsn_recipient *r = &d->recipients[i];
		if (!is_ascii_text(r->address) || !is_ascii_text(r->orcpt))
			return true;
	}
	return false;
}

/* Not in what is returned: so no line of it can end the part. */
static void choose_boundary(struct writer *w)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (const char *at = w->d->message_id; *at; at++)
		hash = (hash ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
	do
		snprintf(w->boundary, sizeof w->boundary, "=_hato_%016" PRIx64, hash++);
	while (memmem(w->d->original, w->returned, w->boundary, strlen(w->boundary)));
}

static int look_at_original(struct writer *w)
{
	const struct dsn *d = w->d;
	size_t header = header_len(d->original, d->original_len);
	bool is_ascii_header = is_ascii(d->original, header);

	w->is_utf8 = d->is_utf8 && (has_non_ascii(d) || !is_ascii_header);
	w->returned =
		d->returns_all ? d->original_len : whole_fields(d->original, header, d->return_max);
	w->returned_is_8bit = !is_ascii(d->original, w->returned);
	choose_boundary(w);
	return find_id(w, header);
}

/* ---- words ---- */

static void put(struct writer *w, const char *text)
{
	fputs(text, w->f);
}

/* Text from outside: as it is, but for what could do harm. */
static void put_harmless(struct writer *w, const char *text, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t len = utf8_char_len(text + i, n - i);
		bool is_good = len == 1 || (len > 1 && w->is_utf8);
		if (is_good)
			fwrite(text + i, 1, len, w->f);
		else
			fputc('?', w->f);
		i += len ? len : 1;
	}
}

static void put_text(struct writer *w, const char *text)
{
	put_harmless(w, text, strlen(text));
}

/* Words, folded: each further line begins with a blank. `column`: what the line has already. */
static void put_folded(struct writer *w, size_t column, const char *text)
{
	while (*text) {
		size_t blanks = strspn(text, " ");
		size_t n = strcspn(text + blanks, " ");
		if (n > 0 && blanks > 0 && column + blanks + n > FOLD_AT) {
			put(w, "\r\n");
			column = 0;
		}
		put_harmless(w, text, blanks + n);
		column += blanks + n;
		text += blanks + n;
	}
	put(w, "\r\n");
}

static void put_lines(struct writer *w, const char *text)
{
	for (; *text; text++) {
		if (*text == '\n')
			put(w, "\r\n");
		else
			fputc(*text, w->f);
	}
	put(w, "\r\n");
}

static const char *japanese(const struct writer *w, enum dsn_word word)
{
	return w->is_utf8 ? dsn_words[word].utf8 : dsn_words[word].jis;
}

/* ---- the header ---- */

static void write_subject(struct writer *w)
{
	enum dsn_word subject = dsn_subject(w->d->action);
	char coded[BASE64_TEXT_MAX(128)];
	const char *jis = dsn_words[subject].jis;

	base64_encode(BASE64_STD, jis, strlen(jis), coded);
	fprintf(w->f, "Subject: %s\r\n =?ISO-2022-JP?B?%s?=\r\n", dsn_words[subject].english,
		coded);
}

static void write_header(struct writer *w)
{
	const struct dsn *d = w->d;

	fprintf(w->f, "From: Mail Delivery System <MAILER-DAEMON@%s>\r\nTo: <", d->hostname);
	put_text(w, d->to);
	put(w, ">\r\n");
	write_subject(w);
	fprintf(w->f, "Date: %s\r\nMessage-ID: <%s>\r\n", w->date, d->message_id);
	if (*w->original_id)
		fprintf(w->f, "In-Reply-To: %s\r\nReferences: %s\r\n", w->original_id,
			w->original_id);
	put(w, "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n");
	fprintf(w->f,
		"Content-Type: multipart/report; report-type=delivery-status;\r\n"
		"\tboundary=\"%s\"\r\n",
		w->boundary);
	if (w->is_utf8 || w->returned_is_8bit)
		put(w, "Content-Transfer-Encoding: 8bit\r\n");
	put(w, "\r\n");
}

static void begin_part(struct writer *w, const char *type, bool is_8bit)
{
	fprintf(w->f, "\r\n--%s\r\nContent-Type: %s\r\n", w->boundary, type);
	if (is_8bit)
		put(w, "Content-Transfer-Encoding: 8bit\r\n");
	put(w, "\r\n");
}

/* ---- for people ---- */

typedef const char *say(const struct writer *w, enum dsn_word word);

static const char *english(const struct writer *w, enum dsn_word word)
{
	(void)w;
	return dsn_words[word].english;
}

static void write_answer(struct writer *w, const struct dsn_recipient *r, say *in)
{
	fprintf(w->f, "  %s\r\n    ", in(w, DSN_WORD_LABEL_ANSWER));
	if (*r->remote) {
		put_text(w, r->remote);
		put(w, ":\r\n    ");
	}
	fprintf(w->f, "%d %s ", r->code, r->enhanced);
	put_text(w, r->text);
	put(w, "\r\n");
}

static void write_person(struct writer *w, const struct dsn_recipient *r, say *in)
{
	char date[RFC5322_DATE_MAX + 1];

	put(w, "\r\n<");
	put_text(w, r->address);
	put(w, ">\r\n");
	if (w->d->action == DSN_FAILED || w->d->action == DSN_DELAYED) {
		fprintf(w->f, "  %s %s\r\n", in(w, DSN_WORD_LABEL_REASON),
			in(w, dsn_reason(r->enhanced)));
		if (r->code)
			write_answer(w, r, in);
	}
	if (w->d->action == DSN_DELAYED && rfc5322_date_format(r->retry_until, date) == 0)
		fprintf(w->f, "  %s %s\r\n", in(w, DSN_WORD_LABEL_UNTIL), date);
}

static void write_to_people(struct writer *w, say *in)
{
	put_lines(w, in(w, dsn_lead(w->d->action)));
	fprintf(w->f, "%s %s\r\n", in(w, DSN_WORD_LABEL_SENT), w->arrival);
	for (size_t i = 0; i < w->d->count; i++)
		write_person(w, &w->d->recipients[i], in);
	fprintf(w->f, "\r\n%s %s\r\n", in(w, DSN_WORD_SIGNED), w->d->hostname);
}

static void write_human_part(struct writer *w)
{
	begin_part(w, w->is_utf8 ? "text/plain; charset=UTF-8" : "text/plain; charset=ISO-2022-JP",
		   w->is_utf8);
	write_to_people(w, japanese);
	put(w, "\r\n----\r\n\r\n");
	write_to_people(w, english);
}

/* ---- for programs ---- */

static void write_date(struct writer *w, const char *name, int64_t time_s)
{
	char date[RFC5322_DATE_MAX + 1];

	if (time_s && rfc5322_date_format(time_s, date) == 0)
		fprintf(w->f, "%s: %s\r\n", name, date);
}

/* "host.name [192.0.2.1]": the name. */
static void write_remote(struct writer *w, const struct dsn_recipient *r)
{
	if (!r->code || !*r->remote)
		return;
	put(w, "Remote-MTA: dns; ");
	put_harmless(w, r->remote, strcspn(r->remote, " "));
	put(w, "\r\n");
}

static void write_diagnostic(struct writer *w, const struct dsn_recipient *r)
{
	char what[64];

	if (!r->code && !*r->text)
		return;
	if (r->code)
		snprintf(what, sizeof what, "Diagnostic-Code: smtp; %d %s ", r->code, r->enhanced);
	else
		snprintf(what, sizeof what, "Diagnostic-Code: x-hato; ");
	put(w, what);
	put_folded(w, strlen(what), r->text);
}

static void write_recipient(struct writer *w, const struct dsn_recipient *r)
{
	put(w, "\r\n");
	if (*r->orcpt) {
		size_t type = strcspn(r->orcpt, ";");
		put(w, "Original-Recipient: ");
		put_harmless(w, r->orcpt, type);
		put(w, "; ");
		put_text(w, r->orcpt + type + (r->orcpt[type] == ';'));
		put(w, "\r\n");
	}
	fprintf(w->f, "Final-Recipient: %s; ", is_ascii_text(r->address) ? "rfc822" : "utf-8");
	put_text(w, r->address);
	fprintf(w->f, "\r\nAction: %s\r\nStatus: %s\r\n", dsn_action_word(w->d->action), r->status);
	write_remote(w, r);
	write_diagnostic(w, r);
	write_date(w, "Last-Attempt-Date", r->attempt_s);
	if (w->d->action == DSN_DELAYED)
		write_date(w, "Will-Retry-Until", r->retry_until);
}

static void write_status_part(struct writer *w)
{
	const struct dsn *d = w->d;

	begin_part(w, w->is_utf8 ? "message/global-delivery-status" : "message/delivery-status",
		   w->is_utf8);
	fprintf(w->f, "Reporting-MTA: dns; %s\r\n", d->hostname);
	if (*d->envid) {
		put(w, "Original-Envelope-Id: ");
		put_text(w, d->envid);
		put(w, "\r\n");
	}
	fprintf(w->f, "Arrival-Date: %s\r\n", w->arrival);
	for (size_t i = 0; i < d->count; i++)
		write_recipient(w, &d->recipients[i]);
}

/* ---- the mail ---- */

static void write_original_part(struct writer *w)
{
	static const char *const types[2][2] = {
		{"text/rfc822-headers", "message/rfc822"},
		{"message/global-headers", "message/global"},
	};

	begin_part(w, types[w->is_utf8][w->d->returns_all], w->returned_is_8bit);
	fwrite(w->d->original, 1, w->returned, w->f);
	fprintf(w->f, "\r\n--%s--\r\n", w->boundary);
}

int dsn_write(const struct dsn *d, struct dsn_letter *out)
{
	struct writer w = {.d = d};
	char *octets = NULL;
	size_t size = 0;
	int err = rfc5322_date_format(d->now_s, w.date);

	if (!err)
		err = rfc5322_date_format(d->arrival_s, w.arrival);
	if (!err)
		err = look_at_original(&w);
	if (err)
		return err;
	w.f = open_memstream(&octets, &size);
	if (!w.f)
		return E_NOMEM;
	write_header(&w);
	write_human_part(&w);
	write_status_part(&w);
	write_original_part(&w);
	if (fclose(w.f) != 0 || !octets) {
		free(octets);
		return E_NOMEM;
	}
	*out = (struct dsn_letter){.octets = (uint8_t *)octets,
				   .size = size,
				   .is_8bit = w.is_utf8 || w.returned_is_8bit,
				   .is_utf8 = w.is_utf8};
	return 0;
}
