/* client_envelope -- a mail's commands as a row of steps: 0 RSET, 1 MAIL, 2... RCPT, then DATA
 *
 * `asked` is the next step to be said, `answered` the next one to be answered. A session without
 * BDAT has DATA among the steps; with it the content follows the last recipient's answer.
 */
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/smtp/xtext.h"
#include "smtpgw/relay/client_private.h"

enum { STEP_RSET, STEP_MAIL, STEP_RCPT };

static size_t step_data(const struct client *c)
{
	return STEP_RCPT + c->mail->count;
}

/* The first step that there is not. */
static size_t step_end(const struct client *c)
{
	return step_data(c) + !(c->offers & CLIENT_CHUNKING);
}

/* ---- what is said ---- */

static void say_mail(struct client *c)
{
	static const char *const rets[] = {[SMTP_RET_UNSAID] = "",
					   [SMTP_RET_FULL] = " RET=FULL",
					   [SMTP_RET_HDRS] = " RET=HDRS"};
	struct client_mail *m = c->mail;
	char size[32] = "", envid[3 * SMTP_ENVID_MAX + 8] = "";
	bool knows_dsn = c->offers & CLIENT_DSN;

	m->passes_dsn = knows_dsn;
	if (c->offers & CLIENT_SIZE)
		snprintf(size, sizeof size, " SIZE=%llu", (unsigned long long)(m->size + m->top));
	if (knows_dsn && *m->envid) {
		strcpy(envid, " ENVID=");
		if (xtext_encode(m->envid, envid + 7, sizeof envid - 7) != 0)
			*envid = '\0';
	}
	client_say(c, "MAIL FROM:<%s>%s%s%s%s%s\r\n", m->reverse_path, size,
		   m->is_8bit && c->offers & CLIENT_8BITMIME ? " BODY=8BITMIME" : "",
		   m->needs_utf8 ? " SMTPUTF8" : "", knows_dsn ? rets[m->ret] : "", envid);
}

static const char *notify_text(unsigned notify, char text[48])
{
	static const struct {
		unsigned flag;
		const char *word;
	} words[] = {{SMTP_NOTIFY_NEVER, "NEVER"},
		     {SMTP_NOTIFY_SUCCESS, "SUCCESS"},
		     {SMTP_NOTIFY_FAILURE, "FAILURE"},
		     {SMTP_NOTIFY_DELAY, "DELAY"}};

	*text = '\0';
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (notify & words[i].flag) {
			strcat(text, *text ? "," : " NOTIFY=");
			strcat(text, words[i].word);
		}
	return text;
}

/* "type;address": the type is an atom, the address xtext. One that does not fit is left out. */
static const char *orcpt_text(const char *orcpt, char *text, size_t size)
{
	const char *address = strchr(orcpt, ';');

	*text = '\0';
	if (!address)
		return text;
	address++;
	int n = snprintf(text, size, " ORCPT=%.*s", (int)(address - orcpt), orcpt);
	if (n < 0 || (size_t)n >= size || xtext_encode(address, text + n, size - (size_t)n) != 0)
		*text = '\0';
	return text;
}

static void say_rcpt(struct client *c, const struct client_recipient *r)
{
	char notify[48] = "", orcpt[SMTP_ORCPT_MAX * 2] = "";

	if (c->offers & CLIENT_DSN) {
		notify_text(r->notify, notify);
		orcpt_text(r->orcpt, orcpt, sizeof orcpt);
	}
	client_say(c, "RCPT TO:<%s>%s%s\r\n", r->address, notify, orcpt);
}

static void say_step(struct client *c, size_t step)
{
	if (step == STEP_RSET)
		client_say(c, "RSET\r\n");
	else if (step == STEP_MAIL)
		say_mail(c);
	else if (step < step_data(c))
		say_rcpt(c, &c->mail->recipients[step - STEP_RCPT]);
	else
		client_say(c, "DATA\r\n");
}

static void ask_more(struct client *c)
{
	while (c->asked < step_end(c) && (c->offers & CLIENT_PIPELINING || c->asked == c->answered))
		say_step(c, c->asked++);
}

/* ---- what is answered ---- */

static bool is_too_many(const struct smtp_reply *r)
{
	return (r->code == 452 || r->code == 552) &&
	       (!*r->enhanced || strcmp(r->enhanced + 1, ".5.3") == 0);
}

static void heard_mail(struct client *c)
{
	struct relay_answer a;

	if (c->reply.code / 100 == 2)
		return;
	c->is_refused = true;
	client_heard_at(c, RELAY_STAGE_MAIL, &a);
	client_answer_rest(c, &a);
}

static void heard_rcpt(struct client *c, struct client_recipient *r)
{
	if (c->is_refused)
		return;
	if (c->reply.code / 100 == 2) {
		c->accepted++;
		return;
	}
	r->is_again = c->accepted > 0 && is_too_many(&c->reply);
	client_heard_at(c, RELAY_STAGE_RCPT, &r->answer);
}

/* With nobody accepted the host should not have said 354: the mail ends with nothing in it, and
 * what becomes of that interests nobody (RFC 2920 3.1). */
static void heard_data(struct client *c)
{
	struct relay_answer a;

	if (c->reply.code / 100 == 3 && c->accepted > 0) {
		client_content_begin(c);
	} else if (c->reply.code / 100 == 3) {
		client_say(c, ".\r\n");
		c->state = CLIENT_FINAL;
	} else {
		client_heard_at(c, RELAY_STAGE_DATA, &a);
		client_answer_rest(c, &a);
		client_done(c);
	}
}

static void hear_421(struct client *c)
{
	struct relay_answer a;

	client_heard_at(c, RELAY_STAGE_MAIL, &a);
	client_answer_rest(c, &a);
	client_done(c);
}

/* No content will follow: everybody has an answer. */
static bool is_over(const struct client *c)
{
	return c->answered == c->asked && c->answered >= STEP_RCPT &&
	       (c->is_refused || (c->answered == step_data(c) && c->accepted == 0));
}

static void go_on(struct client *c)
{
	if (is_over(c))
		client_done(c);
	else if (c->answered == step_end(c))
		client_content_begin(c);
	else
		ask_more(c);
}

void client_envelope_heard(struct client *c)
{
	size_t step = c->answered++;
	int class = c->reply.code / 100;

	if (c->reply.code == 421) {
		hear_421(c);
		return;
	}
	if (step >= c->asked || (class == 3 && step != step_data(c)) ||
	    (class == 2 && step == step_data(c)) || (class != 2 && step == STEP_RSET)) {
		client_give_up(c, "4.5.0", "the other host answers what was not asked");
		return;
	}
	if (step == step_data(c)) {
		heard_data(c);
		return;
	}
	if (step == STEP_MAIL)
		heard_mail(c);
	else if (step != STEP_RSET)
		heard_rcpt(c, &c->mail->recipients[step - STEP_RCPT]);
	go_on(c);
}

/* ---- how it begins ---- */

static bool is_sendable(const char *text, bool with_utf8)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f ||
		    ((unsigned char)*text > 0x7f && !with_utf8))
			return false;
	return true;
}

static int check(const struct client_mail *m)
{
	if (!is_sendable(m->reverse_path, m->needs_utf8) ||
	    strlen(m->reverse_path) > MAILADDR_TEXT_MAX || strlen(m->envid) > SMTP_ENVID_MAX)
		return E_SYNTAX;
	for (size_t i = 0; i < m->count; i++)
		if (!is_sendable(m->recipients[i].address, m->needs_utf8) ||
		    strlen(m->recipients[i].address) > MAILADDR_TEXT_MAX ||
		    !is_sendable(m->recipients[i].orcpt, false))
			return E_SYNTAX;
	return 0;
}

/* What the host has told it cannot do, before it is asked. */
static bool is_impossible(const struct client *c, struct relay_answer *a)
{
	if (c->mail->needs_utf8 && !(c->offers & CLIENT_SMTPUTF8)) {
		client_own_words(RELAY_STAGE_MAIL, "5.6.7",
				 "the mail needs SMTPUTF8, which the other host lacks", a);
		return true;
	}
	if (c->size_max > 0 && c->mail->size + c->mail->top > c->size_max) {
		client_own_words(RELAY_STAGE_MAIL, "5.3.4",
				 "the mail is larger than the other host takes", a);
		return true;
	}
	return false;
}

int client_mail(struct client *c, struct client_mail *mail)
{
	struct relay_answer a;

	if (c->state != CLIENT_READY || mail->count == 0 || check(mail) != 0)
		return E_SYNTAX;
	for (size_t i = 0; i < mail->count; i++) {
		mail->recipients[i].answer.stage = RELAY_STAGE_NONE;
		mail->recipients[i].is_again = false;
	}
	c->mail = mail;
	c->mails++;
	if (is_impossible(c, &a)) {
		client_answer_rest(c, &a);
		client_done(c);
		return 0;
	}
	client_envelope_begin(c);
	return 0;
}

void client_envelope_begin(struct client *c)
{
	c->state = CLIENT_ENVELOPE;
	c->accepted = 0;
	c->is_refused = false;
	c->asked = c->answered = c->needs_rset ? STEP_RSET : STEP_MAIL;
	c->needs_rset = true;
	ask_more(c);
}
