#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/log.h"
#include "popgw/session.h"

/* RETR and TOP: "+OK", the recipient's own prefix and the body as they are stored, a final dot.
 * Dots are doubled where a line can begin with one: in the prefix always looked for, in the body
 * only if it was stored with that flag. */

static struct maildrop_message *message_of(struct session *s)
{
	return &s->drop->messages[s->place.index];
}

static void write_run(void *arg, const uint8_t *run, size_t n)
{
	output_write(arg, run, n);
}

/* A piece of the message that begins at `offset` of it. */
static void write_piece(struct session *s, const uint8_t *in, size_t n)
{
	struct place *p = &s->place;
	uint64_t prefix = message_of(s)->prefix_size;
	size_t stuffed = 0;

	if (p->stuffs)
		stuffed = n;
	else if (p->offset < prefix)
		stuffed = prefix - p->offset < n ? (size_t)(prefix - p->offset) : n;
	if (stuffed)
		dot_stuff_feed(&p->dots, in, stuffed, write_run, s);
	if (n > stuffed)
		output_write(s, in + stuffed, n - stuffed);
	if (n > 1)
		p->tail[0] = in[n - 2];
	else if (n)
		p->tail[0] = p->tail[1];
	if (n)
		p->tail[1] = in[n - 1];
}

static void finish(struct session *s)
{
	const struct place *p = &s->place;
	bool cut = p->offset > 0 && !(p->tail[0] == '\r' && p->tail[1] == '\n');

	if (cut)
		SESSION_SAY(s, "");
	SESSION_SAY(s, ".");
	if (!p->is_top)
		count(COUNT_RETRIEVED, 1);
	maildrop_show(s, message_of(s));
	output_end(s);
}

/* From the first octet on it went through this binding: that is what the access record is about,
 * whole or not. */
static void mark_read(struct session *s)
{
	uint8_t *mark = &s->marks[s->place.index];

	if (!(*mark & MARK_READ))
		s->read_count++;
	*mark |= MARK_READ;
}

static void write_head(struct session *s)
{
	char line[64];
	int n;

	mark_read(s);
	if (s->place.is_top)
		n = snprintf(line, sizeof(line), "+OK\r\n");
	else
		n = snprintf(line, sizeof(line), "+OK %" PRIu64 " octets\r\n", s->place.total);
	conn_write(s->conn, line, (size_t)n);
}

/* The read failed. Before "+OK" there is an answer for that; after it only the end of the
 * connection cannot be taken for the end of the mail. */
static void read_failed(struct session *s, int err)
{
	log_event(LOG_ERROR, "message-read", LOG_INT("session", s->id),
		  LOG_TEXT("account", s->who.msisdn), LOG_INT("uid", message_of(s)->uid),
		  LOG_TEXT("error", err_text(err)), LOG_END);
	if (s->place.offset > 0) {
		session_end(s, CLOSE_STORE);
		return;
	}
	if (err == E_NOT_FOUND)
		SESSION_SAY(s, "-ERR [SYS/TEMP] the message is gone");
	else
		SESSION_SAY(s, "-ERR [SYS/TEMP] the store cannot be asked, try later");
	output_end(s);
}

static void on_octets(void *arg, int err, const uint8_t *octets, size_t n)
{
	struct session *s = arg;
	struct place *p = &s->place;
	size_t wanted = n < OUTPUT_PIECE ? n : OUTPUT_PIECE;

	if (!session_back(s))
		return;
	if (!err && n == 0 && p->offset < p->total)
		err = E_IO;
	if (err) {
		read_failed(s, err);
		return;
	}
	if (p->offset == 0)
		write_head(s);
	size_t shown = p->is_top ? top_feed(&p->top, octets, wanted) : wanted;
	write_piece(s, octets, shown);
	p->offset += shown;
	s->sent_octets += shown;
	count(COUNT_OCTETS, (int64_t)shown);
	if (p->offset >= p->total || (p->is_top && p->top.is_done))
		finish(s);
	else
		output_go_on(s);
}

static void read_on(struct session *s)
{
	output_wait(s);
	session_ask(s);
	message_read(s->worker->db, s->who.subscriber, message_of(s), s->place.offset, on_octets,
		     s);
}

static void begin(struct session *s, bool is_top)
{
	struct maildrop_message *m = maildrop_named(s);

	if (!m)
		return;
	s->place = (struct place){.index = (size_t)(m - s->drop->messages),
				  .total = maildrop_size_of(m),
				  .is_top = is_top,
				  .stuffs = m->has_dot_lines};
	if (is_top)
		top_init(&s->place.top, s->command.lines);
	output_begin(s, read_on);
}

void retr_begin(struct session *s)
{
	begin(s, false);
}

void retr_top(struct session *s)
{
	begin(s, true);
}
