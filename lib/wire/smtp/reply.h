/* smtp_reply -- answers of SMTP and LMTP, read and written
 *
 * Reading is for a client (LMTP to pushsrv, SMTP to other carriers): give it line after line,
 * without CRLF, until it says that the reply is whole. The text may end up in a log or a bounce, so
 * control characters and non-ASCII in it become
 * '?'. The enhanced code is taken off the text of each line that has one of the reply's class; the
 * first is kept. The code's first digit must be 2 to 5; whether it fits the command is the client's
 * to judge.
 *
 * Writing is for a server: the text may have several lines, '\n' between them; a line that would
 * pass 512 octets is broken into more, at a space if there is one.
 *
 * OWNERSHIP  values, nothing to free. THREADS any
 * TRUST      lines to read come off the network. Text to write may: what could break the line
 * becomes '?' SEE        RFC 5321 4.2, 4.5.3.1.5; RFC 2034 (enhanced codes); RFC 3463
 */
#ifndef HATO_LIB_WIRE_SMTP_REPLY_H
#define HATO_LIB_WIRE_SMTP_REPLY_H

#include <stdbool.h>
#include <stddef.h>

#define SMTP_REPLY_LINE_MAX  512  /* written, with CRLF */
#define SMTP_REPLY_LINES_MAX 128  /* read */
#define SMTP_REPLY_TEXT_MAX  4095 /* read; more is cut */
#define SMTP_ENHANCED_MAX    9    /* "5.123.123" */

struct smtp_reply {
	int code;                             /* 200..599 */
	char enhanced[SMTP_ENHANCED_MAX + 1]; /* "" if there is none */
	char text[SMTP_REPLY_TEXT_MAX + 1];   /* of all lines, '\n' between them */
	size_t text_len;
	unsigned lines;
	bool is_cut;
};

/* Makes ready for the next reply. */
void smtp_reply_init(struct smtp_reply *r);

/* 0: this was the last line. E_AGAIN: there is more to come. E_SYNTAX: no reply, or another code
 * than the line before. E_TOO_LARGE: too many lines. After the last two the conversation has lost
 * its thread: close it. */
int smtp_reply_line(struct smtp_reply *r, const char *line, size_t len);

/* EHLO's and LHLO's answer: what stands behind the keyword (any case; "" if nothing), up to '\n' or
 * NUL; null if it was not offered. Points into r. The first line is the greeting and no keyword. */
const char *smtp_reply_keyword(const struct smtp_reply *r, const char *keyword);

/* "CODE[-| ][ENHANCED ]TEXT CRLF", as many lines as it takes, and a NUL. `enhanced` may be null
 * (EHLO, 354, 334, 220). Returns the octets without the NUL, or E_TOO_LARGE. */
int smtp_reply_format(char *buf, size_t size, int code, const char *enhanced, const char *text);

#endif
