/* fault_links -- cuts of links and silence on them */
#include <stddef.h>

#include "smsc-sim/faults_private.h"

static bool is_by_clock(const struct fault *fault)
{
	return fault->what == FAULT_CUT && !fault->after_pdus;
}

/* The first cut after `after_us`, both since the script began; FAULT_NEVER_US: none. */
static int64_t cut_after(const struct fault *fault, int64_t after_us)
{
	int64_t at_us = fault->at_us;

	if (at_us <= after_us) {
		if (!fault->every_us)
			return FAULT_NEVER_US;
		at_us += ((after_us - at_us) / fault->every_us + 1) * fault->every_us;
	}
	return at_us < fault->until_us ? at_us : FAULT_NEVER_US;
}

int64_t faults_next_us(const struct faults *f)
{
	int64_t next_us = FAULT_NEVER_US;

	for (size_t i = 0; i < f->script.count; i++) {
		const struct fault *fault = &f->script.faults[i];
		if (!is_by_clock(fault))
			continue;
		int64_t at_us = cut_after(fault, f->turned_us - f->began_us);
		if (at_us != FAULT_NEVER_US && f->began_us + at_us < next_us)
			next_us = f->began_us + at_us;
	}
	return next_us;
}

void faults_turn(struct faults *f, int64_t now_us)
{
	f->turned_before_us = f->turned_us;
	if (now_us > f->turned_us)
		f->turned_us = now_us;
}

bool faults_cut_due(struct faults *f, const char *account)
{
	for (size_t i = 0; i < f->script.count; i++) {
		const struct fault *fault = &f->script.faults[i];
		if (!is_by_clock(fault) || !fault_is_account(fault, account))
			continue;
		if (cut_after(fault, f->turned_before_us - f->began_us) <=
		    f->turned_us - f->began_us) {
			fault_hit(f, fault);
			return true;
		}
	}
	return false;
}

/* ---- a link ---- */

/* Is this fault's last cut so near that links stay down? */
static bool is_down(const struct faults *f, size_t i, int64_t now_us)
{
	const struct fault *fault = &f->script.faults[i];
	int64_t before_us = now_us - f->began_us - fault->down_us;

	if (!fault->down_us || fault->what != FAULT_CUT)
		return false;
	if (!is_by_clock(fault))
		return now_us < f->down_until_us[i];
	return cut_after(fault, before_us) <= now_us - f->began_us;
}

static void link_enter(struct faults *f, const char *account, struct fault_link *link)
{
	uint64_t name = dice_text(dice_mix(0, THROW_LINK), account);

	link->number = census_next(&f->census, name);
	link->pdus = 0;
	link->day = f->day;
}

bool faults_link_begin(struct faults *f, int64_t now_us, const char *account,
		       struct fault_link *link)
{
	if (faults_idle(f))
		return true;
	for (size_t i = 0; i < f->script.count; i++)
		if (fault_is_account(&f->script.faults[i], account) && is_down(f, i, now_us))
			return false;
	link_enter(f, account, link);
	return true;
}

static bool is_enough(const struct faults *f, const struct fault *fault, const char *account,
		      const struct fault_link *link)
{
	int64_t pdus = fault->after_pdus;

	if (fault->to_pdus) {
		uint64_t dice = dice_text(fault_throw(f, fault, THROW_PDUS), account);
		pdus = dice_whole(dice_mix(dice, link->number), pdus, fault->to_pdus);
	}
	return link->pdus >= (uint64_t)pdus;
}

static bool is_silent(const struct faults *f, const struct fault *fault, const char *account,
		      const struct fault_link *link)
{
	uint64_t dice = dice_text(fault_throw(f, fault, THROW_SHARE), account);

	if (fault->per != FAULT_PER_DESTINATION)
		dice = dice_mix(dice, link->number);
	if (fault->per == FAULT_PER_EACH)
		dice = dice_mix(dice, link->pdus);
	return fault_is_drawn(fault, dice);
}

struct fault_pdu faults_link_pdu(struct faults *f, int64_t now_us, const char *account,
				 struct fault_link *link)
{
	struct fault_pdu out = {false, false, false};

	if (faults_idle(f))
		return out;
	if (link->day != f->day)
		link_enter(f, account, link);
	link->pdus++;
	for (size_t i = 0; i < f->script.count; i++) {
		const struct fault *fault = &f->script.faults[i];
		if (!fault_is_on(fault, now_us - f->began_us) || !fault_is_account(fault, account))
			continue;
		if (fault->what == FAULT_CUT && fault->after_pdus && !out.cut &&
		    is_enough(f, fault, account, link)) {
			fault_hit(f, fault);
			out.cut = true;
			out.answer = fault->answered;
			f->down_until_us[i] = now_us + fault->down_us;
		} else if (fault->what == FAULT_SILENCE && fault->of == FAULT_OF_ALL &&
			   !out.silent && is_silent(f, fault, account, link)) {
			fault_hit(f, fault);
			out.silent = true;
		}
	}
	return out;
}
