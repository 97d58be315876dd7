/* schedule -- which bearer tells a phone of its mail, and when
 *
 * A row of the outbox stands for the unread news of one mailbox. schedule_step decides over it: a
 * datagram now, a short message now, or wait until a time. What it decides is a table:
 *
 *     owner gone, or without a mailbox name      wait for ever (the purge takes the mail)
 *     owner frozen                               look again in a minute; neither bearer
 *     a confirmed binding, datagrams left        UDP: at once, then after the gaps of `retry`;
 *                                                news within `coalesce` of a datagram at its end
 *     a confirmed binding, datagrams used up     SMS
 *     a binding that may become a confirmed one  wait `sms_unconfirmed` for it, then SMS
 *     none                                       SMS: at once, then after the gaps of `sms_retry`,
 *                                                the last of them again and again, until `expiry`
 *                                                after the newest mail; one that arrived and
 *                                                says all (a text) is not repeated
 *     SMS is off, or not for this subscriber     wait for a confirmed lease (or, where the network
 *                                                holds a binding back for now, look again)
 *
 * A confirmed lease begins the datagrams anew (schedule_wake), whatever went by SMS. The row is
 * counted and its next time set before anything leaves: what is committed and not sent is repeated
 * by the schedule. News while a short message is under way is told by that one, or with its repeat;
 * when it was delivered or failed, by another after `sms_coalesce`.
 *
 * The times in the row are computed from what was sent (sent_us, sms_us), never from next_us, which
 * is only when to look. Pure: no clock, no I/O, no settings, any thread. Times in microseconds.
 *
 * CALLERS    db/ (inside its transactions), pushsrv (makes the rules from its settings)
 * SEE        binding rules 2, 6, 9; docs/sms.md "Which bearer, when"
 */
#ifndef HATO_LIB_RULES_SCHEDULE_H
#define HATO_LIB_RULES_SCHEDULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/key.h"
#include "lib/rules/notify.h"

#define SCHEDULE_NEVER      INT64_MAX
#define SCHEDULE_GAPS_MAX   16
#define SCHEDULE_REALMS_MAX 16

struct schedule_gaps {
	int64_t us[SCHEDULE_GAPS_MAX];
	size_t count;
};

struct schedule {
	int64_t coalesce_us; /* news this soon after a datagram waits for the end of that time */
	struct schedule_gaps retry; /* between the datagrams of one trigger */
	bool sms;                   /* there is the other bearer */
	int64_t sms_coalesce_us;
	int64_t sms_unconfirmed_us; /* a lease is given this long to be confirmed; so is the last
				       datagram to be answered */
	struct schedule_gaps sms_retry;
	int64_t expiry_us;         /* no short message for mail that is older */
	struct notify_rates rates; /* of subscribers who chose none of their own */
	/* Where handsets listen, by realm: a block of ports without it gets no datagram. */
	size_t realm_count;
	struct {
		char name[REALM_MAX];
		uint16_t port;
	} realms[SCHEDULE_REALMS_MAX];
};

/* 0: no such realm. */
uint16_t schedule_port(const struct schedule *s, const char *realm);

enum bearer { BEARER_UDP, BEARER_SMS, BEARERS };

enum sms_state {
	SMS_NONE,
	SMS_UNDER_WAY, /* logged, submitted or accepted: it may still arrive */
	SMS_DELIVERED,
	SMS_FAILED /* refused, expired, undeliverable: it will not arrive */
};

/* The outbox: one row a mailbox with unread news. Its timestamp is committed before anything that
 * carries it leaves. */
struct outbox_row {
	int64_t id; /* the store's */
	int64_t subscriber;
	uint32_t newest_uid;   /* the newest mail it stands for */
	uint32_t covered_uid;  /* what timestamp_s covers; < newest_uid: renewed with the sending */
	int64_t timestamp_s;   /* max(second of the newest mail, last one + 1) */
	uint32_t attempts;     /* datagrams since covered_uid was set, or a lease confirmed */
	int64_t next_us;       /* not before this */
	int64_t mailed_us;     /* when the newest mail was committed */
	enum bearer bearer;    /* which the next step will probably need: the queue it stands in */
	uint32_t sms_attempts; /* short messages since covered_uid was set */
	enum sms_state sms_state; /* of the last one */
	int64_t sent_us, sms_us;  /* the last datagram, the last short message; 0: none */
	int64_t waiting_us; /* since when a binding is waited for that is not usable yet; 0: not */
};

/* May this subscriber be told by a bearer (settings of his own, quiet hours, rates)? */
struct schedule_permit {
	int64_t from_us; /* not before; SCHEDULE_NEVER: not at all */
	bool is_once;    /* what arrived is not repeated: a text tells all it can */
};

struct schedule_facts {
	bool has_owner;     /* he is there, and has an address that names the mailbox */
	bool is_frozen;     /* he is: neither bearer */
	bool has_target;    /* a confirmed binding that a datagram may go to */
	bool is_held_back;  /* a binding's NAS is behind, or it is frozen by NAS or prefix */
	int64_t hopeful_us; /* the last word about a binding that may become usable; 0: none */
	struct schedule_permit udp, sms;
};

enum schedule_verdict {
	SCHEDULE_WAIT, /* until row->next_us, in the queue row->bearer */
	SCHEDULE_UDP,  /* the row counts it already */
	SCHEDULE_SMS   /* likewise */
};

/* sms_room false: no short message can be sent now: the row is left due in that queue. */
enum schedule_verdict schedule_step(const struct schedule *s, const struct schedule_facts *f,
				    bool sms_room, int64_t now_us, struct outbox_row *row);

/* New mail for a mailbox that has a row already, which does not know of it yet: when to look. Who
 * could not be told of the last one is not looked at anew with every mail, but within ten seconds;
 * nor is he whom a short message under way tells of it.
 * False: the row is due when it was. */
bool schedule_news(const struct schedule *s, int64_t now_us, struct outbox_row *row);
/* A lease of its subscriber was confirmed: whatever was sent went elsewhere. */
void schedule_wake(int64_t now_us, struct outbox_row *row);
/* There is a confirmed binding, of that time: should the row be woken for it, since nobody was
 * there to see it come (or be thawed)? For rows that no datagram is due of anyway. */
bool schedule_missed(const struct schedule *s, const struct outbox_row *row, int64_t confirmed_us);

/* The last sending that was counted did not leave: the network refused it; the SMSC would not have
 * it before retry_us. It is not counted, unless refused datagrams are what must lead to an SMS. */
void schedule_refused(const struct schedule *s, int64_t now_us, struct outbox_row *row);
/* The process died with it: whether the last datagram left is not known, so it is not counted, and
 * due. */
void schedule_doubt(int64_t now_us, struct outbox_row *row);
void schedule_put_off(const struct schedule *s, int64_t retry_us, struct outbox_row *row);

#endif
