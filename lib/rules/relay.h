/* relay -- what an answer of another host means to a mail, when it is tried again, and who is told
 *
 * smtpgw's runner brings what became of an attempt (relay_answer) and asks: is the recipient
 * delivered, deferred or failed; if deferred, when is the next attempt, or is its time over; what
 * does the sender hear (relay_notice); is the address one that he is not to try again
 * (relay_suppression). The meaning follows from the stage and the code's first digit, but for a
 * few:
 *
 *     before MAIL     whatever a host says to a connection, it says nothing of the mail: deferred.
 *                     So are TLS that is required and not to be had, and a connection that fails
 *     MAIL ... end    2xx delivered, 4xx deferred, 5xx failed; 552 5.5.3 to RCPT, and any 552 of
 *                     RFC 821's kind to RCPT ("too many recipients"), is deferred
 *     no answer       the connection was lost or the other host talks nonsense: deferred, also
 *                     after the end of the content, when it may have the mail: never lost, at worst
 *                     twice
 *     ours            what we know without it: no such domain, null MX, a loop, too large,
 *                     SMTPUTF8 that it lacks: as the enhanced code's class says
 *
 * Attempt n waits retry[n-1] after the one before, the last of them again and again, less up to a
 * tenth by the mail's own number: mails that failed together do not come back together. The last
 * attempt is at give_up_us after the mail came; what is deferred then is given up. One attempt is
 * at warn_us, so that the sender hears in time that his mail is late.
 *
 * The sender is told as NOTIFY says (RFC 3461 4.1); without NOTIFY of failures, and once of a
 * delay. A mail from <> is nobody's: nobody is told, whatever becomes of it, so there is no bounce
 * of a bounce. SUCCESS is told of by who delivers, or who hands on to a host without DSN.
 *
 * Only what says that the address itself is dead puts it on the sender's list: 5.1.1, 5.1.2 and
 * 5.1.10, by the host at RCPT or by DNS; 5.2.1 (a mailbox that is closed) when it comes again.
 * Never a 4xx, never a refusal by policy (5.7.x), never a code of a whole mail, never a bare 550.
 *
 * Pure: no clock, no I/O, no settings; any thread. Times in microseconds.
 * SEE  RFC 5321 4.2.1, 4.5.3.1.10, 4.5.4.1, 6.1; RFC 3461 4.1, 5.2, 6; RFC 3463; docs/bounces.md
 */
#ifndef HATO_LIB_RULES_RELAY_H
#define HATO_LIB_RULES_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/wire/smtp/command.h"
#include "lib/wire/smtp/reply.h"

#define RELAY_GAPS_MAX 16
#define RELAY_TEXT_MAX 500 /* of an answer; more is cut */
#define RELAY_NAME_MAX 255 /* of the host that gave it */

enum relay_stage {
	RELAY_STAGE_NONE,  /* there is no answer */
	RELAY_STAGE_ROUTE, /* before there was a host: names, loops, our own limits */
	RELAY_STAGE_CONNECT,
	RELAY_STAGE_GREETING,
	RELAY_STAGE_HELLO, /* EHLO, HELO */
	RELAY_STAGE_TLS,
	RELAY_STAGE_MAIL,
	RELAY_STAGE_RCPT,
	RELAY_STAGE_DATA,   /* DATA, and the content on its way */
	RELAY_STAGE_CONTENT /* after its end */
};

struct relay_answer {
	enum relay_stage stage;
	int code;                             /* 0: not the other host's word but ours */
	char enhanced[SMTP_ENHANCED_MAX + 1]; /* "" if it gave none */
	char text[RELAY_TEXT_MAX + 1];        /* one line of visible ASCII */
};

enum relay_fate { RELAY_DELIVERED, RELAY_DEFERRED, RELAY_FAILED };

enum relay_fate relay_judge(const struct relay_answer *a);

/* "5.0.0", "4.0.0", "2.0.0": what stands for the enhanced code of an answer without one. */
const char *relay_enhanced(const struct relay_answer *a);

struct relay_schedule {
	int64_t give_up_us; /* after the mail was received */
	int64_t warn_us;    /* the same; 0: nobody is warned */
	struct {
		int64_t us[RELAY_GAPS_MAX];
		size_t count; /* > 0 */
	} retry;
};

/* After attempt number `attempts` (1 the first). False: its time is over. */
bool relay_next(const struct relay_schedule *s, int64_t received_us, uint32_t attempts,
		int64_t mail_id, int64_t now_us, int64_t *next_us);

/* ---- who is told ---- */

enum relay_notice {
	RELAY_NO_NOTICE,
	RELAY_NOTICE_FAILED,
	RELAY_NOTICE_DELAYED,
	RELAY_NOTICE_DELIVERED,
	RELAY_NOTICE_RELAYED /* handed on to who gives no notices */
};

/* What became of a recipient. */
struct relay_course {
	enum relay_fate fate;
	bool is_expired;    /* RELAY_DEFERRED, and its time is over: as bad as RELAY_FAILED */
	bool is_final;      /* RELAY_DELIVERED: into a mailbox of ours */
	bool passes_notify; /* RELAY_DELIVERED: to a host that has taken NOTIFY over */
	bool is_warned;     /* he was told of a delay before */
	bool has_sender;    /* the mail is not from <> */
	unsigned notify;    /* of enum smtp_notify; 0: it was not said */
	int64_t waited_us;  /* since it was received */
};

enum relay_notice relay_notice(const struct relay_schedule *s, const struct relay_course *c);

/* ---- who is not to be tried again ---- */

enum relay_suppression {
	RELAY_SUPPRESS_NOT,
	RELAY_SUPPRESS_REPEATED, /* put it on the list; it counts from the second time on */
	RELAY_SUPPRESS
};

enum relay_suppression relay_suppression(const struct relay_answer *a);
/* Does an entry of the list refuse mail, with this reason and so many times? */
bool relay_suppresses(const char *enhanced, uint32_t count);

#endif
