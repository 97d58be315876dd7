#include "smtpgw/relay/client.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/err.h"
#include "smtpgw/relay/client_private.h"

#define SAY_MAX 2048 /* a command: two addresses, or an address and ORCPT in xtext */

/* ---- words ---- */

void client_say(struct client *c, const char *format, ...)
{
	char line[SAY_MAX];
	va_list args;

	va_start(args, format);
	int n = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	assert(n > 0 && (size_t)n < sizeof line);
	c->ops->write(c->arg, line, (size_t)n);
}

static void copy_text(const char *text, char *out)
{
	size_t n = strnlen(text, RELAY_TEXT_MAX);

	for (size_t i = 0; i < n; i++)
		out[i] = text[i] == '\n' ? ' ' : text[i];
	out[n] = '\0';
}

void client_heard_at(const struct client *c, enum relay_stage stage, struct relay_answer *out)
{
	out->stage = stage;
	out->code = c->reply.code;
	strcpy(out->enhanced, c->reply.enhanced);
	copy_text(c->reply.text, out->text);
}

void client_own_words(enum relay_stage stage, const char *enhanced, const char *text,
		      struct relay_answer *out)
{
	out->stage = stage;
	out->code = 0;
	snprintf(out->enhanced, sizeof out->enhanced, "%s", enhanced);
	copy_text(text, out->text);
}

/* ---- the end ---- */

static void end(struct client *c)
{
	if (c->state == CLIENT_ENDED)
		return;
	c->state = CLIENT_ENDED;
	c->ops->ended(c->arg);
}

void client_answer_rest(struct client *c, const struct relay_answer *a)
{
	for (size_t i = 0; i < c->mail->count; i++)
		if (c->mail->recipients[i].answer.stage == RELAY_STAGE_NONE)
			c->mail->recipients[i].answer = *a;
}

void client_done(struct client *c)
{
	bool is_over = c->is_closing;

	c->mail = NULL;
	c->state = is_over ? CLIENT_ENDED : CLIENT_READY;
	c->ops->done(c->arg);
	if (is_over)
		c->ops->ended(c->arg);
}

static enum relay_stage stage_of(const struct client *c)
{
	static const enum relay_stage stages[] = {
		[CLIENT_GREETING] = RELAY_STAGE_GREETING, [CLIENT_EHLO] = RELAY_STAGE_HELLO,
		[CLIENT_HELO] = RELAY_STAGE_HELLO,        [CLIENT_STARTTLS] = RELAY_STAGE_TLS,
		[CLIENT_SECURING] = RELAY_STAGE_TLS,      [CLIENT_READY] = RELAY_STAGE_NONE,
		[CLIENT_ENVELOPE] = RELAY_STAGE_MAIL,     [CLIENT_CONTENT] = RELAY_STAGE_DATA,
		[CLIENT_FINAL] = RELAY_STAGE_CONTENT,     [CLIENT_ENDED] = RELAY_STAGE_NONE};

	return stages[c->state];
}

void client_give_up(struct client *c, const char *enhanced, const char *text)
{
	struct relay_answer a;

	client_own_words(stage_of(c), enhanced, text, &a);
	if (c->state < CLIENT_READY)
		c->failure = a;
	if (!c->mail) {
		end(c);
		return;
	}
	client_answer_rest(c, &a);
	c->is_closing = true;
	client_done(c);
}

void client_broken(struct client *c, const char *enhanced, const char *text)
{
	if (c->state != CLIENT_ENDED)
		client_give_up(c, enhanced, text);
}

/* The host does not want to talk: to nobody, or not so. */
static void unwelcome(struct client *c)
{
	client_heard_at(c, stage_of(c), &c->failure);
	if (c->reply.code != 421)
		client_say(c, "QUIT\r\n");
	end(c);
}

void client_quit(struct client *c)
{
	c->is_closing = true;
	if (c->state != CLIENT_READY)
		return;
	client_say(c, "QUIT\r\n");
	end(c);
}

/* ---- how it begins ---- */

void client_init(struct client *c, const struct client_settings *settings,
		 const struct client_ops *ops, void *arg)
{
	memset(c, 0, sizeof *c);
	c->settings = settings;
	c->ops = ops;
	c->arg = arg;
	smtp_reply_init(&c->reply);
}

static void hello(struct client *c)
{
	c->state = CLIENT_EHLO;
	c->offers = 0;
	c->size_max = 0;
	client_say(c, "EHLO %s\r\n", c->settings->hostname);
}

/* The first word of the greeting or of the answer to EHLO is the host's own name. */
static bool is_ourselves(const struct client *c)
{
	size_t n = strcspn(c->reply.text, " \n");

	return n == strlen(c->settings->hostname) &&
	       strncasecmp(c->reply.text, c->settings->hostname, n) == 0;
}

static void heard_greeting(struct client *c)
{
	if (c->reply.code / 100 == 2)
		hello(c);
	else
		unwelcome(c);
}

static void note_offers(struct client *c)
{
	static const struct {
		const char *keyword;
		enum client_offer offer;
	} rows[] = {{"PIPELINING", CLIENT_PIPELINING},
		    {"SIZE", CLIENT_SIZE},
		    {"8BITMIME", CLIENT_8BITMIME},
		    {"SMTPUTF8", CLIENT_SMTPUTF8},
		    {"DSN", CLIENT_DSN},
		    {"CHUNKING", CLIENT_CHUNKING},
		    {"STARTTLS", CLIENT_CAN_TLS}};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (smtp_reply_keyword(&c->reply, rows[i].keyword))
			c->offers |= rows[i].offer;
	const char *size = smtp_reply_keyword(&c->reply, "SIZE");
	if (size)
		c->size_max = strtoull(size, NULL, 10);
}

static void become_ready(struct client *c)
{
	if (!c->is_tls && c->settings->tls == CLIENT_TLS_REQUIRED) {
		client_own_words(RELAY_STAGE_TLS, "4.7.4", "TLS is required, and not offered",
				 &c->failure);
		client_say(c, "QUIT\r\n");
		end(c);
		return;
	}
	c->state = CLIENT_READY;
	c->ops->ready(c->arg);
}

static void meet(struct client *c)
{
	if (is_ourselves(c)) {
		client_own_words(RELAY_STAGE_ROUTE, "5.4.6", "the mail's way leads back to us",
				 &c->failure);
		client_say(c, "QUIT\r\n");
		end(c);
	} else if (!c->is_tls && c->settings->tls != CLIENT_TLS_OFF && c->offers & CLIENT_CAN_TLS) {
		c->state = CLIENT_STARTTLS;
		client_say(c, "STARTTLS\r\n");
	} else {
		become_ready(c);
	}
}

static void heard_ehlo(struct client *c)
{
	if (c->reply.code / 100 == 2) {
		note_offers(c);
		meet(c);
	} else if (c->reply.code / 100 == 5) {
		c->state = CLIENT_HELO;
		client_say(c, "HELO %s\r\n", c->settings->hostname);
	} else {
		unwelcome(c);
	}
}

static void heard_helo(struct client *c)
{
	if (c->reply.code / 100 == 2)
		meet(c);
	else
		unwelcome(c);
}

static void heard_starttls(struct client *c)
{
	if (c->reply.code == 220) {
		c->state = CLIENT_SECURING;
		c->ops->start_tls(c->arg);
	} else if (c->settings->tls == CLIENT_TLS_REQUIRED || c->reply.code == 421) {
		unwelcome(c);
	} else {
		become_ready(c);
	}
}

/* What was said before is void (RFC 3207 4.2). */
void client_secured(struct client *c)
{
	assert(c->state == CLIENT_SECURING);
	c->is_tls = true;
	smtp_reply_init(&c->reply);
	hello(c);
}

/* ---- what it says ---- */

/* 421, or chatter. */
static void heard_unasked(struct client *c)
{
	end(c);
}

static void heard(struct client *c)
{
	static void (*const by_state[])(struct client *) = {
		[CLIENT_GREETING] = heard_greeting,
		[CLIENT_EHLO] = heard_ehlo,
		[CLIENT_HELO] = heard_helo,
		[CLIENT_STARTTLS] = heard_starttls,
		[CLIENT_SECURING] = heard_unasked,
		[CLIENT_READY] = heard_unasked,
		[CLIENT_ENVELOPE] = client_envelope_heard,
		[CLIENT_CONTENT] = client_content_heard,
		[CLIENT_FINAL] = client_final_heard,
	};

	if (c->reply.code == 421)
		c->is_closing = true;
	by_state[c->state](c);
}

void client_line(struct client *c, const char *line, size_t n)
{
	if (c->state == CLIENT_ENDED)
		return;
	int err = smtp_reply_line(&c->reply, line, n);
	if (err == E_AGAIN)
		return;
	if (err) {
		client_give_up(c, "4.5.0", "the other host does not talk SMTP");
		return;
	}
	heard(c);
	smtp_reply_init(&c->reply);
}

enum client_wait client_waits_for(const struct client *c)
{
	switch (c->state) {
	case CLIENT_GREETING:
		return CLIENT_WAIT_GREETING;
	case CLIENT_EHLO:
	case CLIENT_HELO:
	case CLIENT_STARTTLS:
		return CLIENT_WAIT_COMMAND;
	case CLIENT_ENVELOPE:
		/* DATA is the last one that is asked. */
		return c->answered == c->mail->count + 2 ? CLIENT_WAIT_DATA : CLIENT_WAIT_COMMAND;
	case CLIENT_CONTENT:
		return CLIENT_WAIT_BLOCK;
	case CLIENT_FINAL:
		return CLIENT_WAIT_FINAL;
	case CLIENT_SECURING:
	case CLIENT_READY:
	case CLIENT_ENDED:
	default:
		return CLIENT_WAIT_NOTHING;
	}
}
