#include "smtpgw/checks/inspection.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/conf.h"
#include "lib/err.h"
#include "lib/log.h"
#include "lib/rules/dnsbl.h"
#include "smtpgw/checks/report.h"
#include "smtpgw/counters.h"

#define ID_MAX 40

struct inspection {
	const struct inspector *in;
	struct loop_timer *timer; /* made when it has to wait for the first time */
	void (*ruled)(void *arg, const struct ruling *ruling);
	void *arg;
	char id[ID_MAX + 1];

	bool is_asked; /* the session waits for a ruling at: */
	enum inspection_stage stage;
	bool is_calling; /* in the checks' functions: what is released there is looked at behind */
	int64_t left_us; /* how long it may yet be waited for this mail */
	int64_t asked_us;

	struct header header;
	bool is_body;

	struct findings findings;
	size_t job_count;
	struct check_job jobs[]; /* those that have business with it */
};

/* ---- the worker's part ---- */

static size_t count_checks(const struct inspector *in)
{
	size_t n = 0;

	while (in->checks[n])
		n++;
	return n;
}

int inspector_open(struct inspector *in)
{
	size_t n = count_checks(in);
	int err = 0;

	in->shared = calloc(n + 1, sizeof *in->shared);
	if (!in->shared)
		return E_NOMEM;
	for (size_t k = 0; k < n && !err; k++)
		if (in->checks[k]->open)
			err = in->checks[k]->open(in, &in->shared[k]);
	if (err)
		inspector_close(in);
	return err;
}

void inspector_close(struct inspector *in)
{
	if (!in->shared)
		return;
	for (size_t k = 0; in->checks[k]; k++)
		if (in->checks[k]->close && in->shared[k])
			in->checks[k]->close(in->shared[k]);
	free(in->shared);
	in->shared = NULL;
}

/* ---- what the jobs tell ---- */

static bool is_held(const struct check_job *job, enum inspection_stage stage)
{
	for (int s = 0; s <= (int)stage; s++)
		if (job->held[s] > 0)
			return true;
	return false;
}

static bool must_wait(const struct inspection *i)
{
	for (size_t k = 0; k < i->job_count; k++)
		if (is_held(&i->jobs[k], i->stage))
			return true;
	return false;
}

static void conclude(struct inspection *i)
{
	for (size_t k = 0; k < i->job_count; k++)
		if (i->jobs[k].check->conclude)
			i->jobs[k].check->conclude(&i->jobs[k]);
}

static void rule(struct inspection *i, struct ruling *ruling)
{
	for (size_t k = 0; k < i->job_count && ruling->code == 0; k++) {
		struct check_job *job = &i->jobs[k];
		if (job->check->rule)
			job->check->rule(job, i->stage, ruling);
		if (ruling->code)
			ruling->check = job->check->name;
	}
}

static void stop_waiting(struct inspection *i)
{
	if (i->timer)
		loop_timer_stop(i->timer);
	i->left_us -= clock_mono_us() - i->asked_us;
	i->is_asked = false;
}

/* The session's question is answered. The inspection may be gone after it. */
static void answer(struct inspection *i)
{
	struct ruling ruling = {0};

	stop_waiting(i);
	i->is_calling = true;
	if (i->stage == INSPECTION_CONTENT)
		conclude(i);
	rule(i, &ruling);
	i->is_calling = false;
	i->ruled(i->arg, &ruling);
}

/* What is late is cancelled: it does not hold up this mail any more. */
static void expire(struct inspection *i)
{
	counter_add(COUNT_CHECKS_EXPIRED, 1);
	i->is_calling = true;
	for (size_t k = 0; k < i->job_count; k++) {
		struct check_job *job = &i->jobs[k];
		if (!is_held(job, i->stage))
			continue;
		log_event(LOG_DEBUG, "check-expired", LOG_TEXT("id", i->id),
			  LOG_TEXT("check", job->check->name), LOG_END);
		memset(job->held, 0, sizeof job->held);
		if (job->check->expire)
			job->check->expire(job);
	}
	i->is_calling = false;
}

static void on_time_over(void *arg)
{
	struct inspection *i = arg;

	expire(i);
	answer(i);
}

/* False: there is no time left, or no timer. */
static bool can_wait(struct inspection *i)
{
	if (i->left_us <= 0)
		return false;
	if (!i->timer)
		i->timer = loop_timer_new(i->in->loop, on_time_over, i);
	if (i->timer)
		loop_timer_set(i->timer, i->left_us);
	return i->timer != NULL;
}

/* The session asks, and the jobs have been told. */
static void ask(struct inspection *i, enum inspection_stage stage)
{
	i->stage = stage;
	i->is_asked = true;
	i->asked_us = clock_mono_us();
	if (must_wait(i)) {
		if (can_wait(i)) {
			counter_add(COUNT_CHECKS_WAITED, 1);
			return;
		}
		expire(i);
	}
	answer(i);
}

void check_hold(struct check_job *job, enum inspection_stage stage)
{
	job->held[stage]++;
}

void check_release(struct check_job *job, enum inspection_stage stage)
{
	struct inspection *i = job->mail;

	assert(job->held[stage] > 0);
	job->held[stage]--;
	if (i->is_asked && !i->is_calling && !must_wait(i))
		answer(i);
}

struct findings *check_findings(struct check_job *job)
{
	return &job->mail->findings;
}

bool check_is_outside(const struct check_job *job)
{
	const struct inspection *i = job->mail;

	return i->in->with_private || dnsbl_is_public(&i->findings.client);
}

const char *check_mail_id(const struct check_job *job)
{
	return job->mail->id;
}

int64_t check_deadline_us(const struct check_job *job)
{
	const struct inspection *i = job->mail;

	return (i->is_asked ? i->asked_us : clock_mono_us()) + i->left_us;
}

void ruling_refuse(struct ruling *out, int code, const char *enhanced, const char *format, ...)
{
	va_list args;

	*out = (struct ruling){.code = code, .enhanced = enhanced};
	va_start(args, format);
	vsnprintf(out->text, sizeof out->text, format, args);
	va_end(args);
}

/* ---- a mail's part ---- */

static size_t rounded(size_t n)
{
	return (n + _Alignof(max_align_t) - 1) / _Alignof(max_align_t) * _Alignof(max_align_t);
}

/* One block: the inspection, a job for each check, and what each job has of its own. */
static struct inspection *make(const struct inspector *in)
{
	size_t n = count_checks(in);
	size_t head = rounded(sizeof(struct inspection) + n * sizeof(struct check_job));
	size_t room = 0;

	for (size_t k = 0; k < n; k++)
		room += rounded(in->checks[k]->size);
	return n ? calloc(1, head + room) : NULL;
}

static void begin_jobs(struct inspection *i)
{
	size_t n = count_checks(i->in);
	uint8_t *own = (uint8_t *)i + rounded(sizeof *i + n * sizeof i->jobs[0]);

	i->is_calling = true;
	for (size_t k = 0; k < n; k++) {
		struct check_job *job = &i->jobs[i->job_count];
		*job = (struct check_job){.mail = i,
					  .check = i->in->checks[k],
					  .shared = i->in->shared[k],
					  .own = own};
		if (!job->check->begin(job))
			continue;
		i->job_count++;
		own += rounded(job->check->size);
	}
	i->is_calling = false;
}

/* Is there a job that others are not just served by? */
static bool has_work(const struct inspection *i)
{
	for (size_t k = 0; k < i->job_count; k++)
		if (!i->jobs[k].check->is_help)
			return true;
	return false;
}

static void on_field(void *arg, const struct header_field *field)
{
	struct inspection *i = arg;

	for (size_t k = 0; k < i->job_count; k++)
		if (i->jobs[k].check->field)
			i->jobs[k].check->field(&i->jobs[k], field);
}

static void on_header_end(void *arg, enum header_end how)
{
	struct inspection *i = arg;

	(void)how;
	i->is_body = true;
	for (size_t k = 0; k < i->job_count; k++)
		if (i->jobs[k].check->header)
			i->jobs[k].check->header(&i->jobs[k]);
}

static const struct header_sink header_sink = {.field = on_field, .end = on_header_end};

struct inspection *inspection_begin(const struct inspector *in, const struct inspection_mail *mail)
{
	const struct header_limits limits = {in->max_field, SIZE_MAX, SIZE_MAX};
	struct inspection *i = make(in);

	if (!i)
		return NULL;
	i->in = in;
	i->ruled = mail->ruled;
	i->arg = mail->arg;
	i->left_us = in->timeout_us;
	snprintf(i->id, sizeof i->id, "%s", mail->id);
	i->findings.client = mail->client;
	i->findings.reverse_path = *mail->reverse_path;
	snprintf(i->findings.helo, sizeof i->findings.helo, "%s", mail->helo);
	begin_jobs(i);
	if (!has_work(i)) {
		free(i);
		return NULL;
	}
	header_init(&i->header, &limits, &header_sink, i);
	return i;
}

void inspection_rcpt(struct inspection *i, const struct mailaddr *to)
{
	i->is_calling = true;
	for (size_t k = 0; k < i->job_count; k++)
		if (i->jobs[k].check->recipient)
			i->jobs[k].check->recipient(&i->jobs[k], to);
	i->is_calling = false;
	ask(i, INSPECTION_RCPT);
}

static void tell_body(struct inspection *i, const uint8_t *octets, size_t n)
{
	for (size_t k = 0; k < i->job_count; k++)
		if (i->jobs[k].check->body)
			i->jobs[k].check->body(&i->jobs[k], octets, n);
}

void inspection_octets(struct inspection *i, const uint8_t *octets, size_t n)
{
	size_t used = 0;

	i->findings.size += n;
	i->is_calling = true;
	for (size_t k = 0; k < i->job_count; k++)
		if (i->jobs[k].check->octets)
			i->jobs[k].check->octets(&i->jobs[k], octets, n);
	if (!i->is_body && header_feed(&i->header, octets, n, &used) != 0)
		on_header_end(i, HEADER_OVER); /* no memory: what was seen counts */
	if (i->is_body && used < n)
		tell_body(i, octets + used, n - used);
	i->is_calling = false;
}

void inspection_complete(struct inspection *i)
{
	i->is_calling = true;
	if (!i->is_body)
		header_finish(&i->header);
	for (size_t k = 0; k < i->job_count; k++)
		if (i->jobs[k].check->complete)
			i->jobs[k].check->complete(&i->jobs[k]);
	i->is_calling = false;
	ask(i, INSPECTION_CONTENT);
}

size_t inspection_trace(const struct inspection *i, char buf[INSPECTION_TRACE_MAX])
{
	return report_write(&i->findings, i->in->conf->smtpgw_hostname, buf, INSPECTION_TRACE_MAX);
}

const struct findings *inspection_findings(const struct inspection *i)
{
	return &i->findings;
}

void inspection_end(struct inspection *i)
{
	if (!i)
		return;
	for (size_t k = 0; k < i->job_count; k++)
		if (i->jobs[k].check->end)
			i->jobs[k].check->end(&i->jobs[k]);
	header_fini(&i->header);
	loop_timer_free(i->timer);
	free(i);
}
