/* client -- our side of one SMTP connection to another host, as a state machine that does no I/O
 *
 * Its driver (link; in the tests arrays of octets) brings what the host says, line by line, and
 * does what the ops ask for:
 *
 *     GREETING   waits for 220
 *     EHLO       and, where that is refused, HELO
 *     STARTTLS   waits for the go-ahead, then SECURING until client_secured, then EHLO again
 *     READY      a mail may begin: client_mail
 *     ENVELOPE   MAIL, RCPT..., DATA are out: all at once where the host has PIPELINING, else one
 *                by one
 *     CONTENT    the driver brings the octets: client_content. DATA, dots stuffed; BDAT in the
 *                driver's pieces where the host has CHUNKING
 *     FINAL      after the end of it, until the last answer
 *     ENDED      of no use any more: ops.ended; close
 *
 * A mail ends in ops.done: then each of its recipients has an answer, the host's own words or ours,
 * whatever the host did: closed, stayed silent (client_broken), answered nonsense or to what was
 * not asked. The next mail goes over the same connection, after RSET if the last one was broken
 * off. A recipient who was to wait because the mail has too many of them has is_again set.
 *
 * Where the host lacks something: SMTPUTF8 that the mail needs is 5.6.7, a SIZE below the mail's is
 * 5.3.4, DSN parameters are left out. 8BITMIME that it lacks is no reason not to send the mail: its
 * octets go as they are, as qmail and Exim do it; a conversion would break signatures.
 *
 * What goes out has CRLF at the end of every line and no CR or LF elsewhere, whatever came in; text
 * of the envelope that could not be told from a command is refused (5.1.3) rather than sent.
 *
 * OWNERSHIP  the mail and its texts are borrowed from client_mail to `done`. `ended`, `done` and
 *            `ready` are the last act of a call: in them everything but freeing the client is
 *            allowed; each call of the driver makes at most one of them, but for `done` that is
 *            followed by `ended`.
 * THREADS    one
 * TRUST      lines come off the network: any bytes
 * SEE        RFC 5321, 2920, 3030, 3207, 1870, 6152, 6531, 3461 5.1 (DSN), 2034
 */
#ifndef HATO_SMTPGW_RELAY_CLIENT_H
#define HATO_SMTPGW_RELAY_CLIENT_H

#include "lib/rules/relay.h"
#include "lib/wire/smtp/command.h"
#include "lib/wire/smtp/data.h"

#define CLIENT_LINE_MAX 4096 /* of a reply; who sends more is broken */

enum client_tls { CLIENT_TLS_OFF, CLIENT_TLS_OPPORTUNISTIC, CLIENT_TLS_REQUIRED };

struct client_settings {
	const char *hostname; /* said in EHLO; a host that greets with it is ourselves */
	enum client_tls tls;
};

enum client_state {
	CLIENT_GREETING,
	CLIENT_EHLO,
	CLIENT_HELO,
	CLIENT_STARTTLS,
	CLIENT_SECURING,
	CLIENT_READY,
	CLIENT_ENVELOPE,
	CLIENT_CONTENT,
	CLIENT_FINAL,
	CLIENT_ENDED
};

enum client_offer {
	CLIENT_PIPELINING = 1 << 0,
	CLIENT_SIZE = 1 << 1,
	CLIENT_8BITMIME = 1 << 2,
	CLIENT_SMTPUTF8 = 1 << 3,
	CLIENT_DSN = 1 << 4,
	CLIENT_CHUNKING = 1 << 5,
	CLIENT_CAN_TLS = 1 << 6
};

struct client_recipient {
	const char *address; /* as it goes between < and > */
	unsigned notify;     /* of enum smtp_notify; 0: nothing was said */
	const char *orcpt;   /* "type;address", decoded; "" */
	struct relay_answer answer;
	bool is_again; /* refused only because there were too many: in another mail at once */
};

struct client_mail {
	const char *reverse_path; /* as it goes between < and >; "" */
	const char *envid;        /* decoded; "" */
	enum smtp_ret ret;
	uint64_t size; /* of the content */
	size_t top;    /* octets that the driver puts on top of it */
	bool is_8bit, needs_utf8;
	bool passes_dsn; /* set: the host was told what the sender wants to hear (NOTIFY, ...) */
	struct client_recipient *recipients;
	size_t count;
};

struct client_ops {
	void (*write)(void *arg, const void *octets, size_t n);
	void (*start_tls)(void *arg); /* flush, then negotiate, then client_secured */
	void (*ready)(void *arg);     /* for the first time */
	void (*content)(void *arg);   /* bring it now; not from inside this call */
	void (*done)(void *arg);
	void (*ended)(void *arg);
};

struct client {
	const struct client_settings *settings;
	const struct client_ops *ops;
	void *arg;
	enum client_state state;
	unsigned offers;   /* of enum client_offer */
	uint64_t size_max; /* 0: not told */
	bool is_tls;
	uint32_t mails; /* that it was given */

	/* Why it is of no use, if it was never READY: its host's fault, not a mail's. */
	struct relay_answer failure;

	struct client_mail *mail; /* null: none */
	bool needs_rset;
	bool is_closing; /* 421 was said: no more after this mail */
	size_t asked;    /* steps of the envelope: see client_envelope.c */
	size_t answered;
	size_t accepted;  /* recipients */
	bool is_refused;  /* by MAIL */
	size_t chunks;    /* BDAT commands without an answer */
	bool is_after_cr; /* of the content */
	bool ends_line;
	struct dot_stuff stuff;
	struct smtp_reply reply;
};

void client_init(struct client *c, const struct client_settings *settings,
		 const struct client_ops *ops, void *arg);

/* A line that the host said, without CRLF. */
void client_line(struct client *c, const char *line, size_t n);
void client_secured(struct client *c);
/* The connection is gone, or to be given up: nothing was heard in time, a line was too long. `text`
 * is our word for it, `enhanced` its code: 4.4.2, 4.4.1, ... */
void client_broken(struct client *c, const char *enhanced, const char *text);

/* READY. E_SYNTAX: a text of the mail cannot be sent: nothing happened. */
int client_mail(struct client *c, struct client_mail *mail);
/* CONTENT. is_last: the end, maybe with no octets. What comes after the host's early answer is
 * dropped. */
void client_content(struct client *c, const uint8_t *octets, size_t n, bool is_last);
/* READY: says QUIT, then `ended`. Else: nothing more after this mail. */
void client_quit(struct client *c);

/* What the host is to do now, and so how long it may take. */
enum client_wait {
	CLIENT_WAIT_NOTHING, /* READY, SECURING, ENDED */
	CLIENT_WAIT_GREETING,
	CLIENT_WAIT_COMMAND,
	CLIENT_WAIT_DATA,
	CLIENT_WAIT_BLOCK, /* to take the next piece of content */
	CLIENT_WAIT_FINAL,
	CLIENT_WAITS
};
enum client_wait client_waits_for(const struct client *c);

#endif
