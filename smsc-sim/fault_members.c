#include "smsc-sim/fault_members.h"

#include <string.h>

#define BIT(what)   (1u << (what))
#define EVERY       (BIT(FAULT_WHATS) - 1)
#define DAY_S       86400.0
#define LONG_MS     (DAY_S * 1000.0)
#define PDUS_MOST   1e9
#define RATE_MOST   1e6
#define STATUS_MOST 1023.0 /* 0x400 and above are vendors' own, but 3.4 keeps them for itself */
#define SHIFT_MOST  1e9

#define RTHROTTLED 0x58
#define RMSGQFUL   0x14
#define RINVCMDID  0x03

#define AT(field)      offsetof(struct fault, field), sizeof(((struct fault *)0)->field)
#define NUMBERS        0, 0
#define WORDS(table)   0, 0, table
#define BOUNDS(lo, hi) lo, hi, NULL

const char *const fault_what_names[FAULT_WHATS + 1] = {
	[FAULT_DELAY] = "delay",
	[FAULT_LOSS] = "loss",
	[FAULT_DUPLICATE] = "duplicate",
	[FAULT_REORDER] = "reorder",
	[FAULT_THROTTLE] = "throttle",
	[FAULT_REFUSE] = "refuse",
	[FAULT_GENERIC_NACK] = "generic_nack",
	[FAULT_SEQUENCE] = "sequence",
	[FAULT_SILENCE] = "silence",
	[FAULT_CUT] = "cut",
	[FAULT_ABSENT] = "absent",
	[FAULT_MEMORY_FULL] = "memory_full",
	[FAULT_FAIL] = "fail",
};
static const char *const of_names[FAULT_OFS + 1] = {
	[FAULT_OF_SUBMIT_RESP] = "submit_resp",
	[FAULT_OF_DELIVERY] = "delivery",
	[FAULT_OF_RECEIPT] = "receipt",
	[FAULT_OF_MESSAGE] = "message",
	[FAULT_OF_ALL] = "all",
};
static const char *const per_names[FAULT_PERS + 1] = {
	[FAULT_PER_EACH] = "each",
	[FAULT_PER_MESSAGE] = "message",
	[FAULT_PER_DESTINATION] = "destination",
};
static const char *const spread_names[] = {
	[SPREAD_CONSTANT] = "constant",
	[SPREAD_UNIFORM] = "uniform",
	[SPREAD_EXPONENTIAL] = "exponential",
	[SPREAD_NORMAL] = "normal",
	NULL,
};

#define OF_SOME                                                                                    \
	(BIT(FAULT_DELAY) | BIT(FAULT_LOSS) | BIT(FAULT_DUPLICATE) | BIT(FAULT_REORDER) |          \
	 BIT(FAULT_SILENCE))
#define BY_SHARE (EVERY & ~BIT(FAULT_CUT))

const struct member fault_members[] = {
	{"of", MEMBER_WORD, AT(of), WORDS(of_names), OF_SOME, false},
	{"at", MEMBER_SECONDS, AT(at_us), BOUNDS(0, 365 * DAY_S), EVERY, false},
	{"until", MEMBER_SECONDS, AT(until_us), BOUNDS(0, 365 * DAY_S), EVERY, false},
	{"share", MEMBER_NUMBER, AT(share), BOUNDS(0, 1), BY_SHARE, false},
	{"per", MEMBER_WORD, AT(per), WORDS(per_names), BY_SHARE, false},
	{"account", MEMBER_TEXT, AT(account), BOUNDS(0, 0), EVERY, false},
	{"destination", MEMBER_DIGITS, AT(destination), BOUNDS(0, 0), BY_SHARE, false},
	{"note", MEMBER_TEXT, AT(note), BOUNDS(0, 0), EVERY, false},
	{"distribution", MEMBER_WORD, AT(spread.kind), WORDS(spread_names), BIT(FAULT_DELAY),
	 false},
	{"ms", MEMBER_MS, AT(spread.constant_us), BOUNDS(0, LONG_MS), BIT(FAULT_DELAY), true},
	{"from_ms", MEMBER_MS, AT(spread.from_us), BOUNDS(0, LONG_MS), BIT(FAULT_DELAY), false},
	{"to_ms", MEMBER_MS, AT(spread.to_us), BOUNDS(0, LONG_MS), BIT(FAULT_DELAY), true},
	{"mean_ms", MEMBER_MS, AT(spread.mean_us), BOUNDS(0, LONG_MS), BIT(FAULT_DELAY), true},
	{"deviation_ms", MEMBER_MS, AT(spread.deviation_us), BOUNDS(0, LONG_MS), BIT(FAULT_DELAY),
	 true},
	{"max_ms", MEMBER_MS, AT(spread.most_us), BOUNDS(1, LONG_MS), BIT(FAULT_DELAY), false},
	{"copies", MEMBER_WHOLE, AT(copies), BOUNDS(1, FAULT_COPIES_MAX), BIT(FAULT_DUPLICATE),
	 false},
	{"within_ms", MEMBER_MS, AT(within_us), BOUNDS(1, LONG_MS), BIT(FAULT_REORDER), true},
	{"above_per_s", MEMBER_WHOLE, AT(above_per_s), BOUNDS(1, RATE_MOST), BIT(FAULT_THROTTLE),
	 false},
	{"status", MEMBER_WHOLE, AT(status), BOUNDS(1, STATUS_MOST),
	 BIT(FAULT_THROTTLE) | BIT(FAULT_REFUSE) | BIT(FAULT_GENERIC_NACK), false},
	{"by", MEMBER_WHOLE, AT(by), BOUNDS(-SHIFT_MOST, SHIFT_MOST), BIT(FAULT_SEQUENCE), false},
	{"zero", MEMBER_FLAG, AT(zero), BOUNDS(0, 0), BIT(FAULT_GENERIC_NACK), false},
	{"after_pdus", MEMBER_WHOLE, AT(after_pdus), BOUNDS(1, PDUS_MOST), BIT(FAULT_CUT), false},
	{"to_pdus", MEMBER_WHOLE, AT(to_pdus), BOUNDS(1, PDUS_MOST), BIT(FAULT_CUT), false},
	{"answered", MEMBER_FLAG, AT(answered), BOUNDS(0, 0), BIT(FAULT_CUT), false},
	{"every_s", MEMBER_SECONDS, AT(every_us), BOUNDS(0.1, DAY_S), BIT(FAULT_CUT), false},
	{"down_s", MEMBER_SECONDS, AT(down_us), BOUNDS(0, DAY_S), BIT(FAULT_CUT), false},
	{NULL, MEMBER_FLAG, 0, 0, BOUNDS(0, 0), 0, false},
};

unsigned fault_ofs(enum fault_what what)
{
	switch (what) {
	case FAULT_DELAY:
	case FAULT_REORDER:
		return BIT(FAULT_OF_SUBMIT_RESP) | BIT(FAULT_OF_DELIVERY) | BIT(FAULT_OF_RECEIPT);
	case FAULT_LOSS:
		return BIT(FAULT_OF_MESSAGE) | BIT(FAULT_OF_DELIVERY) | BIT(FAULT_OF_RECEIPT);
	case FAULT_DUPLICATE:
		return BIT(FAULT_OF_DELIVERY) | BIT(FAULT_OF_RECEIPT);
	case FAULT_SILENCE:
		return BIT(FAULT_OF_SUBMIT_RESP) | BIT(FAULT_OF_ALL);
	default:
		return 0;
	}
}

/* What stands in the row is what a person most likely means by the bare word. */
void fault_defaults(enum fault_what what, struct fault *out)
{
	*out = (struct fault){.what = what, .until_us = FAULT_NEVER_US, .share = 1, .copies = 1};
	switch (what) {
	case FAULT_LOSS:
		out->of = FAULT_OF_MESSAGE;
		break;
	case FAULT_DELAY:
	case FAULT_DUPLICATE:
	case FAULT_REORDER:
		out->of = FAULT_OF_DELIVERY;
		break;
	case FAULT_THROTTLE:
		out->status = RTHROTTLED;
		break;
	case FAULT_GENERIC_NACK:
		out->status = RINVCMDID;
		break;
	case FAULT_SEQUENCE:
		out->by = 1;
		break;
	case FAULT_ABSENT:
	case FAULT_MEMORY_FULL:
	case FAULT_FAIL: /* a share of the phones, not of the attempts */
		out->per = FAULT_PER_DESTINATION;
		break;
	default:
		break;
	}
}

bool fault_has_member(const struct fault *f, const struct member *m)
{
	if (!(m->whats & BIT(f->what)))
		return false;
	if (m->whats != BIT(FAULT_DELAY) || m->kind != MEMBER_MS)
		return true;
	switch (f->spread.kind) {
	case SPREAD_CONSTANT:
		return m->offset == offsetof(struct fault, spread.constant_us);
	case SPREAD_UNIFORM:
		return m->offset == offsetof(struct fault, spread.from_us) ||
		       m->offset == offsetof(struct fault, spread.to_us);
	case SPREAD_EXPONENTIAL:
		return m->offset == offsetof(struct fault, spread.mean_us) ||
		       m->offset == offsetof(struct fault, spread.most_us);
	case SPREAD_NORMAL:
		return m->offset == offsetof(struct fault, spread.mean_us) ||
		       m->offset == offsetof(struct fault, spread.deviation_us) ||
		       m->offset == offsetof(struct fault, spread.most_us);
	}
	return false;
}

static const char *cut_misfit(const struct fault *f, const char **member)
{
	*member = "to_pdus";
	if (f->to_pdus && !f->after_pdus)
		return "goes with after_pdus";
	if (f->to_pdus && f->to_pdus < f->after_pdus)
		return "is less than after_pdus";
	*member = "every_s";
	if (f->every_us && f->after_pdus)
		return "is of a cut by the clock, not of one after PDUs";
	*member = "answered";
	if (f->answered && !f->after_pdus)
		return "goes with after_pdus";
	return NULL;
}

const char *fault_misfit(const struct fault *f, const char **member)
{
	*member = "until";
	if (f->until_us <= f->at_us)
		return "must be after `at`";
	*member = "from_ms";
	if (f->what == FAULT_DELAY && f->spread.kind == SPREAD_UNIFORM &&
	    f->spread.from_us > f->spread.to_us)
		return "is more than to_ms";
	*member = "status";
	if (f->what == FAULT_THROTTLE && f->status != RTHROTTLED && f->status != RMSGQFUL)
		return "of a throttle is 88 (RTHROTTLED) or 20 (RMSGQFUL); `refuse` takes others";
	if (f->what == FAULT_REFUSE && !f->status)
		return "is needed: the command_status to answer with";
	*member = "by";
	if (f->what == FAULT_SEQUENCE && !f->by)
		return "must not be 0";
	return f->what == FAULT_CUT ? cut_misfit(f, member) : NULL;
}
