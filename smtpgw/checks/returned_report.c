#include "smtpgw/checks/returned_report.h"

#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/smtp/dsn.h"
#include "lib/wire/smtp/header.h"
#include "lib/wire/smtp/reply.h"

const char *returned_verdict_word(enum returned_verdict verdict)
{
	static const char *const words[RETURNED_VERDICTS] = {"unsealed", "forged",  "foreign",
							     "expired",  "nothing", "dead"};

	return words[verdict];
}

struct reading {
	const struct returned_rules *rules;
	struct returned_report *out;
	struct sealed_mail mail; /* good from RETURNED_NOTHING on */
	size_t seals, recipients;
};

/* ---- the seal ---- */

static void try_seal(struct reading *r, const char *text)
{
	const struct returned_rules *rules = r->rules;
	struct returned_report *out = r->out;
	struct sealed_mail m;
	int err = return_seal_read(rules->seal, text, &m);
	enum returned_verdict verdict = RETURNED_NOTHING;

	if (err == E_SYNTAX)
		return; /* somebody else's ENVID */
	if (err)
		verdict = RETURNED_FORGED;
	else if (m.sender != rules->to)
		verdict = RETURNED_FOREIGN;
	else if (rules->now_s - m.received_s > rules->valid_s)
		verdict = RETURNED_EXPIRED;
	if (verdict <= out->verdict)
		return;
	out->verdict = verdict;
	out->mail = err ? 0 : m.mail;
	r->mail = m;
}

static void on_mail(void *arg, const struct dsn_of_mail *mail)
{
	try_seal(arg, mail->envid);
}

static void on_field(void *arg, const struct header_field *field)
{
	struct reading *r = arg;
	char text[RETURN_SEAL_MAX + 1];

	if (!header_is(field, RETURN_SEAL_FIELD) || field->value_len >= sizeof text ||
	    r->seals++ >= RETURNED_SEALS_MAX)
		return;
	memcpy(text, field->value, field->value_len);
	text[field->value_len] = '\0';
	try_seal(r, text);
}

static void on_message_id(void *arg, const char *id)
{
	(void)arg;
	(void)id;
}

/* ---- who is dead ---- */

static bool is_dead(const char *enhanced)
{
	struct relay_answer a = {.stage = RELAY_STAGE_RCPT, .code = 550};

	snprintf(a.enhanced, sizeof a.enhanced, "%s", enhanced);
	return relay_suppression(&a) == RELAY_SUPPRESS;
}

static void copy_visible(const char *from, char *to, size_t room)
{
	size_t n = 0;

	for (; *from && n + 1 < room; from++)
		to[n++] = (char)(*from >= ' ' && *from <= '~' ? *from : '?');
	to[n] = '\0';
}

/* "550 5.1.1 <x@y>: no such user", if it is one. */
static bool read_answer(const struct dsn_of_recipient *r, struct smtp_reply *reply)
{
	smtp_reply_init(reply);
	return strcmp(r->diagnostic.type, "smtp") == 0 &&
	       smtp_reply_line(reply, r->diagnostic.text, strlen(r->diagnostic.text)) == 0 &&
	       reply->code / 100 == 5;
}

/* Some say 5.0.0 of whatever another host said better (Exim). */
static bool read_reason(const struct dsn_of_recipient *r, struct returned_address *out)
{
	struct smtp_reply reply;
	bool is_answer = read_answer(r, &reply);
	bool is_vague = strcmp(r->status, "5.0.0") == 0 && is_answer;
	const char *enhanced = is_vague ? reply.enhanced : r->status;
	const struct dsn_value *text = &r->diagnostic;

	if (r->action != DSN_FAILED || strlen(enhanced) > SMTP_ENHANCED_MAX || !is_dead(enhanced))
		return false;
	snprintf(out->enhanced, sizeof out->enhanced, "%s", enhanced);
	out->code = is_answer ? reply.code : 550;
	copy_visible(is_answer ? reply.text : text->text, out->text, sizeof out->text);
	copy_visible(r->remote.text, out->remote, sizeof out->remote);
	return true;
}

static bool is_sealed(const struct sealed_mail *m, const struct dsn_value *who,
		      char canonical[MAILADDR_TEXT_MAX + 1])
{
	struct mailaddr a;

	return mailaddr_parse(who->text, strlen(who->text), MAILADDR_UTF8, &a) == 0 &&
	       sealed_mail_has(m, mailaddr_folded(&a, canonical));
}

static bool is_known(const struct returned_report *out, const char *canonical)
{
	for (size_t i = 0; i < out->count; i++)
		if (strcmp(out->dead[i].address, canonical) == 0)
			return true;
	return false;
}

/* The one that we sent to is the original one; hosts that forward tell of another one as final. */
static void on_recipient(void *arg, const struct dsn_of_recipient *recipient)
{
	struct reading *r = arg;
	struct returned_report *out = r->out;
	struct returned_address dead = {0};

	if (r->recipients++ >= r->rules->recipients_max || out->count == RETURN_SEAL_RECIPIENTS)
		return;
	if (!read_reason(recipient, &dead) ||
	    !(is_sealed(&r->mail, &recipient->original, dead.address) ||
	      is_sealed(&r->mail, &recipient->final, dead.address)) ||
	    is_known(out, dead.address))
		return;
	out->dead[out->count++] = dead;
	out->verdict = RETURNED_DEAD;
}

static void pass_mail(void *arg, const struct dsn_of_mail *mail)
{
	(void)arg;
	(void)mail;
}

static void pass_recipient(void *arg, const struct dsn_of_recipient *recipient)
{
	(void)arg;
	(void)recipient;
}

/* Twice: the seal may stand behind those whom it is about. */
int returned_report_read(const struct returned_rules *rules, const uint8_t *octets, size_t n,
			 struct returned_report *out)
{
	static const struct dsn_listener seals = {on_mail, pass_recipient, on_message_id, on_field};
	static const struct dsn_listener recipients = {pass_mail, on_recipient, on_message_id,
						       NULL};
	struct reading r = {.rules = rules, .out = out};

	memset(out, 0, sizeof *out);
	int err = dsn_read(octets, n, &seals, &r);
	if (!err && out->verdict == RETURNED_NOTHING)
		err = dsn_read(octets, n, &recipients, &r);
	return err == E_NOT_FOUND ? 0 : err;
}
