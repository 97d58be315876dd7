/* inbox -- what waits for one phone, and whether the phone is there
 *
 * One exists for each number that has a message which is not final, or an attached phone. Its
 * messages are in two lists: `ready` for an attempt, in the order in which they became so, and
 * those that wait for a time of theirs, or for the phone. One attempt runs at a time: a phone takes
 * one message after the other (TS 23.040 9.2.3.2, more messages to send).
 *
 * OWNERSHIP  messages are the spool's, the phone is radio_link's; an inbox frees itself when it has
 *            neither (inbox_release). THREADS one
 */
#ifndef HATO_SMSC_SIM_INBOX_H
#define HATO_SMSC_SIM_INBOX_H

#include "smsc-sim/message.h"

struct phone;

struct message_list {
	struct message *first, *last;
};

struct inbox {
	struct inbox *next; /* hash chain */
	uint64_t hash;
	struct message_list ready, waiting;
	struct message *in_flight;
	struct phone *phone; /* null: nowhere attached */
	uint32_t count;      /* of all three */
	char number[SMPP_NUMBER_SIZE];
};

struct inboxes {
	struct inbox **rows;
	size_t size, count; /* size: a power of two */
};

int inboxes_init(struct inboxes *all); /* E_NOMEM */
void inboxes_fini(struct inboxes *all);
struct inbox *inbox_find(const struct inboxes *all, const char *number);
struct inbox *inbox_get(struct inboxes *all,
			const char *number); /* made at need; null: no memory */
void inbox_release(struct inboxes *all, struct inbox *i);

void inbox_join(struct inbox *i, struct message *m); /* waiting */
void inbox_leave(struct message *m);                 /* wherever it is */
void inbox_ready(struct message *m);
void inbox_ready_all(struct inbox *i);
/* The next one to attempt: none while one is in flight. It is in flight then. */
struct message *inbox_take(struct inbox *i);
void inbox_wait(struct message *m); /* the attempt ended; back to those that wait */

#endif
