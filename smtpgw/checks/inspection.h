/* inspection -- finds out about one mail what can be found out, while its session goes on
 *
 * Begun at MAIL, so that DNS is asked while the client still talks; fed with the content as it
 * streams by; asked at each RCPT and at the end of the content. It answers with a ruling, maybe
 * later: go on, or refuse with these words. Who asks waits at most `timeout_us` for all answers
 * about one mail together; what is not known then is `temperror`, and the mail goes on.
 *
 * What there is to find out is a table of checks (struct check). Each works on its own, and tells
 * the frame only which stage has to wait for it:
 *
 *     begin ──► field*, header, body* ──► complete ──► conclude ──► rule ──► end
 *        │ recipient* ──► rule                   │ (all that is held is released, or expired)
 *
 *     check_hold(job, stage)     a ruling at `stage`, or a later one, waits for this job
 *     check_release(job, stage)  no longer. THE JOB MAY BE GONE when this returns: return at once
 *
 * A check writes its part of the findings. conclude is called when nothing is held any more: there
 * a check may judge by what the others found (DMARC by SPF and DKIM), and asks nothing any more.
 * rule says what policy makes of it; the first check in the table that refuses is heard.
 *
 * OWNERSHIP  inspector_open .. inspector_close: a worker's. An inspection belongs to who began it
 *            (peer), until inspection_end; after that nothing is called. The findings live as long.
 * THREADS    one loop's
 * ERRORS     inspection_begin gives null when there is nothing to check, or no memory for it: the
 *            mail goes on unchecked
 * UNITS      microseconds of clock_mono_us
 */
#ifndef HATO_SMTPGW_CHECKS_INSPECTION_H
#define HATO_SMTPGW_CHECKS_INSPECTION_H

#include "lib/loop.h"
#include "lib/wire/smtp/header.h"
#include "smtpgw/checks/findings.h"

#define RULING_TEXT_MAX      400
#define INSPECTION_TRACE_MAX 8192 /* of the trace fields for one mail */

struct conf;
struct db_port;
struct dns;
struct inspection;
struct check;

/* When the session asks. */
enum inspection_stage { INSPECTION_RCPT, INSPECTION_CONTENT, INSPECTION_STAGES };

struct ruling {
	int code;             /* 0: go on */
	const char *enhanced; /* a literal */
	char text[RULING_TEXT_MAX + 1];
	const char *check; /* whose it is; for the log */
};

/* ---- for who brings mail ---- */

/* What the checks of a worker work with. */
struct inspector {
	struct loop *loop;
	const struct conf *conf;
	struct dns *dns;
	struct db_port *port; /* bindings.db and queue.db */
	bool is_first;        /* of the workers: says what need not be said by each */
	int64_t timeout_us;
	size_t max_field;  /* octets of a header field that are held */
	bool with_private; /* loopback and private addresses are as good as any: tests and labs */
	const struct check *const *checks; /* null at the end */
	void **shared;                     /* one for each: what its open made */
};

/* Of *in, who called filled in all but `shared`. What E_* a check's open said. */
int inspector_open(struct inspector *in);
void inspector_close(struct inspector *in);

struct inspection_mail {
	struct addr client;
	const char *helo;
	const struct mailaddr *reverse_path;
	const char *id; /* for the log */
	/* Once for each question below, maybe before that returns; inspection_end may be called in
	 * it. The ruling lives until it returns. */
	void (*ruled)(void *arg, const struct ruling *ruling);
	void *arg;
};

struct inspection *inspection_begin(const struct inspector *in, const struct inspection_mail *mail);
/* May this recipient be taken? */
void inspection_rcpt(struct inspection *i, const struct mailaddr *to);
/* Content as the client sent it, less dot stuffing. */
void inspection_octets(struct inspection *i, const uint8_t *octets, size_t n);
/* The content has ended: may the mail be taken? */
void inspection_complete(struct inspection *i);
/* Then, and only then: header fields for the top of the mail, CRLF lines; 0 octets if there is
 * nothing to say. */
size_t inspection_trace(const struct inspection *i, char buf[INSPECTION_TRACE_MAX]);
const struct findings *inspection_findings(const struct inspection *i);
/* Null is ignored. */
void inspection_end(struct inspection *i);

/* ---- for the checks ---- */

/* One check of one mail. */
struct check_job {
	struct inspection *mail;
	const struct check *check;
	void *shared; /* the worker's */
	void *own;    /* check->size octets, zero at the beginning */
	unsigned held[INSPECTION_STAGES];
};

/* A row; all functions but begin may be null. */
struct check {
	const char *name;
	size_t size;
	bool is_help; /* of use to other checks only, and asks nobody; its `end` frees nothing */
	/* Once a worker. *shared may stay null. */
	int (*open)(const struct inspector *in, void **shared);
	void (*close)(void *shared);

	/* False: it has no business with this mail, and nothing below is called. */
	bool (*begin)(struct check_job *job);
	void (*recipient)(struct check_job *job, const struct mailaddr *to);
	/* A field of the header, and the header's end; behind the octets that they are made of. */
	void (*field)(struct check_job *job, const struct header_field *field);
	void (*header)(struct check_job *job);
	/* All of the content; and what of it stands behind the empty line that ends the header. */
	void (*octets)(struct check_job *job, const uint8_t *octets, size_t n);
	void (*body)(struct check_job *job, const uint8_t *octets, size_t n);
	void (*complete)(struct check_job *job);
	/* Its time is over: cancel what is under way, write `temperror`. What it held is released
	 * already. */
	void (*expire)(struct check_job *job);
	void (*conclude)(struct check_job *job);
	/* Leaves *out alone if it has no objection. RCPT: about the recipient asked for last. */
	void (*rule)(struct check_job *job, enum inspection_stage stage, struct ruling *out);
	/* Cancels and frees; once, if begin was true. */
	void (*end)(struct check_job *job);
};

void check_hold(struct check_job *job, enum inspection_stage stage);
void check_release(struct check_job *job, enum inspection_stage stage);
/* To write the check's part. */
struct findings *check_findings(struct check_job *job);
/* Is the client one that what is published about senders can be about? */
bool check_is_outside(const struct check_job *job);
const char *check_mail_id(const struct check_job *job);
/* How long a question may take: what is left of the time for the whole mail, from now on. */
int64_t check_deadline_us(const struct check_job *job);
/* In rule. */
void ruling_refuse(struct ruling *out, int code, const char *enhanced, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif
