/* pop3 -- one command line of POP3, read
 *
 * The line comes without its CRLF. Verbs in any case; spaces around the words of a line do not
 * matter, but for PASS, which takes all that follows its one space, spaces included. Which verb may
 * come when, and what is answered, is the session's.
 *
 * OWNERSHIP  `out` is a value; text and initial point into the line. THREADS any
 * TRUST      the line comes off the network: any length, any octets. PASS and AUTH hold secrets: do
 *            not log lines.
 * ERRORS     E_SYNTAX: unknown verb, wrong arguments, NUL, CR or LF in the line; E_RANGE: a message
 *            number that is none (0, over 32 bits): "no such message"; E_TOO_LARGE: over
 *            POP3_LINE_MAX (AUTH: POP3_AUTH_LINE_MAX). The verb is told with each of them if it is
 *            known.
 * SEE        RFC 1939 3, 5 to 7; 2449 4 (lengths), 5 (CAPA); 2595 4 (STLS); 5034 4 (AUTH);
 *            6856 2 and 3 (UTF8, LANG)
 */
#ifndef HATO_LIB_WIRE_POP3_H
#define HATO_LIB_WIRE_POP3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Octets of a line without its CRLF. AUTH may carry an initial response of SASL_LINE_MAX. */
#define POP3_LINE_MAX      253
#define POP3_AUTH_LINE_MAX (12288 + 64)

enum pop3_verb {
	POP3_UNKNOWN,
	POP3_USER,
	POP3_PASS,
	POP3_APOP,
	POP3_QUIT,
	POP3_STAT,
	POP3_LIST,
	POP3_RETR,
	POP3_DELE,
	POP3_NOOP,
	POP3_RSET,
	POP3_TOP,
	POP3_UIDL,
	POP3_CAPA,
	POP3_STLS,
	POP3_AUTH,
	POP3_UTF8,
	POP3_LANG
};

struct pop3_command {
	enum pop3_verb verb; /* told even when the rest is refused */
	bool has_arg;        /* LIST, UIDL: msgno is one; AUTH, LANG: text is there */
	uint32_t msgno;      /* LIST, RETR, DELE, TOP, UIDL: 1 and up */
	uint32_t lines;      /* TOP; more than 32 bits hold is UINT32_MAX */
	/* USER: the name. PASS: the password, may be empty. APOP: the name. AUTH: the mechanism.
	 * LANG: the tag. */
	const char *text;
	size_t text_len;
	/* AUTH: the initial response, null if there is none, "=" as it stands. APOP: the digest. */
	const char *initial;
	size_t initial_len;
};

/* Always fills *out; 0 or an error above. */
int pop3_command_parse(const char *line, size_t len, struct pop3_command *out);

/* "USER", ... for logs and counters; "unknown" for POP3_UNKNOWN. */
const char *pop3_verb_name(enum pop3_verb verb);

#endif
