/* job_test -- for the tests of what follows from a job's outcome: jobs by a few words */
#ifndef HATO_SMTPGW_RELAY_JOB_TEST_H
#define HATO_SMTPGW_RELAY_JOB_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "smtpgw/relay/notices.h"

#define JOB_CONTENT  "Subject: x\r\nMessage-ID: <1@phone>\r\n\r\nthe body\r\n"
#define JOB_RECEIVED (INT64_C(1700000000) * CLOCK_S)
#define JOB_MOST     100

struct job_of {
	const char *from;  /* reverse-path */
	int64_t sender;    /* subscriber; 0: ours */
	int64_t waited_us; /* since it was received; 0: received at JOB_RECEIVED */
	size_t count;      /* of recipients: r1@there.test, ... */
	uint32_t attempts;
	unsigned notify;
	bool is_warned, is_local, passes_dsn;
	enum smtp_ret ret;
};

static inline struct job *job_make(const struct job_of *of)
{
	struct queue_recipient rows[JOB_MOST];
	char names[JOB_MOST][40];
	struct job *j;

	assert_true(of->count <= JOB_MOST);
	for (size_t i = 0; i < of->count; i++) {
		snprintf(names[i], sizeof names[i], "r%zu@there.test", i + 1);
		rows[i] = (struct queue_recipient){.id = (uint32_t)i + 1,
						   .address = names[i],
						   .canonical = names[i],
						   .orcpt = "",
						   .notify = of->notify,
						   .attempts = of->attempts,
						   .is_warned = of->is_warned};
	}
	const struct queue_job from = {.mail = 7,
				       .sender = of->sender,
				       .reverse_path = of->from,
				       .envid = "",
				       .ret = of->ret,
				       .size = strlen(JOB_CONTENT),
				       .received_us = of->waited_us ? clock_now_us() - of->waited_us
								    : JOB_RECEIVED,
				       .recipients = rows,
				       .recipient_count = of->count};
	assert_int_equal(job_new(&from, &j), 0);
	assert_int_equal(job_look(j, (const uint8_t *)JOB_CONTENT, strlen(JOB_CONTENT)), 0);
	j->is_local = of->is_local;
	j->envelope.passes_dsn = of->passes_dsn;
	snprintf(j->remote, sizeof j->remote, "mx.there.test [192.0.2.1]");
	return j;
}

static inline void job_hears(struct job *j, size_t i, enum relay_stage stage, int code,
			     const char *enhanced)
{
	struct relay_answer *a = &j->recipients[i].answer;

	*a = (struct relay_answer){.stage = stage, .code = code};
	snprintf(a->enhanced, sizeof a->enhanced, "%s", enhanced);
	snprintf(a->text, sizeof a->text, "as told");
}

static inline struct local_domains *domains_make(void)
{
	struct local_domains *l;
	const char *bad;

	assert_int_equal(local_domains_new("ours.test", &l, &bad), 0);
	return l;
}

static inline size_t count_of(const uint8_t *octets, size_t n, const char *what)
{
	const uint8_t *at = octets, *end = octets + n;
	size_t found = 0;

	while ((at = memmem(at, (size_t)(end - at), what, strlen(what)))) {
		found++;
		at += strlen(what);
	}
	return found;
}

#endif
