/* dsn: first octet bits: 0 is_utf8, 1 returns_all, 2.. the action; the rest a message. It is read
 * as a notice of somebody else; what it says, and itself as the mail that is returned, goes into a
 * notice of ours, which must be orderly, and readable again with the same recipients. */
#include "lib/wire/smtp/dsn.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/wire/smtp/header.h"

#define MUST(condition) ((condition) ? (void)0 : __builtin_trap())
#define KEPT            8

struct heard {
	unsigned mails, recipients;
	struct dsn_of_mail mail;
	struct dsn_of_recipient kept[KEPT];
};

static void check_value(const struct dsn_value *v)
{
	MUST(strnlen(v->type, sizeof v->type) < sizeof v->type);
	MUST(strnlen(v->text, sizeof v->text) < sizeof v->text);
}

static void on_mail(void *arg, const struct dsn_of_mail *mail)
{
	struct heard *h = arg;

	MUST(h->mails++ == 0 && h->recipients == 0);
	check_value(&mail->reporter);
	h->mail = *mail;
}

static void on_recipient(void *arg, const struct dsn_of_recipient *r)
{
	struct heard *h = arg;

	MUST(h->mails == 1 && r->action <= DSN_ACTIONS);
	check_value(&r->final);
	check_value(&r->diagnostic);
	if (h->recipients < KEPT)
		h->kept[h->recipients] = *r;
	h->recipients++;
}

static void on_message_id(void *arg, const char *id)
{
	MUST(((struct heard *)arg)->mails == 1 && *id);
}

static void on_field(void *arg, const struct header_field *field)
{
	MUST(((struct heard *)arg)->mails == 1 && field->name_len > 0);
}

static const struct dsn_listener listener = {on_mail, on_recipient, on_message_id, on_field};

static void check_letter(const struct dsn_letter *l, bool may_be_8bit)
{
	bool is_7bit = true;

	for (size_t i = 0; i < l->size; i++)
		is_7bit &= l->octets[i] < 0x80;
	MUST(is_7bit || l->is_8bit);
	MUST(may_be_8bit || !l->is_utf8);
}

static void write_back(const struct heard *h, const uint8_t *data, size_t size, uint8_t how)
{
	struct dsn_recipient to[KEPT];
	size_t count = h->recipients < KEPT ? h->recipients : KEPT;
	struct dsn d = {
		.action = (how >> 2) % DSN_EXPANDED,
		.hostname = "mx.example",
		.to = "a@b.example",
		.message_id = "1@mx.example",
		.envid = h->mail.envid,
		.arrival_s = 1,
		.now_s = 2,
		.is_utf8 = how & 1,
		.original = data,
		.original_len = size,
		.returns_all = how & 2,
		.return_max = size / 2,
		.recipients = to,
		.count = count,
	};
	struct dsn_letter letter;
	struct heard again = {0};

	for (size_t i = 0; i < count; i++)
		to[i] = (struct dsn_recipient){.address = h->kept[i].final.text,
					       .orcpt = h->kept[i].original.text,
					       .status = "5.0.0",
					       .enhanced = "5.0.0",
					       .code = how & 1 ? 550 : 0,
					       .text = h->kept[i].diagnostic.text,
					       .remote = h->kept[i].remote.text};
	MUST(dsn_write(&d, &letter) == 0);
	check_letter(&letter, how & 1);
	MUST(dsn_read(letter.octets, letter.size, &listener, &again) == 0);
	MUST(again.recipients == count);
	for (size_t i = 0; i < count; i++)
		MUST(again.kept[i].action == d.action);
	free(letter.octets);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct heard *h = calloc(1, sizeof *h);

	MUST(h);
	if (size > 0) {
		int err = dsn_read(data + 1, size - 1, &listener, h);
		MUST(err == 0 || err == E_NOT_FOUND);
		if (h->recipients == 0)
			h->recipients = 1; /* one of whom nothing is known */
		write_back(h, data + 1, size - 1, data[0]);
	}
	free(h);
	return 0;
}
