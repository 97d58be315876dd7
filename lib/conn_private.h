/* conn_private -- the inside of a conn: for conn*.c, and for who makes one of a socket
 *
 * A conn's life is `state`, which only goes down this list (CONNECTING and the two TLS states lead
 * to OPEN and back). Whatever changes the state or writes calls conn_wake; conn_tick then does the
 * work, on a stack of its own: no callback is called from inside a call of the session's, and
 * nothing is freed under a callback. Writes of one turn leave in one system call there.
 *
 * THREADS  one loop's thread
 */
#ifndef HATO_LIB_CONN_PRIVATE_H
#define HATO_LIB_CONN_PRIVATE_H

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <openssl/ssl.h>
#include <sys/types.h>

#include "lib/conn.h"

enum conn_state {
	CONN_CONNECTING, /* conn_connect is under way */
	CONN_OPEN,
	CONN_BEFORE_TLS, /* what was written leaves in the clear; nothing is read */
	CONN_HANDSHAKE,
	CONN_FLUSHING, /* conn_close: the rest of the output leaves */
	CONN_PARTING,  /* it has left; what the peer still says is thrown away until it hangs up */
	CONN_DONE      /* the next tick ends it */
};

#define CONN_INPUT_CAP   65536 /* unread octets of a peer that we hold; a longer limit raises it */
#define CONN_STALL_US    INT64_C(10000000) /* FLUSHING: the peer must take something in this time */
#define CONN_LINGER_US   INT64_C(60000000) /* FLUSHING: and all of it in this */
#define CONN_PARTING_US  INT64_C(2000000)
#define CONN_SHUTDOWN_US INT64_C(1000000) /* FLUSHING and PARTING, when the process ends */

struct conn {
	struct loop *loop;
	struct evbuffer *in, *out; /* null in PARTING and DONE */
	SSL *ssl;
	const struct conn_ops *ops;
	void *session;
	struct event readable, writable;
	struct event wake;  /* the tick */
	struct event timer; /* for the nearest deadline; may be early, never late */
	SSL_CTX *tls_next;
	char *tls_name; /* whom the handshake is with, as a client; null: nobody in particular */

	int64_t idle_us, total_at_us, last_us;    /* last_us: the peer said or took something */
	int64_t flush_by_us, cut_at_us, armed_us; /* 0: none */
	uint64_t id;
	size_t input_cap;
	size_t scanned; /* of the input: no line feed in there */
	char *line;     /* while lines are taken: an idle connection has none */
	size_t line_size;
	int fd;
	uint8_t state, why;
	bool tls_client; /* we open the TLS handshake */
	bool answered;   /* as its server we have said something: our next words are its last */
	bool corked;     /* the kernel keeps what it was given for what will follow */
	bool holding;    /* output, while it is open */
	bool paused, reading, writing; /* the latter two: which of the events wait */
	bool full;                     /* not reading: as much lies here as we hold of a peer */
	bool eof;                      /* the peer will say no more */
	bool skipping;                 /* until the end of a line that was too long */
	bool input_due, drained_due, shutdown_due;
	bool streaming,
		wake_due; /* inside drained; and what is written there leaves a round later */
	bool asking;      /* inside timed_out: a close is then for `why` */
	struct conn_peer peer;

	/* Whoever made it: called once, when the descriptor is closed. */
	void (*gone)(void *arg, struct conn *c);
	void *gone_arg;
	struct connections *all;
	struct conn *all_next, **all_at;
};

/* Takes the descriptor (which must not block). No callback before conn_attach. E_NOMEM: fd is left
 * open. */
int conn_new(struct loop *loop, int fd, const struct conn_peer *peer, struct conn **out);

/* conn_io.c: the socket, plain and under TLS. */
void conn_io_init(struct conn *c);
void conn_io_fini(struct conn *c); /* what was not sent is dropped; the descriptor stays open */
void conn_read_on(struct conn *c);
void conn_read_off(struct conn *c);
void conn_write_on(struct conn *c); /* until all is sent, or a handshake or a connect goes on */
void conn_write_off(struct conn *c);
void conn_room_made(struct conn *c); /* input was taken, or more may be held */
/* As much as the socket takes; false: it never will. What leaves while the conn is FLUSHING leaves
 * together with its end. */
bool conn_send(struct conn *c);
/* send(2), held back where more is to come at once. */
ssize_t conn_put(struct conn *c, const void *octets, size_t n);
/* Nothing came: what the kernel keeps leaves. */
void conn_uncork(struct conn *c);
/* As much as is there and may be held: 0, E_AGAIN (nothing), E_CLOSED (the peer will say no more),
 * E_IO. */
int conn_receive(struct conn *c);
/* 0: it is up; E_AGAIN: the event that goes on with it waits; E_IO. */
int conn_shake_hands(struct conn *c);

/* conn_bio.c: false: no memory. */
bool conn_bio_set(struct conn *c);

/* conn_turn.c: what the events say, and the tick. */
void conn_on_readable(evutil_socket_t fd, short what, void *arg);
void conn_on_writable(evutil_socket_t fd, short what, void *arg);
void conn_wake(struct conn *c);
void conn_on_wake(evutil_socket_t fd, short what, void *arg);
/* The process ends: asks, now or when the session resumes, and cuts after CONN_SHUTDOWN_S. */
void conn_shut_down(struct conn *c);

void connections_add(struct connections *all, struct conn *c);
void connections_remove(struct conn *c);

void conn_timer_init(struct conn *c);
void conn_timer_arm(struct conn *c); /* a deadline came nearer */

/* The ways down: asks the session, flushes first, at once, at once because the peer takes nothing.
 */
void conn_ask(struct conn *c, enum conn_end why);
void conn_finish(struct conn *c, enum conn_end why);
void conn_end(struct conn *c, enum conn_end why);
void conn_cut(struct conn *c, enum conn_end why);
void conn_give_up(struct conn *c);

#endif
