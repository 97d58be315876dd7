#include "smtpgw/relay/notices.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/log.h"
#include "smtpgw/submission/lane.h"

#define ID_MAX 400

static const struct {
	enum relay_notice notice;
	enum dsn_action action;
	char letter; /* in the Message-ID */
} kinds[] = {
	{RELAY_NOTICE_FAILED, DSN_FAILED, 'f'},
	{RELAY_NOTICE_DELAYED, DSN_DELAYED, 'd'},
	{RELAY_NOTICE_DELIVERED, DSN_DELIVERED, 's'},
	{RELAY_NOTICE_RELAYED, DSN_RELAYED, 'r'},
};
#define KINDS (sizeof kinds / sizeof *kinds)

struct making {
	const struct notices_settings *with;
	const struct job *job;
	const struct notice_about *about;
	int64_t now_us;
	struct notices *out;
};

/* ---- where it goes ---- */

static int find_way(const struct notices_settings *s, const struct job *j, struct notices *out)
{
	struct mailaddr to;
	int err = mailaddr_parse(j->reverse_path, strlen(j->reverse_path), MAILADDR_UTF8, &to);

	if (!err)
		err = lane_of(s->ours, &to, out->lane);
	if (err)
		return err;
	mailaddr_format(&to, out->address);
	mailaddr_folded(&to, out->canonical);
	out->to = (struct queue_recipient_new){.address = out->address,
					       .canonical = out->canonical,
					       .lane = out->lane,
					       .notify = SMTP_NOTIFY_NEVER,
					       .orcpt = ""};
	return 0;
}

bool notices_can_go(const struct notices_settings *settings, const struct job *j)
{
	struct notices scratch;

	return *j->reverse_path && find_way(settings, j, &scratch) == 0;
}

/* ---- one notice ---- */

static struct dsn_recipient tell_of(const struct making *m, size_t i)
{
	const struct job *j = m->job;
	const struct relay_answer *a = &j->recipients[i].answer;

	return (struct dsn_recipient){
		.address = j->rows[i].address,
		.orcpt = j->rows[i].orcpt,
		.status = m->about[i].is_expired ? "4.4.7" : relay_enhanced(a),
		.code = a->code,
		.enhanced = relay_enhanced(a),
		.text = a->text,
		.remote = j->remote,
		.attempt_s = m->now_us / CLOCK_S,
		.retry_until = (j->received_us + m->with->give_up_us) / CLOCK_S};
}

static bool returns_all(const struct making *m, enum dsn_action action)
{
	const struct client_mail *e = &m->job->envelope;

	return action == DSN_FAILED && e->ret == SMTP_RET_FULL && e->size <= m->with->full_max &&
	       e->size == m->job->piece_n;
}

static int write_one(const struct making *m, size_t kind, const char *id,
		     const struct dsn_recipient *recipients, size_t n, struct dsn_letter *letter)
{
	const struct job *j = m->job;
	const struct dsn d = {.action = kinds[kind].action,
			      .hostname = m->with->hostname,
			      .to = m->out->address,
			      .message_id = id,
			      .envid = j->envid,
			      .arrival_s = j->received_us / CLOCK_S,
			      .now_s = m->now_us / CLOCK_S,
			      .is_utf8 = j->is_utf8,
			      .original = j->piece,
			      .original_len = j->piece_n,
			      .returns_all = returns_all(m, kinds[kind].action),
			      .return_max = m->with->header_max,
			      .recipients = recipients,
			      .count = n};

	return dsn_write(&d, letter);
}

/* About these recipients of the job. */
static int make_one(const struct making *m, size_t kind, const size_t *which, size_t n)
{
	const struct job *j = m->job;
	struct notices *out = m->out;
	struct dsn_letter *letter = &out->letters[out->count];
	struct dsn_recipient recipients[NOTICE_RECIPIENTS];
	char text[ID_MAX], *id = text;

	for (size_t i = 0; i < n; i++)
		recipients[i] = tell_of(m, which[i]);
	snprintf(text, sizeof text, "%" PRId64 ".%" PRIu32 ".%c.%" PRIx64 "@%s", j->mail,
		 j->rows[which[0]].id, kinds[kind].letter, (uint64_t)j->received_us,
		 m->with->hostname);
	int err = write_one(m, kind, id, recipients, n, letter);
	if (err)
		return err;
	out->mails[out->count++] = (struct queue_new){.reverse_path = "",
						      .envid = "",
						      .is_utf8 = letter->is_utf8,
						      .is_8bit = letter->is_8bit,
						      .octets = letter->octets,
						      .size = letter->size,
						      .received_us = m->now_us,
						      .recipients = &out->to,
						      .recipient_count = 1};
	log_event(LOG_INFO, "relay-notice", LOG_INT("mail", j->mail),
		  LOG_TEXT("to", out->canonical),
		  LOG_TEXT("action", dsn_action_word(kinds[kind].action)), LOG_INT("recipients", n),
		  LOG_TEXT("id", id), LOG_END);
	return 0;
}

static int make_kind(const struct making *m, size_t kind)
{
	size_t which[NOTICE_RECIPIENTS], n = 0;
	int err = 0;

	for (size_t i = 0; !err && i < m->job->count; i++) {
		if (m->about[i].notice != kinds[kind].notice)
			continue;
		which[n++] = i;
		if (n < NOTICE_RECIPIENTS)
			continue;
		err = make_one(m, kind, which, n);
		n = 0;
	}
	return err || n == 0 ? err : make_one(m, kind, which, n);
}

/* ---- all of them ---- */

int notices_make(const struct notices_settings *settings, const struct job *j,
		 const struct notice_about *about, int64_t now_us, struct notices *out)
{
	const struct making m = {settings, j, about, now_us, out};
	size_t most = j->count / NOTICE_RECIPIENTS + KINDS;
	int err = 0;

	*out = (struct notices){0};
	if (*j->reverse_path)
		err = find_way(settings, j, out);
	if (err || !*j->reverse_path)
		return err;
	out->mails = calloc(most, sizeof *out->mails);
	out->letters = calloc(most, sizeof *out->letters);
	if (!out->mails || !out->letters)
		err = E_NOMEM;
	for (size_t kind = 0; !err && kind < KINDS; kind++)
		err = make_kind(&m, kind);
	if (err)
		notices_free(out);
	return err;
}

void notices_free(struct notices *n)
{
	for (size_t i = 0; n->letters && i < n->count; i++)
		free(n->letters[i].octets);
	free(n->letters);
	free(n->mails);
	*n = (struct notices){0};
}
