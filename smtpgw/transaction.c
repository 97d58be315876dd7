#include "smtpgw/transaction.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"

#define ROOM_FIRST 8192

static void drop_content(struct transaction *t)
{
	free(t->octets);
	t->octets = NULL;
	t->held = t->room = 0;
}

static void fail(struct transaction *t, enum transaction_fate fate)
{
	t->fate = fate;
	drop_content(t);
}

static bool make_room(struct transaction *t, size_t n)
{
	size_t wanted = t->room ? t->room : ROOM_FIRST;

	while (wanted < t->held + n)
		wanted *= 2;
	if (wanted == t->room)
		return true;
	uint8_t *octets = realloc(t->octets, wanted);
	if (!octets)
		return false;
	t->octets = octets;
	t->room = wanted;
	return true;
}

static void keep(void *arg, const uint8_t *run, size_t n)
{
	struct transaction *t = arg;

	if (t->fate != TRANSACTION_GOOD || t->is_lost)
		return;
	if (!make_room(t, n)) {
		fail(t, TRANSACTION_NO_MEMORY);
		return;
	}
	memcpy(t->octets + t->held, run, n);
	t->held += n;
	t->size += n;
}

void transaction_begin(struct transaction *t, const char *id, const struct smtp_command *mail,
		       const struct transaction_limits *limits)
{
	*t = (struct transaction){
		.reverse_path = mail->path,
		.is_utf8 = mail->params & SMTP_PARAM_SMTPUTF8,
		.body = mail->body,
		.ret = mail->ret,
		.has_size = mail->params & SMTP_PARAM_SIZE,
		.declared = mail->size_bytes,
		.limits = *limits,
	};
	snprintf(t->id, sizeof t->id, "%s", id);
	snprintf(t->envid, sizeof t->envid, "%s", mail->envid);
	smtp_data_init(&t->data, limits->max_line);
	weed_init(&t->filter, limits->hostname, limits->max_field, keep, t);
}

void transaction_end(struct transaction *t)
{
	drop_content(t);
	weed_fini(&t->filter);
	*t = (struct transaction){0};
}

void transaction_add(struct transaction *t, const struct mailaddr *recipient)
{
	if (t->accepted++ == 0)
		t->recipient = *recipient;
}

/* The client's octets. */
static void take(void *arg, const uint8_t *run, size_t n)
{
	struct transaction *t = arg;

	if (t->fate != TRANSACTION_GOOD || t->is_lost)
		return;
	if (t->watch)
		t->watch(t->watch_arg, run, n);
	if (weed_feed(&t->filter, run, n) != 0)
		fail(t, TRANSACTION_NO_MEMORY);
}

static void judge(struct transaction *t)
{
	const struct smtp_content *c = &t->data.content;

	if (c->flags & SMTP_CONTENT_UNSAFE)
		fail(t, TRANSACTION_UNSAFE);
	else if (c->flags & SMTP_CONTENT_LONG_LINE)
		fail(t, TRANSACTION_LONG_LINE);
	else if (c->octets > t->limits.max_size)
		fail(t, TRANSACTION_TOO_LARGE);
	else if (c->received > t->limits.max_received)
		fail(t, TRANSACTION_LOOP);
}

void transaction_trace(struct transaction *t, struct received trace, int64_t mono_us)
{
	char field[RECEIVED_MAX];

	t->is_traced = true;
	t->passed_us = mono_us;
	trace.id = t->id;
	trace.how |= t->is_utf8 ? RECEIVED_UTF8 : 0U;
	trace.rcpt = t->accepted == 1 ? &t->recipient : NULL;
	int n = received_format(&trace, field, sizeof field);
	if (n > 0)
		keep(t, (const uint8_t *)field, (size_t)n);
	else
		fail(t, TRANSACTION_NO_MEMORY); /* a clock outside all years: nothing is kept */
}

void transaction_take_receipts(struct transaction *t, bool takes)
{
	t->filter.takes_receipts = takes;
}

void transaction_watch(struct transaction *t, smtp_sink watch, void *arg)
{
	t->watch = watch;
	t->watch_arg = arg;
}

int transaction_data(struct transaction *t, const uint8_t *in, size_t n, size_t *used)
{
	int has_ended = smtp_data_feed(&t->data, in, n, used, take, t);

	judge(t);
	return has_ended;
}

void transaction_chunk(struct transaction *t, const uint8_t *in, size_t n)
{
	if (n == 0)
		return;
	smtp_content_feed(&t->data.content, in, n);
	take(t, in, n);
	judge(t);
}

void transaction_complete(struct transaction *t)
{
	size_t lacks = smtp_content_finish(&t->data.content);

	if (lacks)
		take(t, (const uint8_t *)"\r\n", lacks);
	if (weed_finish(&t->filter) != 0)
		fail(t, TRANSACTION_NO_MEMORY);
	judge(t);
}

bool transaction_is_due(const struct transaction *t, int64_t mono_us)
{
	return t->held >= TRANSACTION_PIECE ||
	       (t->held > 0 && mono_us - t->passed_us > TRANSACTION_STALE_S * CLOCK_S);
}

void transaction_passed(struct transaction *t, int64_t mono_us)
{
	t->held = 0;
	t->passed_us = mono_us;
}
