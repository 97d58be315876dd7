#include "smtpgw/relay/job.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

static int copy(const char *text, char **out)
{
	*out = strdup(text);
	return *out ? 0 : E_NOMEM;
}

static int copy_recipient(const struct queue_recipient *from, struct job_recipient *row,
			  struct client_recipient *to)
{
	row->id = from->id;
	row->attempts = from->attempts;
	row->is_warned = from->is_warned;
	to->notify = from->notify;
	int err = copy(from->address, &row->address);
	if (!err)
		err = copy(from->canonical, &row->canonical);
	if (!err)
		err = copy(from->orcpt, &row->orcpt);
	to->address = row->address;
	to->orcpt = row->orcpt;
	return err;
}

static int copy_all(const struct queue_job *from, struct job *j)
{
	int err = copy(from->reverse_path, &j->reverse_path);

	if (!err)
		err = copy(from->envid, &j->envid);
	j->recipients = calloc(from->recipient_count, sizeof *j->recipients);
	j->rows = calloc(from->recipient_count, sizeof *j->rows);
	if (!j->recipients || !j->rows)
		return E_NOMEM;
	for (size_t i = 0; !err && i < from->recipient_count; i++, j->count++)
		err = copy_recipient(&from->recipients[i], &j->rows[i], &j->recipients[i]);
	return err;
}

int job_new(const struct queue_job *from, struct job **out)
{
	struct job *j = calloc(1, sizeof *j);

	if (!j)
		return E_NOMEM;
	j->mail = from->mail;
	j->sender = from->sender;
	j->received_us = from->received_us;
	j->is_utf8 = from->is_utf8;
	int err = copy_all(from, j);
	if (err) {
		job_free(j);
		return err;
	}
	j->envelope = (struct client_mail){.reverse_path = j->reverse_path,
					   .envid = j->envid,
					   .ret = from->ret,
					   .size = from->size,
					   .is_8bit = from->is_8bit,
					   .recipients = j->recipients,
					   .count = j->count};
	*out = j;
	return 0;
}

void job_free(struct job *j)
{
	if (!j)
		return;
	for (size_t i = 0; j->rows && i < j->count; i++) {
		free(j->rows[i].address);
		free(j->rows[i].canonical);
		free(j->rows[i].orcpt);
	}
	free(j->rows);
	free(j->recipients);
	free(j->reverse_path);
	free(j->envid);
	free(j->piece);
	free(j);
}

/* ---- the header ---- */

static bool is_ascii(const void *octets, size_t n)
{
	const unsigned char *at = octets;

	for (size_t i = 0; i < n; i++)
		if (at[i] > 0x7f)
			return false;
	return true;
}

static size_t header_len(const uint8_t *octets, size_t n)
{
	const uint8_t *end = memmem(octets, n, "\r\n\r\n", 4);

	return end ? (size_t)(end - octets) + 4 : n;
}

/* Whoever sent it may have said SMTPUTF8 and not used it. */
static bool needs_utf8(const struct job *j, size_t header)
{
	if (!is_ascii(j->reverse_path, strlen(j->reverse_path)) || !is_ascii(j->piece, header))
		return true;
	for (size_t i = 0; i < j->count; i++)
		if (!is_ascii(j->rows[i].address, strlen(j->rows[i].address)))
			return true;
	return false;
}

int job_look(struct job *j, const uint8_t *octets, size_t n)
{
	struct smtp_content content;
	size_t header = header_len(octets, n);

	j->piece = malloc(n + 1);
	if (!j->piece)
		return E_NOMEM;
	memcpy(j->piece, octets, n);
	j->piece_n = n;
	smtp_content_init(&content, UINT64_MAX);
	smtp_content_feed(&content, octets, header);
	j->received = content.received;
	j->envelope.needs_utf8 = j->is_utf8 && needs_utf8(j, header);
	return 0;
}

/* ---- answers ---- */

void job_answer_rest(struct job *j, const struct relay_answer *a)
{
	for (size_t i = 0; i < j->count; i++)
		if (j->recipients[i].answer.stage == RELAY_STAGE_NONE)
			j->recipients[i].answer = *a;
}

/* `"a..b"@docomo.ne.jp` was refused as no address of theirs: a..b@docomo.ne.jp, once. */
static bool becomes_raw(struct job_recipient *row, struct client_recipient *r)
{
	char raw[MAILADDR_TEXT_MAX + 1];
	struct mailaddr a;

	if (row->is_raw || r->answer.stage != RELAY_STAGE_RCPT ||
	    (r->answer.code != 501 && r->answer.code != 553) ||
	    mailaddr_parse(row->address, strlen(row->address), 0, &a) != 0 ||
	    !mailaddr_is_carrier(&a))
		return false;
	char *address = strdup(mailaddr_canonical(&a, raw));
	if (!address)
		return false;
	free(row->address);
	r->address = row->address = address;
	row->is_raw = true;
	return true;
}

static void swap(struct job *j, size_t a, size_t b)
{
	struct client_recipient r = j->recipients[a];
	struct job_recipient row = j->rows[a];

	j->recipients[a] = j->recipients[b];
	j->rows[a] = j->rows[b];
	j->recipients[b] = r;
	j->rows[b] = row;
}

bool job_again(struct job *j)
{
	size_t again = 0, first = j->count - j->envelope.count;

	for (size_t i = j->count; i > first; i--) {
		struct client_recipient *r = &j->recipients[i - 1];
		if (!r->is_again && !becomes_raw(&j->rows[i - 1], r))
			continue;
		again++;
		swap(j, i - 1, j->count - again);
	}
	j->envelope.recipients = j->recipients + j->count - again;
	j->envelope.count = again;
	j->offset = 0;
	return again > 0;
}
