/* session -- one peer of popgw: RFC 1939's states over one connection
 *
 *   AUTHORIZATION --login--> TRANSACTION --QUIT after DELE--> UPDATE --> ENDED
 *         |                       |
 *         +-------- QUIT, timeout, peer gone, binding moved, stop ----> ENDED       (README.md has
 * the whole table)
 *
 * Only session_enter changes the state. One command runs at a time: while it waits (for the store,
 * for the client to take output) input waits, and session_done starts the next one. Before every
 * command that shows or changes anything the store must say that the binding still is (subscriber,
 * generation) and opens mail: session_check. If not, the socket is closed without flushing and
 * nothing is deleted.
 *
 * OWNERSHIP  made by session_accept, frees itself when the connection is closed, no store operation
 * is in flight and the maildrop's lock is no longer its own. So: every completion begins with
 * session_back(), and goes no further if that says false. THREADS    one worker's; only `lock` is
 * seen by others (maildrop_lock.h) SEE        RFC 1939, 2449, 2595, 3206, 5034, 6856; binding-rules
 * 5
 */
#ifndef HATO_POPGW_SESSION_H
#define HATO_POPGW_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "db/identity.h"
#include "lib/conn.h"
#include "lib/wire/pop3.h"
#include "lib/wire/sasl.h"
#include "lib/wire/smtp/data.h"
#include "popgw/counters.h"
#include "popgw/maildrop_lock.h"
#include "popgw/output.h"
#include "popgw/top.h"
#include "popgw/worker.h"

enum pop_state { POP_AUTHORIZATION, POP_TRANSACTION, POP_UPDATE, POP_ENDED, POP_STATES };

/* A login on its way: the credentials of whatever form, and the SASL exchange that brings them. */
struct login {
	struct sasl_server sasl;
	bool by_sasl;         /* credentials came by AUTH; else by USER and PASS */
	bool exchanging;      /* the next line belongs to the exchange */
	bool has_user;        /* USER was said */
	bool user_token;      /* ... and its name was a token: PASS brings nothing */
	enum refusal refused; /* decided, but the mechanism wants one more line before it is said */
};

/* Who it turned out to be: what the three keys said. */
struct who {
	struct key key;
	uint32_t generation;
	int64_t subscriber; /* 0: nobody yet */
	char msisdn[MSISDN_MAX];
};

/* Where an answer under way has got to. */
struct place {
	size_t index;    /* LIST, UIDL: next message; RETR, TOP: the message */
	uint64_t offset; /* RETR, TOP: octets of the message read so far */
	uint64_t total;
	bool is_top;
	bool stuffs;     /* the body has lines that begin with a dot */
	uint8_t tail[2]; /* the last octets written */
	struct dot_stuff dots;
	struct top top;
};

enum mark { MARK_DELETED = 1, MARK_READ = 2 /* RETR or TOP sent something of it */ };
#define MARKS_SMALL 64

struct session {
	struct worker *worker;
	struct conn *conn; /* null once it is closed */
	const char *realm;
	struct addr addr; /* the peer, as the kernel says */
	uint16_t port;
	uint64_t id;

	enum pop_state state;
	enum close_reason reason; /* of POP_ENDED */
	unsigned ops;             /* completions that will come */
	unsigned errors;
	bool in_command; /* a command is not finished: input waits */
	bool reading;    /* session_input is on the stack */
	bool paused;
	bool backlogged; /* nothing but the client's slowness keeps the next command back */
	bool securing;   /* a TLS handshake is under way */
	bool updating;   /* deletions are with the store: the lock stays until they are done */
	bool has_lock;   /* of the maildrop: taken and not given back, perhaps lost by now */
	bool lost;       /* it was taken over, and we have heard */
	bool rechecking; /* waits for the worker to look at its binding */
	bool in_queue;   /* it had so many commands that it waits for its next turn */
	struct loop_task turn;

	struct pop3_command command;
	void (*checked)(struct session *s); /* goes on when session_check is content */
	struct login login;
	struct identity_check identity; /* of the login on its way */
	struct who who;
	struct binding_told seen;     /* the binding, when it was looked at last */
	struct maildrop_holder rival; /* who was in the way at login */
	struct maildrop_lock lock;
	unsigned lock_tries;
	struct loop_timer *patience; /* for the next of them; null until one was needed */

	struct maildrop *drop;
	uint8_t *marks; /* a byte of enum mark a message; marks_small if they fit */
	uint8_t marks_small[MARKS_SMALL];
	size_t left_count;    /* messages without MARK_DELETED */
	uint64_t left_octets; /* and their sizes */
	uint32_t listed_uid;  /* the highest uid that was shown */
	size_t read_count;    /* messages with MARK_READ */

	struct output output;
	struct place place;

	int64_t began_us;
	uint64_t sent_octets; /* of messages */
	size_t deleted_count; /* committed */

	/* The worker's lists. */
	struct session *next, **link;
	struct session *next_by_subscriber, **link_by_subscriber;
	struct session *next_by_key, **link_by_key;
	struct session *next_recheck;
};

/* A constant answer without its CRLF, in one write. */
#define SESSION_SAY(s, text) conn_write((s)->conn, text "\r\n", sizeof(text "\r\n") - 1)

void session_accept(struct worker *w, const char *realm, struct conn *c);

/* The only writer of s->state. */
void session_enter(struct session *s, enum pop_state to);
const char *pop_state_name(enum pop_state state);

/* The command is finished and answered: the next line may come. */
void session_done(struct session *s);
/* A wrong command or login: `text` is the -ERR line; the one too many ends the session. Finishes
 * the command. */
void session_wrong(struct session *s, const char *text);
/* Ends it: output is flushed or cut as the reason says. Later calls change nothing. */
void session_end(struct session *s, enum close_reason reason);

/* Gives the maildrop's lock back, once; not while deletions are with the store. */
void session_unlock(struct session *s);

/* A store operation begins; its completion calls session_back: false if the session has ended (it
 * may be gone then). */
void session_ask(struct session *s);
bool session_back(struct session *s);
/* After whatever may have been the last thing a dead session waited for. */
void session_settle(struct session *s);

/* Asks the store whether the binding still opens this mail, then `then`; else ends the session (or,
 * if the store cannot be asked, answers [SYS/TEMP]). */
void session_check(struct session *s, void (*then)(struct session *s));
/* The same for a change that the feed told of; nothing happens if all is well. */
void session_recheck(struct session *s);
/* Somebody who must not see this mail any more is on the line. */
void session_cut_moved(struct session *s, const struct binding *now);

/* login.c */
void login_user(struct session *s);
void login_pass(struct session *s);
void login_auth(struct session *s);
void login_answer(struct session *s, const char *line, size_t length);
/* Drops what a login has brought so far. */
void login_forget(struct session *s);
/* The end of identify_start. */
void login_decided(struct session *s, enum refusal why);
bool login_is_offered(const struct session *s);

/* verbs.c: a line in any state. */
void verbs_run(struct session *s, const char *line, size_t length);

/* maildrop.c */
/* Takes `drop` over; E_NOMEM. */
int maildrop_adopt(struct session *s, struct maildrop *drop);
void maildrop_close(struct session *s);
uint64_t maildrop_size_of(const struct maildrop_message *m);
/* The message that the command names; null: there is none, and that was answered. */
struct maildrop_message *maildrop_named(struct session *s);
void maildrop_show(struct session *s, const struct maildrop_message *m);
void maildrop_stat(struct session *s);
void maildrop_list(struct session *s);
void maildrop_uidl(struct session *s);
void maildrop_dele(struct session *s);
void maildrop_rset(struct session *s);

/* retr.c */
void retr_begin(struct session *s);
void retr_top(struct session *s);

/* update.c */
void update_quit(struct session *s);
/* A session that ends without QUIT: what was read through its binding is put on record; nothing is
 * deleted or cleared. */
void update_abandon(struct session *s);

#endif
