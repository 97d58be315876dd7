#include "smsc-sim/faults_private.h"

#include <stdlib.h>
#include <string.h>

#include "lib/clock.h"
#include "lib/err.h"

#define SEQUENCE_MAX UINT32_C(0x7fffffff)

int faults_new(uint64_t seed, size_t numbers_most, struct faults **out)
{
	struct faults *f = calloc(1, sizeof *f);

	if (!f)
		return E_NOMEM;
	f->seed = f->script.seed = seed;
	census_init(&f->census, numbers_most);
	*out = f;
	return 0;
}

void faults_free(struct faults *f)
{
	if (!f)
		return;
	census_free(&f->census);
	free(f);
}

void faults_begin(struct faults *f, const struct fault_script *script, int64_t now_us)
{
	f->script = *script;
	if (!script->has_seed)
		f->script.seed = f->seed;
	f->began_us = now_us;
	f->day++;
	census_free(&f->census);
	f->turned_us = now_us - 1; /* a cut at 0 is still to come */
	f->turned_before_us = f->turned_us;
	memset(f->hits, 0, sizeof f->hits);
	memset(f->down_until_us, 0, sizeof f->down_until_us);
	for (size_t i = 0; i < script->count; i++)
		f->buckets[i] = (struct bucket){(double)script->faults[i].above_per_s, now_us};
}

const struct fault_script *faults_script(const struct faults *f)
{
	return &f->script;
}

int64_t faults_elapsed_us(const struct faults *f, int64_t now_us)
{
	return f->day ? now_us - f->began_us : 0;
}

uint64_t faults_hits(const struct faults *f, size_t i)
{
	return f->hits[i];
}

uint64_t faults_hits_of(const struct faults *f, enum fault_what what)
{
	return f->hits_of[what];
}

bool faults_idle(const struct faults *f)
{
	return !f->script.count;
}

/* ---- whom it strikes ---- */

bool fault_is_on(const struct fault *fault, int64_t elapsed_us)
{
	return elapsed_us >= fault->at_us && elapsed_us < fault->until_us;
}

bool fault_is_account(const struct fault *fault, const char *account)
{
	return !*fault->account || !strcmp(fault->account, account);
}

static bool is_for(const struct fault *fault, const struct fault_subject *s)
{
	return fault_is_account(fault, s->account) &&
	       !strncmp(s->destination, fault->destination, strlen(fault->destination));
}

uint64_t fault_throw(const struct faults *f, const struct fault *fault, enum throw what)
{
	uint64_t dice = dice_mix(f->script.seed, fault->what);

	return dice_mix(dice_mix(dice, fault->nth), what);
}

/* The dice of this fault for this subject, as coarse as `per` says. */
static uint64_t throw_for(const struct faults *f, const struct fault *fault, enum throw what,
			  const struct fault_subject *s)
{
	uint64_t dice = fault_throw(f, fault, what);

	switch (fault->per) {
	case FAULT_PER_EACH:
		return dice_mix(dice_mix(dice, s->number), s->attempt);
	case FAULT_PER_MESSAGE:
		return dice_mix(dice, s->number);
	case FAULT_PER_DESTINATION:
	case FAULT_PERS:
		break;
	}
	return dice_text(dice, s->destination);
}

bool fault_is_drawn(const struct fault *fault, uint64_t dice)
{
	return fault->share >= 1 || dice_unit(dice) < fault->share;
}

void fault_hit(struct faults *f, const struct fault *fault)
{
	f->hits[fault - f->script.faults]++;
	f->hits_of[fault->what]++;
}

/* Does it strike now? Counted by the caller, who knows whether it was first. */
static bool strikes(const struct faults *f, const struct fault *fault, int64_t now_us,
		    const struct fault_subject *s)
{
	return fault_is_on(fault, now_us - f->began_us) && is_for(fault, s) &&
	       fault_is_drawn(fault, throw_for(f, fault, THROW_SHARE, s));
}

static bool is_of(const struct fault *fault, enum fault_what what, enum fault_of of)
{
	return fault->what == what && fault->of == of;
}

/* The delay of a delay, or the place that a reordered one takes among those that come after it. */
static int64_t wait_of(struct faults *f, const struct fault *fault, const struct fault_subject *s)
{
	uint64_t dice = throw_for(f, fault, THROW_SPREAD, s);

	fault_hit(f, fault);
	return fault->what == FAULT_DELAY ? dice_spread(dice, &fault->spread)
					  : dice_whole(dice, 1, fault->within_us);
}

static int64_t delay_of(struct faults *f, enum fault_of of, int64_t now_us,
			const struct fault_subject *s)
{
	int64_t sum_us = 0;

	for (size_t i = 0; i < f->script.count; i++) {
		const struct fault *fault = &f->script.faults[i];
		if ((is_of(fault, FAULT_DELAY, of) || is_of(fault, FAULT_REORDER, of)) &&
		    strikes(f, fault, now_us, s))
			sum_us += wait_of(f, fault, s);
	}
	return sum_us;
}

static unsigned copies_of(struct faults *f, enum fault_of of, int64_t now_us,
			  const struct fault_subject *s)
{
	for (size_t i = 0; i < f->script.count; i++) {
		const struct fault *fault = &f->script.faults[i];
		if (is_of(fault, FAULT_DUPLICATE, of) && strikes(f, fault, now_us, s)) {
			fault_hit(f, fault);
			return (unsigned)fault->copies;
		}
	}
	return 0;
}

/* ---- messages ---- */

uint64_t faults_number(struct faults *f, const char *account, const char *destination)
{
	if (faults_idle(f))
		return 0;
	uint64_t pair = dice_text(dice_text(dice_mix(0, THROW_NUMBER), account), destination);
	uint64_t number = dice_mix(pair, census_next(&f->census, pair));
	return number ? number : 1;
}

/* A submit that a rate would let through takes its place, also if another fault strikes it. */
static bool is_over_rate(struct faults *f, const struct fault *fault, int64_t now_us)
{
	struct bucket *b = &f->buckets[fault - f->script.faults];
	double rate = (double)fault->above_per_s;

	if (!fault->above_per_s)
		return true;
	if (now_us > b->as_of_us) {
		b->room += rate * (double)(now_us - b->as_of_us) / (double)CLOCK_S;
		b->as_of_us = now_us;
	}
	if (b->room > rate)
		b->room = rate;
	if (b->room < 1)
		return true;
	b->room -= 1;
	return false;
}

static uint32_t sequence_add(const struct fault *fault)
{
	int64_t add = fault->by % (int64_t)SEQUENCE_MAX;

	return (uint32_t)(add < 0 ? add + (int64_t)SEQUENCE_MAX : add);
}

/* False: this fault does not show in what was decided already. */
static bool submit_decide(const struct fault *fault, struct fault_submit *out)
{
	bool refused = out->status != 0;

	switch (fault->what) {
	case FAULT_THROTTLE:
	case FAULT_REFUSE:
	case FAULT_GENERIC_NACK:
		if (refused || out->silent)
			return false;
		out->status = (uint32_t)fault->status;
		out->nack = fault->what == FAULT_GENERIC_NACK;
		out->nack_zero = fault->zero;
		return true;
	case FAULT_SILENCE:
		if (refused || out->silent || fault->of != FAULT_OF_SUBMIT_RESP)
			return false;
		return out->silent = true;
	case FAULT_LOSS:
		if (refused || out->lost || fault->of != FAULT_OF_MESSAGE)
			return false;
		return out->lost = true;
	case FAULT_SEQUENCE:
		if (out->silent || out->sequence_add)
			return false;
		out->sequence_add = sequence_add(fault);
		return true;
	default:
		return false;
	}
}

struct fault_submit faults_submit(struct faults *f, int64_t now_us, const struct fault_subject *s)
{
	struct fault_submit out = {0};

	if (faults_idle(f))
		return out;
	for (size_t i = 0; i < f->script.count; i++) {
		const struct fault *fault = &f->script.faults[i];
		if (strikes(f, fault, now_us, s) && is_over_rate(f, fault, now_us) &&
		    submit_decide(fault, &out))
			fault_hit(f, fault);
	}
	if (out.status)
		out.lost = false;
	if (!out.silent)
		out.delay_us = delay_of(f, FAULT_OF_SUBMIT_RESP, now_us, s);
	return out;
}

static enum fault_outcome outcome_of(const struct fault *fault)
{
	switch (fault->what) {
	case FAULT_ABSENT:
		return FAULT_OUTCOME_ABSENT;
	case FAULT_MEMORY_FULL:
		return FAULT_OUTCOME_FULL;
	case FAULT_FAIL:
		return FAULT_OUTCOME_FAILED;
	case FAULT_LOSS:
		return fault->of == FAULT_OF_DELIVERY ? FAULT_OUTCOME_LOST : FAULT_OUTCOME_NONE;
	default:
		return FAULT_OUTCOME_NONE;
	}
}

struct fault_attempt faults_attempt(struct faults *f, int64_t now_us, const struct fault_subject *s)
{
	struct fault_attempt out = {FAULT_OUTCOME_NONE, 0};

	for (size_t i = 0; i < f->script.count && out.outcome == FAULT_OUTCOME_NONE; i++) {
		const struct fault *fault = &f->script.faults[i];
		enum fault_outcome outcome = outcome_of(fault);
		if (outcome == FAULT_OUTCOME_NONE || !strikes(f, fault, now_us, s))
			continue;
		fault_hit(f, fault);
		out.outcome = outcome;
	}
	if (out.outcome == FAULT_OUTCOME_NONE)
		out.copies = copies_of(f, FAULT_OF_DELIVERY, now_us, s);
	return out;
}

int64_t faults_attempt_delay_us(struct faults *f, int64_t now_us, const struct fault_subject *s)
{
	return delay_of(f, FAULT_OF_DELIVERY, now_us, s);
}

struct fault_receipt faults_receipt(struct faults *f, int64_t now_us, const struct fault_subject *s)
{
	struct fault_receipt out = {false, 0, 0};

	for (size_t i = 0; i < f->script.count; i++) {
		const struct fault *fault = &f->script.faults[i];
		if (is_of(fault, FAULT_LOSS, FAULT_OF_RECEIPT) && strikes(f, fault, now_us, s)) {
			fault_hit(f, fault);
			out.never = true;
			return out;
		}
	}
	out.copies = copies_of(f, FAULT_OF_RECEIPT, now_us, s);
	out.delay_us = delay_of(f, FAULT_OF_RECEIPT, now_us, s);
	return out;
}
