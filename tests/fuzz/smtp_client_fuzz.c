/* smtp_client: the input is what a host says, line after line, to a client that sends mails as long
 * as it can. The first octet chooses how. Whatever it says: each mail has one answer a recipient,
 * and what goes out has CRLF as the only CR and LF.
 */
#include "smtpgw/relay/client.h"

#include <stdlib.h>
#include <string.h>

#define MUST(condition) ((condition) ? (void)0 : __builtin_trap())

#define MAILS_MAX 8

struct scene {
	struct client client;
	struct client_mail mail;
	struct client_recipient to[3];
	bool is_sending, wants_content, wants_tls, is_free, is_ended, is_after_cr;
	int mails;
};

static void op_write(void *arg, const void *octets, size_t n)
{
	struct scene *s = arg;

	MUST(!s->is_ended && n > 0);
	for (size_t i = 0; i < n; i++) {
		char c = ((const char *)octets)[i];
		MUST(s->is_after_cr == (c == '\n'));
		s->is_after_cr = c == '\r';
	}
}

static void op_tls(void *arg)
{
	((struct scene *)arg)->wants_tls = true;
}

static void op_ready(void *arg)
{
	((struct scene *)arg)->is_free = true;
}

static void op_content(void *arg)
{
	((struct scene *)arg)->wants_content = true;
}

static void op_done(void *arg)
{
	struct scene *s = arg;

	MUST(s->is_sending);
	for (size_t i = 0; i < s->mail.count; i++) {
		const struct relay_answer *a = &s->to[i].answer;
		MUST(a->stage != RELAY_STAGE_NONE && strlen(a->text) <= RELAY_TEXT_MAX);
		MUST(!strpbrk(a->text, "\r\n"));
		relay_judge(a);
		s->to[i].answer.stage = RELAY_STAGE_NONE;
	}
	s->is_sending = s->wants_content = false;
	s->is_free = true;
}

static void op_ended(void *arg)
{
	struct scene *s = arg;

	MUST(!s->is_ended && !s->is_sending);
	s->is_ended = true;
}

static void bring(struct scene *s)
{
	static const uint8_t octets[] = ".a\r\n.\n..\r.\r\n\0b";

	s->wants_content = false;
	client_content(&s->client, octets, 6, false);
	client_content(&s->client, octets + 6, sizeof octets - 7, true);
}

static void act(struct scene *s)
{
	if (s->wants_tls) {
		s->wants_tls = false;
		client_secured(&s->client);
	}
	while (s->is_free && !s->is_ended && s->mails < MAILS_MAX) {
		s->is_free = false;
		s->is_sending = true;
		s->mails++;
		s->mail.needs_utf8 = s->mails == 3;
		MUST(client_mail(&s->client, &s->mail) == 0);
	}
	if (s->wants_content)
		bring(s);
	MUST(client_waits_for(&s->client) < CLIENT_WAITS);
}

static void talk(struct scene *s, const char *at, const char *end)
{
	while (at < end) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));
		const char *stop = lf ? lf : end;
		client_line(&s->client, at, (size_t)(stop - at));
		act(s);
		at = lf ? lf + 1 : end;
	}
}

static const struct client_ops ops = {op_write, op_tls, op_ready, op_content, op_done, op_ended};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scene *s = calloc(1, sizeof *s);
	unsigned how = size > 0 ? data[0] : 0;
	struct client_settings settings = {.hostname = "out.test",
					   .tls = (enum client_tls)(how % 3)};

	for (size_t i = 0; i < 3; i++)
		s->to[i] = (struct client_recipient){.address = "x@there.test",
						     .notify = how / 4 % 16,
						     .orcpt = how & 1 ? "rfc822;a=b@c" : ""};
	s->mail = (struct client_mail){.reverse_path = how & 2 ? "" : "me@here.test",
				       .envid = how & 1 ? "env+id" : "",
				       .ret = (enum smtp_ret)(how / 64 % 3),
				       .size = 14,
				       .is_8bit = how & 1,
				       .recipients = s->to,
				       .count = 1 + how / 16 % 3};
	client_init(&s->client, &settings, &ops, s);
	if (size > 1)
		talk(s, (const char *)data + 1, (const char *)data + size);
	client_broken(&s->client, "4.4.2", "the input is at its end");
	MUST(s->is_ended && !s->is_sending && !s->is_after_cr);
	free(s);
	return 0;
}
