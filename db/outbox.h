/* outbox -- the triggers' door to the store: what is due, taken in groups; what became of it
 *
 * The outbox has one row a mailbox with unread news (lib/rules/schedule.h says what is in it and
 * what is decided over it). Nothing leaves for a phone that is not in the send log first: one
 * transaction looks who the subscriber is, where his phone is bound and whether he may be told,
 * lets the schedule decide, renews the timestamp where there is news, writes the send log and the
 * access record, and the row with this sending counted and its next time set. What that transaction
 * returns is to be sent after its commit; where it is not (a crash, an address that moved
 * meanwhile), the schedule repeats it.
 *
 * The same is done inside the transaction that accepts the first mail of a mailbox (one commit lies
 * between mail and datagram). Its datagrams leave by the writer's own thread, as soon as its COMMIT
 * has returned (triggers_prompt); where nobody asked for that, or a group has many, the change
 * feed's CHANGE_MAIL says which rows of the send log are to be sent.
 *
 * CALLERS    pushsrv's trigger thread. The rules are db_options.schedule.
 * OWNERSHIP, THREADS, ERRORS and callbacks as in db.h
 * SEE        binding-rules 5, 6; docs/sms.md
 */
#ifndef HATO_DB_OUTBOX_H
#define HATO_DB_OUTBOX_H

#include "db/db.h"
#include "lib/wire/push/emn.h"

#define TRIGGER_TARGETS_MAX                                                                        \
	8 /* bindings that one trigger goes to: a family or two in each realm                      \
	   */
#define SMSC_NAME_MAX 64
#define SMS_ID_MAX    66 /* message_id of SMPP, with its NUL */

/* How a short message tells. */
enum sms_form { SMS_FORM_PUSH, SMS_FORM_TEXT };

/* What is of use of a binding's row, as it was in one commit of the bindings. */
struct binding_seen {
	int64_t commit; /* 0: nothing was seen */
	enum key_state state;
	int64_t expires_us;
	struct addr host;
	uint8_t trigger_key[TRIGGER_KEY_BYTES];
};

/* One sending, logged. */
struct trigger_out {
	int64_t log; /* its row of the send log */
	enum bearer bearer;
	int64_t subscriber;
	struct key key;           /* UDP: where to. SMS: a confirmed lease, whose key signs it */
	uint32_t generation;      /* SMS: 0: there is no such lease */
	struct binding_seen seen; /* when it was decided */
	char msisdn[MSISDN_MAX];
	char mailbox[EMN_MAILBOX_MAX + 1];
	enum sms_form form;
	uint8_t tid; /* new for each sending */
	int64_t timestamp_s;
	uint32_t covered_uid;
	uint32_t attempts; /* by this bearer, this one counted */
	int64_t mailed_us, logged_us;
	int64_t next_us; /* when the next one is due */
};

/* What to take. */
struct trigger_take {
	enum bearer bearer; /* the queue */
	int64_t now_us;
	size_t limit;         /* rows */
	size_t sms_room;      /* short messages at most, whatever the queue */
	const int64_t *woken; /* subscribers whose lease was confirmed: their rows, if any, first */
	size_t woken_count;
	/* With them, and with what was committed before, all is done that the bindings' change feed
	 * asks for up to here: kept with the group, for bindings_heard. 0: not known. */
	int64_t heard;
};
struct trigger_taken {
	const struct trigger_out *out;
	size_t count;
	size_t rows;         /* looked at; of them: */
	size_t waiting;      /* that got nothing now */
	size_t no_host;      /* bindings of a prefix of which no address is known */
	int64_t next_us;     /* when the first row of the queue is due, also a past one that did not
				fit;     INT64_MAX: none */
	int64_t sms_next_us; /* the same of the short messages' queue */
};
typedef void triggers_taken(void *arg, int err, const struct trigger_taken *);
void triggers_take(struct db_port *, const struct trigger_take *, triggers_taken *, void *arg);

/* The bindings of datagrams at one moment, in order, as binding_check_all tells of them. While no
 * commit was made to the bindings since a sending was decided over, its row is what was seen then:
 * only the number of the newest commit is read. */
int triggers_check(struct db_port *, const struct trigger_out *list, size_t n, binding_checked *,
		   void *arg);

/* `prompt` is called on the thread that writes mail.db with what a group of mails logged, after its
 * commit and before anybody else hears of it, the senders of the mails included: it looks at the
 * bindings once more, sends without blocking, and returns. Null: it is not called any more when
 * this returns. What a prompt is given and does not send is in the send log, counted. */
struct trigger_sight;
typedef void trigger_prompt(void *arg, struct trigger_sight *, const struct trigger_out *,
			    size_t n);
void triggers_prompt(struct db *, trigger_prompt *prompt, void *arg);
/* triggers_check, from within a prompt. */
int trigger_sight_check(struct trigger_sight *, const struct trigger_out *list, size_t n,
			binding_checked *, void *arg);

/* Rows of the send log by id, as they are to be sent: CHANGE_MAIL's. E_NOT_FOUND: the subscriber is
 * gone. */
typedef void trigger_logged_got(void *arg, int err, const struct trigger_out *, size_t n);
void trigger_logged(struct db_port *, int64_t first, size_t n, trigger_logged_got *, void *arg);

/* The network refused a datagram, or an SMSC put a message off until retry_us: it is not counted.
 */
struct trigger_unsent {
	int64_t subscriber, timestamp_s;
	enum bearer bearer;
	int64_t retry_us; /* SMS */
};
void triggers_unsent(struct db_port *, const struct trigger_unsent *, size_t n, db_done *,
		     void *arg);

/* What a subscriber chose has changed: his row, if he has one, is looked at again now. What was
 * sent counts as before. */
void outbox_look(struct db_port *, int64_t subscriber, int64_t now_us, db_done *, void *arg);

/* A pushsrv that ends with nothing on its way says so, in the send log; `heard` as in a take. */
void triggers_all_left(struct db_port *, int64_t heard, db_done *, void *arg);
/* A starting one, once, before it takes anything: where the last one did not, nobody knows of the
 * newest `limit` datagrams of the send log before before_us, as far as they are within_us of the
 * newest one, whether they left. They are not counted, and due (schedule_doubt). */
void triggers_doubt(struct db_port *, size_t limit, int64_t before_us, int64_t within_us, db_done *,
		    void *arg);

typedef void outbox_row_got(void *arg, int err, const struct outbox_row *);
void outbox_get(struct db_port *, int64_t subscriber, outbox_row_got *,
		void *arg); /* E_NOT_FOUND */

typedef void outbox_missed_got(void *arg, int err, const int64_t *subscribers, size_t n,
			       int64_t last);

/* How far the bindings' change feed was followed by whoever took triggers before. 0: not known. */
int bindings_heard(struct db_port *, int64_t *seq);
/* What was missed since, a piece: whom changes after `after`, up to `upto`, tell of, and who has a
 * row that no datagram is due of and holds a confirmed lease that should be one's. *last: how far
 * it went; 0: at the end. E_NOT_FOUND: the feed does not reach back so far, or tells of something
 * that may concern anybody: only a walk through the whole outbox tells. */
void outbox_missed_since(struct db_port *, int64_t after, int64_t upto, size_t limit,
			 int64_t now_us, outbox_missed_got *, void *arg);
/* A piece of the whole outbox, in order of subscriber, after `after`: whom no datagram is due for,
 * and who holds a confirmed lease that should be one's (schedule_missed). A starting pushsrv asks
 * for all of them. *last: how far it went; 0: at the end. */
void outbox_missed(struct db_port *, int64_t after, size_t limit, int64_t now_us,
		   outbox_missed_got *, void *arg);

/* ---- short messages ---- */

/* What a text says. */
struct notice {
	bool replaces;
	char sender[ADDRESS_MAX + 2]; /* the envelope's; "": none, or none that he wants shown */
	uint32_t messages;            /* in the mailbox */
};
/* E_NOT_FOUND: no such mailbox. A mail that is gone meanwhile has no sender. */
int notice_get(struct db_port *, int64_t subscriber, uint32_t uid, struct notice *out);

/* May it still go to this number? 0: it is the subscriber's, he is not frozen, and the mailbox was
 * not read since. E_CONFLICT: no. */
int sms_check(struct db_port *, const struct trigger_out *);

/* An SMSC accepted it under an id. */
struct sms_accepted {
	char smsc[SMSC_NAME_MAX], message_id[SMS_ID_MAX];
	int64_t subscriber, timestamp_s, at_us;
};
void sms_accepted(struct db_port *, const struct sms_accepted *, db_done *, void *arg);
/* It will not have it: it is counted as failed. */
void sms_failed(struct db_port *, int64_t subscriber, int64_t timestamp_s, db_done *, void *arg);

/* A receipt came. E_NOT_FOUND: of none that we know. The same one twice changes nothing more. */
typedef void sms_receipt_done(void *arg, int err, int64_t subscriber, int64_t accepted_us);
void sms_receipt(struct db_port *, const char *smsc, const char *message_id, enum sms_state,
		 sms_receipt_done *, void *arg);

#endif
