/* trace_fields -- header lines that smtpgw wrote for the top of a mail when it had seen the whole
 * of it, as they come by XTRACE
 *
 * XTRACE is an extension of LMTP of our own, offered in LHLO: between RCPT and the last chunk,
 * once, `XTRACE n` and n octets that follow the line as those of BDAT do. They are whole lines of
 * header fields, and stand in each recipient's copy below Return-Path, above the content. So what
 * was found out about a mail (Authentication-Results) can be written above the Received field that
 * the content begins with, though the content has gone ahead.
 *
 * OWNERSHIP  trace_fields_clear frees; zeroed is the initial state
 * THREADS    one
 * TRUST      any octets: what is no orderly header line is refused as a whole
 * SEE        RFC 5322 2.1.1, 2.2, 3.6.8; RFC 8601 4.1
 */
#ifndef HATO_PUSHSRV_TRACE_FIELDS_H
#define HATO_PUSHSRV_TRACE_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TRACE_FIELDS_MAX 8192

struct trace_fields {
	char *octets;
	size_t held, room;
};

/* Room for n octets; what was there is gone. E_TOO_LARGE, E_NOMEM. */
int trace_fields_begin(struct trace_fields *f, size_t n);
/* At most as many as there is room for. */
void trace_fields_add(struct trace_fields *f, const uint8_t *in, size_t n);
/* All of it: field lines and their continuations, each ended by CRLF, none over 998 octets, visible
 * ASCII, blanks and UTF-8's octets only. */
bool trace_fields_are_good(const struct trace_fields *f);
void trace_fields_clear(struct trace_fields *f);

#endif
