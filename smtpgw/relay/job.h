/* job -- one mail on its way to some of its recipients, who are in the same lane
 *
 * A copy of what queue_lane_take said, in the form that the SMTP client works on, with the
 * beginning of the content: what has to be known of it before MAIL (is the header such that
 * SMTPUTF8 is needed, has the mail been round in circles) is found there. What becomes of each
 * recipient is in its answer; the settler reads it.
 *
 * OWNERSHIP  job_free frees all. THREADS one
 */
#ifndef HATO_SMTPGW_RELAY_JOB_H
#define HATO_SMTPGW_RELAY_JOB_H

#include "db/queue.h"
#include "smtpgw/relay/client.h"
#include "smtpgw/return_seal.h"

#define JOB_REMOTE_MAX QUEUE_REMOTE_MAX /* "host.name [address]" */
#define JOB_TOP_MAX    (sizeof RETURN_SEAL_FIELD + RETURN_SEAL_MAX + 4)

struct job_recipient {
	uint32_t id;
	uint32_t attempts; /* before this one */
	bool is_warned;
	bool is_raw; /* its address is in the carriers' own spelling, without quotes */
	char *address;
	char *canonical;
	char *orcpt;
};

struct job {
	struct job *next; /* its holder's */
	void *holder;
	int64_t mail;
	int64_t sender; /* subscriber; 0: ours */
	int64_t received_us;
	bool is_utf8;  /* SMTPUTF8 was said when it came */
	bool is_local; /* in the lane of our own domains */
	struct client_mail envelope;
	char *reverse_path, *envid;
	size_t count;
	struct client_recipient
		*recipients;         /* the envelope's are these, or the last ones of them */
	struct job_recipient *rows;  /* beside them */
	char remote[JOB_REMOTE_MAX]; /* who answered */
	char seal[RETURN_SEAL_MAX + 1];
	char top[JOB_TOP_MAX]; /* what goes on top of the content: the seal as a field */
	uint8_t *piece;        /* the content's first one, or null */
	size_t piece_n;
	uint64_t offset;   /* of the content that was read so far */
	unsigned received; /* Received fields in the piece */
	bool is_late;      /* it was sent over a connection that was closing: brought again, once */
};

int job_new(const struct queue_job *from, struct job **out); /* E_NOMEM */
void job_free(struct job *j);

/* The first piece of the content; `recipients` have no answer yet. */
int job_look(struct job *j, const uint8_t *octets, size_t n); /* E_NOMEM */

/* Everybody who has no answer yet hears this. */
void job_answer_rest(struct job *j, const struct relay_answer *a);

/* What sealing takes. `seal` null: nothing is sealed. */
struct job_seals {
	struct return_seal *seal;
	bool in_header; /* where ENVID cannot */
};

/* Before an attempt: the envelope's recipients get a seal, by which a bounce that another host
 * writes later proves itself (checks/returned): as ENVID, where the host has DSN and the sender
 * gave none of his own, which is passed on as it is. Else as a field, if the mail goes to one
 * recipient alone: who reads it can speak of him, and nobody else can. A mail from <>, or from us,
 * or to more than RETURN_SEAL_RECIPIENTS at a time has none. job_seal.c */
void job_seal(struct job *j, const struct job_seals *seals, bool has_dsn);

/* After an attempt: are there recipients who should be tried again at once, because there were too
 * many, or because the host may know their address in the carriers' spelling only? Then the
 * envelope is theirs. */
bool job_again(struct job *j);

#endif
