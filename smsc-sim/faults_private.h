/* faults_private -- the state behind faults.h, for its two files: messages (faults.c) and links
 * (fault_links.c) */
#ifndef HATO_SMSC_SIM_FAULTS_PRIVATE_H
#define HATO_SMSC_SIM_FAULTS_PRIVATE_H

#include "smsc-sim/census.h"
#include "smsc-sim/faults.h"

struct faults {
	uint64_t seed; /* of a script that has none */
	struct fault_script script;
	int64_t began_us;
	uint64_t day; /* the how manieth script */
	struct census census;
	uint64_t hits[FAULTS_MAX];
	uint64_t hits_of[FAULT_WHATS];
	/* Of a throttle above a rate: how many submits it lets through now, and as of when. */
	struct bucket {
		double room;
		int64_t as_of_us;
	} buckets[FAULTS_MAX];
	int64_t turned_before_us, turned_us; /* the cuts between them are due */
	int64_t down_until_us[FAULTS_MAX];   /* of a cut after PDUs */
};

/* What a draw is for, so that one fault's share, its delay and its order are three throws. */
enum throw { THROW_SHARE, THROW_SPREAD, THROW_PDUS, THROW_NUMBER, THROW_LINK };

uint64_t fault_throw(const struct faults *f, const struct fault *fault, enum throw what);
bool fault_is_drawn(const struct fault *fault, uint64_t dice);
bool fault_is_on(const struct fault *fault, int64_t elapsed_us);
bool fault_is_account(const struct fault *fault, const char *account);
void fault_hit(struct faults *f, const struct fault *fault);

#endif
