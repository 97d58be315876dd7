/* dice -- chance that can be played again: numbers from what a thing is, not from when it came
 *
 * There is no state that moves on: a draw is a function of the seed and of the names of what it is
 * drawn for (mixed one after the other), so the same message has the same luck however threads,
 * links and clocks interleave. The mixing is splitmix64's; no secret may be made with it.
 *
 * OWNERSHIP  values. THREADS any. ERRORS none
 * UNITS      microseconds (`_us`)
 * SEE        Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014); Box and
 *            Muller (1958)
 */
#ifndef HATO_SMSC_SIM_DICE_H
#define HATO_SMSC_SIM_DICE_H

#include <stdint.h>

enum spread_kind { SPREAD_CONSTANT, SPREAD_UNIFORM, SPREAD_EXPONENTIAL, SPREAD_NORMAL };

/* A distribution of durations. What each kind needs is there, the rest does not matter. */
struct spread {
	enum spread_kind kind;
	int64_t constant_us;
	int64_t from_us, to_us; /* uniform, both ends within */
	int64_t mean_us;        /* exponential, normal */
	int64_t deviation_us;   /* normal: the standard deviation */
	int64_t most_us;        /* exponential, normal: more is cut to this; 0: no end */
};

uint64_t dice_mix(uint64_t dice, uint64_t with);
uint64_t dice_text(uint64_t dice, const char *text);

double dice_unit(uint64_t dice);                             /* 0 <= x < 1 */
int64_t dice_whole(uint64_t dice, int64_t from, int64_t to); /* from <= x <= to */
/* Never negative: a normal distribution's left end is folded to 0. */
int64_t dice_spread(uint64_t dice, const struct spread *s);

#endif
