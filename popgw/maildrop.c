#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "popgw/session.h"

/* What a session sees of a mailbox: the messages that were there at the login, numbered from 1, and
 * a mark on each. DELE sets a mark and nothing else; RSET takes it away; only QUIT acts on it. */

#define SHORT_LINE 128 /* room for any one-line answer here */

uint64_t maildrop_size_of(const struct maildrop_message *m)
{
	return m->prefix_size + m->body_size;
}

static void count_left(struct session *s)
{
	s->left_count = s->drop->count;
	s->left_octets = 0;
	for (size_t i = 0; i < s->drop->count; i++)
		s->left_octets += maildrop_size_of(&s->drop->messages[i]);
}

int maildrop_adopt(struct session *s, struct maildrop *drop)
{
	uint8_t *marks = s->marks_small;

	if (drop->count > MARKS_SMALL)
		marks = calloc(drop->count, 1);
	if (!marks) {
		maildrop_free(drop);
		return E_NOMEM;
	}
	s->drop = drop;
	s->marks = marks;
	count_left(s);
	return 0;
}

void maildrop_close(struct session *s)
{
	if (s->marks != s->marks_small)
		free(s->marks);
	maildrop_free(s->drop);
	s->marks = NULL;
	s->drop = NULL;
}

static struct maildrop_message *message_at(struct session *s, uint64_t number)
{
	if (number < 1 || number > s->drop->count || s->marks[number - 1] & MARK_DELETED)
		return NULL;
	return &s->drop->messages[number - 1];
}

struct maildrop_message *maildrop_named(struct session *s)
{
	struct maildrop_message *m = message_at(s, s->command.msgno);

	if (!m) {
		SESSION_SAY(s, "-ERR no such message");
		session_done(s);
	}
	return m;
}

void maildrop_show(struct session *s, const struct maildrop_message *m)
{
	if (m->uid > s->listed_uid)
		s->listed_uid = m->uid;
}

/* Its count stands for all of them. */
static void show_all(struct session *s)
{
	if (s->drop->count)
		maildrop_show(s, &s->drop->messages[s->drop->count - 1]);
}

void maildrop_stat(struct session *s)
{
	char line[SHORT_LINE];
	int n = snprintf(line, sizeof(line), "+OK %zu %" PRIu64 "\r\n", s->left_count,
			 s->left_octets);

	show_all(s);
	conn_write(s->conn, line, (size_t)n);
	session_done(s);
}

/* ---- LIST and UIDL: the same walk over the messages, with another thing to say of each ---- */

typedef size_t say_message(const struct session *s, size_t index, char line[SHORT_LINE]);

/* A number and what follows it; the end of both. printf would be a third of what a long list costs.
 */
static char *put_number(char *at, uint64_t n, const char *then)
{
	char digits[20];
	size_t i = sizeof(digits);

	do
		digits[--i] = (char)('0' + n % 10);
	while (n /= 10);
	memcpy(at, digits + i, sizeof(digits) - i);
	return stpcpy(at + sizeof(digits) - i, then);
}

static size_t say_size(const struct session *s, size_t index, char line[SHORT_LINE])
{
	char *at = put_number(line, index + 1, " ");

	at = put_number(at, maildrop_size_of(&s->drop->messages[index]), "\r\n");
	return (size_t)(at - line);
}

/* Unique for ever: a uid is never used twice under one uidvalidity, nor a uidvalidity for one
 * mailbox. */
static size_t say_uid(const struct session *s, size_t index, char line[SHORT_LINE])
{
	char *at = put_number(line, index + 1, " ");

	at = put_number(at, s->drop->uidvalidity, ".");
	at = put_number(at, s->drop->messages[index].uid, "\r\n");
	return (size_t)(at - line);
}

static void list_some(struct session *s, say_message *say)
{
	char lines[4096];
	size_t used = 0, i = s->place.index;

	for (; i < s->drop->count && used + SHORT_LINE <= sizeof(lines); i++) {
		if (s->marks[i] & MARK_DELETED)
			continue;
		used += say(s, i, lines + used);
		maildrop_show(s, &s->drop->messages[i]);
	}
	s->place.index = i;
	output_write(s, lines, used);
	if (i == s->drop->count) {
		SESSION_SAY(s, ".");
		output_end(s);
	}
}

static void list_one(struct session *s, say_message *say)
{
	char line[SHORT_LINE];
	struct maildrop_message *m = maildrop_named(s);

	if (!m)
		return;
	size_t n = say(s, (size_t)(m - s->drop->messages), line);
	maildrop_show(s, m);
	conn_write(s->conn, "+OK ", 4);
	conn_write(s->conn, line, n);
	session_done(s);
}

static void list_all(struct session *s, void (*step)(struct session *s))
{
	s->place = (struct place){0};
	SESSION_SAY(s, "+OK");
	output_begin(s, step);
}

static void list_sizes(struct session *s)
{
	list_some(s, say_size);
}

static void list_uids(struct session *s)
{
	list_some(s, say_uid);
}

void maildrop_list(struct session *s)
{
	if (s->command.has_arg)
		list_one(s, say_size);
	else
		list_all(s, list_sizes);
}

void maildrop_uidl(struct session *s)
{
	if (s->command.has_arg)
		list_one(s, say_uid);
	else
		list_all(s, list_uids);
}

/* ---- marks ---- */

void maildrop_dele(struct session *s)
{
	struct maildrop_message *m = maildrop_named(s);

	if (!m)
		return;
	s->marks[m - s->drop->messages] |= MARK_DELETED;
	s->left_count--;
	s->left_octets -= maildrop_size_of(m);
	SESSION_SAY(s, "+OK marked");
	session_done(s);
}

void maildrop_rset(struct session *s)
{
	for (size_t i = 0; i < s->drop->count; i++)
		s->marks[i] &= (uint8_t)~MARK_DELETED;
	count_left(s);
	SESSION_SAY(s, "+OK");
	session_done(s);
}
