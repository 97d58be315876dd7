/* smtp_data -- the message on its way through DATA and BDAT
 *
 * Three state machines over octets as they come; how the octets are cut into calls changes nothing
 * in the result.
 *
 *   smtp_data      what follows DATA: finds the end, takes the stuffed dots out, hands the content
 * on in runs smtp_content   looks at content and remembers what is wrong or special in it;
 * smtp_data has one inside, BDAT feeds one itself (its octets are content as they are, dots
 * included) dot_stuff      the other direction: content to what follows DATA, or POP3's RETR
 *
 * Only CR LF ends a line and only CR LF . CR LF, or . CR LF at the very beginning, ends the data.
 * LF.LF, LF.CRLF, CRLF.LF, CR.CR and CRLF NUL.CRLF are content: nothing that another server may
 * take for an end is one here, and the flags let the session refuse it (550 5.5.2) once the true
 * end has come. What a sink was given before is the same octets as sent, less stuffing; nothing is
 * repaired.
 *
 * A sink gets runs of any length > 0 that live until it returns. It cannot stop the reading, since
 * the protocol has to find the end whatever becomes of the mail: a sink that fails or is full keeps
 * that to itself and drops the rest.
 *
 * OWNERSHIP  values, nothing to free, nothing is buffered. THREADS any; a struct belongs to one
 * SPEED      the work is done by memchr over runs, never octet by octet, except in the names of
 * header fields SEE        RFC 5321 2.3.8, 4.1.1.4, 4.5.2; RFC 3030 2; RFC 1939 3; CVE-2023-51764
 */
#ifndef HATO_LIB_WIRE_SMTP_DATA_H
#define HATO_LIB_WIRE_SMTP_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void (*smtp_sink)(void *arg, const uint8_t *run, size_t n);

enum smtp_content_flag {
	SMTP_CONTENT_BARE_CR = 1 << 0,
	SMTP_CONTENT_BARE_LF = 1 << 1,
	SMTP_CONTENT_NUL = 1 << 2,
	SMTP_CONTENT_LONG_LINE = 1 << 3, /* over line_max octets, its CRLF not counted */
	SMTP_CONTENT_DOT_LINE = 1 << 4,  /* a line begins with '.': must be stuffed when sent */
	SMTP_CONTENT_8BIT = 1 << 5,
	SMTP_CONTENT_HEADER_END = 1 << 6, /* there was an empty line */
	SMTP_CONTENT_CUT = 1 << 7         /* did not end with CRLF (set by smtp_content_finish) */
};

/* What 550 5.5.2 is for. */
#define SMTP_CONTENT_UNSAFE (SMTP_CONTENT_BARE_CR | SMTP_CONTENT_BARE_LF | SMTP_CONTENT_NUL)

struct smtp_content {
	unsigned flags;
	unsigned received; /* "Received:" fields before the empty line: more than 100 are a loop */
	uint64_t octets;
	uint64_t line_longest; /* octets of the longest line that has ended */

	uint64_t line_max, line_octets; /* from here on: its own */
	unsigned name_matched;
	bool is_after_cr;
};

void smtp_content_init(struct smtp_content *c, uint64_t line_max);
void smtp_content_feed(struct smtp_content *c, const uint8_t *in, size_t n);

/* After the last octet. Content that does not end with CRLF (only BDAT can carry it) gets
 * SMTP_CONTENT_CUT, and 2 is returned: append CRLF to what was stored, as RFC 3030 asks of who
 * relays such mail by DATA; it is counted in already. Else 0. A CR at the very end counts as bare.
 * Empty content is whole. */
size_t smtp_content_finish(struct smtp_content *c);

struct smtp_data {
	struct smtp_content content;
	int state;
};

/* To be called when 354 is sent: the CRLF of the DATA line is the one before a first dot. */
void smtp_data_init(struct smtp_data *d, uint64_t line_max);

/* Takes *used octets of in[0..n): all of them and returns 0, or up to the end of the data and
 * returns 1 (what is behind is the next command). Fed again after the end it uses nothing and
 * returns 1. `sink` may be null. Content is then empty or ends with CRLF: smtp_content_finish has
 * nothing to say. */
int smtp_data_feed(struct smtp_data *d, const uint8_t *in, size_t n, size_t *used, smtp_sink sink,
		   void *arg);

/* Zeroed is the initial state. */
struct dot_stuff {
	int state;
};

/* Only a dot after CRLF (or at the beginning) is doubled: do not send what is SMTP_CONTENT_UNSAFE.
 */
void dot_stuff_feed(struct dot_stuff *s, const uint8_t *in, size_t n, smtp_sink sink, void *arg);

/* The end: CRLF if the content lacks it, then . CRLF. */
void dot_stuff_end(struct dot_stuff *s, smtp_sink sink, void *arg);

#endif
