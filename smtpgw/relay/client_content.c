/* client_content -- a mail's octets on their way out, and the answers to them */
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "smtpgw/relay/client_private.h"

/* What takes the octets behind the line ends: DATA's stuffing, or a chunk that gathers. */
struct chunk {
	struct client *client;
	uint8_t *octets; /* null: DATA */
	size_t n;
};

static void write_out(void *arg, const uint8_t *run, size_t n)
{
	struct client *c = arg;

	c->ops->write(c->arg, run, n);
}

static void put(struct chunk *k, const uint8_t *run, size_t n)
{
	if (n == 0)
		return;
	if (k->octets) {
		memcpy(k->octets + k->n, run, n);
		k->n += n;
	} else {
		dot_stuff_feed(&k->client->stuff, run, n, write_out, k->client);
	}
}

static void put_line_end(struct chunk *k)
{
	put(k, (const uint8_t *)"\r\n", 2);
	k->client->ends_line = true;
}

static void put_run(struct chunk *k, const uint8_t *run, size_t n)
{
	put(k, run, n);
	if (n > 0)
		k->client->ends_line = n >= 2 && run[n - 2] == '\r' && run[n - 1] == '\n';
}

/* Every CR, LF or CRLF is one CRLF then; NUL goes. At most two octets become of one. */
static void put_lines(struct chunk *k, const uint8_t *in, size_t n)
{
	struct client *c = k->client;
	size_t at = 0, from;

	if (n > 0 && c->is_after_cr) {
		c->is_after_cr = false;
		at = in[0] == '\n';
		put_line_end(k);
	}
	for (from = at; at < n; at++) {
		if (in[at] == '\r' && at + 1 < n && in[at + 1] == '\n') {
			at++;
			continue;
		}
		if (in[at] != '\r' && in[at] != '\n' && in[at] != '\0')
			continue;
		put_run(k, in + from, at - from);
		from = at + 1;
		if (in[at] == '\r' && at + 1 == n)
			c->is_after_cr = true;
		else if (in[at] != '\0')
			put_line_end(k);
	}
	put_run(k, in + from, n - from);
}

static void put_end(struct chunk *k)
{
	if (k->client->is_after_cr || !k->client->ends_line)
		put_line_end(k);
	k->client->is_after_cr = false;
}

/* ---- DATA and BDAT ---- */

static void send_data(struct client *c, const uint8_t *octets, size_t n, bool is_last)
{
	struct chunk k = {.client = c};

	put_lines(&k, octets, n);
	if (!is_last)
		return;
	put_end(&k);
	dot_stuff_end(&c->stuff, write_out, c);
}

static void send_chunk(struct client *c, const uint8_t *octets, size_t n, bool is_last)
{
	struct chunk k = {.client = c, .octets = malloc(2 * n + 4)};

	if (!k.octets) {
		client_give_up(c, "4.3.0", "out of memory");
		return;
	}
	put_lines(&k, octets, n);
	if (is_last)
		put_end(&k);
	if (k.n > 0 || is_last) {
		client_say(c, "BDAT %zu%s\r\n", k.n, is_last ? " LAST" : "");
		if (k.n > 0)
			c->ops->write(c->arg, k.octets, k.n);
		c->chunks++;
	}
	free(k.octets);
}

void client_content(struct client *c, const uint8_t *octets, size_t n, bool is_last)
{
	if (c->state != CLIENT_CONTENT)
		return;
	if (is_last)
		c->state = CLIENT_FINAL;
	if (c->offers & CLIENT_CHUNKING)
		send_chunk(c, octets, n, is_last);
	else
		send_data(c, octets, n, is_last);
}

void client_content_begin(struct client *c)
{
	c->state = CLIENT_CONTENT;
	c->chunks = 0;
	c->is_after_cr = false;
	c->ends_line = true; /* of nothing */
	c->stuff = (struct dot_stuff){0};
	c->ops->content(c->arg);
}

/* ---- the answers ---- */

static void conclude(struct client *c, enum relay_stage stage)
{
	struct relay_answer a;

	client_heard_at(c, stage, &a);
	client_answer_rest(c, &a);
	client_done(c);
}

/* Before the end of the content: a good answer to a chunk, or the outcome already. Then the host
 * may take the rest of it for commands, so this was the last mail. */
void client_content_heard(struct client *c)
{
	if (c->chunks > 0 && c->reply.code / 100 == 2) {
		c->chunks--;
		return;
	}
	if (c->reply.code / 100 < 4) {
		client_give_up(c, "4.5.0", "the other host answers what was not asked");
		return;
	}
	c->is_closing = true;
	conclude(c, RELAY_STAGE_DATA);
}

void client_final_heard(struct client *c)
{
	int class = c->reply.code / 100;
	bool is_more = c->chunks > 1;

	if (class == 3) {
		client_give_up(c, "4.5.0", "the other host answers what was not asked");
		return;
	}
	if (c->chunks > 0)
		c->chunks--;
	if (is_more && class == 2)
		return;
	c->is_closing |= is_more;
	c->needs_rset = false;
	conclude(c, RELAY_STAGE_CONTENT);
}
