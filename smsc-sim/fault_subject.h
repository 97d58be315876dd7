/* fault_subject -- a message as the faults see it
 *
 * Its identity is drawn from its account and destination and the how manieth between them it is
 * (faults_number). A submit has it from its beginning; what had none (a phone's, one from the disk,
 * one that was there before there were faults) gets it when a fault first looks at it.
 *
 * THREADS the loop's
 */
#ifndef HATO_SMSC_SIM_FAULT_SUBJECT_H
#define HATO_SMSC_SIM_FAULT_SUBJECT_H

#include "smsc-sim/smsc.h"

/* Its texts are the message's and the account's. */
struct fault_subject fault_subject(struct smsc *s, struct message *m, unsigned attempt);

#endif
