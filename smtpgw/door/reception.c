#include "smtpgw/door/reception.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/filter.h"
#include "lib/err.h"
#include "lib/log.h"
#include "smtpgw/counters.h"
#include "smtpgw/door/reader.h"

#define ID_MAX 40
#define NAME   "door"

struct reception {
	const struct reception_host *host;
	struct mailaddr reverse_path, author;
	bool is_proved; /* the author is */
	uint64_t declared;
	char id[ID_MAX + 1];

	/* What the recipients so far have in common: */
	struct filter *filter; /* null: their doors look at nothing */
	bool looks;            /* there is a verdict to be given at the end */

	struct filter_facts facts;
	struct reader *reader;
	uint64_t octets;
	int err;
};

struct reception *reception_new(const struct reception_host *host,
				const struct reception_mail *mail)
{
	struct reception *r = calloc(1, sizeof *r);

	if (!r)
		return NULL;
	r->host = host;
	r->declared = mail->declared;
	reader_normalise(mail->reverse_path, &r->reverse_path);
	r->is_proved = mail->author != NULL;
	if (r->is_proved)
		r->author = *mail->author;
	snprintf(r->id, sizeof r->id, "%s", mail->id);
	return r;
}

static void forget_choice(struct reception *r)
{
	free(r->filter);
	r->filter = NULL;
	r->looks = false;
}

void reception_free(struct reception *r)
{
	if (!r)
		return;
	reader_free(r->reader);
	forget_choice(r);
	free(r);
}

/* ---- what is said ---- */

/* The rule stands in the log alone. */
static void refuse(const struct reception *r, const char *rule, struct ruling *out)
{
	counter_add(COUNT_DOOR_REFUSED, 1);
	log_event(LOG_INFO, "door-refused", LOG_TEXT("id", r->id), LOG_TEXT("rule", rule), LOG_END);
	ruling_refuse(out, 550, "5.7.1", "the recipient does not take this mail");
	out->check = NAME;
}

static void defer(const struct reception *r, int err, struct ruling *out)
{
	log_event(LOG_ERROR, "door-unknown", LOG_TEXT("id", r->id), LOG_TEXT("why", err_text(err)),
		  LOG_END);
	ruling_refuse(out, 451, "4.3.0", "the mail store is out of reach, try later");
	out->check = NAME;
}

static void part(struct ruling *out)
{
	counter_add(COUNT_DOOR_PARTED, 1);
	ruling_refuse(out, 452, "4.5.3", "this recipient in a mail of its own, please");
	out->check = NAME;
}

/* ---- a recipient ---- */

struct answer {
	struct filter *filter; /* null: he never chose */
	int err;
};

static void on_filter(void *arg, int err, const struct filter *f, bool is_own)
{
	struct answer *a = arg;

	a->err = err;
	if (!err && is_own) {
		a->filter = filter_copy(f);
		a->err = a->filter ? 0 : E_NOMEM;
	}
}

/* What is left of a choice whose verdict is in: nothing, or that requests for a receipt go. */
static struct filter *reduced(const struct filter *f)
{
	struct filter rest = filter_default();

	rest.strips_receipts = true;
	return f->strips_receipts ? filter_copy(&rest) : NULL;
}

static bool is_same(const struct filter *a, const struct filter *b)
{
	return a && b ? filter_equal(a, b) : a == b;
}

/* Of the envelope. */
static enum filter_verdict judge_early(struct reception *r, const struct filter *f,
				       const char **rule)
{
	struct filter_facts facts = {.size = r->declared};

	filter_note_envelope(f, r->host->carriers, &r->reverse_path, &facts);
	return filter_judge(f, &facts, rule);
}

/* Takes `filter` over: this recipient's, as far as it looks at what is to come. */
static void join(struct reception *r, struct filter *filter, bool looks, bool is_first,
		 struct ruling *out)
{
	if (is_first) {
		forget_choice(r);
		r->filter = filter;
		r->looks = looks;
		return;
	}
	if (!is_same(r->filter, filter))
		part(out);
	free(filter);
}

static void consider(struct reception *r, struct filter *own, bool is_first, struct ruling *out)
{
	const char *rule = "";
	enum filter_verdict verdict = judge_early(r, own, &rule);
	struct filter *rest = NULL;

	if (verdict == FILTER_REFUSE) {
		refuse(r, rule, out);
	} else if (verdict == FILTER_OPEN) {
		join(r, own, true, is_first, out);
		return;
	} else {
		rest = reduced(own);
		if (own->strips_receipts && !rest)
			defer(r, E_NOMEM, out);
		else
			join(r, rest, false, is_first, out);
	}
	free(own);
}

void reception_rcpt(struct reception *r, const struct mailaddr *to, bool is_first,
		    struct ruling *out)
{
	char canonical[MAILADDR_TEXT_MAX + 1];
	struct answer a = {0};

	filter_of_address(r->host->port, mailaddr_folded(to, canonical), on_filter, &a);
	if (a.err)
		defer(r, a.err, out);
	else if (a.filter)
		consider(r, a.filter, is_first, out);
	else
		join(r, NULL, false, is_first, out);
}

bool reception_takes_receipts(const struct reception *r)
{
	return r->filter && r->filter->strips_receipts;
}

/* ---- the content ---- */

static void begin_reading(struct reception *r)
{
	r->facts = (struct filter_facts){.is_whole = true};
	filter_note_envelope(r->filter, r->host->carriers, &r->reverse_path, &r->facts);
	r->reader = reader_new(r->filter, r->host->carriers, r->host->max_field, &r->facts);
	r->err = r->reader ? 0 : E_NOMEM;
	if (r->reader && r->is_proved)
		reader_skip_author(r->reader);
}

void reception_octets(struct reception *r, const uint8_t *octets, size_t n)
{
	r->octets += n;
	if (!r->looks || r->err)
		return;
	if (!r->reader)
		begin_reading(r);
	if (!r->err)
		r->err = reader_feed(r->reader, octets, n);
}

static enum filter_proof proof_of(enum authres_result result)
{
	static const enum filter_proof proofs[AUTHRES_RESULTS] = {
		[AUTHRES_UNCHECKED] = FILTER_PROOF_UNKNOWN,
		[AUTHRES_TEMPERROR] = FILTER_PROOF_UNKNOWN,
		[AUTHRES_PASS] = FILTER_PROOF_GOOD,
		[AUTHRES_FAIL] = FILTER_PROOF_FORGED,
		[AUTHRES_SOFTFAIL] = FILTER_PROOF_FORGED,
		[AUTHRES_NONE] = FILTER_PROOF_NONE,
		[AUTHRES_NEUTRAL] = FILTER_PROOF_NONE,
		[AUTHRES_POLICY] = FILTER_PROOF_NONE,
		[AUTHRES_PERMERROR] = FILTER_PROOF_NONE,
	};

	return proofs[result];
}

/* A good signature of the author's own domain, or of one above it. */
static bool is_signed(const struct findings *found)
{
	size_t len = strlen(found->from.domain);

	for (size_t i = 0; i < found->dkim_count; i++) {
		const struct finding_dkim *dkim = &found->dkim[i];
		size_t n = strlen(dkim->domain);
		if (dkim->result == AUTHRES_PASS && n > 0 && n <= len &&
		    strcmp(found->from.domain + len - n, dkim->domain) == 0 &&
		    (n == len || found->from.domain[len - n - 1] == '.'))
			return true;
	}
	return false;
}

static void note_findings(struct filter_facts *facts, const struct findings *found)
{
	facts->envelope = proof_of(found->spf_mail_from.result);
	facts->author = proof_of(found->spf_from.result);
	facts->is_disowned = found->dmarc.result == AUTHRES_FAIL;
	facts->is_authentic = found->dmarc.result == AUTHRES_PASS ||
			      (!facts->is_disowned && found->from_count == 1 && is_signed(found));
}

static void note_proved(struct reception *r)
{
	filter_note_author(r->filter, r->host->carriers, &r->author, &r->facts);
	r->facts.envelope = r->facts.author = FILTER_PROOF_GOOD;
	r->facts.is_authentic = true;
}

void reception_complete(struct reception *r, const struct findings *found, struct ruling *out)
{
	const char *rule;

	if (!r->looks)
		return;
	if (!r->reader && !r->err)
		begin_reading(r);
	if (!r->err)
		r->err = reader_finish(r->reader);
	if (r->err) {
		defer(r, r->err, out);
		return;
	}
	r->facts.size = r->octets;
	if (r->is_proved)
		note_proved(r);
	else if (found)
		note_findings(&r->facts, found);
	if (filter_judge(r->filter, &r->facts, &rule) == FILTER_REFUSE)
		refuse(r, rule, out);
}
