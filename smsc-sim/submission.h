/* submission -- what an ESME hands in, judged and made a message
 *
 * The wire format was judged by lib/wire/smpp/smpp; here it is what the fields mean: numbers,
 * times, esm_class, flags, a user data header that ends where the message does, and whether all of
 * it can be brought over the radio. Each refusal is the standard's status. Pure.
 *
 * Numbers are kept as digits without "+". A source may be empty, a name (TON 5) or digits; a
 * destination is 1 to 20 digits.
 *
 * OWNERSHIP  the message is the caller's. THREADS any
 * SEE        SMPP 3.4 4.4, 4.5, 4.7, 5.2; protocols 3.1
 */
#ifndef HATO_SMSC_SIM_SUBMISSION_H
#define HATO_SMSC_SIM_SUBMISSION_H

#include "smsc-sim/message.h"

/* submit_sm, data_sm, or one destination of a submit_multi. SMPP_ROK, or the status to answer with.
 * The sender is not in it yet. */
uint32_t submission_read(const struct smpp_pdu *pdu, const struct smpp_address *destination,
			 int64_t now_us, struct message **out);

/* The times of a replace_sm; 0: not said. */
uint32_t submission_times(const char *schedule, const char *validity, int64_t now_us,
			  int64_t *schedule_us, int64_t *expires_us);

/* RINVSRCADR, RINVDSTADR: no number of ours. */
uint32_t submission_source(const struct smpp_address *a, struct party *out);
uint32_t submission_destination(const struct smpp_address *a, struct party *out);

#endif
