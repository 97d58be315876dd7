#include "smsc-sim/dice.h"

#include <math.h>

#define LONGEST_US (INT64_C(1) << 52) /* of a duration: a double holds each one up to it */

uint64_t dice_mix(uint64_t dice, uint64_t with)
{
	uint64_t z = (dice ^ with) + UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* The length comes last, so that "a" and "a" with something empty behind it are two texts. */
uint64_t dice_text(uint64_t dice, const char *text)
{
	uint64_t length = 0;

	for (; text[length]; length++)
		dice = dice_mix(dice, (uint8_t)text[length]);
	return dice_mix(dice, length);
}

double dice_unit(uint64_t dice)
{
	return (double)(dice >> 11) * 0x1p-53;
}

int64_t dice_whole(uint64_t dice, int64_t from, int64_t to)
{
	if (to <= from)
		return from;
	return from + (int64_t)(dice % ((uint64_t)(to - from) + 1));
}

static int64_t duration(double us, int64_t most_us)
{
	int64_t most = most_us > 0 && most_us < LONGEST_US ? most_us : LONGEST_US;

	if (!(us > 0))
		return 0;
	return us < (double)most ? (int64_t)us : most;
}

static double exponential(uint64_t dice, double mean)
{
	return -mean * log(1.0 - dice_unit(dice));
}

static double normal(uint64_t dice, double mean, double deviation)
{
	static const double turn = 6.283185307179586;
	double radius = sqrt(-2.0 * log(1.0 - dice_unit(dice)));

	return mean + deviation * radius * cos(turn * dice_unit(dice_mix(dice, 1)));
}

int64_t dice_spread(uint64_t dice, const struct spread *s)
{
	switch (s->kind) {
	case SPREAD_CONSTANT:
		return s->constant_us > 0 ? s->constant_us : 0;
	case SPREAD_UNIFORM:
		return dice_whole(dice, s->from_us, s->to_us);
	case SPREAD_EXPONENTIAL:
		return duration(exponential(dice, (double)s->mean_us), s->most_us);
	case SPREAD_NORMAL:
		return duration(normal(dice, (double)s->mean_us, (double)s->deviation_us),
				s->most_us);
	}
	return 0;
}
