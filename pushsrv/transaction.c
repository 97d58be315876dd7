#include "pushsrv/transaction.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

#define ROOM_FIRST 8192
/* The machines hold back a few octets and give them out with the next run. */
#define ROOM_MAX (BODY_PIECE_MAX + 64)

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

void transaction_begin(struct transaction *t, const char *id, const struct smtp_command *mail,
		       uint64_t max_size, uint64_t max_line)
{
	*t = (struct transaction){
		.is_atomic = mail->params & SMTP_PARAM_XATOMIC,
		.is_utf8 = mail->params & SMTP_PARAM_SMTPUTF8,
		.reverse_path = mail->path,
		.declared = mail->params & SMTP_PARAM_SIZE ? mail->size_bytes : 0,
		/* smtpgw put its Received field on top of what it took. */
		.max_size = max_size + (mail->params & SMTP_PARAM_XATOMIC ? RECEIVED_MAX : 0),
	};
	snprintf(t->id, sizeof t->id, "%s", id);
	snprintf(t->xid, sizeof t->xid, "%s", mail->xid);
	smtp_data_init(&t->data, max_line);
}

void transaction_end(struct transaction *t)
{
	drop_content(t);
	trace_fields_clear(&t->trace);
	free(t->slots);
	free(t->subscribers);
	*t = (struct transaction){0};
}

static int make_room_for_recipient(struct transaction *t)
{
	size_t wanted = t->allocated ? 2 * t->allocated : 4;

	if (t->accepted < t->allocated)
		return 0;
	uint32_t *slots = realloc(t->slots, wanted * sizeof *slots);
	if (slots)
		t->slots = slots;
	int64_t *subscribers = realloc(t->subscribers, wanted * sizeof *subscribers);
	if (subscribers)
		t->subscribers = subscribers;
	if (!slots || !subscribers)
		return E_NOMEM;
	t->allocated = wanted;
	return 0;
}

int transaction_add(struct transaction *t, int64_t subscriber, const struct mailaddr *address)
{
	size_t slot = 0;

	if (make_room_for_recipient(t) != 0)
		return E_NOMEM;
	while (slot < t->subscriber_count && t->subscribers[slot] != subscriber)
		slot++;
	if (slot == t->subscriber_count)
		t->subscribers[t->subscriber_count++] = subscriber;
	if (t->accepted == 0)
		t->recipient = *address;
	t->slots[t->accepted++] = (uint32_t)slot;
	return 0;
}

static int make_room_for_content(struct transaction *t, size_t n)
{
	size_t wanted = t->room ? t->room : ROOM_FIRST;

	while (wanted < t->held + n)
		wanted *= 2;
	if (wanted > ROOM_MAX)
		wanted = ROOM_MAX;
	assert(t->held + n <= wanted);
	if (wanted == t->room)
		return 0;
	uint8_t *octets = realloc(t->octets, wanted);
	if (!octets)
		return E_NOMEM;
	t->octets = octets;
	t->room = wanted;
	return 0;
}

/* The end of the chain: content as it will be kept. */
static void keep(void *arg, const uint8_t *run, size_t n)
{
	struct transaction *t = arg;

	if (t->fate != TRANSACTION_GOOD)
		return;
	if (make_room_for_content(t, n) != 0) {
		fail(t, TRANSACTION_NOT_STORED);
		return;
	}
	memcpy(t->octets + t->held, run, n);
	t->held += n;
	t->size += n;
}

static void filter(void *arg, const uint8_t *run, size_t n)
{
	struct transaction *t = arg;

	if (t->fate == TRANSACTION_GOOD)
		return_path_feed(&t->filter, run, n, keep, t);
}

static void judge(struct transaction *t)
{
	const struct smtp_content *c = &t->data.content;

	if (c->flags & SMTP_CONTENT_UNSAFE)
		fail(t, TRANSACTION_UNSAFE);
	else if (c->flags & SMTP_CONTENT_LONG_LINE)
		fail(t, TRANSACTION_LONG_LINE);
	else if (c->octets > t->max_size)
		fail(t, TRANSACTION_TOO_LARGE);
}

/* What fits into the piece at hand; a mail that is lost already needs no room. */
static size_t share(const struct transaction *t, size_t n)
{
	size_t left = t->held < BODY_PIECE_MAX ? BODY_PIECE_MAX - t->held : 0;

	return t->fate == TRANSACTION_GOOD && n > left ? left : n;
}

int transaction_data(struct transaction *t, const uint8_t *in, size_t n, size_t *used)
{
	int has_ended = smtp_data_feed(&t->data, in, share(t, n), used, filter, t);

	judge(t);
	return has_ended;
}

size_t transaction_chunk(struct transaction *t, const uint8_t *in, size_t n)
{
	size_t used = share(t, n);

	if (used > 0) {
		smtp_content_feed(&t->data.content, in, used);
		filter(t, in, used);
		judge(t);
	}
	return used;
}

void transaction_complete(struct transaction *t)
{
	size_t lacks = smtp_content_finish(&t->data.content);

	if (t->fate == TRANSACTION_GOOD)
		return_path_finish(&t->filter, keep, t);
	if (lacks)
		keep(t, (const uint8_t *)"\r\n", lacks);
	judge(t);
}

const uint8_t *transaction_piece(const struct transaction *t, bool is_complete, size_t *n)
{
	bool is_inline = is_complete && t->body == 0 && t->held <= BODY_INLINE_MAX;

	if (t->fate != TRANSACTION_GOOD || t->held == 0 || is_inline)
		return NULL;
	if (!is_complete && t->held < BODY_PIECE_MAX)
		return NULL;
	*n = t->held < BODY_PIECE_MAX ? t->held : BODY_PIECE_MAX;
	return t->octets;
}

void transaction_piece_stored(struct transaction *t, int err, int64_t body)
{
	size_t n = t->held < BODY_PIECE_MAX ? t->held : BODY_PIECE_MAX;

	if (err) {
		fail(t, TRANSACTION_NOT_STORED);
		return;
	}
	t->body = body;
	t->pieces++;
	t->held -= n;
	memmove(t->octets, t->octets + n, t->held);
}

int transaction_prefix(const struct transaction *t, const struct transaction_trace *trace,
		       char prefix[TRANSACTION_PREFIX_MAX], size_t *n)
{
	const struct received received = {
		.helo = trace->helo,
		.ip = trace->ip,
		.by = trace->by,
		.how = RECEIVED_LMTP | (t->is_utf8 ? RECEIVED_UTF8 : 0U),
		.id = t->id,
		.rcpt = t->accepted == 1 ? &t->recipient : NULL,
		.time_s = trace->time_s,
	};
	int path = return_path_format(&t->reverse_path, prefix, TRANSACTION_PREFIX_MAX);

	if (path < 0)
		return path;
	*n = (size_t)path;
	if (t->trace.held > 0)
		memcpy(prefix + *n, t->trace.octets, t->trace.held);
	*n += t->trace.held;
	if (t->is_atomic)
		return 0;
	int more = received_format(&received, prefix + *n, TRANSACTION_PREFIX_MAX - *n);
	if (more < 0)
		return more;
	*n += (size_t)more;
	return 0;
}
