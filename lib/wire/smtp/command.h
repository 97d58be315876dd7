/* smtp_command -- one command line of SMTP or LMTP, read
 *
 * The line comes without its CRLF; its length is the caller's limit to keep. What was read is a
 * value: the verb, and of its arguments those that its row in the table of verbs knows. Which verb
 * may come when, and what is answered to a legal one, is the session's. A verb of the other dialect
 * (HELO and EHLO in LMTP, LHLO in SMTP) is unknown.
 *
 * Lenient where clients are sloppy and nothing is lost: any case, spaces around the line's words,
 * spaces between `FROM:` and the path. Strict elsewhere: no path without brackets, no tab or other
 * control inside, no parameter twice, no parameter that was not offered. xtext (AUTH=, ENVID=,
 * ORCPT=) is kept decoded and holds no control character, so a line break cannot be smuggled into a
 * report.
 *
 * BDAT   its octets follow the line whatever is answered, and so do XTRACE's: after such a line
 * that fails to parse, where the next command begins is unknown, so close the connection. OWNERSHIP
 * `out` is a value but for `argument` and `parameter`, which point into the line. THREADS any TRUST
 * the line comes off the network: any length, any bytes. AUTH's argument is a secret: do not log
 * lines. SEE    RFC 5321 4.1.1 and 4.1.2, 2033 (LHLO), 1870 (SIZE), 6152 (BODY), 3030 (BDAT), 6531
 * (SMTPUTF8), 4954 (AUTH), 3461 (DSN), 3207 (STARTTLS), 3463 (enhanced codes)
 */
#ifndef HATO_LIB_WIRE_SMTP_COMMAND_H
#define HATO_LIB_WIRE_SMTP_COMMAND_H

#include "lib/wire/mailaddr.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SMTP_HELO_MAX      255
#define SMTP_MECHANISM_MAX 20  /* RFC 4422 3.1 */
#define SMTP_ENVID_MAX     100 /* RFC 3461 4.4, counted encoded */
#define SMTP_ORCPT_MAX     500 /* RFC 3461 4.2, counted encoded */
#define SMTP_XID_MAX       48

enum smtp_verb {
	SMTP_UNKNOWN,
	SMTP_HELO,
	SMTP_EHLO,
	SMTP_LHLO,
	SMTP_MAIL,
	SMTP_RCPT,
	SMTP_DATA,
	SMTP_BDAT,
	SMTP_RSET,
	SMTP_NOOP,
	SMTP_QUIT,
	SMTP_VRFY,
	SMTP_EXPN,
	SMTP_HELP,
	SMTP_STARTTLS,
	SMTP_AUTH,
	SMTP_XTRACE /* ours, in LMTP: octets of header lines follow, as those of BDAT do */
};

enum smtp_param {
	SMTP_PARAM_SIZE = 1 << 0,
	SMTP_PARAM_BODY = 1 << 1,
	SMTP_PARAM_SMTPUTF8 = 1 << 2,
	SMTP_PARAM_AUTH = 1 << 3,
	SMTP_PARAM_RET = 1 << 4,
	SMTP_PARAM_ENVID = 1 << 5,
	SMTP_PARAM_NOTIFY = 1 << 6,
	SMTP_PARAM_ORCPT = 1 << 7,
	SMTP_PARAM_XATOMIC = 1 << 8, /* ours, on LMTP's MAIL: the message is stored for all
					recipients or for none */
	SMTP_PARAM_XID = 1 << 9      /* ours, too: the name of the mail in the queue that it comes
					from; who has it already does not get it again */
};

#define SMTP_PARAMS_DSN (SMTP_PARAM_RET | SMTP_PARAM_ENVID | SMTP_PARAM_NOTIFY | SMTP_PARAM_ORCPT)

enum smtp_body { SMTP_BODY_UNSAID, SMTP_BODY_7BIT, SMTP_BODY_8BITMIME, SMTP_BODY_BINARYMIME };
enum smtp_ret { SMTP_RET_UNSAID, SMTP_RET_FULL, SMTP_RET_HDRS };
enum smtp_notify {
	SMTP_NOTIFY_NEVER = 1 << 0, /* alone */
	SMTP_NOTIFY_SUCCESS = 1 << 1,
	SMTP_NOTIFY_FAILURE = 1 << 2,
	SMTP_NOTIFY_DELAY = 1 << 3
};

/* Why a line was refused; smtp_command_refusal has the answer to it. */
enum smtp_fault {
	SMTP_FAULT_NONE,
	SMTP_FAULT_VERB,      /* E_SYNTAX: no such command */
	SMTP_FAULT_SYNTAX,    /* E_SYNTAX: its arguments */
	SMTP_FAULT_PATH,      /* E_SYNTAX or E_TOO_LARGE: the address */
	SMTP_FAULT_PARAMETER, /* E_RANGE: one that does not exist or was not offered; see
				 `parameter` */
	SMTP_FAULT_VALUE, /* E_SYNTAX: a parameter's value, or a parameter twice; see `parameter` */
	SMTP_FAULT_UTF8   /* E_RANGE: a non-ASCII address without SMTPUTF8 */
};

/* What this server speaks. */
struct smtp_dialect {
	bool is_lmtp;
	bool is_utf8;    /* this transaction's MAIL asked for SMTPUTF8: RCPT may be non-ASCII */
	unsigned params; /* of enum smtp_param: offered */
};

struct smtp_command {
	enum smtp_verb verb; /* told even when the rest is refused */
	enum smtp_fault fault;
	char domain[SMTP_HELO_MAX +
		    1];       /* HELO, EHLO, LHLO: one word of visible ASCII, else unchecked */
	struct mailaddr path; /* MAIL, RCPT */
	char mechanism[SMTP_MECHANISM_MAX + 1]; /* AUTH, upper case */
	/* VRFY, EXPN, HELP, NOOP: the text; AUTH: the initial response, null if there is none,
	 * length 0 if it is "=" */
	const char *argument;
	size_t argument_len;

	unsigned params; /* of enum smtp_param: seen */
	const char *parameter;
	size_t parameter_len; /* the name of the one that is at fault */
	uint64_t size_bytes;  /* SIZE; UINT64_MAX if it is more than that */
	enum smtp_body body;
	struct mailaddr auth;       /* AUTH=; null for <> */
	char xid[SMTP_XID_MAX + 1]; /* letters, digits, '.' and '-' */
	enum smtp_ret ret;
	unsigned notify;
	char envid[SMTP_ENVID_MAX + 1]; /* decoded */
	char orcpt[SMTP_ORCPT_MAX +
		   1]; /* "type;address", the address decoded, the type in lower case */

	uint64_t chunk_bytes; /* BDAT, XTRACE */
	bool is_last;
};

struct smtp_refusal {
	int code;
	const char *enhanced;
	const char *text;
};

/* Always fills *out; 0 or what enum smtp_fault says. */
int smtp_command_parse(const char *line, size_t len, const struct smtp_dialect *dialect,
		       struct smtp_command *out);

/* The answer to a command with a fault: 500 5.5.1, 501 5.5.4, 501 5.1.7 (MAIL) or 5.1.3 (RCPT),
 * 555 5.5.4, 553 5.6.7. */
struct smtp_refusal smtp_command_refusal(const struct smtp_command *command);

/* "MAIL", ... for logs and counters; "unknown" for SMTP_UNKNOWN. */
const char *smtp_verb_name(enum smtp_verb verb);

#endif
